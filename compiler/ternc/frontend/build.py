"""From views to finished layers: thresholds, signs, ranges, names.

A layer is finished when somebody reads it. Then its chain of steps is cut at its last rounding, the staircase is
derived, and the sign of every channel is chosen so that its staircase rises; so all exports of one model give
the same layers.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal, cast

import numpy as np
from numpy.typing import NDArray

from ternc.errors import ModelError
from ternc.frontend.grid import Grid, Rationals, centred, find_grid, positive
from ternc.frontend.input_map import Layout, by_channel, inverse, layout_of, step_by_channel, step_key
from ternc.frontend.input_quant import InputQuant, parse_type
from ternc.frontend.values import (
    Accumulator,
    GraphInput,
    Index,
    Map,
    Stored,
    View,
)
from ternc.network.layers import IntRange, Linear, Pool, Prologue, Staircase, Tensor, Trits
from ternc.network.steps import Clamp, Round, Step
from ternc.network.thresholds import derive, direction, image

WIDEST_CODES = 256
"""Codes of an 8-bit tensor."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Operand:
    """A finished tensor as a layer reads it.

    Attributes:
        tensor: Its integers.
        scale, offset: Real value = ``scale * x + offset``, exact, ``[1]`` or ``[channels]``.
        factors: Steps whose product is ``scale``.
        index, size, upsample: As in `View`.
    """

    tensor: Tensor
    scale: Rationals
    offset: Rationals
    factors: tuple[Step, ...]
    index: Index
    size: Map
    upsample: tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Finished:
    tensor: Tensor
    grid: Grid
    order: Index | None = None  # for the graph input: place of each ONNX element in the tensor
    key: tuple[object, ...] = ()


