"""Functions of one number made of straight pieces: sums, products and choices of them, and the steps that they are.

Exporters that have no choice between two values write it as a sum of products with 0 and 1 (tf2onnx: ``tf.where``), and
a leaky ReLU as a sum of two ReLUs (Keras' PReLU). Each operand is such a function of the same number, held exactly;
what they make together is turned back into steps (`ternc.frontend.straight_steps`) where there are some.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from math import ceil, floor
from typing import TypeAlias

import numpy as np

from ternc.network.stairs.exact import round_exact
from ternc.network.steps import (
    Add,
    Branch,
    Clamp,
    Divide,
    Function,
    Multiply,
    PerChannel,
    Round,
    Sign,
    Step,
    Thresholds,
    each_step,
)

Steps: TypeAlias = tuple[Step, ...]

Line: TypeAlias = tuple[Fraction, Fraction]
"""(slope, value at 0)."""

MOST_POINTS = 256
"""More points than a staircase of 8 bits has steps are not looked at."""

_ZERO, _ONE = Fraction(0), Fraction(1)
IDENTITY: Line = (_ONE, _ZERO)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pieces:
    """One channel's function.

    Attributes:
        points: Where one piece ends and the next one begins, rising.
        lines: The pieces, one more than points.
        values: What it is at each point.
    """

    points: tuple[Fraction, ...] = ()
    lines: tuple[Line, ...] = (IDENTITY,)
    values: tuple[Fraction, ...] = ()

    def at(self, x: Fraction) -> Fraction:
        """Its value."""
        k = bisect_left(self.points, x)
        if k < len(self.points) and self.points[k] == x:
            return self.values[k]
        return on(self.lines[k], x)

    def line(self, x: Fraction) -> Line:
        """The piece around a number that is none of the points."""
        return self.lines[bisect_left(self.points, x)]

    @property
    def flat(self) -> bool:
        """Whether it takes a few values only."""
        return all(slope == 0 for slope, _ in self.lines)


Functions: TypeAlias = tuple[Pieces, ...]
"""One for all channels, or one for each."""


def on(line: Line, x: Fraction) -> Fraction:
    """The value of a line."""
    return line[0] * x + line[1]


def _made(
    points: Iterable[Fraction], line: Callable[[Fraction], Line], value: Callable[[Fraction], Fraction]
) -> Pieces:
    """The function with those lines between the points, without points at which nothing happens."""
    ordered = sorted(set(points))
    inside = [(a + b) / 2 for a, b in pairwise(ordered)]
    samples = [ordered[0] - 1, *inside, ordered[-1] + 1] if ordered else [_ZERO]
    lines = [line(x) for x in samples]
    kept, values, pieces = [], [], [lines[0]]
    for x, right in zip(ordered, lines[1:], strict=True):
        found = value(x)
        if right != pieces[-1] or found != on(right, x):
            kept.append(x)
            values.append(found)
            pieces.append(right)
    return Pieces(points=tuple(kept), lines=tuple(pieces), values=tuple(values))


def _composed(outer: Pieces, inner: Pieces) -> Pieces:
    """``outer(inner(x))``."""
    points = list(inner.points)
    for k, (slope, offset) in enumerate(inner.lines):
        if slope:
            low = inner.points[k - 1] if k else None
            high = inner.points[k] if k < len(inner.points) else None
            places = ((p - offset) / slope for p in outer.points)
            points += [x for x in places if (low is None or x > low) and (high is None or x < high)]

    def line(x: Fraction) -> Line:
        slope, offset = inner.line(x)
        if not slope:
            return _ZERO, outer.at(offset)
        factor, moved = outer.line(slope * x + offset)
        return factor * slope, factor * offset + moved

    return _made(points, line, lambda x: outer.at(inner.at(x)))


def _steps(start: Line, *bends: tuple[float, Line, Fraction]) -> Pieces:
    """A first piece, and (point, next piece, value at the point)."""
    return Pieces(
        points=tuple(Fraction(b[0]) for b in bends),
        lines=(start, *(b[1] for b in bends)),
        values=tuple(b[2] for b in bends),
    )


def _of_step(step: Step, channel: int) -> Pieces | None:
    def one(values: PerChannel) -> Fraction:
        return Fraction(float(values[channel if len(values) > 1 else 0]))

    match step:
        case Add():
            return Pieces(lines=((_ONE, one(step.addend)),))
        case Multiply():
            return Pieces(lines=((one(step.factor), _ZERO),))
        case Divide():
            return Pieces(lines=((1 / one(step.divisor), _ZERO),))
        case Sign():
            return _steps((_ZERO, -_ONE), (0.0, (_ZERO, _ONE), Fraction(step.zero)))
        case Thresholds():
            row = [Fraction(v) for v in step.values[channel if len(step.values) > 1 else 0].tolist()]
            distinct = sorted(set(row))
            count = [Fraction(sum(r <= p for r in row)) for p in distinct]
            return Pieces(
                points=tuple(distinct),
                lines=((_ZERO, _ZERO), *((_ZERO, c) for c in count)),
                values=tuple(count),
            )
        case Clamp():
            low, high = (float(v[channel if len(v) > 1 else 0]) for v in (step.low, step.high))
            made = Pieces()
            if np.isfinite(low):
                bend = _steps((_ZERO, Fraction(low)), (low, IDENTITY, Fraction(low)))
                made = _composed(bend, made)
            if np.isfinite(high):
                bend = _steps(IDENTITY, (high, (_ZERO, Fraction(high)), Fraction(high)))
                made = _composed(bend, made)
            return made
        case Function():
            return _of_function(step.kind, one(step.alpha))
        case Branch():
            return _of_branch(step, channel)
        case _:
            return None


def _of_branch(step: Branch, channel: int) -> Pieces | None:
    parts = [_through(steps, channel, Pieces()) for steps in (step.test, step.below, step.above)]
    if any(part is None for part in parts):
        return None
    test, below, above = ((part,) for part in parts if part is not None)
    at = step.at[channel : channel + 1] if len(step.at) > 1 else step.at
    truth = over(indicator(at, below=True, equal=step.equal_is_below), test)
    found = None if truth is None else chosen(truth, below, above)
    return None if found is None else found[0]


def _through(steps: Steps, channel: int, made: Pieces) -> Pieces | None:
    """One channel's steps on top of a function; None where one of them is not made of straight pieces."""
    for step in steps:
        outer = _rounding(step, made) if isinstance(step, Round) else _of_step(step, channel)
        found = None if outer is None else _composed(outer, made)
        if found is None or len(found.points) > MOST_POINTS:
            return None
        made = found
    return made


