"""Integer forms of sums whose terms have real scales.

A value in front of an activation is ``v[c] = sum_j scales[j][c] * A[j][c]``: integer sums or tensors, each with a
real scale of its own (weights of two magnitudes, a residual tensor beside a convolution).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise
from math import gcd, lcm, prod

import numpy as np
from numpy.typing import NDArray

from ternc.errors import InternalError
from ternc.network.enclosure import enclose
from ternc.network.exact import NoStaircase
from ternc.network.lattice import Lattice
from ternc.network.layers import IntRange, Staircase
from ternc.network.marks import Marks, find_marks
from ternc.network.profiles import Profile, assemble
from ternc.network.search import take
from ternc.network.steps import Step
from ternc.network.thresholds import LEVELS, derive

BITS = 20
"""Multipliers are below ``2**BITS``, unless said otherwise."""

MANTISSA_BITS = 24
"""Multipliers of scales with a common unit may have this many bits where no smaller ones are found."""

MOST_RESTS = 1 << 22
"""Tuples of all but one accumulator that are enumerated for a channel."""

ALL_RESTS = 1 << 26
"""The same, of all channels together."""

SMALL = 8
"""Scales whose ratios are fractions of integers up to this are exact by construction; nothing smaller is looked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Misses:
    """How far the best multipliers within the limit are from exact.

    Attributes:
        channels: Output channels without an exact form, in order.
        differing: Reachable tuples ``(A[0], A[1], ...)`` of those channels whose code differs.
        reachable: All reachable tuples of those channels.
        codes: The largest difference of two codes.
        bits: Bits of the largest multiplier that was allowed.
    """

    channels: tuple[int, ...]
    differing: int
    reachable: int
    codes: int
    bits: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Combined:
    """What `integer_form` found: ``acc[c] = sum_j multipliers[j, c] * A[j][c]`` and its staircase.

    Attributes:
        multipliers: int64 ``[J, O]``. Signs included: the staircase is one of exactly this sum (nothing is left to
            negate). A channel that is constant has multipliers 0.
        unit: Per channel, ``v`` is close to ``unit * acc`` (equal where the scales have a common unit); never 0.
        staircase: Of ``acc``, clipped to its reachable range.
        misses: None where the staircase equals the chain for every tuple of reachable values (proved), else
            what differs.
    """

    multipliers: NDArray[np.int64]
    unit: tuple[Fraction, ...]
    staircase: Staircase
    misses: Misses | None

    @property
    def exact(self) -> bool:
        """Whether the staircase is proved equal to the chain on every tuple of reachable values."""
        return self.misses is None


def integer_form(
    scales: Sequence[Sequence[Fraction]],
    ranges: Sequence[Sequence[IntRange]],
    steps: tuple[Step, ...],
    *,
    low: int,
    high: int,
    bits: int = BITS,
) -> Combined:
    """Multipliers that make one integer accumulator of several scaled ones, and the staircase of it.

    Scales that are small multiples of a common unit get those multiples. Otherwise multipliers are searched
    that tell apart, at every border of the chain, all reachable tuples of accumulators on both sides (see
    `ternc.network.lattice` for the proof): for two terms the smallest there are. They have about as many bits as
    the number of values of the narrower term.

    Args:
        scales: ``[J][O]``, exact; any sign, also 0.
        ranges: ``[J][O]``, every value that ``A[j][c]`` can take.
        steps: From ``v`` (whatever is added to it included) to the code.
        low, high: Range of the code.
        bits: Multipliers are below ``2**bits`` in magnitude.
    Returns:
        The exact form, or the closest one within ``bits``.
    Raises:
        NoStaircase: The chain has no staircase (see `ternc.network.thresholds.derive`), or there are too many
            tuples to prove one.
        InternalError: A reachable value's code is no integer of ``[low, high]``.
    """
    sums = [
        _Sum.of([s[c] for s in scales], [r[c] for r in ranges]) for c in range(len(scales[0]))
    ]
    if all(len(s.parts) <= 1 for s in sums):
        return _constructed(sums, steps, low, high)
    _check_size(sums)
    return _searched(sums, steps, low, high, bits)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """Terms whose scales are small multiples of a unit, as one integer: ``sum_j weights[j] * A[j]``.

    Attributes:
        unit: Above 0.
        weights: One for each term of the channel, 0 for those that are not in it.
        low, high: Range of the integer.
    """

    unit: Fraction
    weights: tuple[int, ...]
    low: int
    high: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sum:
    """One channel: its parts, the widest first; none where it is constant 0."""

    parts: tuple[_Part, ...]
    terms: int

    @staticmethod
    def of(scales: Sequence[Fraction], ranges: Sequence[IntRange]) -> _Sum:
        """Terms joined where a common unit gives small multiples."""
        groups: list[list[int]] = []
        for j, (scale, r) in enumerate(zip(scales, ranges, strict=True)):
            if scale == 0 or r.low == r.high == 0:
                continue
            for group in groups:
                if _multiples([abs(scales[k]) for k in (*group, j)], SMALL):
                    group.append(j)
                    break
            else:
                groups.append([j])
        parts = [_part(group, scales, ranges) for group in groups]
        parts.sort(key=lambda p: p.low - p.high)
        return _Sum(parts=tuple(parts), terms=len(scales))

    def ends(self) -> tuple[Fraction, Fraction]:
        """Smallest and largest value."""
        low = sum((p.unit * p.low for p in self.parts), Fraction(0))
        return low, sum((p.unit * p.high for p in self.parts), Fraction(0))

    def rests(self) -> int:
        """Tuples of all parts but the widest."""
        return prod(p.high - p.low + 1 for p in self.parts[1:])

    def reach(self, multipliers: Sequence[int]) -> tuple[int, int]:
        """Range of the accumulator."""
        pairs = list(zip(multipliers, self.parts, strict=True))
        return sum(m * p.low for m, p in pairs), sum(m * p.high for m, p in pairs)

    def expanded(self, multipliers: Sequence[int]) -> list[int]:
        """A multiplier for each term."""
        return [
            sum(m * p.weights[j] for m, p in zip(multipliers, self.parts, strict=True))
            for j in range(self.terms)
        ]


