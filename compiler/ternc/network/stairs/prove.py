"""The proof that a finished staircase is the chain that it stands for, made once more from the staircase alone.

Nothing here looks for anything. The staircase is constant between its thresholds. Where the chain is monotone between
two sums (`pieces` cuts the range so) and has the staircase's code at both, it has it at all sums in
between. So the exact codes at both ends of every run, and where the chain turns, prove the whole range. Small ranges
are not argued about: every sum is computed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import product
from math import prod

import numpy as np
from numpy.typing import NDArray

from ternc.errors import InternalError
from ternc.network.layers import IntRange, Proof, Staircase
from ternc.network.stairs.enclosure import enclose
from ternc.network.stairs.evaluate import Reals
from ternc.network.stairs.exact import exact, span
from ternc.network.stairs.pieces import pieces
from ternc.network.stairs.search import Integers, Sums, take
from ternc.network.steps import Step

EVERY = 1 << 15
"""Up to so many sums of a layer are computed one by one."""

_BLOCK = 1 << 16  # sums enclosed at once


def prove(
    staircase: Staircase,
    steps: tuple[Step, ...],
    acc: Sequence[IntRange],
    falling: NDArray[np.bool_],
    *,
    unit: Sequence[Fraction] | None = None,
    deviation: Reals | None = None,
) -> Staircase:
    """The staircase with its `Proof`.

    Args:
        staircase: Of the sum, or where ``falling`` of the negated sum.
        steps: The chain.
        acc: Every value that each channel's sum can take.
        falling: bool ``[O]``.
        unit: Per channel, above 0: the chain is applied to ``unit * sum``. None: to the sum.
        deviation: float64 ``[O]``: how far from ``sum`` the chain's true argument may be, in the same units; None: 0.
    Raises:
        InternalError: The chain's exact code at some sum is another one.
        NoStaircase: Exact arithmetic cannot decide.
    """
    axis = Sums(unit=None if unit is None else tuple(unit))
    values = sum(r.high - r.low + 1 for r in acc)
    if values <= EVERY:
        points = [np.arange(r.low, r.high + 1) for r in acc]
    else:
        points = _ends(staircase, steps, axis, acc, falling)
    channel = np.repeat(np.arange(len(acc)), [len(p) for p in points])
    sums = np.concatenate(points)
    codes = staircase_codes(staircase, channel, np.where(falling[channel], -sums, sums))
    numbers, radius = axis.floats(channel, sums)
    _require(steps, channel, numbers, radius, codes, lambda i: axis.exact(int(channel[i]), int(sums[i])))
    proof = Proof(values=values, examined=len(sums), method="every" if values <= EVERY else "ends")
    if deviation is not None and np.any(deviation > 0):
        worth = np.array([float(u) for u in axis.unit]) if axis.unit else np.ones(len(acc))
        moved = deviation[channel] * worth[channel] + (0 if radius is None else radius)
        proof = _loosened(proof, steps, channel, numbers, moved, codes)
        # Behind each end, as far as it reaches.
        around = 1 if proof.method == "every" else int(deviation.max()) + 1
        proof = replace(proof, unsettled=min(values, proof.unsettled * around))
    return replace(staircase, proof=proof)


def prove_sums(
    staircase: Staircase,
    steps: tuple[Step, ...],
    scales: Sequence[Sequence[Fraction]],
    ranges: Sequence[Sequence[IntRange]],
    multipliers: Integers,
    deviation: Reals | None = None,
) -> Staircase:
    """The same for the staircase of ``sum_j multipliers[j, c] * A[j][c]`` that is to be one of real scales.

    Tuples of sums are computed one by one where they are few; for more the staircase has its proof already: that of
    `lattice`, or where the scales have a common unit that of `prove`.

    Args:
        scales, ranges: ``[J][O]``: the chain is applied to ``sum_j scales[j][c] * A[j][c]``.
        deviation: float64 ``[O]``: how far from that its true argument may be; None: 0.

    Raises:
        InternalError: The chain's exact code at some tuple is another one.
        NoStaircase: Exact arithmetic cannot decide.
    """
    boxes = [[row[c] for row in ranges] for c in range(multipliers.shape[1])]
    values = sum(prod(r.high - r.low + 1 for r in box) for box in boxes)
    inexact = deviation is not None and bool(np.any(deviation > 0))
    if values > EVERY:
        return staircase
    boxed = [list(product(*(range(r.low, r.high + 1) for r in box))) for box in boxes]
    channel = np.repeat(np.arange(len(boxes)), [len(tuples) for tuples in boxed])
    tuples = np.array([one for tuples in boxed for one in tuples], np.int64)
    codes = staircase_codes(staircase, channel, (tuples * multipliers.T[channel]).sum(axis=1))
    parts = tuples * np.array([[float(scale) for scale in row] for row in scales]).T[channel]
    radius = np.abs(parts).sum(axis=1) * (len(scales) + 2) * 2.0**-52

    def value(i: int) -> Fraction:
        each = zip(scales, tuples[i].tolist(), strict=True)
        return sum((row[channel[i]] * a for row, a in each), Fraction(0))

    _require(steps, channel, parts.sum(axis=1), radius, codes, value)
    proof = Proof(values=values, examined=values, method="every")
    if deviation is not None and inexact:
        proof = _loosened(proof, steps, channel, parts.sum(axis=1), radius + deviation[channel], codes)
    return replace(staircase, proof=proof)


def staircase_codes(staircase: Staircase, channel: Integers, sums: Integers) -> Integers:
    """The staircase's code of each sum of each channel given; equal channels stand side by side."""
    levels = np.zeros(len(sums), np.int64)
    starts = np.flatnonzero(np.diff(channel, prepend=-1))
    for start, end in zip(starts, [*starts[1:], len(channel)], strict=True):
        row = staircase.thresholds[channel[start]]
        levels[start:end] = np.searchsorted(row, sums[start:end], side="right")
    return levels + staircase.low if staircase.table is None else staircase.table[levels]


