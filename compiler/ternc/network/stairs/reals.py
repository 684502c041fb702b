"""Real numbers that are compared without error: intervals with rational ends, and what proves a zero.

A `Real` is a rational, or an interval that contains a number which is not known to be rational. `Real.sign` either
proves the sign, or raises `Undecided`, and the caller starts again with more bits. For a rational that is immediate.

*Square roots.* An expression of rationals, square roots of n_1 .. n_k (naturals) and ``+ - * /`` is a quotient U / L of
two algebraic integers of the field K = Q(sqrt n_1, .., sqrt n_k), whose degree is at most ``D = 2^k``. Let u and l
bound every conjugate of U and L. They follow the rules of fractions: ``p/q`` has u = |p|, l = q; ``sqrt(p/q)`` is
``sqrt(p q) / q``; a sum has ``u = u1*l2 + u2*l1``, ``l = l1*l2``; a product ``u = u1*u2``, ``l = l1*l2``; a
quotient ``u = u1*l2``, ``l = l1*u2``. If the number is not 0, U has a norm that is a nonzero integer, so
``|U| >= 1 / u^(D-1)``, and the number is at least ``1 / (u^(D-1) * l)`` in magnitude. An interval around 0 that is
narrower than this proves a 0. So the sign of such an expression is always decided. (C. Burnikel et al., "A strong and
easily computable separation bound for arithmetic expressions involving radicals", 2000.)

*Transcendental functions.* exp, log and erf are rational at exactly known points (0, 1, 0), where they stay exact.
Elsewhere an activation of an algebraic number other than 0 is transcendental (Lindemann and Weierstrass: so is exp,
and every rational function of it and of the number; for softplus, ``exp(r) = 1 + exp(x)`` has no algebraic solution),
so it differs from every algebraic border, and some number of bits decides. Where that is not known (a function of
a function; erf with its factor), an equality would never be decided: after `MOST_BITS` the caller gives up, and nothing
is claimed.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Any, TypeVar

from mpmath import libmp

FIRST_BITS = 192
MOST_BITS = 1 << 16
_GUARD = 16  # bits by which mpmath's results are widened; their error is a few units in the last place

Answer = TypeVar("Answer")


class Undecided(Exception):  # noqa: N818
    """More bits are needed."""


@dataclass(frozen=True, slots=True)
class Height:
    """Bounds of the separation argument: log2 of u and l, rounded up, and the numbers under the roots."""

    upper: int
    lower: int
    roots: frozenset[int]

    @staticmethod
    def of(value: Fraction) -> Height:
        """The bounds of a rational."""
        return Height(abs(value.numerator).bit_length(), value.denominator.bit_length(), frozenset())

    def separation(self) -> int:
        """A nonzero number is at least ``2**-separation`` in magnitude."""
        return self.upper * ((1 << len(self.roots)) - 1) + self.lower


@dataclass(frozen=True, slots=True)
class Real:
    """A number in ``[low, high]``; rational where both are equal.

    Attributes:
        low, high: Rational bounds.
        height: Of an irrational algebraic number; None where it may be transcendental. Of no meaning for rationals.
    """

    low: Fraction
    high: Fraction
    height: Height | None = None

    @staticmethod
    def of(value: Fraction | int) -> Real:
        """A rational."""
        exact = Fraction(value)
        return Real(exact, exact)

    @property
    def rational(self) -> bool:
        """Whether the value is known exactly."""
        return self.low == self.high

    def _height(self) -> Height | None:
        return Height.of(self.low) if self.rational else self.height

    def __add__(self, other: Real) -> Real:
        """Sum."""
        if self.rational and other.rational:
            return Real.of(self.low + other.low)
        a, b = self._height(), other._height()
        height = (
            Height(max(a.upper + b.lower, b.upper + a.lower) + 1, a.lower + b.lower, a.roots | b.roots)
            if a and b
            else None
        )
        return Real(self.low + other.low, self.high + other.high, height)

    def __neg__(self) -> Real:
        """Negation."""
        return Real(-self.high, -self.low, self.height)

    def __sub__(self, other: Real) -> Real:
        """Difference."""
        return self + -other

    def __mul__(self, other: Real) -> Real:
        """Product; exact where one factor is exactly 0."""
        for factor in (self, other):
            if factor.rational and factor.low == 0:
                return factor
        if self.rational and other.rational:
            return Real.of(self.low * other.low)
        a, b = self._height(), other._height()
        height = Height(a.upper + b.upper, a.lower + b.lower, a.roots | b.roots) if a and b else None
        ends = [p * q for p in (self.low, self.high) for q in (other.low, other.high)]
        return Real(min(ends), max(ends), height)

    def __truediv__(self, other: Real) -> Real:
        """Quotient; exact where the dividend is exactly 0."""
        if other.sign() == 0:
            raise ZeroDivisionError
        if self.rational and self.low == 0:
            return self
        if self.rational and other.rational:
            return Real.of(self.low / other.low)
        a, b = self._height(), other._height()
        height = Height(a.upper + b.lower, a.lower + b.upper, a.roots | b.roots) if a and b else None
        ends = [p / q for p in (self.low, self.high) for q in (other.low, other.high)]
        return Real(min(ends), max(ends), height)

    def sign(self) -> int:
        """-1, 0 or +1.

        Raises:
            Undecided: More bits are needed.
        """
        if self.low > 0:
            return 1
        if self.high < 0:
            return -1
        if self.rational:
            return 0
        if self.height is not None:
            bound = Fraction(1, 1 << self.height.separation())
            if -bound < self.low and self.high < bound:
                return 0
        raise Undecided

    def compare(self, border: Fraction) -> int:
        """Sign of the difference to a rational."""
        return (self - Real.of(border)).sign()


@lru_cache(maxsize=4096)
def root(value: Fraction, bits: int) -> Real:
    """Square root of a rational that is not negative, to a relative error of about ``2**-bits``."""
    p, q = value.numerator, value.denominator
    square = p * q  # sqrt(p / q) = sqrt(p * q) / q
    whole = math.isqrt(square)
    if whole * whole == square:
        return Real.of(Fraction(whole, q))
    shift = max(0, bits + 2 - whole.bit_length())
    scaled = math.isqrt(square << (2 * shift))
    height = Height(whole.bit_length() + 1, q.bit_length(), frozenset((square,)))
    return Real(Fraction(scaled, q << shift), Fraction(scaled + 1, q << shift), height)


def _fraction(value: Any) -> Fraction:
    """A finite number of mpmath, exactly."""
    sign, mantissa, exponent, _ = value
    whole = Fraction(int(mantissa) << exponent) if exponent >= 0 else Fraction(int(mantissa), 1 << -exponent)
    return -whole if sign else whole


def _rising(function: Any, x: Real, bits: int) -> Real:
    """A rising function of mpmath over an interval; both ends are widened by `_GUARD` bits' worth."""
    ends = []
    for end, direction in ((x.low, "f"), (x.high, "c")):
        size = max(0, abs(end.numerator).bit_length() - end.denominator.bit_length())
        precision = bits + size + 2 * _GUARD
        point = libmp.from_rational(end.numerator, end.denominator, precision, direction)
        value = _fraction(function(point, precision, direction))
        slack = abs(value) / (1 << (bits + _GUARD))
        ends.append(value - slack if direction == "f" else value + slack)
    return Real(ends[0], ends[1])


