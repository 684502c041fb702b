"""What follows from a layer's shape and weights: map sizes, accumulator ranges, work, density.

Functions of a layer take its sources as tensors, one for each term in the order of the terms; `sources`
finds them in a network.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import gcd

import numpy as np

from ternc.network.layers import IntRange, Linear, Network, Pool, Tensor, Term, Weights
from ternc.numeric import signed_bits

_BLOCK_WEIGHTS = 1 << 16
"""Weights that are looked at together, few enough for a cache."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AxisPhase:
    """How every ``period``-th output position of a term, from ``phase`` on, reads its source along one axis.

    Output position ``phase + m * period`` reads pixel ``start + m * step + t * spacing`` with tap ``taps[t]``.
    Pixels are those of the enlarged source for ``"copies"``, of the source itself for ``"zeros"``, where taps
    that meet inserted zeros only are not in the list.

    Attributes:
        phase, period: ``0 <= phase < period``.
        taps: Kernel indices that meet pixels, rising; may be empty.
        start, step, spacing: Pixels; ``start`` may lie outside the map, where pixels are 0.
    """

    phase: int
    period: int
    taps: tuple[int, ...]
    start: int
    step: int
    spacing: int


def sources(network: Network, layer: Linear) -> tuple[Tensor, ...]:
    """The source tensor of each term, in order of the terms."""
    return tuple(network.tensor(term.source) for term in layer.terms)


def kernel(term: Term) -> tuple[int, int]:
    """(height, width) of the window, in taps."""
    return term.weights.shape[2], term.weights.shape[3]


def enlarged_size(term: Term, source: Tensor) -> tuple[int, int]:
    """(height, width) of the source after enlarging and padding (or cropping)."""
    top, left, bottom, right = term.padding
    return (
        source.height * term.upsample[0] + top + bottom,
        source.width * term.upsample[1] + left + right,
    )


def conv_size(term: Term, source: Tensor) -> tuple[int, int]:
    """(height, width) of the term's sums; 0 or less if the window does not fit."""
    height, width = (
        (size - (taps - 1) * dilation - 1) // stride + 1
        for size, taps, dilation, stride in zip(
            enlarged_size(term, source), kernel(term), term.dilation, term.stride, strict=True
        )
    )
    return height, width


def pool_size(pool: Pool, size: tuple[int, int]) -> tuple[int, int]:
    """(height, width) behind a pool of a map of that size; 0 or less if the window does not fit."""
    top, left, bottom, right = pool.padding
    padded = size[0] + top + bottom, size[1] + left + right
    height, width = (
        (length - (taps - 1) * dilation - 1) // stride + 1
        for length, taps, dilation, stride in zip(
            padded, pool.kernel, pool.dilation, pool.stride, strict=True
        )
    )
    return height, width


def sum_size(layer: Linear, sources: Sequence[Tensor]) -> tuple[int, int]:
    """(height, width) of the layer's sums, in front of the pool: that of its first term, and so of each."""
    return conv_size(layer.terms[0], sources[0])


def out_shape(layer: Linear, sources: Sequence[Tensor]) -> tuple[int, int, int]:
    """(channels, height, width) of the layer's target: sums, then pool."""
    size = sum_size(layer, sources)
    if layer.pool is not None:
        size = pool_size(layer.pool, size)
    return layer.channels, *size


def phases(term: Term) -> tuple[tuple[AxisPhase, ...], tuple[AxisPhase, ...]]:
    """The output phases of a term along y and along x; one each unless it inserts zeros."""
    rows, cols = (
        _axis_phases(
            term.weights.shape[2 + axis],
            term.stride[axis],
            term.padding[axis],
            term.dilation[axis],
            term.upsample[axis] if term.fill == "zeros" else 1,
        )
        for axis in (0, 1)
    )
    return rows, cols


def _axis_phases(taps: int, stride: int, padding: int, dilation: int, factor: int) -> tuple[AxisPhase, ...]:
    period = factor // gcd(factor, stride)
    found = []
    for phase in range(period):
        first = phase * stride - padding
        live = tuple(k for k in range(taps) if (first + k * dilation) % factor == 0)
        found.append(
            AxisPhase(
                phase=phase,
                period=period,
                taps=live,
                start=(first + live[0] * dilation) // factor if live else 0,
                step=period * stride // factor,
                spacing=(live[1] - live[0]) * dilation // factor if len(live) > 1 else 1,
            )
        )
    return tuple(found)


