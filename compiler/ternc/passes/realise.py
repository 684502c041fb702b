"""Give each staircase a multiply-shift form where one is proved equal to it.

The law. A channel has thresholds ``T[1] <= ... <= T[n]`` on accumulators ``a`` in ``[low, high]``, and
``g(a) = (a * M + B) >> S`` with ``M >= 0``. ``clamp(g(a), 0, n)`` equals ``#{k : a >= T[k]}`` for every ``a``
if and only if, for every k,

* ``g(T[k]) >= k``, that is ``B >= k * 2^S - M * T[k]``, unless ``T[k] > high`` (never taken), and
* ``g(T[k] - 1) < k``, that is ``B <= k * 2^S - 1 - M * (T[k] - 1)``, unless ``T[k] <= low`` (always taken).

For g never falls: it is at least k from ``T[k]`` on and below k before, for all integers in between as well.
Two inequalities a threshold therefore prove the whole range, without trying its values.

The search. For a given S and M an integer B exists where the largest lower bound is not above the smallest
upper bound, that is, for all i and j, ``M * (T[j] - 1 - T[i]) < (j - i) * 2^S``. So every M of every S has its
slope ``M / 2^S`` inside one open interval of the channel, the same for all S: where that is empty there is no
form, and where it is narrow only a large S has an integer M in it. Its ends are found by Newton's method on
``max_i (i - m T[i]) - min_j (j - m (T[j] - 1))``, which is convex in m: from the left and from the right, in rationals.

The bounds above ask for a little more than that. Their difference is convex in M as well, and its slope at an M that
fails tells on which side the feasible ones lie: bisection inside the interval finds one, or proves that there is
none. The smallest S at which every channel has one is taken; then the smallest M of each channel.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ternc.network.analysis import accumulator_range, sources
from ternc.network.layers import IntRange, Linear, MultiplyShift, Network, Staircase

Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Realise:
    """Record the proved `MultiplyShift` with each staircase that has one; the others keep ``form=None``.

    Attributes:
        multiplier_bits: Multipliers are below ``2**multiplier_bits`` (as signed numbers, one bit more).
        max_shift: The largest right shift tried.
    """

    multiplier_bits: int = 17
    max_shift: int = 32

    def __call__(self, network: Network) -> Network:
        """The same network with forms recorded."""
        layers = tuple(self._layer(layer, network) for layer in network.layers)
        return replace(network, layers=layers)

    def _layer(self, layer: Linear, network: Network) -> Linear:
        if layer.activation is None:
            return layer
        form = self.find(layer.activation, accumulator_range(layer, sources(network, layer)))
        return replace(layer, activation=replace(layer.activation, form=form))

    def find(self, staircase: Staircase, acc: tuple[IntRange, ...]) -> MultiplyShift | None:
        """The form with the smallest shift, or None if no shift up to ``max_shift`` suits every channel."""
        if np.abs(staircase.thresholds).max() >= 1 << (61 - self.multiplier_bits):
            return None  # products would not fit int64
        bounds = _Bounds.of(staircase, acc)
        slopes = bounds.slopes()
        if slopes is None:
            return None
        top = (1 << self.multiplier_bits) - 1
        difficult = np.arange(len(acc))
        for shift in range(self.max_shift + 1):
            low, high = slopes.multipliers(shift, top)
            if np.any(low > high):
                continue
            missing = difficult[
                bounds.subset(difficult).some_multiplier(shift, low[difficult], high[difficult]) < 0
            ]
            if missing.size:
                difficult = missing
                continue
            multiplier = bounds.some_multiplier(shift, low, high)
            if np.all(multiplier >= 0):
                multiplier = bounds.smallest_multiplier(shift, multiplier)
                lowest, _, _ = bounds.addends(shift, multiplier)
                return MultiplyShift(multiplier=multiplier, addend=lowest, shift=shift)
            difficult = np.flatnonzero(multiplier < 0)
        return None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Slopes:
    """Per channel an open interval that holds ``M / 2^S`` of every form.

    Attributes:
        low: int64 ``[2, channels]``: numerator and denominator of its lower end, at least 0.
        high: The same of its upper end.
        closed, open: bool ``[channels]``: slope 0 is possible; there is no upper end.
    """

    low: Integers
    high: Integers
    closed: NDArray[np.bool_]
    open: NDArray[np.bool_]

    def multipliers(self, shift: int, top: int) -> tuple[Integers, Integers]:
        """The smallest and the largest M of ``[0, top]`` inside; the former is larger where there is none."""
        first = np.where(self.closed, 0, (self.low[0] << shift) // self.low[1] + 1)
        last = np.where(self.open, top, -((-self.high[0] << shift) // self.high[1]) - 1)
        return first, np.minimum(last, top)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Bounds:
    """The inequalities of every channel: where each threshold binds from below and from above.

    Attributes:
        thresholds: int64 ``[channels, steps]``.
        taken, spared: bool, the same shape: some value reaches the threshold; some value stays below it.
    """

    thresholds: Integers
    taken: NDArray[np.bool_]
    spared: NDArray[np.bool_]

    @staticmethod
    def of(staircase: Staircase, acc: tuple[IntRange, ...]) -> _Bounds:
        low, high = (
            np.array(ends, np.int64)[:, None] for ends in zip(*((r.low, r.high) for r in acc), strict=True)
        )
        t = staircase.thresholds
        return _Bounds(thresholds=t, taken=t <= high, spared=t > low)

    def subset(self, channels: Integers) -> _Bounds:
        return _Bounds(
            thresholds=self.thresholds[channels], taken=self.taken[channels], spared=self.spared[channels]
        )

    def slopes(self) -> _Slopes | None:
        """Where the slopes of forms lie, or None where some channel has no form."""
        channels, steps = self.thresholds.shape
        start = np.zeros(channels, np.int64), np.full(channels, steps + 1, np.int64)
        ends = []
        for side in (0, 1):
            p, q, free = start[side], np.ones(channels, np.int64), np.ones(channels, np.bool_)
            active = np.arange(channels)
            while active.size:
                rise, run, value = self.subset(active).steepest(p[active], q[active])
                wrong = value >= 0
                if np.any(wrong & (run >= 0 if side == 0 else run <= 0)):
                    return None  # convex, and not below 0 on either side
                free[active[wrong]] = False
                rise, run = np.abs(rise), np.abs(run)
                closer = wrong & (rise * q[active] != p[active] * run)
                active = active[closer]
                p[active], q[active] = rise[closer], run[closer]
            ends.append((p, q, free))
        (p, q, closed), (r, s, beyond) = ends
        if np.any(~beyond & (p * s >= r * q)):
            return None
        return _Slopes(low=np.stack([p, q]), high=np.stack([r, s]), closed=closed, open=beyond)

    def steepest(self, p: Integers, q: Integers) -> tuple[Integers, Integers, Integers]:
        """At the slope ``p / q``: of the pair (i, j) that asks most, ``i - j``, ``T[j] - 1 - T[i]`` and by how much.

        The form must have ``q * (i - j) + p * (T[j] - 1 - T[i]) < 0``; -1 where a channel has no pair.
        """
        far = np.int64(2**62)
        levels = np.arange(1, self.thresholds.shape[1] + 1, dtype=np.int64) * q[:, None]
        above = np.where(self.taken, levels - p[:, None] * self.thresholds, -far)
        below = np.where(self.spared, levels - p[:, None] * (self.thresholds - 1), far)
        i, j = above.argmax(axis=1), below.argmin(axis=1)
        each = np.arange(len(i))
        free = (above[each, i] == -far) | (below[each, j] == far)
        value = np.where(free, -1, above[each, i] - np.where(free, 0, below[each, j]))
        return i - j, self.thresholds[each, j] - 1 - self.thresholds[each, i], value

    def addends(self, shift: int, multiplier: Integers) -> tuple[Integers, Integers, Integers]:
        """Per channel the smallest and the largest addend, and the slope of their difference in M."""
        far = np.int64(2**62)
        m = multiplier[:, None]
        levels = np.arange(1, self.thresholds.shape[1] + 1, dtype=np.int64) << shift
        above = np.where(self.taken, levels - m * self.thresholds, -far)
        below = np.where(self.spared, levels - 1 - m * (self.thresholds - 1), far)
        i, j = above.argmax(axis=1)[:, None], below.argmin(axis=1)[:, None]
        lowest, highest = (
            np.take_along_axis(above, i, axis=1)[:, 0],
            np.take_along_axis(below, j, axis=1)[:, 0],
        )
        at_i, at_j = (np.take_along_axis(self.thresholds, index, axis=1)[:, 0] for index in (i, j))
        slope = at_j - 1 - at_i
        # A channel without lower (or upper) bounds is constant; 0 (or n) at every accumulator: any M, say 0.
        unbound_below, unbound_above = lowest == -far, highest == far
        lowest = np.where(unbound_below, np.minimum(highest, 0), lowest)
        return lowest, highest, np.where(unbound_below | unbound_above, 0, slope)

    def some_multiplier(self, shift: int, low: Integers, high: Integers) -> Integers:
        """Per channel a multiplier in ``[low, high]`` that has an addend, or -1."""
        found = np.full(len(self.thresholds), -1, np.int64)
        while np.any(open_ := (found < 0) & (low <= high)):
            middle = (low + high) >> 1
            lowest, highest, slope = self.addends(shift, middle)
            good = lowest <= highest
            found = np.where(open_ & good, middle, found)
            high = np.where(open_ & ~good & (slope >= 0), middle - 1, high)
            low = np.where(open_ & ~good & (slope <= 0), middle + 1, low)
        return found

    def smallest_multiplier(self, shift: int, multiplier: Integers) -> Integers:
        """The smallest that has an addend, given one that has; those that have are neighbours."""
        low, high = np.zeros_like(multiplier), multiplier
        while np.any(low < high):
            middle = (low + high) >> 1
            lowest, highest, _ = self.addends(shift, middle)
            high, low = (
                np.where(lowest <= highest, middle, high),
                np.where(lowest <= highest, low, np.minimum(middle + 1, high)),
            )
        return high
