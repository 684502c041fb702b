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
class LayerTiming:
    """Cycles that the sequencer spends on a layer, and what it waits for before and frees after it."""

    cycles: int
    releases_input: bool
    writes_output: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameTiming:
    """Interval and latency of whole frames, in cycles, with no stalls at the ports."""

    cycles_per_frame: int
    latency_cycles: int


def frame_timing(
    layers: tuple[LayerTiming, ...], input_beats: int, output_beats: int, output_delay: int = 0
) -> FrameTiming:
    """Plays the handshakes of the double buffers frame by frame until the interval repeats.

    Args:
        layers: In execution order.
        input_beats, output_beats: Beats of the memories' streams per frame.
        output_delay: Cycles between the output memory's stream and the port (on-chip argmax).
    """
    loaded, released, sent = [-1, -1], [-1, -1], [-1, -1]  # cycle of the event, two frames before the first
    engine_free = 0
    ends: list[int] = []
    for frame in range(4 * len(layers) + 16):
        first_beat = max(loaded[-1] + 1, released[frame] + 1)
        loaded.append(first_beat + input_beats - 1)
        now = max(loaded[-1] + 1, engine_free)
        for layer in layers:
            if layer.writes_output:
                now = max(now, sent[frame] + 1)
            now += layer.cycles
            if layer.releases_input:
                released.append(now - 1)
        engine_free = now
        sent.append(max(now, sent[-1] + 1) + OUTPUT_LATENCY + output_beats - 1)
        ends.append(sent[-1] + output_delay)
    return FrameTiming(cycles_per_frame=ends[-1] - ends[-2], latency_cycles=ends[0] + 1)
