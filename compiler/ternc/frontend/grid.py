"""Where a chain of steps ends in integers: ``real = scale * code + offset`` with a proved code range.

The chain is cut behind its last rounding. What stands in front makes the code, what follows must be affine.
A clamp behind the cut is moved in front of it where its bound is a value of the grid (a ReLU behind a quantiser).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from fractions import Fraction
from math import gcd, lcm
from typing import Any, TypeAlias, assert_never

import numpy as np
from numpy.typing import NDArray

from ternc.network.stairs.evaluate import RoundMode
from ternc.network.stairs.exact import round_exact
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
    step_key,
)

Rationals: TypeAlias = NDArray[Any]
"""Object array of Fractions, shape ``[1]`` or ``[channels]``."""

WIDEST = 1 << 16
"""Codes beyond this are no grid of a choice: its two sides have no step in common that is worth looking at."""

SNAP = Fraction(1, 10**6)
"""How far, relative to a step of the grid, a clamp bound may lie beside a value of the grid."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Grid:
    """An integer code and what it stands for.

    Attributes:
        prefix: Steps from the source's integers to the code.
        cut: How many steps of the chain stand in front of the cut.
        scale, offset: The real value is ``scale * code + offset``, exact.
        factors: Multiply and Divide steps whose product is ``scale``, each with the graph's own constants.
        low, high: Bounds of the code by the chain alone; infinite where only the source's range bounds it.
        sign: -1 for channels whose code was negated behind the cut, so that their scale is positive.
        snapped: How far, in steps of the grid, a clamp's bound was moved to a value of the grid.
    """

    prefix: tuple[Step, ...]
    cut: int
    scale: Rationals
    offset: Rationals
    factors: tuple[Step, ...]
    low: float
    high: float
    sign: NDArray[np.int8] = field(default_factory=lambda: np.ones(1, np.int8))
    snapped: float = 0.0


def rationals(values: PerChannel) -> Rationals:
    """Exact fractions of float64 constants."""
    out = np.empty(values.shape, object)
    for i, value in enumerate(values.tolist()):
        out[i] = Fraction(value)
    return out


def ones() -> Rationals:
    """The scale 1."""
    return _one(1)


def _one(value: int) -> Rationals:
    return rationals(np.array([float(value)]))


def find_grid(steps: tuple[Step, ...], start: tuple[int, int] | None) -> Grid | None:
    """Cut a chain behind its last rounding.

    Args:
        steps: The chain.
        start: Range of the source where its values are finished codes, so that no rounding is needed.
    Returns:
        The grid, or None where the chain never rounds or ends in values that form no grid.
    """
    grid: Grid | None = None
    coarse: Grid | None = None  # behind a later rounding that changes nothing, should the finer grid not last
    if start is not None:
        bottom, top = float(start[0]), float(start[1])
        grid = Grid(prefix=(), cut=0, scale=_one(1), offset=_one(0), factors=(), low=bottom, high=top)
    low, high = (-np.inf, np.inf) if start is None else (float(start[0]), float(start[1]))
    lost = False
    for position, step in enumerate(steps):
        match step:
            case Round() | Sign() | Thresholds():
                low, high = _discrete(low, high, step)
                made = _behind(steps[: position + 1], low, high)
                if grid is not None and not lost and isinstance(step, Round) and _whole(grid):
                    coarse = made
                else:
                    grid, coarse, lost = made, None, False
            case Clamp():
                low, high = _clamped(low, high, step)
                if grid is not None and not lost:
                    inner = _inner_clamp(grid, step)
                    coarse = coarse and _inner_clamp(coarse, step)
                    if inner is None:
                        inner, coarse = coarse or _between_values(steps[:position], step, grid, start), None
                    grid, lost = inner or grid, inner is None
            case Add() | Multiply() | Divide() | Normalise():
                low, high = _moved(low, high, step)
                if grid is not None and not lost:
                    grid = _affine(grid, step)
                    coarse = coarse and _affine(coarse, step)
            case Branch() | Function():
                choice, before = _as_choice(step), None if lost else grid
                coarse = None
                if choice is None or (before is None and isinstance(step, Function)):
                    grid = None
                else:
                    grid = _chosen(steps[:position], choice, before, start if before else None)
                lost = grid is None
                low, high = (-np.inf, np.inf) if grid is None else _reals(grid)
            case _:
                assert_never(step)
    return None if lost or grid is None or np.any(grid.scale == 0) else grid


