"""Integer forms of sums whose terms have real scales.

A value in front of an activation is ``v[c] = sum_j scales[j][c] * A[j][c]``: integer sums or tensors, each with a
real scale of its own (weights of two magnitudes, a residual tensor beside a convolution).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from math import gcd, lcm, prod

import numpy as np
from numpy.typing import NDArray

from ternc.errors import InternalError
from ternc.network.layers import IntRange, Proof, Staircase
from ternc.network.stairs.borders import border_lines
from ternc.network.stairs.exact import NoStaircase
from ternc.network.stairs.lattice import Lattice, Near, Solution
from ternc.network.stairs.marks import Marks, find_marks
from ternc.network.stairs.profiles import Profile, assemble
from ternc.network.stairs.prove import prove_sums
from ternc.network.stairs.thresholds import LEVELS, derive
from ternc.network.steps import Step

BITS = 20
"""Multipliers are below ``2**BITS``, unless said otherwise."""

MANTISSA_BITS = 30
"""Multipliers of scales with a common unit are below this power of two, where no smaller ones are found: the 24 bits
of float32's mantissa, and scales up to 64 times as large as the smallest."""

SEARCHED_RESTS, ALL_SEARCHED = 1 << 18, 1 << 22
"""Tuples of all but one accumulator, of a channel and of all channels, up to which smaller multipliers than those of a
common unit are searched: they have about as many bits as there are tuples, so that more tuples make the search long
and the gain small."""

MOST_RESTS = 1 << 22
"""Tuples of all but one accumulator that are enumerated for a channel."""

ALL_RESTS = 1 << 26
"""The same, of all channels together."""

JOINED = 255
"""Multiples up to which scales of a common unit count as one term, where no multipliers of each are found."""

SMALL = 8
"""Scales whose ratios are fractions of integers up to this are exact by construction; nothing smaller is looked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Misses:
    """How far the best multipliers within the limit are from exact.

    Attributes:
        channels: Output channels without an exact form, in order.
        differing: Reachable tuples ``(A[0], A[1], ...)`` of those channels whose code differs; terms whose scales have
            a small common unit count as one.
        reachable: All reachable tuples of those channels, counted in the same way.
        codes: The largest difference of two codes (at most, for a staircase with a table).
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
    exact_bits: int = MANTISSA_BITS,
    deviation: NDArray[np.float64] | None = None,
) -> Combined:
    """Multipliers that make one integer accumulator of several scaled ones, and the staircase of it.

    Scales that are small multiples of a common unit get those multiples. Otherwise multipliers are searched
    that tell apart, at every border of the chain, all reachable tuples of accumulators on both sides (see
    `ternc.network.stairs.lattice` for the proof): for two terms the smallest there are. They have about as many bits as
    the number of values of the narrower term.

    Args:
        scales: ``[J][O]``, exact; any sign, also 0.
        ranges: ``[J][O]``, every value that ``A[j][c]`` can take.
        steps: From ``v`` (whatever is added to it included) to the code.
        low, high: Range of the code.
        bits: Multipliers that are searched are below ``2**bits`` in magnitude.
        exact_bits: Where none are found, those of a common unit of the scales may have this many bits.
        deviation: float64 ``[O]``: how far the real ``v`` may be from this one; for the proof alone. None: 0.
    Returns:
        The exact form, or the closest one within ``bits``.
    Raises:
        NoStaircase: The chain has no staircase (see `ternc.network.stairs.thresholds.derive`), or there are too many
            tuples to prove one.
        InternalError: A reachable value's code is no integer of ``[low, high]``.
    """
    columns = [([s[c] for s in scales], [r[c] for r in ranges]) for c in range(len(scales[0]))]
    sums = [_Sum.of(*column, SMALL) for column in columns]
    fewer = [_coarser(s, *column, exact_bits) for s, column in zip(sums, columns, strict=True)]
    if _too_many(sums, SEARCHED_RESTS, ALL_SEARCHED):
        joined = [f[0] if f else s for s, f in zip(sums, fewer, strict=True)]
        if _too_many(joined, SEARCHED_RESTS, ALL_SEARCHED):
            joined = [f[-1] if f and len(f[-1].parts) <= 1 else s for s, f in zip(sums, fewer, strict=True)]
        sums = joined
    if all(len(s.parts) <= 1 for s in sums):
        made = _constructed(sums, steps, low, high, deviation)
        return _proved(made, scales, ranges, steps, deviation)
    if _too_many(sums, MOST_RESTS, ALL_RESTS):
        raise NoStaircase(
            f"the scales of its terms have no small common unit, and their values have "
            f"{sum(s.rests() for s in sums):,} combinations, too many to prove an integer form"
        )
    return _proved(
        _searched(sums, fewer, steps, low, high, bits, deviation), scales, ranges, steps, deviation
    )


