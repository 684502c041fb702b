"""Chains of steps backwards: a real input that becomes a given code."""

from __future__ import annotations

from collections.abc import Callable
from typing import assert_never

import numpy as np
from numpy.typing import NDArray

from ternc.network.stairs.evaluate import Reals, columns, plain
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

OCTAVES = (-20, 12)
PER_OCTAVE = 64
"""Where the argument of an activation function is looked for: 0, and so many magnitudes in each of these octaves."""

HALVINGS = 32
"""Of the interval between two such places: more than float32 has numbers there."""


def preimage(steps: tuple[Step, ...], y: Reals) -> Reals:
    """Values that a chain maps to ``y``, as far from a rounding border as they can be.

    Args:
        steps: The chain.
        y: float64 ``[channels, ...]``; the steps' constants broadcast along the first axis.
    Returns:
        float64 of the same shape. Where the chain never gives ``y``: a value that it maps near it.
    """
    for step in reversed(steps):
        y = _before(step, y)
    return y


def has_every_code(steps: tuple[Step, ...]) -> bool:
    """Whether a chain is known to make every code of its range.

    One step makes the input discrete and skips no integer, no clip behind it leaves 0 out, which is in every range,
    and there is no activation function or choice, which may never come where the quantiser's ends are.
    """
    if any(isinstance(step, Function | Branch) for step in steps):
        return False
    discrete = [n for n, s in enumerate(steps) if isinstance(s, Round | Sign | Thresholds)]
    if len(discrete) > 1 or any(_skips(steps[n]) for n in discrete):
        return False
    clips = [step for step in steps[max(discrete, default=0) :] if isinstance(step, Clamp)]
    return not any(np.any(step.low > 0) or np.any(step.high < 0) for step in clips)


def _skips(step: Step) -> bool:
    """Whether a discrete step skips an integer: a sign, or thresholds with no float32 between two of them."""
    match step:
        case Thresholds(values=values):
            middle = ((values[:, :-1] + values[:, 1:]) / 2).astype(np.float32)
            return bool(np.any((middle < values[:, :-1]) | (middle >= values[:, 1:])))
        case _:
            return isinstance(step, Sign)


def _before(step: Step, y: Reals) -> Reals:
    with np.errstate(all="ignore"):
        match step:
            case Add():
                return np.asarray(y - columns(step.addend, y))
            case Multiply():
                return np.asarray(y / columns(step.factor, y))
            case Divide():
                return np.asarray(y * columns(step.divisor, y))
            case Normalise():
                root = np.sqrt(columns(step.variance, y) + step.epsilon)
                centred = (y - columns(step.bias, y)) / columns(step.gain, y) * root
                return np.asarray(centred + columns(step.mean, y))
            case Round(mode="floor"):
                return y + 0.5
            case Round(mode="ceil"):
                return y - 0.5
            case Round(mode="toward_zero"):
                return y + 0.5 * np.sign(y)
            case Clamp() | Round() | Sign():
                return y
            case Thresholds():
                return _between(step.values, y)
            case Function():
                return _argument(step, y)
            case Branch():
                first, second = preimage(step.below, y), preimage(step.above, y)
                misses = (np.nan_to_num(np.abs(plain((step,), x) - y), nan=np.inf) for x in (first, second))
                return np.where(np.less_equal(*misses), first, second)
            case _:
                assert_never(step)


def _between(thresholds: NDArray[np.float64], counts: Reals) -> Reals:
    """``[channels, ...]``: a value that is not below just as many thresholds ``[1 or channels, n]``."""
    inner = (thresholds[:, :-1] + thresholds[:, 1:]) / 2
    points = np.hstack([thresholds[:, :1] - 1, inner, thresholds[:, -1:] + 1])
    rows = np.broadcast_to(points, (len(counts), points.shape[1]))
    flat = np.clip(counts, 0, thresholds.shape[1]).astype(np.int64).reshape(len(counts), -1)
    return np.take_along_axis(rows, flat, axis=1).reshape(counts.shape)


def _argument(step: Function, y: Reals) -> Reals:
    """``[channels, ...]``: what an activation function maps to ``y``, or nearest to it; of several the smallest.

    Codes are few, so each channel's different values are looked for, not its pixels.
    """
    found = np.empty_like(y)
    for channel, row in enumerate(y):
        a, b, c = (v if len(v) == 1 else v[[channel]] for v in (step.alpha, step.beta, step.gamma))
        values, places = np.unique(row, return_inverse=True)
        solved = _solve(Function(kind=step.kind, alpha=a, beta=b, gamma=c), values)
        found[channel] = solved[places].reshape(row.shape)
    return found


def _solve(step: Function, y: Reals) -> Reals:
    """As `_argument`, for one channel and values ``[n]``."""

    def f(x: Reals) -> Reals:
        return np.asarray(plain((step,), x[None])[0])

    magnitudes = np.exp2(np.arange(OCTAVES[0] * PER_OCTAVE, OCTAVES[1] * PER_OCTAVE + 1) / PER_OCTAVE)
    x = np.hstack([-magnitudes[::-1], 0, magnitudes]).astype(np.float32).astype(np.float64)
    image = f(x)
    known = np.isfinite(image)
    x, image = x[known], image[known]
    by_size = np.argsort(np.abs(x), kind="stable")
    levels, first = np.unique(image[by_size], return_index=True)
    places = by_size[first]
    above = np.clip(np.searchsorted(levels, y), 1, len(levels) - 1)
    nearer_below = y - levels[above - 1] <= levels[above] - y
    best = places[np.where(nearer_below, above - 1, above)]
    found, miss = x[best], image[best] - y
    for aside in (best - 1, best + 1):
        other = np.clip(aside, 0, len(x) - 1)
        crossed = (image[other] - y) * miss < 0
        inner = _bisect(f, np.where(crossed, x[other], x[best]), x[best], y)
        nearer = crossed & (np.abs(f(inner) - y) < np.abs(f(found) - y))
        found = np.where(nearer, inner, found)
    return found


def _bisect(f: Callable[[Reals], Reals], beyond: Reals, near: Reals, y: Reals) -> Reals:
    """The last float32 on the side of ``near`` before ``f`` crosses ``y`` on the way to ``beyond``, elementwise."""
    side = f(near) > y
    for _ in range(HALVINGS):
        middle = ((beyond + near) / 2).astype(np.float32).astype(np.float64)
        here = (f(middle) > y) == side
        near, beyond = np.where(here, middle, near), np.where(here, beyond, middle)
    return near
