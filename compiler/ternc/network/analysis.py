"""What follows from a layer's shape and weights: map sizes, accumulator ranges, work, density."""

from __future__ import annotations

import numpy as np

from ternc.network.layers import IntRange, Linear, Tensor


def kernel(layer: Linear) -> tuple[int, int]:
    """(height, width) of the window, in taps."""
    return layer.trits.shape[2], layer.trits.shape[3]


def enlarged_size(layer: Linear, source: Tensor) -> tuple[int, int]:
    """(height, width) of the source after upsampling and padding."""
    top, left, bottom, right = layer.padding
    return (
        source.height * layer.upsample[0] + top + bottom,
        source.width * layer.upsample[1] + left + right,
    )


def conv_size(layer: Linear, source: Tensor) -> tuple[int, int]:
    """(height, width) of the convolution's output, before the pool; 0 or less if the window does not fit."""
    height, width = (
        (size - (taps - 1) * dilation - 1) // stride + 1
        for size, taps, dilation, stride in zip(
            enlarged_size(layer, source), kernel(layer), layer.dilation, layer.stride, strict=True
        )
    )
    return height, width


def out_shape(layer: Linear, source: Tensor) -> tuple[int, int, int]:
    """(channels, height, width) of the layer's target: convolution, then pool."""
    height, width = conv_size(layer, source)
    if layer.pool is not None:
        height = (height - layer.pool.kernel[0]) // layer.pool.stride[0] + 1
        width = (width - layer.pool.kernel[1]) // layer.pool.stride[1] + 1
    return layer.trits.shape[0], height, width


def accumulator_range(layer: Linear, source: Tensor) -> tuple[IntRange, ...]:
    """Interval of every value, and of every partial sum, that each output channel's accumulator can take.

    With p weights of +1 and n of -1, and x in [low, high], the sum lies in
    ``[p * low - n * high, p * high - n * low]``. The range contains 0, hence padding and
    partial sums stay inside.
    """
    low, high = min(source.range.low, 0), max(source.range.high, 0)
    plus = np.count_nonzero(layer.trits > 0, axis=(1, 2, 3))
    minus = np.count_nonzero(layer.trits < 0, axis=(1, 2, 3))
    return tuple(
        IntRange(low=int(p) * low - int(n) * high, high=int(p) * high - int(n) * low)
        for p, n in zip(plus, minus, strict=True)
    )


def hull(ranges: tuple[IntRange, ...]) -> IntRange:
    """The smallest range that contains all of them and 0."""
    return IntRange(low=min(0, *(r.low for r in ranges)), high=max(0, *(r.high for r in ranges)))


def macs(layer: Linear, source: Tensor) -> int:
    """Multiply-accumulates of one frame, zero weights included, for every output in front of the pool."""
    height, width = conv_size(layer, source)
    return layer.trits.size * height * width


def density(layer: Linear) -> float:
    """Share of weights that are not zero, 0 to 1."""
    return float(np.count_nonzero(layer.trits)) / layer.trits.size
