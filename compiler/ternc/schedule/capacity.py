"""How many rows each circular buffer holds: enough for the slowest part to set the pace, and no more.

Why nothing can deadlock, and why the result is as fast as larger buffers would be: a pipeline's starts are maxima of
sums (`ternc.schedule.cycles`), so a schedule that is found feasible with some capacities stays feasible with them, and
the hardware, which starts everything as soon as it may, is never later than that schedule.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from ternc.schedule.cycles import FrameCycles, Pipeline, frame_cycles
from ternc.schedule.design import Rows

SIZING_FRAMES = 5
GROWTH_ROUNDS = 40


def allowed(rows: int, frame: int, step: int, *, any_number: bool = False) -> int:
    """The smallest capacity of at least so many rows that the hardware can have.

    A multiple of the step; below a whole frame a power of two, unless ``any_number``.
    """
    rows = -(-max(rows, step) // step) * step
    if any_number or rows >= frame:
        return rows
    power = 1 << (rows - 1).bit_length()
    return power if power < frame and power % step == 0 else frame


def settled(pipeline: Pipeline, frames: int) -> FrameCycles:
    """Frames back to back."""
    return frame_cycles(pipeline, frames)


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
    most = [2 * k.frame + 2 * k.step for k in pipeline.keepers]
    for _ in range(GROWTH_ROUNDS):
        found = frame_cycles(with_capacities(pipeline, now), SIZING_FRAMES)
        if found.interval <= goal:
            break
        held = [n for n, wait in enumerate(found.waits) if wait and now[n] < most[n]]
        if not held:
            break
        for n in held:
            now[n] = next_size(n, now[n])
    return with_capacities(pipeline, _shrunk(pipeline, least, now, fit))


def _shrunk(pipeline: Pipeline, least: Sequence[int], now: list[int], fit: Callable[[int, int], int]) -> list[int]:
    """Capacities cut where neither interval nor latency suffers."""
    found = frame_cycles(with_capacities(pipeline, now), SIZING_FRAMES)
    best = (found.interval, found.ends[0])
    for n in range(len(now)):
        smallest = fit(n, least[n])
        while now[n] > smallest:
            smaller = max(size for size in range(smallest, now[n]) if fit(n, size) == size)
            trial = [*now[:n], smaller, *now[n + 1 :]]
            tried = frame_cycles(with_capacities(pipeline, trial), SIZING_FRAMES)
            if (tried.interval, tried.ends[0]) > best or tried.interval > best[0]:
                break
            now = trial
    return now