@dataclass(slots=True, kw_only=True, eq=False)
class Builder:
    """Tensors and layers finished so far."""

    file: str
    input_quant: InputQuant | None = None
    tensors: list[Tensor] = field(default_factory=list)
    layers: list[Linear] = field(default_factory=list)
    prologue: Prologue | None = None
    _finished: dict[tuple[object, ...], _Finished] = field(default_factory=dict)
    _input: _Finished | None = None
    _kept: list[object] = field(default_factory=list)
    _declared: list[Step] = field(default_factory=list)  # roundings that an annotation stands for

    def declared(self, view: View, text: str) -> View:
        """A view on the graph input that an annotation says is an integer."""
        bounds = parse_type(text)
        if bounds is None:
            return view
        clamp = Clamp(low=np.array([float(bounds[0])]), high=np.array([float(bounds[1])]))
        snap = Round(mode="even")
        self._declared.append(snap)
        return replace(view, steps=(*view.steps, snap, clamp))

    def name(self, wanted: str) -> str:
        """A layer or tensor name that is not taken."""
        taken = {t.name for t in self.tensors} | {layer.name for layer in self.layers}
        name = wanted
        count = 2
        while name in taken:
            name, count = f"{wanted}_{count}", count + 1
        return name

    def operand(self, view: View, where: str, *, layout: Layout = "map") -> Operand:
        """Finish what the view reads.

        Args:
            where: Start of a sentence about the node that reads it.
            layout: How the reader sees a graph input.
        Raises:
            ModelError: The value is not quantised to 1..8 bits.
        """
        match view.source:
            case GraphInput():
                return self._input_operand(view, where, layout)
            case Stored(tensor=tensor):
                grid = find_grid(view.steps, (tensor.range.low, tensor.range.high))
                if grid is not None and not grid.prefix and view.pool is None:
                    return _operand(view, tensor, grid)
                return self.operand(self.identity(view), where, layout=layout)
            case Accumulator() as acc:
                return self._layer_operand(view, acc, where)

    def identity(self, view: View, *, upsample: tuple[int, int] = (1, 1)) -> View:
        """The stored tensor of a view again, as the sums of a layer that copies it.

        With ``upsample`` the copy is enlarged; the view's own enlargement and pool stay as they are.
        """
        assert isinstance(view.source, Stored)
        tensor = view.source.tensor
        acc = Accumulator(
            name=f"{view.name}.copy",
            kind="identity",
            source=tensor,
            trits=np.ones((tensor.channels, 1, 1, 1), np.int8),
            size=(tensor.channels, tensor.height * upsample[0], tensor.width * upsample[1]),
            ranges=(tensor.range,) * tensor.channels,
            groups=tensor.channels,
            upsample=upsample,
        )
        return replace(view, source=acc, shared=False)

    def unquantised(self, view: View, where: str) -> ModelError:
        """The refusal of a reader of a real-valued tensor."""
        if isinstance(view.source, GraphInput):
            return ModelError(
                f"{where} reads the network's input '{view.source.name}' as real numbers: "
                "its integer type must be known, but there is no quantiser, no annotation and no --input-quant",
                help="give --input-quant TYPE:SCALE, for example --input-quant int8:0.0625",
            )
        return ModelError(
            f"{where} reads '{view.name}', an unquantised activation: it must be quantised to 1..8 bits",
            help="put a quantiser (Quant, QuantizeLinear/DequantizeLinear or Round and Clip) in front of it",
        )

    def _codes(self, grid: Grid, ranges: tuple[IntRange, ...], view: View, where: str) -> tuple[int, int]:
        """The code range of a grid; refused beyond 8 bits."""
        reached = image(grid.prefix, ranges)
        low, high = int(min(reached.low)), int(max(reached.high))
        bottom = int(min(grid.low, low) if np.isfinite(grid.low) else low)
        top = int(max(grid.high, high) if np.isfinite(grid.high) else high)
        bottom, top = min(bottom, 0), max(top, 0)
        top = max(top, bottom + 1)  # a staircase has a step, even where nothing reaches it
        if top - bottom >= WIDEST_CODES:
            raise ModelError(
                f"{where} reads '{view.name}', whose integers go from {bottom} to {top}: "
                "it must be quantised to 1..8 bits",
                help="put a quantiser of at most 8 bits in front of it",
            )
        return bottom, top

    def _layer_operand(self, view: View, acc: Accumulator, where: str) -> Operand:
        found = find_grid(view.steps, _start(acc))
        if found is None:
            raise self.unquantised(view, where)
        grid = centred(positive(found))
        key = (
            id(acc),
            tuple(id(s) for s in view.steps),
            _pool_key(view),
            tuple(grid.scale),
            tuple(grid.offset),
        )
        done = self._finished.get(key)
        if done is None:
            low, high = self._codes(grid, acc.ranges, view, where)
            tensor = self._finish(view, acc, grid, low, high)
            self._kept += [acc, *view.steps]  # keeps the ids of the key in use
            done = self._finished[key] = _Finished(tensor=tensor, grid=grid)
        return _operand(view, done.tensor, done.grid)

    def _finish(self, view: View, acc: Accumulator, grid: Grid, low: int, high: int) -> Tensor:
        found = derive(grid.prefix, acc.ranges, low=low, high=high)
        stairs = found.staircase
        thresholds = stairs.thresholds
        flipped = np.where(found.falling[:, None, None, None], -acc.trits, acc.trits).astype(np.int8)
        ranges = channel_ranges(flipped, acc.source.range)
        bottom = np.array([[r.low] for r in ranges])
        top = np.array([[r.high] for r in ranges])
        constant = np.all((thresholds <= bottom) | (thresholds > top), axis=1)
        flipped[constant] = 0
        settled = np.where(thresholds <= bottom, 0, 1)
        thresholds = np.where(constant[:, None], settled, thresholds).astype(np.int64)
        stairs = Staircase(thresholds=thresholds, low=low, borders=stairs.borders)
        pool = make_pool(view, grid.cut, grid.sign, constant)
        return self.add_layer(acc, flipped, stairs, pool, view.name, IntRange(low=low, high=high))

    def add_layer(
        self,
        acc: Accumulator,
        trits: Trits,
        activation: Staircase | None,
        pool: Pool | None,
        value: str,
        codes: IntRange,
    ) -> Tensor:
        """Append a layer and the tensor it writes (named after the ONNX value)."""
        channels, height, width = acc.size
        if pool is not None:
            height = (height - pool.kernel[0]) // pool.stride[0] + 1
            width = (width - pool.kernel[1]) // pool.stride[1] + 1
        tensor = Tensor(name=self.name(value), channels=channels, height=height, width=width, range=codes)
        self.tensors.append(tensor)
        self.layers.append(
            Linear(
                name=self.name(acc.name),
                kind=cast('Literal["conv", "dense", "identity"]', acc.kind),
                source=acc.source.name,
                target=tensor.name,
                trits=trits,
                stride=acc.stride,
                padding=acc.padding,
                dilation=acc.dilation,
                groups=acc.groups,
                upsample=acc.upsample,
                activation=activation,
                pool=pool,
            )
        )
        return tensor

    def _input_operand(self, view: View, where: str, layout: Layout) -> Operand:
        source = view.source
        assert isinstance(source, GraphInput)
        start = None if source.range is None else (source.range.low, source.range.high)
        steps = view.steps
        grid = find_grid(steps, start)
        declared = grid is not None and (
            grid.cut == 0 or any(steps[grid.cut - 1] is snap for snap in self._declared)
        )
        if grid is None and self.input_quant is not None and start is None:
            grid = find_grid((*self.input_quant.steps(), *steps), None)
            declared = True
        if grid is None:
            raise self.unquantised(view, where)
        grid = centred(positive(grid))
        key = tuple(step_key(s) for s in grid.prefix)
        if self._input is None:
            self._input = self._make_input(view, source, grid, where, layout, declared)
        if self._input.key != key:
            raise ModelError(
                f"{where} reads the network's input '{source.name}' through a second quantiser: "
                "all readers must share one"
            )
        done, order = self._input, self._input.order
        assert order is not None
        size = (done.tensor.channels, done.tensor.height, done.tensor.width)
        scale, offset = (by_channel(a, order, size) for a in (grid.scale, grid.offset))
        if scale is None or offset is None:
            raise ModelError(
                f"{where} reads '{view.name}', whose scale or offset differs inside a channel of the input"
            )
        factors = tuple(step_by_channel(s, order, size, where) for s in grid.factors)
        return Operand(
            tensor=done.tensor,
            scale=scale,
            offset=offset,
            factors=factors,
            index=order[view.index],
            size=size,
            upsample=view.upsample,
        )

    def _make_input(
        self, view: View, source: GraphInput, grid: Grid, where: str, layout: Layout, declared: bool
    ) -> _Finished:
        count = view.index.size
        size, gather = layout_of(view, source, layout, where)
        order = np.empty(count, np.int64)
        order[gather] = np.arange(count)
        steps = tuple(step_by_channel(s, order, size, where) for s in grid.prefix)
        if not np.isfinite(grid.low) or not np.isfinite(grid.high):
            raise self.unquantised(view, where)
        low, high = self._input_codes(grid, view, where)
        tensor = Tensor(
            name=self.name(source.name),
            channels=size[0],
            height=size[1],
            width=size[2],
            range=IntRange(low=low, high=high),
        )
        self.tensors.append(tensor)
        scale, offset = inverse(grid.prefix) if declared else (grid.scale, grid.offset)
        uniform, level = bool(np.all(scale == scale[0])), bool(np.all(offset == offset[0]))
        self.prologue = Prologue(
            name=source.name,
            shape=source.shape[1:],
            dtype=source.dtype,
            steps=steps,
            gather=gather,
            scale=float(scale[0]) if uniform else 1.0,
            offset=float(offset[0]) if level else 0.0,
            declared=declared,
        )
        return _Finished(tensor=tensor, grid=grid, order=order, key=tuple(step_key(s) for s in grid.prefix))

    def _input_codes(self, grid: Grid, view: View, where: str) -> tuple[int, int]:
        low, high = min(int(grid.low), 0), max(int(grid.high), 0)
        high = max(high, low + 1)
        if high - low >= WIDEST_CODES:
            raise ModelError(
                f"{where} reads '{view.name}', whose integers go from {low} to {high}: "
                "it must be quantised to 1..8 bits",
                help="put a quantiser of at most 8 bits in front of it",
            )
        return low, high


