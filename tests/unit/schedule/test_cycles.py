"""The row-by-row model of a pipeline against its registers, played clock by clock."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace

import pytest
from cuts import cuts, lines
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from networks import Knobs, networks

from ternc.network.layers import Network
from ternc.schedule.capacity import with_capacities
from ternc.schedule.cycles import (
    EngineCycles,
    OutputCycles,
    Pipeline,
    RowCycles,
    ScoreCycles,
    StreamCycles,
    frame_cycles,
)
from ternc.schedule.design import Rows
from ternc.schedule.timing import (
    ARRIVE_LATENCY,
    FREE_DELAY,
    OUTPUT_FREE_DELAY,
    OUTPUT_LATENCY,
    ROW_DISTANCE,
    STREAM_LATENCY,
)

FRAMES = 4


@dataclass
class Register:
    """The counters of one circular buffer (ternc_rows); what is put in for a cycle shows from that cycle on."""

    rows: Rows
    used: int = 0
    have: int = 0
    coming: dict[int, list[tuple[int, int]]] = field(default_factory=lambda: defaultdict(list))

    def put(self, cycle: int, used: int = 0, have: int = 0) -> None:
        self.coming[cycle].append((used, have))

    def clock(self, cycle: int) -> None:
        for used, have in self.coming.pop(cycle, ()):
            self.used, self.have = self.used + used, self.have + have
        assert 0 <= self.used <= self.rows.capacity or self.unbounded

    @property
    def unbounded(self) -> bool:
        """The score adds up what comes and keeps no rows."""
        return self.rows.capacity <= 0

    @property
    def room(self) -> bool:
        return self.unbounded or self.used + self.rows.step <= self.rows.capacity


class Toy:
    """Every part decides, in each cycle, from what registers show in it or showed in the cycle before."""

    def __init__(self, pipeline: Pipeline) -> None:
        self.p, self.cycle, self.last_event = pipeline, 0, 0
        # Cycles without any event after which it is stuck.
        self.patience = 200 + max(
            row.cycles + row.flush + engine.link_latency for engine in pipeline.engines for row in engine.rows
        )
        self.keepers = [Register(rows) for rows in pipeline.keepers]
        if pipeline.score:
            rows = pipeline.keepers[pipeline.score.keeper]
            self.keepers[pipeline.score.keeper] = Register(replace(rows, capacity=0))
        self.stream_beat = [0] * len(pipeline.streams)  # of all frames
        self.row = [0] * len(pipeline.engines)
        self.engine_free = [0] * len(pipeline.engines)
        self.row_ok = [False] * len(pipeline.engines)  # a register
        self.taken = [[0] * len(engine.buffers) for engine in pipeline.engines]
        self.sent = [0] * len(pipeline.outputs)  # beats of all frames
        self.ends: list[list[int]] = [[] for _ in pipeline.outputs]
        self.score_steps, self.score_ends = 0, list[int]()

    def run(self, frames: int) -> tuple[int, ...]:
        """The cycle of each frame's last beat, as many as come."""
        while min(map(len, self.all_ends)) < frames and self.cycle < self.last_event + self.patience:
            for keeper in self.keepers:
                keeper.clock(self.cycle)
            for n in range(len(self.p.streams)):
                self.stream(n, frames)
            for n in range(len(self.p.engines)):
                self.engine(n, frames)
            for n in range(len(self.p.outputs)):
                self.output(n)
            self.cycle += 1
        done = min(map(len, self.all_ends))
        return tuple(max(ends[frame] for ends in self.all_ends) for frame in range(min(done, frames)))

    @property
    def all_ends(self) -> list[list[int]]:
        return [*self.ends, *([self.score_ends] if self.p.score else [])]

    def vector(self, keepers: tuple[int, ...], cycle: int) -> None:
        """The last vector of a step is on its links in a cycle."""
        for n in keepers:
            self.keepers[n].put(cycle + ARRIVE_LATENCY, have=self.keepers[n].rows.step)
            if self.p.score and n == self.p.score.keeper:
                self.score_steps += 1
                if self.score_steps % self.p.score.steps == 0:
                    self.score_ends.append(cycle + self.p.score.latency)

    def stream(self, n: int, frames: int) -> None:
        one, beat = self.p.streams[n], self.stream_beat[n]
        if beat == frames * one.rows * one.beats:
            return
        if beat % one.beats == 0:
            if not all(self.keepers[k].room for k in one.keepers):
                return
            for k in one.keepers:
                self.keepers[k].put(self.cycle + 1, used=self.keepers[k].rows.step)
        self.stream_beat[n], self.last_event = beat + 1, self.cycle
        if (beat + 1) % one.beats == 0:
            self.vector(one.keepers, self.cycle + STREAM_LATENCY)

    def engine(self, n: int, frames: int) -> None:
        one = self.p.engines[n]
        if self.row[n] == frames * len(one.rows):
            return
        row = one.rows[self.row[n] % len(one.rows)]
        if self.row_ok[n] and self.cycle >= self.engine_free[n]:
            s, self.last_event = self.cycle, self.cycle
            for k in row.keepers:
                self.keepers[k].put(s + 2, used=self.keepers[k].rows.step)
            for number, (k, free, take) in enumerate(zip(one.buffers, row.frees, row.takes, strict=True)):
                self.keepers[k].put(s + row.cycles + FREE_DELAY + 1, used=-free)
                if take:
                    self.taken[n][number] += self.keepers[k].rows.frame
            self.vector(row.keepers, s + row.tail + one.link_latency)
            self.engine_free[n] = max(s + ROW_DISTANCE, s + row.cycles + row.flush)
            self.row[n] += 1
            self.row_ok[n] = False
            row = one.rows[self.row[n] % len(one.rows)]
        # what registers show in this cycle is in row_ok in the next one; claims are seen two cycles after a start
        here = zip(one.buffers, row.needs, self.taken[n], strict=True)
        self.row_ok[n] = all(self.keepers[k].room for k in row.keepers) and all(
            not need or self.keepers[k].have - taken >= need for k, need, taken in here
        )

    def output(self, n: int) -> None:
        one, keeper = self.p.outputs[n], self.keepers[self.p.outputs[n].keeper]
        row, beat = divmod(self.sent[n], one.beats)
        frame, row = divmod(row, one.rows)
        if keeper.have < frame * keeper.rows.frame + row + 1:
            return
        self.sent[n], self.last_event = self.sent[n] + 1, self.cycle
        if beat == one.beats - 1:
            last = row == one.rows - 1
            spare = keeper.rows.frame - one.rows if last else 0
            keeper.put(self.cycle + OUTPUT_FREE_DELAY + 1, used=-1 - spare)
            if last:
                self.ends[n].append(self.cycle + OUTPUT_LATENCY + one.delay)


