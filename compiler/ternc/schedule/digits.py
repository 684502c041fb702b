"""Recoding: integer weights as ternary digits on bit planes, ``w = sum over planes s of digit_s * 2**s``.

The array multiplies by one ternary digit a tap, a whole word (all columns and lanes) at a time. A word is executed
once for each plane that it uses, so the planes of a word are the smallest set on which *every* weight of the word
has digits -1, 0, +1; the digits themselves have the fewest non-zeros. Ternary weights are the case of plane 0.

Finding the planes works on *marks*, unsigned integers whose bitwise or over the weights of a word says all that
matters: for weights up to `TABLE_PEAK` which magnitudes occur, above it the planes of two fixed codes.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ternc.errors import InternalError
from ternc.numeric import ceil_div, clog2

Marks: TypeAlias = NDArray[np.unsignedinteger[Any]]
Planes: TypeAlias = NDArray[np.integer[Any]]

TABLE_PEAK = 512
"""Up to this magnitude (10 planes) every set of planes is tried."""

_PRODUCTS = 1 << 24  # largest block of the product that tries all sets of planes, in elements


def magnitude(weights: NDArray[np.int32]) -> int:
    """The largest absolute weight, at least 1."""
    return max(1, int(weights.max()), -int(weights.min()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Recoder:
    """How weights of magnitude at most ``peak`` become digits.

    A plane above ``clog2(peak)`` never helps: a number that uses it uses the one below with the other sign, which
    is the plane below alone.
    """

    peak: int

    @property
    def planes(self) -> int:
        """Planes that can be useful: 0 to ``planes - 1``."""
        return clog2(self.peak) + 1

    def marks(self, weights: NDArray[np.int32]) -> Marks:
        """Unsigned ``[..., B]`` for weights ``[...]``; 0 for a zero weight."""
        if self.peak == 1:
            ternary: Marks = (weights != 0).view(np.uint8)[..., None]
            return ternary
        if self.peak <= TABLE_PEAK:
            tabulated: Marks = _mark_table(self.peak)[np.abs(weights)]
            return tabulated
        plain = np.abs(weights.astype(np.int64))
        return np.stack([plain, _canonical(plain)], axis=-1).view(np.uint64)

    def choose(self, marks: Marks) -> Planes:
        """Planes of words from their marks ``[..., B]``: integers ``[...]``, bit s is plane s; 0 for a word of zeros.

        The fewest planes; of several such sets the one that is smallest as a number.
        """
        if self.peak == 1:
            return marks[..., 0]
        if self.peak > TABLE_PEAK:
            plain, canonical = marks[..., 0].astype(np.int64), marks[..., 1].astype(np.int64)
            return np.where(np.bitwise_count(canonical) < np.bitwise_count(plain), canonical, plain)
        if self.peak <= 16:
            return np.asarray(_choices(self.peak)[marks[..., 0]])
        rows = np.ascontiguousarray(marks).view(np.uint8).reshape(-1, marks.shape[-1] * marks.itemsize)
        present = np.unpackbits(rows, axis=1, count=self.peak, bitorder="little")
        return _smallest_sets(present, self.peak, self.planes).reshape(marks.shape[:-1])

    def digits(self, weights: NDArray[np.int8] | NDArray[np.int32], planes: int) -> NDArray[np.int8]:
        """Digits int8 ``[P, ...]`` of weights ``[...]`` on the P planes of a set, the lowest plane first.

        Raises:
            InternalError: A weight has no digits on these planes.
        """
        if self.peak == 1:
            return weights.astype(np.int8)[None][:planes]
        if self.peak <= TABLE_PEAK:
            tabulated = _digit_table(planes, self.peak)[:, weights + self.peak]
            _require(not np.any(tabulated > 1))
            return tabulated
        plain = np.abs(weights.astype(np.int64))
        high = plain + (plain >> 1)
        carry = high ^ (plain >> 1)
        sparse = (carry & ~planes) == 0  # canonical digits fit, else those of sign and magnitude do
        plus, minus = np.where(sparse, high & carry, plain), np.where(sparse, (plain >> 1) & carry, 0)
        _require(not np.any((plus | minus) & ~planes))
        sign = np.sign(weights)
        found = [(((plus >> s) & 1) - ((minus >> s) & 1)) * sign for s in plane_list(planes)]
        return np.array(found, dtype=np.int8).reshape(len(found), *weights.shape)

    def sums(self, weights: NDArray[np.int32], planes: Planes) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """(absolute value of the negative digits' sum, number of non-zero digits), int64, of each weight.

        Args:
            weights: ``[...]``.
            planes: Of the word that each weight belongs to, ``[...]``.
        """
        kinds = np.unique(planes)
        if self.peak > TABLE_PEAK:
            negative, count = np.zeros(weights.shape, np.int64), np.zeros(weights.shape, np.int64)
            for one in kinds.tolist():
                here = planes == one
                negative[here], count[here] = _digit_sums(self.digits(weights[here], one), one)
            return negative, count
        tables = [_digit_sums(_digit_table(one, self.peak), one) for one in kinds.tolist()]
        row, column = np.searchsorted(kinds, planes), weights + self.peak
        return np.stack([n for n, _ in tables])[row, column], np.stack([n for _, n in tables])[row, column]


def plane_list(planes: int) -> list[int]:
    """The planes of a set, rising."""
    return [s for s in range(planes.bit_length()) if planes >> s & 1]


def _digit_sums(digits: NDArray[np.int8], planes: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(absolute sum of the negative digits, number of non-zero ones) of digits ``[P, ...]``."""
    scales = np.array([1 << s for s in plane_list(planes)], np.int64)
    return np.tensordot(scales, digits < 0, axes=1), (digits != 0).sum(axis=0)


def _require(holds: bool) -> None:
    if not holds:
        raise InternalError("schedule", "a weight has no digits on the planes of its word")


def _canonical(plain: NDArray[np.int64]) -> NDArray[np.int64]:
    """Planes of the canonical signed digits (no two neighbours non-zero) of each number >= 0."""
    half = plain >> 1
    return np.asarray(half ^ (plain + half))


@cache
def _mark_table(peak: int) -> Marks:
    """Marks of magnitudes 0..peak: one bit each, none for 0; unsigned ``[peak + 1, B]``."""
    width = next(bits for bits in (8, 16, 32, 64) if peak <= bits or bits == 64)
    table = np.zeros((peak + 1, ceil_div(peak, width)), np.dtype(f"<u{width // 8}"))
    for value in range(1, peak + 1):
        table[value, (value - 1) // width] = 1 << (value - 1) % width
    return table


@cache
def _choices(peak: int) -> Planes:
    """The planes for every mark of weights up to ``peak`` <= 16."""
    marks = np.arange(1 << peak)[:, None] >> np.arange(peak) & 1
    return _smallest_sets(marks.astype(np.uint8), peak, clog2(peak) + 1).astype(np.uint8)


def _smallest_sets(present: NDArray[np.uint8], peak: int, planes: int) -> Planes:
    """The smallest set of planes for each row of ``present``: int64 ``[n]``.

    Args:
        present: 0 or 1, ``[n, peak]``: whether the word has weights of magnitude 1, 2, ... ``peak``.
    """
    sets, lacking = _plane_sets(planes)
    lacking = lacking[1 : peak + 1].astype(np.float32)
    block = max(1, _PRODUCTS // len(sets))
    first = [
        (present[n : n + block].astype(np.float32) @ lacking == 0).argmax(axis=1)
        for n in range(0, len(present), block)
    ]
    found: Planes = sets[np.concatenate(first)]
    return found


@cache
def _plane_sets(planes: int) -> tuple[Planes, NDArray[np.bool_]]:
    """All sets of planes by size, then as numbers, and which magnitudes each lacks: bool ``[2**planes, sets]``."""
    reach = 1 << planes
    able = np.zeros((reach, 2 * reach), dtype=np.bool_)  # able[set, value + reach]
    able[0, reach] = True
    for one in range(1, reach):
        top = one.bit_length() - 1
        rest, scale = able[one ^ (1 << top)], 1 << top
        able[one] = rest
        able[one, scale:] |= rest[:-scale]
        able[one, :-scale] |= rest[scale:]
    sets = np.array(sorted(range(reach), key=lambda one: (one.bit_count(), one)), np.int64)
    return sets, ~able[sets, reach:].T


@cache
def _digit_table(planes: int, peak: int) -> NDArray[np.int8]:
    """Digits of every weight: int8 ``[P, 2 * peak + 1]`` at ``weight + peak``; of the fewest non-zeros the smallest
    negative sum. A weight without digits has 2 in their place, which no digit is.
    """
    chosen = plane_list(planes)
    reach = max(peak, planes)
    far = 1 << 30
    cost = np.full(2 * reach + 1, far, np.int64)
    cost[reach] = 0
    choices = []
    for s in chosen:
        scale = 1 << s
        plus, minus = np.full_like(cost, far), np.full_like(cost, far)
        plus[scale:] = cost[:-scale] + (1 << 16)
        minus[:-scale] = cost[scale:] + (1 << 16) + scale
        ways = np.stack([cost, plus, minus])
        choices.append(ways.argmin(axis=0))
        cost = ways.min(axis=0)
    at = np.arange(reach - peak, reach + peak + 1)
    able = cost[at] < far
    found = np.zeros((len(chosen), 2 * peak + 1), np.int8)
    for n in reversed(range(len(chosen))):
        digit = np.array([0, 1, -1])[choices[n][at]]
        found[n] = digit
        at = np.where(able, at - digit * (1 << chosen[n]), reach)
    found[:, ~able] = 2
    return found