def _proved(
    found: Combined,
    scales: Sequence[Sequence[Fraction]],
    ranges: Sequence[Sequence[IntRange]],
    steps: tuple[Step, ...],
    deviation: NDArray[np.float64] | None,
) -> Combined:
    if not found.exact:
        return found
    proved = prove_sums(found.staircase, steps, scales, ranges, found.multipliers, deviation)
    return replace(found, staircase=proved)


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
    def of(scales: Sequence[Fraction], ranges: Sequence[IntRange], most: int) -> _Sum:
        """Terms joined where a common unit gives multiples up to ``most``."""
        groups: list[list[int]] = []
        for j, (scale, r) in enumerate(zip(scales, ranges, strict=True)):
            if scale == 0 or r.low == r.high == 0:
                continue
            for group in groups:
                if _multiples([abs(scales[k]) for k in (*group, j)], most):
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

    def lattice(self, marks: Marks, borders: tuple[int, ...]) -> Lattice:
        """Its points, with the borders that divide them."""
        return Lattice(
            scales=tuple(p.unit for p in self.parts),
            ranges=tuple((p.low, p.high) for p in self.parts),
            marks=marks,
            numbers=borders,
        )

    def expanded(self, multipliers: Sequence[int]) -> list[int]:
        """A multiplier for each term."""
        return [
            sum(m * p.weights[j] for m, p in zip(multipliers, self.parts, strict=True))
            for j in range(self.terms)
        ]


def _coarser(
    sums: _Sum, scales: Sequence[Fraction], ranges: Sequence[IntRange], exact_bits: int
) -> list[_Sum]:
    """The same sum in fewer parts, whose scales have larger multiples: where no multipliers of its parts are found."""
    joined = _Sum.of(scales, ranges, JOINED), _Sum.of(scales, ranges, 1 << exact_bits)
    return [s for s in joined if len(s.parts) < len(sums.parts) and (s is joined[0] or len(s.parts) <= 1)]


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


def _constructed(
    sums: list[_Sum], steps: tuple[Step, ...], low: int, high: int, deviation: NDArray[np.float64] | None
) -> Combined:
    """Every channel is one integer times its unit."""
    parts = [s.parts[0] if s.parts else None for s in sums]
    unit = tuple(p.unit if p else Fraction(1) for p in parts)
    acc = [IntRange(low=p.low, high=p.high) if p else IntRange(low=0, high=0) for p in parts]
    off = None if deviation is None else deviation / np.array([float(u) for u in unit])
    found = derive(steps, acc, low=low, high=high, unit=unit, deviation=off)
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


def _too_many(sums: list[_Sum], each: int, together: int) -> bool:
    rests = [s.rests() for s in sums]
    return max(rests) > each or sum(rests) > together


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """One channel of a searched form.

    Attributes:
        sum: Its parts.
        multipliers: One for each part.
        profile: The step function of the accumulator.
        missed: None, or (differing, reachable, codes) where it is not exact.
        near: Its borders with the reachable values next to them; None where it has none that are exact.
        proof: Where it is exact, of its tuples.
    """

    sum: _Sum
    multipliers: tuple[int, ...]
    profile: Profile
    missed: tuple[int, int, int] | None
    near: Near | None
    proof: Proof


