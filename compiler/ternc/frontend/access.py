"""How a layer reaches the values that it reads: from an index, made by any chain of shape operators, to windows.

Reshape, Transpose, Slice, Pad, Concat, Resize, SpaceToDepth and the like leave nothing behind but an index: for each
element of the ONNX value the place in its source, or `NOTHING`. Here the index is split into **accesses**: sets of
channels that all read their source along the same straight lines, ``e = step * y + start``, ``y_source = e / factor``.
Each access becomes one term of the layer. A split is never guessed: the accesses, written out again, must be the index.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import product
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ternc.frontend.values import NOTHING, Index, Map

Fill: TypeAlias = Literal["copies", "zeros"]

LARGEST = 64
"""Largest enlargement or step that is tried; shape operators of real networks stay far below."""


MOST_PARTS = 100
"""Most lines of which a map is put together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """Along one axis: position y reads source position ``(step * y + start) / factor``.

    It reads nothing where that lies outside the source or, with zeros as fill, where the division leaves a rest.
    """

    step: int = 1
    start: int = 0
    factor: int = 1
    fill: Fill = "copies"

    def read(self, positions: NDArray[np.int64], size: int) -> NDArray[np.int64]:
        """Source position of each position, or `NOTHING`."""
        e = self.step * positions + self.start
        found = e // self.factor
        there = (found >= 0) & (found < size)
        if self.fill == "zeros":
            there &= e % self.factor == 0
        return np.where(there, found, NOTHING)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Access:
    """Channels that are read along the same lines.

    Attributes:
        channels: Of the ONNX value; sources: those of the source tensor, int64, of the same length.
        vertical, horizontal: The lines.
    """

    channels: NDArray[np.int64]
    sources: NDArray[np.int64]
    vertical: Line
    horizontal: Line

    @property
    def plain(self) -> bool:
        """Whether it reads pixel (y, x) at pixel (y, x)."""
        return self.vertical == Line() and self.horizontal == Line()


