"""Enclosures: vectors of float64 intervals that contain a chain's exact values.

Nothing here samples or tolerates: an enclosure is a proof, and `exact` beside it decides what it leaves open.
The proof rests on IEEE 754 for ``+ - * / sqrt``, and for activation functions on the error stated in their table.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from fractions import Fraction
from functools import lru_cache, reduce
from typing import Any, assert_never

import numpy as np
from numpy.typing import NDArray

from ternc.network.stairs.evaluate import (
    Reals,
    columns,
    count_floats,
    round_floats,
    sign_floats,
    spread,
    two_product,
    two_sum,
)
from ternc.network.stairs.functions import FUNCTIONS, shape
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
)

_SLACK = 1.0 + 2.0**-40  # covers every rounding made while error bounds are added up
_TINY = 2.0**-900  # a non-zero error bound is never allowed to underflow
SINGLE_ERROR = 4 * 2.0**-23  # four units in the last place of a float32, relative
_SMALL = 2.0**-390  # results of functions below this count as 0, give or take as much


def _rounded(constants: Reals) -> NDArray[np.bool_]:
    """Constants of more than 12 significant bits, taken to be the float32 nearest to what was meant."""
    mantissa = np.frexp(constants)[0] * 4096
    return np.asarray(mantissa != np.rint(mantissa))


class _Enclosure:
    """Centre ``v`` and radius ``e``: the exact value lies in [v - e, v + e]; ``e`` is 0 where ``v`` is exact.

    With ``as_single`` the radius also covers what a float32 evaluation may do: four units in the last place for
    each operation whose result is not exactly a float32, or whose constant has itself been rounded to one.
    """

    def __init__(self, values: NDArray[Any], radius: Reals, *, as_single: bool) -> None:
        self.v = values.astype(np.float64)
        self.e = np.broadcast_to(radius, self.v.shape)
        self.as_single = as_single
        self._settle(self.v, np.zeros(self.v.shape), self.e, np.abs(self.v), np.zeros(1))

    def _settle(self, v: Reals, inherited: Reals, made: Reals, size: Reals, constants: Reals) -> None:
        e = inherited + made
        if self.as_single:
            inexact = (made != 0) | (v.astype(np.float32) != v) | _rounded(constants)
            e = e + np.where(inexact, SINGLE_ERROR * size, 0.0)
        e = np.where(e > 0, np.maximum(e * _SLACK, _TINY), e)
        sane = (v == 0) | ((np.abs(v) > 2.0**-400) & (np.abs(v) < 2.0**400))
        self.v, self.e = v, np.where(sane & ~np.isnan(e), e, np.inf)

    def add(self, b: Reals) -> None:
        s, error = two_sum(self.v, b)
        self._settle(s, self.e, np.abs(error), np.maximum(np.abs(s), np.abs(b)), b)

    def multiply(self, f: Reals) -> None:
        p, error = two_product(self.v, f)
        lost = (p == 0) & (self.v != 0) & (f != 0)
        inherited = np.where(f == 0, 0.0, self.e * np.abs(f))
        self._settle(p, inherited, np.where(lost, np.inf, np.abs(error)), np.abs(p), f)

    def divide(self, d: Reals, relative: Reals | None = None) -> None:
        """Divide by ``d``, itself known to a relative error."""
        q = self.v / d
        p, error = two_product(q, d)
        made = np.abs((self.v - p) - error) / np.abs(d)
        if relative is not None:
            made = made + np.abs(q) * relative
        made = np.where((q == 0) & (self.v != 0), np.inf, made)
        self._settle(q, self.e / np.abs(d), made, np.abs(q), d)

    def normalise(self, step: Normalise) -> None:
        variance, epsilon = columns(step.variance, self.v), np.array(step.epsilon)
        spread(step)
        total, rest = two_sum(variance, np.broadcast_to(epsilon, variance.shape))
        s = np.sqrt(total)
        square, error = two_product(s, s)
        perfect = (square == total) & (error == 0) & (rest == 0)
        relative = np.where(perfect, 0.0, 2.0**-53 + np.abs(rest / total)) * _SLACK
        mean, gain, bias = (columns(c, self.v) for c in (step.mean, step.gain, step.bias))
        folded = np.abs(self.v * gain / s) + np.abs(mean * gain / s) + np.abs(bias)
        self.add(-mean)
        self.divide(s, relative)
        self.multiply(gain)
        self.add(bias)
        if self.as_single:  # the folded form may cancel where this one does not
            self.e = np.where(self.e > 0, self.e + SINGLE_ERROR * folded, self.e)

    def ends(self) -> tuple[Reals, Reals]:
        low = np.where(self.e > 0, np.nextafter(self.v - self.e, -np.inf), self.v)
        high = np.where(self.e > 0, np.nextafter(self.v + self.e, np.inf), self.v)
        return low, high

    def clamp(self, low: Reals, high: Reals) -> None:
        bottom, top = self.ends()
        outside = (bottom >= high) | (top <= low)
        self.v = np.minimum(np.maximum(self.v, low), high)
        self.e = np.where(outside, 0.0, self.e)

    def snap(self, to_integer: Callable[[Reals], Reals]) -> None:
        """Apply a rising function whose values are integers (Round, Sign, Thresholds)."""
        bottom, top = (to_integer(end) for end in self.ends())
        usable = np.isfinite(bottom) & np.isfinite(top) & ((bottom == top) | (np.abs(self.v) < 2.0**50))
        safe_bottom, safe_top = np.where(usable, bottom, 0.0), np.where(usable, top, 0.0)
        self.v = np.where(usable, (safe_bottom + safe_top) / 2, to_integer(self.v))
        self.e = np.where(usable, (safe_top - safe_bottom) / 2, np.inf)

    def function(self, step: Function) -> None:
        """Values at both ends, and at every turn in between."""
        entry = FUNCTIONS[step.kind]
        constants = tuple(columns(values, self.v) for values in (step.alpha, step.beta, step.gamma))
        low, high = np.full(self.v.shape, np.inf), np.full(self.v.shape, -np.inf)
        made, size = np.zeros(self.v.shape), np.zeros(self.v.shape)
        ends = self.ends()
        for x in ends:
            y = np.asarray(entry.floats(x, *constants), np.float64)
            error = np.asarray(entry.error(x, y, *constants), np.float64)
            error = np.where(error > 0, np.maximum(error * _SLACK, _TINY), error)
            low = np.minimum(low, np.where(error > 0, np.nextafter(y - error, -np.inf), y))
            high = np.maximum(high, np.where(error > 0, np.nextafter(y + error, np.inf), y))
            made = np.maximum(made, error)
            size = np.maximum(size, entry.size(x, y, *constants))
        for left, right, least, most in _turns(step, self.v.ndim):
            crossed = (ends[0] <= right) & (ends[1] >= left)
            low = np.where(crossed, np.minimum(low, least), low)
            high = np.where(crossed, np.maximum(high, most), high)
        v, e = (low + high) / 2, np.maximum((high - low) / 2, 0.0)
        small = (v != 0) & (np.abs(v) <= _SMALL)
        e = np.where(small, e + np.abs(v) + _SMALL, e)
        v = np.where(small, 0.0, v)
        # Of the radius, what was made here counts as made: it tells what float32 does not hold.
        of_constants = reduce(np.maximum, (np.abs(_rounded(c) * c) for c in constants))
        self._settle(v, np.where(made == 0, e, 0.0), np.where(made == 0, 0.0, e), 2 * size, of_constants)

    def through(self, steps: tuple[Step, ...]) -> _Enclosure:
        """What the steps make of it; it stays as it is."""
        other = copy(self)
        for step in steps:
            other.apply(step)
        return other

    def branch(self, step: Branch) -> None:
        """The side that is taken, or where that is open, whatever both sides give."""
        bottom, top = self.through(step.test).ends()
        at = columns(step.at, self.v)
        below = (top <= at) if step.equal_is_below else (top < at)
        above = (bottom > at) if step.equal_is_below else (bottom >= at)
        sides = self.through(step.below), self.through(step.above)
        (low, high), (other_low, other_high) = sides[0].ends(), sides[1].ends()
        low, high = np.minimum(low, other_low), np.maximum(high, other_high)
        centre = (low + high) / 2
        radius = np.nextafter(np.maximum(high - centre, centre - low), np.inf)
        self.v = np.where(below, sides[0].v, np.where(above, sides[1].v, centre))
        radius = np.where(below, sides[0].e, np.where(above, sides[1].e, radius))
        self.e = np.where(np.isfinite(self.v) & ~np.isnan(radius), radius, np.inf)

    def apply(self, step: Step) -> None:
        match step:
            case Add():
                self.add(columns(step.addend, self.v))
            case Multiply():
                self.multiply(columns(step.factor, self.v))
            case Divide():
                self.divide(columns(step.divisor, self.v))
            case Normalise():
                self.normalise(step)
            case Clamp():
                self.clamp(columns(step.low, self.v), columns(step.high, self.v))
            case Round():
                mode = step.mode
                self.snap(lambda values: round_floats(values, mode))
            case Sign():
                zero = step.zero
                self.snap(lambda values: sign_floats(values, zero))
            case Thresholds():
                thresholds = step.values
                self.snap(lambda values: count_floats(values, thresholds))
            case Function():
                self.function(step)
            case Branch():
                self.branch(step)
            case _:
                assert_never(step)


def _outward(value: Fraction, towards: float) -> float:
    rounded = float(value)
    return rounded if Fraction(rounded) == value else float(np.nextafter(rounded, towards))


@lru_cache(maxsize=4096)
def _float_turns(kind: str, alpha: float, beta: float, gamma: float) -> tuple[tuple[float, ...], ...]:
    return tuple(
        (
            _outward(turn.low, -np.inf),
            _outward(turn.high, np.inf),
            _outward(turn.least, -np.inf),
            _outward(turn.most, np.inf),
        )
        for turn in shape(kind, alpha, beta, gamma).turns
    )


def _turns(step: Function, rank: int) -> list[tuple[Reals, ...]]:
    """Place and value of every turn as columns; NaN where a channel has fewer."""
    size = max(step.alpha.size, step.beta.size, step.gamma.size)
    spread_out = (np.broadcast_to(values, size).tolist() for values in (step.alpha, step.beta, step.gamma))
    rows = [_float_turns(step.kind, *row) for row in zip(*spread_out, strict=True)]
    count = max(map(len, rows))
    if count == 0:
        return []
    table = np.full((size, count, 4), np.nan)
    for i, row in enumerate(rows):
        if row:
            table[i, : len(row)] = row
    column = (-1,) + (1,) * (rank - 1)
    return [tuple(table[:, t, part].reshape(column) for part in range(4)) for t in range(count)]


def enclose(
    steps: tuple[Step, ...],
    values: NDArray[Any],
    *,
    radius: Reals | None = None,
    as_single: bool = False,
) -> tuple[Reals, Reals]:
    """Bounds ``(low, high)`` of the chain's exact value, equal where float64 decides it exactly.

    Args:
        steps: The chain; the bounds are carried through it step by step.
        values: ``[channels, ...]``; integers of magnitudes below 2^53, or float64.
        radius: How far the values meant may lie from ``values``; None: they are exact.
        as_single: Widen the bounds to what a float32 evaluation of the same chain may give.
    """
    with np.errstate(all="ignore"):
        exact = np.zeros(values.shape) if radius is None else radius
        enclosure = _Enclosure(values, exact, as_single=as_single)
        for step in steps:
            enclosure.apply(step)
        return enclosure.ends()
