"""Proved search: the first number at which a monotone chain reaches a level.

Each place is found by bisection in float64 and then proved: there and one number before, the enclosure of the
chain's exact value must lie wholly on its own side of the level. Where it does not, exact arithmetic decides. Since
the chain is monotone on the row, two numbers prove a place for the whole row; no value is sampled.

Numbers are addressed by int64 indices that rise with them: the integers themselves (perhaps times a real unit), or
all float64.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from fractions import Fraction
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ternc.network.stairs.enclosure import enclose
from ternc.network.stairs.evaluate import Reals, plain, two_product
from ternc.network.stairs.exact import compare
from ternc.network.steps import Branch, Step

Integers = NDArray[np.int64]


class Axis(Protocol):
    """A rising sequence of numbers, symmetric around 0: ``number(-i) = -number(i)``."""

    def floats(self, channels: Integers, index: Integers) -> tuple[Reals, Reals | None]:
        """Numbers ``[rows, ...]`` in float64, and how far from them the exact ones may be (None: they are exact)."""
        ...

    def exact(self, channel: int, index: int) -> Fraction:
        """One number."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Sums:
    """Integers, below 2^53 in magnitude, each worth ``unit[channel]``; without units each is worth 1."""

    unit: tuple[Fraction, ...] | None = None

    def floats(self, channels: Integers, index: Integers) -> tuple[Reals, Reals | None]:
        """See `Axis`."""
        whole = index.astype(np.float64)
        if self.unit is None:
            return whole, None
        column = (-1,) + (1,) * (index.ndim - 1)
        unit = np.array([float(u) for u in self.unit])[channels].reshape(column)
        same = np.array([Fraction(float(u)) == u for u in self.unit])[channels].reshape(column)
        product, error = two_product(whole, unit)
        return product, np.where(same, np.abs(error), np.abs(product) * 2.0**-51)

    def exact(self, channel: int, index: int) -> Fraction:
        """See `Axis`."""
        return Fraction(index) if self.unit is None else self.unit[channel] * index


@dataclass(frozen=True, slots=True)
class Doubles:
    """All float64, in order: index i >= 0 is the number whose bits are i, and -i its negative."""

    def floats(self, channels: Integers, index: Integers) -> tuple[Reals, Reals | None]:
        """See `Axis`."""
        del channels  # the same numbers for all
        return doubles(index), None

    def exact(self, channel: int, index: int) -> Fraction:
        """See `Axis`."""
        del channel
        return Fraction(double(index))


def doubles(index: Integers) -> Reals:
    """The float64 of indices of `Doubles`."""
    return np.asarray(np.copysign(np.abs(index).view(np.float64), index))


def double(index: int) -> float:
    """The same of one index."""
    return float(doubles(np.array([index], np.int64))[0])


def index_of(value: float) -> int:
    """The index of a float64 in `Doubles`."""
    bits = int(np.array([abs(value)], np.float64).view(np.int64)[0])
    return bits if value >= 0 else -bits


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Rows:
    """Stretches of an axis, one a row, on each of which a chain is monotone.

    Attributes:
        steps: Constants ``[1]`` or per channel.
        axis: What the indices mean.
        channel: int64 ``[rows]``.
        flip: int64 ``[rows, 1]``: -1 where the chain falls. The row is then read backwards: by negated indices.
        first, last: int64 ``[rows, 1]``: its ends, of negated indices where flipped.
    """

    steps: tuple[Step, ...]
    axis: Axis
    channel: Integers
    flip: Integers
    first: Integers
    last: Integers

    @staticmethod
    def of(
        steps: tuple[Step, ...],
        axis: Axis,
        channel: Sequence[int] | Integers,
        ends: Sequence[tuple[int, int]] | Integers,
        falling: Sequence[bool] | NDArray[np.bool_],
    ) -> Rows:
        """Rows between ends that are given unflipped."""
        low, high = np.array(ends, np.int64).reshape(-1, 2).T[:, :, None]
        down = np.array(falling, bool)[:, None]
        return Rows(
            steps=steps,
            axis=axis,
            channel=np.array(channel, np.int64),
            flip=np.where(down, -1, 1).astype(np.int64),
            first=np.where(down, -high, low),
            last=np.where(down, -low, high),
        )

    def floats(self, index: Integers) -> tuple[Reals, Reals | None]:
        """Numbers at (possibly negated) indices ``[rows, ...]``."""
        return self.axis.floats(self.channel, self.flip * index)

    def exact(self, row: int, index: int) -> Fraction:
        """The number at a (possibly negated) index of a row."""
        return self.axis.exact(int(self.channel[row]), int(self.flip[row, 0]) * index)

    def ends(self, row: int) -> tuple[int, int]:
        """First and last index."""
        return int(self.first[row, 0]), int(self.last[row, 0])

    def gathered(self) -> tuple[Step, ...]:
        """The steps with one constant for each row."""
        return take(self.steps, self.channel)


