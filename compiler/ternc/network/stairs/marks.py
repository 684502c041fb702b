"""The borders of a step function of a real number: where the code of a chain changes, on the whole real line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from ternc.errors import InternalError
from ternc.network.stairs.exact import NoStaircase, exact
from ternc.network.stairs.pieces import Piece, pieces
from ternc.network.stairs.search import Doubles, Rows, brackets, double, doubles, index_of
from ternc.network.steps import Step


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A border of one channel: the code is ``left`` up to ``low``, and ``right`` from ``high`` on.

    Attributes:
        low, high: float64, close together.
        left, right: Codes, up to the neighbouring borders. They are equal where a function turns between two numbers.
        level: Where a border of a rising or falling piece: the higher of both codes; several may lie at one place.
    """

    low: float
    high: float
    left: int
    right: int
    level: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Marks:
    """All borders of a channel between two numbers, in rising order.

    Attributes:
        steps, channel: The chain.
        marks: Its borders.
        known: Codes of numbers that were looked at.
        lows, highs: Those of the borders, float64.
    """

    steps: tuple[Step, ...]
    channel: int
    marks: tuple[Mark, ...]
    known: dict[Fraction, int] = field(default_factory=dict)
    lows: NDArray[np.float64] = field(init=False)
    highs: NDArray[np.float64] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "lows", np.array([mark.low for mark in self.marks], np.float64))
        object.__setattr__(self, "highs", np.array([mark.high for mark in self.marks], np.float64))

    def code(self, value: Fraction) -> int:
        """The exact code of a number.

        Raises:
            InternalError: It is no integer.
        """
        found = self.known.get(value)
        if found is None:
            result = exact(self.steps, self.channel, value)
            if result.denominator != 1:
                raise InternalError(
                    "thresholds", f"channel {self.channel} must end in integers, not {float(result)!r}"
                )
            found = self.known[value] = int(result)
        return found

    def beyond(self, number: int, value: Fraction) -> bool:
        """Whether a value lies on the right of a border.

        Raises:
            NoStaircase: Between the bounds of the border it has a code of neither side.
        """
        mark = self.marks[number]
        if value <= mark.low or value >= mark.high:
            return value >= mark.high
        code = self.code(value)
        if mark.level is not None:
            return (code >= mark.level) == (mark.right >= mark.level)
        if code not in (mark.left, mark.right):
            raise NoStaircase(
                f"a sum of channel {self.channel} lies exactly on a turning point of its function, near {mark.low!r}"
            )
        return code == mark.right and mark.left != mark.right

    def between(self, low: Fraction, high: Fraction) -> tuple[int, ...]:
        """Numbers of the borders that ``high`` is beyond and ``low`` is not, in order."""
        counts = []
        for value in (low, high):
            near = float(value)
            bottom, top = np.nextafter(near, -np.inf), np.nextafter(near, np.inf)
            beyond = self.highs <= bottom
            for number in np.flatnonzero(~beyond & (self.lows < top)):  # what float64 leaves open
                beyond[number] = self.beyond(int(number), value)
            counts.append(beyond)
        return tuple(np.flatnonzero(~counts[0] & counts[1]).tolist())


def find_marks(steps: tuple[Step, ...], ranges: Sequence[tuple[Fraction, Fraction]]) -> list[Marks]:
    """The borders of every channel's chain between two exact numbers.

    Raises:
        NoStaircase: Exact arithmetic cannot decide.
        InternalError: The chain does not end in integers.
    """
    axis = Doubles()
    ends = [(_outward(low, -np.inf), _outward(high, np.inf)) for low, high in ranges]
    parts = pieces(steps, axis, ends)
    rows = Rows.of(
        steps,
        axis,
        [p.channel for p in parts],
        [(p.first, p.last) for p in parts],
        [p.direction < 0 for p in parts],
    )
    found = [Marks(steps=steps, channel=c, marks=()) for c in range(len(ranges))]
    codes = [
        tuple(found[p.channel].code(Fraction(double(index))) for index in (p.first, p.last)) for p in parts
    ]
    lowest = min((min(pair) for pair in codes), default=0)
    highest = max((max(pair) for pair in codes), default=0)
    levels = np.arange(lowest + 1, highest + 1, dtype=np.int64)[None, :]
    below, above = brackets(rows, levels) if levels.size else (np.zeros((len(parts), 0), np.int64),) * 2
    lines: list[list[Mark]] = [[] for _ in ranges]
    for row, (part, pair) in enumerate(zip(parts, codes, strict=True)):
        if row and parts[row - 1].channel == part.channel:
            lines[part.channel].append(_join(parts[row - 1], part, codes[row - 1][1], pair[0]))
        lines[part.channel] += _inner(part, pair, lowest, below[row], above[row])
    return [
        Marks(steps=steps, channel=c, marks=tuple(line), known=found[c].known) for c, line in enumerate(lines)
    ]


def _outward(value: Fraction, towards: float) -> int:
    number = float(value)
    return index_of(number if Fraction(number) == value else float(np.nextafter(number, towards)))


def _join(before: Piece, after: Piece, left: int, right: int) -> Mark:
    return Mark(low=double(before.last), high=double(after.first), left=left, right=right)


def _inner(
    part: Piece, codes: tuple[int, ...], lowest: int, below: NDArray[np.int64], above: NDArray[np.int64]
) -> list[Mark]:
    """The borders inside a piece, in rising order of the number."""
    low, high = min(codes), max(codes)
    reached = slice(low - lowest, high - lowest)
    a, b = doubles(below[reached]).tolist(), doubles(above[reached]).tolist()
    levels = range(low + 1, high + 1)
    if part.direction >= 0:
        return [
            Mark(low=p, high=q, left=level - 1, right=level, level=level)
            for p, q, level in zip(a, b, levels, strict=True)
        ]
    # Indices are negated.
    return [
        Mark(low=-q, high=-p, left=level, right=level - 1, level=level)
        for p, q, level in zip(a[::-1], b[::-1], reversed(levels), strict=True)
    ]
