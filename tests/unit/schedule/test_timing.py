"""The frame model: double buffers at both ends of an engine that never stalls."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from ternc.schedule.design import ArrayShape
from ternc.schedule.timing import (
    OUTPUT_LATENCY,
    dot_latency,
    drain_period,
    flush_cycles,
    frame_timing,
    requant_latency,
    shortest_pass,
)


def played(compute: list[int], load: int, send: int) -> tuple[int, int]:
    """(interval, latency) found by playing the handshakes of the double buffers, frame by frame."""
    loaded, released, sent = [-1, -1], [-1, -1], [-1, -1]  # two frames before the first
    free, ends = 0, []
    for frame in range(4 * len(compute) + 16):
        loaded.append(max(loaded[-1] + 1, released[frame] + 1) + load - 1)
        now = max(loaded[-1] + 1, free)
        for n, cycles in enumerate(compute):
            if n == len(compute) - 1:  # writes the output
                now = max(now, sent[frame] + 1)
            now += cycles
            if n == 0:  # reads the input
                released.append(now - 1)
        free = now
        sent.append(max(now, sent[-1] + 1) + OUTPUT_LATENCY + send - 1)
        ends.append(sent[-1])
    assert len({b - a for a, b in pairwise(ends[-6:])}) == 1
    return ends[-1] - ends[-2], ends[0] + 1


@given(st.lists(st.integers(20, 300), min_size=1, max_size=5), st.integers(1, 700), st.integers(1, 700))
def test_closed_form_equals_the_handshakes_played_frame_by_frame(
    compute: list[int], load: int, send: int
) -> None:
    timing = frame_timing(sum(compute), load, send)
    assert (timing.cycles_per_frame, timing.latency_cycles) == played(compute, load, send)


def test_argmax_adds_to_the_latency_only() -> None:
    plain, later = (frame_timing(50, 10, 20, delay) for delay in (0, 3))
    assert later.latency_cycles == plain.latency_cycles + 3
    assert later.cycles_per_frame == plain.cycles_per_frame


def test_widths_of_the_array_in_cycles() -> None:
    assert [dot_latency(lanes) for lanes in (1, 2, 3, 4, 5, 64)] == [1, 1, 2, 2, 3, 6]
    assert [requant_latency(levels) for levels in (0, 1, 2, 3)] == [5, 5, 7, 10]
    assert drain_period(ArrayShape(rows=3, cols=5, lanes=2)) == 3
    assert shortest_pass(ArrayShape(rows=3, cols=5, lanes=2)) == 9
    assert flush_cycles(ArrayShape(rows=3, cols=5, lanes=2), 0) == 5 + 1 + 5 + 9 + 9
