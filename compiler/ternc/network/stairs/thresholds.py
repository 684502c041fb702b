"""Exact staircases: a chain of real steps on an integer accumulator, as integer thresholds per channel.

A chain that is monotone on a channel's whole range gives its thresholds at once (`search` has the proof). Otherwise
the range is cut at the turns of the chain's functions (`pieces`), the pieces' thresholds become one step function per
channel, and all channels share a table of codes (`profiles`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import assert_never

import numpy as np
from numpy.typing import NDArray

from ternc.errors import InternalError
from ternc.network.layers import IntRange, Staircase
from ternc.network.stairs.borders import borders
from ternc.network.stairs.enclosure import enclose
from ternc.network.stairs.evaluate import spread
from ternc.network.stairs.exact import NoStaircase, exact, span
from ternc.network.stairs.pieces import Piece, monotone, pieces, step_sign
from ternc.network.stairs.profiles import Profile, assemble
from ternc.network.stairs.prove import prove
from ternc.network.stairs.search import Integers, Rows, Sums, thresholds
from ternc.network.steps import (
    Add,
    Branch,
    Clamp,
    Divide,
    Function,
    Multiply,
    Normalise,
    Round,
    Sign,
    Step,
    Thresholds,
    each_step,
)

LEVELS = 256
"""Most levels of a staircase with a table: its address has 8 bits."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Derivation:
    """What `derive` found.

    Attributes:
        staircase: Per channel, of the accumulator or, where ``falling``, of the negated accumulator.
        falling: bool ``[O]``; the caller negates these channels' weights.
    """

    staircase: Staircase
    falling: NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """Bounds of the values that a chain takes on each channel's accumulator range.

    Attributes:
        low, high: Per channel, ``low <= high``. For a chain without turns they are its values at the two ends: exact
            where rational, else within ``2**-100``. With turns they may lie a little outside the values taken.
        integral: True where every value in between is an integer as well, by construction of the chain.
    """

    low: tuple[Fraction, ...]
    high: tuple[Fraction, ...]
    integral: bool


evaluate_exact = exact
"""Exact value of the chain for one channel and accumulator: see `ternc.network.stairs.exact.exact`."""


def rises_or_falls(steps: tuple[Step, ...], channels: int) -> NDArray[np.bool_]:
    """bool ``[channels]``: the chain is monotone there, so that `direction` has an answer."""
    return monotone(steps, channels)


def direction(steps: tuple[Step, ...], channels: int) -> NDArray[np.int8]:
    """Per channel +1 where the chain rises, -1 where it falls, 0 where a zero factor makes it constant.

    Raises:
        NoStaircase: The chain does neither on some channel (see `rises_or_falls`).
    """
    found = np.ones(channels, np.int8)
    for step in steps:
        for c in range(channels):
            sign = step_sign(step, c)
            if sign is None:
                raise NoStaircase(f"it neither rises nor falls everywhere on channel {c}")
            found[c] *= sign
    return found


def _keeps_integers(step: Step, integral: bool) -> bool:
    def whole(values: NDArray[np.float64]) -> bool:
        return bool(np.all(np.isfinite(values) & (values == np.rint(values))))

    match step:
        case Round() | Sign() | Thresholds():
            return True
        case Add():
            return integral and whole(step.addend)
        case Multiply():
            return integral and whole(step.factor)
        case Divide():
            return integral and bool(np.all(np.abs(step.divisor) == 1))
        case Clamp():
            ends = np.concatenate([step.low, step.high])
            return integral and whole(ends[np.isfinite(ends)])
        case Function():
            return integral and step.kind in ("abs", "square")
        case Branch():
            return all(_all_keep_integers(side, integral) for side in (step.below, step.above))
        case Normalise():
            return False
        case _:
            assert_never(step)


def _all_keep_integers(steps: tuple[Step, ...], integral: bool) -> bool:
    for step in steps:
        integral = _keeps_integers(step, integral)
    return integral


