"""When every row of every engine starts, exactly: whole frames through a pipeline without stalls at its ports.

Each maker of vectors (engine or input stream) executes its rows in a fixed order. A row starts as soon as the maker is
done with the one before, the rows that it reads have arrived and its keepers have room (docs/program.md, 'Timing').
Nothing else can delay it, so its start is a maximum of sums of earlier starts and constants.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from ternc.schedule.design import Rows
from ternc.schedule.timing import (
    ARRIVE_LATENCY,
    FREE_DELAY,
    FREE_TO_START,
    FREE_TO_STREAM,
    OUTPUT_FREE_DELAY,
    OUTPUT_LATENCY,
    ROW_DISTANCE,
    STREAM_LATENCY,
)

BEFORE = -(1 << 40)
"""Earlier than every cycle."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RowCycles:
    """One row of an engine's frame.

    Attributes:
        cycles: It takes; tail: from its start to its last vector's pass and pixel (`RowProgram`).
        needs, frees, takes: Of each of the engine's buffers.
        keepers: Numbers of the pipeline's keepers that get its vectors.
        flush: Cycles behind it before the next row.
    """

    cycles: int
    tail: int
    needs: tuple[int, ...]
    frees: tuple[int, ...]
    takes: tuple[bool, ...]
    keepers: tuple[int, ...]
    flush: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineCycles:
    """An engine: its rows of a frame, its buffers as numbers of keepers, and its latency from tap to link."""

    rows: tuple[RowCycles, ...]
    buffers: tuple[int, ...]
    link_latency: int

    @property
    def busy(self) -> int:
        """Cycles of a frame if it never waits."""
        return sum(
            max(ROW_DISTANCE, row.cycles + row.flush) if row.flush else max(ROW_DISTANCE, row.cycles)
            for row in self.rows
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamCycles:
    """An input stream: rows of a frame, beats of a row, and the keepers that it fills."""

    rows: int
    beats: int
    keepers: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputCycles:
    """An output: its keeper, rows of a frame that are sent, beats of a row, and cycles from there to its port."""

    keeper: int
    rows: int
    beats: int
    delay: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreCycles:
    """The score: its keeper, steps of a frame, and cycles from a frame's last vector to its beat."""

    keeper: int
    steps: int
    latency: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Pipeline:
    """Everything that takes part. ``keepers`` are the circular buffers; that of the score has room for all."""

    streams: tuple[StreamCycles, ...]
    engines: tuple[EngineCycles, ...]
    outputs: tuple[OutputCycles, ...]
    score: ScoreCycles | None
    keepers: tuple[Rows, ...]

    @property
    def least_interval(self) -> int:
        """Cycles per frame of the slowest part alone: no choice of capacities can be faster."""
        return max(
            *(engine.busy for engine in self.engines),
            *(stream.rows * stream.beats for stream in self.streams),
            *(output.rows * output.beats for output in self.outputs),
            1,
        )


@dataclass(slots=True)
class _Keeper:
    """A circular buffer through time: when which rows arrived and were freed."""

    step: int
    frame: int
    capacity: int
    maker: int  # engine that fills it, and the one that reads it; -1 for a port
    reader: int
    claims: list[int] = field(
        default_factory=list
    )  # of each step: the last cycle in which its room could be freed
    arrivals: list[int] = field(default_factory=list)  # of each step: the cycle from which its reader sees it
    freed: list[int] = field(default_factory=lambda: [0])  # rows freed in all, rising
    when: list[int] = field(default_factory=lambda: [BEFORE])  # the cycle of each of these
    seen: int = 0  # which of them the last claim needed

    def arrived(self, rows: int) -> int | None:
        """The cycle from which so many rows since reset, at least one, are there; None if it is not known yet."""
        step = -(-rows // self.step)
        return self.arrivals[step - 1] if step <= len(self.arrivals) else None

    def room(self) -> int | None:
        """The cycle in which the rows were freed that the next claim needs; None if it is not known yet."""
        needed = (len(self.claims) + 1) * self.step - self.capacity
        freed, at = self.freed, self.seen
        if freed[-1] < needed:
            return None
        while freed[at] < needed:  # claims only grow, so the search goes on where it was
            at += 1
        self.seen = at
        return self.when[at]

    def free(self, rows: int, cycle: int) -> None:
        """So many rows, in a cycle."""
        if rows:
            self.freed.append(self.freed[-1] + rows)
            self.when.append(cycle)

    @property
    def enough(self) -> int:
        """The smallest capacity with which every claim would have had its room in time."""
        free = np.array(self.freed)[np.searchsorted(self.when, self.claims, side="right") - 1]
        return int((self.step * np.arange(1, len(free) + 1) - free).max(initial=self.step))


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameCycles:
    """What came of some frames.

    Attributes:
        ends: The cycle of each frame's last output beat, on whichever port, counted from the first ready cycle.
        waits: For each keeper, cycles for which it held up its maker longest.
        enough: For each keeper, the smallest capacity with which no row would have started later: all of them may be
            cut to that at once.
        stuck: Keepers that hold up their makers for ever: the pipeline deadlocks, and ``ends`` is short.
    """

    ends: tuple[int, ...]
    waits: tuple[int, ...]
    enough: tuple[int, ...]
    stuck: tuple[int, ...]

    @property
    def interval(self) -> int:
        """Cycles per frame, see `interval`."""
        return interval(self.ends)


def interval(ends: Sequence[int]) -> int:
    """Cycles per frame at the end of a run of back-to-back frames: their mean over its second half, rounded up.

    Frames may come in a rhythm of several.

    Args:
        ends: The cycle of each frame's last output beat; at least 2.
    """
    half = len(ends) // 2
    return -(-(ends[-1] - ends[-1 - half]) // half)


def _ends(pipeline: Pipeline) -> tuple[list[int], list[int]]:
    """Of each keeper the engine that fills it and the engine that reads it; -1 where a port does."""
    makers, readers = [-1] * len(pipeline.keepers), [-1] * len(pipeline.keepers)
    for n, engine in enumerate(pipeline.engines):
        for number in {number for row in engine.rows for number in row.keepers}:
            makers[number] = n
        for number in engine.buffers:
            readers[number] = n
    return makers, readers


class _Run:
    """The state of a run; every part goes on as far as what it depends on is known."""

    def __init__(self, pipeline: Pipeline, frames: int, latest: int | None) -> None:
        self.pipeline = pipeline
        self.frames = frames
        self.latest = latest
        makers, readers = _ends(pipeline)
        self.keepers = [
            _Keeper(
                step=rows.step, frame=rows.frame, capacity=rows.capacity, maker=makers[n], reader=readers[n]
            )
            for n, rows in enumerate(pipeline.keepers)
        ]
        self.news = [True] * (len(pipeline.engines) + 1)  # of each engine; the last is that of ports, -1
        self.waits = [0] * len(pipeline.keepers)
        self.stream_at = [[0, 0] for _ in pipeline.streams]  # rows done, earliest next start
        self.engine_at = [[0, 0] for _ in pipeline.engines]
        self.taken = [[0] * len(engine.buffers) for engine in pipeline.engines]
        self.output_at = [[0, BEFORE] for _ in pipeline.outputs]
        self.ends: list[list[int]] = [[] for _ in pipeline.outputs]
        self.score_ends: list[int] = []

    def run(self) -> FrameCycles:
        """All frames."""
        moving = True
        while moving and not self.late():
            moving = False
            for n in range(len(self.pipeline.streams)):
                moving |= self.stream(n)
            for n in range(len(self.pipeline.engines)):
                if self.news[n]:
                    self.news[n] = False
                    moving |= self.engine(n)
            for n in range(len(self.pipeline.outputs)):
                moving |= self.output(n)
        ends = [*self.ends, *([self.score_ends] if self.pipeline.score else [])]
        done = min(len(one) for one in ends)
        last = tuple(max(one[frame] for one in ends) for frame in range(done))
        stuck = tuple(sorted(self.stuck())) if done < self.frames and not self.late() else ()
        enough = tuple(keeper.enough for keeper in self.keepers)
        return FrameCycles(ends=last, waits=tuple(self.waits), enough=enough, stuck=stuck)

    def late(self) -> bool:
        """Whether the first frame ended behind the latest cycle on some port."""
        if self.latest is None:
            return False
        firsts = [one[0] for one in (*self.ends, self.score_ends) if one]
        return max(firsts, default=BEFORE) > self.latest

    def stuck(self) -> set[int]:
        """The keepers without room for a maker's next step."""
        waiting = [one.keepers for one in self.pipeline.streams]
        for one, at in zip(self.pipeline.engines, self.engine_at, strict=True):
            waiting.append(one.rows[at[0] % len(one.rows)].keepers)
        return {n for keepers in waiting for n in keepers if self.keepers[n].room() is None}

    def start(self, earliest: int, keepers: Sequence[int], lag: int) -> int | None:
        """When a maker may start its next step, or None if that is not known yet."""
        found, slowest = earliest, None
        for number in keepers:
            room = self.keepers[number].room()
            if room is None:
                return None
            if room + lag > found:
                found, slowest = room + lag, number
        if slowest is not None:
            self.waits[slowest] += found - earliest
        return found

    def deliver(self, keepers: Sequence[int], claimed: int, vector: int) -> None:
        """A step whose room had to be free in one cycle and whose last vector is on the link in another."""
        score = self.pipeline.score
        for number in keepers:
            keeper = self.keepers[number]
            keeper.claims.append(claimed)
            keeper.arrivals.append(vector + ARRIVE_LATENCY)
            self.news[keeper.reader] = True
            if score is not None and number == score.keeper:
                keeper.free(keeper.step, BEFORE)
                if len(keeper.claims) % score.steps == 0:
                    self.score_ends.append(vector + score.latency)

    def stream(self, n: int) -> bool:
        """Beats of one input as far as they can come."""
        one, at, moved = self.pipeline.streams[n], self.stream_at[n], False
        while at[0] < self.frames * one.rows:
            start = self.start(at[1], one.keepers, FREE_TO_STREAM)
            if start is None:
                break
            at[0], at[1], moved = at[0] + 1, start + one.beats, True
            self.deliver(one.keepers, start - FREE_TO_STREAM, start + one.beats - 1 + STREAM_LATENCY)
        return moved

    def engine(self, n: int) -> bool:
        """Rows of one engine as far as they can start."""
        one, at, taken, moved = self.pipeline.engines[n], self.engine_at[n], self.taken[n], False
        buffers = [self.keepers[number] for number in one.buffers]
        count, latency = len(one.rows), one.link_latency
        while at[0] < self.frames * count:
            row = one.rows[at[0] % count]
            ready = at[1]
            for keeper, need, frames in zip(buffers, row.needs, taken, strict=True):
                if need:
                    step = -(-(frames * keeper.frame + need) // keeper.step)
                    if step > len(keeper.arrivals):
                        return moved
                    there = keeper.arrivals[step - 1]
                    if there >= ready:
                        ready = there + 1
            start = self.start(ready, row.keepers, FREE_TO_START)
            if start is None:
                return moved
            moved = True
            end = start + row.cycles
            at[0], at[1] = at[0] + 1, max(start + ROW_DISTANCE, end + row.flush)
            self.deliver(row.keepers, start - FREE_TO_START, start + row.tail + latency)
            for k, keeper in enumerate(buffers):
                if row.frees[k]:
                    keeper.free(row.frees[k], end + FREE_DELAY)
                    self.news[keeper.maker] = True
                taken[k] += row.takes[k]
        return moved

    def output(self, n: int) -> bool:
        """Rows of one output as far as they can be sent."""
        one, at, moved = self.pipeline.outputs[n], self.output_at[n], False
        keeper = self.keepers[one.keeper]
        while at[0] < self.frames * one.rows:
            frame, row = divmod(at[0], one.rows)
            there = keeper.arrived(frame * keeper.frame + row + 1)
            if there is None:
                break
            start = max(at[1], there)
            at[0], at[1], moved = at[0] + 1, start + one.beats, True
            last = row == one.rows - 1
            spare = keeper.frame - one.rows if last else 0
            keeper.free(1 + spare, start + one.beats - 1 + OUTPUT_FREE_DELAY)
            self.news[keeper.maker] = True
            if last:
                self.ends[n].append(start + one.beats - 1 + OUTPUT_LATENCY + one.delay)
        return moved


def frame_cycles(pipeline: Pipeline, frames: int, *, latest: int | None = None) -> FrameCycles:
    """Run frames back to back from reset; no further than the first frame where it ends behind the latest cycle."""
    return _Run(pipeline, frames, latest).run()
