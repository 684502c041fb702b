"""Arrays that a user hands in and gets back, in ``.npy`` and ``.npz`` files.

Whatever is wrong with a file is one sentence.
"""

from __future__ import annotations

import io
import os
import zipfile
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from ternc.errors import DataError

_NPY = b"\x93NUMPY"
_ZIP = b"PK"


def read_arrays(path: Path) -> NDArray[Any] | dict[str, NDArray[Any]]:
    """The array of a ``.npy`` file, or the arrays of a ``.npz`` file by name.

    Raises:
        DataError: No such file, neither of the two, cut short, or not numbers.
    """
    try:
        with path.open("rb") as file:
            start = file.read(len(_NPY))
            file.seek(0)
            if start == _NPY:
                return _array(file, str(path))
            if start.startswith(_ZIP):
                return _archive(file, path)
    except FileNotFoundError:
        raise DataError(f"{path}: no such file") from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})") from None
    raise DataError(
        f"{path}: must be a .npy or .npz file, but it is neither",
        help="write it with numpy.save or numpy.savez",
    )


def _archive(file: BinaryIO, path: Path) -> dict[str, NDArray[Any]]:
    try:
        with zipfile.ZipFile(file) as archive:
            names = [name for name in archive.namelist() if name.endswith(".npy")]
            return {
                name.removesuffix(".npy"): _array(
                    io.BytesIO(archive.read(name)), f"{path}: array '{name[:-4]}'"
                )
                for name in names
            }
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise DataError(f"{path}: must be a whole .npz file, but: {error}") from None


def _array(file: BinaryIO, place: str) -> NDArray[Any]:
    try:
        array: NDArray[Any] = np.lib.format.read_array(file, allow_pickle=False)
    except (ValueError, EOFError, MemoryError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DataError(f"{place}: must be a whole .npy file of numbers, but: {reason}") from None
    if array.dtype.kind not in "biuf":
        raise DataError(f"{place}: must hold integers or floats, not {array.dtype}")
    return array


def write_array(path: Path, array: NDArray[Any]) -> None:
    """Write a ``.npy`` file, whole or not at all.

    Raises:
        OSError: The place cannot be written to.
    """
    _write(path, lambda file: np.lib.format.write_array(file, array, allow_pickle=False))


def write_arrays(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write a ``.npz`` file, whole or not at all.

    Raises:
        OSError: The place cannot be written to.
    """

    def write(file: BinaryIO) -> None:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
            for name, array in arrays.items():
                member = io.BytesIO()
                np.lib.format.write_array(member, array, allow_pickle=False)
                archive.writestr(f"{name}.npy", member.getvalue())

    _write(path, write)


def _write(path: Path, write: Callable[[BinaryIO], None]) -> None:
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with part.open("wb") as file:
            write(file)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
