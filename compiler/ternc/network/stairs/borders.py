"""Thresholds that float32 may see elsewhere: their real border lies within rounding of an accumulator value."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Context, Decimal
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from ternc.network.layers import Staircase
from ternc.network.stairs.enclosure import SINGLE_ERROR, enclose
from ternc.network.stairs.evaluate import Reals, plain
from ternc.network.stairs.exact import edge, exact
from ternc.network.stairs.lattice import Near
from ternc.network.stairs.search import Integers, Rows, take
from ternc.network.steps import Branch, Clamp, Function, Round, Sign, Step, Thresholds

_HALVINGS = 60
_LINE = re.compile(r"channel (\d+), step (\d+): border (\S+) at accumulator (-?\d+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Border:
    """One line of `Staircase.borders`.

    Attributes:
        channel, step: Which threshold.
        border: Where the real border lies, in units of the sum, as a decimal.
        accumulator: The sum next to it, an integer.
    """

    channel: int
    step: int
    border: str
    accumulator: int

    @property
    def distance(self) -> float:
        """Of the sum from the border, in units of the sum."""
        return float(abs(Decimal(self.border) - self.accumulator))


def listed(staircase: Staircase) -> list[Border]:
    """The borders of a staircase as data."""
    found = (_LINE.fullmatch(line) for line in staircase.borders)
    return [Border(channel=int(m[1]), step=int(m[2]), border=m[3], accumulator=int(m[4])) for m in found if m]


def of_channels(lines: Sequence[str], chosen: NDArray[np.intp]) -> tuple[str, ...]:
    """Lines of `Staircase.borders` for the layer that has the channels ``chosen``, in that order."""
    numbers = {int(old): new for new, old in enumerate(chosen)}
    found = sorted(
        (numbers[int(match[1])], int(match[2]), line[match.end(1) :])
        for line, match in ((line, _LINE.fullmatch(line)) for line in lines)
        if match and int(match[1]) in numbers
    )
    return tuple(f"channel {channel}{rest}" for channel, _, rest in found)


def borders(rows: Rows, levels: Integers, found: Integers) -> list[tuple[int, str]]:
    """(row, line) for each threshold that a float32 evaluation may put one integer further up or down.

    Args:
        rows: Where the chain rises.
        levels: int64 ``[1, levels]``, codes.
        found: The thresholds, int64 ``[rows, levels]``.
    """
    steps = rows.gathered()
    numbers, radius = rows.floats(found)
    bottom, _ = enclose(steps, numbers, radius=radius, as_single=True)
    numbers, radius = rows.floats(found - 1)
    _, top = enclose(steps, numbers, radius=radius, as_single=True)
    at = (found <= rows.last) & ~(bottom >= levels)
    before = (found > rows.first) & ~(top < levels)
    listed = np.argwhere(at | before)
    row, levels_of = listed[:, 0], levels[0, listed[:, 1]]
    threshold = found[row, listed[:, 1]]
    nearest = rows.flip[row, 0] * np.where(at[row, listed[:, 1]], threshold, threshold - 1)
    places = _places(rows, row, threshold, levels_of)
    lines = []
    for (r, k), near, place in zip(listed.tolist(), nearest.tolist(), places, strict=True):
        shown = _decimal(place) if place is not None else str(near)
        lines.append((r, f"channel {rows.channel[r]}, step {k}: border {shown} at accumulator {near}"))
    return lines


def _places(rows: Rows, row: Integers, threshold: Integers, level: Integers) -> list[Fraction | None]:
    """The real index at which the chain of each row first reaches a level, between T - 1 and T.

    None where it is not between those two (it is beyond the row).
    """
    if not row.size:
        return []
    shares: list[Fraction | None]
    if any(isinstance(step, Function | Branch) for step in rows.steps):
        shares = _halved(rows, row, threshold, level)
    else:
        solve = _Affine.of(rows)
        shares = [
            None if solve is None else solve.share(*one)
            for one in zip(row.tolist(), threshold.tolist(), level.tolist(), strict=True)
        ]
    ends = zip(rows.flip[row, 0].tolist(), threshold.tolist(), shares, strict=True)
    return [None if share is None else flip * (t - 1 + share) for flip, t, share in ends]


def _halved(rows: Rows, row: Integers, threshold: Integers, level: Integers) -> list[Fraction | None]:
    """The places between T - 1 (0) and T (1) in float64."""
    channel = rows.channel[row]
    steps = take(rows.steps, channel)
    index = zip(row.tolist(), threshold.tolist(), strict=True)
    ends = [[float(rows.exact(r, t - 1)), float(rows.exact(r, t))] for r, t in index]
    start, end = np.array(ends).T

    def reached(share: Reals) -> NDArray[np.bool_]:
        return np.asarray(plain(steps, (start + share * (end - start))[:, None])[:, 0] >= level)

    with np.errstate(all="ignore"):
        below, above = np.zeros(len(row)), np.ones(len(row))
        inside = ~reached(below) & reached(above)
        for _ in range(_HALVINGS):
            middle = (below + above) / 2
            there = reached(middle)
            below, above = np.where(there, below, middle), np.where(there, middle, above)
    return [Fraction(share) if good else None for share, good in zip(above.tolist(), inside, strict=True)]


@dataclass(slots=True, kw_only=True, eq=False)
class _Affine:
    """The places in rationals, for a chain that is affine in front of its first rounding.

    Clamps in front of the first rounding are left out: they do not move a border that lies inside them.

    Attributes:
        rows: The rows.
        affine: The steps in front of the first rounding.
        snap: That rounding.
        suffix: The steps behind it.
    """

    rows: Rows
    affine: tuple[Step, ...]
    snap: Round | Sign | Thresholds
    suffix: tuple[Step, ...]
    _lines: dict[int, tuple[Fraction, Fraction]] = field(default_factory=dict)
    _codes: dict[tuple[int, int], Fraction] = field(default_factory=dict)

    @staticmethod
    def of(rows: Rows) -> _Affine | None:
        """None where the chain never rounds."""
        for at, step in enumerate(rows.steps):
            if isinstance(step, Round | Sign | Thresholds):
                front = tuple(one for one in rows.steps[:at] if not isinstance(one, Clamp))
                return _Affine(rows=rows, affine=front, snap=step, suffix=rows.steps[at + 1 :])
        return None

    def share(self, row: int, threshold: int, level: int) -> Fraction | None:
        """The place between T - 1 (0) and T (1); None where it is not between them."""
        channel = int(self.rows.channel[row])
        offset, slope = self._line(channel)
        start, end = (offset + slope * self.rows.exact(row, index) for index in (threshold - 1, threshold))
        if start == end:
            return None
        below, above = (int(exact((self.snap,), channel, v)) for v in (start, end))
        if self._code(channel, below) >= level or self._code(channel, above) < level:
            return None
        while abs(above - below) > 1:
            middle = (above + below) // 2
            reached = self._code(channel, middle) >= level
            below, above = (below, middle) if reached else (middle, above)
        border = _edge(self.snap, channel, min(below, above))
        return (border - start) / (end - start)

    def _line(self, channel: int) -> tuple[Fraction, Fraction]:
        if channel not in self._lines:
            zero, one = (exact(self.affine, channel, x) for x in (0, 1))
            self._lines[channel] = zero, one - zero
        return self._lines[channel]

    def _code(self, channel: int, whole: int) -> Fraction:
        key = channel, whole
        if key not in self._codes:
            self._codes[key] = exact(self.suffix, channel, whole)
        return self._codes[key]


def _edge(snap: Round | Sign | Thresholds, channel: int, lower: int) -> Fraction:
    """The real value that separates the results ``lower`` and ``lower + 1``."""
    match snap:
        case Round():
            return edge(snap.mode, Fraction(lower))
        case Sign():
            return Fraction(0)
        case Thresholds():
            return Fraction(snap.values[channel if len(snap.values) > 1 else 0, lower])


def _decimal(value: Fraction) -> str:
    context = Context(prec=24)
    quotient = context.divide(Decimal(value.numerator), Decimal(value.denominator))
    return f"{quotient.normalize(context):f}"


def border_lines(
    steps: tuple[Step, ...], near: Sequence[Near | None], signs: Sequence[int]
) -> tuple[str, ...]:
    """The same for sums of scaled accumulators: borders beside which float32 may see a reachable value elsewhere.

    Args:
        steps: From the real sum to the code.
        near: Per channel, its borders and the values next to them.
        signs: Per channel: -1 where its accumulator is negated.
    """
    there = [(c, one) for c, one in enumerate(near) if one is not None and one.place.size]
    if not there:
        return ()
    channel = np.concatenate([np.full(one.place.size, c) for c, one in there])
    level = np.concatenate([np.arange(one.place.size) for _, one in there])
    chain = take(steps, channel)
    values = np.concatenate([np.stack([one.below, one.above], axis=1) for _, one in there])
    size = np.concatenate([one.size for _, one in there])[:, None]
    known = np.isfinite(values)
    values = np.where(known, values, 0.0)
    radius = (np.abs(values) + size) * SINGLE_ERROR
    bottom, top = enclose(chain, values, radius=radius, as_single=True)
    unsure = (bottom != top) & known
    chosen = np.flatnonzero(unsure.any(axis=1))
    sign = np.where(np.array(signs) == 0, 1, signs)[channel]
    threshold = np.concatenate([one.threshold for _, one in there])
    nearest = sign * np.where(unsure[:, 1], threshold, threshold - 1)
    place = sign * np.concatenate([one.place for _, one in there])
    columns = (each[chosen].tolist() for each in (channel, level, place, nearest))
    return tuple(
        f"channel {c}, step {k}: border {_decimal(Fraction(p))} at accumulator {a}"
        for c, k, p, a in zip(*columns, strict=True)
    )
