"""How activation functions run: where each turns, with proofs that it turns nowhere else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from itertools import pairwise
from typing import TypeAlias

from ternc.network.stairs.function_forms import CUBIC, ONE, TWO, cubic, root_two_over_pi
from ternc.network.stairs.reals import Real, Undecided, decide, erf, exp, pi, root, root_of

_TURN_BITS = 128
_ZERO = Fraction(0)

Bounds: TypeAlias = tuple[Fraction, Fraction]


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """Where a function may change its direction, or jump.

    Attributes:
        low, high: Rational bounds of the place, equal where it is rational.
        least, most: Bounds of the values there and on both sides right beside it.
    """

    low: Fraction
    high: Fraction
    least: Fraction
    most: Fraction


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """How a function runs with given constants.

    Attributes:
        runs: Direction (+1 rising, -1 falling, 0 constant) left of the first turn, between turns, right of the last.
        turns: In rising order.
    """

    runs: tuple[int, ...] = (1,)
    turns: tuple[Turn, ...] = ()


RISING = Shape()


def straight(sign: Fraction) -> Shape:
    """Rising, falling or constant, by the sign of a factor."""
    return Shape(runs=(_sign(sign),))


def bent(sign: int = 1) -> Shape:
    """A valley (or, with -1, a hill) with its turn in the origin."""
    return Shape(runs=(-sign, sign), turns=(at(_ZERO, _ZERO),))


def at(place: Fraction, *values: Fraction) -> Turn:
    """A turn at a rational place."""
    return Turn(low=place, high=place, least=min(values), most=max(values))


def thresholded(a: Fraction) -> Shape:
    """Of ``x if x > a else 0``: with a < 0 it jumps down to a, and rises."""
    return RISING if a >= 0 else Shape(runs=(0, 1), turns=(at(a, a, _ZERO),))


def shrink(a: Fraction, b: Fraction) -> Shape:
    """Of ONNX Shrink: rising unless a jump at -a or a goes down."""
    if a >= 0:
        if b <= a:
            return RISING
        return Shape(runs=(1, 0, 1), turns=(at(-a, b - a, _ZERO), at(a, a - b, _ZERO)))
    return RISING if b <= 0 else Shape(runs=(1, 1), turns=(at(-a, b - a, -a - b),))


def ramp_gate(a: Fraction, b: Fraction, c: Fraction) -> Shape:
    """Of ``x clip(a x + b, 0, c)``: cut where the ramp begins and ends, and at the vertex of the parabola in between.

    Between cuts it is a line or one side of a parabola, so two values inside tell its direction.
    """

    def value(x: Fraction) -> Fraction:
        return x * min(max(a * x + b, _ZERO), c)

    if a == 0:
        return straight(value(Fraction(1)))
    places = sorted({-b / a, -b / (2 * a), (c - b) / a})
    ends = (places[0] - 3, *places, places[-1] + 3)
    runs = tuple(_sign(value((p + 2 * q) / 3) - value((2 * p + q) / 3)) for p, q in pairwise(ends))
    return Shape(runs=runs, turns=tuple(at(x, value(x)) for x in places))


def silu(a: Fraction, real: Callable[[Real, int], Real]) -> Shape:
    """Of ``x sigmoid(a x)``; ``real`` is its exact form, here and below."""
    return _valley(_silu_place(), 1 / a, real) if a else RISING


def gelu(real: Callable[[Real, int], Real]) -> Shape:
    """Of ``x (1 + erf(x / sqrt(2))) / 2``."""
    low, high = _erf_gate_place()
    two = root(Fraction(2), 2 * _TURN_BITS)
    return _valley((low * two.high, high * two.low), Fraction(1), real)


def erf_gate(a: Fraction, b: Fraction, real: Callable[[Real, int], Real]) -> Shape:
    """Of ``x (1 + erf(a x / b))``."""
    return _valley(_erf_gate_place(), b / a, real) if a else RISING


def gelu_tanh(real: Callable[[Real, int], Real]) -> Shape:
    """Of Gelu's approximation by tanh."""
    return _valley(_tanh_gate_place(None, CUBIC), Fraction(1), real)


