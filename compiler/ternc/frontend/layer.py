"""The one way in which weights on ONNX values become the sums of a layer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ternc.errors import ModelError
from ternc.frontend import weights as real_weights
from ternc.frontend.build import Operand, absolute_sums, start, term_ranges
from ternc.frontend.grid import find_grid, ones, rationals
from ternc.frontend.ops_elementwise import useful
from ternc.frontend.reads import Read, Window, gathered, operands, reads, terms
from ternc.frontend.values import (
    NOTHING,
    Accumulator,
    Addend,
    Computed,
    Const,
    Index,
    Map,
    Mean,
    Node,
    View,
    plain_index,
    real_dtype,
    require_size,
)
from ternc.frontend.walk import LayerFacts, Walk
from ternc.frontend.weights import Integers, Plane, Reals
from ternc.network.layers import Term, Weights
from ternc.network.steps import Add, Divide, Multiply, PerChannel, Step

SCALES = 16
"""Most different scales of the values that one layer reads, where its weights and they together form no grid."""


MAKE_TERNARY = "train or export it with a quantiser, or make it ternary: --ternarise RHO --calibrate DATA"
HALF = "export it in float32: float16 rounds weights of more than one magnitude off their grid"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Layer:
    """A node that multiplies with weights.

    Attributes:
        kind: As in `Linear`.
        const: Its weight, for messages; None where the weights are the operator's own (an average).
        layout: For each canonical weight its flat index in ``const``.
        window: None for a dense layer.
    """

    node: Node
    kind: str
    const: Const | None
    layout: Index
    window: Window | None
    groups: int = 1


class _Source(Protocol):
    """What a layer reads, channel by channel of its ONNX value."""

    @property
    def whole(self) -> bool:
        """Whether every weight meets a value of some tensor at every output: no padding."""

    def constants(self, which: str) -> list[Fraction] | None:
        """``"scale"`` or ``"offset"`` of each channel; None where one channel has several."""

    def terms(self, weights: Weights) -> tuple[Term, ...]:
        """Terms of integer weights."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Windows:
    reads: list[Read]
    window: Window
    size: Map
    groups: int

    @property
    def whole(self) -> bool:
        covered = np.any([read.index != NOTHING for read in self.reads], axis=0)
        return bool(np.all(covered)) and not any(self._outside(n) for n in (0, 1))

    def _outside(self, n: int) -> bool:
        w, length = self.window, self.size[1 + n]
        last = (w.size[n] - 1) * w.stride[n] + (w.kernel[n] - 1) * w.dilation[n] - w.padding[n]
        return w.padding[n] > 0 or w.spread[n] > 1 or last >= length

    def constants(self, which: str) -> list[Fraction] | None:
        found: list[list[Fraction]] = [[] for _ in range(self.size[0])]
        for read in self.reads:
            for channel, values in read.per_channel(getattr(read.operand, which)).items():
                found[channel] += [v for v in values if v not in found[channel]]
        if any(len(values) > 1 for values in found):
            return None
        known = next((values[0] for values in found if values), Fraction(1))
        return [values[0] if values else known for values in found]

    def terms(self, weights: Weights) -> tuple[Term, ...]:
        return tuple(t for read in self.reads for t in terms(read, weights, self.window, self.groups))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Dense:
    operands: list[Operand]
    count: int

    @property
    def whole(self) -> bool:
        return True  # a padding has constants of its own

    def constants(self, which: str) -> list[Fraction] | None:
        found: list[Fraction | None] = [None] * self.count
        for operand in self.operands:
            index, values = operand.index.ravel(), getattr(operand, which)
            channel = index // (operand.size[1] * operand.size[2])
            for place in np.flatnonzero(index != NOTHING).tolist():
                found[place] = values[channel[place] if values.size > 1 else 0]
        nothing = Fraction(0)
        if which == "scale":
            nothing = next((value for value in found if value is not None), Fraction(1))
        return [nothing if value is None else value for value in found]

    def terms(self, weights: Weights) -> tuple[Term, ...]:
        found = []
        for operand in self.operands:
            index = operand.index.ravel()
            there = np.flatnonzero(index != NOTHING)
            if there.size:
                kernel = gathered(weights[:, there], index[there], int(np.prod(operand.size)))
                found.append(
                    Term(source=operand.tensor.name, weights=kernel.reshape(len(weights), *operand.size))
                )
        return tuple(found)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Share:
    """Integer weights, the scale of the values that they meet, and their own unit per output channel."""

    plane: Plane
    scale: Fraction


