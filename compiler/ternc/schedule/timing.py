"""Exact cycle counts (docs/program.md, 'Timing'). What is computed here is what the RTL takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ternc.numeric import ceil_div, clog2
from ternc.schedule.design import ArrayShape

REQUANT_LATENCY = 5
"""Of ternc_requant without extra delay."""
THRESHOLD_LATENCY = 3
"""Of one ternc_threshold_level."""
TABLE_LATENCY = 2
"""Of the code tables behind a requantiser."""
ISSUE_TO_COLUMN = 9
"""Cycles from a tap's issue to column 0 (ternc_sequencer)."""
FLUSH_PIPELINE = 11
"""Cycles of a layer's flush that depend on nothing: from a tap's issue to the array, from the requantiser to memory."""
OUTPUT_LATENCY = 4
"""From the cycle in which ternc_output sees a full half to its first beat."""
SCORE_PIPELINE = 3
"""Cycles of ternc_score from a finished frame to its beat, without the tree that adds up the columns."""


def dot_latency(lanes: int) -> int:
    """Latency of ternc_dot in cycles."""
    return max(1, clog2(lanes))


def requant_latency(threshold_levels: int, tables: int) -> int:
    """Latency of a column's requantiser: the slower of its two forms, then the code tables if there are any."""
    found = REQUANT_LATENCY + max(0, THRESHOLD_LATENCY * threshold_levels - (REQUANT_LATENCY - 1))
    return found + (TABLE_LATENCY if tables else 0)


def score_latency(shape: ArrayShape) -> int:
    """From the cycle in which ternc_score sees a finished frame to its beat."""
    return SCORE_PIPELINE + clog2(shape.cols)


def drain_period(shape: ArrayShape) -> int:
    """Cycles between two pixels leaving the array: one for each word that a pixel's vector fills."""
    return ceil_div(shape.cols, shape.lanes)


def flush_cycles(shape: ArrayShape, requant_latency: int) -> int:
    """Cycles to wait after a layer's last pass until its last value can be read."""
    return shape.cols + dot_latency(shape.lanes) + requant_latency + shortest_pass(shape) + FLUSH_PIPELINE


def shortest_pass(shape: ArrayShape) -> int:
    """Cycles that a pass takes at least, whatever its taps: the time to drain ``rows`` pixels."""
    return shape.rows * drain_period(shape)


@dataclass(frozen=True, slots=True, kw_only=True)
class InputLoad:
    """One input stream: beats of a frame, and the first layer that reads it."""

    beats: int
    first_reader: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputSend:
    """One output stream.

    Attributes:
        beats: Of a frame, as the memory sends them; start: cycles before the first (`OUTPUT_LATENCY`,
            `score_latency`).
        delay: Cycles between the memory's stream and the port (on-chip argmax).
        writer: The layer that writes it.
    """

    beats: int
    start: int
    delay: int
    writer: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameTiming:
    """Interval and latency of whole frames, in cycles, with no stalls at the ports."""

    cycles_per_frame: int
    latency_cycles: int


def frame_timing(
    layers: Sequence[int], inputs: Sequence[InputLoad], outputs: Sequence[OutputSend]
) -> FrameTiming:
    """Loading, computing and sending of successive frames overlap through double buffers.

    Each input, the array and each output takes one frame at a time and starts in the cycle after its predecessor at
    the earliest. With two halves between them one waits for another only if that one is slower, so the slowest
    sets the interval: a half is reused after two intervals, in which the two stages around it, each no longer than
    one, both fit. A lone frame walks through its layers, each of which waits for the inputs that it is the
    first to read; each output leaves when its layer is done.

    Args:
        layers: Cycles of each layer, in order.
        inputs, outputs: At least one of each.
    """
    now, latency = 0, 0
    for n, cycles in enumerate(layers):
        now = max([now, *(load.beats for load in inputs if load.first_reader == n)]) + cycles
        for send in outputs:
            if send.writer == n:
                latency = max(latency, now + send.start + send.beats + send.delay)
    slowest = [
        sum(layers),
        *(load.beats for load in inputs),
        *(send.start + send.beats for send in outputs),
    ]
    return FrameTiming(cycles_per_frame=max(slowest), latency_cycles=latency)
