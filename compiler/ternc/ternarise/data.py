"""Calibration data: the network's inputs and, where there are any, labels."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ternc.errors import DataError
from ternc.frontend.graph import InputInfo
from ternc.npy import read_arrays

LABELS = ("y", "label", "labels")
INPUT = "x"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Data:
    """Frames to calibrate with and to compare on.

    Attributes:
        file: The file's name.
        digest: Its SHA-256.
        inputs: ``[N, ...]`` by ONNX name, of the inputs' own types, finite; N at least 1.
        labels: int64 ``[N, ...]``: the right class of each frame (or of each of its pixels); None without.
    """

    file: str
    digest: str
    inputs: Mapping[str, NDArray[Any]]
    labels: NDArray[np.int64] | None

    @property
    def frames(self) -> int:
        """How many there are."""
        return len(next(iter(self.inputs.values())))


def read_data(path: Path, inputs: Sequence[InputInfo]) -> Data:
    """Read a ``.npz`` file with an array for each input and labels, or a ``.npy`` file with the only input.

    An input's array has the input's name; that of the only input may also be called ``x``, or be the only array
    that is no label. Labels are called ``y``, ``label`` or ``labels``.

    Raises:
        DataError: No such file; an array is missing, has another shape or number of frames, or is not finite.
    """
    given = read_arrays(path)
    arrays = given if isinstance(given, dict) else {INPUT: given}
    chosen = {info.name: _chosen(path, arrays, info, alone=len(inputs) == 1) for info in inputs}
    taken = set(chosen.values())
    found = {info.name: _frames(path, chosen[info.name], arrays[chosen[info.name]], info) for info in inputs}
    frames = len(found[inputs[0].name])
    for name, array in found.items():
        if len(array) != frames:
            raise DataError(
                f"{path}: all inputs must have as many frames as '{inputs[0].name}', {frames}, "
                f"but '{name}' has {len(array)}"
            )
    key = next((name for name in LABELS if name in arrays and name not in taken), None)
    return Data(
        file=path.name,
        digest=hashlib.sha256(path.read_bytes()).hexdigest(),
        inputs=found,
        labels=None if key is None else _labels(path, key, arrays[key], frames),
    )


def _chosen(path: Path, arrays: Mapping[str, NDArray[Any]], info: InputInfo, *, alone: bool) -> str:
    """The name of an input's array in the file."""
    if info.name in arrays:
        return info.name
    others = [name for name in arrays if name not in LABELS]
    if alone and INPUT in arrays:
        return INPUT
    if alone and len(others) == 1:
        return others[0]
    listed = ", ".join(f"'{name}'" for name in arrays) or "nothing"
    wanted = f"'{info.name}' or '{INPUT}'" if alone and info.name != INPUT else f"'{info.name}'"
    raise DataError(f"{path}: must hold the frames of input '{info.name}' as {wanted}, but holds {listed}")


def _frames(path: Path, name: str, array: NDArray[Any], info: InputInfo) -> NDArray[Any]:
    place = f"{path}: array '{name}'"
    shape = "[" + ", ".join(["N", *("?" if n is None else str(n) for n in info.shape[1:])]) + "]"
    fits = array.ndim == len(info.shape) and all(
        n is None or n == m for n, m in zip(info.shape[1:], array.shape[1:], strict=True)
    )
    if not fits:
        raise DataError(
            f"{place}: must have the shape {shape} of input '{info.name}', but has {list(array.shape)}"
        )
    if not len(array):
        raise DataError(f"{place}: must hold frames, but is empty")
    if array.dtype.kind == "f" and not np.all(np.isfinite(array)):
        at = np.argwhere(~np.isfinite(array))[0].tolist()
        raise DataError(f"{place}: must hold finite numbers, but value {at} is {array[tuple(at)]}")
    dtype = np.dtype(info.dtype)
    with np.errstate(all="ignore"):
        values = array.astype(dtype)
    changed = ~np.isfinite(values) if dtype.kind == "f" else values != array
    if np.any(changed):
        at = np.argwhere(changed)[0].tolist()
        raise DataError(
            f"{place}: must hold {info.dtype} as input '{info.name}' does, but value {at} is {array[tuple(at)]}"
        )
    return values


def _labels(path: Path, name: str, array: NDArray[Any], frames: int) -> NDArray[np.int64]:
    place = f"{path}: labels '{name}'"
    if array.ndim < 1 or len(array) != frames:
        raise DataError(
            f"{place}: must be one for each of {frames} frames, but their shape is {list(array.shape)}"
        )
    with np.errstate(invalid="ignore"):
        values = array.astype(np.int64)
    if np.any(values != array) or np.any(values < 0):
        raise DataError(f"{place}: must be class numbers, integers from 0 up")
    return values[:, 0] if values.ndim == 2 and values.shape[1] == 1 else values
