"""Forms of activation functions that take more than a line: exact (`Real`), in floats, and how far off the floats are.

Exact forms take a number of bits. Float forms keep the dtype of x, and are written so that nothing cancels: where
the result is not tiny, they are within ``2**-36`` of the exact one, relatively.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ternc.network.stairs.reals import Real, erf, exp, log, pi, root, root_of

Floats: TypeAlias = NDArray[Any]
"""float32 or float64; constants have the same dtype and broadcast."""

SMOOTH = 2.0**-36
UNDERFLOW = 2.0**-900
ULP = 2.0**-51  # of a handful of roundings

CUBIC = Fraction(44715, 10**6)
"""The constant of the tanh approximation of Gelu."""

ZERO, ONE, TWO, THREE, SIX = (Real.of(n) for n in (0, 1, 2, 3, 6))


# ---- exact -----------------------------------------------------------------------------------------------


def sigmoid(x: Real, bits: int) -> Real:
    """``1 / (1 + exp(-x))``."""
    if x.low >= 0:
        return ONE / (ONE + exp(-x, bits))
    e = exp(x, bits)
    return e / (ONE + e)


def tanh(x: Real, bits: int) -> Real:
    """Hyperbolic tangent."""
    if x.low >= 0:
        e = exp(-(x + x), bits)
        return (ONE - e) / (ONE + e)
    e = exp(x + x, bits)
    return (e - ONE) / (e + ONE)


def softplus(x: Real, bits: int) -> Real:
    """``log(1 + exp(x))``."""
    if x.low >= 0:
        return x + log(ONE + exp(-x, bits), bits)
    return log(ONE + exp(x, bits), bits)


def mish(x: Real, bits: int) -> Real:
    """``x tanh(log(1 + e))`` with ``e = exp(x)``; the tanh is ``e (e + 2) / (e (e + 2) + 2)``."""
    if x.low >= 0:
        n = exp(-x, bits)
        whole = ONE + TWO * n
        return x * whole / (whole + TWO * n * n)
    e = exp(x, bits)
    part = e * (e + TWO)
    return x * part / (part + TWO)


def softsign(x: Real) -> Real:
    """``x / (1 + |x|)``."""
    return x / (ONE - x if x.sign() < 0 else ONE + x)


def cubic(x: Real, a: Real, b: Fraction) -> Real:
    """``a (x + b x^3)``."""
    return a * (x + Real.of(b) * x * x * x)


def root_two_over_pi(bits: int) -> Real:
    """``sqrt(2 / pi)``."""
    return root_of(TWO / pi(bits), bits)


def tanh_gate(x: Real, u: Real, bits: int) -> Real:
    """``x (1 + tanh(u))``."""
    return x * TWO * sigmoid(u + u, bits)


def erf_gate(x: Real, z: Real, bits: int) -> Real:
    """``x (1 + erf(z))``."""
    return x * (ONE + erf(z, bits))


def gelu(x: Real, bits: int) -> Real:
    """``x (1 + erf(x / sqrt(2))) / 2``."""
    return erf_gate(x, x / root(Fraction(2), bits), bits) / TWO


def clip(x: Real, low: Fraction, high: Fraction) -> Real:
    """``min(max(x, low), high)``."""
    if x.compare(low) <= 0:
        return Real.of(low)
    return Real.of(high) if x.compare(high) >= 0 else x


def exponential(x: Real, scale: Fraction, stretch: Fraction, right: Fraction, bits: int) -> Real:
    """``scale (exp(x / stretch) - 1)`` below 0, ``right x`` from there on."""
    if x.sign() >= 0:
        return x * Real.of(right)
    return Real.of(scale) * (exp(x / Real.of(stretch), bits) - ONE)


def shrink(x: Real, a: Fraction, b: Fraction) -> Real:
    """ONNX Shrink with lambd ``a`` and bias ``b``."""
    if x.compare(-a) < 0:
        return x + Real.of(b)
    return x - Real.of(b) if x.compare(a) > 0 else ZERO


# ---- floats ----------------------------------------------------------------------------------------------

_erf = np.frompyfunc(math.erf, 1, 1)
_erfc = np.frompyfunc(math.erfc, 1, 1)


def float_sigmoid(x: Floats) -> Floats:
    """See `sigmoid`."""
    n = np.exp(-np.abs(x))
    return np.asarray(np.where(x >= 0, 1 / (1 + n), n / (1 + n)))


def float_softplus(x: Floats) -> Floats:
    """See `softplus`."""
    return np.asarray(np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x))))


def float_mish(x: Floats) -> Floats:
    """See `mish`."""
    n = np.exp(-np.abs(x))
    right = (1 + 2 * n) / (1 + 2 * n + 2 * n * n)
    left = n * (n + 2) / (n * (n + 2) + 2)
    return np.asarray(x * np.where(x >= 0, right, left))


def float_erf(x: Floats) -> Floats:
    """Error function."""
    return np.asarray(_erf(x.astype(np.float64)), x.dtype)


def float_erf_gate(x: Floats, z: Floats) -> Floats:
    """See `erf_gate`."""
    return np.asarray(x * np.asarray(_erfc(-z.astype(np.float64)), x.dtype))


def float_tanh_gate(x: Floats, u: Floats) -> Floats:
    """See `tanh_gate`."""
    return np.asarray(2 * x * float_sigmoid(2 * u))


def float_cubic(x: Floats, a: Any, b: Any) -> Floats:
    """See `cubic`."""
    return np.asarray(a * (x + b * x * x * x))


def float_clip(x: Floats, high: Any) -> Floats:
    """``min(max(x, 0), high)``."""
    return np.asarray(np.minimum(np.maximum(x, 0), high))


def below(x: Floats, left: Floats, right: Floats) -> Floats:
    """``left`` where x < 0, else ``right``."""
    return np.asarray(np.where(x < 0, left, right))


def float_exponential(x: Floats, scale: Floats, argument: Floats, right: Floats) -> Floats:
    """``scale (exp(argument) - 1)`` below 0, ``right`` from there on."""
    return below(x, scale * np.expm1(below(x, argument, np.zeros_like(x))), right)


def float_shrink(x: Floats, a: Floats, b: Floats) -> Floats:
    """See `shrink`."""
    return np.asarray(np.where(x < -a, x + b, np.where(x > a, x - b, 0)))


# ---- bounds of a float64 form's absolute error; 0 where it is exact, so that ties there cost no rationals ----


def nowhere(x: Floats) -> Floats:
    """No error."""
    return np.zeros_like(x)


def relative(y: Floats) -> Floats:
    """Of a smooth form."""
    return np.asarray(np.abs(y) * SMOOTH + UNDERFLOW)


def relative_but_at_zero(x: Floats, y: Floats) -> Floats:
    """Of a smooth form that is 0 at 0."""
    return np.asarray(np.where(x == 0, 0.0, relative(y)))


def of_product(x: Floats, a: Floats) -> Floats:
    """One rounding of ``a x``; none where both factors have at most 24 bits."""
    short = (x.astype(np.float32) == x) & (np.broadcast_to(a, x.shape).astype(np.float32) == a)
    return np.asarray(np.where(short, 0.0, np.abs(x * a) * ULP))


def of_ramp(x: Floats, a: Floats, b: Floats, high: Any) -> Floats:
    """Of ``clip(a x + b, 0, high)``: none where it is surely clipped."""
    inside = (np.abs(a * x) + np.abs(b)) * ULP
    ramp = a * x + b
    return np.asarray(np.where((ramp < -inside) | (ramp > high + inside), 0.0, inside))


def of_ramp_gate(x: Floats, y: Floats, ramp: Floats) -> Floats:
    """Of x times a ramp that is known to an error ``ramp``."""
    return np.asarray(np.abs(x) * ramp + np.where((y == 0) | (y == x), 0.0, np.abs(y) * ULP))
