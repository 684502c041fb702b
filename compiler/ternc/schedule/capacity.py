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
from ternc.schedule.cycles import FrameCycles, Pipeline, frame_cycles
from ternc.schedule.timing import TIMED_FRAMES

GROWTH_ROUNDS = 40
TRIAL_FRAMES = 6
"""Frames by which capacities are tried; what comes of it is checked with all."""
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
    frames = 2 + len(pipeline.engines)  # beside a branch whose engines each hold a frame, so many may wait
    most = [max(frames * k.frame + 2 * k.step, LEAST_MOST * k.step) for k in pipeline.keepers]
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
    pipeline: Pipeline, least: Sequence[int], now: Sequence[int], fit: Callable[[int, int], int]
) -> Sequence[int]:
    """Capacities cut where neither interval nor latency suffers."""
    found = frame_cycles(with_capacities(pipeline, now), TIMED_FRAMES)
    if found.stuck:
        raise InternalError("schedule", "no capacities of the circular buffers let a frame through")
    for frames in (TRIAL_FRAMES, TIMED_FRAMES):
        cut = _cut(pipeline, least, now, fit, frames)
        if _as_good(pipeline, cut, found, TIMED_FRAMES):
            return cut
    return now


def _as_good(pipeline: Pipeline, capacities: Sequence[int], wanted: FrameCycles, frames: int) -> bool:
    """Whether neither interval nor latency is worse than the ones wanted."""
    return _tried(pipeline, capacities, wanted, frames) is not None


def _tried(
    pipeline: Pipeline, capacities: Sequence[int], wanted: FrameCycles, frames: int
) -> FrameCycles | None:
    """What comes of capacities with which neither interval nor latency is worse; None with others."""
    tried = frame_cycles(with_capacities(pipeline, capacities), frames, latest=wanted.ends[0])
    good = not tried.stuck and len(tried.ends) == frames and tried.interval <= wanted.interval
    return tried if good else None


def _cut(
    pipeline: Pipeline,
    least: Sequence[int],
    now: Sequence[int],
    fit: Callable[[int, int], int],
    frames: int,
) -> Sequence[int]:
    """One capacity after the other as small as so many frames allow."""
    found, wanted = list(now), frame_cycles(with_capacities(pipeline, now), frames)
    best = wanted  # of the capacities found so far
    for n in range(len(found)):
        sizes = sorted({fit(n, rows) for rows in range(least[n], found[n] + 1)} | {found[n]})
        low, high, tried = 0, len(sizes) - 1, 0
        while low < high:  # what is enough stays enough with more rows; the smallest two often are
            made: FrameCycles | None = best
            if sizes[tried] < best.enough[n]:
                made = _tried(pipeline, [*found[:n], sizes[tried], *found[n + 1 :]], wanted, frames)
            if made is None:
                low = tried + 1
            else:
                best, high = made, tried
            tried = low if low < 2 else (low + high) // 2
        found[n] = sizes[high]
    return found
