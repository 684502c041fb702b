"""Every value of every layer, of many frames at once: what the engines finished against the golden model."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from ternc.network import golden
from ternc.network.layers import Linear, Network
from ternc.schedule.design import ArrayShape, Event
from ternc.schedule.events import frame_events, wire_form
from ternc.schedule.store import StoredEngine
from ternc.simulate.ends import Codes

_CHUNK_FRAMES = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class WrongValue:
    """A finished value that is not golden's.

    Attributes:
        frame: From 0.
        layer: Name of the layer that computed it.
        channel, pixel: Place in the layer's output (after its pool), pixel = (y, x).
        expected, got: Integers of the network; ``got`` is None where the value never came.
    """

    frame: int
    layer: str
    channel: int
    pixel: tuple[int, int]
    expected: int
    got: int | None


def first_wrong(
    network: Network,
    engines: Sequence[StoredEngine],
    codes: Sequence[Codes],
    vectors: Sequence[NDArray[np.int64]],
) -> WrongValue | None:
    """The first value that is not golden's: of the first frame that has one, its first engine, in the engine's order.

    Args:
        network: What they compute.
        engines: In the order of their layers; an engine reads only what engines before it made.
        codes: Network inputs, int64 ``[frames, C, H, W]`` each.
        vectors: Of each engine what it finished, int64 ``[vectors, cols]``, frame after frame.
    """
    plans = [_Plan(network, engine.layers, engine.shape) for engine in engines]
    frames = len(codes[0])
    for first in range(0, frames, _CHUNK_FRAMES):
        chunk = slice(first, min(first + _CHUNK_FRAMES, frames))
        expected = golden.run(network, [array[chunk] for array in codes])
        found = [
            place
            for plan, values in zip(plans, vectors, strict=True)
            for place in plan.wrong(expected, values[first * plan.events :], chunk.stop - first)
        ]
        if found:
            place = min(found, key=lambda one: one.frame)
            return WrongValue(
                frame=first + place.frame,
                layer=place.layer,
                channel=place.channel,
                pixel=place.pixel,
                expected=place.expected,
                got=place.got,
            )
    return None


class _Plan:
    """Where in the network the vectors of an engine's frame belong."""

    def __init__(self, network: Network, layers: Sequence[str], shape: ArrayShape) -> None:
        # A vector each.
        events = [(event, x) for event in frame_events(network, layers, shape) for x in event.columns]
        self.network, self.cols, self.events = network, shape.cols, len(events)
        named = {layer.name: layer for layer in network.layers}
        self.layers = [_Layer(network, named[name], shape, events) for name in layers]

    def wrong(self, expected: golden.Trace, vectors: NDArray[np.int64], frames: int) -> Iterator[WrongValue]:
        """The first wrong value of each frame that has one, at most one a frame and layer."""
        whole = min(frames, len(vectors) // self.events)
        values = vectors[: whole * self.events].reshape(whole, self.events, self.cols)
        for frame in range(whole):
            found = next((w for layer in self.layers for w in layer.wrong(expected, values, frame)), None)
            if found is not None:
                yield found
                return
        if whole < frames:
            rest = vectors[whole * self.events :]
            for layer in self.layers:
                yield from layer.missing(expected, len(rest), whole)


class _Layer:
    """The vectors of one layer: their places, and golden's values in the form of the wires."""

    def __init__(
        self, network: Network, layer: Linear, shape: ArrayShape, events: Sequence[tuple[Event, int]]
    ) -> None:
        self.name, self.target = layer.name, network.tensor(layer.target)
        mine = [
            n
            for n, (event, _) in enumerate(events)
            if event.layer == layer.name and event.y < self.target.height
        ]
        self.at = np.array(mine, np.int64)
        self.y = np.array([events[n][0].y for n in mine], np.int64)
        self.x = np.array([events[n][1] for n in mine], np.int64)
        first = np.array([events[n][0].first_channel for n in mine], np.int64)
        self.channel = first[:, None] + np.arange(shape.cols)
        self.real = self.channel < self.target.channels
        self.factor, self.addend = wire_form(network, layer)

    def expected(self, trace: golden.Trace, frame: int) -> NDArray[np.int64]:
        """Golden's values, int64 ``[vectors, cols]``; where a column has no channel, those of the last one."""
        channel = np.minimum(self.channel, self.target.channels - 1)
        found: NDArray[np.int64] = trace[self.target.name][frame][channel, self.y[:, None], self.x[:, None]]
        return found.astype(np.int64)

    def digest(self, trace: golden.Trace, frame: int) -> int:
        """Of golden's values in the form of the wires, in the order of the vectors."""
        channel = np.minimum(self.channel, self.target.channels - 1)
        wires = (self.expected(trace, frame) * self.factor[channel] + self.addend[channel])[self.real]
        factors = np.full(len(wires), DIGEST_FACTOR, np.uint64)
        factors[:1] = 1
        return int((np.cumprod(factors)[::-1] * wires.astype(np.uint64)).sum(dtype=np.uint64))

    def wrong(self, trace: golden.Trace, values: NDArray[np.int64], frame: int) -> Iterator[WrongValue]:
        """The first wrong value of a frame, if there is one."""
        wanted, got = self.expected(trace, frame), values[frame][self.at]
        channel = np.minimum(self.channel, self.target.channels - 1)
        factor, addend = self.factor[channel], self.addend[channel]
        for n, c in np.argwhere((got != wanted * factor + addend) & self.real)[:1]:
            value = int((got[n, c] - addend[n, c]) // factor[n, c])
            yield self._place(frame, n, c, int(wanted[n, c]), value)

    def missing(self, trace: golden.Trace, came: int, frame: int) -> Iterator[WrongValue]:
        """The first value of a frame that did not come, if one is this layer's."""
        for n in np.flatnonzero(self.at >= came)[:1]:
            yield self._place(frame, n, 0, int(self.expected(trace, frame)[n, 0]), None)

    def _place(self, frame: int, n: int, c: int, expected: int, got: int | None) -> WrongValue:
        return WrongValue(
            frame=frame,
            layer=self.name,
            channel=int(self.channel[n, c]),
            pixel=(int(self.y[n]), int(self.x[n])),
            expected=expected,
            got=got,
        )


# ---- digests, for a test bench that has no golden model -----------------------------------------------------

DIGEST_FACTOR = 0x100000001B3
"""A layer's digest of a frame: ``digest * factor + value`` over its values, modulo ``2**64``."""


def digests(network: Network, engines: Sequence[StoredEngine], codes: Sequence[Codes]) -> tuple[str, ...]:
    """Lines that say what each engine finishes in each frame, and what golden's values are.

    For each engine ``engine N``, then for each of its layers ``layer NAME`` and ``digests D ...``, one a frame; then
    ``run LAYER CHANNELS COUNT``: the next COUNT vectors are the layer's, and their first CHANNELS values count.
    """
    expected = golden.run(network, codes)
    lines = [f"frames {len(codes[0])}"]
    for number, engine in enumerate(engines):
        plan = _Plan(network, engine.layers, engine.shape)
        which, used = np.zeros(plan.events, np.int64), np.zeros(plan.events, np.int64)
        lines.append(f"engine {number}")
        for index, layer in enumerate(plan.layers):
            found = [layer.digest(expected, frame) for frame in range(len(codes[0]))]
            lines += [f"layer {layer.name}", f"digests {' '.join(map(str, found))}"]
            which[layer.at], used[layer.at] = index, layer.real.sum(axis=1)
        ends = np.flatnonzero((np.diff(which) != 0) | (np.diff(used) != 0)) + 1
        edges = [0, *ends.tolist(), plan.events]
        lines += [f"run {which[a]} {used[a]} {b - a}" for a, b in pairwise(edges)]
    return tuple(lines)
