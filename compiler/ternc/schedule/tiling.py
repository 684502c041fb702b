"""A layer as the array executes it: phases, tiles of output channels, windows, taps and weight words.

Independent of memories: what is here follows from the layer and the array shape alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import gcd

import numpy as np
from numpy.typing import NDArray

from ternc.network.layers import Linear, Tensor
from ternc.numeric import ceil_div
from ternc.schedule.design import ArrayShape
from ternc.schedule.layout import Lanes


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """One axis of a layer: output position ``j*phases + phase`` of window ``w`` and kernel tap ``k`` reads
    source position ``j*step + floor((phase*pool*stride + w*stride + k*dilation - before) / upsample)``.

    Attributes:
        size: Output positions (after the pool).
        phases: Output phases whose taps differ (1 without upsampling).
        step: Source positions from one output position of a phase to the next.
        kernel, windows: Kernel taps and pool window positions along this axis.
    """

    size: int
    phases: int
    step: int
    kernel: int
    windows: int
    pool: int
    stride: int
    dilation: int
    before: int
    upsample: int

    def delta(self, phase: int, window: int, k: int) -> int:
        """Source position relative to ``j*step``."""
        at = phase * self.pool * self.stride + window * self.stride + k * self.dilation - self.before
        return at // self.upsample

    @property
    def steps(self) -> int:
        """Output positions of one phase (the last phase may have one that lies outside)."""
        return ceil_div(self.size, self.phases)


def axes(layer: Linear, target: Tensor) -> tuple[Axis, Axis]:
    """The (vertical, horizontal) axes of a layer."""

    def axis(n: int, size: int, before: int) -> Axis:
        stride, upsample = layer.stride[n], layer.upsample[n]
        pool = layer.pool.stride[n] if layer.pool else 1
        phases = upsample // gcd(upsample, stride * pool)
        return Axis(
            size=size,
            phases=min(phases, size),
            step=phases * stride * pool // upsample,
            kernel=layer.trits.shape[2 + n],
            windows=layer.pool.kernel[n] if layer.pool else 1,
            pool=pool,
            stride=stride,
            dilation=layer.dilation[n],
            before=before,
            upsample=upsample,
        )

    return axis(0, target.height, layer.padding[0]), axis(1, target.width, layer.padding[1])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Tile:
    """The weight words of one tile of output channels, all-zero words left out.

    Attributes:
        taps: int64 ``[n, 3]``: (ky, kx, chunk) of each word, n at least 1.
        words: int8 ``[n, cols, lanes]`` trits.
    """

    taps: NDArray[np.int64]
    words: NDArray[np.int8]


def by_lane(layer: Linear, lanes: Lanes, shape: ArrayShape) -> NDArray[np.int8]:
    """The layer's trits where the array needs them: int8 ``[tiles, cols, KH, KW, chunks, lanes]``."""
    out_channels, group_inputs, kernel_h, kernel_w = layer.trits.shape
    tiles = ceil_div(out_channels, shape.cols)
    spread = np.zeros((tiles * shape.cols, kernel_h, kernel_w, lanes.chunks, shape.lanes), dtype=np.int8)
    group_outputs = out_channels // layer.groups
    for group in range(layer.groups):
        inputs = slice(group * group_inputs, (group + 1) * group_inputs)
        outputs = slice(group * group_outputs, (group + 1) * group_outputs)
        spread[outputs, :, :, lanes.chunk[inputs], lanes.lane[inputs]] = np.moveaxis(
            layer.trits[outputs], 1, -1
        )
    return spread.reshape(tiles, shape.cols, kernel_h, kernel_w, lanes.chunks, shape.lanes)


def tiles(layer: Linear, lanes: Lanes, shape: ArrayShape) -> tuple[Tile, ...]:
    """The layer's tiles, in channel order. A tile without any non-zero weight keeps one tap."""
    spread = by_lane(layer, lanes, shape)
    found = []
    for tile in spread:
        taps = np.argwhere(tile.any(axis=(0, 4)))
        if not len(taps):
            taps = np.zeros((1, 3), dtype=np.int64)
        words = tile[:, taps[:, 0], taps[:, 1], taps[:, 2], :]
        found.append(Tile(taps=taps, words=np.moveaxis(words, 0, 1)))
    return tuple(found)


def tap_counts(layer: Linear, lanes: Lanes, shape: ArrayShape) -> NDArray[np.int64]:
    """Number of taps of each tile, int64 ``[tiles]``, without building the words."""
    used = by_lane(layer, lanes, shape).any(axis=(1, 5))
    counts: NDArray[np.int64] = np.maximum(1, used.sum(axis=(1, 2, 3)))
    return counts
