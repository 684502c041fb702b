"""What the modules' latencies add up to, and when whole frames come and go."""

from __future__ import annotations

from dataclasses import replace

from ternc.schedule.cycles import EngineCycles, OutputCycles, Pipeline, RowCycles, StreamCycles, frame_cycles
from ternc.schedule.design import ArrayShape, Rows
from ternc.schedule.timing import (
    ARRIVE_LATENCY,
    OUTPUT_LATENCY,
    dot_latency,
    flush_cycles,
    link_latency,
    requant_latency,
    shortest_pass,
)

SHAPE = ArrayShape(rows=3, cols=5, lanes=2)


def test_widths_of_the_array_in_cycles() -> None:
    assert [dot_latency(lanes) for lanes in (1, 2, 3, 4, 5, 64)] == [1, 1, 2, 2, 3, 6]
    assert [requant_latency(levels, tables=0) for levels in (0, 1, 2, 3)] == [5, 5, 7, 10]
    assert requant_latency(2, tables=1) == requant_latency(2, tables=9) == 9
    assert shortest_pass(SHAPE) == 3
    assert link_latency(SHAPE, 5) == 5 + 1 + 5 + 16
    # the last of three rows is written when a link would carry it, read 8 cycles after the issue
    assert flush_cycles(SHAPE, 5) == 27 + 2 - 8


def row(cycles: int, **fields: object) -> RowCycles:
    """A row that waits for nobody."""
    plain = RowCycles(
        cycles=cycles, tail=cycles, needs=(0,), frees=(0,), takes=(False,), keepers=(1,), flush=0
    )
    return replace(plain, **fields)  # type: ignore[arg-type]


def one_row_frames(delay: int = 0, *, beats_in: int = 10, cycles: int = 50, beats_out: int = 20) -> Pipeline:
    """A stream of rows of one frame each, an engine, an output."""
    return Pipeline(
        streams=(StreamCycles(rows=1, beats=beats_in, keepers=(0,)),),
        engines=(
            EngineCycles(
                rows=(row(cycles, needs=(1,), frees=(1,), takes=(True,)),), buffers=(0,), link_latency=30
            ),
        ),
        outputs=(OutputCycles(keeper=1, rows=1, beats=beats_out, delay=delay),),
        score=None,
        keepers=(Rows(capacity=9, frame=1, step=1), Rows(capacity=9, frame=1, step=1)),
    )


def test_a_frame_of_one_row_by_hand() -> None:
    # the last beat in cycle 9 is on the link in 10 and seen in 13; the row starts in 14, its vector is on the link in
    # 14 + 50 + 30 and seen 3 later; 20 words are read and leave 3 later
    first = 9 + 1 + ARRIVE_LATENCY + 1 + 50 + 30 + ARRIVE_LATENCY + 19 + OUTPUT_LATENCY
    assert frame_cycles(one_row_frames(), 1).ends == (first,)


def test_the_slowest_part_sets_the_pace() -> None:
    assert frame_cycles(one_row_frames(), 4).interval == 50
    assert frame_cycles(one_row_frames(beats_in=77), 4).interval == 77
    assert frame_cycles(one_row_frames(beats_out=91), 4).interval == 91
    assert one_row_frames(beats_out=91).least_interval == 91


def test_argmax_adds_to_the_latency_only() -> None:
    plain, later = (frame_cycles(one_row_frames(delay), 4) for delay in (0, 3))
    assert later.ends[0] == plain.ends[0] + 3
    assert later.interval == plain.interval


def test_a_short_row_takes_three_cycles_and_a_flush_comes_on_top_of_a_row() -> None:
    engine = one_row_frames().engines[0]
    for cycles, flush, busy in ((1, 0, 3), (2, 0, 3), (4, 0, 4), (4, 9, 13), (1, 1, 3)):
        rows = (replace(engine.rows[0], cycles=cycles, flush=flush),)
        assert replace(engine, rows=rows).busy == busy
