"""One term's sums in numpy, in the cheapest of four ways that all give the same integers.

Maps are channels-last floats ``[N, H, W, C]``: BLAS is fast on floats, and exact on integers as long as every
partial sum is (the caller picks the type). A transposed convolution is computed phase by phase, without its zeros.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from ternc.network.analysis import AxisPhase, met_weights, phases
from ternc.network.layers import Tensor, Term

Map: TypeAlias = NDArray[Any]  # [N, H, W, C] of float32 or float64, integers all
Real: TypeAlias = type[np.floating[Any]]

SHIFTED_TAPS = 64  # up to here, a depthwise kernel is one multiply-add of the whole map for each tap
GATHER_FACTOR = 40  # a gathered product costs about as much as this many inside a matrix product


@dataclass(frozen=True, slots=True, kw_only=True)
class _Span:
    """Which pixels of a prepared map some output positions of a phase read along one axis."""

    start: int
    count: int
    step: int
    taps: int
    spacing: int

    @property
    def reach(self) -> int:
        """Pixels from a window's first tap to its last, both included."""
        return (self.taps - 1) * self.spacing + 1

    def shifted(self, tap: int) -> slice:
        """The pixels that one tap reads."""
        first = self.start + tap * self.spacing
        return slice(first, first + (self.count - 1) * self.step + 1, self.step)


