"""Exact cycle counts (docs/program.md, 'Timing'). What is computed here is what the RTL takes."""

from __future__ import annotations

from dataclasses import dataclass

from ternc.numeric import ceil_div, clog2
from ternc.schedule.design import ArrayShape

REQUANT_LATENCY = 5
"""Of ternc_requant without extra delay."""
THRESHOLD_LATENCY = 3
"""Of one ternc_threshold_level."""
OUTPUT_LATENCY = 4
"""From the cycle in which ternc_output sees a full half to its first beat."""


def dot_latency(lanes: int) -> int:
    """Latency of ternc_dot in cycles."""
    return max(1, clog2(lanes))


def requant_latency(threshold_levels: int) -> int:
    """Latency of a column's requantiser: the slower of its two forms."""
    return REQUANT_LATENCY + max(0, THRESHOLD_LATENCY * threshold_levels - (REQUANT_LATENCY - 1))


def drain_period(shape: ArrayShape) -> int:
    """Cycles between two pixels leaving the array: one for each word that a pixel's vector fills."""
    return ceil_div(shape.cols, shape.lanes)


def flush_cycles(shape: ArrayShape, threshold_levels: int) -> int:
    """Cycles to wait after a layer's last pass until its last value can be read."""
    return (
        shape.cols + dot_latency(shape.lanes) + requant_latency(threshold_levels) + shortest_pass(shape) + 9
    )


def shortest_pass(shape: ArrayShape) -> int:
    """Cycles that a pass takes at least, whatever its taps: the time to drain ``rows`` pixels."""
    return shape.rows * drain_period(shape)


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameTiming:
    """Interval and latency of whole frames, in cycles, with no stalls at the ports."""

    cycles_per_frame: int
    latency_cycles: int


def frame_timing(compute: int, input_beats: int, output_beats: int, output_delay: int = 0) -> FrameTiming:
    """Loading, computing and sending of successive frames overlap through double buffers.

    Each of the three takes one frame at a time and starts in the cycle after its predecessor at the earliest. With
    two halves between them, a stage waits for another only if that one is slower, so the slowest sets the interval:
    a half is reused after two intervals, in which the two stages around it, each no longer than one, both fit.

    Args:
        compute: Cycles of all layers.
        input_beats, output_beats: Beats of the memories' streams per frame.
        output_delay: Cycles between the output memory's stream and the port (on-chip argmax).
    """
    send = OUTPUT_LATENCY + output_beats
    return FrameTiming(
        cycles_per_frame=max(compute, input_beats, send),
        latency_cycles=input_beats + compute + send + output_delay,
    )
