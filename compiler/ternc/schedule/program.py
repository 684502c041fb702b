"""The sequencer's program and every memory image's contents for one engine (docs/program.md)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ternc.network.layers import Linear, Tensor
from ternc.numeric import ceil_div
from ternc.schedule.axes import Axis, Walk
from ternc.schedule.design import ArrayShape
from ternc.schedule.layout import Layout
from ternc.schedule.placement import inner_tensors, layouts, output_pitch, readers
from ternc.schedule.plan import Planner
from ternc.schedule.requant import param_order
from ternc.schedule.tiling import Live, Tile, live_taps, tiles
from ternc.schedule.timing import shortest_pass

TAP_FIELDS = ("offset", "rot", "q", "limit", "dy", "term", "shift")
"""Columns of `Program.taps`: one read of ``rows`` neighbouring pixels (sequencer's tap word)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pass:
    """The taps of one tile and window at any pixel group (sequencer's pass word)."""

    tap: int
    tap_count: int
    interval: int
    weight: int
    param: int
    write: int
    xmap: int
    slice: int
    row_low: int
    row_high: int
    x_low: int
    x_high: int
    first_window: bool
    last_window: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class TermProgram:
    """How one term walks down its source (sequencer's term word).

    Attributes:
        source: 0 for the feature memory, k for input k - 1.
    """

    y_step: int
    y_stride: int
    height: int
    pad: int
    source: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerProgram:
    """The loops of one layer (sequencer's layer word).

    Attributes:
        table: Of its codes, or None.
        to_output, wait_input, release_input: One flag for each output or input buffer.
        cycles: Of all its passes.
    """

    pass_start: int
    pass_count: int
    groups: int
    rows: int
    row_step: int
    plane: int
    table: int | None
    to_output: tuple[bool, ...]
    to_score: bool
    wait_input: tuple[bool, ...]
    release_input: tuple[bool, ...]
    last_layer: bool
    cycles: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a pixel of a row goes (collector's x-map word)."""

    valid: bool
    bank: int
    offset: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Program:
    """Everything the sequencer and collector execute for one frame.

    Attributes:
        taps: int64 ``[n, len(TAP_FIELDS)]``.
        weights: int8 ``[depth, cols, lanes]`` digits.
        weight_words: Of each layer.
        inputs: Layout of each input memory's half.
        output_rows: Rows that each output memory's half holds.
    """

    layers: tuple[LayerProgram, ...]
    passes: tuple[Pass, ...]
    taps: NDArray[np.int64]
    terms: tuple[TermProgram, ...]
    xmap: tuple[Place, ...]
    weights: NDArray[np.int8]
    params: int
    weight_words: tuple[int, ...]
    feature_words: int
    inputs: tuple[Layout, ...]
    output_rows: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sink:
    """Where a layer's vectors go: the feature memory, an output memory, or the score.

    Attributes:
        layout: In the feature memory, else None.
        pitch: Words of a row; pixel: words of a pixel (of an output memory); slices: tiles of a word.
    """

    layout: Layout | None
    pitch: int
    pixel: int
    slices: int
    words: int

    def tile(self, t: int) -> tuple[int, int]:
        """(word offset, slice) of tile t."""
        if self.layout is None:
            return (t if self.pixel else 0), 0  # the score keeps no vector
        chunk, piece = divmod(t, self.slices)
        return self.layout.base + chunk * self.words * self.layout.plane, piece

    def place(self, x: int) -> Place:
        """Of an existing pixel."""
        if self.layout is None:
            return Place(valid=True, bank=0, offset=x * self.pixel)
        bank, offset = self.layout.place(x)
        return Place(valid=True, bank=bank, offset=offset)


class Assembler:
    """Collects the program of a network layer by layer, sharing equal tap lists and x-maps."""

    def __init__(self, planner: Planner, shape: ArrayShape) -> None:
        self.planner = planner
        self.network = planner.network
        self.shape = shape
        self.layouts = layouts(self.network, planner.walks, shape)
        self.layers: list[LayerProgram] = []
        self.passes: list[Pass] = []
        self.taps: list[NDArray[np.int64]] = []
        self.tap_depth = 0
        self.tap_lists: dict[bytes, int] = {}
        self.terms: list[TermProgram] = []
        self.xmap: list[Place] = []
        self.xmaps: dict[tuple[Place, ...], int] = {}
        self.weights: list[NDArray[np.int8]] = []
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
        for n in range(len(self.network.layers)):
            self.add_layer(n)
        feature = [self.layouts[tensor.name] for tensor in inner_tensors(self.network)]
        return Program(
            layers=tuple(self.layers),
            passes=tuple(self.passes),
            taps=np.concatenate(self.taps),
            terms=tuple(self.terms),
            xmap=tuple(self.xmap),
            weights=np.concatenate(self.weights),
            params=self.param_count,
            weight_words=tuple(self.weight_words),
            feature_words=max((layout.base + layout.words for layout in feature), default=1),
            inputs=tuple(self.layouts[tensor.name] for tensor in self.network.input_tensors),
            output_rows=tuple(self.layouts[output.tensor].rows for output in self.network.outputs),
        )

    def add_layer(self, n: int) -> None:
        """Appends layer n's terms, taps, passes, weights and layer word."""
        network, layer, tiling = self.network, self.network.layers[n], self.planner.tilings[n]
        walk, target = tiling.walk, network.tensor(layer.target)
        vertical, horizontal = walk.vertical, walk.horizontal
        groups = ceil_div(horizontal.steps, self.shape.rows)
        sink = self.sink(target)

        first_term = len(self.terms)
        self.terms.extend(self.term(layer, walk, t) for t in range(len(layer.terms)))
        found = dict(
            zip(
                tiling.classes,
                tiles(tiling.words(self.shape), tuple(tiling.classes), self.shape),
                strict=True,
            )
        )
        starts: dict[Live, list[int]] = {}
        weight_start = self.weight_depth
        for live, row in found.items():
            starts[live] = []
            for tile in row:
                starts[live].append(self.weight_depth)
                self.weights.append(tile.words)
                self.weight_depth += len(tile.words)
        self.weight_words.append(self.weight_depth - weight_start)

        params = {live: self.params[n] + c * len(found[live]) for c, live in enumerate(found)}
        pass_start = len(self.passes)
        windows = [(y, x) for y in range(vertical.windows) for x in range(horizontal.windows)]
        for phase in ((y, x) for y in range(vertical.phases) for x in range(horizontal.phases)):
            xmap = self.share_xmap(horizontal, phase[1], groups, sink)
            lives = [live_taps(walk, phase, window) for window in windows]
            for t in range(len(found[lives[0]])):
                offset, piece = sink.tile(t)
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
                            write=phase[0] * sink.pitch + offset,
                            xmap=xmap,
                            slice=piece,
                            row_low=rows[0],
                            row_high=rows[1],
                            x_low=pixels[0],
                            x_high=pixels[1],
                            first_window=number == 0,
                            last_window=number == len(windows) - 1,
                        )
                    )
        reads = [readers(network, tensor.name) for tensor in network.input_tensors]
        positions = vertical.steps * groups
        self.layers.append(
            LayerProgram(
                pass_start=pass_start,
                pass_count=len(self.passes) - pass_start,
                groups=groups,
                rows=vertical.steps,
                row_step=vertical.phases * sink.pitch,
                plane=sink.layout.plane if sink.layout else 0,
                table=self.planner.numbers.requant[n].table,
                to_output=tuple(output.tensor == layer.target for output in network.outputs),
                to_score=network.anomaly is not None and network.anomaly.tensor == layer.target,
                wait_input=tuple(read[0] == n for read in reads),
                release_input=tuple(read[-1] == n for read in reads),
                last_layer=n == len(network.layers) - 1,
                cycles=positions * sum(p.interval for p in self.passes[pass_start:]),
            )
        )

    def sink(self, target: Tensor) -> Sink:
        """Where the vectors of a tensor go."""
        shape, network = self.shape, self.network
        slices, words = max(1, shape.lanes // shape.cols), ceil_div(shape.cols, shape.lanes)
        if target.name not in network.leaving:
            layout = self.layouts[target.name]
            return Sink(layout=layout, pitch=layout.pitch, pixel=0, slices=slices, words=words)
        if network.anomaly and target.name == network.anomaly.tensor:
            return Sink(layout=None, pitch=0, pixel=0, slices=slices, words=words)
        pixel = ceil_div(target.channels, shape.cols)
        return Sink(layout=None, pitch=output_pitch(target, shape), pixel=pixel, slices=slices, words=words)

    def term(self, layer: Linear, walk: Walk, t: int) -> TermProgram:
        """The word of a layer's term t."""
        source = self.network.tensor(layer.terms[t].source)
        step = walk.terms[t][0].step(walk.vertical)
        inputs = [tensor.name for tensor in self.network.input_tensors]
        return TermProgram(
            y_step=step * self.layouts[source.name].pitch,
            y_stride=step,
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
        found[:, 5] = first_term  # a word of zeros reads nothing: its limit is 0
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
            found[here, 0] = layout.base + chunk * layout.plane + dy[ky] * layout.pitch + columns[kx, 0]
            found[here, 1:4] = columns[kx, 1:]
            found[here, 4] = dy[ky]
            found[here, 5] = first_term + t
        found[:, 6] = tile.shift
        key = found.tobytes()
        if key not in self.tap_lists:
            self.tap_lists[key] = self.tap_depth
            self.taps.append(found)
            self.tap_depth += len(found)
        return self.tap_lists[key]

    def share_xmap(self, axis: Axis, phase: int, groups: int, sink: Sink) -> int:
        """Address of the x-map of one phase."""
        found = []
        for j in range(groups * self.shape.rows):
            x = j * axis.phases + phase
            found.append(sink.place(x) if x < axis.size else Place(valid=False, bank=0, offset=0))
        key = tuple(found)
        if key not in self.xmaps:
            self.xmaps[key] = len(self.xmap)
            self.xmap.extend(found)
        return self.xmaps[key]


def assemble(planner: Planner, shape: ArrayShape) -> Program:
    """The program of the planner's network on one array of ``shape``."""
    return Assembler(planner, shape).assemble()
