"""The network's ends: its inputs as the walk's first views, its outputs, ArgMax, and where the host takes over."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from ternc.errors import ModelError
from ternc.frontend import fold
from ternc.frontend.build import make_pool, signed, start, term_ranges
from ternc.frontend.filled import filled, has_filling
from ternc.frontend.graph import InputInfo, OnnxGraph
from ternc.frontend.grid import Rationals, affine, find_grid
from ternc.frontend.ops_sum import summed
from ternc.frontend.settle import common, unit_of
from ternc.frontend.values import (
    NOTHING,
    Accumulator,
    Choice,
    Const,
    GraphInput,
    Host,
    Index,
    Joined,
    Node,
    Partial,
    TooLargeError,
    Value,
    View,
    plain_index,
)
from ternc.frontend.walk import HOST, SMALLER, HostOnlyError, Walk, handles
from ternc.network.layers import IntRange, Output, Tensor
from ternc.network.stairs.thresholds import direction

LARGEST_KEY = 2**31

FLOATS = ("float32", "float16", "float64")
"""Types of real inputs. They mean the same here: numbers are exact, and nothing is rounded to the type in between."""


def first_views(graph: OnnxGraph) -> dict[str, View]:
    """The graph inputs for a batch of 1.

    Raises:
        ModelError: A symbolic dimension beyond the batch, a fixed batch above 1, or a type that is not supported.
    """
    return {given.name: _first_view(graph.file, given) for given in graph.inputs}


def _first_view(file: str, given: InputInfo) -> View:
    where = f"{file}: input '{given.name}'"
    shown = "[" + ", ".join("?" if n is None else str(n) for n in given.shape) + "]"
    if len(given.shape) < 2:
        raise ModelError(f"{where}: its first axis must be the batch, but its shape is {shown}")
    if any(not n for n in given.shape[1:]):
        raise ModelError(
            f"{where}: only the batch may be dynamic, but its shape is {shown}",
            help="export with fixed sizes, or set them with onnxruntime.tools.make_dynamic_shape_fixed",
        )
    if (given.shape[0] or 1) != 1:
        raise ModelError(
            f"{where}: its batch must be 1 or dynamic, but is {given.shape[0]}",
            help="export with a batch of 1 or a dynamic one",
        )
    bounds = fold.type_range(given.dtype)
    if given.dtype not in FLOATS and bounds is None:
        found = "holds strings" if given.dtype == "object" else f"is {given.dtype}"
        raise ModelError(
            f"{where}: it must be {', '.join(FLOATS)} or an integer, but {found}",
            help="convert the model to float32",
        )
    shape = (1, *(int(n or 1) for n in given.shape[1:]))
    try:
        index = plain_index(shape)
    except TooLargeError as error:
        raise ModelError(f"{where}: its shape {shown} has {error}", help=SMALLER) from error
    narrow = bounds is not None and bounds[1] - bounds[0] < 256
    source = GraphInput(
        name=given.name,
        shape=shape,
        dtype=given.dtype,
        range=IntRange(low=bounds[0], high=bounds[1]) if bounds is not None and narrow else None,
    )
    return View(name=given.name, source=source, index=index, size=(index.size, 1, 1), dtype=given.dtype)


@handles("ArgMax", becomes="the largest channel, on chip")
def arg_max(walk: Walk, node: Node) -> Value:
    """ArgMax over the channels."""
    view = _compared(walk, node)
    if int(node.attributes.get("select_last_index", 0)):
        raise HostOnlyError(walk.refuse(node, ": select_last_index=1 is not supported on chip").sentence)
    axis = int(node.attributes.get("axis", 0))
    return _choice(walk, node, view, node.outputs[0], axis, bool(node.attributes.get("keepdims", 1)))


@handles("TopK", becomes="the largest channel, on chip")
def top_k(walk: Walk, node: Node) -> Value:
    """TopK with k = 1 whose values nobody reads: an ArgMax. Any other one is the host's."""
    view = _compared(walk, node)
    const = walk.const(node, 1, "k")
    k = int(const.array.ravel()[0]) if const is not None else int(node.attributes.get("k", 1))
    if k != 1 or not int(node.attributes.get("largest", 1)) or walk.uses.get(node.outputs[0]):
        raise HostOnlyError(
            walk.refuse(
                node,
                ": on chip it must be the index of the largest value alone, but it has values or more indices",
            ).sentence,
            help="use ArgMax",
        )
    return _choice(walk, node, view, node.outputs[1], int(node.attributes.get("axis", -1)), True)


def _compared(walk: Walk, node: Node) -> View:
    value = walk.value(node, 0)
    if isinstance(value, Joined):
        raise HostOnlyError(walk.refuse(node, ": it compares values of several layers").sentence)
    return walk.view(node)


