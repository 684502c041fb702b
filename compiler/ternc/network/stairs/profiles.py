"""Step functions of integers as runs of equal codes, and several of them as one `Staircase` with a shared table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ternc.network.layers import Staircase
from ternc.network.stairs.exact import NoStaircase

Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """A step function on the integers from ``starts[0]`` to ``last``.

    Attributes:
        starts: First integer of each run, rising.
        codes: Code of each run; neighbours differ.
        last: Last integer.
    """

    starts: tuple[int, ...]
    codes: tuple[int, ...]
    last: int

    @staticmethod
    def of(runs: Sequence[tuple[int, int]], last: int) -> Profile:
        """From (start, code) in rising order; equal neighbours are joined."""
        kept = [run for i, run in enumerate(runs) if i == 0 or run[1] != runs[i - 1][1]]
        return Profile(starts=tuple(s for s, _ in kept), codes=tuple(c for _, c in kept), last=last)

    def mirrored(self) -> Profile:
        """The same function of the negated integer."""
        ends = (*(s - 1 for s in self.starts[1:]), self.last)
        return Profile(starts=tuple(-e for e in reversed(ends)), codes=self.codes[::-1], last=-self.starts[0])

    def upright(self) -> bool:
        """Whether it is not to be mirrored: of two directions, the one that ends higher is the canonical one."""
        return self.codes[-1:] + self.codes >= self.codes[:1] + self.codes[::-1]

    @property
    def rises(self) -> bool:
        """Whether the codes rise from run to run."""
        return all(a < b for a, b in zip(self.codes, self.codes[1:], strict=False))


def assemble(profiles: Sequence[Profile], *, low: int, high: int, levels: int) -> Staircase:
    """One staircase for all channels.

    Args:
        profiles: One a channel, codes in ``[low, high]``.
        low, high: The codes.
        levels: Most levels of a table.
    Returns:
        Without a table where all profiles rise. Otherwise the table is a sequence of codes in which the
        sequence of every channel is contained; a level that a channel leaves out has equal thresholds there.
    Raises:
        NoStaircase: The table would be longer than ``levels``.
    """
    if all(p.rises for p in profiles):
        rows = [_risen(p, low, high) for p in profiles]
        return Staircase(thresholds=np.array(rows, np.int64).reshape(len(profiles), high - low), low=low)
    sequence = _shared({p.codes for p in profiles}, levels)
    rows = [_placed(p, sequence) for p in profiles]
    thresholds = np.array(rows, np.int64).reshape(len(profiles), len(sequence) - 1)
    return Staircase(thresholds=thresholds, low=min(sequence), table=np.array(sequence, np.int64))


def _risen(profile: Profile, low: int, high: int) -> list[int]:
    row = []
    starts = (*profile.starts, profile.last + 1)
    run = 0
    for code in range(low + 1, high + 1):
        while run < len(profile.codes) and profile.codes[run] < code:
            run += 1
        row.append(starts[run])
    return row


def _placed(profile: Profile, sequence: tuple[int, ...]) -> list[int]:
    """Thresholds of a profile whose codes are contained in the sequence."""
    row: list[int] = []
    place = 0
    for start, code in zip(profile.starts, profile.codes, strict=True):
        found = sequence.index(code, place)
        row += [start] * (found - len(row))
        place = found + 1
    return row + [profile.last + 1] * (len(sequence) - 1 - len(row))


def _contains(sequence: tuple[int, ...], part: tuple[int, ...]) -> bool:
    rest = iter(sequence)
    return all(code in rest for code in part)


def _shared(parts: set[tuple[int, ...]], levels: int) -> tuple[int, ...]:
    """A sequence that contains every part (in order, with gaps)."""
    ordered = sorted(parts, key=lambda p: (-len(p), p))
    shared = ordered[0]
    for part in ordered[1:]:
        if not _contains(shared, part):
            shared = _merged(shared, part)
        if len(shared) > levels:
            break
    if len(shared) > levels:
        raise NoStaircase(f"takes more than {levels} levels, all channels together")
    return shared


def _merged(a: tuple[int, ...], b: tuple[int, ...]) -> tuple[int, ...]:
    """A shortest sequence that contains both."""
    other = np.array(b, np.int64)
    common = np.zeros((len(a) + 1, len(b) + 1), np.int64)  # longest common part of a[i:] and b[j:]
    for i in range(len(a) - 1, -1, -1):
        taken = np.where(other == a[i], common[i + 1, 1:] + 1, common[i + 1, :-1])
        common[i, :-1] = np.maximum.accumulate(taken[::-1])[::-1]
    i = j = 0
    merged: list[int] = []
    while i < len(a) and j < len(b):
        if a[i] == b[j]:
            merged.append(a[i])
            i, j = i + 1, j + 1
        elif common[i + 1, j] >= common[i, j + 1]:
            merged.append(a[i])
            i += 1
        else:
            merged.append(b[j])
            j += 1
    return (*merged, *a[i:], *b[j:])