def image(steps: tuple[Step, ...], acc: Sequence[IntRange]) -> Image:
    """Bounds of the chain's values on each channel's range, and whether all of them are integers.

    Raises:
        NoStaircase: Exact arithmetic cannot decide a rounding.
    """
    _check_variances(steps)
    integral = _all_keep_integers(steps, integral=True)
    if np.all(monotone(steps, len(acc))):
        ends = _ends(steps, acc)
    else:
        ends = [span(steps, c, r.low, r.high) for c, r in enumerate(acc)]
    return Image(low=tuple(min(e) for e in ends), high=tuple(max(e) for e in ends), integral=integral)


def derive(
    steps: tuple[Step, ...],
    acc: Sequence[IntRange],
    *,
    low: int,
    high: int,
    unit: Sequence[Fraction] | None = None,
    levels: int = LEVELS,
    deviation: NDArray[np.float64] | None = None,
) -> Derivation:
    """The staircase equal to the chain on every integer of every channel's range.

    Args:
        steps: The last values are integers in ``[low, high]``.
        acc: The reachable accumulator range of each output channel, magnitudes below 2^53.
        low: The lowest code.
        high: The highest code; a staircase without table has ``high - low`` steps.
        unit: Per channel, above 0: the chain is applied to ``unit * acc``. None: to ``acc``.
        levels: Most levels of a table.
        deviation: float64 ``[O]``: how far the real sum may be from ``acc``; for the proof alone. None: 0.

    Returns:
        Without turns: thresholds ``T[c, k]`` = the smallest accumulator value whose code is at least ``low + 1 + k``,
        clipped to ``[acc_low, acc_high + 1]`` of the (possibly negated) range. A channel that is constant on
        its range never counts as falling, and has every threshold at one of the two ends.
        The same where the chain has turns but rises or falls on every range; else the staircase has a table.

    Raises:
        NoStaircase: The table would have more than ``levels`` levels, or exact arithmetic cannot decide.
        InternalError: A value at an end of a range is no integer of ``[low, high]``, or the proof fails.
        ModelError: A batch normalisation has a variance that is not positive.
    """
    _check_variances(steps)
    found = _derived(steps, acc, low, high, Sums(unit=None if unit is None else tuple(unit)), levels)
    proved = prove(found.staircase, steps, acc, found.falling, unit=unit, deviation=deviation)
    return replace(found, staircase=proved)


def _derived(
    steps: tuple[Step, ...], acc: Sequence[IntRange], low: int, high: int, axis: Sums, levels: int
) -> Derivation:
    ends = [(r.low, r.high) for r in acc]
    if np.all(monotone(steps, len(acc))):
        _check_codes(steps, axis, [(c, a) for c, pair in enumerate(ends) for a in pair], low, high)
        return _derive_monotone(steps, axis, ends, low, high)
    parts = pieces(steps, axis, ends)
    _check_codes(steps, axis, [(p.channel, a) for p in parts for a in (p.first, p.last)], low, high)
    profiles, lines = _profiles(steps, axis, parts, len(acc), low, high)
    falling = np.array([not p.upright() for p in profiles], bool)
    turned = [p.mirrored() if down else p for p, down in zip(profiles, falling, strict=True)]
    stairs = assemble(turned, low=low, high=high, levels=levels)
    return Derivation(staircase=replace(stairs, borders=lines), falling=falling)


def _check_variances(steps: tuple[Step, ...]) -> None:
    for step in each_step(steps):
        if isinstance(step, Normalise):
            spread(step)


def _values(steps: tuple[Step, ...], axis: Sums, points: list[tuple[int, int]]) -> list[Fraction]:
    """Exact values at (channel, accumulator)."""
    rows = Rows.of(steps, axis, [c for c, _ in points], [(a, a) for _, a in points], [False] * len(points))
    numbers, radius = rows.floats(rows.first)
    bottom, top = enclose(rows.gathered(), numbers, radius=radius)
    return [
        Fraction(float(bottom[i, 0])) if bottom[i, 0] == top[i, 0] else exact(steps, c, axis.exact(c, a))
        for i, (c, a) in enumerate(points)
    ]


