"""What activation functions are, written down once more with mpmath and as plainly as possible: for comparison only."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any, TypeAlias

import mpmath
from mpmath import mp

DIGITS = 400
"""Decimal digits, unless said otherwise."""

Number: TypeAlias = Any  # mpmath's


def number(value: float | Fraction) -> Number:
    """A number, exactly where it is binary."""
    exact = Fraction(value)
    return mp.mpf(exact.numerator) / mp.mpf(exact.denominator)


def _sigmoid(x: Number) -> Number:
    return 1 / (1 + mp.exp(-x))


def _one_and_tanh(x: Number) -> Number:
    return 2 / (1 + mp.exp(-2 * x))


def _ramp(x: Number, a: Number, b: Number, high: Number) -> Number:
    return min(max(a * x + b, 0), high)


def _shrink(x: Number, lambd: Number, bias: Number) -> Number:
    if x < -lambd:
        return x + bias
    return x - bias if x > lambd else 0 * x


FORMULAS: dict[str, Callable[[Number, Number, Number, Number], Number]] = {
    "leaky": lambda x, a, b, c: a * x if x < 0 else x,
    "abs": lambda x, a, b, c: abs(x),
    "square": lambda x, a, b, c: x**2,
    "cube": lambda x, a, b, c: x**3,
    "cubic": lambda x, a, b, c: x + a * x**3,
    "thresholded_relu": lambda x, a, b, c: x if x > a else 0 * x,
    "shrink": lambda x, a, b, c: _shrink(x, a, b),
    "hard_sigmoid": lambda x, a, b, c: _ramp(x, a, b, 1),
    "hard_swish": lambda x, a, b, c: x * max(0, min(6, x + 3)) / 6,
    "ramp_gate": lambda x, a, b, c: x * _ramp(x, a, b, c),
    "sigmoid": lambda x, a, b, c: _sigmoid(x),
    "tanh": lambda x, a, b, c: mp.tanh(x),
    "elu": lambda x, a, b, c: a * (mp.exp(x) - 1) if x < 0 else x,
    "celu": lambda x, a, b, c: a * (mp.exp(x / a) - 1) if x < 0 else x,
    "selu": lambda x, a, b, c: b * x if x >= 0 else b * a * (mp.exp(x) - 1),
    "softplus": lambda x, a, b, c: mp.log(mp.exp(x) + 1),
    "softsign": lambda x, a, b, c: x / (1 + abs(x)),
    "exp": lambda x, a, b, c: mp.exp(x),
    "erf": lambda x, a, b, c: mp.erf(x),
    "silu": lambda x, a, b, c: x * _sigmoid(a * x),
    "gelu": lambda x, a, b, c: x * mp.ncdf(x),
    "gelu_tanh": lambda x, a, b, c: (
        x / 2 * _one_and_tanh(mp.sqrt(2 / mp.pi) * (x + mp.mpf("0.044715") * x**3))
    ),
    "erf_gate": lambda x, a, b, c: x * mp.erfc(-a * x / b),
    "tanh_gate": lambda x, a, b, c: x * _one_and_tanh(a * (x + b * x**3)),
    "mish": lambda x, a, b, c: x * mp.tanh(mp.log(1 + mp.exp(x))),
}


RATIONAL = {
    "leaky", "abs", "square", "cube", "cubic", "thresholded_relu", "shrink", "hard_sigmoid", "hard_swish", "ramp_gate", "softsign",
}  # fmt: skip
"""Those whose value of a fraction is one."""


def fraction(kind: str, x: Fraction, *constants: float) -> Fraction:
    """The exact value of a function of `RATIONAL`."""
    a, b, c = (Fraction(constant) for constant in (*constants, 0.0, 0.0, 0.0)[:3])
    return Fraction(FORMULAS[kind](x, a, b, c))


def value(kind: str, x: float | Fraction, *constants: float, digits: int = DIGITS) -> Number:
    """A function's value to so many digits."""
    a, b, c = (number(constant) for constant in (*constants, 0.0, 0.0, 0.0)[:3])
    with mpmath.workdps(digits):
        return FORMULAS[kind](number(x), a, b, c)