def weighted(walk: Walk, layer: Layer, value: Computed, size: Map, weights: Reals) -> View:
    """The sums of a layer as a view in plain order ``[1, O, H, W]``.

    Args:
        value: What it reads, with ``size`` elements.
        size: (channels, height, width) of the value as a map; (K, 1, 1) for a dense layer.
        weights: Real, ``[O, C // groups, KH, KW]``, or ``[O, K]`` for a dense layer.
    """
    if layer.window is not None:
        require_size((len(weights), *layer.window.size))
    integers = real_weights.split(weights)
    if layer.const is not None:
        walk.layers.append(weight_facts(layer.node, weights, integers))
    try:
        return _weighted(walk, layer, value, size, weights, integers)
    except ModelError:
        # What is wrong with its input does not hide what is wrong with its weights.
        if walk.problems is not None:
            check_weights(walk, layer.node, integers, layer.layout, layer.const)
        raise


def _read(
    walk: Walk, layer: Layer, value: Computed, size: Map
) -> tuple[list[Operand], _Source, tuple[int, int]]:
    """What a layer reads: operands, how its weights meet them, and the (height, width) of its sums."""
    where = walk.where(layer.node)
    if layer.window is None:
        flat = operands(walk.build, value, where, layout="flat")
        return flat, _Dense(operands=flat, count=size[0]), (1, 1)
    found = operands(walk.build, value, where)
    reached = reads(walk.build, found, size, where, value.name, layer.window)
    source = _Windows(reads=reached, window=layer.window, size=size, groups=layer.groups)
    return [read.operand for read in reached], source, layer.window.size


def _weighted(
    walk: Walk, layer: Layer, value: Computed, size: Map, weights: Reals, integers: Integers
) -> View:
    composed = _through_mean(layer, value, size, weights)
    if composed is not None:
        walk.becomes[composed.mean] = "part of the layer behind it"
        inner = real_weights.split(composed.weights)
        view = _weighted(walk, composed.layer, composed.value, composed.size, composed.weights, inner)
        return replace(view, steps=(*view.steps, *composed.steps))
    found, source, output = _read(walk, layer, value, size)
    _depends(walk, layer, found)
    scale, offset = source.constants("scale"), source.constants("offset")
    if scale is None or offset is None:
        raise walk.refuse(
            layer.node,
            f" reads '{value.name}', whose channels each mix values of different scales",
            help="quantise what it reads with one scale",
        )
    distinct = list(dict.fromkeys(scale))
    if len(distinct) == 1:
        shares = [_Share(plane=plane, scale=Fraction(1)) for plane in _planes(walk, layer, integers)]
        factors = _factors(found, distinct[0])
        if len(shares) > 1:
            shares = [replace(share, scale=distinct[0]) for share in shares]
    else:
        shares, factors = _by_scale(walk, layer, weights, integers, scale, distinct), ()
    if any(offset) and not source.whole:
        raise walk.refuse(
            layer.node,
            f" pads '{value.name}', whose real value 0 is no integer: its offset must be a whole number of steps",
            help="choose the quantiser's scale so that 0 is one of its values",
        )
    single = shares[0] if len(shares) == 1 else None
    if single is not None:
        unit = scale if len(distinct) > 1 else [Fraction(1)] * len(scale)
        shift = _moved(single.plane.weights, [o / u for o, u in zip(offset, unit, strict=True)], layer.groups)
        steps: tuple[Step, ...] = (
            *factors,
            *useful(Add(addend=_floats(shift))),
            *_times(single.plane.exact),
        )
    else:
        total = rationals(np.zeros(len(weights)))
        for share in shares:
            moved = _moved(share.plane.weights, offset, layer.groups)
            total = total + moved * np.array(share.plane.exact, object)
        steps = useful(Add(addend=_floats(total)))
    size_out = (len(weights), *output)
    products = scale if single is None or len(distinct) > 1 else []
    deviation = _deviation(weights, integers, products, shares, layer.groups)
    deviation = deviation * max(max(-o.tensor.range.low, o.tensor.range.high) for o in found)
    snapped = max(o.snapped for o in found)
    addends: list[Addend] = []
    for share in shares:
        made = source.terms(share.plane.weights)
        made = tuple(term for term in made if np.any(term.weights)) or (
            made[:1] if single is not None else ()
        )
        if made:
            worth = ones() if single is not None else np.array(share.plane.exact, object) * share.scale
            worth_of_one = share.plane.scale * float(share.scale)
            moved_by = snapped * absolute_sums(made) if snapped else np.zeros(len(weights))
            addends.append(
                Addend(
                    terms=made,
                    scale=worth,
                    ranges=term_ranges(made, walk.build.tensor),
                    deviation=moved_by + (0.0 if addends else deviation / worth_of_one),
                )
            )
    _depends(walk, layer, addends)
    acc = Accumulator(name=layer.node.name, kind=layer.kind, addends=tuple(addends), size=size_out)
    return View(
        name=layer.node.outputs[0],
        source=acc,
        index=plain_index((1, *size_out)),
        size=size_out,
        dtype=real_dtype(value.dtype),
        steps=steps,
    )


