"""Latencies of the modules (docs/hardware.md) and what follows from them for passes and rows, in cycles."""

from __future__ import annotations

from ternc.numeric import clog2
from ternc.schedule.design import ArrayShape, Geometry

REQUANT_LATENCY = 5
"""Of ternc_requant without extra delay."""
THRESHOLD_LATENCY = 3
UNPACK_LATENCY = 2
"""Of one ternc_threshold_level."""
TABLE_LATENCY = 2
"""Of the code tables behind a requantiser."""
ISSUE_TO_COLUMN = 12
"""From a tap's issue to column 0 (ternc_sequencer)."""
ISSUE_TO_LINK = 16
"""From a tap's issue to its vector on a link, without the array's columns, dot products and requantisers."""
ISSUE_TO_READ = 8
"""From a tap's issue to its read of a memory."""
ROW_DISTANCE = 3
"""From the start of a row to the earliest start of the next one."""
FREE_DELAY = 5
"""From the last cycle of a row to the one in which its reader frees rows."""


ARRIVE_LATENCY = 3
"""From a step's last vector on a link to the cycle in which the buffer's reader sees the rows."""
FREE_TO_START = 2
"""From rows being freed to the start of an engine's row that waited for the room."""
FREE_TO_STREAM = 1
"""The same for an input stream's first beat of a row."""
STREAM_LATENCY = 1
"""From an input's beat to its vector on a link."""
OUTPUT_LATENCY = 3
"""From an output's read of a word to its beat."""
OUTPUT_FREE_DELAY = 0
"""From an output's last read of a row to the cycle in which it frees the row."""
SCORE_PIPELINE = 4
"""From a frame's last vector to the score's beat, without the tree that adds up the columns."""


TIMED_FRAMES = 8
"""Frames back to back from reset that give the cycles per frame."""


def dot_latency(lanes: int) -> int:
    """Latency of ternc_dot."""
    return max(1, clog2(lanes))


def requant_latency(threshold_levels: int, tables: int) -> int:
    """Latency of a column's requantiser: the slower of its two forms, then the code tables if there are any."""
    found = REQUANT_LATENCY + max(0, THRESHOLD_LATENCY * threshold_levels - (REQUANT_LATENCY - 1))
    return found + (TABLE_LATENCY if tables else 0)


def link_latency(shape: ArrayShape, requant_latency: int) -> int:
    """From the issue of a pass's last tap to the vector of its first pixel on a link."""
    return shape.cols + dot_latency(shape.lanes) + requant_latency + ISSUE_TO_LINK


def shortest_pass(shape: ArrayShape) -> int:
    """Cycles that a pass takes at least, whatever its taps: the time to drain ``rows`` pixels."""
    return shape.drain_cycles


def flush_cycles(shape: ArrayShape, requant_latency: int) -> int:
    """From the last cycle of a layer's last row until a layer may start that reads its values.

    The last vector is written into the feature memory at the end of the cycle in which a link would carry it; a
    tap of a row that starts in cycle s reads at the end of cycle ``s + 1 + ISSUE_TO_READ`` at the earliest.
    """
    return link_latency(shape, requant_latency) + shape.drain_cycles - 1 - ISSUE_TO_READ


def start_delay(g: Geometry) -> int:
    """From a pass's last tap at column 0 to its first value, but for the collector's own three."""
    return g.shape.cols - 1 + g.dot_latency + g.requant_latency


def extra_delay(g: Geometry) -> int:
    """Of the multiply form, where the thresholds take longer."""
    return g.requant_latency - REQUANT_LATENCY - (TABLE_LATENCY if g.tables else 0)


def code_delay(g: Geometry) -> int:
    """Of the threshold code, where the multiply form takes longer."""
    return REQUANT_LATENCY - 1 + extra_delay(g) - THRESHOLD_LATENCY * g.threshold_levels


def info_log2(g: Geometry) -> int:
    """Of the entries for all passes that are under way between the sequencer and the collector."""
    return clog2((ISSUE_TO_COLUMN + start_delay(g)) // g.shape.drain_cycles + 3)


def watchdog_cycles(latency_cycles: int, cycles_per_frame: int) -> int:
    """Cycles without a beat on any port after which a simulation counts as stuck: more than a frame ever takes."""
    return 2 * latency_cycles + cycles_per_frame + 4096
