"""The evaluations of a chain of `Step`s: exact, enclosed in float64, plain float64, and float32.

All vectorised evaluations take values of shape ``[channels, ...]`` and broadcast the constants along the
first axis. Nothing here samples or tolerates: an enclosure is a proof, and `exact` decides what
it leaves open.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from functools import lru_cache
from typing import Any, Literal, TypeAlias, TypeVar, assert_never

import numpy as np
from numpy.typing import NDArray

from ternc.errors import ModelError
from ternc.network.steps import Add, Clamp, Divide, Multiply, Normalise, PerChannel, Round, Sign, Step

Reals: TypeAlias = NDArray[np.float64]
Singles: TypeAlias = NDArray[np.float32]
Floating = TypeVar("Floating", np.float32, np.float64)
RoundMode: TypeAlias = Literal["even", "floor", "ceil", "toward_zero", "half_up", "half_down"]

ROOT_BITS = 2048
"""Significant bits of an irrational square root in `exact`.

An irrational root never puts a value exactly on a rational border b: ``(v - mean) / s * gain + bias = b``
would make ``s`` rational, unless ``v = mean`` or ``gain = 0``, and then ``s`` plays no part. Nor can the
approximation fall on the wrong side. With ``s^2 = p / q`` and the border at ``s = r = n / d``,
``|s - r| = |s^2 - r^2| / (s + r) >= 1 / (q * d^2 * (s + r))``. Every constant is a float32, hence a multiple
of 2^-149 below 2^128, so for one normalisation and a handful of other steps ``q * d^2 * (s + r)`` stays far
below 2^2048 (in practice below 2^300), and 2048 bits always decide.
"""

_SLACK = 1.0 + 2.0**-40  # covers every rounding made while error bounds are added up
_TINY = 2.0**-900  # a non-zero error bound is never allowed to underflow
_SINGLE_ERROR = 4 * 2.0**-23  # four units in the last place of a float32, relative


def constant(values: PerChannel, channel: int) -> float:
    """The constant that applies to one channel."""
    return float(values[channel if values.size > 1 else 0])


@lru_cache(maxsize=4096)
def root(value: Fraction) -> Fraction:
    """Square root of a positive rational: exact if rational, else rounded down to `ROOT_BITS` bits."""
    p, q = value.numerator, value.denominator
    square = p * q  # sqrt(p / q) = sqrt(p * q) / q
    whole = math.isqrt(square)
    if whole * whole == square:
        return Fraction(whole, q)
    shift = max(0, ROOT_BITS - whole.bit_length())
    return Fraction(math.isqrt(square << (2 * shift)), q << shift)


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


def step_exact(step: Step, channel: int, value: Fraction) -> Fraction:
    """One step of one channel on a rational."""
    match step:
        case Add():
            return value + Fraction(constant(step.addend, channel))
        case Multiply():
            return value * Fraction(constant(step.factor, channel))
        case Divide():
            return value / Fraction(constant(step.divisor, channel))
        case Normalise():
            spread = Fraction(constant(step.variance, channel)) + Fraction(step.epsilon)
            if spread <= 0:
                raise _bad_variance(channel, float(spread))
            centred = value - Fraction(constant(step.mean, channel))
            gain = Fraction(constant(step.gain, channel))
            scaled = centred * gain
            return (scaled / root(spread) if scaled else scaled) + Fraction(constant(step.bias, channel))
        case Clamp():
            low, high = constant(step.low, channel), constant(step.high, channel)
            if low > -math.inf:
                value = max(value, Fraction(low))
            return min(value, Fraction(high)) if high < math.inf else value
        case Round():
            return round_exact(value, step.mode)
        case Sign():
            return Fraction((value > 0) - (value < 0) if value else step.zero)
        case _:
            assert_never(step)


def exact(steps: tuple[Step, ...], channel: int, acc: int) -> Fraction:
    """The chain in exact rationals of its constants (square roots: see `ROOT_BITS`)."""
    value = Fraction(acc)
    for step in steps:
        value = step_exact(step, channel, value)
    return value


def _bad_variance(channel: int, found: float) -> ModelError:
    return ModelError(
        f"batch normalisation: variance + epsilon must be positive, but channel {channel} has {found:.6g}"
    )


def round_floats(values: NDArray[Floating], mode: RoundMode) -> NDArray[Floating]:
    """Round floats to integers, each result exact, in the dtype given."""
    match mode:
        case "even":
            return np.asarray(np.rint(values))
        case "floor":
            return np.asarray(np.floor(values))
        case "ceil":
            return np.asarray(np.ceil(values))
        case "toward_zero":
            return np.asarray(np.trunc(values))
        case "half_up" | "half_down":
            size = np.abs(values)
            whole = np.floor(size)
            rest = size - whole
            up = rest >= 0.5 if mode == "half_up" else rest > 0.5
            return np.asarray(np.copysign(whole + up, values) + 0.0)
        case _:
            assert_never(mode)


def _sign(values: NDArray[Floating], zero: int) -> NDArray[Floating]:
    signs = np.asarray(np.sign(values))
    return signs if zero == 0 else np.where(signs == 0, np.ones_like(signs), signs)


def columns(values: PerChannel, like: NDArray[Any]) -> Reals:
    """Constants shaped to broadcast along the first axis of ``like``."""
    return values.astype(np.float64, copy=False).reshape((-1,) + (1,) * (like.ndim - 1))


def _spread(step: Normalise) -> Reals:
    spread = step.variance + step.epsilon
    bad = np.flatnonzero(~(spread > 0))
    if bad.size:
        raise _bad_variance(int(bad[0]), float(spread[bad[0]]))
    return np.asarray(spread, np.float64)


def plain(steps: tuple[Step, ...], acc: NDArray[Any]) -> Reals:
    """The chain in float64, each operation rounded; monotone wherever the chain is."""
    v = acc.astype(np.float64)
    for step in steps:
        match step:
            case Add():
                v = v + columns(step.addend, v)
            case Multiply():
                v = v * columns(step.factor, v)
            case Divide():
                v = v / columns(step.divisor, v)
            case Normalise():
                centred = v - columns(step.mean, v)
                scaled = centred / columns(np.sqrt(_spread(step)), v) * columns(step.gain, v)
                v = scaled + columns(step.bias, v)
            case Clamp():
                v = np.minimum(np.maximum(v, columns(step.low, v)), columns(step.high, v))
            case Round():
                v = round_floats(v, step.mode)
            case Sign():
                v = _sign(v, step.zero)
            case _:
                assert_never(step)
    return v


def single(steps: tuple[Step, ...], values: NDArray[Any]) -> Singles:
    """The chain in float32, operation by operation as onnxruntime computes it.

    Batch normalisation is folded first, as onnxruntime does: ``x * k + (bias - mean * k)`` with
    ``k = gain / sqrt(variance + epsilon)``.
    """

    def const(constants: PerChannel) -> Singles:
        return columns(constants, values).astype(np.float32)

    v = np.asarray(values, np.float32)
    with np.errstate(over="ignore", under="ignore"):
        for step in steps:
            match step:
                case Add():
                    v = v + const(step.addend)
                case Multiply():
                    v = v * const(step.factor)
                case Divide():
                    v = v / const(step.divisor)
                case Normalise():
                    _spread(step)
                    k = const(step.gain) / np.sqrt(const(step.variance) + np.float32(step.epsilon))
                    v = v * k + (const(step.bias) - const(step.mean) * k)
                case Clamp():
                    v = np.minimum(np.maximum(v, const(step.low)), const(step.high))
                case Round():
                    v = round_floats(v, step.mode)
                case Sign():
                    v = _sign(v, step.zero)
                case _:
                    assert_never(step)
    return v


def two_sum(a: Reals, b: Reals) -> tuple[Reals, Reals]:
    """``a + b`` rounded, and the exact rounding error (Knuth)."""
    s = a + b
    t = s - a
    return s, (a - (s - t)) + (b - t)


def _split(a: Reals) -> tuple[Reals, Reals]:
    t = a * 134217729.0
    high = t - (t - a)
    return high, a - high


def two_product(a: Reals, b: Reals) -> tuple[Reals, Reals]:
    """``a * b`` rounded, and the exact rounding error (Dekker), barring overflow and underflow."""
    p = a * b
    a1, a0 = _split(a)
    b1, b0 = _split(b)
    return p, ((a1 * b1 - p) + a1 * b0 + a0 * b1) + a0 * b0


def _rounded(constants: Reals) -> NDArray[np.bool_]:
    """Constants of more than 12 significant bits, taken to be the float32 nearest to what was meant."""
    mantissa = np.frexp(constants)[0] * 4096
    return np.asarray(mantissa != np.rint(mantissa))


class _Enclosure:
    """Centre ``v`` and radius ``e``: the exact value lies in [v - e, v + e]; ``e`` is 0 where ``v`` is exact.

    With ``as_single`` the radius also covers what a float32 evaluation may do: four units in the last place for
    each operation whose result is not exactly a float32, or whose constant has itself been rounded to one.
    """

    def __init__(self, acc: NDArray[Any], *, as_single: bool) -> None:
        self.v = acc.astype(np.float64)
        self.e = np.zeros(self.v.shape)
        self.as_single = as_single
        self._settle(self.v, self.e, self.e, np.abs(self.v), np.zeros(1))

    def _settle(self, v: Reals, inherited: Reals, made: Reals, size: Reals, constants: Reals) -> None:
        e = inherited + made
        if self.as_single:
            inexact = (made != 0) | (v.astype(np.float32) != v) | _rounded(constants)
            e = e + np.where(inexact, _SINGLE_ERROR * size, 0.0)
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
        _spread(step)
        spread, rest = two_sum(variance, np.broadcast_to(epsilon, variance.shape))
        s = np.sqrt(spread)
        square, error = two_product(s, s)
        perfect = (square == spread) & (error == 0) & (rest == 0)
        relative = np.where(perfect, 0.0, 2.0**-53 + np.abs(rest / spread)) * _SLACK
        mean, gain, bias = (columns(c, self.v) for c in (step.mean, step.gain, step.bias))
        folded = np.abs(self.v * gain / s) + np.abs(mean * gain / s) + np.abs(bias)
        self.add(-mean)
        self.divide(s, relative)
        self.multiply(gain)
        self.add(bias)
        if self.as_single:  # the folded form may cancel where this one does not
            self.e = np.where(self.e > 0, self.e + _SINGLE_ERROR * folded, self.e)

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
        """Apply a rising function whose values are integers (Round, Sign)."""
        bottom, top = (to_integer(end) for end in self.ends())
        usable = np.isfinite(bottom) & np.isfinite(top) & ((bottom == top) | (np.abs(self.v) < 2.0**50))
        safe_bottom, safe_top = np.where(usable, bottom, 0.0), np.where(usable, top, 0.0)
        self.v = np.where(usable, (safe_bottom + safe_top) / 2, to_integer(self.v))
        self.e = np.where(usable, (safe_top - safe_bottom) / 2, np.inf)

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
                self.snap(lambda values: _sign(values, zero))
            case _:
                assert_never(step)


def enclose(steps: tuple[Step, ...], acc: NDArray[Any], *, as_single: bool = False) -> tuple[Reals, Reals]:
    """Bounds ``(low, high)`` of the chain's exact value, equal where float64 decides it exactly.

    Args:
        steps: The chain; every step is monotone, so the bounds are carried through it one by one.
        acc: Integers ``[channels, ...]``, magnitudes below 2^53.
        as_single: Widen the bounds to what a float32 evaluation of the same chain may give.
    """
    with np.errstate(all="ignore"):
        enclosure = _Enclosure(acc, as_single=as_single)
        for step in steps:
            enclosure.apply(step)
        return enclosure.ends()