def make_pool(view: View, cut: int, sign: NDArray[np.int8], constant: NDArray[np.bool_]) -> Pool | None:
    """The view's pool, given that the layer stores the values in front of step ``cut``.

    With ``y = after(max(before(acc)))`` the layer stores the window's minimum where what lies between the
    pool and the cut falls (``sign`` = -1: the code behind the cut is negated). ``constant`` channels keep the
    maximum.
    """
    if view.pool is None:
        return None
    first, last = sorted((view.pool.before, cut))
    falls = (direction(view.steps[first:last], len(constant)) * sign < 0) & ~constant
    return Pool(kernel=view.pool.kernel, stride=view.pool.stride, minimum=tuple(bool(f) for f in falls))


def channel_ranges(trits: Trits, source: IntRange) -> tuple[IntRange, ...]:
    """Every value that each output channel's sum can take; padding adds nothing, since 0 is in the source's range."""
    flat = trits.reshape(len(trits), -1)
    plus = np.count_nonzero(flat > 0, axis=1)
    minus = np.count_nonzero(flat < 0, axis=1)
    low, high = source.low, source.high
    return tuple(
        IntRange(low=int(p * low - m * high), high=int(p * high - m * low))
        for p, m in zip(plus, minus, strict=True)
    )


def _start(acc: Accumulator) -> tuple[int, int] | None:
    """The sums of a copying layer are codes already."""
    return (acc.ranges[0].low, acc.ranges[0].high) if acc.kind == "identity" else None


def _pool_key(view: View) -> tuple[object, ...]:
    return () if view.pool is None else (view.pool.kernel, view.pool.stride, view.pool.before)


def _operand(view: View, tensor: Tensor, grid: Grid) -> Operand:
    return Operand(
        tensor=tensor,
        scale=grid.scale,
        offset=grid.offset,
        factors=grid.factors,
        index=view.index,
        size=view.size,
        upsample=view.upsample,
    )