def met_weights(term: Term, rows: tuple[int, ...], cols: tuple[int, ...]) -> Weights:
    """The weights of these kernel rows and columns, ``[O, I, rows, cols]``."""
    if (len(rows), len(cols)) == kernel(term):
        return term.weights
    return term.weights[:, :, list(rows)][:, :, :, list(cols)]


def accumulator_range(layer: Linear, sources: Sequence[Tensor]) -> tuple[IntRange, ...]:
    """Interval of every value that each output channel's accumulator can take, and of every partial sum.

    With x in [low, high] around 0, a term's sum lies between ``P * low - N * high`` and ``P * high - N * low``,
    where P is the sum of its positive weights and -N that of its negative ones (of the taps that meet pixels at
    the same time, where it inserts zeros); terms add up. Each product's interval contains 0, hence padding, and
    sums of some of the products in any order, stay inside.
    """
    lows = np.zeros(layer.channels, object)  # Python integers: nothing overflows before the verifier sees it
    highs = np.zeros(layer.channels, object)
    for term, source in zip(layer.terms, sources, strict=True):
        low, high = min(source.range.low, 0), max(source.range.high, 0)
        rows, cols = phases(term)
        ends = [
            (plus * low + minus * high, plus * high + minus * low)
            for y in rows
            for x in cols
            for plus, minus in [_signed_sums(term, y.taps, x.taps)]
        ]
        lows += np.min(np.array([first for first, _ in ends]), axis=0)
        highs += np.max(np.array([last for _, last in ends]), axis=0)
    return tuple(IntRange(low=int(low), high=int(high)) for low, high in zip(lows, highs, strict=True))


def _signed_sums(
    term: Term, rows: tuple[int, ...], cols: tuple[int, ...]
) -> tuple[np.ndarray[tuple[int], np.dtype[np.object_]], np.ndarray[tuple[int], np.dtype[np.object_]]]:
    """Sums of the positive and of the negative weights of each output channel, as Python integers."""
    met = met_weights(term, rows, cols)
    flat = met.reshape(len(met), -1)
    total, plus = np.zeros(len(flat), np.int64), np.zeros(len(flat), np.int64)
    step = max(1, _BLOCK_WEIGHTS // max(1, flat.shape[1]))
    for first in range(0, len(flat), step):
        block = slice(first, first + step)
        total[block] = flat[block].sum(axis=1, dtype=np.int64)
        plus[block] = np.maximum(flat[block], 0).sum(axis=1, dtype=np.int64)
    return plus.astype(object), (total - plus).astype(object)


def hull(ranges: Sequence[IntRange]) -> IntRange:
    """The smallest range that contains all of them and 0."""
    return IntRange(low=min(0, *(r.low for r in ranges)), high=max(0, *(r.high for r in ranges)))


def macs(layer: Linear, sources: Sequence[Tensor]) -> int:
    """Multiply-accumulates of one frame as ONNX counts them, for every output in front of the pool.

    Zero weights and padding count; products with inserted zeros do not.
    """
    height, width = sum_size(layer, sources)
    total = 0
    for term in layer.terms:
        rows, cols = (
            sum(len(axis.taps) * len(range(axis.phase, size, axis.period)) for axis in found)
            for found, size in zip(phases(term), (height, width), strict=True)
        )
        total += term.weights.shape[0] * term.weights.shape[1] * rows * cols
    return total


def density(layer: Linear) -> float:
    """Share of weights that are not zero, 0 to 1."""
    found = sum(int(np.count_nonzero(term.weights)) for term in layer.terms)
    return found / sum(term.weights.size for term in layer.terms)


def weight_bits(layer: Linear) -> int:
    """Signed width in bits of the layer's widest weight, at least 2, which is that of a ternary one.

    Law: every weight lies in ``-2**(bits - 1) .. 2**(bits - 1) - 1``.
    """
    low = min(int(term.weights.min()) for term in layer.terms)
    high = max(int(term.weights.max()) for term in layer.terms)
    return max(2, signed_bits(low, high))
