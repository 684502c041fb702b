"""The frame model: double buffers at all ends of an engine that never stalls."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from ternc.schedule.design import ArrayShape
from ternc.schedule.timing import (
    OUTPUT_LATENCY,
    InputLoad,
    OutputSend,
    dot_latency,
    drain_period,
    flush_cycles,
    frame_timing,
    requant_latency,
    score_latency,
    shortest_pass,
)


def played(
    layers: list[int], inputs: list[InputLoad], last: list[int], outputs: list[OutputSend]
) -> tuple[int, int]:
    """(interval, latency) found by playing the handshakes of the double buffers, frame by frame.

    Input k is free again when layer ``last[k]`` is done.
    """
    loaded = [[-1, -1] for _ in inputs]  # two frames before the first
    released = [[-1, -1] for _ in inputs]
    sent = [[-1, -1] for _ in outputs]
    free, ends = 0, []
    for frame in range(8 * len(layers) + 8 * len(inputs) + 40):
        for k, load in enumerate(inputs):
            loaded[k].append(max(loaded[k][-1], released[k][frame]) + load.beats)
        now = free
        for n, cycles in enumerate(layers):
            for k, load in enumerate(inputs):
                if load.first_reader == n:
                    now = max(now, loaded[k][-1] + 1)
            for m, send in enumerate(outputs):
                if send.writer == n:
                    now = max(now, sent[m][frame] + 1)
            now += cycles
            for k in range(len(inputs)):
                if last[k] == n:
                    released[k].append(now - 1)
            for m, send in enumerate(outputs):
                if send.writer == n:
                    sent[m].append(max(now, sent[m][-1] + 1) + send.start + send.beats - 1)
        free = now
        ends.append(max(one[-1] + send.delay for one, send in zip(sent, outputs, strict=True)))
    assert len({b - a for a, b in pairwise(ends[-6:])}) == 1
    return ends[-1] - ends[-2], ends[0] + 1


@st.composite
def frames(draw: st.DrawFn) -> tuple[list[int], list[InputLoad], list[int], list[OutputSend]]:
    layers = draw(st.lists(st.integers(20, 300), min_size=1, max_size=5))
    inputs, last = [], []
    for _ in range(draw(st.integers(1, 3))):
        first = draw(st.integers(0, len(layers) - 1))
        inputs.append(InputLoad(beats=draw(st.integers(1, 700)), first_reader=first))
        last.append(draw(st.integers(first, len(layers) - 1)))
    outputs = [
        OutputSend(
            beats=draw(st.integers(1, 700)),
            start=OUTPUT_LATENCY,
            delay=draw(st.integers(0, 5)),
            writer=draw(st.integers(0, len(layers) - 1)),
        )
        for _ in range(draw(st.integers(1, 3)))
    ]
    return layers, inputs, last, outputs


@settings(deadline=None)
@given(frames())
def test_closed_form_equals_the_handshakes_played_frame_by_frame(
    frame: tuple[list[int], list[InputLoad], list[int], list[OutputSend]],
) -> None:
    layers, inputs, last, outputs = frame
    timing = frame_timing(layers, inputs, outputs)
    assert (timing.cycles_per_frame, timing.latency_cycles) == played(layers, inputs, last, outputs)


def test_a_layer_waits_only_for_the_inputs_that_it_is_the_first_to_read() -> None:
    inputs = [InputLoad(beats=10, first_reader=0), InputLoad(beats=100, first_reader=1)]
    send = OutputSend(beats=7, start=4, delay=0, writer=2)
    assert frame_timing([30, 40, 50], inputs, [send]).latency_cycles == 100 + 40 + 50 + 4 + 7
    assert frame_timing([120, 40, 50], inputs, [send]).latency_cycles == 10 + 120 + 40 + 50 + 4 + 7


def test_argmax_adds_to_the_latency_only() -> None:
    inputs, send = [InputLoad(beats=10, first_reader=0)], OutputSend(beats=20, start=4, delay=0, writer=0)
    plain, later = (frame_timing([50], inputs, [replace(send, delay=delay)]) for delay in (0, 3))
    assert later.latency_cycles == plain.latency_cycles + 3
    assert later.cycles_per_frame == plain.cycles_per_frame


def test_widths_of_the_array_in_cycles() -> None:
    assert [dot_latency(lanes) for lanes in (1, 2, 3, 4, 5, 64)] == [1, 1, 2, 2, 3, 6]
    assert [requant_latency(levels, tables=0) for levels in (0, 1, 2, 3)] == [5, 5, 7, 10]
    assert requant_latency(2, tables=1) == requant_latency(2, tables=9) == 9
    assert drain_period(ArrayShape(rows=3, cols=5, lanes=2)) == 3
    assert shortest_pass(ArrayShape(rows=3, cols=5, lanes=2)) == 9
    assert flush_cycles(ArrayShape(rows=3, cols=5, lanes=2), 5) == 5 + 1 + 5 + 9 + 11
    assert score_latency(ArrayShape(rows=3, cols=5, lanes=2)) == 3 + 3
