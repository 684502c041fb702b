"""The steps that a function of straight pieces is: thresholds, a rounding, or clips and leaky ReLUs.

Every constant of the steps is exactly a float64, so that they are the function itself; None where there are none here.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from math import gcd, lcm

import numpy as np

from ternc.frontend.spelled import Steps, two_values
from ternc.frontend.straight import IDENTITY, MOST_POINTS, Functions, Line, Pieces, flat, on
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
)

MOST_BRANCHES = 64
"""Points of a function that is written as choices."""

_ZERO = Fraction(0)


def as_steps(functions: Functions) -> Steps | None:
    """Steps that are exactly those functions; None where a constant of them is no float64, or there are too many."""
    found = without_branches(functions)
    return _branches(functions) if found is None else found


def without_branches(functions: Functions) -> Steps | None:
    """The same, None where they take a choice between steps."""
    points = {len(f.points) for f in functions}
    if points == {0, 1}:
        functions = tuple(f if f.points else _with_point(f) for f in functions)
        points = {1}
    if len(points) != 1:
        return None
    if points == {0}:
        line = _columns([f.lines[0] for f in functions])
        return None if line is None else _line(line[0], line[1])
    if flat(functions):
        return _levels(functions)
    return _bends(functions) or _thresholded(functions)


def _with_point(function: Pieces) -> Pieces:
    """A straight line with a point at 0 at which nothing happens."""
    line = function.lines[0]
    return Pieces(points=(_ZERO,), lines=(line, line), values=(on(line, _ZERO),))


def _column(values: Sequence[Fraction]) -> PerChannel | None:
    """The numbers in float64; None where one of them is none."""
    try:
        found = np.array([float(v) for v in values])
    except OverflowError:
        return None
    if any(Fraction(f) != v for f, v in zip(found.tolist(), values, strict=True)):
        return None
    return found[:1] if np.all(found == found[0]) else found


def _columns(rows: Sequence[Sequence[Fraction]]) -> list[PerChannel] | None:
    """Each column of a table with a row per channel."""
    found = [_column(column) for column in zip(*rows, strict=True)]
    return None if any(c is None for c in found) else [c for c in found if c is not None]


def _line(factor: PerChannel, addend: PerChannel) -> Steps:
    scale: Steps = () if np.all(factor == 1) else (Multiply(factor=factor),)
    return scale if np.all(addend == 0) else (*scale, Add(addend=addend))


def _moved(addend: PerChannel) -> Steps:
    return () if np.all(addend == 0) else (Add(addend=addend),)


def _levels(functions: Functions) -> Steps | None:
    """A few values: one threshold, three values around a middle, or counted thresholds."""
    level = [[v for _, v in f.lines] for f in functions]
    if len(level[0]) == 2:
        found = _columns([(f.points[0], *row, f.values[0]) for f, row in zip(functions, level, strict=True)])
        if found is None:
            return None
        at, below, above, value = found
        if np.all(value == below) or np.all(value == above):
            return two_values(at, below, above, equal_is_below=bool(np.all(value == below)))
        if all(2 * f.values[0] == sum(row) for f, row in zip(functions, level, strict=True)):
            return (*_moved(-at), Sign(zero=0), *_line(above - value, value))
        return None
    return _ternary(functions, level) or _counted(functions, level)


def _ternary(functions: Functions, level: list[list[Fraction]]) -> Steps | None:
    """Three values in equal steps, both thresholds of which belong outside, or both inside: a rounding."""
    if len(level[0]) != 3 or any(row[1] - row[0] != row[2] - row[1] for row in level):
        return None
    outside = all(f.values == (row[0], row[2]) for f, row in zip(functions, level, strict=True))
    inside = all(f.values == (row[1], row[1]) for f, row in zip(functions, level, strict=True))
    found = _columns(
        [
            (-(f.points[0] + f.points[1]) / 2, f.points[1] - f.points[0], row[1] - row[0], row[1])
            for f, row in zip(functions, level, strict=True)
        ]
    )
    if found is None or outside == inside:
        return None
    shift, width, step, middle = found
    return (
        *_moved(shift),
        *(() if np.all(width == 1) else (Divide(divisor=width),)),
        Clamp(low=-np.ones(1), high=np.ones(1)),
        Round(mode="half_up" if outside else "half_down"),
        *_line(step, middle),
    )


def _counted(functions: Functions, level: list[list[Fraction]]) -> Steps | None:
    """Rising or falling values: how many thresholds the number has reached."""
    above = all(f.values == tuple(row[1:]) for f, row in zip(functions, level, strict=True))
    below = all(f.values == tuple(row[:-1]) for f, row in zip(functions, level, strict=True))
    if not above and not below:
        return None
    rows, units, starts = [], [], []
    for f, row in zip(functions, level, strict=True):
        points = f.points if above else tuple(-p for p in reversed(f.points))
        values = row if above else row[::-1]
        steps = [b - a for a, b in pairwise(values)]
        if len({s > 0 for s in steps}) > 1:
            return None
        denominator = lcm(*(s.denominator for s in steps))
        unit = Fraction(gcd(*(int(s * denominator) for s in steps)), denominator) * (
            1 if steps[0] > 0 else -1
        )
        rows.append([p for p, s in zip(points, steps, strict=True) for _ in range(int(s / unit))])
        units.append(unit)
        starts.append(values[0])
    if len({len(row) for row in rows}) > 1 or len(rows[0]) > MOST_POINTS - 1:
        return None
    thresholds, line = _columns(rows), _columns(list(zip(units, starts, strict=True)))
    if thresholds is None or line is None:
        return None
    table = np.stack([np.broadcast_to(c, len(rows)) for c in thresholds], axis=1)
    table = table[:1] if np.all(table == table[0]) else table
    front: Steps = () if above else (Multiply(factor=-np.ones(1)),)
    return (*front, Thresholds(values=np.ascontiguousarray(table)), *_line(line[0], line[1]))


def _bends(functions: Functions) -> Steps | None:
    """Lines that meet at the points: a leaky ReLU or a clip at each of them, around one piece that stays."""
    count = len(functions[0].points)
    for f in functions:
        for k, x in enumerate(f.points):
            if not on(f.lines[k], x) == on(f.lines[k + 1], x) == f.values[k]:
                return None
    kept = [k for k in range(count + 1) if all(f.lines[k][0] for f in functions)]
    kept.sort(key=lambda k: (any(f.lines[k][0] != 1 for f in functions), -k))
    for stays in kept:
        found = _around(functions, stays, count)
        if found is not None:
            return found
    return None


def _around(functions: Functions, stays: int, count: int) -> Steps | None:
    steps: list[Step] = []
    for k in [*range(count - 1, stays - 1, -1), *range(stays)]:
        over = k >= stays  # the piece outside of the point, and that inside of it
        ratios = []
        for f in functions:
            outer, inner = (f.lines[k + 1][0], f.lines[k][0]) if over else (f.lines[k][0], f.lines[k + 1][0])
            if not inner or (outer / inner < 0 and count > 1):
                return None
            ratios.append(outer / inner)
        at, ratio = _column([f.points[k] for f in functions]), _column(ratios)
        if at is None or ratio is None:
            return None
        if np.all(ratio == 0):
            infinite = np.array([np.inf])
            steps.append(Clamp(low=-infinite, high=at) if over else Clamp(low=at, high=infinite))
            continue
        flip: Steps = (Multiply(factor=-np.ones(1)),) if over else ()
        steps += [*_moved(-at), *flip, Function(kind="leaky", alpha=ratio), *flip, *_moved(at)]
    line = _columns([f.lines[stays] for f in functions])
    return None if line is None else (*steps, *_line(line[0], line[1]))


def _branches(functions: Functions) -> Steps | None:
    """Any pieces, each its own line: choices between halves of them."""
    count = max(len(f.points) for f in functions)
    if not 0 < count <= MOST_BRANCHES:
        return None
    return _between([_with_points(f, count) for f in functions], 0, count)


def _with_points(function: Pieces, count: int) -> Pieces:
    """A function with further points, at which nothing happens, behind its own."""
    last, line = (function.points or (_ZERO,))[-1], function.lines[-1]
    more = [last + 1 + k for k in range(count - len(function.points))]
    return Pieces(
        points=(*function.points, *more),
        lines=(*function.lines, *[line] * len(more)),
        values=(*function.values, *(on(line, x) for x in more)),
    )


def _between(functions: Sequence[Pieces], first: int, last: int) -> Steps | None:
    """The lines from one to another, by the points between them."""
    if first == last:
        return _constant_line([f.lines[first] for f in functions])
    middle = (first + last) // 2
    at = _column([f.points[middle] for f in functions])
    below, above = _between(functions, first, middle), _between(functions, middle + 1, last)
    if at is None or below is None or above is None:
        return None
    if all(f.values[middle] == on(f.lines[middle + 1], f.points[middle]) for f in functions):
        return (Branch(at=at, below=below, above=above),)
    if any(f.values[middle] != on(f.lines[middle], f.points[middle]) for f in functions):
        value = _constant_line([(_ZERO, f.values[middle]) for f in functions])
        if value is None:
            return None
        below = (Branch(at=at, below=below, above=value),)
    return (Branch(at=at, below=below, above=above, equal_is_below=True),)


def _constant_line(lines: Sequence[Line]) -> Steps | None:
    found = _columns(lines)
    return None if found is None else _line(found[0], found[1])


def _thresholded(functions: Functions) -> Steps | None:
    """The number itself above a threshold, else 0."""
    wanted = ((_ZERO, _ZERO), IDENTITY)
    if any(f.lines != wanted or f.values[0] != 0 for f in functions):
        return None
    at = _column([f.points[0] for f in functions])
    return None if at is None else (Function(kind="thresholded_relu", alpha=at),)