def take(steps: tuple[Step, ...], channels: Integers) -> tuple[Step, ...]:
    """The chain with rows of the channels given in place of channels."""

    def one(step: Step) -> Step:
        arrays: dict[str, Any] = {
            f.name: value[channels]
            for f in fields(step)
            if isinstance(value := getattr(step, f.name), np.ndarray) and len(value) > 1
        }
        if isinstance(step, Branch):
            arrays |= {name: take(getattr(step, name), channels) for name in ("test", "below", "above")}
        return replace(step, **arrays) if arrays else step

    return tuple(one(step) for step in steps)


def bisect(rows: Rows, levels: Reals) -> Integers:
    """A guess: the smallest index of ``[first, last + 1]`` whose float64 reaches the level, ``[rows, levels]``."""
    shape = np.broadcast_shapes(rows.first.shape, levels.shape)
    low = np.broadcast_to(rows.first, shape).copy()
    high = np.broadcast_to(rows.last + 1, shape).copy()
    steps = rows.gathered()
    with np.errstate(all="ignore"):
        while np.any(low < high):
            middle = (low >> 1) + (high >> 1) + (low & high & 1)
            reached = plain(steps, rows.floats(middle)[0]) >= levels
            high = np.where(reached, middle, high)
            low = np.where(reached, low, np.minimum(middle + 1, high))
    return low


def thresholds(rows: Rows, levels: Integers) -> Integers:
    """Per row the smallest index in ``[first, last + 1]`` at which the chain reaches each level, proved.

    Args:
        rows: Where the chain rises (read as `Rows` says).
        levels: int64 ``[1, levels]``.
    Returns:
        int64 ``[rows, levels]``.
    Raises:
        NoStaircase: Exact arithmetic cannot decide.
    """
    wanted = levels.astype(np.float64)
    found = bisect(rows, wanted)
    steps = rows.gathered()
    at, radius = rows.floats(found)
    bottom, _ = enclose(steps, at, radius=radius)
    before, radius = rows.floats(found - 1)
    _, top = enclose(steps, before, radius=radius)
    reached = (bottom >= wanted) | (found > rows.last)
    not_before = (top < wanted) | (found <= rows.first)
    for r, k in np.argwhere(~(reached & not_before)):
        found[r, k] = settle(rows, int(r), Fraction(int(levels[0, k])), int(found[r, k]))
    return found


def settle(rows: Rows, row: int, level: Fraction, guess: int) -> int:
    """The same for one row and any rational level in exact arithmetic, searched outwards from a guess."""
    first, last = rows.ends(row)
    channel = int(rows.channel[row])

    def reached(index: int) -> bool:
        if index > last or index < first:
            return index > last
        return compare(rows.steps, channel, rows.exact(row, index), level) >= 0

    below, above, stride = guess - 1, guess, 1
    while not reached(above):
        below, above, stride = above, min(above + stride, last + 1), stride * 2
    stride = 1
    while reached(below):
        below, above, stride = max(below - stride, first - 1), below, stride * 2
    while above - below > 1:
        middle = (above + below) // 2
        below, above = (below, middle) if reached(middle) else (middle, above)
    return above


def brackets(rows: Rows, levels: Integers) -> tuple[Integers, Integers]:
    """Per row and level two indices, close together, between which the chain first reaches the level, proved.

    Args:
        rows: Where the chain rises.
        levels: int64 ``[1, levels]``. The answer means something only where a level is above the row's value at
            ``first`` and at most its value at ``last``.
    Returns:
        int64 ``[rows, levels]`` twice: an index whose value is below the level, and one whose value reaches it.
    Raises:
        NoStaircase: Exact arithmetic cannot decide.
    """
    wanted = levels.astype(np.float64)
    found = bisect(rows, wanted)
    steps = rows.gathered()
    below, above = np.empty_like(found), np.empty_like(found)
    open_below, open_above = np.ones(found.shape, bool), np.ones(found.shape, bool)
    for reach in (1, 16, 256, 4096, 1 << 16):
        for side, bound, missing in ((-1, below, open_below), (1, above, open_above)):
            index = np.clip(found + side * reach, rows.first, rows.last)
            numbers, radius = rows.floats(index)
            bottom, top = enclose(steps, numbers, radius=radius)
            proved = missing & (top < wanted if side < 0 else bottom >= wanted)
            bound[proved] = index[proved]
            missing &= ~proved
        if not np.any(open_below | open_above):
            break
    for r, k in np.argwhere(open_below | open_above):
        above[r, k] = settle(rows, int(r), Fraction(int(levels[0, k])), int(found[r, k]))
        below[r, k] = above[r, k] - 1
    return below, above