def _as_choice(step: Branch | Function) -> Branch | None:
    """A step that applies one of two affine functions, as a choice; None for any other function."""
    match step:
        case Branch():
            return step
        case Function(kind="abs"):
            return Branch(at=np.zeros(1), below=(Multiply(factor=-np.ones(1)),), above=())
        case Function(kind="leaky", alpha=alpha):
            return Branch(at=np.zeros(1), below=(Multiply(factor=alpha),), above=())
        case _:
            return None


def _between_values(
    front: tuple[Step, ...], step: Clamp, before: Grid, start: tuple[int, int] | None
) -> Grid | None:
    """The grid behind a clamp at a number between two values: a finer one, which has that number; None of most."""

    def constant(value: PerChannel) -> tuple[Step, ...]:
        return Multiply(factor=np.zeros(1)), Add(addend=value)

    bounded = [bool(np.all(np.isfinite(side))) for side in (step.low, step.high)]
    if not all(known or np.all(np.isinf(v)) for known, v in zip(bounded, (step.low, step.high), strict=True)):
        return None
    top = Branch(at=step.high, below=(), above=constant(step.high))
    if not bounded[0]:
        return _chosen(front, top, before, start)
    whole = Branch(at=step.low, below=constant(step.low), above=(top,) if bounded[1] else ())
    return _chosen(front, whole, before, start)


def _chosen(
    front: tuple[Step, ...], step: Branch, before: Grid | None, start: tuple[int, int] | None
) -> Grid | None:
    """The grid of a choice whose sides both end in integers (or constants) of one step; None of any other.

    Args:
        front: What stands in front of the choice.
        before: The grid there, which the sides may keep; None where there is none.
        start: As in `find_grid`, where nothing in front of the choice has left the source's grid.
    """
    base: tuple[Step, ...] = front
    test: tuple[Step, ...] = step.test
    found = [_side(front, base, steps, start) for steps in (step.below, step.above)]
    at: PerChannel = step.at
    if None in found and before is not None:
        base, test = before.prefix, (*front[before.cut :], *step.test)
        found = [_side(front, base, steps, start) for steps in (step.below, step.above)]
        moved = None if step.test else _on_code(before, front[before.cut :], at)
        if moved is not None:
            at, test = moved, ()
    sides = [side for side in found if side is not None]
    if len(sides) < len(found):
        return None
    if at is not step.at:  # each side has its own share of the codes
        sides = [
            _between(sides[0], base, -np.inf, float(np.max(at))),
            _between(sides[1], base, float(np.min(at)), np.inf),
        ]
    parts = [abs(v) for side in sides for v in (*side.scale, *side.offset) if v]
    denominator = lcm(*(v.denominator for v in parts))
    unit = Fraction(gcd(*(int(v * denominator) for v in parts)) or 1, denominator)
    if Fraction(float(unit)) != unit or any(v / unit > WIDEST for v in parts):
        return None
    codes, ends = [], []
    for side in sides:
        code = (
            *side.prefix[len(base) :],
            Multiply(factor=_floats(side.scale / unit)),
            Add(addend=_floats(side.offset / unit)),
        )
        codes.append(code)
        ends += [e / float(unit) for e in _reals(side)]
    made = Branch(test=test, at=at, equal_is_below=step.equal_is_below, below=codes[0], above=codes[1])
    grid = _behind((*base, made), min(ends), max(ends))
    return _affine(replace(grid, cut=len(front) + 1), Multiply(factor=np.array([float(unit)])))


def _between(side: Grid, base: tuple[Step, ...], low: float, high: float) -> Grid:
    """A side whose code is that of ``base``, on codes between two numbers."""
    if len(side.prefix) > len(base):
        return side
    bottom, top = np.ceil(max(side.low, low)), np.floor(min(side.high, high))
    return replace(side, low=float(min(bottom, top)), high=float(max(bottom, top)))


def _on_code(before: Grid, behind: tuple[Step, ...], at: PerChannel) -> PerChannel | None:
    """A number as the code that stands for it, where that is a float64 and higher codes stand for larger numbers."""
    if before.snapped or np.any(before.scale <= 0) or any(isinstance(step, Normalise) for step in behind):
        return None
    found = (rationals(at) - before.offset) / before.scale
    floats = _floats(found)
    return floats if all(Fraction(f) == v for f, v in zip(floats.tolist(), found, strict=True)) else None