def _ends(steps: tuple[Step, ...], acc: Sequence[IntRange]) -> list[tuple[Fraction, Fraction]]:
    """Exact values at ``acc[c].low`` and ``acc[c].high``, in that order."""
    found = _values(steps, Sums(), [(c, a) for c, r in enumerate(acc) for a in (r.low, r.high)])
    return list(zip(found[::2], found[1::2], strict=True))


def _check_codes(
    steps: tuple[Step, ...], axis: Sums, points: list[tuple[int, int]], low: int, high: int
) -> None:
    for (c, _), value in zip(points, _values(steps, axis, points), strict=True):
        if value.denominator != 1 or not low <= value <= high:
            raise InternalError(
                "thresholds",
                f"channel {c} must end in integers from {low} to {high}, but reaches {float(value)!r}",
            )


def _levels(low: int, high: int) -> Integers:
    return np.arange(low + 1, high + 1, dtype=np.int64)[None, :]


def _derive_monotone(
    steps: tuple[Step, ...], axis: Sums, ends: list[tuple[int, int]], low: int, high: int
) -> Derivation:
    down = direction(steps, len(ends)) < 0
    rows = Rows.of(steps, axis, range(len(ends)), ends, down)
    found = thresholds(rows, _levels(low, high))
    lines = borders(rows, _levels(low, high), found)
    constant = np.all((found <= rows.first) | (found > rows.last), axis=1)
    acc_low, acc_high = np.array(ends, np.int64).reshape(-1, 2).T[:, :, None]
    restored = np.where(found == rows.first, acc_low, acc_high + 1)
    found = np.where((down & constant)[:, None], restored, found)
    return Derivation(
        staircase=Staircase(thresholds=found, low=low, borders=tuple(line for _, line in lines)),
        falling=down & ~constant,
    )


def _profiles(
    steps: tuple[Step, ...], axis: Sums, parts: list[Piece], channels: int, low: int, high: int
) -> tuple[list[Profile], tuple[str, ...]]:
    """One step function per channel, and its borders."""
    rows = Rows.of(
        steps,
        axis,
        [p.channel for p in parts],
        [(p.first, p.last) for p in parts],
        [p.direction < 0 for p in parts],
    )
    levels = _levels(low, high)
    found = thresholds(rows, levels)
    runs: list[list[tuple[int, int]]] = [[] for _ in range(channels)]
    last = [0] * channels
    for row, part in enumerate(parts):
        places, counts = np.unique(found[row], return_counts=True)
        reached = np.cumsum(counts)
        if part.direction < 0:  # at index -i the code is that of i: runs end where they began
            inside = (places > -part.last) & (places <= -part.first)
            codes = np.concatenate(
                [[np.sum(found[row] <= -part.first)], reached[inside][::-1] - counts[inside][::-1]]
            )
            starts = np.concatenate([[part.first], 1 - places[inside][::-1]])
        else:
            inside = (places > part.first) & (places <= part.last)
            codes = np.concatenate([[np.sum(found[row] <= part.first)], reached[inside]])
            starts = np.concatenate([[part.first], places[inside]])
        runs[part.channel] += [(int(s), low + int(k)) for s, k in zip(starts, codes, strict=True)]
        last[part.channel] = part.last
    lines = sorted((parts[row].channel, line) for row, line in borders(rows, levels, found))
    return [Profile.of(r, e) for r, e in zip(runs, last, strict=True)], tuple(line for _, line in lines)


__all__ = [
    "LEVELS",
    "Derivation",
    "Image",
    "NoStaircase",
    "derive",
    "direction",
    "evaluate_exact",
    "image",
    "rises_or_falls",
]
