"""Give each staircase a multiply-shift form where one is proved equal to it.

The law. A channel has thresholds ``T[1] <= ... <= T[n]`` on accumulators ``a`` in ``[low, high]``, and
``g(a) = (a * M + B) >> S`` with ``M >= 0``. ``clamp(g(a), 0, n)`` equals ``#{k : a >= T[k]}`` for every ``a``
if and only if, for every k,

* ``g(T[k]) >= k``, that is ``B >= k * 2^S - M * T[k]``, unless ``T[k] > high`` (never taken), and
* ``g(T[k] - 1) < k``, that is ``B <= k * 2^S - 1 - M * (T[k] - 1)``, unless ``T[k] <= low`` (always taken).

For g never falls: it is at least k from ``T[k]`` on and below k before, for all integers in between as well.
Two inequalities a threshold therefore prove the whole range, without trying its values.

The search. For a given S and M an integer B exists where the largest lower bound is not above the smallest
upper bound. Their difference is a maximum of functions linear in M, hence convex in M, and its slope at an M
that fails tells on which side the feasible ones lie: bisection finds one, or proves that there is none.
The smallest S at which every channel has one is taken; then the smallest M of each channel.
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
        top = (1 << self.multiplier_bits) - 1
        difficult = np.arange(len(acc))
        for shift in range(self.max_shift + 1):
            missing = difficult[bounds.subset(difficult).some_multiplier(shift, top) < 0]
            if missing.size:
                difficult = missing
                continue
            multiplier = bounds.some_multiplier(shift, top)
            if np.all(multiplier >= 0):
                multiplier = bounds.smallest_multiplier(shift, multiplier)
                lowest, _, _ = bounds.addends(shift, multiplier)
                return MultiplyShift(multiplier=multiplier, addend=lowest, shift=shift)
            difficult = np.flatnonzero(multiplier < 0)
        return None


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

    def some_multiplier(self, shift: int, top: int) -> Integers:
        """Per channel a multiplier in ``[0, top]`` that has an addend, or -1."""
        channels = len(self.thresholds)
        low, high = np.zeros(channels, np.int64), np.full(channels, top, np.int64)
        found = np.full(channels, -1, np.int64)
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
