"""Rows that a row step needs, and rows that nobody needs any more, against the definition of a layer."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from cuts import cuts, lines
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import assemble, networks

from ternc.network.layers import IntRange, Linear, Network, Tensor, Term
from ternc.schedule.axes import Walk
from ternc.schedule.cycles import (
    EngineCycles,
    OutputCycles,
    Pipeline,
    RowCycles,
    StreamCycles,
    frame_cycles,
)
from ternc.schedule.design import Rows
from ternc.schedule.lines import Lines
from ternc.schedule.plan import StagePlanner
from ternc.schedule.reach import InputRows, input_rows, least_rows
from ternc.schedule.stage import Stage, cut


def touched(layer: Linear, walk: Walk, tensor: Tensor, row: int) -> Iterator[int]:
    """Rows of the map that the taps of a row step read, by the definition of a layer."""
    for phase in range(walk.vertical.phases):
        out = row * walk.vertical.phases + phase
        for window in range(walk.vertical.windows):
            pool = layer.pool
            sums = out * pool.stride[0] + window * pool.dilation[0] - pool.padding[0] if pool else out
            for term in layer.terms:
                if term.source != tensor.name:
                    continue
                for k in range(term.weights.shape[2]):
                    at = sums * term.stride[0] + k * term.dilation[0] - term.padding[0]
                    if term.fill == "copies" or at % term.upsample[0] == 0:
                        y = at // term.upsample[0]
                        if 0 <= y < tensor.height:
                            yield y


def reads(found: Lines) -> Iterator[tuple[Stage, Tensor, int, list[InputRows]]]:
    """Every line buffer: its stage, tensor, rows of a frame, and the rows of each layer of the stage."""
    for n, planner in enumerate(found.planners):
        for tensor in planner.stage.inputs:
            frame = found.buffer_rows(n, tensor.name).frame
            layers = zip(range(len(planner.stage.layers)), planner.walks.layers, strict=True)
            yield (
                planner.stage,
                tensor,
                frame,
                [input_rows(planner.stage, k, walk, tensor, frame) for k, walk in layers],
            )


@settings(max_examples=100, deadline=None)
@given(networks(), st.data())
def test_no_row_is_read_before_it_comes_or_after_it_is_freed(network: Network, data: st.DataObject) -> None:
    found = lines(network, data.draw(cuts(network)))
    walks = {id(planner.stage): planner.walks.layers for planner in found.planners}
    for stage, tensor, frame, layers in reads(found):
        gone, there, first = 0, 0, True
        for layer, walk, rows in zip(stage.layers, walks[id(stage)], layers, strict=True):
            assert len(rows.needs) == len(rows.frees) == walk.vertical.steps
            for r, (need, free) in enumerate(zip(rows.needs, rows.frees, strict=True)):
                read = set(touched(layer, walk, tensor, r))
                assert 0 <= need <= tensor.height
                assert need > max(read, default=-1), "a row is read that need not have come"
                assert min(read, default=gone) >= gone, "a row is read that was freed"
                if first and need:
                    assert r == 0, "the first reader begins before anything came"
                first = first and not need
                gone, there = gone + free, max(there, need)
                assert free >= 0
                assert gone <= there or gone == frame, "a row is freed that may not have come"
        assert not first
        assert gone == frame
        assert [rows.takes for rows in layers].count(True) == 1
        last = next(n for n, rows in enumerate(layers) if rows.takes)
        assert last == stage.readers(tensor.name)[-1]
        assert layers[last].needs[-1] == tensor.height, "a frame ends before all of it came"
        assert not any(any(rows.frees) for n, rows in enumerate(layers) if n != last)


@settings(max_examples=60, deadline=None)
@given(networks(), st.data())
def test_the_least_rows_let_a_frame_through_and_a_step_less_does_not(
    network: Network, data: st.DataObject
) -> None:
    found = lines(network, data.draw(cuts(network)))
    for stage, tensor, frame, layers in reads(found):
        needs = [need for rows in layers for need in rows.needs]
        frees = [free for rows in layers for free in rows.frees]
        step = found.sources[tensor.name].step
        least = least_rows(needs, frees, step)
        assert step <= least <= frame
        assert passes(needs, frees, frame, step, least), stage.layers[0].name
        assert least == step or not passes(needs, frees, frame, step, least - step)


def passes(needs: list[int], frees: list[int], frame: int, step: int, capacity: int) -> bool:
    """Whether two frames get through a circular buffer, row by row."""
    claimed = gone = 0
    for number in range(2):
        for need, free in zip(needs, frees, strict=True):
            while claimed + step - gone <= capacity and claimed < 2 * frame:
                claimed += step
            if claimed < number * frame + need:
                return False
            gone += free
    return True


def conv(stride: int = 1, padding: int = 1, kernel: int = 3, height: int = 6) -> tuple[StagePlanner, Tensor]:
    """One layer over a map."""
    source = Tensor(name="x", channels=1, height=height, width=6, range=IntRange(low=-1, high=1))
    term = Term(
        source="x",
        weights=np.ones((1, 1, kernel, kernel), np.int32),
        padding=(padding,) * 4,
        stride=(stride, stride),
    )
    network = assemble(source, [Linear(name="conv", kind="conv", terms=(term,), target="y")])
    (stage,) = cut(network, [1])
    return StagePlanner(stage, {}), source


def of(planner: StagePlanner, tensor: Tensor) -> InputRows:
    """Rows of its only layer."""
    return input_rows(planner.stage, 0, planner.walks.layers[0], tensor, tensor.height)


def test_a_3x3_convolution_keeps_three_rows() -> None:
    rows = of(*conv())
    assert rows.needs == (2, 3, 4, 5, 6, 6)
    assert rows.frees == (0, 1, 1, 1, 1, 2)
    assert rows.takes
    assert least_rows(rows.needs, rows.frees, 1) == 3


def test_a_strided_convolution_frees_a_stride_of_rows_at_once() -> None:
    rows = of(*conv(stride=2, padding=0, kernel=2))
    assert (rows.needs, rows.frees) == ((2, 4, 6), (2, 2, 2))


def test_rows_that_nobody_reads_are_waited_for_and_freed_at_the_end() -> None:
    rows = of(*conv(stride=3, padding=0, kernel=1, height=6))
    assert (rows.needs, rows.frees) == ((1, 6), (1, 5))
    assert sum(rows.frees) == 6


def test_a_pointwise_layer_keeps_a_row() -> None:
    rows = of(*conv(padding=0, kernel=1))
    assert (rows.needs, rows.frees) == ((1, 2, 3, 4, 5, 6), (1,) * 6)
    assert least_rows(rows.needs, rows.frees, 1) == 1
    assert least_rows(rows.needs, rows.frees, 2) == 2


def test_an_engine_with_a_row_too_few_is_seen_to_hang() -> None:
    planner, tensor = conv()
    rows = of(planner, tensor)
    engine = EngineCycles(
        rows=tuple(
            RowCycles(cycles=5, tail=5, needs=(need,), frees=(free,), takes=(r == 5,), keepers=(1,), flush=0)
            for r, (need, free) in enumerate(zip(rows.needs, rows.frees, strict=True))
        ),
        buffers=(0,),
        link_latency=20,
    )

    def frames(capacity: int) -> int:
        keepers = (Rows(capacity=capacity, frame=6, step=1), Rows(capacity=6, frame=6, step=1))
        pipeline = Pipeline(
            streams=(StreamCycles(rows=6, beats=6, keepers=(0,)),),
            engines=(engine,),
            outputs=(OutputCycles(keeper=1, rows=6, beats=6, delay=0),),
            score=None,
            keepers=keepers,
        )
        found = frame_cycles(pipeline, 3)
        assert found.stuck == (() if len(found.ends) == 3 else (0,))
        return len(found.ends)

    assert [frames(capacity) for capacity in (1, 2, 3, 4)] == [0, 0, 3, 3]
