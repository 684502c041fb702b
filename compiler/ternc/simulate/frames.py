"""The frames that a verification runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ternc.errors import DataError
from ternc.network import host
from ternc.network.layers import Network, Tensor
from ternc.npy import read_arrays
from ternc.simulate.ends import Codes, Values, encode, named_inputs, real_inputs


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Frames:
    """The same frames for the ONNX model and for the integer network.

    Attributes:
        inputs: ONNX inputs ``[N, ...]`` by name.
        codes: What the host makes of them: of each input tensor, int64 ``[N, C, H, W]``.
    """

    inputs: Values
    codes: tuple[Codes, ...]

    def __len__(self) -> int:
        return len(self.codes[0])


def given(network: Network, path: Path, limit: int | None) -> Frames:
    """The user's frames, at most ``limit`` of them.

    Raises:
        DataError: Not a .npy or .npz file, or not inputs of this network.
    """
    inputs = {name: array[:limit] for name, array in named_inputs(network, read_arrays(path)).items()}
    codes = encode(network, inputs)
    if len(codes[0]) == 0:
        raise DataError(f"{path}: must hold at least one frame, but is empty")
    typed = {prologue.name: inputs[prologue.name].astype(prologue.dtype) for prologue in network.inputs}
    return Frames(inputs=typed, codes=codes)


def chosen(network: Network, count: int, seed: int) -> Frames:
    """``count`` frames, at least 1, of `integers`, or of those near by that inputs can have."""
    inputs = real_inputs(network, integers(network, count, seed))
    return Frames(inputs=inputs, codes=encode(network, inputs))


def integers(network: Network, count: int, seed: int) -> tuple[Codes, ...]:
    """``count`` frames of each input tensor, int64 ``[count, C, H, W]``: the corners of their ranges, then random."""
    edges = [array[:count] for array in corners(network.input_tensors)]
    rest = host.random_codes(network, count - len(edges[0]), seed)
    return tuple(np.concatenate(pair) for pair in zip(edges, rest, strict=True))


def corners(tensors: Sequence[Tensor]) -> tuple[Codes, ...]:
    """Of each tensor ``[frames, C, H, W]``: all lowest, all highest, all zero; then each highest, the rest lowest."""
    lows = [tensor.range.low for tensor in tensors]
    highs = [tensor.range.high for tensor in tensors]
    frames = [lows, highs, [0] * len(tensors)]
    if len(tensors) > 1:
        frames += [[*lows[:k], highs[k], *lows[k + 1 :]] for k in range(len(tensors))]
    return tuple(
        np.stack([np.full((t.channels, t.height, t.width), frame[k], np.int64) for frame in frames])
        for k, t in enumerate(tensors)
    )
