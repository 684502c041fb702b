"""Sums of several addends with real scales as one integer sum, when the activation behind them is known."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from fractions import Fraction
from math import gcd, lcm

import numpy as np
from numpy.typing import NDArray

from ternc.errors import ModelError
from ternc.frontend.values import Accumulator, Addend
from ternc.frontend.weights import grid_step
from ternc.network.layers import Staircase, Term
from ternc.network.stairs.combine import integer_form
from ternc.network.stairs.exact import NoStaircase
from ternc.network.steps import PerChannel, Step

WIDEST_MULTIPLIER = 1 << 30
"""Largest integer that a sum which leaves the chip as it is may be multiplied with: float32's 24 bits and six more."""

COSTLY = 1 << 16
"""A multiplier that takes so many digits of every weight is not worth it where float32's roundings alone ask for it."""

WIDEST_RATIO = 1 << 40
"""Between the largest and the smallest scale of one sum."""

WIDEST_WEIGHT = 1 << 31
"""Weights of a finished layer are int32."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Settled:
    """An accumulator of one integer sum, and the staircase of it."""

    terms: tuple[Term, ...]
    staircase: Staircase


def settled(acc: Accumulator, prefix: tuple[Step, ...], low: int, high: int, where: str) -> Settled:
    """Integer multipliers for an accumulator's addends that give exactly the codes of the real sum.

    Where there are none, or only costly ones, and the scales are small multiples of a common unit but for roundings of
    float32, those multiples are taken; what that changes counts as a deviation.

    Raises:
        ModelError: There are none; the sentence says how close the best ones come.
    """
    near = nearby(acc)
    exact: _Form | ModelError
    try:
        exact = _exactly(acc, prefix, low, high, where)
    except ModelError as error:
        exact = error
    if near is not None and (isinstance(exact, ModelError) or exact.multiplier >= COSTLY):
        with suppress(ModelError):
            other = _exactly(near, prefix, low, high, where)
            if isinstance(exact, ModelError) or other.multiplier < COSTLY:
                return other.settled
    if isinstance(exact, ModelError):
        raise exact
    return exact.settled


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Form:
    """An integer form and its largest multiplier."""

    settled: Settled
    multiplier: int


def _exactly(acc: Accumulator, prefix: tuple[Step, ...], low: int, high: int, where: str) -> _Form:
    """The exact form of the accumulator as it is."""
    channels = acc.size[0]
    scales = [list(np.broadcast_to(addend.scale, channels)) for addend in acc.addends]
    sizes = [abs(s) for row in scales for s in row if s]
    if sizes and max(sizes) > WIDEST_RATIO * min(sizes):
        raise ModelError(
            f"{where}: the scales of '{acc.name}' differ by a factor of {float(max(sizes) / min(sizes)):.2g}, "
            f"more than the {WIDEST_RATIO:,} within which a common integer form is looked for",
            help="leave out the operand that is so small, or give its operands scales of one size",
        )
    try:
        found = integer_form(
            scales, [a.ranges for a in acc.addends], prefix, low=low, high=high, deviation=acc.deviation
        )
    except NoStaircase as error:
        raise ModelError(
            f"{where} reads '{acc.name}', whose activation has no integer form: {error}",
            help="give its operands equal scales, or quantise it in front of the activation",
        ) from error
    if found.misses is not None:
        m = found.misses
        raise ModelError(
            f"{where}: no exact integer form of {m.bits} bits was found for the scales of '{acc.name}': the closest "
            f"one differs by up to {m.codes} in {m.differing:,} of {m.reachable:,} reachable cases, in "
            f"{len(m.channels)} channels",
            help="give its operands equal scales, or scales whose ratio is a power of two or a small fraction",
        )
    widest = max(_widest(a, row) for a, row in zip(acc.addends, found.multipliers, strict=True))
    if widest >= WIDEST_WEIGHT:
        raise ModelError(
            f"{where}: the scales of '{acc.name}' need integer weights of {widest.bit_length() + 1} bits, "
            f"but {WIDEST_WEIGHT.bit_length()} are the most",
            help="give its operands equal scales, or scales whose ratio is a power of two or a small fraction",
        )
    made = Settled(terms=scaled(acc.addends, found.multipliers), staircase=found.staircase)
    return _Form(settled=made, multiplier=int(np.max(np.abs(found.multipliers), initial=0)))


def nearby(acc: Accumulator) -> Accumulator | None:
    """The accumulator with scales that are small multiples of units, where its own are that but for float32's rounding.

    None where they are not, or exactly are.
    """
    channels = acc.size[0]
    scales = [list(np.broadcast_to(addend.scale, channels)) for addend in acc.addends]
    rows = [
        list(row) for row in zip(*(_on_units(column) for column in zip(*scales, strict=True)), strict=True)
    ]
    if rows == scales:
        return None
    return replace(acc, addends=tuple(_moved(a, row) for a, row in zip(acc.addends, rows, strict=True)))


def _on_units(scales: tuple[Fraction, ...]) -> list[Fraction]:
    """The scales, those that are nearly multiples of a unit moved onto them."""
    groups: list[list[Fraction]] = []
    for scale in dict.fromkeys(abs(s) for s in scales if s):
        for group in groups:
            if grid_step(np.unique(np.array([*group, scale], np.float64))) is not None:
                group.append(scale)
                break
        else:
            groups.append([scale])
    moved = {Fraction(0): Fraction(0)}
    for group in groups:
        unit = grid_step(np.unique(np.array(group, np.float64))) or Fraction(1)
        moved |= {scale: round(scale / unit) * unit if len(group) > 1 else scale for scale in group}
    return [moved[abs(s)] * (1 if s > 0 else -1) for s in scales]


def _moved(addend: Addend, scale: list[Fraction]) -> Addend:
    """The addend with another scale; what that changes is a deviation."""
    old = np.broadcast_to(addend.scale, len(scale))
    deviation = np.broadcast_to(addend.deviation, len(scale)).astype(np.float64)
    for channel, (was, new, reach) in enumerate(zip(old, scale, addend.ranges, strict=True)):
        if new:
            furthest = max(-reach.low, reach.high)
            deviation[channel] = float(
                (abs(was - new) * furthest + abs(was) * Fraction(deviation[channel])) / abs(new)
            )
    made = np.empty(len(scale), object)
    made[:] = scale
    return replace(addend, scale=made, deviation=deviation)


def _widest(addend: Addend, row: NDArray[np.int64]) -> int:
    """The largest weight of an addend times its channel's multiplier."""
    largest = np.max([np.abs(t.weights).max(axis=(1, 2, 3)) for t in addend.terms], axis=0)
    return int(np.max(largest * np.abs(row)))