def split(index: Index, source: Map) -> tuple[Access, ...] | None:
    """The accesses of an index.

    Args:
        index: int64 ``[C, H, W]``: flat index into the source, or `NOTHING`.
        source: (channels, height, width) of the source.
    Returns:
        The accesses (none where nothing is read), or None where some channel is not read along straight lines.
    """
    plain = _plain(index, source)
    if plain is not None:
        return plain
    area = source[1] * source[2]
    there = index != NOTHING
    channel = np.where(there, index // area, NOTHING)
    y = np.where(there, index % area // source[2], NOTHING)
    x = np.where(there, index % source[2], NOTHING)
    groups: dict[tuple[Line, Line], list[tuple[int, int]]] = {}
    known: dict[bytes, tuple[tuple[Line, Line], ...] | None] = {}
    for c in range(len(index)):
        for s in np.unique(channel[c][there[c]]).tolist():
            mask = channel[c] == s
            plane = np.stack([np.where(mask, y[c], NOTHING), np.where(mask, x[c], NOTHING)])
            key = plane.tobytes()
            if key not in known:
                lines = _lines(plane, source)
                known[key] = _several(plane, source) if lines is None else tuple(_one_fill(*lines))
            found = known[key]
            if found is None:
                return None
            for lines in found:
                groups.setdefault(lines, []).append((c, int(s)))
    return tuple(
        Access(
            channels=np.array([c for c, _ in pairs]),
            sources=np.array([s for _, s in pairs]),
            vertical=lines[0],
            horizontal=lines[1],
        )
        for lines, pairs in groups.items()
    )


def _one_fill(vertical: Line, horizontal: Line) -> Iterator[tuple[Line, Line]]:
    """The lines; where one axis has zeros as fill and the other copies, zeros in both, and a line for each copy."""
    fills = {line.fill for line in (vertical, horizontal) if line.factor > 1}
    if len(fills) < 2:
        yield vertical, horizontal
        return

    def each(line: Line) -> list[Line]:
        if line.fill == "zeros":
            return [line]
        return [replace(line, start=line.start - rest, fill="zeros") for rest in range(line.factor)]

    yield from product(each(vertical), each(horizontal))


def _plain(index: Index, source: Map) -> tuple[Access, ...] | None:
    """The common case, quickly: whole channels, pixel by pixel."""
    if index.shape[1:] != source[1:]:
        return None
    area = source[1] * source[2]
    flat = index.reshape(len(index), area)
    used = np.flatnonzero(flat[:, 0] != NOTHING)
    if np.any(np.delete(flat, used, axis=0) != NOTHING):
        return None
    first = flat[used, 0]
    if np.any(first % area) or not np.array_equal(flat[used], first[:, None] + np.arange(area)):
        return None
    line = Line()
    return (
        (Access(channels=used, sources=first // area, vertical=line, horizontal=line),) if len(used) else ()
    )


def _lines(plane: NDArray[np.int64], source: Map) -> tuple[Line, Line] | None:
    """The lines of one channel's ``[2, H, W]`` source rows and columns."""
    there = plane[0] != NOTHING
    rows, columns = np.flatnonzero(there.any(axis=1)), np.flatnonzero(there.any(axis=0))
    height, width = there.shape
    vertical = _line(rows, plane[0][rows, columns[0]], height, source[1])
    horizontal = _line(columns, plane[1][rows[0], columns], width, source[2])
    if vertical is None or horizontal is None:
        return None
    y = vertical.read(np.arange(height), source[1])[:, None]
    x = horizontal.read(np.arange(width), source[2])[None, :]
    both = (y != NOTHING) & (x != NOTHING)
    same = np.array_equal(np.where(both, y, NOTHING), plane[0])
    return (vertical, horizontal) if same and np.array_equal(np.where(both, x, NOTHING), plane[1]) else None


def _several(plane: NDArray[np.int64], source: Map) -> tuple[tuple[Line, Line], ...] | None:
    """Lines that together read one channel whose rows and columns are mirrored, repeated or wrapped around."""
    there = plane[0] != NOTHING
    rows, columns = np.flatnonzero(there.any(axis=1)), np.flatnonzero(there.any(axis=0))
    y, x = plane[0][rows, columns[0]], plane[1][rows[0], columns]
    box = np.ix_(rows, columns)
    if not np.array_equal(plane[0][box], np.broadcast_to(y[:, None], there[box].shape)):
        return None
    if not np.array_equal(plane[1][box], np.broadcast_to(x, there[box].shape)):
        return None
    vertical = _runs(rows, y, there.shape[0], source[1])
    horizontal = _runs(columns, x, there.shape[1], source[2])
    if vertical is None or horizontal is None or len(vertical) * len(horizontal) > MOST_PARTS:
        return None
    return tuple((v, h) for v in vertical for h in horizontal)


def _runs(at: NDArray[np.int64], reads: NDArray[np.int64], length: int, size: int) -> list[Line] | None:
    """A line for each run of neighbours that are neighbours in the source too; position by position where none fits."""
    if np.any(reads == NOTHING):
        return None
    whole = _line(at, reads, length, size)
    if whole is not None:
        return [whole]
    ends = np.flatnonzero((np.diff(at) != 1) | (np.diff(reads) != 1)) + 1
    if len(ends) >= MOST_PARTS:
        return None
    lines: list[Line] = []
    for places in np.split(np.arange(len(at)), ends):
        run = _line(at[places], reads[places], length, size)
        singles = [run] if run is not None else [_line(at[[p]], reads[[p]], length, size) for p in places]
        if any(line is None for line in singles) or len(lines) > MOST_PARTS:
            return None
        lines += [line for line in singles if line is not None]
    return lines


def _line(at: NDArray[np.int64], reads: NDArray[np.int64], length: int, size: int) -> Line | None:
    """The simplest line that reads ``reads`` at positions ``at`` and nothing elsewhere in ``0 .. length - 1``."""
    if np.any(reads == NOTHING):
        return None
    wanted = np.full(length, NOTHING)
    wanted[at] = reads
    positions = np.arange(length)
    y0, r0 = int(at[0]), int(reads[0])
    for line in _candidates(y0, r0, at, reads, length):
        if np.array_equal(line.read(positions, size), wanted):
            return line
    return None


def _candidates(
    y0: int, r0: int, at: NDArray[np.int64], reads: NDArray[np.int64], length: int
) -> Iterator[Line]:
    """Lines through the first point, simplest first."""
    step = int(reads[1] - reads[0]) if len(at) > 1 and at[1] == at[0] + 1 else 1
    yield Line(start=r0 - y0)
    if step > 1:
        yield Line(step=step, start=r0 - step * y0)
    if len(at) == 1:  # one position read: a longer step leaves the source on both sides
        for s in range(2, LARGEST + 1):
            yield Line(step=s, start=r0 - s * y0)
    gap = int(at[1] - at[0]) if len(at) > 1 else length
    for u in dict.fromkeys((gap, length, *range(2, LARGEST))):
        yield Line(start=u * r0 - y0, factor=u, fill="zeros")
    run = int(np.count_nonzero(reads == r0))
    for factor in dict.fromkeys((*range(2, LARGEST + 1), length)):
        for s in (1, 2, 3):
            for rest in range(factor):
                if (factor - rest + s - 1) // s == run or len(at) == run:
                    yield Line(step=s, start=factor * r0 + rest - s * y0, factor=factor)
