"""Exact values of a chain of `Step`s, one channel and one number at a time.

Rationals where everything is rational; otherwise `ternc.network.stairs.reals` with as many bits as a decision takes.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from fractions import Fraction
from typing import assert_never

from ternc.network.stairs.evaluate import RoundMode, bad_variance
from ternc.network.stairs.functions import FUNCTIONS, shape
from ternc.network.stairs.reals import FIRST_BITS, MOST_BITS, Real, Undecided, decide, root
from ternc.network.steps import (
    Add,
    Branch,
    Clamp,
    Divide,
    Function,
    Multiply,
    Normalise,
    PerChannel,
    Round,
    Sign,
    Step,
    Thresholds,
)


class NoStaircase(Exception):  # noqa: N818
    """A chain has no staircase, or none that can be proved.

    Args:
        reason: What was found, to be put behind "but": for example ``"takes more than 256 levels"``.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def constant(values: PerChannel, channel: int) -> float:
    """The constant that applies to one channel."""
    return float(values[channel if values.size > 1 else 0])


def round_exact(value: Fraction, mode: RoundMode) -> Fraction:
    """Round to an integer; ``half_up`` is half away from 0, ``half_down`` half towards it (QONNX)."""
    match mode:
        case "even":
            return Fraction(round(value))
        case "floor":
            return Fraction(math.floor(value))
        case "ceil":
            return Fraction(math.ceil(value))
        case "toward_zero":
            return Fraction(math.trunc(value))
        case "half_up" | "half_down":
            whole = math.floor(abs(value))
            rest = abs(value) - whole
            up = 2 * rest >= 1 if mode == "half_up" else 2 * rest > 1
            return Fraction((whole + up) * (1 if value >= 0 else -1))
        case _:
            assert_never(mode)


def edge(mode: RoundMode, lower: Fraction) -> Fraction:
    """The real value that separates the results ``lower`` and ``lower + 1`` of a rounding."""
    match mode:
        case "floor":
            return lower + 1
        case "ceil":
            return lower
        case "toward_zero":
            return lower + 1 if lower >= 0 else lower
        case "even" | "half_up" | "half_down":
            return lower + Fraction(1, 2)
        case _:
            assert_never(mode)


def _round(x: Real, mode: RoundMode) -> Fraction:
    low, high = round_exact(x.low, mode), round_exact(x.high, mode)
    if low == high:
        return low
    if high - low > 1:
        raise Undecided
    border = edge(mode, low)
    side = x.compare(border)
    return round_exact(border, mode) if side == 0 else low if side < 0 else high


def _clamp(x: Real, low: float, high: float) -> Real:
    if low > -math.inf and x.compare(Fraction(low)) <= 0:
        x = Real.of(Fraction(low))
    if high < math.inf and x.compare(Fraction(high)) >= 0:
        x = Real.of(Fraction(high))
    return x


def _normalise(step: Normalise, channel: int, x: Real, bits: int) -> Real:
    total = Fraction(constant(step.variance, channel)) + Fraction(step.epsilon)
    if total <= 0:
        raise bad_variance(channel, float(total))
    mean, gain, bias = (
        Real.of(Fraction(constant(values, channel))) for values in (step.mean, step.gain, step.bias)
    )
    return (x - mean) * gain / root(total, bits) + bias


def _function(step: Function, channel: int, x: Real, bits: int) -> Real:
    if not x.rational and x.height is not None and x.low <= 0 <= x.high and x.sign() == 0:
        x = Real.of(0)
    a, b, c = (Fraction(constant(values, channel)) for values in (step.alpha, step.beta, step.gamma))
    return FUNCTIONS[step.kind].real(x, a, b, c, bits)


def step_real(step: Step, channel: int, x: Real, bits: int) -> Real:
    """One step of one channel.

    Raises:
        Undecided: More bits are needed.
    """
    match step:
        case Add():
            return x + Real.of(Fraction(constant(step.addend, channel)))
        case Multiply():
            return x * Real.of(Fraction(constant(step.factor, channel)))
        case Divide():
            return x / Real.of(Fraction(constant(step.divisor, channel)))
        case Normalise():
            return _normalise(step, channel, x, bits)
        case Clamp():
            return _clamp(x, constant(step.low, channel), constant(step.high, channel))
        case Round():
            return Real.of(_round(x, step.mode))
        case Sign():
            return Real.of(x.sign() or step.zero)
        case Thresholds():
            row = step.values[channel if len(step.values) > 1 else 0]
            below = bisect_left(row, True, key=lambda threshold: x.compare(Fraction(threshold)) < 0)
            return Real.of(below)
        case Function():
            return _function(step, channel, x, bits)
        case Branch():
            return _through(step.below if is_below(step, channel, x, bits) else step.above, channel, x, bits)
        case _:
            assert_never(step)


