"""A Network on disk: ``network.json`` to read, ``network.npz`` for arrays; equal networks, equal bytes.

Integer arrays are stored in the narrowest signed type that holds them (ternary weights take a byte each); the JSON
has the type that they come back in.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ternc.errors import BuildError
from ternc.network.layers import (
    Anomaly,
    IntRange,
    Linear,
    MultiplyShift,
    Network,
    Output,
    Pool,
    Prologue,
    Proof,
    Staircase,
    Tensor,
    Term,
)
from ternc.network.steps import (
    Add,
    Branch,
    Clamp,
    Divide,
    Function,
    Multiply,
    Normalise,
    Round,
    Sign,
    Thresholds,
)

FORMAT = 3
JSON_NAME = "network.json"
ARRAYS_NAME = "network.npz"

_KINDS: dict[str, type[Any]] = {
    kind.__name__: kind
    for kind in (
        Add, Anomaly, Branch, Clamp, Divide, Function, IntRange, Linear, Multiply, MultiplyShift, Network, Normalise,
        Output, Pool, Prologue, Proof, Round, Sign, Staircase, Tensor, Term, Thresholds,
    )
}  # fmt: skip


def save(network: Network, directory: Path) -> None:
    """Write both files into a directory, which is made if it is missing.

    Law: what is written depends on the network alone, and `load` gives an equal network.
    """
    arrays: dict[str, NDArray[Any]] = {}
    body = _encode(network, "network", arrays)
    packed = _pack(arrays)
    document = {"format": FORMAT, "network": body, "sha256": _digest(body, packed)}
    directory.mkdir(parents=True, exist_ok=True)
    (directory / JSON_NAME).write_text(
        json.dumps(document, indent=1, sort_keys=True) + "\n", encoding="utf-8"
    )
    (directory / ARRAYS_NAME).write_bytes(packed)


def load(directory: Path) -> Network:
    """Read what `save` wrote.

    Raises:
        BuildError: A file is missing, damaged, or of another format.
    """
    try:
        text = (directory / JSON_NAME).read_text(encoding="utf-8")
        packed = (directory / ARRAYS_NAME).read_bytes()
    except (OSError, UnicodeDecodeError) as error:
        raise BuildError(f"{directory}: cannot read the stored network: {error}") from error
    try:
        document = json.loads(text)
        version, body, digest = document["format"], document["network"], document["sha256"]
    except (ValueError, KeyError, TypeError) as error:
        raise _damaged(directory / JSON_NAME) from error
    if version != FORMAT:
        raise BuildError(
            f"{directory / JSON_NAME}: must be format {FORMAT}, but is format {version}",
            help="build it again with this version of ternc",
        )
    if digest != _digest(body, packed):
        raise BuildError(
            f"{directory}: {JSON_NAME} and {ARRAYS_NAME} must match their checksum, but do not",
            help="build it again",
        )
    try:
        with np.load(io.BytesIO(packed), allow_pickle=False) as arrays:
            network = _decode(body, arrays)
    except (ValueError, KeyError, TypeError, OSError, zipfile.BadZipFile) as error:
        raise _damaged(directory / JSON_NAME) from error
    if not isinstance(network, Network):
        raise _damaged(directory / JSON_NAME)
    return network


def equal(a: Any, b: Any) -> bool:
    """Deep equality of two networks, or of two parts of them: same kinds, dtypes, shapes and values."""
    if type(a) is not type(b):
        return False
    if isinstance(a, np.ndarray):
        return bool(a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes())
    if is_dataclass(a):
        return all(equal(getattr(a, f.name), getattr(b, f.name)) for f in fields(a))
    if isinstance(a, tuple):
        return len(a) == len(b) and all(equal(p, q) for p, q in zip(a, b, strict=True))
    return bool(a == b)


def _damaged(path: Path) -> BuildError:
    return BuildError(f"{path}: must be a network that ternc stored, but is damaged", help="build it again")


def _encode(value: Any, place: str, arrays: dict[str, NDArray[Any]]) -> Any:
    """To JSON; arrays go to ``arrays`` under the place where they were found."""
    if isinstance(value, np.ndarray):
        arrays[place] = _narrow(value)
        return {"array": place, "dtype": value.dtype.name, "shape": list(value.shape)}
    if isinstance(value, bytes):
        arrays[place] = np.frombuffer(value, np.uint8)
        return {"bytes": place}
    if is_dataclass(value) and not isinstance(value, type):
        parts = {f.name: _encode(getattr(value, f.name), f"{place}.{f.name}", arrays) for f in fields(value)}
        return {"is": type(value).__name__, **parts}
    if isinstance(value, tuple):
        return [_encode(item, f"{place}.{i}", arrays) for i, item in enumerate(value)]
    if value is None or isinstance(value, bool | int | float | str):
        return value  # json writes a float with repr, which reads back as the same float
    raise TypeError(f"{place}: {type(value).__name__} has no stored form")


def _decode(value: Any, arrays: Any) -> Any:
    if isinstance(value, list):
        return tuple(_decode(item, arrays) for item in value)
    if not isinstance(value, dict):
        return value
    if "array" in value:
        array = arrays[value["array"]]
        if list(array.shape) != value["shape"] or not np.can_cast(array.dtype, value["dtype"]):
            raise ValueError(value["array"])
        return array.astype(value["dtype"])
    if "bytes" in value:
        return bytes(arrays[value["bytes"]])
    kind = _KINDS[value["is"]]
    return kind(**{name: _decode(part, arrays) for name, part in value.items() if name != "is"})


def _narrow(array: NDArray[Any]) -> NDArray[Any]:
    """The same integers in the narrowest type; anything else as it is."""
    if array.dtype.kind != "i" or array.size == 0:
        return array
    ends = int(array.min()), int(array.max())
    types = (np.int8, np.int16, np.int32, np.int64)
    found = next(t for t in types if np.iinfo(t).min <= ends[0] and ends[1] <= np.iinfo(t).max)
    return array.astype(found)


def _pack(arrays: dict[str, NDArray[Any]]) -> bytes:
    """An uncompressed .npz with fixed dates, little-endian and C-ordered."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(arrays):
            entry = zipfile.ZipInfo(f"{name}.npy", (1980, 1, 1, 0, 0, 0))
            entry.create_system = 3
            entry.external_attr = 0o644 << 16
            member = io.BytesIO()
            array = arrays[name]
            little = np.ascontiguousarray(array).astype(array.dtype.newbyteorder("<"), copy=False)
            np.lib.format.write_array(member, little.reshape(array.shape), version=(1, 0), allow_pickle=False)
            archive.writestr(entry, member.getvalue())
    return packed.getvalue()


def _digest(body: Any, packed: bytes) -> str:
    digest = hashlib.sha256(json.dumps(body, sort_keys=True).encode())
    digest.update(packed)
    return digest.hexdigest()
