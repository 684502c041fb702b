"""The golden model: what a Network means, in numpy, whatever the hardware does.

Values travel as channels-last floats, because BLAS is fast on floats and exact on integers below 2^24
(float32) or 2^53 (float64); the accumulator's range, which bounds every partial sum too, picks the type.
BLAS gets one thread: the products are small, and its threads cost more in waiting for each other than they give.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeAlias

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from threadpoolctl import ThreadpoolController  # type: ignore[import-untyped]

from ternc.errors import DataError, InternalError
from ternc.network.analysis import accumulator_range, conv_size, hull, kernel
from ternc.network.layers import Linear, Network, Output, Pool, Staircase, Tensor

Codes: TypeAlias = NDArray[np.int64]
Map: TypeAlias = NDArray[Any]  # [N, H, W, C] of float32 or float64, integers all

PATCH_BYTES = 1 << 20  # one block of windows; small enough to stay in a core's cache
BLOCK_BYTES = 1 << 22  # the largest map of one block of frames
TABLE_ENTRIES = 1 << 20  # above this a staircase is searched instead of tabulated
COMPARE_STEPS = 8  # up to here, comparing with each threshold is fastest


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Trace:
    """Everything that a run computed.

    Attributes:
        tensors: Name of each tensor, the input first, to int64 ``[N, C, H, W]``.
        indices: int64 ``[N, H, W]``, the winning channel of each pixel, or None without an argmax.
    """

    tensors: dict[str, Codes]
    indices: Codes | None

    def __getitem__(self, name: str) -> Codes:
        return self.tensors[name]


def run(network: Network, codes: NDArray[Any]) -> Trace:
    """Execute the network and keep every tensor.

    Args:
        network: What to execute.
        codes: Integers ``[N, C, H, W]`` of the input tensor, inside its range.

    Raises:
        DataError: Wrong shape, type or range.
    """
    _check_codes(network.input, codes)
    engine = _Engine(network)
    found: dict[str, Codes] = {
        t.name: np.empty((len(codes), t.channels, t.height, t.width), np.int64) for t in network.tensors
    }
    with _threads().limit(limits=1, user_api="blas"):
        for frames in engine.blocks(len(codes)):
            for name, values in engine.walk(codes[frames]):
                found[name][frames] = values.transpose(0, 3, 1, 2)
    last = found[network.output.tensor]
    return Trace(tensors=found, indices=winners(network.output, last) if network.output.argmax else None)


def predict(network: Network, codes: NDArray[Any]) -> Codes:
    """Execute the network and keep what leaves it.

    Args:
        network: What to execute.
        codes: Integers ``[N, C, H, W]`` of the input tensor, inside its range.

    Returns:
        int64 ``[N, C, H, W]`` of the last tensor, or ``[N, H, W]`` channel indices after an argmax.

    Raises:
        DataError: Wrong shape, type or range.
    """
    _check_codes(network.input, codes)
    engine = _Engine(network)
    t = network.tensor(network.output.tensor)
    last = np.empty((len(codes), t.channels, t.height, t.width), np.int64)
    with _threads().limit(limits=1, user_api="blas"):
        for frames in engine.blocks(len(codes)):
            for name, values in engine.walk(codes[frames]):
                if name == t.name:
                    last[frames] = values.transpose(0, 3, 1, 2)
    return winners(network.output, last) if network.output.argmax else last


def winners(output: Output, codes: Codes) -> Codes:
    """Channel with the largest real value, of each pixel: ``[N, C, H, W]`` to ``[N, H, W]``."""
    if output.keys is None:
        raise InternalError("network", f"output '{output.name}' ends in an argmax but has no keys")
    multiplier, addend = (key[None, :, None, None] for key in output.keys)
    return np.asarray(np.argmax(codes * multiplier + addend, axis=1), np.int64)


@cache
def _threads() -> ThreadpoolController:
    return ThreadpoolController()


def _check_codes(tensor: Tensor, codes: NDArray[Any]) -> None:
    shape = (tensor.channels, tensor.height, tensor.width)
    if codes.ndim != 4 or codes.shape[1:] != shape:
        wanted = ", ".join(map(str, ("N", *shape)))
        raise DataError(
            f"tensor '{tensor.name}': codes must have shape [{wanted}], but have {list(codes.shape)}"
        )
    if codes.dtype.kind not in "iu":
        raise DataError(f"tensor '{tensor.name}': codes must be integers, but are {codes.dtype}")
    if codes.size and not (tensor.range.low <= codes.min() and codes.max() <= tensor.range.high):
        raise DataError(
            f"tensor '{tensor.name}': codes must lie in {tensor.range.low}..{tensor.range.high}, "
            f"but reach from {codes.min()} to {codes.max()}"
        )


class _Engine:
    """A network prepared for execution: weights as matrices, staircases as tables."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.layers = [_Layer(layer, network.tensor(layer.source)) for layer in network.layers]
        self.last_use = {layer.source: i for i, layer in enumerate(network.layers)}

    def blocks(self, frames: int) -> Iterator[slice]:
        """Blocks of frames whose largest map stays in the cache."""
        largest = max(layer.largest for layer in self.layers)
        size = max(1, min(frames, BLOCK_BYTES // (4 * largest)))
        return (slice(i, i + size) for i in range(0, frames, size))

    def walk(self, codes: NDArray[Any]) -> Iterator[tuple[str, Map]]:
        """Every tensor in order, ``[N, H, W, C]``, each forgotten after its last reader."""
        maps: dict[str, Map] = {self.network.input.name: codes.transpose(0, 2, 3, 1)}
        yield self.network.input.name, maps[self.network.input.name]
        for i, layer in enumerate(self.layers):
            result = layer.run(maps[layer.layer.source])
            maps[layer.layer.target] = result
            yield layer.layer.target, result
            maps = {name: values for name, values in maps.items() if self.last_use.get(name, -1) > i}


class _Layer:
    def __init__(self, layer: Linear, source: Tensor) -> None:
        self.layer = layer
        self.size = conv_size(layer, source)
        self.ranges = accumulator_range(layer, source)
        reach = hull(self.ranges)
        bound = max(-reach.low, reach.high, -source.range.low, source.range.high)
        if bound >= 2**53:
            raise InternalError("network", f"layer '{layer.name}' accumulates {bound}, beyond exact float64")
        self.dtype = np.float32 if bound < 2**24 else np.float64
        out, inner, height, width = layer.trits.shape
        matrices = layer.trits.reshape(layer.groups, out // layer.groups, inner, height, width)
        columns = matrices.transpose(0, 3, 4, 2, 1).reshape(layer.groups, -1, out // layer.groups)
        self.weights = np.ascontiguousarray(columns.astype(self.dtype))  # [groups, KH * KW * I, O]
        self.activation = (
            _Activation(layer.activation, self.ranges, self.dtype) if layer.activation is not None else None
        )
        self.largest = max(
            source.channels * source.height * source.width * layer.upsample[0] * layer.upsample[1],
            out * self.size[0] * self.size[1],
        )

    def run(self, source: Map) -> Map:
        """``[N, H, W, C]`` to the layer's target, ``[N, H', W', O]``."""
        x = self._enlarge(source)
        frames, (height, width), out = len(x), self.size, self.layer.trits.shape[0]
        result = np.empty((frames, height, width, out), self.dtype)
        row_bytes = width * self.weights.shape[0] * self.weights.shape[1] * self.weights.itemsize
        frames_at_once = max(1, PATCH_BYTES // (row_bytes * height))
        rows_at_once = max(1, min(height, PATCH_BYTES // row_bytes))
        for n in range(0, frames, frames_at_once):
            for top in range(0, height, rows_at_once):
                rows = min(rows_at_once, height - top)
                acc = self._accumulate(x[n : n + frames_at_once], top, rows)
                if self.activation is not None:
                    acc = self.activation(acc)
                result[n : n + frames_at_once, top : top + rows] = acc.reshape(-1, rows, width, out)
        return result if self.layer.pool is None else _pool(self.layer.pool, result)

    def _enlarge(self, source: Map) -> Map:
        x = source.astype(self.dtype, copy=False)
        if self.layer.upsample != (1, 1):
            x = x.repeat(self.layer.upsample[0], axis=1).repeat(self.layer.upsample[1], axis=2)
        top, left, bottom, right = self.layer.padding
        if any(self.layer.padding):
            x = np.pad(x, ((0, 0), (top, bottom), (left, right), (0, 0)))
        return np.ascontiguousarray(x)

    def _accumulate(self, x: Map, top: int, rows: int) -> Map:
        """Sums of ``rows`` output rows from ``top`` on, ``[N * rows * W, O]``."""
        (stride_y, stride_x), (step_y, step_x) = self.layer.stride, self.layer.dilation
        taps_y, taps_x = kernel(self.layer)
        reach_y, reach_x = (taps_y - 1) * step_y + 1, (taps_x - 1) * step_x + 1
        strip = x[:, top * stride_y : (top + rows - 1) * stride_y + reach_y]
        windows = sliding_window_view(strip, (reach_y, reach_x), axis=(1, 2))
        windows = windows[:, ::stride_y, : self.size[1] * stride_x : stride_x, :, ::step_y, ::step_x]
        patches = windows.transpose(0, 1, 2, 4, 5, 3)  # [N, rows, W, KH, KW, C]
        groups, depth, out = self.weights.shape
        if groups == 1:
            return np.asarray(patches.reshape(-1, depth) @ self.weights[0])
        split = patches.reshape(-1, taps_y * taps_x, groups, depth // (taps_y * taps_x))
        sums = split.transpose(2, 0, 1, 3).reshape(groups, -1, depth) @ self.weights
        return np.asarray(sums.transpose(1, 0, 2).reshape(-1, groups * out))


class _Activation:
    """``low + #{k : acc >= thresholds[o, k]}`` on ``[M, O]`` accumulators, in the cheapest of three ways."""

    def __init__(self, staircase: Staircase, ranges: tuple[Any, ...], dtype: type[np.floating[Any]]) -> None:
        self.thresholds = staircase.thresholds
        self.low = staircase.low
        self.dtype = dtype
        channels, self.steps = staircase.thresholds.shape
        self.first = np.array([r.low for r in ranges], np.int64)
        self.entries = max(r.high - r.low + 1 for r in ranges)
        self.table: NDArray[Any] | None = None
        if self.steps > COMPARE_STEPS and channels * self.entries <= TABLE_ENTRIES:
            reached = np.zeros((channels, self.entries + 1), np.int64)
            positions = np.clip(staircase.thresholds - self.first[:, None], 0, self.entries)
            np.add.at(reached, (np.arange(channels)[:, None], positions), 1)
            self.table = (self.low + reached[:, :-1].cumsum(axis=1)).astype(dtype).ravel()

    def __call__(self, acc: Map) -> Map:
        if self.steps <= COMPARE_STEPS:
            levels = self.thresholds.astype(self.dtype)
            codes = np.full(acc.shape, self.low, np.int8 if -100 < self.low < 100 else np.int64)
            for k in range(self.steps):
                codes += acc >= levels[:, k]
            return codes.astype(self.dtype)
        if self.table is not None:
            offset = np.arange(len(self.first)) * self.entries - self.first
            index = acc.astype(np.int32)
            index += offset.astype(np.int32)
            return np.asarray(self.table.take(index))
        columns = [np.searchsorted(self.thresholds[c], acc[:, c], side="right") for c in range(acc.shape[1])]
        found = np.stack(columns, axis=1) + self.low
        return np.asarray(found, self.dtype)


def _pool(pool: Pool, x: Map) -> Map:
    """Window maximum (or minimum, per channel) of ``[N, H, W, C]``."""
    (taps_y, taps_x), (stride_y, stride_x) = pool.kernel, pool.stride
    height = (x.shape[1] - taps_y) // stride_y + 1
    width = (x.shape[2] - taps_x) // stride_x + 1
    sign = np.where(np.array(pool.minimum), -1, 1).astype(x.dtype)
    flipped = any(pool.minimum)
    x = x * sign if flipped else x
    rows = x[:, : (height - 1) * stride_y + 1 : stride_y]
    for dy in range(1, taps_y):
        rows = np.maximum(rows, x[:, dy : dy + (height - 1) * stride_y + 1 : stride_y])
    best = rows[:, :, : (width - 1) * stride_x + 1 : stride_x]
    for dx in range(1, taps_x):
        best = np.maximum(best, rows[:, :, dx : dx + (width - 1) * stride_x + 1 : stride_x])
    return best * sign if flipped else best
