"""A layer as the array executes it: tiles of output channels, their taps and weight words.

Independent of memories: what is here follows from the layer, its walk and the array's rows, columns and lanes alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from ternc.network.layers import Linear, Term
from ternc.numeric import ceil_div
from ternc.schedule.axes import Walk
from ternc.schedule.design import ArrayShape
from ternc.schedule.digits import Marks, Planes, Recoder, magnitude, plane_list

Live: TypeAlias = tuple[tuple[tuple[int, ...], tuple[int, ...]], ...]
"""Of each term, the kernel rows and the kernel columns that meet pixels."""


def live_taps(walk: Walk, phase: tuple[int, int], window: tuple[int, int]) -> Live:
    """The kernel taps that output phase and window position (y, x) execute: its *class*."""
    return tuple(
        (
            vertical.live(walk.vertical, phase[0], window[0]),
            horizontal.live(walk.horizontal, phase[1], window[1]),
        )
        for vertical, horizontal in walk.terms
    )


def classes(walk: Walk) -> dict[Live, int]:
    """Every class of a layer, and how many of a tile's passes it takes at each place.

    There is one where no term inserts zeros.
    """
    rows = _axis_classes(walk, 0)
    columns = _axis_classes(walk, 1)
    found: dict[Live, int] = {}
    for down, often in rows.items():
        for across, also in columns.items():
            live = tuple(zip(down, across, strict=True))
            found[live] = found.get(live, 0) + often * also
    return found


def _axis_classes(walk: Walk, n: int) -> dict[tuple[tuple[int, ...], ...], int]:
    axis = (walk.vertical, walk.horizontal)[n]
    found: dict[tuple[tuple[int, ...], ...], int] = {}
    for phase in range(axis.phases):
        for window in range(axis.windows):
            live = tuple(term[n].live(axis, phase, window) for term in walk.terms)
            found[live] = found.get(live, 0) + 1
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """Output channels ``first .. end - 1``, all of one tile and one group."""

    first: int
    end: int
    tile: int
    group: int


def segments(term: Term, cols: int) -> list[Segment]:
    """The output channels cut where a tile or a group ends."""
    channels = len(term.weights)
    of_group = channels // term.groups
    starts = sorted({*range(0, channels, cols), *range(0, channels, of_group)})
    ends = [*starts[1:], channels]
    return [
        Segment(first=first, end=end, tile=first // cols, group=first // of_group)
        for first, end in zip(starts, ends, strict=True)
    ]


def term_marks(term: Term, recoder: Recoder) -> Marks:
    """Marks of every weight (`Recoder.marks`), unsigned ``[O, KH, KW, I // groups, B]``."""
    return np.ascontiguousarray(np.moveaxis(recoder.marks(term.weights), 1, 3))


def tile_marks(term: Term, marks: Marks, cols: int) -> Marks:
    """Marks of each tile's columns together, unsigned ``[tiles, KH, KW, I, B]``."""
    parts = segments(term, cols)
    joined = np.bitwise_or.reduceat(marks, [part.first for part in parts], axis=0)
    if term.groups == 1:
        return np.asarray(joined)
    inputs, tiles = marks.shape[3], parts[-1].tile + 1
    found = np.zeros((tiles, *marks.shape[1:3], inputs * term.groups, marks.shape[4]), marks.dtype)
    tile = np.array([part.tile for part in parts])
    group = np.array([part.group for part in parts])
    channel = group[:, None] * inputs + np.arange(inputs)
    found[tile[:, None], :, :, channel] = np.moveaxis(joined, 3, 1)
    return found


def joined_tiles(marks: Marks, count: int) -> Marks:
    """Marks ``[tiles, ...]`` of tiles that are so many of the given ones each; the last one may be fewer."""
    return np.asarray(np.bitwise_or.reduceat(marks, np.arange(0, len(marks), count), axis=0))


def word_planes(recoder: Recoder, marks: Marks, lanes: int) -> Planes:
    """Planes of each weight word from the marks of its tile: ``[tiles, KH, KW, chunks]``, 0 without a weight."""
    starts = np.arange(0, marks.shape[3], lanes)
    joined = np.bitwise_or.reduceat(np.moveaxis(marks, 4, 0), starts, axis=4)
    return recoder.choose(np.moveaxis(joined, 0, 4))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TermWords:
    """What a layer's term needs of the weight memory on an array of some columns and lanes.

    Attributes:
        recoder: Of the term's weights.
        cols: Output channels of a tile.
        lanes: Input channels of a word.
        planes: Of each weight word, ``[tiles, KH, KW, chunks]``.
    """

    term: Term
    recoder: Recoder
    cols: int
    lanes: int
    planes: Planes

    def live_planes(self, live: tuple[tuple[int, ...], tuple[int, ...]]) -> Planes:
        """``planes`` of the words that a class executes: ``[tiles, rows, columns, chunks]``."""
        rows, columns = live
        if (len(rows), len(columns)) == self.planes.shape[1:3]:
            return self.planes
        return self.planes[:, list(rows)][:, :, list(columns)]

    def weight_planes(self, block: slice) -> Planes:
        """Planes of the word that each weight of some output channels lies in: ``[O, KH, KW, I // groups]``."""
        channels, inputs = self.term.weights.shape[:2]
        output = np.arange(channels)[block]
        group = output // (channels // self.term.groups)
        chunk = (group[:, None] * inputs + np.arange(inputs)) // self.lanes
        tile = np.broadcast_to((output // self.cols)[:, None], chunk.shape)
        return np.moveaxis(self.planes[tile, :, :, chunk], 1, 3)


def tap_counts(words: Sequence[TermWords], live: Live) -> NDArray[np.int64]:
    """Taps of each tile in a class, int64 ``[tiles]``: its words, and a word of zeros where only a doubling is due."""
    total: NDArray[np.int64] = np.zeros(len(words[0].planes), np.int64)
    used = np.zeros_like(total)
    for part, met in zip(words, live, strict=True):
        planes = part.live_planes(met)
        total += np.bitwise_count(planes).sum(axis=(1, 2, 3), dtype=np.int64)
        used |= np.bitwise_or.reduce(planes, axis=(1, 2, 3))
    below = used
    for shift in (1, 2, 4, 8, 16):
        below = below | below >> shift  # all planes up to the highest used one
    counts: NDArray[np.int64] = np.maximum(1, total + np.bitwise_count(below & ~used))
    return counts


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Tile:
    """The weight words of one tile and class in the order of execution; all-zero words are left out.

    Attributes:
        taps: int64 ``[n, 4]``: (term, ky, kx, chunk) of each word, n at least 1; term -1 for a word of zeros that
            only doubles the sums (or, alone, makes them 0).
        plane: int64 ``[n]``, falling: of each word's digits.
    """

    taps: NDArray[np.int64]
    plane: NDArray[np.int64]

    @property
    def shift(self) -> NDArray[np.bool_]:
        """Bool ``[n]``: the sums are doubled before this word's products are added."""
        return np.asarray(np.diff(self.plane, prepend=self.plane[0]) != 0)


def spread(
    part: TermWords, pieces: Sequence[Segment], shape: ArrayShape
) -> NDArray[np.int8] | NDArray[np.int32]:
    """The weights of one tile, cut in pieces, where the array needs them: ``[KH, KW, chunks, cols, lanes]``."""
    term = part.term
    dtype = np.int8 if part.recoder.peak == 1 else np.int32
    kernel = term.weights.shape[2:]
    inputs = term.weights.shape[1]
    chunks = ceil_div(inputs * term.groups, shape.lanes)
    found = np.zeros((shape.cols, *kernel, chunks * shape.lanes), dtype)
    for piece in pieces:
        channel = slice(piece.group * inputs, (piece.group + 1) * inputs)
        first = piece.tile * shape.cols
        found[piece.first - first : piece.end - first, :, :, channel] = np.moveaxis(
            term.weights[piece.first : piece.end], 1, -1
        )
    found = found.reshape(shape.cols, *kernel, chunks, shape.lanes)
    return np.moveaxis(found, 0, 3)


def tiles(words: Sequence[TermWords], live: Live) -> list[Tile]:
    """The layer's tiles of one class, in channel order."""
    return [_tile(words, tile, live) for tile in range(len(words[0].planes))]


def _tile(words: Sequence[TermWords], tile: int, live: Live) -> Tile:
    by_plane: dict[int, list[NDArray[np.int64]]] = {}
    for t, (part, met) in enumerate(zip(words, live, strict=True)):
        planes = part.live_planes(met)[tile]
        rows, columns = np.array(met[0], int), np.array(met[1], int)
        for s in plane_list(int(np.bitwise_or.reduce(planes, axis=None))):
            y, x, chunk = np.nonzero(planes >> s & 1)
            where = np.stack([np.full_like(y, t), rows[y], columns[x], chunk], axis=1)
            by_plane.setdefault(s, []).append(where)
    nothing = np.array([[-1, 0, 0, 0]])
    order = range(max(by_plane, default=0), -1, -1)
    taps = [np.concatenate(by_plane.get(s, [nothing])) for s in order]
    plane = [np.full(len(part), s) for s, part in zip(order, taps, strict=True)]
    return Tile(taps=np.concatenate(taps), plane=np.concatenate(plane))


def layer_digits(
    words: Sequence[TermWords], found: Sequence[Sequence[Tile]], shape: ArrayShape
) -> NDArray[np.int8]:
    """The weight words of all tiles, class by class, in the order of execution: int8 ``[n, cols, lanes]``."""
    pieces: list[list[list[Segment]]] = []
    for part in words:
        pieces.append([[] for _ in part.planes])
        for piece in segments(part.term, shape.cols):
            pieces[-1][piece.tile].append(piece)
    digits: list[list[NDArray[np.int8]]] = [[] for _ in found]
    for tile in range(len(words[0].planes)):
        weights = [spread(part, cut[tile], shape) for part, cut in zip(words, pieces, strict=True)]
        for n, row in enumerate(found):
            digits[n].append(_digits(words, weights, tile, row[tile], shape))
    return np.concatenate([one for row in digits for one in row])


def _digits(
    words: Sequence[TermWords],
    weights: Sequence[NDArray[np.int8] | NDArray[np.int32]],
    tile: int,
    made: Tile,
    shape: ArrayShape,
) -> NDArray[np.int8]:
    """The words of one tile, int8 ``[n, cols, lanes]``."""
    found = np.zeros((len(made.taps), shape.cols, shape.lanes), np.int8)
    for t, part in enumerate(words):
        planes = part.planes[tile]
        here = np.nonzero(made.taps[:, 0] == t)[0]
        if not here.size:
            continue
        # Of each word and plane: its place in the tile.
        at = np.full((int(made.plane[0]) + 1, *planes.shape), -1)
        at[made.plane[here], *made.taps[here, 1:].T] = here
        executed = np.where((at >= 0).any(axis=0), planes, 0)
        for one in np.unique(executed[executed != 0]).tolist():
            where = np.nonzero(executed == one)
            digits = part.recoder.digits(weights[t][where], one)
            for s, word in zip(plane_list(one), digits, strict=True):
                found[at[s][where]] = word
    return found


def recoders(layer: Linear) -> tuple[Recoder, ...]:
    """The recoder of each term."""
    return tuple(Recoder(peak=magnitude(term.weights)) for term in layer.terms)