def _side(
    front: tuple[Step, ...], base: tuple[Step, ...], steps: tuple[Step, ...], start: tuple[int, int] | None
) -> Grid | None:
    """The grid of one side of a choice, if its code is one of ``base``; a constant is a grid with a single code."""
    constant = affine(steps)
    if constant is not None and not np.any(constant[0] != 0):
        nothing = (*base, Multiply(factor=np.zeros(1)))
        return replace(_behind(nothing, 0.0, 0.0), offset=constant[1])
    found = find_grid((*front, *steps), start)
    if found is None or len(found.prefix) < len(base):
        return None
    return found if all(map(_same, found.prefix, base)) else None


def _same(first: Step, second: Step) -> bool:
    """Whether two steps are one, or the same step made twice (a clamp moved in front of a cut, a choice)."""
    return first is second or step_key(first) == step_key(second)


def _reals(grid: Grid) -> tuple[float, float]:
    """Bounds of the real values of a grid, over all channels."""
    size = max(grid.scale.size, grid.offset.size)
    scale, offset = (
        np.broadcast_to([float(v) for v in values], size) for values in (grid.scale, grid.offset)
    )
    ends = np.array([scale * grid.low, scale * grid.high])
    ends = np.where(np.isnan(ends), 0.0, ends) + offset
    return float(ends.min()), float(ends.max())


def _floats(values: Rationals) -> PerChannel:
    return np.array([float(v) for v in values])


def _behind(prefix: tuple[Step, ...], low: float, high: float) -> Grid:
    """The integers that a chain has just become."""
    one, zero = _one(1), _one(0)
    return Grid(prefix=prefix, cut=len(prefix), scale=one, offset=zero, factors=(), low=low, high=high)


def _discrete(low: float, high: float, step: Round | Sign | Thresholds) -> tuple[float, float]:
    """Image of an interval under a step that makes integers, over all channels."""
    match step:
        case Sign():
            return -1.0, 1.0
        case Thresholds():
            return 0.0, float(step.values.shape[1])
        case Round():
            return _rounded(low, step.mode), _rounded(high, step.mode)


def _rounded(value: float, mode: RoundMode) -> float:
    return float(round_exact(Fraction(value), mode)) if np.isfinite(value) else value


def _whole(grid: Grid) -> bool:
    """Whether every value of the grid is an integer already."""
    return all(v.denominator == 1 for v in (*grid.scale, *grid.offset))


def _clamped(low: float, high: float, step: Clamp) -> tuple[float, float]:
    bottom, top = float(np.min(step.low)), float(np.max(step.high))
    return min(max(low, bottom), top), max(min(high, top), bottom)


def _moved(low: float, high: float, step: Step) -> tuple[float, float]:
    """Image of an interval under an affine step, over all channels."""
    ends = np.array([[low], [high]])
    with np.errstate(all="ignore"):
        match step:
            case Add():
                image = ends + step.addend
            case Multiply():
                image = ends * step.factor
            case Divide():
                image = ends / step.divisor
            case Normalise():
                image = (ends - step.mean) / np.sqrt(step.variance + step.epsilon) * step.gain + step.bias
            case _:
                return low, high
    image = np.where(np.isnan(image), 0.0, image)
    return float(image.min()), float(image.max())


def _affine(grid: Grid, step: Step) -> Grid:
    match step:
        case Add():
            return replace(grid, offset=grid.offset + rationals(step.addend))
        case Multiply():
            factor = rationals(step.factor)
        case Divide():
            factor = 1 / rationals(step.divisor)
        case Normalise():
            gain = rationals(normalise_gain(step))
            moved = (grid.offset - rationals(step.mean)) * gain + rationals(step.bias)
            factors = (*grid.factors, Multiply(factor=normalise_gain(step)))
            return replace(grid, scale=grid.scale * gain, offset=moved, factors=factors)
        case _:
            return grid
    return replace(
        grid, scale=grid.scale * factor, offset=grid.offset * factor, factors=(*grid.factors, step)
    )


def normalise_gain(step: Normalise) -> PerChannel:
    """``gain / sqrt(variance + epsilon)`` in float64."""
    return np.asarray(step.gain / np.sqrt(step.variance + step.epsilon), np.float64)


