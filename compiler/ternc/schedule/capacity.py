"""How many rows each circular buffer holds: enough for the slowest part to set the pace, and no more.

Why nothing can deadlock: whatever a row waits for, rows that arrive and rows that are freed, belongs to its own
frame or to an earlier one, and within a frame it is the same for all frames. So no row waits for itself if the first
frame gets through, which is seen. Why nothing is slower than with larger buffers: starts are maxima of sums
(`ternc.schedule.cycles`), and the capacities are those with which the interval was reached.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from ternc.errors import InternalError
from ternc.schedule.cycles import Pipeline, frame_cycles
from ternc.schedule.timing import TIMED_FRAMES

GROWTH_ROUNDS = 40
LEAST_MOST = 16
"""Steps up to which every buffer may grow: frames of few rows may be shorter than the way through an engine."""


def allowed(rows: int, frame: int, step: int, *, any_number: bool = False) -> int:
    """The smallest capacity of at least so many rows that the hardware can have.

    A multiple of the step; below a whole frame a power of two, unless ``any_number``.
    """
    rows = -(-max(rows, step) // step) * step
    if any_number or rows >= frame:
        return rows
    power = 1 << (rows - 1).bit_length()
    return power if power < frame and power % step == 0 else frame


def with_capacities(pipeline: Pipeline, capacities: Sequence[int]) -> Pipeline:
    """The pipeline with other capacities."""
    keepers = (replace(k, capacity=c) for k, c in zip(pipeline.keepers, capacities, strict=True))
    return replace(pipeline, keepers=tuple(keepers))


def sized(pipeline: Pipeline, least: Sequence[int]) -> Pipeline:
    """The pipeline with capacities that let its slowest part set the pace.

    Args:
        pipeline: Its keepers' capacities do not matter.
        least: Rows that each buffer must hold at least.
    """
    outputs = {output.keeper for output in pipeline.outputs}
    score = {pipeline.score.keeper} if pipeline.score else set()

    def fit(n: int, rows: int) -> int:
        k = pipeline.keepers[n]
        return allowed(rows, k.frame, k.step, any_number=n in outputs or n in score)

    def next_size(n: int, rows: int) -> int:
        k = pipeline.keepers[n]
        return fit(n, rows + (k.step if rows < k.frame else max(k.step, k.frame // 4)))

    now = [fit(n, rows + pipeline.keepers[n].step) for n, rows in enumerate(least)]
    goal = pipeline.least_interval
    most = [max(2 * k.frame + 2 * k.step, LEAST_MOST * k.step) for k in pipeline.keepers]
    for _ in range(GROWTH_ROUNDS):
        found = frame_cycles(with_capacities(pipeline, now), TIMED_FRAMES)
        if not found.stuck and found.interval <= goal:
            break
        held = [n for n in found.stuck or range(len(now)) if found.stuck or found.waits[n]]
        held = [n for n in held if now[n] < most[n]]
        if not held:
            break
        for n in held:
            now[n] = next_size(n, now[n])
    return with_capacities(pipeline, _shrunk(pipeline, least, now, fit))


def _shrunk(
    pipeline: Pipeline, least: Sequence[int], now: list[int], fit: Callable[[int, int], int]
) -> list[int]:
    """Capacities cut where neither interval nor latency suffers."""
    found = frame_cycles(with_capacities(pipeline, now), TIMED_FRAMES)
    if found.stuck:
        raise InternalError("schedule", "no capacities of the circular buffers let a frame through")
    best = (found.interval, found.ends[0])
    for n in range(len(now)):
        smallest = fit(n, least[n])
        while now[n] > smallest:
            smaller = max(size for size in range(smallest, now[n]) if fit(n, size) == size)
            trial = [*now[:n], smaller, *now[n + 1 :]]
            tried = frame_cycles(with_capacities(pipeline, trial), TIMED_FRAMES)
            if tried.stuck or tried.interval > best[0] or tried.ends[0] > best[1]:
                break
            now = trial
    return now