def _deviation(
    weights: Reals, integers: Integers, scale: list[Fraction], shares: list[_Share], groups: int
) -> Reals:
    """Per output channel, how far the weights (times the scales of what they meet, if any) are from their shares.

    Weights may be rounded to float32 by the file, but the products of weights and scales are not.
    """
    each = _by_output(np.array([float(s) for s in scale]), weights, groups) if scale else None
    found = np.zeros(len(weights))
    for outputs in real_weights.blocks(weights):
        wanted = weights[outputs]
        made = np.asarray(sum(share.plane.reals(outputs, float(share.scale)) for share in shares))
        if each is None:
            found[outputs] = real_weights.deviation(wanted, made)
            continue
        times = each[outputs]
        if integers.misfits.size:
            found[outputs] = real_weights.deviation(wanted * times, made)
            continue
        meant = real_weights.joined(integers.planes, outputs)
        rounded = real_weights.deviation(wanted, meant, times=times)
        found[outputs] = rounded + real_weights.deviation(meant * times, made, exact=True)
    return found


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Composed:
    """A layer that reads what the average ``mean`` (a node) reads, and the steps behind its sums."""

    mean: str
    layer: Layer
    value: Computed
    size: Map
    weights: Reals
    steps: tuple[Step, ...]


def _through_mean(layer: Layer, value: Computed, size: Map, weights: Reals) -> _Composed | None:
    """The layer on what is averaged, where it reads an average that nothing quantises; None anywhere else.

    A linear layer behind an average is linear in the averaged values: tap k of its window and tap j of the average's
    read pixel ``k * dilation * stride + j`` of them.
    """
    if not isinstance(value, View) or not isinstance(value.source, Accumulator) or value.pool is not None:
        return None
    mean = value.source.mean
    if mean is None or find_grid(value.steps, start(value.source)) is not None:
        return None
    extra = value.steps[mean.front :]
    if any(not isinstance(step, Multiply | Divide) or _size(step) > 1 for step in extra):
        return None
    layout, window = layer.layout, layer.window
    if window is None:
        size, (weights, layout) = value.size, _as_maps(value, weights, layout)
        window = Window(size=(1, 1), kernel=(size[1], size[2]))
    elif not np.array_equal(value.index.ravel(), np.arange(value.index.size)) or window.spread != (1, 1):
        return None
    if not all(_stays_zero(mean, window, n, size[1 + n]) for n in (0, 1)):
        return None
    rows, cols = (
        np.arange(window.kernel[n])[:, None] * window.dilation[n] * mean.stride[n]
        + np.arange(mean.kernel[n]) * mean.dilation[n]
        for n in (0, 1)
    )
    reach = int(rows.max()) + 1, int(cols.max()) + 1
    wide = np.zeros((*weights.shape[:2], *reach))
    wide_layout = np.zeros(wide.shape, np.int64)
    for y, x in np.ndindex(*mean.kernel):
        wide[:, :, rows[:, y][:, None], cols[:, x]] += weights
        wide_layout[:, :, rows[:, y][:, None], cols[:, x]] = layout.reshape(weights.shape)
    made = Window(
        size=window.size,
        kernel=reach,
        stride=(window.stride[0] * mean.stride[0], window.stride[1] * mean.stride[1]),
        padding=(
            window.padding[0] * mean.stride[0] + mean.padding[0],
            window.padding[1] * mean.stride[1] + mean.padding[1],
        ),
    )
    return _Composed(
        mean=mean.node,
        layer=replace(layer, layout=wide_layout, window=made),
        value=mean.value,
        size=mean.size,
        weights=wide,
        steps=(*mean.divide, *extra),
    )