def tanh_gate(a: Fraction, b: Fraction, real: Callable[[Real, int], Real]) -> Shape:
    """Of ``x (1 + tanh(a (x + b x^3)))`` with b >= 0."""
    return _valley(_tanh_gate_place(abs(a), b), Fraction(_sign(a)), real) if a else RISING


def mish(real: Callable[[Real, int], Real]) -> Shape:
    """Of ``x tanh(log(1 + exp(x)))``."""
    return _valley(_mish_place(), Fraction(1), real)


def _sign(value: Fraction) -> int:
    return (value > 0) - (value < 0)


def _valley(place: Bounds, factor: Fraction, real: Callable[[Real, int], Real]) -> Shape:
    """The function's only turn: a valley left of 0, or its mirror image at the origin, a hill right of 0."""
    low, high = sorted(end * factor for end in place)
    value = real(Real(low, high), 2 * _TURN_BITS)
    sign = -_sign(low)
    turn = Turn(low=low, high=high, least=value.low, most=value.high)
    return Shape(runs=(-sign, sign), turns=(turn,))


def _zero_of_rising(slope: Callable[[Real, int], Real], low: Fraction, high: Fraction) -> Bounds:
    """Bounds, ``2**-_TURN_BITS`` apart, of the only place where a function goes from below 0 to above 0."""

    def sign(x: Fraction) -> int | None:
        return decide(lambda bits: slope(Real.of(x), bits).sign())

    while high - low > Fraction(1, 1 << _TURN_BITS):
        middle = (low + high) / 2
        found = sign(middle)
        if not found:
            raise Undecided
        low, high = (low, middle) if found > 0 else (middle, high)
    return low, high


@lru_cache(maxsize=1)
def _silu_place() -> Bounds:
    """``x sigmoid(x)`` has the slope ``sigmoid(x) (1 + x / (1 + exp(x)))``; for x < 0, ``-x / (1 + exp(x))`` falls."""
    return _zero_of_rising(lambda x, bits: ONE + x / (ONE + exp(x, bits)), Fraction(-2), Fraction(-1))


@lru_cache(maxsize=1)
def _erf_gate_place() -> Bounds:
    """Of ``z (1 + erf(z))``: at ``y = -z sqrt(2)`` the slope is 0 where Mills' ratio, which falls, equals y."""

    def slope(z: Real, bits: int) -> Real:
        bell = exp(-(z * z), bits) / root_of(pi(bits), bits)
        return ONE + erf(z, bits) + TWO * z * bell

    return _zero_of_rising(slope, Fraction(-1), Fraction(-1, 4))


@lru_cache(maxsize=1)
def _mish_place() -> Bounds:
    """The slope over the tanh is ``1 + x h``, ``h = 4 (1 + e) / ((e + 2) (e^2 + 2 e + 2))``, ``e = exp(x)``.

    For x < 0, h falls as e rises, since the derivative of log h is
    ``1 / ((1 + e) (2 + e)) - 2 (1 + e) / ((1 + e)^2 + 1) < 0``. So ``-x h`` falls.
    """

    def slope(x: Real, bits: int) -> Real:
        e = exp(x, bits)
        return ONE + x * Real.of(4) * (ONE + e) / ((e + TWO) * (e * e + TWO * e + TWO))

    return _zero_of_rising(slope, Fraction(-2), Fraction(-1))


@lru_cache(maxsize=256)
def _tanh_gate_place(a: Fraction | None, b: Fraction) -> Bounds:
    """Of ``x (1 + tanh(u))``, ``u = a (x + b x^3)``, a > 0 (None: the square root of 2 / pi), b >= 0.

    The slope over ``1 + tanh(u)`` is ``1 + 2 x u' / (1 + exp(2 u))``; for x < 0, ``-x u'`` and ``1 / (1 + exp(2 u))``
    grow as x falls.
    """

    def slope(x: Real, bits: int) -> Real:
        factor = root_two_over_pi(bits) if a is None else Real.of(a)
        u = cubic(x, factor, b)
        return ONE + TWO * cubic(x, factor, 3 * b) / (ONE + exp(u + u, bits))

    return _zero_of_rising(slope, Fraction(-2) / (a or 1), _ZERO)
