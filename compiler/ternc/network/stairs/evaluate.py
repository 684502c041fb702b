"""Float evaluations of a chain of `Step`s: float64 to guess with, float32 as onnxruntime computes it.

Values have shape ``[channels, ...]``; the constants broadcast along the first axis. What a value is exactly
is for `ternc.network.stairs.exact` and `ternc.network.stairs.enclosure` to say.
"""

from __future__ import annotations

from typing import Any, Literal, TypeAlias, TypeVar, assert_never

import numpy as np
from numpy.typing import NDArray

from ternc.errors import ModelError
from ternc.network.stairs.functions import FUNCTIONS
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

Reals: TypeAlias = NDArray[np.float64]
Singles: TypeAlias = NDArray[np.float32]
Floating = TypeVar("Floating", np.float32, np.float64)
RoundMode: TypeAlias = Literal["even", "floor", "ceil", "toward_zero", "half_up", "half_down"]


def bad_variance(channel: int, found: float) -> ModelError:
    """The refusal of a batch normalisation without a square root."""
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


def sign_floats(values: NDArray[Floating], zero: int) -> NDArray[Floating]:
    """-1, 0, +1, with ``zero`` in place of 0."""
    signs = np.asarray(np.sign(values))
    return signs if zero == 0 else np.where(signs == 0, np.ones_like(signs), signs)


def count_floats(values: NDArray[Floating], thresholds: NDArray[Any]) -> NDArray[Floating]:
    """How many thresholds ``[1 or channels, n]`` each value is not below."""
    found = np.zeros_like(values)
    for column in thresholds.T:
        found += values >= columns(column, values)
    return found


def columns(values: PerChannel, like: NDArray[Any]) -> Reals:
    """Constants shaped to broadcast along the first axis of ``like``."""
    return values.astype(np.float64, copy=False).reshape((-1,) + (1,) * (like.ndim - 1))


def spread(step: Normalise) -> Reals:
    """``variance + epsilon``, checked to be positive."""
    found = step.variance + step.epsilon
    bad = np.flatnonzero(~(found > 0))
    if bad.size:
        raise bad_variance(int(bad[0]), float(found[bad[0]]))
    return np.asarray(found, np.float64)


def is_below(step: Branch, tested: NDArray[Any]) -> NDArray[np.bool_]:
    """The side of a branch that numbers belong to, by what its test makes of them."""
    at = columns(step.at, tested)
    return np.asarray(tested <= at if step.equal_is_below else tested < at)


def plain(steps: tuple[Step, ...], values: NDArray[Any]) -> Reals:
    """The chain in float64, each operation rounded."""
    v = values.astype(np.float64)
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
                scaled = centred / columns(np.sqrt(spread(step)), v) * columns(step.gain, v)
                v = scaled + columns(step.bias, v)
            case Clamp():
                v = np.minimum(np.maximum(v, columns(step.low, v)), columns(step.high, v))
            case Round():
                v = round_floats(v, step.mode)
            case Sign():
                v = sign_floats(v, step.zero)
            case Thresholds():
                v = count_floats(v, step.values)
            case Function():
                a, b, c = (columns(values, v) for values in (step.alpha, step.beta, step.gamma))
                v = np.asarray(FUNCTIONS[step.kind].floats(v, a, b, c), np.float64)
            case Branch():
                below = is_below(step, plain(step.test, v))
                v = np.where(below, plain(step.below, v), plain(step.above, v))
            case _:
                assert_never(step)
    return v


def single(steps: tuple[Step, ...], values: NDArray[Any]) -> Singles:
    """The chain in float32, operation by operation as onnxruntime computes it.

    Batch normalisation is folded first, as onnxruntime does: ``x * k + (bias - mean * k)`` with
    ``k = gain / sqrt(variance + epsilon)``.
    """
    v = np.asarray(values, np.float32)
    with np.errstate(all="ignore"):
        for step in steps:
            v = _single_step(step, v)
    return v


def _single_step(step: Step, v: Singles) -> Singles:
    def const(constants: PerChannel) -> Singles:
        return columns(constants, v).astype(np.float32)

    match step:
        case Add():
            return v + const(step.addend)
        case Multiply():
            return v * const(step.factor)
        case Divide():
            return v / const(step.divisor)
        case Normalise():
            return _single_normalised(step, v)
        case Clamp():
            return np.minimum(np.maximum(v, const(step.low)), const(step.high))
        case Round():
            return round_floats(v, step.mode)
        case Sign():
            return sign_floats(v, step.zero)
        case Thresholds():
            return count_floats(v, step.values)
        case Function():
            a, b, c = const(step.alpha), const(step.beta), const(step.gamma)
            return np.asarray(FUNCTIONS[step.kind].floats(v, a, b, c), np.float32)
        case Branch():
            below = is_below(step, single(step.test, v))
            return np.where(below, single(step.below, v), single(step.above, v))
        case _:
            assert_never(step)


def _single_normalised(step: Normalise, v: Singles) -> Singles:
    spread(step)
    constants = (step.gain, step.variance, step.bias, step.mean)
    gain, variance, bias, mean = (columns(values, v).astype(np.float32) for values in constants)
    k = gain / np.sqrt(variance + np.float32(step.epsilon))
    return np.asarray(v * k + (bias - mean * k))


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
