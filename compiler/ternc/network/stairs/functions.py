"""The table of activation functions: what each is, exactly and in floats. To add one, add an entry.

`Activation.real` is the definition; ``formula`` says it to people. In float64 the other form is within
`Activation.error` of it, by default ``2**-36`` relatively: the formulas are written so that nothing cancels, and exp,
expm1, log1p, tanh, erf and erfc of a platform are good to far better than that.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

import numpy as np

from ternc.network.stairs import function_forms as form
from ternc.network.stairs import function_turns as turns
from ternc.network.stairs.function_forms import Floats
from ternc.network.stairs.function_turns import RISING, Shape
from ternc.network.stairs.reals import Real, erf, exp
from ternc.network.steps import Function


@dataclass(frozen=True, slots=True, kw_only=True)
class Activation:
    """One function of x with constants a, b, c (alpha, beta, gamma).

    Attributes:
        formula: For people.
        real: Exact, on intervals, with a number of bits.
        floats: In the dtype of x.
        shape: How it runs, given one channel's constants.
        error: Bound of the float64 form's absolute error, given x, y and the constants.
        size: Largest magnitude on the way to the result, given the same; a float32 evaluation is within a few
            units in the last place of that.
        refusal: Why constants are not supported, or an empty string.
        constants: Which of alpha, beta and gamma it has.
    """

    formula: str
    real: Callable[[Real, Fraction, Fraction, Fraction, int], Real]
    floats: Callable[[Floats, Floats, Floats, Floats], Floats]
    shape: Callable[[Fraction, Fraction, Fraction], Shape] = lambda a, b, c: RISING
    error: Callable[[Floats, Floats, Floats, Floats, Floats], Floats] = lambda x, y, a, b, c: form.relative(y)
    size: Callable[[Floats, Floats, Floats, Floats, Floats], Floats] = lambda x, y, a, b, c: np.abs(y)
    refusal: Callable[[Fraction, Fraction, Fraction], str] = lambda a, b, c: ""
    constants: tuple[str, ...] = ()


def _bound(entry: str, a: Fraction, b: Fraction, c: Fraction) -> Callable[[Real, int], Real]:
    """An entry's exact form with its constants."""
    return lambda x, bits: FUNCTIONS[entry].real(x, a, b, c, bits)


def _not_zero(name: str, value: Fraction) -> str:
    return "" if value else f"its {name} must not be 0, but is"


def _not_negative(name: str, value: Fraction) -> str:
    return "" if value >= 0 else f"its {name} must not be below 0, but is {float(value):g}"