def _stays_zero(mean: Mean, window: Window, n: int, length: int) -> bool:
    """Whether the window reads nothing but zeros of the averaged values where it lies outside the ``length`` means."""
    reached = (
        np.arange(window.size[n])[:, None] * window.stride[n]
        + np.arange(window.kernel[n]) * window.dilation[n]
        - window.padding[n]
    )
    outside = reached[(reached < 0) | (reached >= length)]
    pixels = (
        outside[:, None] * mean.stride[n] + np.arange(mean.kernel[n]) * mean.dilation[n] - mean.padding[n]
    )
    return not np.any((pixels >= 0) & (pixels < mean.size[1 + n]))


def _as_maps(value: View, weights: Reals, layout: Index) -> tuple[Reals, Index]:
    """Dense weights ``[O, K]`` and their layout as ``[O, C, H, W]`` of the map behind the value."""
    index = value.index.ravel()
    there = np.flatnonzero(index != NOTHING)
    maps = np.zeros((len(weights), int(np.prod(value.size))))
    places = np.zeros(maps.shape, np.int64)
    np.add.at(maps.T, index[there], weights[:, there].T)
    places[:, index[there]] = layout.reshape(weights.shape)[:, there]
    shape = (len(weights), *value.size)
    return maps.reshape(shape), places.reshape(shape)


def weight_facts(node: Node, weights: Reals, found: Integers) -> LayerFacts:
    """Count a layer's weights."""
    return LayerFacts(
        node=node.name,
        op=node.op,
        weights=weights.size,
        nonzeros=int(np.count_nonzero(weights)),
        ternary=found.ternary,
        bits=None if found.misfits.size else found.bits,
    )


def _depends(walk: Walk, layer: Layer, parts: Sequence[object]) -> None:
    """Refuse a layer of which nothing is left."""
    if not parts:
        raise walk.refuse(layer.node, ": its output does not depend on the network's input")


def _planes(walk: Walk, layer: Layer, integers: Integers) -> tuple[Plane, ...]:
    return check_weights(walk, layer.node, integers, layer.layout, layer.const)


def check_weights(
    walk: Walk, node: Node, found: Integers, layout: Index, const: Const | None
) -> tuple[Plane, ...]:
    """The weights' planes; other values are refused, or noted where all obstacles are wanted."""
    if found.misfits.size:
        assert const is not None
        text = real_weights.describe(found, const.array, const.name, layout)
        walk.complain(
            walk.refuse(
                node,
                f", weight '{const.name}': must be ternary, or integers of at most 8 bits times one scale in each "
                f"output channel, but {text}",
                help=HALF if const.array.dtype == np.float16 else MAKE_TERNARY,
            )
        )
    return found.planes