def exp(x: Real, bits: int) -> Real:
    """``e^x``; exact at 0. Far below 0 it is an interval down to 0, far above the caller has to wait.

    Raises:
        Undecided: x is beyond ``4 * bits``.
    """
    if x.rational and x.low == 0:
        return Real.of(1)
    reach = 4 * bits
    if x.high < -reach:
        return Real(Fraction(0), Fraction(1, 1 << reach))
    if x.high > reach:
        raise Undecided
    if x.low < -reach:
        return Real(Fraction(0), _rising(libmp.mpf_exp, Real.of(x.high), bits).high)
    return _rising(libmp.mpf_exp, x, bits)


def log(x: Real, bits: int) -> Real:
    """Natural logarithm of a number above 0; exact at 1."""
    if x.rational and x.low == 1:
        return Real.of(0)
    if x.low <= 0:
        raise Undecided
    return _rising(libmp.mpf_log, x, bits + 8)


def erf(x: Real, bits: int) -> Real:
    """Error function; exact at 0."""
    if x.rational and x.low == 0:
        return x
    return Real(_erf(x.low, bits).low, _erf(x.high, bits).high)


@lru_cache(maxsize=256)
def _erf(x: Fraction, bits: int) -> Real:
    """``2 x / sqrt(pi) * exp(-x^2) * sum_n t_n``, ``t_0 = 1``, ``t_n = t_(n-1) * 2 x^2 / (2n + 1)``, all above 0.

    (Abramowitz and Stegun 7.1.6. mpmath's alternating series loses too many bits for x around 7.) Behind a term
    whose successors at least halve, the rest is at most that term.
    """
    if x <= 0:
        return -_erf(-x, bits) if x else Real.of(0)
    square = x * x
    tail = exp(Real.of(-square), bits)
    if square > bits:  # exp(-x^2) / (4 x) < 1 - erf(x) < exp(-x^2) for x > 1 (Abramowitz and Stegun 7.1.13)
        return Real(1 - tail.high, 1 - tail.low / (4 * x))
    one = 1 << (bits + _GUARD)
    p, q = 2 * square.numerator, square.denominator
    low = high = low_sum = high_sum = one
    n = 0
    while high > 1 or 2 * p > q * (2 * n + 3):
        n += 1
        low = low * p // (q * (2 * n + 1))
        high = -(-high * p // (q * (2 * n + 1)))
        low_sum, high_sum = low_sum + low, high_sum + high
    total = Real(Fraction(low_sum, one), Fraction(high_sum + high, one))
    found = Real.of(2 * x) / root_of(pi(bits), bits) * tail * total
    return Real(found.low, min(found.high, Fraction(1)))


def root_of(x: Real, bits: int) -> Real:
    """Square root of a number above 0 that need not be rational."""
    if x.rational:
        return root(x.low, bits)
    return Real(root(x.low, bits).low, root(x.high, bits).high)


@lru_cache(maxsize=64)
def pi(bits: int) -> Real:
    """The circle's constant."""
    value = _fraction(libmp.mpf_pi(bits + _GUARD))
    return Real(value - Fraction(1, 1 << bits), value + Fraction(1, 1 << bits))


def decide(question: Callable[[int], Answer]) -> Answer | None:
    """The answer with as few bits as it takes, or None where `MOST_BITS` do not decide."""
    bits = FIRST_BITS
    while bits <= MOST_BITS:
        try:
            return question(bits)
        except Undecided:
            bits *= 2
    return None