class TermSums:
    """A term prepared for execution.

    Args:
        term: What to sum.
        source: The tensor that it reads.
        size: (height, width) of its sums.
        dtype: float32 or float64, exact for every partial sum.

    Attributes:
        row_bytes: Memory that one output row of one frame takes on its way.
        largest: Values of one frame's prepared map.
    """

    def __init__(self, term: Term, source: Tensor, size: tuple[int, int], dtype: Real) -> None:
        self.size = size
        self.dtype = dtype
        self.channels = len(term.weights)
        self.copies = term.upsample if term.fill == "copies" else (1, 1)
        rows, cols = phases(term)
        pixels = source.height * self.copies[0], source.width * self.copies[1]
        self.margins = tuple(
            _margins(found, count, length)
            for found, count, length in zip((rows, cols), size, pixels, strict=True)
        )
        self.parts = [
            (y, x, _product(met_weights(term, y.taps, x.taps), term.groups, dtype))
            for y in rows
            for x in cols
            if y.taps and x.taps
        ]
        self.whole = len(self.parts) == 1 and (rows[0].period, cols[0].period) == (1, 1)
        self.row_bytes = size[1] * max([self.channels, *(part.row for _, _, part in self.parts)])
        self.row_bytes *= np.dtype(dtype).itemsize
        padded = (sum(margin) + length for margin, length in zip(self.margins, pixels, strict=True))
        self.largest = source.channels * int(np.prod(list(padded)))

    def prepare(self, source: Map) -> Map:
        """The source map enlarged and surrounded by zeros, in the term's dtype."""
        x = source.astype(self.dtype, copy=False)
        if self.copies != (1, 1):
            x = x.repeat(self.copies[0], axis=1).repeat(self.copies[1], axis=2)
        (top, bottom), (left, right) = self.margins
        if any((top, bottom, left, right)):
            frames, height, width, channels = x.shape
            padded = np.zeros((frames, top + height + bottom, left + width + right, channels), self.dtype)
            padded[:, top : top + height, left : left + width] = x
            return padded
        return np.ascontiguousarray(x)

    def rows(self, x: Map, top: int, rows: int) -> Map:
        """Sums of ``rows`` output rows from ``top`` on of prepared frames, a new array ``[N, rows, W, O]``."""
        if self.whole:
            y_axis, x_axis, product = self.parts[0]
            return product(x, self._span(y_axis, 0, top, rows), self._span(x_axis, 1, 0, self.size[1]))
        found = np.zeros((len(x), rows, self.size[1], self.channels), self.dtype)
        for y_axis, x_axis, product in self.parts:
            y_span = self._span(y_axis, 0, top, rows)
            x_span = self._span(x_axis, 1, 0, self.size[1])
            if y_span.count > 0 and x_span.count > 0:
                first = (y_axis.phase - top) % y_axis.period
                found[:, first :: y_axis.period, x_axis.phase :: x_axis.period] = product(x, y_span, x_span)
        return found

    def _span(self, axis: AxisPhase, which: int, first: int, count: int) -> _Span:
        """What a phase's output positions in ``first .. first + count - 1`` read of the prepared map."""
        start = -(-(first - axis.phase) // axis.period)
        end = -(-(first + count - axis.phase) // axis.period)
        return _Span(
            start=self.margins[which][0] + axis.start + start * axis.step,
            count=end - start,
            step=axis.step,
            taps=len(axis.taps),
            spacing=axis.spacing,
        )


def _margins(found: tuple[AxisPhase, ...], count: int, length: int) -> tuple[int, int]:
    """Zeros that the output positions of all phases read in front of and behind a map of that length."""
    reads = [(axis, len(range(axis.phase, count, axis.period))) for axis in found if axis.taps]
    reads = [(axis, outputs) for axis, outputs in reads if outputs]
    before = max((-axis.start for axis, _ in reads), default=0)
    last = max(
        (
            axis.start + (outputs - 1) * axis.step + (len(axis.taps) - 1) * axis.spacing
            for axis, outputs in reads
        ),
        default=0,
    )
    return max(0, before), max(0, last - length + 1)


def _product(weights: NDArray[np.int32], groups: int, dtype: Real) -> _Product:
    """The cheapest way for weights ``[O, I, KH, KW]``."""
    out, inner, height, width = weights.shape
    depth = inner * height * width
    most = int(np.count_nonzero(weights.reshape(out, -1), axis=1).max())
    if inner == 1 and groups > 1 and height * width <= SHIFTED_TAPS:
        return _Shifted(weights, groups, dtype)
    if groups == 1 and most * GATHER_FACTOR < depth:
        return _Gathered(weights, most, dtype)
    return _Matrix(weights, dtype) if groups == 1 else _Grouped(weights, groups, dtype)


def _windows(x: Map, rows: _Span, cols: _Span) -> Map:
    """``[N, rows, W, KH, KW, C]``, a view."""
    y_end = rows.start + (rows.count - 1) * rows.step + rows.reach
    x_end = cols.start + (cols.count - 1) * cols.step + cols.reach
    windows = sliding_window_view(
        x[:, rows.start : y_end, cols.start : x_end], (rows.reach, cols.reach), axis=(1, 2)
    )
    windows = windows[:, :: rows.step, :: cols.step, :, :: rows.spacing, :: cols.spacing]
    return windows.transpose(0, 1, 2, 4, 5, 3)


class _Matrix:
    """All windows times one matrix."""

    def __init__(self, weights: NDArray[np.int32], dtype: Real) -> None:
        out = len(weights)
        self.weights = np.ascontiguousarray(weights.transpose(2, 3, 1, 0).reshape(-1, out).astype(dtype))
        self.row = len(self.weights)

    def __call__(self, x: Map, rows: _Span, cols: _Span) -> Map:
        patches = _windows(x, rows, cols).reshape(-1, len(self.weights))
        return np.asarray(patches @ self.weights).reshape(len(x), rows.count, cols.count, -1)


class _Gathered:
    """Few weights in each row of a large matrix: output channel by output channel, its k-th weight's product."""

    def __init__(self, weights: NDArray[np.int32], most: int, dtype: Real) -> None:
        matrix = weights.transpose(0, 2, 3, 1).reshape(len(weights), -1)
        self.row = matrix.shape[1]
        outputs, places = np.nonzero(matrix)
        starts = np.searchsorted(outputs, np.arange(len(matrix)))
        rank = np.arange(len(outputs)) - starts[outputs]  # the k-th weight of its output
        self.index = np.zeros((max(1, most), len(matrix)), np.intp)
        self.index[rank, outputs] = places
        self.factor = np.zeros(self.index.shape, dtype)
        self.factor[rank, outputs] = matrix[outputs, places]

    def __call__(self, x: Map, rows: _Span, cols: _Span) -> Map:
        patches = _windows(x, rows, cols).reshape(-1, self.row)
        found = patches.take(self.index[0], axis=1) * self.factor[0]
        for index, factor in zip(self.index[1:], self.factor[1:], strict=True):
            found += patches.take(index, axis=1) * factor
        return np.asarray(found).reshape(len(x), rows.count, cols.count, -1)


class _Shifted:
    """Depthwise: the map, shifted, times each tap's weights."""

    def __init__(self, weights: NDArray[np.int32], groups: int, dtype: Real) -> None:
        out, _, height, width = weights.shape
        self.shape = groups, out // groups
        split = weights.reshape(groups, out // groups, height, width)
        self.taps = [
            (y, x, split[:, :, y, x].astype(dtype))  # [groups, O // groups]
            for y in range(height)
            for x in range(width)
            if split[:, :, y, x].any()
        ]
        self.row = 3 * out

    def __call__(self, x: Map, rows: _Span, cols: _Span) -> Map:
        groups, spread = self.shape
        found = np.zeros((len(x), rows.count, cols.count, groups, spread), x.dtype)
        for tap_y, tap_x, weights in self.taps:
            found += x[:, rows.shifted(tap_y), cols.shifted(tap_x), :, None] * weights
        return found.reshape(*found.shape[:3], groups * spread)


class _Grouped:
    """One matrix for each group."""

    def __init__(self, weights: NDArray[np.int32], groups: int, dtype: Real) -> None:
        out, inner, height, width = weights.shape
        split = weights.reshape(groups, out // groups, inner, height, width).transpose(0, 3, 4, 2, 1)
        self.weights = np.ascontiguousarray(split.reshape(groups, -1, out // groups).astype(dtype))
        self.row = groups * self.weights.shape[1]

    def __call__(self, x: Map, rows: _Span, cols: _Span) -> Map:
        groups, depth, out = self.weights.shape
        windows = _windows(x, rows, cols)
        split = windows.reshape(*windows.shape[:5], groups, -1)
        patches = split.transpose(5, 0, 1, 2, 3, 4, 6).reshape(groups, -1, depth)
        sums = (patches @ self.weights).transpose(1, 0, 2)
        return np.ascontiguousarray(sums).reshape(len(x), rows.count, cols.count, groups * out)


_Product: TypeAlias = _Matrix | _Gathered | _Shifted | _Grouped
"""Sums of windows; ``row`` is how many values of scratch memory it takes for each output pixel."""
