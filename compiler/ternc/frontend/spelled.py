"""Activations spelled out in several operators: from what both sides of an operator apply to one number to steps.

Every function takes the steps behind a common number and returns those of the result, or None where it is no known
activation. The constants stay those of the file.
"""

from __future__ import annotations

import numpy as np

from ternc.frontend.values import View
from ternc.network.steps import Add, Clamp, Divide, Function, Multiply, PerChannel, Sign, Step, Thresholds

Steps = tuple[Step, ...]

ONE = np.ones(1)


def common(first: View, second: View) -> int | None:
    """How many steps two views of the same numbers share; None where they are of different numbers."""
    if first.source is not second.source or first.pool != second.pool:
        return None
    if not np.array_equal(first.index, second.index):
        return None
    pairs = zip(first.steps, second.steps, strict=False)
    return next((n for n, (a, b) in enumerate(pairs) if a is not b), min(len(first.steps), len(second.steps)))


def product(first: Steps, second: Steps) -> Steps | None:
    """``f(x) * g(x)``."""
    for gate, rest in ((first, second), (second, first)):
        match rest:
            case ():
                found = _gated(gate)
            case (Multiply() | Divide() as factor,) if gate:
                found = _gated(gate)
                found = None if found is None else (*found, factor)
            case _:
                found = None
        if found is not None:
            return found
    return None


def _gated(gate: Steps) -> Steps | None:
    """``x * gate(x)``."""
    if gate and isinstance(gate[-1], Multiply | Divide):
        inner = _gated(gate[:-1])
        if inner is not None:
            return (*inner, gate[-1])
    match gate:
        case ():
            return (Function(kind="square"),)
        case (Function(kind="square"),):
            return (Function(kind="cube"),)
        case (Function(kind="sigmoid"),):
            return (Function(kind="silu", alpha=ONE),)
        case (Multiply(factor=alpha), Function(kind="sigmoid")):
            return (Function(kind="silu", alpha=alpha),)
        case (Function(kind="softplus"), Function(kind="tanh")):
            return (Function(kind="mish"),)
        case (Multiply(factor=a), Function(kind="erf"), Add(addend=one)) if _all(one, 1):
            return (Function(kind="erf_gate", alpha=a, beta=ONE),)
        case (Divide(divisor=b), Function(kind="erf"), Add(addend=one)) if _all(one, 1):
            return (Function(kind="erf_gate", alpha=ONE, beta=b),)
        case (
            Function(kind="cubic", alpha=b),
            Multiply(factor=a),
            Function(kind="tanh"),
            Add(addend=one),
        ) if _all(one, 1):
            return (Function(kind="tanh_gate", alpha=a, beta=b),)
        case _:
            return _ramp(gate)


def _ramp(gate: Steps) -> Steps | None:
    """``x * min(max(a x + b, 0), c)``."""
    gate = _one_clamp(gate)
    match gate:
        case (Function(kind="hard_sigmoid", alpha=a, beta=b),):
            return (Function(kind="ramp_gate", alpha=a, beta=b, gamma=ONE),)
        case (Add(addend=b), Clamp(low=low, high=high)) if _all(low, 0) and np.all(np.isfinite(high)):
            return (Function(kind="ramp_gate", alpha=ONE, beta=b, gamma=high),)
        case (Multiply(factor=a), Add(addend=b), Clamp(low=low, high=high)) if _all(low, 0) and np.all(
            np.isfinite(high)
        ):
            return (Function(kind="ramp_gate", alpha=a, beta=b, gamma=high),)
        case _:
            return None


def _one_clamp(steps: Steps) -> Steps:
    """Two clamps at the end (a minimum and a maximum) as one."""
    match steps:
        case (*front, Clamp(low=a, high=b), Clamp(low=c, high=d)):
            low, high = np.maximum(a, c), np.minimum(b, d)
            return (*front, Clamp(low=low, high=high)) if np.all(low <= high) else steps
        case _:
            return steps


def total(first: Steps, second: Steps) -> Steps | None:
    """``f(x) + g(x)``: ``x + c x^3``, in front of the tanh of a Gelu."""
    match first, second:
        case ((), (Function(kind="cube"), Multiply(factor=c))) | (
            (Function(kind="cube"), Multiply(factor=c)),
            (),
        ):
            return (Function(kind="cubic", alpha=c),) if np.all(c >= 0) else None
        case _:
            return None


