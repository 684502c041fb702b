"""The frames that a verification runs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ternc.errors import DataError
from ternc.network import host
from ternc.network.layers import Network, Tensor


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Frames:
    """The same frames for the ONNX model and for the integer network.

    Attributes:
        x: ONNX input ``[N, *prologue.shape]``.
        codes: int64 ``[N, C, H, W]``: what the host makes of it.
    """

    x: NDArray[Any]
    codes: NDArray[np.int64]


def given(network: Network, path: Path, limit: int | None) -> Frames:
    """The user's frames, at most ``limit`` of them.

    Raises:
        DataError: Not a .npy file, or not inputs of this network.
    """
    try:
        x: NDArray[Any] = np.load(path, allow_pickle=False)
    except FileNotFoundError:
        raise DataError(f"{path}: no such file") from None
    except (OSError, ValueError, EOFError) as error:
        raise DataError(f"{path}: must be a .npy file of numbers, but cannot be read as one") from error
    if not isinstance(x, np.ndarray):
        raise DataError(f"{path}: must be a .npy file, but is an archive")
    codes = host.encode(network.prologue, network.input, x[:limit])
    if len(codes) == 0:
        raise DataError(f"{path}: must hold at least one frame, but is empty")
    return Frames(x=x[: len(codes)].astype(network.prologue.dtype), codes=codes)


def chosen(network: Network, reference: Path, count: int, seed: int) -> Frames:
    """``count`` frames: the corners of the range, random codes, reference inputs (up to half of them).

    Args:
        network: Whose input they are.
        reference: A ``.npz`` file with ONNX inputs ``x``; it need not exist.
        count: At least 1.
        seed: Of the random codes.
    """
    tensor, prologue = network.input, network.prologue
    known = np.zeros((0, *prologue.shape), prologue.dtype)
    if reference.is_file():
        with np.load(reference, allow_pickle=False) as stored:
            known = stored["x"][: count // 2].astype(prologue.dtype)
    made = count - len(known)
    edges = corners(tensor)[:made]
    codes = np.concatenate([edges, host.random_codes(tensor, made - len(edges), seed)])
    x = host.real_input(prologue, tensor, codes)
    if len(known):
        codes = np.concatenate([codes, host.encode(prologue, tensor, known)])
        x = np.concatenate([x, known])
    return Frames(x=x, codes=codes)


def corners(tensor: Tensor) -> NDArray[np.int64]:
    """All lowest, all highest, all zero: ``[3, C, H, W]``."""
    shape = (tensor.channels, tensor.height, tensor.width)
    return np.stack([np.full(shape, code, np.int64) for code in (tensor.range.low, tensor.range.high, 0)])