def _choice(walk: Walk, node: Node, view: View, name: str, axis: int, keep: bool) -> Value:
    rank = view.index.ndim
    axis += rank if axis < 0 else 0
    channels, height, width = view.size
    order = np.moveaxis(view.index, axis, -1) if 0 <= axis < rank else view.index[..., None]
    pixel = order[..., 0]
    plain = order.shape[-1] == channels and np.array_equal(
        order, pixel[..., None] + np.arange(channels) * (height * width)
    )
    if not plain or isinstance(view.source, GraphInput):
        raise HostOnlyError(
            walk.refuse(
                node, f": its axis must be the channels of '{view.name}', in the order they were computed"
            ).sentence
        )
    index = np.expand_dims(pixel, axis) if keep else pixel
    return Choice(name=name, view=view, index=index, dtype="int64", node=node)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Ends:
    """What leaves the chip, and which nodes the host runs behind it, in order."""

    outputs: tuple[Output, ...]
    host: tuple[Node, ...]


def finish(walk: Walk) -> Ends:
    """The network's outputs; finishes their layers.

    Where a graph output is no integer of a layer times a scale, the nodes in front of it are the host's, back to
    values that are.

    Raises:
        ModelError: An output is constant, or such a node is not one that the host may run.
    """
    outputs: dict[str, Output] = {}
    host: dict[str, Node] = {}
    readers: dict[str, Node] = {}
    pending = list(walk.graph.outputs)
    while pending:
        name = pending.pop(0)
        value = walk.values[name]
        if name in outputs or (isinstance(value, Const) and name not in walk.graph.outputs):
            continue
        made = _output(walk, name, value) or _gathered(walk, name, value)
        if made is not None:
            outputs[name] = made
            continue
        node = walk.makers.get(name)
        if node is None or node.op not in HOST or node.domain:
            raise _unfinished(walk, name, value, readers.get(name))
        if node.name not in host:
            host[node.name] = node
            walk.becomes[node.name] = "on the host"
            pending += [i for i in node.inputs if i]
            readers.update({i: node for i in node.inputs if i not in readers})
    order = [node for node in walk.graph.nodes if node.name in host]
    return Ends(outputs=tuple(outputs.values()), host=tuple(order))


def _gathered(walk: Walk, name: str, value: Value) -> Output | None:
    """Values of several layers, or values and zeros, brought together by a layer of copies where the host cannot."""
    several = isinstance(value, Joined) or (isinstance(value, View) and NOTHING in value.index)
    if not several or _on_host(walk, name):
        return None
    assert isinstance(value, View | Joined)
    if has_filling(value):
        return _output(walk, name, filled(walk.build, value, walk.where(walk.makers[name])))
    return _output(walk, name, summed(walk, walk.makers[name], [(value, 1)]))


def _on_host(walk: Walk, name: str) -> bool:
    """Whether the host could compute a value from values of single layers."""
    match walk.values[name]:
        case Const():
            return True
        case View(index=index) if NOTHING not in index:
            return True
        case _:
            node = walk.makers.get(name)
            able = node is not None and node.op in HOST and not node.domain
            return able and node is not None and all(_on_host(walk, i) for i in node.inputs if i)


def _unfinished(walk: Walk, name: str, value: Value, reader: Node | None) -> ModelError:
    where = f"{walk.graph.file}: output '{name}'" if reader is None else walk.where(reader)
    match value:
        case Host(reason=reason):
            return reason
        case View(source=GraphInput() as source):
            found = "is" if reader is None else "would run on the host, but reads"
            return ModelError(
                f"{where} {found} the network's input '{source.name}' itself, which only layers get",
                help="end the network in front of this, and compute it outside",
            )
        case View(source=Accumulator() as acc):
            return ModelError(
                f"{where} is '{acc.name}' behind a clip or rounding that forms no integers: "
                "it must end in an affine function of a layer's sums, or in a quantiser",
                help="drop the activation behind the last layer, or quantise its output",
            )
        case Partial(reason=reason):
            return reason
        case _:
            return ModelError(f"{where}: it must depend on the input, but is constant")


def _output(walk: Walk, name: str, value: Value) -> Output | None:
    """The output of one value that is integers of a layer times a scale; None for any other."""
    where = f"{walk.graph.file}: output '{name}'"
    match value:
        case View() as view:
            index = view.index
        case Choice(view=view, index=index):
            pass
        case _:
            return None
    batched = index.ndim > 0 and index.shape[0] == 1
    if not batched and name in walk.graph.outputs:
        raise ModelError(
            f"{where}: its first axis must be the batch of 1, but its shape is {list(index.shape)}",
            help="put a Reshape or Unsqueeze in front of it that gives it one",
        )
    if NOTHING in view.index:
        return None
    last = _last(walk, view, where)
    if last is None:
        return None
    keys = None
    if isinstance(value, Choice):
        keys = _keys(walk, last)
        if keys is None:
            return None
    if not isinstance(value, Choice):
        index = last.index
    channels = last.channels
    return Output(
        name=name,
        shape=tuple(int(n) for n in (index.shape[1:] if batched else index.shape)),
        dtype=value.dtype,
        tensor=last.tensor.name,
        scale=_floats(last.scale, channels),
        offset=_floats(last.offset, channels),
        gather=index.ravel(),
        reduce="argmax" if isinstance(value, Choice) else None,
        keys=keys,
        deviation=last.deviation,
    )