def _unit(scales: Sequence[Fraction]) -> Fraction:
    """The largest fraction of which all are multiples."""
    denominator = lcm(*(s.denominator for s in scales))
    return Fraction(gcd(*(int(s * denominator) for s in scales)), denominator)


def _multiples(scales: Sequence[Fraction], most: int) -> bool:
    unit = _unit(scales)
    return all(s <= most * unit for s in scales)


def _part(group: list[int], scales: Sequence[Fraction], ranges: Sequence[IntRange]) -> _Part:
    unit = _unit([abs(scales[j]) for j in group])
    weights = [int(s / unit) if j in group else 0 for j, s in enumerate(scales)]
    low, high = 0, 0
    for weight, r in zip(weights, ranges, strict=True):
        low += min(weight * r.low, weight * r.high)
        high += max(weight * r.low, weight * r.high)
    return _Part(unit=unit, weights=tuple(weights), low=low, high=high)


def _constructed(sums: list[_Sum], steps: tuple[Step, ...], low: int, high: int) -> Combined:
    """Every channel is one integer times its unit."""
    parts = [s.parts[0] if s.parts else None for s in sums]
    unit = tuple(p.unit if p else Fraction(1) for p in parts)
    acc = [IntRange(low=p.low, high=p.high) if p else IntRange(low=0, high=0) for p in parts]
    found = derive(steps, acc, low=low, high=high, unit=unit)
    signs = np.where(found.falling, -1, 1)
    rows = [s.expanded([int(sign)] if s.parts else []) for s, sign in zip(sums, signs, strict=True)]
    thresholds = found.staircase.thresholds
    bottom = np.array([[min(sign * r.low, sign * r.high)] for sign, r in zip(signs, acc, strict=True)])
    top = np.array([[max(sign * r.low, sign * r.high)] for sign, r in zip(signs, acc, strict=True)])
    constant = np.all((thresholds <= bottom) | (thresholds > top), axis=1)[:, None]
    settled = np.where(thresholds <= bottom, 0, 1)
    return Combined(
        multipliers=np.array(rows, np.int64).T * ~constant[:, 0],
        unit=tuple(u * int(s) for u, s in zip(unit, signs, strict=True)),
        staircase=replace(found.staircase, thresholds=np.where(constant, settled, thresholds)),
        misses=None,
    )


def _check_size(sums: list[_Sum]) -> None:
    rests = [s.rests() for s in sums]
    if max(rests) > MOST_RESTS or sum(rests) > ALL_RESTS:
        raise NoStaircase(
            f"the scales of its terms have no small common unit, and their values have {sum(rests):,} combinations, "
            "too many to prove an integer form"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """One channel of a searched form; ``missed``: (differing, reachable, codes) where it is not exact."""

    multipliers: tuple[int, ...]
    profile: Profile
    lines: tuple[tuple[Fraction, Fraction, int], ...]
    missed: tuple[int, int, int] | None
