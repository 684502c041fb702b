"""Exact staircases: a chain of real steps on an integer accumulator, as integer thresholds per channel.

Each threshold is found by bisection in float64 and then proved: at the threshold and at the integer below it
the enclosure of the chain's exact value must lie wholly on its own side of the level. Where it does not (the
border runs through the enclosure), exact rationals decide. Since every step is monotone, two integers prove
a threshold for the whole range; no value is sampled.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Context, Decimal
from fractions import Fraction
from typing import assert_never

import numpy as np
from numpy.typing import NDArray

from ternc.errors import InternalError
from ternc.network.evaluate import enclose, exact, plain, step_exact
from ternc.network.layers import IntRange, Staircase
from ternc.network.steps import Add, Clamp, Divide, Multiply, Normalise, Round, Sign, Step

Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Derivation:
    """What `derive` found.

    Attributes:
        staircase: Per channel, of the accumulator or, where ``falling``, of the negated accumulator.
        falling: bool ``[O]``; the caller negates these channels' trits.
    """

    staircase: Staircase
    falling: NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """The values that a chain takes at the two ends of each channel's accumulator range.

    Attributes:
        low, high: Per channel, exact, ``low <= high``.
        integral: True where every value in between is an integer as well, by construction of the chain.
    """

    low: tuple[Fraction, ...]
    high: tuple[Fraction, ...]
    integral: bool


evaluate_exact = exact
"""Exact rational value of the chain for one channel and accumulator: see `ternc.network.evaluate.exact`."""


def direction(steps: tuple[Step, ...], channels: int) -> NDArray[np.int8]:
    """Per channel +1 where the chain rises, -1 where it falls, 0 where a zero factor makes it constant."""
    signs = np.ones(channels, np.int8)
    for step in steps:
        match step:
            case Multiply():
                signs = signs * np.sign(step.factor).astype(np.int8)
            case Divide():
                signs = signs * np.sign(step.divisor).astype(np.int8)
            case Normalise():
                signs = signs * np.sign(step.gain).astype(np.int8)
            case Add() | Clamp() | Round() | Sign():
                pass
            case _:
                assert_never(step)
    return signs


def _keeps_integers(step: Step, integral: bool) -> bool:
    def whole(values: NDArray[np.float64]) -> bool:
        return bool(np.all(np.isfinite(values) & (values == np.rint(values))))

    match step:
        case Round() | Sign():
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
        case Normalise():
            return False
        case _:
            assert_never(step)


def _ends(steps: tuple[Step, ...], acc: Sequence[IntRange]) -> list[tuple[Fraction, Fraction]]:
    """Exact values at ``acc[c].low`` and ``acc[c].high``, in that order."""
    points = np.array([[r.low, r.high] for r in acc], np.int64).reshape(-1, 2)
    bottom, top = enclose(steps, points)

    def value(c: int, i: int) -> Fraction:
        if bottom[c, i] == top[c, i]:
            return Fraction(float(bottom[c, i]))
        return exact(steps, c, int(points[c, i]))

    return [(value(c, 0), value(c, 1)) for c in range(len(acc))]


def image(steps: tuple[Step, ...], acc: Sequence[IntRange]) -> Image:
    """The chain's exact values at both ends of each channel's range, and whether all of them are integers."""
    integral = True
    for step in steps:
        integral = _keeps_integers(step, integral)
    ends = _ends(steps, acc)
    return Image(low=tuple(min(e) for e in ends), high=tuple(max(e) for e in ends), integral=integral)


def derive(steps: tuple[Step, ...], acc: Sequence[IntRange], *, low: int, high: int) -> Derivation:
    """The staircase equal to the chain on every integer of every channel's range.

    Args:
        steps: Monotone steps whose last values are integers in ``[low, high]``.
        acc: The reachable accumulator range of each output channel, magnitudes below 2^53.
        low: The lowest code.
        high: The highest code; the staircase has ``high - low`` steps.

    Returns:
        Thresholds ``T[c, k]`` = the smallest accumulator value whose code is at least ``low + 1 + k``,
        clipped to ``[acc_low, acc_high + 1]`` of the (possibly negated) range. A channel that is constant on
        its range never counts as falling, and has every threshold at one of the two ends.

    Raises:
        InternalError: A value at an end of a range is no integer of ``[low, high]``.
    """
    for c, values in enumerate(_ends(steps, acc)):
        for value in values:
            if value.denominator != 1 or not low <= value <= high:
                raise InternalError(
                    "thresholds",
                    f"channel {c} must end in integers from {low} to {high}, but reaches {float(value)!r}",
                )
    signs = direction(steps, len(acc))
    flip = np.where(signs < 0, -1, 1).astype(np.int64)[:, None]
    acc_low = np.array([[r.low] for r in acc], np.int64).reshape(-1, 1)
    acc_high = np.array([[r.high] for r in acc], np.int64).reshape(-1, 1)
    first = np.where(flip > 0, acc_low, -acc_high)
    last = np.where(flip > 0, acc_high, -acc_low)
    levels = np.arange(low + 1, high + 1, dtype=np.int64)[None, :]

    thresholds = _bisect(steps, flip, first, last, levels)
    for c, k in _unproved(steps, flip, first, last, levels, thresholds):
        ends = int(first[c, 0]), int(last[c, 0])
        thresholds[c, k] = _bisect_exact(
            steps, c, int(flip[c, 0]), ends, int(levels[0, k]), int(thresholds[c, k])
        )
    borders = _borders(steps, flip, first, last, levels, thresholds)

    constant_channel = _jumps_nowhere(thresholds, first, last)
    falling = (flip[:, 0] < 0) & ~constant_channel
    back = (flip[:, 0] < 0) & constant_channel
    restored = np.where(thresholds == first, acc_low, acc_high + 1)
    thresholds = np.where(back[:, None], restored, thresholds)
    return Derivation(staircase=Staircase(thresholds=thresholds, low=low, borders=borders), falling=falling)


def _jumps_nowhere(thresholds: Integers, first: Integers, last: Integers) -> NDArray[np.bool_]:
    """Channels whose every threshold is always or never reached."""
    return np.asarray(np.all((thresholds <= first) | (thresholds > last), axis=1))


def _bisect(
    steps: tuple[Step, ...], flip: Integers, first: Integers, last: Integers, levels: Integers
) -> Integers:
    """Smallest ``a`` in ``[first, last + 1]`` whose float64 code reaches the level, ``[channels, steps]``."""
    shape = np.broadcast_shapes(first.shape, levels.shape)
    low = np.broadcast_to(first, shape).copy()
    high = np.broadcast_to(last + 1, shape).copy()
    with np.errstate(all="ignore"):
        while np.any(low < high):
            middle = (low + high) >> 1
            reached = plain(steps, flip * middle) >= levels
            high = np.where(reached, middle, high)
            low = np.where(reached, low, np.minimum(middle + 1, high))
    return low


def _unproved(
    steps: tuple[Step, ...],
    flip: Integers,
    first: Integers,
    last: Integers,
    levels: Integers,
    found: Integers,
) -> list[tuple[int, int]]:
    """Thresholds whose enclosures at T and T - 1 do not prove that the level is reached at T first."""
    bottom, _ = enclose(steps, flip * found)
    _, top = enclose(steps, flip * (found - 1))
    reached = (bottom >= levels) | (found > last)
    not_before = (top < levels) | (found <= first)
    return [(int(c), int(k)) for c, k in np.argwhere(~(reached & not_before))]


def _bisect_exact(
    steps: tuple[Step, ...], channel: int, flip: int, ends: tuple[int, int], level: int, guess: int
) -> int:
    """The same threshold in exact rationals, searched outwards from a guess."""
    first, last = ends

    def reached(a: int) -> bool:
        return a > last or (a >= first and exact(steps, channel, flip * a) >= level)

    below, above, stride = guess - 1, guess, 1
    while not reached(above):
        below, above, stride = above, min(above + stride, last + 1), stride * 2
    stride = 1
    while reached(below):
        below, above, stride = max(below - stride, first - 1), below, stride * 2
    while above - below > 1:
        middle = (above + below) // 2
        below, above = (below, middle) if reached(middle) else (middle, above)
    return above


def _borders(
    steps: tuple[Step, ...],
    flip: Integers,
    first: Integers,
    last: Integers,
    levels: Integers,
    found: Integers,
) -> tuple[str, ...]:
    """One line for each threshold that a float32 evaluation may put one integer further up or down."""
    lines: list[str] = []
    bottom, _ = enclose(steps, flip * found, as_single=True)
    _, top = enclose(steps, flip * (found - 1), as_single=True)
    at = (found <= last) & ~(bottom >= levels)
    before = (found > first) & ~(top < levels)
    for c, k in np.argwhere(at | before):
        sign, threshold = int(flip[c, 0]), int(found[c, k])
        near = sign * (threshold if at[c, k] else threshold - 1)
        border = _border(steps, int(c), sign, threshold, int(levels[0, k]))
        place = _decimal(border) if border is not None else str(near)
        lines.append(f"channel {c}, step {k}: border {place} at accumulator {near}")
    return tuple(lines)


def _decimal(value: Fraction) -> str:
    context = Context(prec=24)
    quotient = context.divide(Decimal(value.numerator), Decimal(value.denominator))
    return f"{quotient.normalize(context):f}"


def _border(steps: tuple[Step, ...], channel: int, flip: int, threshold: int, level: int) -> Fraction | None:
    """The real accumulator value at which the chain first reaches the level, between T - 1 and T.

    Clamps in front of the first rounding are left out: they do not move a border that lies inside them, and
    what remains is affine. None where the border is not between those two values (it is beyond the range).
    """
    found = next(((i, step) for i, step in enumerate(steps) if isinstance(step, Round | Sign)), None)
    if found is None:
        return None
    at, snap = found
    suffix = steps[at + 1 :]
    affine = tuple(step for step in steps[:at] if not isinstance(step, Clamp))
    start, end = (exact(affine, channel, flip * a) for a in (threshold - 1, threshold))

    def reached(whole: int) -> bool:
        value = Fraction(whole)
        for step in suffix:
            value = step_exact(step, channel, value)
        return value >= level

    below, above = (int(step_exact(snap, channel, v)) for v in (start, end))
    if reached(below) or not reached(above):
        return None
    while abs(above - below) > 1:
        middle = (above + below) // 2
        below, above = (below, middle) if reached(middle) else (middle, above)
    border = _edge(snap, min(below, above), max(below, above))
    return flip * (threshold - 1 + (border - start) / (end - start))


def _edge(snap: Round | Sign, lower: int, upper: int) -> Fraction:
    """The real value that separates two neighbouring results of a rounding."""
    match snap:
        case Sign():
            return Fraction(0)
        case Round(mode="floor"):
            return Fraction(upper)
        case Round(mode="ceil"):
            return Fraction(lower)
        case Round(mode="toward_zero"):
            return Fraction(upper if upper > 0 else lower)
        case _:
            return Fraction(lower + upper, 2)


__all__ = ["Derivation", "Image", "derive", "direction", "evaluate_exact", "image"]