def quotient(first: Steps, second: Steps) -> Steps | None:
    """``f(x) / g(x)``: Softsign, and ``x / (1 + exp(-a x))``."""
    match first, second:
        case (), (Function(kind="abs"), Add(addend=one)) if _all(one, 1):
            return (Function(kind="softsign"),)
        case (), (Multiply(factor=a), Function(kind="exp"), Add(addend=one)) if _all(one, 1):
            return (Function(kind="silu", alpha=-a),)
        case _:
            return None


def reciprocal(steps: Steps) -> Steps | None:
    """``1 / f(x)``: a sigmoid, ``1 / (1 + exp(-x))``."""
    match steps:
        case (*front, Multiply(factor=a), Function(kind="exp"), Add(addend=one)) if _all(one, 1):
            turned = () if _all(a, -1) else (Multiply(factor=-a),)
            return (*front, *turned, Function(kind="sigmoid"))
        case _:
            return None


def logarithm(steps: Steps) -> Steps | None:
    """``log(f(x))``: Softplus, ``log(1 + exp(x))``, and the logarithm of a sigmoid, ``-softplus(-x)``."""
    match steps:
        case (*front, Function(kind="sigmoid")):
            return (*front, Multiply(factor=-ONE), Function(kind="softplus"), Multiply(factor=-ONE))
        case (*front, Function(kind="exp"), Add(addend=one)) if _all(one, 1):
            return (*front, Function(kind="softplus"))
        case _:
            return None


def choice(
    at: PerChannel, below: Steps | PerChannel, above: Steps | PerChannel, *, equal_is_below: bool
) -> Steps | None:
    """One function of x below a number, another one above it.

    Args:
        at: The number.
        below, above: Steps, or a constant result.
        equal_is_below: Which side x belongs to where it is that number.
    """
    if not isinstance(below, tuple):
        if not isinstance(above, tuple):
            return two_values(at, below, above, equal_is_below=equal_is_below)
        if not above and _same(below, at):
            return (Clamp(low=at, high=np.array([np.inf])),)
        return (
            (Function(kind="thresholded_relu", alpha=at),)
            if not above and _all(below, 0) and equal_is_below
            else None
        )
    if not isinstance(above, tuple):
        return (Clamp(low=np.array([-np.inf]), high=at),) if not below and _same(above, at) else None
    if not _all(at, 0):
        return None
    match below, above:
        case (Multiply(factor=a),), ():
            return (Function(kind="leaky", alpha=a),)
        case (Function(kind="exp"), *rest), ():
            alpha = _exponential(tuple(rest))
            return None if alpha is None else (Function(kind="elu", alpha=alpha),)
        case (Function(kind="exp"), *rest, Multiply(factor=c)), (Multiply(factor=same),) if _same(c, same):
            alpha = _exponential(tuple(rest))
            return None if alpha is None else (Function(kind="selu", alpha=alpha, beta=c),)
        case _:
            return None


def two_values(at: PerChannel, below: PerChannel, above: PerChannel, *, equal_is_below: bool) -> Steps | None:
    """One number below ``at`` and another one above it: a threshold (a binary activation).

    None where their difference is 0, or no float64 number: the steps would not be exact.
    """
    front: Steps
    if equal_is_below:  # x <= at is -x >= -at
        turned, front = -at, (Multiply(factor=-ONE),)
        low, high = above, below
    else:
        turned, front = at, ()
        low, high = below, above
    step = high - low
    if np.any(step == 0) or np.any(low + step != high) or np.any(high - step != low):
        return None
    if np.all(low == -high):  # codes -1 and 1, as those of BipolarQuant
        moved = () if _all(turned, 0) else (Add(addend=-turned),)
        return (*front, *moved, Sign(zero=1), *(() if _all(high, 1) else (Multiply(factor=high),)))
    found: list[Step] = [*front, Thresholds(values=turned[:, None])]
    found += [] if _all(step, 1) else [Multiply(factor=step)]
    return (*found, *([] if _all(low, 0) else [Add(addend=low)]))


def _exponential(rest: Steps) -> PerChannel | None:
    """alpha, where the steps make ``alpha (e - 1)`` of e."""
    match rest:
        case (Add(addend=one),) if _all(one, -1):
            return ONE
        case (Add(addend=one), Multiply(factor=a)) if _all(one, -1):
            return a
        case (Multiply(factor=a), Add(addend=c)) if _same(a, -c):
            return a
        case _:
            return None


def _all(values: PerChannel, wanted: float) -> bool:
    return bool(np.all(values == wanted))


def _same(first: PerChannel, second: PerChannel) -> bool:
    return bool(np.all(first == second))
