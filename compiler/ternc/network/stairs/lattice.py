"""Integer multipliers that order a lattice of real sums as far as its borders need it.

Let ``v(A) = sum_j s_j A_j`` over a box of integers, all ``s_j > 0``, and let a border divide the box into the points U
on or beyond it and the points L before it. Multipliers m serve if ``m.p > m.q`` for all p of U and q of L, for each
border; any threshold T with ``max m.L < T <= min m.U`` then tells them apart.

*The proof.* For each rest ``r = (A_1, ..)`` the points of U are those with ``A_0 >= n_r``, so only ``(n_r, r)`` and
``(n_r - 1, r)`` matter (moved into the box). With ``rho_j = s_j / s_0``, t the border over s_0 and
``beta_r = sum_j rho_j r_j``, let ``up_r = n_r - t + beta_r``, in [0, 1). Then ``m.(n_r, r) = m_0 t + m_0 up_r + D_r``;
the bounds of ``D_r = sum_j (m_j - m_0 rho_j) r_j`` over the box are known. Rests are sorted by the fraction of beta
once; at each border only a window of them, those whose ``up`` is nearest to 0 and to 1, is computed, in integers. The
others cannot be smaller than ``m_0 up + min D`` (nor larger than ``m_0 (up - 1) + max D``), with the least (largest) up
outside the window. Where that does not settle a border, all rests are computed. Where float64 cannot tell ``n_r``,
the chain's exact code does.

*The search.* Every pair (p, q) that m orders wrongly, or as equal, is a condition ``m.(p - q) > 0``, which s itself
satisfies. The smallest m under the conditions known is tried next; a wrong one gives new conditions. With two terms
a condition bounds the slope ``m_1 / m_0``, and the smallest m is the simplest fraction between the bounds: so the
result is the smallest exact one. With more terms m_0 is counted up, and the others are rounded.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from math import ceil, floor, prod

import numpy as np
from numpy.typing import NDArray

from ternc.network.stairs.marks import Marks

Integers = NDArray[np.int64]
Reals = NDArray[np.float64]

_WINDOW = 24  # rests on each side of a border that are computed at once
_FAR = np.int64(2**62)
_TRIALS = 400
_BLOCK = 4096  # multipliers tried at once
_LISTED = 1 << 22  # points listed one by one when misses are counted


def simplest_between(low: Fraction, high: Fraction | None) -> Fraction:
    """The fraction with the smallest numerator and denominator in an open interval of numbers >= 0; None: no upper end.

    Law: no other fraction in the interval has a smaller numerator or a smaller denominator.
    """
    if low < 0:
        return Fraction(0)
    whole = floor(low) + 1
    if high is None or whole < high:
        return Fraction(whole)
    # Here whole - 1 <= low < high <= whole: reflect the rest.
    base = whole - 1
    rest = simplest_between(1 / (high - base), 1 / (low - base) if low > base else None)
    return base + 1 / rest


@dataclass(frozen=True, slots=True, kw_only=True)
class Solution:
    """Multipliers and thresholds that tell the points of every border apart, proved.

    Attributes:
        multipliers: Of A_0, A_1, ...
        thresholds: Per border the smallest sum beyond it.
    """

    multipliers: tuple[int, ...]
    thresholds: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Near:
    """The reachable values next to each border of a channel, and where it lies in the accumulator; all ``[borders]``.

    Attributes:
        threshold: Smallest accumulator beyond it.
        place: The real border, in units of the accumulator.
        above, below: The nearest values on both sides, real.
        size: Magnitude of the terms that add up to them.
    """

    threshold: Integers
    place: Reals
    above: Reals
    below: Reals
    size: Reals


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Window:
    """Rests near each border, ``[borders, width]``; see the module.

    Attributes:
        rest: Index of the rest.
        first: ``n_r``.
        beyond, before: Whether ``(n_r, r)`` and ``(n_r - 1, r)`` lie in the box.
        least, most: ``[borders]``: of ``up`` outside the window; +inf and -inf where nothing is outside.
    """

    rest: Integers
    first: Integers
    beyond: NDArray[np.bool_]
    before: NDArray[np.bool_]
    least: Reals
    most: Reals


@dataclass(slots=True, kw_only=True, eq=False)
class Lattice:
    """One channel's points and borders.

    Attributes:
        scales: Above 0; the first belongs to the widest range.
        ranges: (low, high) of each ``A_j``.
        marks: The borders.
        numbers: Which of them divide the box, in order.
    """

    scales: tuple[Fraction, ...]
    ranges: tuple[tuple[int, int], ...]
    marks: Marks
    numbers: tuple[int, ...]
    rests: Integers = field(init=False)
    _beta: Reals = field(init=False)
    _order: Integers = field(init=False)
    _fractions: Reals = field(init=False)
    _border: Reals = field(init=False)
    _doubt: Reals = field(init=False)
    _counted: int = field(init=False, default=1)

    def __post_init__(self) -> None:
        axes = [np.arange(low, high + 1, dtype=np.int64) for low, high in self.ranges[1:]]
        grid = np.meshgrid(*axes, indexing="ij")
        self.rests = np.stack([g.ravel() for g in grid], 1) if grid else np.zeros((1, 0), np.int64)
        ratios = np.array([float(s / self.scales[0]) for s in self.scales[1:]])
        self._beta = (self.rests * ratios).sum(axis=1)
        fractions = self._beta - np.floor(self._beta)
        self._order = np.argsort(fractions, kind="stable")
        self._fractions = fractions[self._order]
        size = float(self.scales[0])
        numbers = np.array(self.numbers, np.int64)
        low, high = self.marks.lows[numbers] / size, self.marks.highs[numbers] / size
        self._border = (low + high) / 2
        largest = float(np.abs(self._beta).max()) + np.abs(self._border) + 1
        self._doubt = (high - low) + largest * len(self.ranges) * 2.0**-49

    # ---- where U begins ---------------------------------------------------------------------------------

    def _first(self, borders: Integers, rest: Integers) -> Integers:
        """``n_r`` for borders and rests of equal shape, at most two off the box."""
        t = self._border[borders] - self._beta[rest]
        first = np.ceil(t)
        up = first - t
        doubt = self._doubt[borders]
        unsure = np.argwhere((up <= doubt) | (up >= 1 - doubt))
        low, high = self.ranges[0]
        for place in map(tuple, unsure):
            middle, reach = float(t[place]), float(doubt[place])
            before, at = max(ceil(middle - reach), low) - 1, min(floor(middle + reach), high) + 1
            if at - before < 2:
                continue  # no point of this rest that is in doubt is in the box
            border, r = int(borders[place]), int(rest[place])
            while at - before > 1:  # once, unless the scales are worlds apart
                a = (before + at) // 2
                beyond = self.marks.beyond(self.numbers[border], self.value(a, r))
                before, at = (before, a) if beyond else (a, at)
            first[place] = at
        return np.clip(first, low - 1, high + 2).astype(np.int64)  # farther out all are alike

    def value(self, a: int, rest: int) -> Fraction:
        """``v`` of a point."""
        others = zip(self.scales[1:], self.rests[rest].tolist(), strict=True)
        return self.scales[0] * a + sum((s * b for s, b in others), Fraction(0))

    def window(self, width: int = _WINDOW) -> _Window:
        """The rests nearest to each border on both sides."""
        count, borders = len(self._order), len(self.numbers)
        t = self._border - np.floor(self._border)
        place = np.searchsorted(self._fractions, t)
        whole = count <= 2 * width
        steps = np.arange(count) if whole else np.arange(-width, width)
        rest = self._order[(place[:, None] + steps) % count]
        numbers = np.broadcast_to(np.arange(borders)[:, None], rest.shape)
        first = self._first(numbers, rest)
        low, high = self.ranges[0]
        if whole:
            least, most = np.full(borders, np.inf), np.full(borders, -np.inf)
        else:
            least = (self._fractions[(place + width) % count] - t) % 1.0
            most = (self._fractions[(place - width - 1) % count] - t) % 1.0
        return _Window(
            rest=rest,
            first=first,
            beyond=(first >= low) & (first <= high),
            before=(first > low) & (first <= high + 1),
            least=least,
            most=most,
        )

    def everywhere(self, border: int) -> tuple[Integers, Integers]:
        """Of one border, for all rests: the first ``A_0`` beyond it and the last before it, one off the box if none."""
        rest = np.arange(len(self.rests))
        first = self._first(np.full(rest.shape, border), rest)
        low, high = self.ranges[0]
        return np.clip(first, low, high + 1), np.clip(first - 1, low - 1, high)

    def within(self, distance: float) -> int:
        """How many points lie no farther from a border than that, those near several counted for each."""
        low, high = self.ranges[0]
        reach = distance / float(self.scales[0]) * (1 + 2.0**-40)
        rest, count = np.arange(len(self.rests)), 0
        for border in range(len(self.numbers)):
            first = self._first(np.full(rest.shape, border), rest)
            above = first - self._border[border] + self._beta
            near = reach + self._doubt[border]
            last = np.minimum(first + np.floor(near - above), high)
            least = np.maximum(first - 1 - np.floor(near - (1 - above)), low)
            count += int(np.maximum(last - np.maximum(first, low) + 1, 0).sum())
            count += int(np.maximum(np.minimum(first - 1, high) - least + 1, 0).sum())
        return count

    def inspect(self, numbers: tuple[int, ...]) -> None:
        """Look at every point between the bounds of marks that are no borders.

        Raises:
            NoStaircase: The code of one is not that of its surroundings.
        """
        other = Lattice(scales=self.scales, ranges=self.ranges, marks=self.marks, numbers=numbers)
        for border in range(len(numbers)):
            other.everywhere(border)

    def near(self, solution: Solution) -> Near:
        """What lies next to each border, of the rests in its window."""
        window = self.window()
        unit = float(self.scales[0])
        up = window.first - self._border[:, None] + self._beta[window.rest]
        above = np.where(window.beyond, up, np.inf).min(axis=1)
        below = np.where(window.before, up - 1, -np.inf).max(axis=1)
        rest = window.rest[np.arange(len(up)), np.where(window.beyond, up, np.inf).argmin(axis=1)]
        parts = np.abs(self.rests * np.array([float(s) for s in self.scales[1:]])).sum(axis=1)
        return Near(
            threshold=np.array(solution.thresholds, np.int64),
            place=self._border * solution.multipliers[0],
            above=(self._border + above) * unit,
            below=(self._border + below) * unit,
            size=parts[rest],
        )

    # ---- trying multipliers -----------------------------------------------------------------------------

    def attempt(self, multipliers: tuple[int, ...], window: _Window) -> tuple[Integers, list[int]]:
        """New conditions ``[n, J]`` (none: the multipliers are proved), and then the smallest sum beyond each border.

        Conditions are differences of a point beyond a border and one before it.
        """
        m = np.array(multipliers, np.int64)
        shares = (self.rests @ m[1:])[window.rest]
        sums = m[0] * window.first + shares
        upper = np.where(window.beyond, sums, _FAR)
        lower = np.where(window.before, sums - m[0], -_FAR)
        p, q = upper.argmin(axis=1), lower.argmax(axis=1)
        every = np.arange(len(self.numbers))
        least, most = upper[every, p], lower[every, q]
        wrong = np.flatnonzero(least <= most)
        if wrong.size:
            a, b = window.first[wrong, p[wrong]], window.first[wrong, q[wrong]] - 1
            rests = self.rests[window.rest[wrong, p[wrong]]] - self.rests[window.rest[wrong, q[wrong]]]
            return np.column_stack([a - b, rests]), []
        conditions = np.zeros((0, len(m)), np.int64)
        for i in np.flatnonzero(~self._closed(m, window, least, most)):
            found, least[i] = self._attempt_everywhere(m, int(i))
            conditions = np.concatenate([conditions, found])
        return conditions, [] if conditions.size else least.tolist()

    def _closed(self, m: Integers, window: _Window, least: Integers, most: Integers) -> NDArray[np.bool_]:
        """Borders at which no point outside the window can matter."""
        low, high = self._drift(m)
        size = float(m[0])
        centre = size * self._border
        slack = np.abs(centre) * 2.0**-50 + size * self._doubt + 2.0**-20
        # Of a rest whose point next to the border is outside the box, the next one inside is at least a step away.
        outside_least = size * (np.minimum(window.least, 1.0) - self._doubt) + low - slack
        outside_most = size * (np.maximum(window.most, 0.0) - 1.0 + self._doubt) + high + slack
        good = (outside_least >= least - centre) & (outside_most <= most - centre)
        sure = (window.least > 2 * self._doubt) & (window.most < 1.0 - 2 * self._doubt)
        return np.asarray(good & sure & (least < _FAR) & (most > -_FAR))

    def _drift(self, m: Integers) -> tuple[float, float]:
        """Bounds of ``D_r``."""
        bottom = top = 0.0
        for j, (low, high) in enumerate(self.ranges[1:], 1):
            each = float(int(m[j]) - int(m[0]) * self.scales[j] / self.scales[0])
            bottom += min(each * low, each * high)
            top += max(each * low, each * high)
        size = (abs(bottom) + abs(top)) * 2.0**-40 + 2.0**-40
        return bottom - size, top + size

    def _attempt_everywhere(self, m: Integers, border: int) -> tuple[Integers, int]:
        first, last = self.everywhere(border)
        low, high = self.ranges[0]
        shares = self.rests @ m[1:]
        upper = np.where(first <= high, m[0] * first + shares, _FAR)
        lower = np.where(last >= low, m[0] * last + shares, -_FAR)
        p, q = int(upper.argmin()), int(lower.argmax())
        if upper[p] > lower[q]:
            return np.zeros((0, len(m)), np.int64), int(upper[p])
        return np.concatenate([[first[p] - last[q]], self.rests[p] - self.rests[q]])[None], 0

    # ---- searching multipliers --------------------------------------------------------------------------

    def solve(self, bits: int) -> Solution | None:
        """The smallest multipliers below ``2**bits`` that are exact, or None where the search finds none."""
        if not self.numbers:
            return Solution(multipliers=(1,) * len(self.scales), thresholds=())
        window = self.window()
        conditions = np.zeros((0, len(self.scales)), np.int64)
        for _ in range(_TRIALS):
            trial = self._smallest(conditions, bits)
            if trial is None:
                return None
            new, thresholds = self.attempt(trial, window)
            if not new.size:
                return Solution(multipliers=trial, thresholds=tuple(thresholds))
            conditions = np.concatenate([conditions, new])
        return None

    def _smallest(self, conditions: Integers, bits: int) -> tuple[int, ...] | None:
        if len(self.scales) == 1:
            return (1,)
        if len(self.scales) == 2:
            low, high = self._slopes(conditions)
            slope = simplest_between(low, high)
            found = (slope.denominator, slope.numerator)
            return found if max(found) < 1 << bits else None
        rows = np.unique(conditions, axis=0).astype(np.float64)
        for block in self._candidates(bits):
            good = np.all(block.astype(np.float64) @ rows.T > 0, axis=1)  # below 2^53: exact
            if np.any(good):
                found = block[int(good.argmax())]
                self._counted = int(found[0])
                return tuple(int(x) for x in found)
        return None

    def _slopes(self, conditions: Integers) -> tuple[Fraction, Fraction | None]:
        """The open interval of slopes x with ``a + b x > 0`` for all conditions (a, b)."""
        low, high = Fraction(-1), None
        for sign in (1, -1):  # slopes above -a / b, or below
            pairs = conditions[conditions[:, 1] * sign > 0]
            if not len(pairs):
                continue
            bounds = sign * pairs[:, 0] / -pairs[:, 1]
            # The others are not the tightest.
            close = bounds >= bounds.max() - np.abs(bounds).max() * 2.0**-40
            exact = {Fraction(-a, b) for a, b in np.unique(pairs[close], axis=0).tolist()}
            if sign > 0:
                low = max(low, *exact)
            else:
                high = min(exact)
        return low, high

    def _candidates(self, bits: int) -> Iterator[Integers]:
        """Multipliers, the first counted up from where the last search ended, the others rounded, in blocks.

        A term beside which the first hardly counts gets the largest multiplier.
        """
        largest = (1 << bits) - 1
        ratios = [s / self.scales[0] for s in self.scales[1:]]
        top = ceil((1 << bits) / max([Fraction(1), *(r for r in ratios if r <= largest)]))
        for start in range(self._counted, top, _BLOCK):
            counted = np.arange(start, min(start + _BLOCK, top), dtype=np.int64)
            rest = [np.minimum(np.rint(counted * float(ratio)), largest).astype(np.int64) for ratio in ratios]
            yield np.stack([counted, *rest], axis=1)

    # ---- how far off ------------------------------------------------------------------------------------

    def closest(self, bits: int) -> tuple[int, ...]:
        """Multipliers below ``2**bits`` close to the scales."""
        top = (1 << bits) - 1
        if len(self.scales) == 2:
            ratio = self.scales[1] / self.scales[0]
            if ratio <= 1:
                near = ratio.limit_denominator(top)
                return near.denominator, near.numerator
            near = max((1 / ratio).limit_denominator(top), Fraction(1, top))
            return near.numerator, near.denominator
        largest = max(self.scales)
        return tuple(max(int(j == 0), round(s / largest * top)) for j, s in enumerate(self.scales))

    def misses(self, multipliers: tuple[int, ...]) -> tuple[tuple[int, ...], int, int]:
        """Thresholds for inexact multipliers, how many points they get wrong, and by how many borders at most."""
        m = np.array(multipliers, np.int64)
        shares = self.rests @ m[1:]
        low, high = self.ranges[0]
        centres = np.mean(self._drift(m)) + float(m[0]) * self._border
        ends = [(int(n) * low, int(n) * high) for n, (low, high) in zip(m, self.ranges, strict=True)]
        bottom, top = sum(min(pair) for pair in ends), sum(max(pair) for pair in ends)
        thresholds = []
        count, listed, points = 0, 0, []
        for border, centre in enumerate(centres):
            threshold = min(max(int(np.ceil(centre)), bottom), top + 1)
            thresholds.append(threshold)
            first, _ = self.everywhere(border)
            taken = np.clip(-((shares - threshold) // m[0]), low, high + 1)
            wrong = np.abs(taken - first)
            count += int(wrong.sum())
            if listed + int(wrong.sum()) <= _LISTED:
                listed += int(wrong.sum())
                rests = np.repeat(np.arange(len(wrong)), wrong)
                start = np.repeat(np.minimum(taken, first) - np.cumsum(wrong) + wrong, wrong)
                points.append(rests * (high - low + 2) + (start + np.arange(len(rests)) - low))
        if listed < count:
            return tuple(thresholds), count, len(thresholds)
        _, times = np.unique(np.concatenate([*points, np.zeros(0, np.int64)]), return_counts=True)
        return tuple(thresholds), len(times), int(times.max(initial=0))

    def points(self) -> int:
        """Number of points of the box."""
        return prod(high - low + 1 for low, high in self.ranges)