FUNCTIONS: dict[str, Activation] = {
    "leaky": Activation(
        formula="x if x >= 0 else alpha x",
        real=lambda x, a, b, c, bits: x * Real.of(a) if x.sign() < 0 else x,
        floats=lambda x, a, b, c: form.below(x, a * x, x),
        shape=lambda a, b, c: RISING if a >= 0 else turns.bent(),
        error=lambda x, y, a, b, c: form.below(x, form.of_product(x, a), form.nowhere(x)),
        constants=("alpha",),
    ),
    "abs": Activation(
        formula="|x|",
        real=lambda x, a, b, c, bits: -x if x.sign() < 0 else x,
        floats=lambda x, a, b, c: np.abs(x),
        shape=lambda a, b, c: turns.bent(),
        error=lambda x, y, a, b, c: form.nowhere(x),
    ),
    "square": Activation(
        formula="x x",
        real=lambda x, a, b, c, bits: x * x,
        floats=lambda x, a, b, c: x * x,
        shape=lambda a, b, c: turns.bent(),
        error=lambda x, y, a, b, c: form.of_product(x, x),
    ),
    "cube": Activation(
        formula="x x x",
        real=lambda x, a, b, c, bits: x * x * x,
        floats=lambda x, a, b, c: x * x * x,
        error=lambda x, y, a, b, c: form.relative_but_at_zero(x, y),
    ),
    "cubic": Activation(
        formula="x + alpha x x x",
        real=lambda x, a, b, c, bits: form.cubic(x, Real.of(1), a),
        floats=lambda x, a, b, c: form.float_cubic(x, 1, a),
        error=lambda x, y, a, b, c: form.relative_but_at_zero(x, y),
        refusal=lambda a, b, c: _not_negative("alpha", a),
        constants=("alpha",),
    ),
    "thresholded_relu": Activation(
        formula="x if x > alpha else 0",
        real=lambda x, a, b, c, bits: x if x.compare(a) > 0 else form.ZERO,
        floats=lambda x, a, b, c: np.where(x > a, x, 0),
        shape=lambda a, b, c: turns.thresholded(a),
        error=lambda x, y, a, b, c: form.nowhere(x),
        constants=("alpha",),
    ),
    "shrink": Activation(
        formula="x + beta if x < -alpha else x - beta if x > alpha else 0",
        real=lambda x, a, b, c, bits: form.shrink(x, a, b),
        floats=lambda x, a, b, c: form.float_shrink(x, a, b),
        shape=lambda a, b, c: turns.shrink(a, b),
        error=lambda x, y, a, b, c: (np.abs(y) + np.abs(b)) * form.ULP,
        size=lambda x, y, a, b, c: np.abs(y) + np.abs(b),
        constants=("alpha", "beta"),
    ),
    "hard_sigmoid": Activation(
        formula="min(max(alpha x + beta, 0), 1)",
        real=lambda x, a, b, c, bits: form.clip(Real.of(a) * x + Real.of(b), Fraction(0), Fraction(1)),
        floats=lambda x, a, b, c: form.float_clip(a * x + b, 1),
        shape=lambda a, b, c: turns.straight(a),
        error=lambda x, y, a, b, c: form.of_ramp(x, a, b, 1),
        size=lambda x, y, a, b, c: np.abs(a * x) + np.abs(b),
        constants=("alpha", "beta"),
    ),
    "hard_swish": Activation(
        formula="x min(max(x + 3, 0), 6) / 6",
        real=lambda x, a, b, c, bits: x * form.clip(x + form.THREE, Fraction(0), Fraction(6)) / form.SIX,
        floats=lambda x, a, b, c: np.where(x >= 3, x, x * form.float_clip(x + 3, 6) / 6),
        shape=lambda a, b, c: turns.ramp_gate(Fraction(1, 6), Fraction(1, 2), Fraction(1)),
        error=lambda x, y, a, b, c: np.where((x <= -3) | (x >= 3), 0.0, form.relative_but_at_zero(x, x)),
        size=lambda x, y, a, b, c: np.abs(x),
    ),
    "ramp_gate": Activation(
        formula="x min(max(alpha x + beta, 0), gamma)",
        real=lambda x, a, b, c, bits: x * form.clip(Real.of(a) * x + Real.of(b), Fraction(0), c),
        floats=lambda x, a, b, c: x * form.float_clip(a * x + b, c),
        shape=lambda a, b, c: turns.ramp_gate(a, b, c),
        error=lambda x, y, a, b, c: form.of_ramp_gate(x, y, form.of_ramp(x, a, b, c)),
        size=lambda x, y, a, b, c: np.abs(x) * np.maximum(np.abs(b), np.abs(c)),
        refusal=lambda a, b, c: _not_negative("gamma", c),
        constants=("alpha", "beta", "gamma"),
    ),
    "sigmoid": Activation(
        formula="1 / (1 + exp(-x))",
        real=lambda x, a, b, c, bits: form.sigmoid(x, bits),
        floats=lambda x, a, b, c: form.float_sigmoid(x),
        size=lambda x, y, a, b, c: np.ones_like(x),
    ),
    "tanh": Activation(
        formula="tanh(x)",
        real=lambda x, a, b, c, bits: form.tanh(x, bits),
        floats=lambda x, a, b, c: np.tanh(x),
        error=lambda x, y, a, b, c: form.relative_but_at_zero(x, y),
    ),
    "elu": Activation(
        formula="x if x >= 0 else alpha (exp(x) - 1)",
        real=lambda x, a, b, c, bits: form.exponential(x, a, Fraction(1), Fraction(1), bits),
        floats=lambda x, a, b, c: form.float_exponential(x, a, x, x),
        shape=lambda a, b, c: RISING if a >= 0 else turns.bent(),
        error=lambda x, y, a, b, c: form.below(x, form.relative(y), form.nowhere(x)),
        size=lambda x, y, a, b, c: form.below(x, np.abs(a), np.abs(y)),
        constants=("alpha",),
    ),
    "celu": Activation(
        formula="x if x >= 0 else alpha (exp(x / alpha) - 1)",
        real=lambda x, a, b, c, bits: form.exponential(x, a, a, Fraction(1), bits),
        floats=lambda x, a, b, c: form.float_exponential(x, a, x / a, x),
        error=lambda x, y, a, b, c: form.below(x, form.relative(y), form.nowhere(x)),
        size=lambda x, y, a, b, c: form.below(x, np.abs(a) + np.abs(y), np.abs(y)),
        refusal=lambda a, b, c: _not_zero("alpha", a),
        constants=("alpha",),
    ),
    "selu": Activation(
        formula="beta x if x >= 0 else beta alpha (exp(x) - 1)",
        real=lambda x, a, b, c, bits: form.exponential(x, a * b, Fraction(1), b, bits),
        floats=lambda x, a, b, c: form.float_exponential(x, a * b, x, b * x),
        shape=lambda a, b, c: turns.straight(b) if a >= 0 or b == 0 else turns.bent(1 if b > 0 else -1),
        error=lambda x, y, a, b, c: form.below(x, form.relative(y), form.of_product(x, b)),
        size=lambda x, y, a, b, c: form.below(x, np.abs(a * b), np.abs(y)),
        constants=("alpha", "beta"),
    ),
    "softplus": Activation(
        formula="log(1 + exp(x))",
        real=lambda x, a, b, c, bits: form.softplus(x, bits),
        floats=lambda x, a, b, c: form.float_softplus(x),
        size=lambda x, y, a, b, c: np.abs(y) + 1,
    ),
    "softsign": Activation(
        formula="x / (1 + |x|)",
        real=lambda x, a, b, c, bits: form.softsign(x),
        floats=lambda x, a, b, c: x / (1 + np.abs(x)),
        error=lambda x, y, a, b, c: form.relative_but_at_zero(x, y),
    ),
    "exp": Activation(
        formula="exp(x)",
        real=lambda x, a, b, c, bits: exp(x, bits),
        floats=lambda x, a, b, c: np.exp(x),
    ),
    "erf": Activation(
        formula="erf(x)",
        real=lambda x, a, b, c, bits: erf(x, bits),
        floats=lambda x, a, b, c: form.float_erf(x),
        error=lambda x, y, a, b, c: form.relative_but_at_zero(x, y),
    ),
    "silu": Activation(
        formula="x / (1 + exp(-alpha x))",
        real=lambda x, a, b, c, bits: x * form.sigmoid(Real.of(a) * x, bits),
        floats=lambda x, a, b, c: x * form.float_sigmoid(a * x),
        shape=lambda a, b, c: turns.silu(a, _bound("silu", a, b, c)),
        error=lambda x, y, a, b, c: form.relative_but_at_zero(x, y),
        size=lambda x, y, a, b, c: np.abs(x),
        constants=("alpha",),
    ),
    "gelu": Activation(
        formula="x (1 + erf(x / sqrt 2)) / 2",
        real=lambda x, a, b, c, bits: form.gelu(x, bits),
        floats=lambda x, a, b, c: form.float_erf_gate(x, x * math.sqrt(0.5)) / 2,
        shape=lambda a, b, c: turns.gelu(form.gelu),
        error=lambda x, y, a, b, c: form.relative_but_at_zero(x, y),
        size=lambda x, y, a, b, c: np.abs(x),
    ),
    "gelu_tanh": Activation(
        formula="x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2",
        real=lambda x, a, b, c, bits: (
            form.tanh_gate(x, form.cubic(x, form.root_two_over_pi(bits), form.CUBIC), bits) / form.TWO
        ),
        floats=lambda x, a, b, c: (
            form.float_tanh_gate(x, form.float_cubic(x, math.sqrt(2 / math.pi), float(form.CUBIC))) / 2
        ),
        shape=lambda a, b, c: turns.gelu_tanh(_bound("gelu_tanh", a, b, c)),
        error=lambda x, y, a, b, c: form.relative_but_at_zero(x, y),
        size=lambda x, y, a, b, c: np.abs(x),
    ),
    "erf_gate": Activation(
        formula="x (1 + erf(alpha x / beta))",
        real=lambda x, a, b, c, bits: form.erf_gate(x, Real.of(a / b) * x, bits),
        floats=lambda x, a, b, c: form.float_erf_gate(x, a * x / b),
        shape=lambda a, b, c: turns.erf_gate(a, b, _bound("erf_gate", a, b, c)),
        error=lambda x, y, a, b, c: form.relative_but_at_zero(x, y),
        size=lambda x, y, a, b, c: 2 * np.abs(x),
        refusal=lambda a, b, c: _not_zero("beta", b),
        constants=("alpha", "beta"),
    ),
    "tanh_gate": Activation(
        formula="x (1 + tanh(alpha (x + beta x^3)))",
        real=lambda x, a, b, c, bits: form.tanh_gate(x, form.cubic(x, Real.of(a), b), bits),
        floats=lambda x, a, b, c: form.float_tanh_gate(x, form.float_cubic(x, a, b)),
        shape=lambda a, b, c: turns.tanh_gate(a, b, _bound("tanh_gate", a, b, c)),
        error=lambda x, y, a, b, c: form.relative_but_at_zero(x, y),
        size=lambda x, y, a, b, c: 2 * np.abs(x),
        refusal=lambda a, b, c: _not_negative("beta", b),
        constants=("alpha", "beta"),
    ),
    "mish": Activation(
        formula="x tanh(log(1 + exp(x)))",
        real=lambda x, a, b, c, bits: form.mish(x, bits),
        floats=lambda x, a, b, c: form.float_mish(x),
        shape=lambda a, b, c: turns.mish(form.mish),
        error=lambda x, y, a, b, c: form.relative_but_at_zero(x, y),
        size=lambda x, y, a, b, c: np.abs(x),
    ),
}


@lru_cache(maxsize=4096)
def shape(kind: str, alpha: float, beta: float, gamma: float) -> Shape:
    """How a function runs with one channel's constants."""
    return FUNCTIONS[kind].shape(Fraction(alpha), Fraction(beta), Fraction(gamma))


def refusal(step: Function) -> str:
    """Why the step's constants are not supported, or an empty string."""
    size = max(step.alpha.size, step.beta.size, step.gamma.size)
    spread = (np.broadcast_to(values, size).tolist() for values in (step.alpha, step.beta, step.gamma))
    for constants in sorted(set(zip(*spread, strict=True))):
        found = FUNCTIONS[step.kind].refusal(*map(Fraction, constants))
        if found:
            return found
    return ""