def _inner_clamp(grid: Grid, step: Clamp) -> Grid | None:
    """The same clamp on the code, or None where a bound that matters is no value of the grid."""
    size = max(grid.scale.size, grid.offset.size, step.low.size, step.high.size)
    scale, offset = np.broadcast_to(grid.scale, size), np.broadcast_to(grid.offset, size)
    bounds = np.array([np.broadcast_to(step.low, size), np.broadcast_to(step.high, size)])
    inner = np.empty((2, size))
    snapped = grid.snapped
    for side in (0, 1):
        for c in range(size):
            if scale[c] == 0:
                return None
            onto = side if scale[c] > 0 else 1 - side
            if not np.isfinite(bounds[side, c]):
                inner[onto, c] = -np.inf if onto == 0 else np.inf
                continue
            code = (Fraction(float(bounds[side, c])) - offset[c]) / scale[c]
            nearest = Fraction(round(code))
            beyond = code <= grid.low if onto == 0 else code >= grid.high
            if not beyond and abs(code - nearest) > SNAP * max(1, abs(code)):
                return None
            inner[onto, c] = (-np.inf if onto == 0 else np.inf) if beyond else float(nearest)
            snapped = max(snapped, 0.0 if beyond else float(abs(code - nearest)))
    if np.all(np.isinf(inner)):
        return grid
    low, high = _clamped(grid.low, grid.high, Clamp(low=inner[0], high=inner[1]))
    uniform = bool(np.all(inner == inner[:, :1]))
    clamp = Clamp(low=inner[0, :1] if uniform else inner[0], high=inner[1, :1] if uniform else inner[1])
    return replace(grid, prefix=(*grid.prefix, clamp), low=low, high=high, snapped=snapped)


def affine(steps: tuple[Step, ...]) -> tuple[Rationals, Rationals] | None:
    """Scale and offset of a chain, or None where it is not affine. A batch-norm's gain is rounded to float64."""
    grid = Grid(prefix=(), cut=0, scale=_one(1), offset=_one(0), factors=(), low=0.0, high=0.0)
    for step in steps:
        if not isinstance(step, Add | Multiply | Divide | Normalise):
            return None
        grid = _affine(grid, step)
    return grid.scale, grid.offset


def positive(grid: Grid) -> Grid:
    """The same grid with every scale above 0: codes of the other channels are negated."""
    sign = np.where(grid.scale < 0, -1.0, 1.0)
    if np.all(sign > 0):
        return grid
    sign = sign[:1] if np.all(sign == sign[0]) else sign
    flip = Multiply(factor=sign)
    ends = [grid.low, grid.high, -grid.low, -grid.high] if sign.size > 1 else [-grid.low, -grid.high]
    return replace(
        grid,
        prefix=(*grid.prefix, flip),
        scale=grid.scale * rationals(sign),
        factors=(*grid.factors, flip),
        low=min(ends),
        high=max(ends),
        sign=sign.astype(np.int8),
    )


def centred(grid: Grid) -> Grid:
    """Shift the code so that the offset vanishes, where the offset is a whole number of steps.

    A two-valued code whose offset is an odd number of half steps (0 and 1 for -s and +s) is doubled first.
    Otherwise the grid comes back as it is.
    """
    if not np.any(grid.offset != 0):
        return grid
    shift = grid.offset / grid.scale
    if np.all(shift == shift[0]) and shift[0].denominator == 2 and grid.high - grid.low == 1:
        half = Multiply(factor=np.array([0.5]))
        return _shifted(
            replace(
                grid,
                prefix=(*grid.prefix, Multiply(factor=np.array([2.0]))),
                scale=grid.scale / 2,
                factors=(*grid.factors, half),
                low=2 * grid.low,
                high=2 * grid.high,
            ),
            shift * 2,
        )
    if all(v.denominator == 1 for v in shift):
        return _shifted(grid, shift)
    return grid


def _shifted(grid: Grid, shift: Rationals) -> Grid:
    addend = np.array([float(v) for v in shift])
    step = Add(addend=addend[:1] if np.all(addend == addend[0]) else addend)
    return replace(
        grid,
        prefix=(*grid.prefix, step),
        offset=_one(0),
        low=grid.low + float(addend.min()),
        high=grid.high + float(addend.max()),
    )