def _by_scale(
    walk: Walk,
    layer: Layer,
    weights: Reals,
    integers: Integers,
    scale: list[Fraction],
    distinct: list[Fraction],
) -> list[_Share]:
    """Shares of weights on values of different scales: one where they form a grid exactly, else one for each scale.

    A grid that they form but for roundings of float32 is taken where there is no other way.
    """
    each = _by_output(np.array([float(s) for s in scale]), weights, layer.groups)
    meant = weights if integers.misfits.size else real_weights.joined(integers.planes)
    together = real_weights.split(meant * each)
    one = [_Share(plane=together.planes[0], scale=Fraction(1))]
    grid = not together.misfits.size and len(together.planes) == 1
    if grid and not np.any(
        real_weights.deviation(meant * each, real_weights.joined(together.planes), exact=True)
    ):
        return one
    if grid and (integers.misfits.size or len(distinct) * len(integers.planes) > SCALES):
        return one
    planes = _planes(walk, layer, integers)
    if len(distinct) * len(planes) > SCALES:
        raise walk.refuse(
            layer.node,
            f": it reads values of {len(distinct)} different scales, which have no common unit",
            help="quantise what it reads with one scale, or with scales that are multiples of each other",
        )
    shares = []
    for value in distinct:
        mask = _by_output(np.array([s == value for s in scale]), weights, layer.groups)
        shares += [
            _Share(
                plane=replace(plane, weights=np.where(mask, plane.weights, 0).astype(np.int32)), scale=value
            )
            for plane in planes
        ]
    return shares


def _by_output(values: NDArray[Any], weights: NDArray[Any], groups: int) -> NDArray[Any]:
    """Per-channel values where each weight ``[O, C // groups, ...]`` meets them, broadcastable to the weights."""
    outputs, inputs = weights.shape[:2]
    groups_of = np.arange(outputs) // (outputs // groups)
    spread = values.reshape(groups, inputs)[groups_of]
    return np.asarray(spread.reshape(outputs, inputs, *(1,) * (weights.ndim - 2)))


def _moved(weights: Weights, offset: list[Fraction], groups: int) -> NDArray[Any]:
    """What the values' offsets add to each output channel, in units of its integer weights; object ``[O]``."""
    total = rationals(np.zeros(len(weights)))
    if not any(offset):
        return total
    sums = weights.reshape(*weights.shape[:2], -1).sum(axis=2, dtype=np.int64)
    for value in dict.fromkeys(o for o in offset if o):
        mask = _by_output(np.array([o == value for o in offset]), sums, groups)
        total = total + np.where(mask, sums, 0).sum(axis=1).astype(object) * value
    return total


def _factors(found: list[Operand], scale: Fraction) -> tuple[Step, ...]:
    """The graph's own constants whose product is the scale, where all operands agree on them."""
    steps = found[0].factors
    if any(_size(step) > 1 for step in steps):
        return useful(Multiply(factor=np.array([float(scale)])))
    return steps


def _times(scale: tuple[Fraction, ...]) -> tuple[Step, ...]:
    """Steps that multiply with fractions exactly: with a float64, and divided by an integer."""
    divisors = [value.denominator // (value.denominator & -value.denominator) for value in scale]
    factor = _uniform(np.array([float(v * d) for v, d in zip(scale, divisors, strict=True)]))
    return (
        *useful(Multiply(factor=factor)),
        *useful(Divide(divisor=_uniform(np.array(divisors, np.float64)))),
    )


def _size(step: Step) -> int:
    match step:
        case Multiply(factor=values) | Divide(divisor=values):
            return int(values.size)
        case _:
            return 1


def _floats(values: NDArray[Any]) -> PerChannel:
    return _uniform(np.array([float(v) for v in values]))


def _uniform(values: PerChannel) -> PerChannel:
    return values[:1] if np.all(values == values[0]) else values
