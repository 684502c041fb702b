"""From views to finished layers: thresholds, signs, ranges, names.

A layer is finished when somebody reads it. Then its chain of steps is cut at its last rounding, the staircase is
derived, and the sign of every channel is chosen so that its staircase rises; so all exports of one model give
the same layers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from fractions import Fraction
from math import ceil, floor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ternc.errors import ModelError
from ternc.frontend.grid import Grid, Rationals, centred, find_grid, ones, positive
from ternc.frontend.input_map import Layout, by_channel, inverse, layout_of, step_by_channel
from ternc.frontend.input_quant import InputQuant, parse_type
from ternc.frontend.settle import settled
from ternc.frontend.values import (
    NOTHING,
    Accumulator,
    Addend,
    Computed,
    GraphInput,
    Index,
    Joined,
    Map,
    Source,
    Stored,
    View,
    plain_index,
)
from ternc.network.analysis import accumulator_range
from ternc.network.layers import IntRange, Linear, Pool, Prologue, Staircase, Tensor, Term
from ternc.network.stairs.thresholds import NoStaircase, derive, direction, image, rises_or_falls
from ternc.network.steps import Add, Branch, Clamp, Function, Multiply, Round, Step, step_key

TABLE_HELP = "quantise its input to at most 8 bits, so that a table can hold it"

WIDEST_CODES = 256
"""Codes of an 8-bit tensor."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Operand:
    """A finished tensor as a layer reads it.

    Attributes:
        tensor: Its integers.
        scale, offset: Real value = ``scale * x + offset``, exact, ``[1]`` or ``[channels]`` of the tensor.
        factors: Steps whose product is ``scale``.
        index: int64 of the ONNX value's shape: flat index into the tensor, or `NOTHING`.
        snapped: How far the graph's real value may be, in units of ``scale`` (`Grid.snapped`).
    """

    tensor: Tensor
    scale: Rationals
    offset: Rationals
    factors: tuple[Step, ...]
    index: Index
    snapped: float = 0.0

    @property
    def size(self) -> Map:
        """(channels, height, width) of the tensor."""
        return self.tensor.channels, self.tensor.height, self.tensor.width

    @property
    def steps(self) -> tuple[Step, ...]:
        """From the tensor's integers to real values."""
        if not np.any(self.offset != 0):
            return self.factors
        return (*self.factors, Add(addend=np.array([float(v) for v in self.offset])))

    def view(self, name: str, dtype: str = "float32") -> View:
        """The operand as a view."""
        return View(
            name=name,
            source=Stored(tensor=self.tensor),
            index=self.index,
            size=self.size,
            dtype=dtype,
            steps=self.steps,
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Finished:
    tensor: Tensor
    grid: Grid
    order: Index | None = None  # for a graph input: place of each ONNX element in the tensor
    key: tuple[object, ...] = ()


@dataclass(slots=True, kw_only=True, eq=False)
class Builder:
    """Tensors and layers finished so far."""

    file: str
    input_quant: InputQuant | None = None
    tensors: list[Tensor] = field(default_factory=list)
    layers: list[Linear] = field(default_factory=list)
    prologues: dict[str, Prologue] = field(default_factory=dict)
    _finished: dict[tuple[object, ...], _Finished] = field(default_factory=dict)
    _inputs: dict[str, _Finished] = field(default_factory=dict)
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

    def _is_declared(self, steps: tuple[Step, ...]) -> bool:
        """Whether an annotation says that the input is so: that of a function's result says nothing of it."""
        return any(steps[-1] is snap for snap in self._declared) and not any(
            isinstance(step, Function | Branch) for step in steps
        )

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

    def tensor(self, name: str) -> Tensor:
        """The tensor of that name."""
        return next(t for t in self.tensors if t.name == name)

    def made(self, name: str) -> bool:
        """Whether a layer writes the tensor (else it is an input)."""
        return any(layer.target == name for layer in self.layers)

    def duplicate(self, name: str) -> str:
        """A copy of a tensor that can leave the chip while layers go on reading it; the copy's name."""
        tensor = self.tensor(name)
        size = (tensor.channels, tensor.height, tensor.width)
        weights = np.ones((tensor.channels, 1, 1, 1), np.int32)
        term = Term(source=name, weights=weights, groups=tensor.channels)
        acc = self.copying(name, (term,), size)
        view = View(name=f"{name}_out", source=acc, index=plain_index((1, *size)), size=size, dtype="float32")
        return self.operand(view, f"{self.file}: output '{name}'").tensor.name

    def pixels_behind(self, value: Computed, count: int) -> tuple[int, int] | None:
        """(height, width) of the map that a value with ``count`` positions comes from, if it has that many pixels."""
        view = value.parts[0] if isinstance(value, Joined) else value
        if isinstance(view.source, GraphInput) or view.size[1] * view.size[2] != count:
            return None
        return view.size[1], view.size[2]

    def identity(self, view: View) -> View:
        """The stored tensor of a view again, as the sums of a layer that copies it."""
        assert isinstance(view.source, Stored)
        tensor = view.source.tensor
        ones_ = np.ones((tensor.channels, 1, 1, 1), np.int32)
        term = Term(source=tensor.name, weights=ones_, groups=tensor.channels)
        return replace(view, source=self.copying(view.name, (term,), view.size), shared=False)

    def copying(self, name: str, terms: tuple[Term, ...], size: Map) -> Accumulator:
        """The sums of a layer that rearranges finished codes: every sum is one code, or 0."""
        low = min(0, *(self.tensor(term.source).range.low for term in terms))
        high = max(0, *(self.tensor(term.source).range.high for term in terms))
        ranges = (IntRange(low=low, high=high),) * size[0]
        addend = Addend(terms=terms, scale=ones(), ranges=ranges)
        return Accumulator(name=f"{name}.copy", kind="copy", addends=(addend,), size=size, codes=True)

    def unquantised(self, view: View, where: str) -> ModelError:
        """The refusal of a reader of a real-valued tensor."""
        if isinstance(view.source, GraphInput):
            return ModelError(
                f"{where} reads the network's input '{view.source.name}' as real numbers: "
                "its integer type must be known, but there is no quantiser, no annotation and no --input-quant",
                help="give --input-quant TYPE:SCALE, for example --input-quant int8:0.0625",
            )
        return unquantised(view.name, where)

    def reach(self, view: View) -> tuple[Fraction, Fraction] | None:
        """Bounds of the real numbers that a view can hold; None of a float input, or where none can be told."""
        steps = view.steps
        match view.source:
            case GraphInput(range=None):
                return None
            case GraphInput(range=IntRange() as known):
                ranges: tuple[IntRange, ...] = (known,) * view.size[0]
            case Stored(tensor=tensor):
                ranges = (tensor.range,) * tensor.channels
            case Accumulator() as acc:
                steps, ranges = sums(acc, steps)
        try:
            found = image(steps, ranges)
        except NoStaircase:
            return None
        return min(found.low), max(found.high)

    def _codes(self, grid: Grid, acc: Accumulator, view: View, where: str) -> tuple[int, int]:
        """The code range of a grid; refused beyond 8 bits."""
        reached = image(*sums(acc, grid.prefix))
        low, high = floor(min(reached.low)), ceil(max(reached.high))
        bottom = int(min(grid.low, low) if np.isfinite(grid.low) else low)
        top = int(max(grid.high, high) if np.isfinite(grid.high) else high)
        bottom, top = min(bottom, 0), max(top, 0)
        top = max(top, bottom + 1)  # a staircase has a step, even where nothing reaches it
        if top - bottom >= WIDEST_CODES:  # a wide type: what counts are the codes that the sums reach
            bottom, top = min(low, 0), max(high, 0)
        if top - bottom >= WIDEST_CODES:
            raise ModelError(
                f"{where} reads '{view.name}', whose integers go from {bottom} to {top}: "
                "it must be quantised to 1..8 bits",
                help="put a quantiser of at most 8 bits in front of it",
            )
        return bottom, top

    def _layer_operand(self, view: View, acc: Accumulator, where: str) -> Operand:
        found = find_grid(view.steps, start(acc))
        if found is None:
            raise self.unquantised(view, where)
        grid = narrow(found)
        if view.pool is not None and view.pool.before < grid.cut:
            between = view.steps[view.pool.before : grid.cut]
            if not np.all(rises_or_falls(between, acc.size[0])):
                return self._turning_operand(view, acc, where)
        key = (
            id(acc),
            tuple(id(s) for s in view.steps),
            view.pool,
            tuple(grid.scale),
            tuple(grid.offset),
        )
        done = self._finished.get(key)
        if done is None:
            tensor = self._finish(view, acc, grid, where)
            self._kept += [acc, *view.steps]  # keeps the ids of the key in use
            done = self._finished[key] = _Finished(tensor=tensor, grid=grid)
        return _operand(view, done.tensor, done.grid)

    def _turning_operand(self, view: View, acc: Accumulator, where: str) -> Operand:
        """An activation that turns behind a max pool: the pool's codes first, then the activation on them."""
        assert view.pool is not None
        front, behind = view.steps[: view.pool.before], view.steps[view.pool.before :]
        if find_grid(front, start(acc)) is None:
            raise ModelError(
                f"{where} reads '{view.name}', whose activation turns behind a max pool of sums that nothing quantises",
                help="put the activation in front of the pool, or a quantiser in front of the activation",
            )
        pooled = self.operand(replace(view, steps=front), where).view(view.name)
        return self.operand(replace(pooled, steps=(*pooled.steps, *behind)), where)

    def _finish(self, view: View, acc: Accumulator, grid: Grid, where: str) -> Tensor:
        low, high = self._codes(grid, acc, view, where)
        codes = IntRange(low=low, high=high)
        if not acc.whole:
            found = settled(acc, grid.prefix, low, high, where)
            return self._placed(view, acc, grid, found.terms, found.staircase, codes)
        try:
            ranges = acc.addends[0].ranges
            derived = derive(grid.prefix, ranges, low=low, high=high, deviation=acc.deviation)
        except NoStaircase as error:
            raise ModelError(
                f"{where} reads '{view.name}', whose activation {error}", help=TABLE_HELP
            ) from error
        terms = signed(acc.addends[0].terms, np.where(derived.falling, -1, 1))
        return self._placed(view, acc, grid, terms, derived.staircase, codes)

    def _placed(
        self,
        view: View,
        acc: Accumulator,
        grid: Grid,
        terms: tuple[Term, ...],
        stairs: Staircase,
        codes: IntRange,
    ) -> Tensor:
        """The finished layer, the weights of constant channels cleared."""
        ranges = term_ranges(terms, self.tensor)
        bottom = np.array([[r.low] for r in ranges])
        top = np.array([[r.high] for r in ranges])
        thresholds = stairs.thresholds
        constant = np.all((thresholds <= bottom) | (thresholds > top), axis=1)
        terms = signed(terms, np.where(constant, 0, 1))
        at_rest = np.where(thresholds <= bottom, 0, 1)
        thresholds = np.where(constant[:, None], at_rest, thresholds).astype(np.int64)
        stairs = replace(stairs, thresholds=thresholds)
        pool = make_pool(view, grid.cut, grid.sign, constant)
        return self.add_layer(acc, terms, stairs, pool, view, codes)

    def add_layer(
        self,
        acc: Accumulator,
        terms: tuple[Term, ...],
        activation: Staircase | None,
        pool: Pool | None,
        view: View,
        codes: IntRange,
    ) -> Tensor:
        """Append a layer and the tensor it writes (named after the ONNX value ``view``)."""
        channels, height, width = acc.size
        if view.pool is not None:
            height, width = view.pool.size
        tensor = Tensor(name=self.name(view.name), channels=channels, height=height, width=width, range=codes)
        self.tensors.append(tensor)
        self.layers.append(
            Linear(
                name=self.name(acc.name),
                kind=acc.kind,
                terms=terms,
                target=tensor.name,
                activation=activation,
                pool=pool,
            )
        )
        return tensor

    def _input_operand(self, view: View, where: str, layout: Layout) -> Operand:
        source, steps = view.source, view.steps
        assert isinstance(source, GraphInput)
        grid = self._input_grid(view)
        declared = grid is not None and (
            find_grid(steps, _codes_of(source)) is None
            or grid.cut == 0
            or self._is_declared(steps[: grid.cut])
        )
        if grid is None:
            raise self.unquantised(view, where)
        grid = narrow(grid)
        key = tuple(step_key(s) for s in grid.prefix)
        done = self._inputs.get(source.name)
        if done is None:
            done = self._make_input(view, source, grid, where, layout, declared)
            self._inputs[source.name] = done
        if done.key != key:
            raise ModelError(
                f"{where} reads the network's input '{source.name}' through a second quantiser: "
                "all readers must share one"
            )
        order = done.order
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
            index=np.where(view.index == NOTHING, NOTHING, order[view.index]),
            snapped=grid.snapped,
        )

    def quantised(self, view: View) -> bool:
        """Whether the integers behind a view on a graph input are known."""
        return self._input_grid(view) is not None

    def _input_grid(self, view: View) -> Grid | None:
        """The codes of a view on a graph input, by its own steps or by --input-quant."""
        assert isinstance(view.source, GraphInput)
        known = _codes_of(view.source)
        grid = find_grid(view.steps, known)
        if grid is None and self.input_quant is not None and known is None:
            grid = find_grid((*self.input_quant.steps(), *view.steps), None)
        return grid

    def _make_input(
        self, view: View, source: GraphInput, grid: Grid, where: str, layout: Layout, declared: bool
    ) -> _Finished:
        size, gather = layout_of(view, source, layout)
        order = np.empty(gather.size, np.int64)
        order[gather] = np.arange(gather.size)
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
        self.prologues[source.name] = Prologue(
            name=source.name,
            tensor=tensor.name,
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


def unquantised(name: str, where: str) -> ModelError:
    """The refusal of a layer on an activation that nothing quantises."""
    return ModelError(
        f"{where} reads '{name}', an unquantised activation: it must be quantised to 1..8 bits",
        help="put a quantiser (Quant, QuantizeLinear/DequantizeLinear or Round and Clip) in front of it",
    )


def narrow(grid: Grid) -> Grid:
    """The grid with positive scales, its code 0 at the real 0 unless that takes more than 8 bits."""
    plain = positive(grid)
    found = centred(plain)
    wide = found.high - found.low >= WIDEST_CODES
    return plain if wide and plain.high - plain.low < WIDEST_CODES else found


def make_pool(view: View, cut: int, sign: NDArray[np.int8], constant: NDArray[np.bool_]) -> Pool | None:
    """The view's pool, given that the layer stores the values in front of step ``cut``.

    With ``y = after(max(before(acc)))`` the layer stores the window's minimum where what lies between the
    pool and the cut falls (``sign`` = -1: the code behind the cut is negated). ``constant`` channels keep the
    maximum.
    """
    if view.pool is None:
        return None
    pool = view.pool
    first, last = sorted((pool.before, cut))
    falls = (direction(view.steps[first:last], len(constant)) * sign < 0) & ~constant
    return Pool(
        kernel=pool.kernel,
        stride=pool.stride,
        padding=pool.padding,
        dilation=pool.dilation,
        minimum=tuple(bool(f) for f in falls),
    )


def signed(terms: tuple[Term, ...], factor: NDArray[Any]) -> tuple[Term, ...]:
    """The terms with each output channel's weights times a small integer."""
    if np.all(factor == 1):
        return terms
    column = np.asarray(factor, np.int32)[:, None, None, None]
    return tuple(replace(term, weights=term.weights * column) for term in terms)


def term_ranges(terms: tuple[Term, ...], tensor: Callable[[str], Tensor]) -> tuple[IntRange, ...]:
    """Every value that each output channel's sum can take; padding adds nothing, since 0 is in every range."""
    layer = Linear(name="", kind="", terms=terms, target="")
    return accumulator_range(layer, [tensor(term.source) for term in terms])


def absolute_sums(terms: tuple[Term, ...]) -> NDArray[np.float64]:
    """float64 ``[O]``: each output channel's weights' magnitudes, added up."""
    found = sum(np.abs(term.weights).reshape(len(term.weights), -1).sum(axis=1) for term in terms)
    return np.asarray(found, np.float64)


def sums(acc: Accumulator, steps: tuple[Step, ...]) -> tuple[tuple[Step, ...], tuple[IntRange, ...]]:
    """Steps on an accumulator as steps on integers, and the ranges of these."""
    if acc.whole:
        return steps, acc.addends[0].ranges
    return (real_ends(acc), *steps), (IntRange(low=-1, high=1),) * acc.size[0]


def real_ends(acc: Accumulator) -> Multiply:
    """A step that takes -1..1 to an interval around 0 with all real values of a sum."""
    reach = np.zeros(acc.size[0])
    for addend in acc.addends:
        size = np.array([max(-r.low, r.high) for r in addend.ranges], np.float64)
        reach += size * np.abs(np.array([float(v) for v in np.broadcast_to(addend.scale, acc.size[0])]))
    return Multiply(factor=reach)


def _codes_of(source: GraphInput) -> tuple[int, int] | None:
    return None if source.range is None else (source.range.low, source.range.high)


def known_codes(source: Source) -> tuple[int, int] | None:
    """The integers of a source that are codes as they are; None of sums, and of a float input."""
    match source:
        case GraphInput():
            return _codes_of(source)
        case Stored(tensor=tensor):
            return tensor.range.low, tensor.range.high
        case Accumulator():
            return start(source)


def start(acc: Accumulator) -> tuple[int, int] | None:
    """The codes of a copying layer, which need no rounding."""
    if not acc.codes:
        return None
    sums = acc.addends[0].ranges
    return min(r.low for r in sums), max(r.high for r in sums)


def _operand(view: View, tensor: Tensor, grid: Grid) -> Operand:
    return Operand(
        tensor=tensor,
        scale=grid.scale,
        offset=grid.offset,
        factors=grid.factors,
        index=view.index,
        snapped=grid.snapped,
    )