def _rounding(step: Round, inner: Pieces) -> Pieces | None:
    """A rounding of the values that a bounded function takes; None behind an unbounded one."""
    if inner.lines[0][0] or inner.lines[-1][0]:
        return None
    ends = [on(line, x) for x, pair in zip(inner.points, pairwise(inner.lines), strict=True) for line in pair]
    ends += [*inner.values, inner.lines[0][1]]
    low, high = floor(min(ends)) - 1, ceil(max(ends)) + 1
    if high - low > MOST_POINTS:
        return None
    halves = [Fraction(n, 2) for n in range(2 * low, 2 * high + 1)]

    def value(x: Fraction) -> Fraction:
        return Fraction(round_exact(x, step.mode))

    return _made(halves, lambda x: (_ZERO, value(x)), value)


def _of_function(kind: str, alpha: Fraction) -> Pieces | None:
    match kind:
        case "abs":
            return _steps((-_ONE, _ZERO), (0.0, IDENTITY, _ZERO))
        case "leaky":
            return _steps((alpha, _ZERO), (0.0, IDENTITY, _ZERO))
        case "thresholded_relu":
            return _steps((_ZERO, _ZERO), (float(alpha), IDENTITY, _ZERO))
        case _:
            return None


def _channels(step: Step) -> int:
    inner = each_step((step,))
    sizes = [
        len(v) for s in inner for n in s.__dataclass_fields__ if isinstance(v := getattr(s, n), np.ndarray)
    ]
    return max(sizes, default=1)


def applied(steps: Steps, functions: Functions = (Pieces(),)) -> Functions | None:
    """The steps on top of functions; None where one of them is not made of straight pieces."""
    count = max(len(functions), *(_channels(step) for step in steps)) if steps else len(functions)
    out = []
    for channel in range(count):
        made = _through(steps, channel, functions[channel if len(functions) > 1 else 0])
        if made is None:
            return None
        out.append(made)
    return tuple(out)


def over(outer: Functions, inner: Functions) -> Functions | None:
    """``f(g(x))``; None where it has too many points."""
    out = tuple(_composed(f, g) for f, g in _paired(outer, inner))
    return None if any(len(f.points) > MOST_POINTS for f in out) else out


