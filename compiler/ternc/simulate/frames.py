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
from ternc.npy import read_array


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
    x = read_array(path)
    codes = host.encode(network.prologue, network.input, x[:limit])
    if len(codes) == 0:
        raise DataError(f"{path}: must hold at least one frame, but is empty")
    return Frames(x=x[: len(codes)].astype(network.prologue.dtype), codes=codes)


def chosen(network: Network, count: int, seed: int) -> Frames:
    """``count`` frames, at least 1: the corners of the input's range, then random codes."""
    tensor = network.input
    edges = corners(tensor)[:count]
    codes = np.concatenate([edges, host.random_codes(tensor, count - len(edges), seed)])
    return Frames(x=host.real_input(network.prologue, tensor, codes), codes=codes)


def corners(tensor: Tensor) -> NDArray[np.int64]:
    """All lowest, all highest, all zero: ``[3, C, H, W]``."""
    shape = (tensor.channels, tensor.height, tensor.width)
    return np.stack([np.full(shape, code, np.int64) for code in (tensor.range.low, tensor.range.high, 0)])