def chain_real(steps: tuple[Step, ...], channel: int, x: Fraction, bits: int) -> Real:
    """The whole chain of one channel.

    Raises:
        Undecided: More bits are needed.
    """
    return _through(steps, channel, Real.of(x), bits)


def _through(steps: tuple[Step, ...], channel: int, x: Real, bits: int) -> Real:
    for step in steps:
        x = step_real(step, channel, x, bits)
    return x


def is_below(step: Branch, channel: int, x: Real, bits: int) -> bool:
    """The side of a branch that a number belongs to.

    Raises:
        Undecided: More bits are needed.
    """
    side = _through(step.test, channel, x, bits).compare(Fraction(constant(step.at, channel)))
    return side < 0 or (side == 0 and step.equal_is_below)


def compare(steps: tuple[Step, ...], channel: int, x: Fraction, border: Fraction) -> int:
    """-1, 0 or +1 as the chain's exact value lies below, on or above a border.

    Raises:
        NoStaircase: `MOST_BITS` bits do not tell.
    """
    found = decide(lambda bits: chain_real(steps, channel, x, bits).compare(border))
    if found is None:
        raise NoStaircase(f"{MOST_BITS} bits do not tell a value of channel {channel} from {float(border):g}")
    return found


def exact(steps: tuple[Step, ...], channel: int, x: Fraction | int) -> Fraction:
    """The chain's exact value where it is rational (every code is), else its first `FIRST_BITS` bits or so.

    Raises:
        NoStaircase: `MOST_BITS` bits do not decide a rounding or a branch of the chain.
    """
    value = decide(lambda bits: chain_real(steps, channel, Fraction(x), bits))
    if value is None:
        raise NoStaircase(
            f"{MOST_BITS} bits do not tell on which side of a border a value of channel {channel} lies"
        )
    if value.rational:
        return value.low
    return Fraction(math.floor(value.low * (1 << FIRST_BITS)), 1 << FIRST_BITS)


def rational(steps: tuple[Step, ...], channel: int, x: Fraction) -> Fraction | None:
    """The chain's exact value; None where it is no rational number, or cannot be told."""
    value = decide(lambda bits: chain_real(steps, channel, x, bits))
    return value.low if value is not None and value.rational else None


def span(
    steps: tuple[Step, ...], channel: int, low: Fraction | int, high: Fraction | int
) -> tuple[Fraction, Fraction]:
    """Rational bounds of the chain's values on all real numbers from ``low`` to ``high``.

    Raises:
        NoStaircase: `MOST_BITS` bits do not decide a rounding or a branch of the chain.
    """

    def bounds(bits: int) -> tuple[Fraction, Fraction]:
        return _hull(_spanned(steps, channel, [Real.of(low), Real.of(high)], bits))

    found = decide(bounds)
    if found is None:
        raise NoStaircase(
            f"{MOST_BITS} bits do not tell on which side of a border a value of channel {channel} lies"
        )
    return found


def _hull(values: list[Real]) -> tuple[Fraction, Fraction]:
    return min(x.low for x in values), max(x.high for x in values)


def _spanned(steps: tuple[Step, ...], channel: int, ends: list[Real], bits: int) -> list[Real]:
    """Numbers between the least and the largest of which are all values of the chain between those given."""
    for step in steps:
        bottom, top = _hull(ends)
        if isinstance(step, Branch):
            ends = _spanned_sides(step, channel, bottom, top, bits)
            continue
        ends = [step_real(step, channel, x, bits) for x in ends]
        if isinstance(step, Function):
            run = shape(step.kind, *(constant(v, channel) for v in (step.alpha, step.beta, step.gamma)))
            ends += [
                Real.of(value)
                for turn in run.turns
                if bottom <= turn.high and turn.low <= top
                for value in (turn.least, turn.most)
            ]
    return ends


def _spanned_sides(step: Branch, channel: int, bottom: Fraction, top: Fraction, bits: int) -> list[Real]:
    """The same for both sides of a branch, as far as numbers from ``bottom`` to ``top`` may take them."""
    at = Fraction(constant(step.at, channel))
    ends = [Real.of(bottom), Real.of(top)]
    low, high = _hull(_spanned(step.test, channel, ends, bits))
    found: list[Real] = []
    if low <= at:
        inside = ends if step.test else [Real.of(bottom), Real.of(min(top, at))]
        found += _spanned(step.below, channel, inside, bits)
    if high >= at:
        inside = ends if step.test else [Real.of(max(bottom, at)), Real.of(top)]
        found += _spanned(step.above, channel, inside, bits)
    return found