def negated(functions: Functions) -> Functions:
    """``-f(x)``."""
    minus = Pieces(lines=((-_ONE, _ZERO),))
    return tuple(_composed(minus, f) for f in functions)


def clipped(low: Fraction, high: Fraction) -> Pieces:
    """The number itself from ``low`` to ``high``, and these beyond them."""
    if low == high:
        return Pieces(lines=((_ZERO, low),))
    lines = (_ZERO, low), IDENTITY, (_ZERO, high)
    return Pieces(points=(low, high), lines=lines, values=(low, high))


def inside(function: Pieces, low: Fraction, high: Fraction) -> Pieces:
    """A function with nothing happening beyond ``low`` and ``high``, between which it is the same."""
    points, lines, values = function.points, function.lines, function.values
    kept = [
        k
        for k, x in enumerate(points)
        if low < x < high
        or (x == low and values[k] != on(lines[k + 1], x))
        or (x == high and values[k] != on(lines[k], x))
    ]
    if not kept:
        return Pieces(lines=((_ZERO, function.at(low)) if low == high else function.line((low + high) / 2),))
    return Pieces(
        points=tuple(points[k] for k in kept),
        lines=(lines[kept[0]], *(lines[k + 1] for k in kept)),
        values=tuple(values[k] for k in kept),
    )


def constant(values: PerChannel) -> Functions | None:
    """The same number everywhere; None where one is infinite."""
    if not np.all(np.isfinite(values)):
        return None
    return tuple(Pieces(lines=((_ZERO, Fraction(v)),)) for v in values.tolist())


def indicator(at: PerChannel, *, below: bool, equal: bool) -> Functions:
    """1 on one side of a number, 0 on the other one."""
    left, right = (_ONE, _ZERO) if below else (_ZERO, _ONE)
    return tuple(_steps((_ZERO, left), (v, (_ZERO, right), _ONE if equal else _ZERO)) for v in at.tolist())


def summed(first: Functions, second: Functions) -> Functions:
    """``f(x) + g(x)``."""

    def add(f: Line, g: Line) -> Line:
        return f[0] + g[0], f[1] + g[1]

    return tuple(
        _made(
            (*f.points, *g.points),
            lambda x, f=f, g=g: add(f.line(x), g.line(x)),  # type: ignore[misc]
            lambda x, f=f, g=g: f.at(x) + g.at(x),  # type: ignore[misc]
        )
        for f, g in _paired(first, second)
    )


def multiplied(first: Functions, second: Functions) -> Functions | None:
    """``f(x) g(x)``; None where it bends everywhere."""
    out = []
    for f, g in _paired(first, second):
        points = sorted({*f.points, *g.points})
        samples = [a + 1 for a in points[-1:]] or [_ZERO]
        samples += [points[0] - 1] if points else []
        samples += [(a + b) / 2 for a, b in pairwise(points)]
        if any(f.line(x)[0] and g.line(x)[0] for x in samples):
            return None

        def line(x: Fraction, f: Pieces = f, g: Pieces = g) -> Line:
            (a, b), (c, d) = f.line(x), g.line(x)
            return a * d + b * c, b * d

        def value(x: Fraction, f: Pieces = f, g: Pieces = g) -> Fraction:
            return f.at(x) * g.at(x)

        out.append(_made(points, line, value))
    return tuple(out)


def chosen(condition: Functions, yes: Functions, no: Functions) -> Functions | None:
    """``yes(x)`` where the condition is 1, ``no(x)`` where it is 0."""
    one = (Pieces(lines=((_ZERO, _ONE),)),)
    against = summed(one, negated(condition))
    parts = multiplied(condition, yes), multiplied(against, no)
    return None if parts[0] is None or parts[1] is None else summed(parts[0], parts[1])


def _paired(first: Functions, second: Functions) -> list[tuple[Pieces, Pieces]]:
    count = max(len(first), len(second))
    return list(
        zip(
            *(given * count if len(given) == 1 < count else given for given in (first, second)),
            strict=True,
        )
    )


def flat(functions: Functions) -> bool:
    """Whether they take a few values only."""
    return all(f.flat for f in functions)


def bent(functions: Functions) -> bool:
    """Whether some channel has more than one piece."""
    return any(f.points for f in functions)
