"""The golden model: what a Network means, in numpy, whatever the hardware does.

Values travel as channels-last floats, because BLAS is fast on floats and exact on integers below 2^24
(float32) or 2^53 (float64); the accumulator's range, which bounds every partial sum too, picks the type.
BLAS gets one thread: the products are small, and its threads cost more in waiting for each other than they give.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ternc.errors import DataError, InternalError
from ternc.network.analysis import accumulator_range, hull, pool_size, sources, sum_size
from ternc.network.blas import one_thread
from ternc.network.layers import Anomaly, IntRange, Linear, Network, Output, Pool, Staircase, Tensor
from ternc.network.sums import Map, Real, TermSums

Codes: TypeAlias = NDArray[np.int64]

PATCH_BYTES = 1 << 20  # one block of windows; small enough to stay in a core's cache
BLOCK_BYTES = 1 << 22  # the largest map of one block of frames
TABLE_ENTRIES = 1 << 20  # above this a staircase is searched instead of tabulated
COMPARE_STEPS = 8  # up to here, comparing with each threshold is fastest


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Trace:
    """Everything that a run computed.

    Attributes:
        tensors: Name of each tensor, the inputs first, to int64 ``[N, C, H, W]``.
        leaving: What leaves the chip, as `predict` returns it.
    """

    tensors: dict[str, Codes]
    leaving: tuple[Codes, ...]

    def __getitem__(self, name: str) -> Codes:
        return self.tensors[name]


def run(network: Network, codes: Sequence[NDArray[Any]]) -> Trace:
    """Execute the network and keep every tensor.

    Args:
        network: What to execute.
        codes: Integers ``[N, C, H, W]`` of each input tensor, in order, inside its range.

    Raises:
        DataError: Wrong number of arrays, shape, type or range.
    """
    tensors = _execute(network, codes, [t.name for t in network.tensors])
    return Trace(tensors=tensors, leaving=_leaving(network, tensors))


def predict(network: Network, codes: Sequence[NDArray[Any]]) -> tuple[Codes, ...]:
    """Execute the network and keep what leaves it.

    Args:
        network: What to execute.
        codes: Integers ``[N, C, H, W]`` of each input tensor, in order, inside its range.

    Returns:
        In the order of ``network.leaving``: for each output int64 ``[N, C, H, W]`` of its tensor, or ``[N, H, W]``
        channel indices of an argmax; for the anomaly ``[N, 2]``, score and flag.

    Raises:
        DataError: Wrong number of arrays, shape, type or range.
    """
    return _leaving(network, _execute(network, codes, network.leaving))


def winners(output: Output, codes: Codes) -> Codes:
    """Channel with the largest real value, of each pixel: ``[N, C, H, W]`` to ``[N, H, W]``."""
    if output.keys is None:
        raise InternalError("network", f"output '{output.name}' ends in an argmax but has no keys")
    multiplier, addend = (key[None, :, None, None] for key in output.keys)
    return np.asarray(np.argmax(codes * multiplier + addend, axis=1), np.int64)


def judged(anomaly: Anomaly, differences: Codes) -> Codes:
    """Score and flag of each frame: ``[N, C, H, W]`` integers of its tensor to ``[N, 2]``."""
    errors = differences * anomaly.factor[:, None, None] + anomaly.offset[:, None, None]
    errors = errors * errors if anomaly.measure == "squares" else np.abs(errors)
    score = errors.sum(axis=(1, 2, 3), dtype=np.int64)
    return np.stack([score, (score > anomaly.limit).astype(np.int64)], axis=1)


def _execute(network: Network, codes: Sequence[NDArray[Any]], wanted: Sequence[str]) -> dict[str, Codes]:
    """The wanted tensors, int64 ``[N, C, H, W]``."""
    _check_codes(network, codes)
    frames = len(codes[0])
    engine = _Engine(network)
    found = {
        t.name: np.empty((frames, t.channels, t.height, t.width), np.int64)
        for t in network.tensors
        if t.name in wanted
    }
    with one_thread():
        for block in engine.blocks(frames):
            for name, values in engine.walk([array[block] for array in codes]):
                if name in found:
                    found[name][block] = values.transpose(0, 3, 1, 2)
    return found


def _leaving(network: Network, tensors: dict[str, Codes]) -> tuple[Codes, ...]:
    found = [
        winners(output, tensors[output.tensor]) if output.reduce else tensors[output.tensor]
        for output in network.outputs
    ]
    if network.anomaly is not None:
        found.append(judged(network.anomaly, tensors[network.anomaly.tensor]))
    return tuple(found)


def _check_codes(network: Network, codes: Sequence[NDArray[Any]]) -> None:
    inputs = network.input_tensors
    if len(codes) != len(inputs):
        raise DataError(
            f"network '{network.name}': codes must be one array for each of its {len(inputs)} inputs, "
            f"but are {len(codes)}"
        )
    for tensor, array in zip(inputs, codes, strict=True):
        _check_array(tensor, array)
        if len(array) != len(codes[0]):
            raise DataError(
                f"tensor '{tensor.name}': codes must have as many frames as those of '{inputs[0].name}', "
                f"{len(codes[0])}, but have {len(array)}"
            )


def _check_array(tensor: Tensor, codes: NDArray[Any]) -> None:
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
        self.layers = [
            _Layer(layer, sources(network, layer), network.tensor(layer.target).range)
            for layer in network.layers
        ]
        self.last_use = {name: i for i, layer in enumerate(network.layers) for name in layer.sources}

    def blocks(self, frames: int) -> Iterator[slice]:
        """Blocks of frames whose largest map stays in the cache."""
        largest = max(layer.largest for layer in self.layers)
        size = max(1, min(frames, BLOCK_BYTES // (4 * largest)))
        return (slice(i, i + size) for i in range(0, frames, size))

    def walk(self, codes: Sequence[NDArray[Any]]) -> Iterator[tuple[str, Map]]:
        """Every tensor in order, ``[N, H, W, C]``, each forgotten after its last reader."""
        maps: dict[str, Map] = {}
        for tensor, array in zip(self.network.input_tensors, codes, strict=True):
            maps[tensor.name] = array.transpose(0, 2, 3, 1)
            yield tensor.name, maps[tensor.name]
        for i, layer in enumerate(self.layers):
            result = layer.run(maps)
            maps[layer.layer.target] = result
            yield layer.layer.target, result
            maps = {name: values for name, values in maps.items() if self.last_use.get(name, -1) > i}


class _Layer:
    def __init__(self, layer: Linear, sources: Sequence[Tensor], target: IntRange) -> None:
        self.layer = layer
        self.size = sum_size(layer, sources)
        ranges = accumulator_range(layer, sources)
        reach = hull([*ranges, target, *(source.range for source in sources)])
        bound = max(-reach.low, reach.high)
        if bound >= 2**53:
            raise InternalError("network", f"layer '{layer.name}' accumulates {bound}, beyond exact float64")
        self.dtype: Real = np.float32 if bound < 2**24 else np.float64
        self.terms = [
            TermSums(term, source, self.size, self.dtype)
            for term, source in zip(layer.terms, sources, strict=True)
        ]
        self.activation = (
            _Activation(layer.activation, ranges, self.dtype) if layer.activation is not None else None
        )
        self.largest = max(
            layer.channels * self.size[0] * self.size[1], *(term.largest for term in self.terms)
        )

    def run(self, maps: dict[str, Map]) -> Map:
        """The layer's target, ``[N, H, W, O]``."""
        prepared = [
            sums.prepare(maps[term.source]) for sums, term in zip(self.terms, self.layer.terms, strict=True)
        ]
        frames, (height, width), out = len(prepared[0]), self.size, self.layer.channels
        result = np.empty((frames, height, width, out), self.dtype)
        row_bytes = max(term.row_bytes for term in self.terms)
        frames_at_once = max(1, PATCH_BYTES // (row_bytes * height))
        rows_at_once = max(1, min(height, PATCH_BYTES // row_bytes))
        for n in range(0, frames, frames_at_once):
            block = [x[n : n + frames_at_once] for x in prepared]
            for top in range(0, height, rows_at_once):
                rows = min(rows_at_once, height - top)
                acc = self.terms[0].rows(block[0], top, rows)
                for term, x in zip(self.terms[1:], block[1:], strict=True):
                    acc += term.rows(x, top, rows)
                if self.activation is not None:
                    acc = self.activation(acc.reshape(-1, out)).reshape(acc.shape)
                result[n : n + frames_at_once, top : top + rows] = acc
        return result if self.layer.pool is None else _pool(self.layer.pool, result)


class _Activation:
    """A staircase on ``[M, O]`` accumulators, in the cheapest of three ways."""

    def __init__(self, staircase: Staircase, ranges: Sequence[IntRange], dtype: Real) -> None:
        self.thresholds = staircase.thresholds
        self.borders = np.ascontiguousarray(staircase.thresholds.T.astype(dtype))
        self.dtype = dtype
        channels, self.steps = staircase.thresholds.shape
        self.first = np.array([r.low for r in ranges], np.int64)
        self.entries = max(r.high - r.low + 1 for r in ranges)
        table = staircase.table
        levels = staircase.low + np.arange(self.steps + 1) if table is None else table
        self.codes = levels.astype(dtype)
        self.start = staircase.low if table is None and -100 < staircase.low < 100 else None
        self.table: NDArray[Any] | None = None
        if self.steps > COMPARE_STEPS and channels * self.entries <= TABLE_ENTRIES:
            reached = np.zeros((channels, self.entries + 1), np.int64)
            positions = np.clip(staircase.thresholds - self.first[:, None], 0, self.entries)
            np.add.at(reached, (np.arange(channels)[:, None], positions), 1)
            self.table = self.codes[reached[:, :-1].cumsum(axis=1)].ravel()

    def __call__(self, acc: Map) -> Map:
        if self.steps <= COMPARE_STEPS:
            found = np.full(acc.shape, self.start or 0, np.int8)
            for border in self.borders:
                found += acc >= border
            return self.codes.take(found) if self.start is None else found.astype(self.dtype)
        if self.table is not None:
            offset = np.arange(len(self.first)) * self.entries - self.first
            index = acc.astype(np.int32)
            index += offset.astype(np.int32)
            return np.asarray(self.table.take(index))
        columns = [np.searchsorted(self.thresholds[c], acc[:, c], side="right") for c in range(acc.shape[1])]
        return self.codes.take(np.stack(columns, axis=1))


def _pool(pool: Pool, x: Map) -> Map:
    """Window maximum (or minimum, per channel) of ``[N, H, W, C]``; what lies outside never wins."""
    sign = np.where(np.array(pool.minimum), -1, 1).astype(x.dtype)
    flipped = any(pool.minimum)
    x = x * sign if flipped else x
    height, width = pool_size(pool, (x.shape[1], x.shape[2]))
    if any(pool.padding):
        top, left, bottom, right = pool.padding
        x = np.pad(x, ((0, 0), (top, bottom), (left, right), (0, 0)), constant_values=-np.inf)
    for axis, count in ((1, height), (2, width)):
        x = _running_maximum(
            x, axis, count, pool.kernel[axis - 1], pool.stride[axis - 1], pool.dilation[axis - 1]
        )
    return x * sign if flipped else x


def _running_maximum(x: Map, axis: int, count: int, taps: int, stride: int, dilation: int) -> Map:
    """``count`` windows along one axis."""
    before = (slice(None),) * axis
    reach = (count - 1) * stride + 1
    best = x[(*before, slice(0, reach, stride))]
    for tap in range(1, taps):
        best = np.maximum(best, x[(*before, slice(tap * dilation, tap * dilation + reach, stride))])
    return best