def _searched(
    sums: list[_Sum],
    fewer: list[list[_Sum]],
    steps: tuple[Step, ...],
    low: int,
    high: int,
    bits: int,
    deviation: NDArray[np.float64] | None,
) -> Combined:
    """Every channel by search; ``fewer``: the same sums in fewer parts, which are tried next."""
    marks = find_marks(steps, [s.ends() for s in sums])
    off = np.zeros(len(sums)) if deviation is None else deviation
    found = [
        _search(s, f, m, low, high, bits, float(d))
        for s, f, m, d in zip(sums, fewer, marks, off, strict=True)
    ]
    signs, profiles, units, columns = [], [], [], []
    for one in found:
        upright = one.profile.upright()
        sign = 1 if upright else -1
        profile = one.profile if upright else one.profile.mirrored()
        unit = one.sum.parts[0].unit / one.multipliers[0] if one.sum.parts else Fraction(1)
        if len(profile.codes) == 1:  # constant: its accumulator is 0
            sign, profile = 0, Profile(starts=(0,), codes=profile.codes, last=0)
        signs.append(sign)
        profiles.append(profile)
        units.append(unit * (sign or 1))
        columns.append([sign * m for m in one.sum.expanded(one.multipliers)])
    stairs = assemble(profiles, low=low, high=high, levels=LEVELS)
    lines = border_lines(steps, [one.near for one in found], signs)
    return Combined(
        multipliers=np.array(columns, np.int64).T,
        unit=tuple(units),
        staircase=replace(stairs, borders=lines, proof=_all([one.proof for one in found])),
        misses=_misses(found, bits),
    )


def _all(proofs: list[Proof]) -> Proof:
    """The proof of all channels together."""
    return Proof(
        values=sum(p.values for p in proofs),
        examined=0,
        method="order",
        unsettled=sum(p.unsettled for p in proofs),
        codes=max(p.codes for p in proofs),
    )


def _search(
    sums: _Sum, fewer: list[_Sum], marks: Marks, low: int, high: int, bits: int, deviation: float
) -> _Found:
    bottom, top = sums.ends()
    numbers = marks.between(bottom, top)
    if not sums.parts:
        profile = Profile(starts=(0,), codes=(_checked(marks, marks.code(bottom), low, high),), last=0)
        one = Proof(values=1, examined=0, method="order")
        return _Found(sum=sums, multipliers=(), profile=profile, missed=None, near=None, proof=one)
    borders = tuple(i for i in numbers if marks.marks[i].left != marks.marks[i].right)
    lattice = sums.lattice(marks, borders)
    lattice.inspect(tuple(i for i in numbers if marks.marks[i].left == marks.marks[i].right))
    solution = lattice.solve(bits)
    missed = None
    for other in fewer:
        if solution is not None:
            break
        coarse = other.lattice(marks, borders)
        solution = coarse.solve(bits)
        if solution is not None:
            sums, lattice = other, coarse
    if solution is None:
        multipliers = lattice.closest(bits)
        thresholds, differing, codes = lattice.misses(multipliers)
        solution = Solution(multipliers=multipliers, thresholds=thresholds)
        missed = (differing, lattice.points(), codes)
    first, last = sums.reach(solution.multipliers)
    runs = {first: _checked(marks, marks.code(bottom), low, high)}
    reached = first
    for i, threshold in zip(borders, solution.thresholds, strict=True):
        reached = max(reached, threshold)
        if reached <= last:
            runs[reached] = _checked(marks, marks.marks[i].right, low, high)
    return _Found(
        sum=sums,
        multipliers=solution.multipliers,
        profile=Profile.of(list(runs.items()), last),
        missed=missed,
        near=lattice.near(solution) if missed is None else None,
        proof=_order(lattice, marks, borders, deviation),
    )


def _order(lattice: Lattice, marks: Marks, borders: tuple[int, ...], deviation: float) -> Proof:
    """The proof of a channel whose real values may be ``deviation`` beside those of the lattice."""
    loose = lattice.within(deviation) if deviation > 0 else 0
    codes = 0
    places = [float(marks.lows[i]) for i in borders]
    # How many codes lie within the deviation of one value.
    for n, first in enumerate(borders if loose else ()):
        around = [
            i for i, place in zip(borders[n:], places[n:], strict=True) if place - places[n] <= 2 * deviation
        ]
        found = [marks.marks[first].left, *(marks.marks[i].right for i in around)]
        codes = max(codes, max(found) - min(found))
    return Proof(values=lattice.points(), examined=0, method="order", unsettled=loose, codes=codes)


def _checked(marks: Marks, code: int, low: int, high: int) -> int:
    if not low <= code <= high:
        raise InternalError(
            "thresholds",
            f"channel {marks.channel} must end in integers from {low} to {high}, but reaches {code}",
        )
    return code


def _misses(found: list[_Found], bits: int) -> Misses | None:
    missed = {c: one.missed for c, one in enumerate(found) if one.missed is not None}
    if not missed:
        return None
    return Misses(
        channels=tuple(missed),
        differing=sum(m[0] for m in missed.values()),
        reachable=sum(m[1] for m in missed.values()),
        codes=max(m[2] for m in missed.values()),
        bits=bits,
    )