@dataclass(frozen=True)
class Made:
    """A tensor of a random pipeline: rows of a frame, rows of a step; who reads it is said later."""

    frame: int
    step: int


Plan = tuple[list[tuple[int, int]], dict[int, tuple[list[int], list[int], list[bool]]], int]
"""An engine: its layers by tensor and row steps; needs, frees and ends by keeper; its latency."""


class Builder:
    """Draws pipelines of streams, engines of one or two layers, outputs and perhaps a score."""

    def __init__(self, draw: st.DrawFn) -> None:
        self.draw = draw
        self.keepers: list[Rows] = []
        self.readers: dict[int, list[int]] = defaultdict(list)  # keepers by tensor
        self.tensors: list[Made] = []

    def number(self, low: int, high: int) -> int:
        return self.draw(st.integers(low, high))

    def keep(self, tensor: int, most: int = 3) -> int:
        made = self.tensors[tensor]
        capacity = made.step * self.number(1, max(1, most * made.frame // made.step))
        self.keepers.append(Rows(capacity=capacity, frame=made.frame, step=made.step))
        self.readers[tensor].append(len(self.keepers) - 1)
        return len(self.keepers) - 1

    def reads(self, count: int, frame: int) -> tuple[list[int], list[int], int]:
        """(needs, frees, row in which the frame ends) of an engine of ``count`` rows a frame."""
        end = self.number(0, count - 1)
        there = [*sorted(self.number(1, frame) for _ in range(end)), frame]
        gone, done = [], 0
        for at in there[:-1]:
            done = self.number(done, at)
            gone.append(done)
        gone.append(frame)
        rest = count - end - 1
        frees = [now - before for before, now in zip([0, *gone], gone, strict=False)]
        return there + [0] * rest, frees + [0] * rest, end

    def pipeline(self) -> Pipeline:
        streams: list[tuple[int, int, int]] = []  # tensor, rows, beats
        plans: list[Plan] = []
        for _ in range(self.number(1, 2)):
            rows = self.number(1, 6)
            streams.append((len(self.tensors), rows, self.number(1, 12)))
            self.tensors.append(Made(frame=rows, step=1))
        plans += [self.engine() for _ in range(self.number(1, 3))]
        plans += [self.engine(tensor) for tensor, _, _ in streams if not self.readers[tensor]]
        outputs = []
        score_tensor = len(self.tensors) - 1 if self.draw(st.booleans()) else None
        for tensor in range(len(streams), len(self.tensors)):
            if self.readers[tensor] and not self.draw(st.booleans()):
                continue
            made = self.tensors[tensor]
            outputs.append(
                OutputCycles(
                    keeper=self.keep(tensor),
                    rows=made.frame - self.number(0, made.step - 1),
                    beats=self.number(1, 12),
                    delay=self.number(0, 3),
                )
            )
        score = None
        if score_tensor is not None:
            made = self.tensors[score_tensor]
            self.keep(score_tensor)
            self.keepers[-1] = replace(self.keepers[-1], capacity=made.frame)
            score = ScoreCycles(keeper=len(self.keepers) - 1, steps=made.frame // made.step, latency=7)
        return Pipeline(
            streams=tuple(
                StreamCycles(rows=rows, beats=beats, keepers=tuple(self.readers[tensor]))
                for tensor, rows, beats in streams
            ),
            engines=tuple(self.finished(*plan) for plan in plans),
            outputs=tuple(outputs),
            score=score,
            keepers=tuple(self.keepers),
        )

    def engine(self, must: int | None = None) -> Plan:
        """That reads the tensor that must be read, or any."""
        chosen = set(self.draw(st.lists(st.integers(0, len(self.tensors) - 1), min_size=1, max_size=2)))
        chosen = {must} if must is not None else chosen
        buffers = [(self.keep(tensor), self.tensors[tensor].frame) for tensor in sorted(chosen)]
        layers = []
        for _ in range(self.number(1, 2)):
            steps, step = self.number(1, 5), self.number(1, 2)
            layers.append((len(self.tensors), steps))
            self.tensors.append(Made(frame=steps * step, step=step))
        count = sum(steps for _, steps in layers)
        found = {}
        for keeper, frame in buffers:
            needs, frees, end = self.reads(count, frame)
            found[keeper] = (needs, frees, [r == end for r in range(count)])
        return layers, found, self.number(8, 40)

    def finished(
        self,
        layers: list[tuple[int, int]],
        buffers: dict[int, tuple[list[int], list[int], list[bool]]],
        latency: int,
    ) -> EngineCycles:
        rows: list[RowCycles] = []
        for tensor, steps in layers:
            cycles = self.number(1, 30)
            tail = self.number(1, cycles + 5)
            for r in range(steps):
                at = len(rows)
                rows.append(
                    RowCycles(
                        cycles=cycles,
                        tail=tail,
                        needs=tuple(one[0][at] for one in buffers.values()),
                        frees=tuple(one[1][at] for one in buffers.values()),
                        takes=tuple(one[2][at] for one in buffers.values()),
                        keepers=tuple(self.readers[tensor]),
                        flush=self.number(0, 20) if r == steps - 1 else 0,
                    )
                )
        return EngineCycles(rows=tuple(rows), buffers=tuple(buffers), link_latency=latency)


@st.composite
def pipelines(draw: st.DrawFn) -> Pipeline:
    """Any, also such that hang."""
    return Builder(draw).pipeline()


@settings(max_examples=150, deadline=None)
@given(pipelines())
def test_maxima_of_sums_are_what_the_registers_do(pipeline: Pipeline) -> None:
    found = frame_cycles(pipeline, FRAMES)
    assert found.ends == Toy(pipeline).run(FRAMES)
    assert bool(found.stuck) == (len(found.ends) < FRAMES)
    assert len(found.ends) in (0, FRAMES), "whoever gets one frame through gets all through"


@settings(max_examples=150, deadline=None)
@given(pipelines())
def test_no_row_starts_later_where_capacities_are_just_enough(pipeline: Pipeline) -> None:
    found = frame_cycles(pipeline, FRAMES)
    assume(not found.stuck)
    cut = frame_cycles(with_capacities(pipeline, found.enough), FRAMES)
    assert cut.ends == found.ends
    assert cut.enough == found.enough
    assert all(most.capacity >= least for most, least in zip(pipeline.keepers, found.enough, strict=True))


@settings(max_examples=15, deadline=None)
@given(networks(Knobs(layers=3, size=6)), st.data())
def test_scheduled_pipelines_are_what_the_registers_do(network: Network, data: st.DataObject) -> None:
    pipeline = lines(network, data.draw(cuts(network))).pipeline
    found = frame_cycles(pipeline, 2)
    assert len(found.ends) == 2
    assert found.ends == Toy(pipeline).run(2)


@pytest.mark.parametrize(("capacity", "waits"), [(1, True), (9, False)])
def test_waits_name_the_buffer_that_holds_up_its_maker(capacity: int, waits: bool) -> None:
    row = RowCycles(cycles=9, tail=9, needs=(1,), frees=(1,), takes=(True,), keepers=(1,), flush=0)
    pipeline = Pipeline(
        streams=(StreamCycles(rows=1, beats=9, keepers=(0,)),),
        engines=(EngineCycles(rows=(row,), buffers=(0,), link_latency=20),),
        outputs=(OutputCycles(keeper=1, rows=1, beats=9, delay=0),),
        score=None,
        keepers=(Rows(capacity=4, frame=1, step=1), Rows(capacity=capacity, frame=1, step=1)),
    )
    found = frame_cycles(pipeline, 8)
    assert bool(found.waits[1]) == waits
    assert (found.interval > 9) == waits


@pytest.mark.parametrize("capacity", [2, 3, 9])
def test_enough_is_what_a_buffer_holds_at_most(capacity: int) -> None:
    """A reader as fast as its maker whose first row needs three, of which each frees one."""
    rows = [
        RowCycles(cycles=20, tail=20, needs=(n,), frees=(f,), takes=(n == 4,), keepers=(1,), flush=0)
        for n, f in ((3, 1), (4, 3))
    ]
    pipeline = Pipeline(
        streams=(StreamCycles(rows=4, beats=10, keepers=(0,)),),
        engines=(EngineCycles(rows=tuple(rows), buffers=(0,), link_latency=20),),
        outputs=(OutputCycles(keeper=1, rows=2, beats=9, delay=0),),
        score=None,
        keepers=(Rows(capacity=capacity, frame=4, step=1), Rows(capacity=9, frame=2, step=1)),
    )
    found = frame_cycles(pipeline, 8)
    assert bool(found.stuck) == (capacity < 3)
    if not found.stuck:
        fewer = with_capacities(pipeline, [found.enough[0] - 1, 9])
        later = frame_cycles(fewer, 8)
        assert later.stuck or later.waits[0] > found.waits[0]
