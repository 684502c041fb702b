"""Sums of several addends with real scales as one integer sum, when the activation behind them is known."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from math import gcd, lcm

import numpy as np
from numpy.typing import NDArray

from ternc.errors import ModelError
from ternc.frontend.values import Accumulator, Addend
from ternc.network.layers import Staircase, Term
from ternc.network.stairs.combine import integer_form
from ternc.network.stairs.exact import NoStaircase
from ternc.network.steps import Step

WIDEST_MULTIPLIER = 1 << 30
"""Largest integer that a sum which leaves the chip as it is may be multiplied with: float32's 24 bits and six more."""

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

    Raises:
        ModelError: There are none; the sentence says how close the best ones come.
    """
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
    return Settled(terms=scaled(acc.addends, found.multipliers), staircase=found.staircase)


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


def common(acc: Accumulator) -> tuple[tuple[Term, ...], list[Fraction]] | None:
    """One integer sum exactly proportional to the real one, and its unit per channel; None where there is none."""
    channels = acc.size[0]
    scales = [list(np.broadcast_to(addend.scale, channels)) for addend in acc.addends]
    units, rows = [], []
    for column in zip(*scales, strict=True):
        unit = unit_of([abs(s) for s in column if s])
        multipliers = [int(s / unit) for s in column]
        if max(map(abs, multipliers)) >= WIDEST_MULTIPLIER:
            return None
        units.append(unit)
        rows.append(multipliers)
    found = np.array(rows, np.int64).T
    if max(_widest(a, row) for a, row in zip(acc.addends, found, strict=True)) >= WIDEST_WEIGHT:
        return None
    return scaled(acc.addends, found), units


def unit_of(values: list[Fraction]) -> Fraction:
    """The largest fraction of which all values are integer multiples; 1 for none."""
    if not values:
        return Fraction(1)
    denominator = lcm(*(v.denominator for v in values))
    return Fraction(gcd(*(int(v * denominator) for v in values)), denominator)
