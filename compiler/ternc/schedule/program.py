"""The sequencer's program for one engine (docs/program.md)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ternc.network.layers import Linear
from ternc.numeric import ceil_div
from ternc.schedule.axes import Axis, Walk
from ternc.schedule.design import ArrayShape, Bundles
from ternc.schedule.layout import Layout
from ternc.schedule.placement import inner_layouts
from ternc.schedule.plan import StagePlanner
from ternc.schedule.reach import input_rows
from ternc.schedule.requant import param_order
from ternc.schedule.tiling import Live, Tile, layer_digits, live_taps, tiles
from ternc.schedule.timing import shortest_pass

TAP_FIELDS = ("offset", "part", "rot", "q", "limit", "dy", "term", "shift")
"""Columns of `Program.taps`: one read of ``rows`` neighbouring pixels (sequencer's tap word)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pass:
    """The taps of one tile and window at any pixel group (sequencer's pass word).

    Attributes:
        write, piece: Where its vectors go in the feature memory, relative to the row.
        tile, step_row: Of its vectors on a link.
    """

    tap: int
    tap_count: int
    interval: int
    weight: int
    param: int
    write: int
    xmap: int
    tile: int
    step_row: int
    piece: int
    row_low: int
    row_high: int
    x_low: int
    x_high: int
    first_window: bool
    last_window: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class TermProgram:
    """How one term reads its source (sequencer's term word).

    Attributes:
        source: 0 for the feature memory, k for line buffer k - 1.
    """

    pitch: int
    y_stride: int
    height: int
    pad: int
    source: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RowProgram:
    """One row step of one layer (sequencer's row word).

    Attributes:
        layer: Number of the layer within the stage; no part of the word.
        write, plane: Where its vectors go in the feature memory.
        links: Bit n is link n.
        needs, frees: Rows of each line buffer that must have arrived, that are free behind it.
        takes: The line buffers whose frame ends with it.
        flush: Whether the next row waits for its values.
        cycles: Of all its passes.
        tail: Of the last pass of the last group that makes a vector: its end, counted from the row's start, and
            the cycles behind it in which more of its vectors leave.
    """

    layer: int
    pass_start: int
    pass_count: int
    groups: int
    row: int
    write: int
    plane: int
    to_feature: bool
    links: int
    needs: tuple[int, ...]
    frees: tuple[int, ...]
    takes: tuple[bool, ...]
    flush: bool
    last: bool
    cycles: int
    tail: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a pixel of a row goes: whether the map has it, and its place in the feature memory."""

    valid: bool
    bank: int
    offset: int


NOWHERE = Place(valid=False, bank=0, offset=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Spot:
    """Where the pixels go that leave the array in one cycle (collector's x-map word).

    Attributes:
        bundle: Its number, for links; 0 where the map has none of its pixels.
        places: Of its pixels.
    """

    bundle: int
    places: tuple[Place, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Program:
    """Everything the sequencer and collector execute for one frame.

    Attributes:
        taps: int64 ``[n, len(TAP_FIELDS)]``.
        tiles: Of each layer, of each class: what its weight words are.
        weight_words: Of each layer.
        feature_words: Wide words of a bank of the feature memory; 0 where there is none.
    """

    rows: tuple[RowProgram, ...]
    passes: tuple[Pass, ...]
    taps: NDArray[np.int64]
    terms: tuple[TermProgram, ...]
    xmap: tuple[Spot, ...]
    tiles: tuple[dict[Live, list[Tile]], ...]
    params: int
    weight_words: tuple[int, ...]
    feature_words: int


class Assembler:
    """Collects the program of a stage layer by layer, sharing equal tap lists and x-maps."""

    def __init__(
        self,
        planner: StagePlanner,
        shape: ArrayShape,
        buffers: Mapping[str, Layout],
        frames: Mapping[str, int],
        links: Mapping[str, int],
    ) -> None:
        self.planner = planner
        self.stage = planner.stage
        self.shape = shape
        self.inner = inner_layouts(planner.stage, planner.walks, shape)
        self.layouts = {**self.inner, **buffers}
        self.frames = frames
        self.links = links
        self.rows: list[RowProgram] = []
        self.passes: list[Pass] = []
        self.taps: list[NDArray[np.int64]] = []
        self.tap_depth = 0
        self.tap_lists: dict[bytes, int] = {}
        self.terms: list[TermProgram] = []
        self.xmap: list[Spot] = []
        self.xmaps: dict[tuple[Spot, ...], int] = {}
        self.tiles: list[dict[Live, list[Tile]]] = []
        self.weight_depth = 0
        self.weight_words: list[int] = []
        self.params: dict[int, int] = {}
        self.param_count = 0
        for n in param_order(planner.numbers.requant):
            self.params[n] = self.param_count
            tiling = planner.tilings[n]
            self.param_count += len(tiling.classes) * ceil_div(tiling.layer.channels, shape.cols)

    def assemble(self) -> Program:
        """The whole program."""
        for n in range(len(self.stage.layers)):
            self.add_layer(n)
        return Program(
            rows=tuple(self.rows),
            passes=tuple(self.passes),
            taps=np.concatenate(self.taps),
            terms=tuple(self.terms),
            xmap=tuple(self.xmap),
            tiles=tuple(self.tiles),
            params=self.param_count,
            weight_words=tuple(self.weight_words),
            feature_words=max((layout.base + layout.words for layout in self.inner.values()), default=0),
        )

    def add_layer(self, n: int) -> None:
        """Appends layer n's terms, taps, passes and row words."""
        layer, tiling = self.stage.layers[n], self.planner.tilings[n]
        walk, sink = tiling.walk, self.inner.get(layer.target)
        vertical, horizontal = walk.vertical, walk.horizontal
        groups = ceil_div(horizontal.steps, self.shape.rows)

        first_term = len(self.terms)
        self.terms.extend(self.term(layer, walk, t) for t in range(len(layer.terms)))
        words = tiling.words(self.shape)
        found = {live: tiles(words, live) for live in tiling.classes}
        self.tiles.append(found)
        starts = self.weight_starts(found)
        params = {live: self.params[n] + c * len(found[live]) for c, live in enumerate(found)}
        pass_start = len(self.passes)
        windows = [(y, x) for y in range(vertical.windows) for x in range(horizontal.windows)]
        for phase in ((y, x) for y in range(vertical.phases) for x in range(horizontal.phases)):
            xmap = self.share_xmap(horizontal, phase[1], groups, sink)
            lives = [live_taps(walk, phase, window) for window in windows]
            for t in range(len(found[lives[0]])):
                offset, piece = sink.tile(t, self.shape.cols) if sink else (0, 0)
                for number, (window, live) in enumerate(zip(windows, lives, strict=True)):
                    tile = found[live][t]
                    rows, pixels = self.taken(layer, walk, phase, window, groups)
                    self.passes.append(
                        Pass(
                            tap=self.share_taps(layer, walk, tile, phase, window, first_term),
                            tap_count=len(tile.taps),
                            interval=max(len(tile.taps), shortest_pass(self.shape)),
                            weight=starts[live][t],
                            param=params[live] + t,
                            write=phase[0] * sink.pitch + offset if sink else 0,
                            xmap=xmap,
                            tile=t,
                            step_row=phase[0],
                            piece=piece,
                            row_low=rows[0],
                            row_high=rows[1],
                            x_low=pixels[0],
                            x_high=pixels[1],
                            first_window=number == 0,
                            last_window=number == len(windows) - 1,
                        )
                    )
        self.add_rows(n, pass_start, groups)

    def weight_starts(self, found: Mapping[Live, list[Tile]]) -> dict[Live, list[int]]:
        """The address of the first weight word of each of a layer's tiles."""
        starts: dict[Live, list[int]] = {}
        first = self.weight_depth
        for live, row in found.items():
            starts[live] = []
            for tile in row:
                starts[live].append(self.weight_depth)
                self.weight_depth += len(tile.taps)
        self.weight_words.append(self.weight_depth - first)
        return starts

    def add_rows(self, n: int, pass_start: int, groups: int) -> None:
        """Appends the row words of layer n."""
        layer, walk = self.stage.layers[n], self.planner.tilings[n].walk
        sink, count = self.inner.get(layer.target), walk.vertical.steps
        inputs = [
            input_rows(self.stage, n, walk, tensor, self.frames[tensor.name]) for tensor in self.stage.inputs
        ]
        passes = self.passes[pass_start:]
        once = sum(one.interval for one in passes)
        tail = self.tail(passes, groups, once)
        for r in range(count):
            last = r == count - 1
            self.rows.append(
                RowProgram(
                    layer=n,
                    pass_start=pass_start,
                    pass_count=len(passes),
                    groups=groups,
                    row=r,
                    write=sink.base + r * walk.vertical.phases * sink.pitch if sink else 0,
                    plane=sink.plane if sink and sink.wides > 1 else 0,
                    to_feature=sink is not None,
                    links=self.links.get(layer.target, 0),
                    needs=tuple(rows.needs[r] for rows in inputs),
                    frees=tuple(rows.frees[r] for rows in inputs),
                    takes=tuple(rows.takes and last for rows in inputs),
                    flush=last and sink is not None,
                    last=last and n == len(self.stage.layers) - 1,
                    cycles=groups * once,
                    tail=tail,
                )
            )

    def tail(self, passes: list[Pass], groups: int, once: int) -> int:
        """See `RowProgram`."""
        end, found = (groups - 1) * once, 0
        for one in passes:
            end += one.interval
            count = self.shape.drain_cycles
            first = one.xmap + (groups - 1) * count
            valid = [k for k in range(count) if self.xmap[first + k].places[0].valid]
            if one.last_window and valid:
                found = max(found, end + valid[-1])
        return found

    def term(self, layer: Linear, walk: Walk, t: int) -> TermProgram:
        """The word of a layer's term t."""
        source = self.stage.network.tensor(layer.terms[t].source)
        inputs = [tensor.name for tensor in self.stage.inputs]
        return TermProgram(
            pitch=self.layouts[source.name].pitch,
            y_stride=walk.terms[t][0].step(walk.vertical),
            height=source.height,
            pad=-source.range.low,
            source=1 + inputs.index(source.name) if source.name in inputs else 0,
        )

    def taken(
        self, layer: Linear, walk: Walk, phase: tuple[int, int], window: tuple[int, int], groups: int
    ) -> tuple[tuple[int, int], tuple[int, int]]:
        """The rows and pixels whose window position lies inside the map; all of them where the pool has no padding."""
        if layer.pool is None or not any(layer.pool.padding):
            return (0, walk.vertical.steps), (0, groups * self.shape.rows)
        return walk.vertical.taken(phase[0], window[0]), walk.horizontal.taken(phase[1], window[1])

    def share_taps(
        self,
        layer: Linear,
        walk: Walk,
        tile: Tile,
        phase: tuple[int, int],
        window: tuple[int, int],
        first_term: int,
    ) -> int:
        """Address of the tile's tap list for one phase and window; equal lists are stored once."""
        found = np.zeros((len(tile.taps), len(TAP_FIELDS)), np.int64)
        found[:, 6] = first_term  # a word of zeros reads nothing: its limit is 0
        for t, (down, across) in enumerate(walk.terms):
            here = tile.taps[:, 0] == t
            if not here.any():
                continue
            layout = self.layouts[layer.terms[t].source]
            _, ky, kx, chunk = tile.taps[here].T
            dy = np.array(
                [down.delta(walk.vertical, phase[0], window[0], k) or 0 for k in range(down.kernel)]
            )
            columns = np.array(
                [
                    layout.column(across.delta(walk.horizontal, phase[1], window[1], k) or 0)
                    for k in range(across.kernel)
                ]
            )
            words, found[here, 1] = layout.chunks(chunk)
            found[here, 0] = words + columns[kx, 0]
            found[here, 2:5] = columns[kx, 1:]
            found[here, 5] = dy[ky]
            found[here, 6] = first_term + t
        found[:, 7] = tile.shift
        key = found.tobytes()
        if key not in self.tap_lists:
            self.tap_lists[key] = self.tap_depth
            self.taps.append(found)
            self.tap_depth += len(found)
        return self.tap_lists[key]

    def share_xmap(self, axis: Axis, phase: int, groups: int, sink: Layout | None) -> int:
        """Address of the x-map of one phase."""
        bundles = Bundles(pixels=self.shape.drain, phases=axis.phases)
        found = []
        for k in range(groups * self.shape.drain_cycles):
            number = k * axis.phases + phase
            places = tuple(self.place(x, axis.size, sink) for x in bundles.columns(number))
            found.append(Spot(bundle=number if places[0].valid else 0, places=places))
        key = tuple(found)
        if key not in self.xmaps:
            self.xmaps[key] = len(self.xmap)
            self.xmap.extend(found)
        return self.xmaps[key]

    def place(self, x: int, width: int, sink: Layout | None) -> Place:
        """Of column x of a map."""
        if x >= width:
            return NOWHERE
        bank, offset = sink.place(x) if sink else (0, 0)
        return Place(valid=True, bank=bank, offset=offset)


def assemble(
    planner: StagePlanner,
    shape: ArrayShape,
    buffers: Mapping[str, Layout],
    frames: Mapping[str, int],
    links: Mapping[str, int],
) -> Program:
    """The program of the planner's stage on one array of ``shape``.

    Args:
        planner: Of the stage.
        shape: Of the array.
        buffers: The layout of each tensor that comes from outside.
        frames: Rows that a frame of each takes in its buffer.
        links: For each tensor that leaves, the bits of its links.
    """
    return Assembler(planner, shape, buffers, frames, links).assemble()


def weight_digits(planner: StagePlanner, shape: ArrayShape, program: Program) -> NDArray[np.int8]:
    """The weight words of a program: int8 ``[depth, cols, lanes]``."""
    return np.concatenate(
        [
            layer_digits(tiling.words(shape), tuple(found.values()), shape)
            for tiling, found in zip(planner.tilings, program.tiles, strict=True)
        ]
    )