def _floats(values: Rationals, channels: int) -> NDArray[np.float64]:
    return np.array([float(v) for v in np.broadcast_to(values, channels)])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Last:
    """The tensor of an output: real value = ``scale * x + offset`` with a positive scale, give or take a deviation."""

    tensor: Tensor
    scale: Rationals
    offset: Rationals
    index: Index
    deviation: float = 0.0

    @property
    def channels(self) -> int:
        return self.tensor.channels


def _last(walk: Walk, view: View, where: str) -> _Last | None:
    """Finish the last layer; None where its value is neither integers nor an affine function of a layer's sums."""
    if isinstance(view.source, GraphInput) and not walk.build.quantised(view):
        return None
    if isinstance(view.source, Accumulator) and find_grid(view.steps, start(view.source)) is None:
        return _raw(walk, view, view.source)
    operand = walk.build.operand(view, where)
    deviation = operand.snapped * float(max(abs(s) for s in operand.scale))
    if np.all(operand.scale > 0):
        return _Last(
            tensor=operand.tensor,
            scale=operand.scale,
            offset=operand.offset,
            index=operand.index,
            deviation=deviation,
        )
    again = replace(operand.view(view.name), steps=operand.factors)
    done = walk.build.operand(walk.build.identity(again), where)
    sign = np.where(operand.scale < 0, -1, 1)
    return _Last(
        tensor=done.tensor,
        scale=operand.scale * sign,
        offset=operand.offset,
        index=operand.index,
        deviation=deviation,
    )


def _raw(walk: Walk, view: View, acc: Accumulator) -> _Last | None:
    """The sums themselves, brought to positive scales; None without an affine chain or a common unit."""
    found, channels = affine(view.steps), acc.size[0]
    if found is None:
        return None
    scale, offset = (np.broadcast_to(v, channels).copy() for v in found)
    terms, off = acc.addends[0].terms, acc.deviation
    outer = scale
    if not acc.whole:
        joint = common(acc)
        if joint is None:
            return None
        terms, off = joint.terms, joint.deviation
        scale = scale * np.array(joint.units, object)
    deviation = float(max(d * abs(s) for d, s in zip(off.tolist(), map(float, outer), strict=True)))
    sign = direction(view.steps, channels)
    terms = signed(terms, sign)
    silent = ~np.any([np.any(t.weights.reshape(channels, -1), axis=1) for t in terms], axis=0)
    scale = np.array([Fraction(1) if silent[c] else abs(scale[c]) for c in range(channels)], object)
    ranges = term_ranges(terms, walk.build.tensor)
    codes = IntRange(low=min(0, *(r.low for r in ranges)), high=max(0, *(r.high for r in ranges)))
    pool = make_pool(view, len(view.steps), np.ones(1, np.int8), silent)
    tensor = walk.build.add_layer(acc, terms, None, pool, view, codes)
    return _Last(tensor=tensor, scale=scale, offset=offset, index=view.index, deviation=deviation)


def _keys(walk: Walk, last: _Last) -> NDArray[np.int64] | None:
    """Integer keys that order the channels as their real values do, the lower index first among equals.

    With a common unit u, ``real / u = m_c * x + n_c + f_c`` with integers m_c, n_c and ``0 <= f_c < 1``, so
    ``(m_c * x + n_c) * 2^r + rank(f_c)`` orders them; 2^r is at least the number of channels. None where they would be
    wider than 32 bits, or where codes instead of raw sums would need more than one factor (docs/hardware.md).
    """
    channels, codes = last.channels, last.tensor.range
    layer = next((x for x in walk.build.layers if x.target == last.tensor.name), None)
    scales = list(np.broadcast_to(last.scale, channels))
    silent = np.zeros(channels, np.bool_)
    if layer is not None:
        silent = ~np.any([np.any(t.weights.reshape(channels, -1), axis=1) for t in layer.terms], axis=0)
    unit = unit_of([s for s, quiet in zip(scales, silent, strict=True) if not quiet])
    factors = [0 if silent[c] else int(scales[c] / unit) for c in range(channels)]
    shares = [Fraction(v) / unit for v in np.broadcast_to(last.offset, channels)]
    whole = [s.numerator // s.denominator for s in shares]
    rest = sorted(range(channels), key=lambda c: (shares[c] - whole[c], -c))
    place = {c: rank for rank, c in enumerate(rest)}
    power = 1 << max(0, (channels - 1).bit_length())
    keys = [(m * power, n * power + place[c]) for c, (m, n) in enumerate(zip(factors, whole, strict=True))]
    if max(max(abs(m * x + a) for x in (codes.low, codes.high)) for m, a in keys) >= LARGEST_KEY:
        return None
    found = np.array(keys, np.int64).T.copy()
    raw = layer is not None and layer.activation is None
    return found if raw or _in_order(found) else None


def _in_order(keys: NDArray[np.int64]) -> bool:
    """Whether the values order the channels as they are, the lower index first among equals."""
    factor, addend = keys
    one = bool((factor == factor[0]).all())
    return one and bool((np.diff(addend) <= 0).all()) and int(addend[0] - addend[-1]) < int(factor[0])