def _ends(
    staircase: Staircase,
    steps: tuple[Step, ...],
    axis: Sums,
    acc: Sequence[IntRange],
    falling: NDArray[np.bool_],
) -> list[Integers]:
    """Per channel both ends of every run of the staircase and of every piece of the chain, inside the range."""
    found = [[r.low, r.high] for r in acc]
    for piece in pieces(steps, axis, [(r.low, r.high) for r in acc]):
        found[piece.channel] += [piece.first, piece.last]
    points = []
    for row, r, down, known in zip(staircase.thresholds, acc, falling, found, strict=True):
        starts = 1 - row if down else row  # the first sum of each run, in the order of sums
        every = np.unique(np.concatenate([starts, starts - 1, known]))
        points.append(every[(every >= r.low) & (every <= r.high)])
    return points


def _enclosed(
    steps: tuple[Step, ...], channel: Integers, numbers: Reals, radius: Reals | None
) -> tuple[Reals, Reals]:
    """Bounds of the chain's codes at numbers ``[n]`` of the channels ``[n]``."""
    low, high = np.empty(len(numbers)), np.empty(len(numbers))
    for start in range(0, len(numbers), _BLOCK):
        part = slice(start, start + _BLOCK)
        inner = None if radius is None else radius[part, None]
        bottom, top = enclose(take(steps, channel[part]), numbers[part, None], radius=inner)
        low[part], high[part] = bottom[:, 0], top[:, 0]
    return low, high


def _require(
    steps: tuple[Step, ...],
    channel: Integers,
    numbers: Reals,
    radius: Reals | None,
    codes: Integers,
    value: Callable[[int], Fraction],
) -> None:
    """InternalError unless the chain's exact code at every number is the one given."""
    bottom, top = _enclosed(steps, channel, numbers, radius)
    for i in np.flatnonzero(~((bottom == codes) & (top == codes))).tolist():
        found = exact(steps, int(channel[i]), value(i))
        if found != codes[i]:
            raise InternalError(
                "thresholds",
                f"channel {channel[i]} must have the code {float(found):g} at {float(value(i)):.9g}, "
                f"but its staircase has {codes[i]}",
            )


def _loosened(
    proof: Proof,
    steps: tuple[Step, ...],
    channel: Integers,
    numbers: Reals,
    radius: Reals,
    codes: Integers,
) -> Proof:
    """The proof with the codes counted that may differ where the chain's argument is only known to a radius."""
    radius = radius * (1 + 2.0**-50)
    bottom, top = _enclosed(steps, channel, numbers, radius)
    loose, off = 0, 0
    for i in np.flatnonzero(~((bottom == codes) & (top == codes))).tolist():
        centre, reach = Fraction(float(numbers[i])), Fraction(float(radius[i]))
        least, most = span(steps, int(channel[i]), centre - reach, centre + reach)
        found = max(most - int(codes[i]), int(codes[i]) - least)
        loose, off = loose + (found > 0), max(off, int(found))
    return replace(proof, unsettled=loose, codes=off)
