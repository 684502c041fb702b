"""The sequencer's program and every memory image of one engine (docs/program.md)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import lcm

import numpy as np
from numpy.typing import NDArray

from ternc.network.layers import Linear, Network, Tensor
from ternc.numeric import ceil_div
from ternc.schedule.design import ArrayShape
from ternc.schedule.layout import Lanes, Layout
from ternc.schedule.tiling import Axis, Tile, axes, tiles
from ternc.schedule.timing import shortest_pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Tap:
    """One read of ``rows`` neighbouring pixels (sequencer's tap word)."""

    offset: int
    rot: int
    q: int
    limit: int
    dy: int


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
    first_window: bool
    last_window: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerProgram:
    """The loops of one layer (sequencer's layer word)."""

    pass_start: int
    pass_count: int
    groups: int
    rows: int
    y_step: int
    y_stride: int
    row_step: int
    plane: int
    height: int
    pad: int
    from_input: bool
    to_output: bool
    wait_input: bool
    release_input: bool
    wait_output: bool
    finish_output: bool
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
        weights: int8 ``[depth, cols, lanes]`` trits.
        params: Number of (layer, tile) pairs.
        weight_words: Of each layer.
    """

    layers: tuple[LayerProgram, ...]
    passes: tuple[Pass, ...]
    taps: tuple[Tap, ...]
    xmap: tuple[Place, ...]
    weights: NDArray[np.int8]
    params: int
    weight_words: tuple[int, ...]
    input_words: int
    feature_words: int
    output_words: int
    input_layout: Layout


def lanes_of(network: Network, tensor: Tensor, shape: ArrayShape) -> Lanes:
    """How a tensor's channels are spread over words: by the input port, or by the array that writes it."""
    if tensor is network.input:
        return Lanes.of_port(tensor.channels, shape.lanes)
    return Lanes.of_array(tensor.channels, shape)


def layouts(network: Network, shape: ArrayShape) -> dict[str, Layout]:
    """A layout, with its base address, for every tensor; the last tensor's is that of the output memory."""
    strides: dict[str, int] = {tensor.name: 1 for tensor in network.tensors}
    rows = {tensor.name: tensor.height for tensor in network.tensors}
    for layer in network.layers:
        vertical, horizontal = axes(layer, network.tensor(layer.target))
        if horizontal.size > 1:
            strides[layer.source] = lcm(strides[layer.source], horizontal.step)
        rows[layer.target] = vertical.steps * vertical.phases
    found = {}
    for tensor in network.tensors:
        found[tensor.name] = Layout.of(
            tensor,
            banks=shape.rows,
            stride=strides[tensor.name],
            rows=rows[tensor.name],
            lanes=lanes_of(network, tensor, shape),
        )
    bases = allocate(network, {name: layout.words for name, layout in found.items()})
    return {name: replace(layout, base=bases.get(name, 0)) for name, layout in found.items()}


def allocate(network: Network, words: dict[str, int]) -> dict[str, int]:
    """Base addresses in the feature memory, first fit by lifetime, of all tensors between the layers."""
    made = {layer.target: n for n, layer in enumerate(network.layers)}
    used = {layer.source: n for n, layer in enumerate(network.layers)}  # the last reader wins
    placed: dict[str, tuple[int, int]] = {}
    for tensor in network.tensors[1:-1]:
        live = sorted(
            span
            for name, span in placed.items()
            if made[name] <= used[tensor.name] and used[name] >= made[tensor.name]
        )
        base = 0
        for start, end in live:
            if base + words[tensor.name] <= start:
                break
            base = max(base, end)
        placed[tensor.name] = (base, base + words[tensor.name])
    return {name: span[0] for name, span in placed.items()}


def stride_phases(axis: Axis, layout: Layout) -> Axis:
    """The axis with as many more output phases as make its step equal to the source's storage stride."""
    if axis.size == 1 or axis.step == layout.stride:
        return axis
    factor = layout.stride // axis.step
    return replace(axis, phases=axis.phases * factor, step=axis.step * factor)


def layer_axes(layer: Linear, target: Tensor, read: Layout) -> tuple[Axis, Axis]:
    """The (vertical, horizontal) axes of a layer that reads a tensor stored like ``read``."""
    vertical, horizontal = axes(layer, target)
    return vertical, stride_phases(horizontal, read)


class Assembler:
    """Collects the program of a network layer by layer, sharing equal tap lists and x-maps."""

    def __init__(self, network: Network, shape: ArrayShape) -> None:
        self.network = network
        self.shape = shape
        self.layouts = layouts(network, shape)
        self.layers: list[LayerProgram] = []
        self.passes: list[Pass] = []
        self.taps: list[Tap] = []
        self.tap_lists: dict[tuple[Tap, ...], int] = {}
        self.xmap: list[Place] = []
        self.xmaps: dict[tuple[Place, ...], int] = {}
        self.weights: list[NDArray[np.int8]] = []
        self.weight_depth = 0
        self.weight_words: list[int] = []
        self.params = 0

    def assemble(self) -> Program:
        """The whole program."""
        first, last = self.network.tensors[0], self.network.tensors[-1]
        for n in range(len(self.network.layers)):
            self.add_layer(n)
        feature = [self.layouts[t.name] for t in self.network.tensors[1:-1]]
        return Program(
            layers=tuple(self.layers),
            passes=tuple(self.passes),
            taps=tuple(self.taps),
            xmap=tuple(self.xmap),
            weights=np.concatenate(self.weights),
            params=self.params,
            weight_words=tuple(self.weight_words),
            input_words=self.layouts[first.name].words,
            feature_words=max((layout.base + layout.words for layout in feature), default=1),
            output_words=self.output_pitch(last) * self.layouts[last.name].rows,
            input_layout=self.layouts[first.name],
        )

    def output_pitch(self, tensor: Tensor) -> int:
        """Words of one row in the output memory, which holds pixels in the order in which they leave."""
        return tensor.width * ceil_div(tensor.channels, self.shape.cols)

    def add_layer(self, n: int) -> None:
        """Appends layer n's taps, passes, weights and layer word."""
        network, layer = self.network, self.network.layers[n]
        source, target = network.tensor(layer.source), network.tensor(layer.target)
        read, write = self.layouts[layer.source], self.layouts[layer.target]
        vertical, horizontal = layer_axes(layer, target, read)
        to_output = target is network.tensors[-1]
        groups = ceil_div(horizontal.steps, self.shape.rows)
        pitch = self.output_pitch(target) if to_output else write.pitch

        layer_tiles = tiles(layer, read.lanes, self.shape)
        weight_starts = []
        for tile in layer_tiles:
            weight_starts.append(self.weight_depth)
            self.weights.append(tile.words)
            self.weight_depth += len(tile.words)
        self.weight_words.append(self.weight_depth - weight_starts[0])

        pass_start = len(self.passes)
        for phase_y in range(vertical.phases):
            for phase_x in range(horizontal.phases):
                xmap = self.share_xmap(horizontal, phase_x, groups, None if to_output else write, target)
                for t, tile in enumerate(layer_tiles):
                    chunk, slice_ = self.tile_place(t)
                    for window in range(vertical.windows * horizontal.windows):
                        self.passes.append(
                            Pass(
                                tap=self.share_taps(
                                    tile, vertical, horizontal, phase_y, phase_x, window, read
                                ),
                                tap_count=len(tile.taps),
                                interval=max(len(tile.taps), shortest_pass(self.shape)),
                                weight=weight_starts[t],
                                param=self.params + t,
                                write=phase_y * pitch
                                + (t if to_output else write.base + chunk * write.plane),
                                xmap=xmap,
                                slice=0 if to_output else slice_,
                                first_window=window == 0,
                                last_window=window == vertical.windows * horizontal.windows - 1,
                            )
                        )
        self.params += len(layer_tiles)
        readers = [i for i, other in enumerate(network.layers) if other.source == network.input.name]
        pixel_groups = vertical.steps * groups
        self.layers.append(
            LayerProgram(
                pass_start=pass_start,
                pass_count=len(self.passes) - pass_start,
                groups=groups,
                rows=vertical.steps,
                y_step=vertical.step * read.pitch,
                y_stride=vertical.step,
                row_step=vertical.phases * pitch,
                plane=0 if to_output else write.plane,
                height=source.height,
                pad=-source.range.low,
                from_input=layer.source == network.input.name,
                to_output=to_output,
                wait_input=n == readers[0],
                release_input=n == readers[-1],
                wait_output=to_output,
                finish_output=to_output,
                last_layer=n == len(network.layers) - 1,
                cycles=pixel_groups * sum(p.interval for p in self.passes[pass_start:]),
            )
        )

    def tile_place(self, tile: int) -> tuple[int, int]:
        """(first chunk, slice) of a tile in the feature memory."""
        if self.shape.cols <= self.shape.lanes:
            return divmod(tile, self.shape.lanes // self.shape.cols)
        return tile * ceil_div(self.shape.cols, self.shape.lanes), 0

    def share_taps(
        self,
        tile: Tile,
        vertical: Axis,
        horizontal: Axis,
        phase_y: int,
        phase_x: int,
        window: int,
        read: Layout,
    ) -> int:
        """Address of the tile's tap list for one phase and window; equal lists are stored once."""
        window_y, window_x = divmod(window, horizontal.windows)
        found = []
        for ky, kx, chunk in tile.taps.tolist():
            dy = vertical.delta(phase_y, window_y, ky)
            dx = horizontal.delta(phase_x, window_x, kx)
            offset, rot, q, limit = read.tap(dx=dx, dy=dy, chunk=chunk)
            found.append(Tap(offset=offset, rot=rot, q=q, limit=limit, dy=dy))
        key = tuple(found)
        if key not in self.tap_lists:
            self.tap_lists[key] = len(self.taps)
            self.taps.extend(found)
        return self.tap_lists[key]

    def share_xmap(self, axis: Axis, phase: int, groups: int, write: Layout | None, target: Tensor) -> int:
        """Address of the x-map of one phase; ``write`` is None for the output memory."""
        found = []
        for j in range(groups * self.shape.rows):
            x = j * axis.phases + phase
            if x >= axis.size:
                found.append(Place(valid=False, bank=0, offset=0))
            elif write is None:
                found.append(Place(valid=True, bank=0, offset=x * ceil_div(target.channels, self.shape.cols)))
            else:
                bank, offset = write.place(x)
                found.append(Place(valid=True, bank=bank, offset=offset))
        key = tuple(found)
        if key not in self.xmaps:
            self.xmaps[key] = len(self.xmap)
            self.xmap.extend(found)
        return self.xmaps[key]


def assemble(network: Network, shape: ArrayShape) -> Program:
    """The program of ``network`` on one array of ``shape``."""
    return Assembler(network, shape).assemble()