def scaled(addends: tuple[Addend, ...], multipliers: NDArray[np.int64]) -> tuple[Term, ...]:
    """All addends' terms, their weights times the multipliers ``[J, O]``; at least one, if need be of zeros."""
    terms = []
    for addend, row in zip(addends, multipliers, strict=True):
        column = row[:, None, None, None]
        terms += [
            replace(t, weights=(t.weights * column).astype(np.int32)) for t in addend.terms if np.any(row)
        ]
    first = addends[0].terms[0]
    return tuple(terms) or (replace(first, weights=np.zeros_like(first.weights)),)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Common:
    """One integer sum for an accumulator.

    Attributes:
        terms: Of the sum.
        units: Per channel, what one is worth.
        deviation: float64 ``[O]``: how far the real sum may be.
    """

    terms: tuple[Term, ...]
    units: list[Fraction]
    deviation: PerChannel


def common(acc: Accumulator) -> Common | None:
    """One integer sum that is proportional to the real one; None where there is none.

    It is exactly proportional, unless only multipliers that are `COSTLY` are and `nearby` ones are not.
    """
    exact = _common(acc, WIDEST_MULTIPLIER)
    near = nearby(acc)
    if near is None or (exact is not None and _common(acc, COSTLY) is not None):
        return exact
    return _common(near, COSTLY) or exact


def _common(acc: Accumulator, most: int) -> Common | None:
    channels = acc.size[0]
    scales = [list(np.broadcast_to(addend.scale, channels)) for addend in acc.addends]
    units, rows = [], []
    for column in zip(*scales, strict=True):
        unit = unit_of([abs(s) for s in column if s])
        multipliers = [int(s / unit) for s in column]
        if max(map(abs, multipliers)) >= most:
            return None
        units.append(unit)
        rows.append(multipliers)
    found = np.array(rows, np.int64).T
    if max(_widest(a, row) for a, row in zip(acc.addends, found, strict=True)) >= WIDEST_WEIGHT:
        return None
    return Common(terms=scaled(acc.addends, found), units=units, deviation=acc.deviation)


def unit_of(values: list[Fraction]) -> Fraction:
    """The largest fraction of which all values are integer multiples; 1 for none."""
    if not values:
        return Fraction(1)
    denominator = lcm(*(v.denominator for v in values))
    return Fraction(gcd(*(int(v * denominator) for v in values)), denominator)
