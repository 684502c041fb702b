"""Arrays that a user hands in and gets back: ``.npy`` files, read with one sentence for whatever is wrong."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ternc.errors import DataError

_MAGIC = b"\x93NUMPY"


def read_array(path: Path) -> NDArray[Any]:
    """The array of a ``.npy`` file.

    Raises:
        DataError: No such file, not a ``.npy`` file, cut short, or not numbers.
    """
    try:
        with path.open("rb") as file:
            if file.read(len(_MAGIC)) != _MAGIC:
                raise DataError(
                    f"{path}: must be a .npy file, but it is not", help="write it with numpy.save"
                )
            file.seek(0)
            array: NDArray[Any] = np.lib.format.read_array(file, allow_pickle=False)
    except FileNotFoundError:
        raise DataError(f"{path}: no such file") from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})") from None
    except (ValueError, EOFError, MemoryError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DataError(f"{path}: must be a whole .npy file of numbers, but: {reason}") from None
    if array.dtype.kind not in "biuf":
        raise DataError(f"{path}: must hold integers or floats, not {array.dtype}")
    return array


def write_array(path: Path, array: NDArray[Any]) -> None:
    """Write a ``.npy`` file, whole or not at all.

    Raises:
        OSError: The place cannot be written to.
    """
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with part.open("wb") as file:
            np.lib.format.write_array(file, array, allow_pickle=False)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
