"""The network's two ends: its input as the walk's first view, and its output with ArgMax and TopK."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from ternc.errors import ModelError
from ternc.frontend import fold
from ternc.frontend.build import Operand, channel_ranges, make_pool
from ternc.frontend.grid import Rationals, affine, find_grid
from ternc.frontend.load import OnnxGraph
from ternc.frontend.ops_pool import stored
from ternc.frontend.values import (
    Accumulator,
    Choice,
    GraphInput,
    Index,
    Map,
    Node,
    Stored,
    Value,
    View,
    plain_index,
)
from ternc.frontend.walk import Walk, handles
from ternc.network.layers import IntRange, Output
from ternc.network.thresholds import direction

LARGEST_KEY = 2**31


def first_view(graph: OnnxGraph) -> View:
    """The graph input for a batch of 1.

    Raises:
        ModelError: A symbolic dimension beyond the batch, a fixed batch above 1, or a type that is not supported.
    """
    given = graph.input
    where = f"{graph.file}: input '{given.name}'"
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
            help="export with a batch of 1",
        )
    bounds = fold.type_range(given.dtype)
    if given.dtype != "float32" and bounds is None:
        raise ModelError(f"{where}: it must be float32 or an integer, but is {given.dtype}")
    narrow = bounds is not None and bounds[1] - bounds[0] < 256
    shape = (1, *(int(n or 1) for n in given.shape[1:]))
    source = GraphInput(
        name=given.name,
        shape=shape,
        dtype=given.dtype,
        range=IntRange(low=bounds[0], high=bounds[1]) if bounds is not None and narrow else None,
    )
    index = plain_index(shape)
    return View(name=given.name, source=source, index=index, size=(index.size, 1, 1), dtype=given.dtype)


@handles("ArgMax", becomes="the largest channel, on chip")
def arg_max(walk: Walk, node: Node) -> Value:
    """ArgMax over the channels."""
    view = walk.view(node)
    if node.attributes.get("select_last_index", 0):
        raise walk.refuse(node, ": of equal values it must select the first, but select_last_index is set")
    keep = bool(node.attributes.get("keepdims", 1))
    return _choice(walk, node, view, int(node.attributes.get("axis", 0)), keep, node.outputs[0])


@handles("TopK", becomes="the largest channel, on chip")
def top_k(walk: Walk, node: Node) -> Value:
    """TopK with k = 1 of which only the index is read."""
    view = walk.view(node)
    count = walk.const(node, 1, "k")
    k = int(node.attributes.get("k", 1)) if count is None else int(count.array.reshape(-1)[0])
    if k != 1 or not node.attributes.get("largest", 1):
        raise walk.refuse(
            node, f": only the one largest value is supported, but k is {k}", help="use ArgMax or k = 1"
        )
    if walk.uses.get(node.outputs[0]) or len(node.outputs) < 2:
        raise walk.refuse(node, ": only its second output (the index) is supported")
    return _choice(walk, node, view, int(node.attributes.get("axis", -1)), True, node.outputs[1])


def _choice(walk: Walk, node: Node, view: View, axis: int, keep: bool, name: str) -> Choice:
    if isinstance(view.source, GraphInput):
        view = stored(walk, node, view)
    rank, (channels, height, width) = view.index.ndim, view.size
    axis += rank if axis < 0 else 0
    order = np.moveaxis(view.index, axis, -1) if 0 <= axis < rank else view.index[..., None]
    pixel = order[..., 0]
    plain = order.shape[-1] == channels and np.array_equal(
        order, pixel[..., None] + np.arange(channels) * (height * width)
    )
    if not plain:
        raise walk.refuse(
            node, f": its axis must be the channels of '{view.name}', in the order they were computed"
        )
    index = np.expand_dims(pixel, axis) if keep else pixel
    return Choice(name=name, view=view, index=index, dtype="int64", node=node)


def finish(walk: Walk, value: Value) -> Output:
    """The network's output; finishes its last layer.

    Raises:
        ModelError: The output is constant, has no batch axis, or ends in something neither affine nor quantised.
    """
    where = f"{walk.graph.file}: output '{walk.graph.output}'"
    match value:
        case View() as view:
            index = view.index
        case Choice(view=view, index=index):
            pass
        case _:
            raise ModelError(f"{where}: it must depend on the input, but is constant")
    if index.ndim < 1 or index.shape[0] != 1:
        raise ModelError(
            f"{where}: its first axis must be the batch of 1, but its shape is {list(index.shape)}"
        )
    tensor, scale, offset, size, upsample = _last(walk, view, where)
    if isinstance(value, Choice):
        index = _shrunk(index, (1, size[1], size[2]), upsample)
    else:
        index = _shrunk(index, size, upsample)
    channels = size[0]
    return Output(
        name=walk.graph.output,
        shape=tuple(int(n) for n in index.shape[1:]),
        dtype=value.dtype,
        tensor=tensor,
        scale=_floats(scale, channels),
        offset=_floats(offset, channels),
        gather=index.ravel(),
        argmax=isinstance(value, Choice),
        keys=_keys(walk, value, tensor, scale, offset, channels) if isinstance(value, Choice) else None,
    )


def _floats(values: Rationals, channels: int) -> NDArray[np.float64]:
    return np.array([float(v) for v in np.broadcast_to(values, channels)])


def _shrunk(index: Index, size: Map, upsample: tuple[int, int]) -> Index:
    """The index on the map before its enlargement."""
    if upsample == (1, 1):
        return index
    c, y, x = np.unravel_index(index, size)
    small = (size[0], size[1] // upsample[0], size[2] // upsample[1])
    return np.asarray(np.ravel_multi_index((c, y // upsample[0], x // upsample[1]), small), np.int64)


def _last(walk: Walk, view: View, where: str) -> tuple[str, Rationals, Rationals, Map, tuple[int, int]]:
    """Finish the last layer: its tensor, scale and offset per channel, the map of the index, enlargement left."""
    if isinstance(view.source, Accumulator) and find_grid(view.steps, _codes_of(view.source)) is None:
        return _raw(walk, view, view.source, where)
    operand = walk.build.operand(view, where)
    plain = operand.upsample == (1, 1) and walk.build.layers and np.all(operand.scale > 0)
    if not plain:
        operand = _copied(walk, view, operand, where)
    return operand.tensor.name, operand.scale, operand.offset, operand.size, operand.upsample


def _codes_of(acc: Accumulator) -> tuple[int, int] | None:
    return (acc.ranges[0].low, acc.ranges[0].high) if acc.kind == "identity" else None


def _copied(walk: Walk, view: View, operand: Operand, where: str) -> Operand:
    """The operand through a copying layer, which enlarges it and makes its scale positive."""
    again = replace(
        view,
        source=Stored(tensor=operand.tensor),
        steps=operand.factors,
        index=operand.index,
        size=operand.size,
        pool=None,
        upsample=(1, 1),
    )
    done = walk.build.operand(walk.build.identity(again, upsample=operand.upsample), where)
    sign = np.where(operand.scale < 0, -1, 1)
    return replace(done, scale=operand.scale * sign, offset=operand.offset)


def _raw(
    walk: Walk, view: View, acc: Accumulator, where: str
) -> tuple[str, Rationals, Rationals, Map, tuple[int, int]]:
    found = affine(view.steps)
    if found is None:
        raise ModelError(
            f"{where} is '{acc.name}' behind a clip or rounding that forms no integers: "
            "it must end in an affine function of a layer's sums, or in a quantiser",
            help="drop the activation behind the last layer, or quantise its output",
        )
    channels = acc.size[0]
    scale, offset = (np.broadcast_to(v, channels).copy() for v in found)
    sign = direction(view.steps, channels)
    trits = (acc.trits * sign[:, None, None, None]).astype(np.int8)
    silent = ~np.any(trits.reshape(channels, -1), axis=1)
    scale = np.array([Fraction(1) if silent[c] else abs(scale[c]) for c in range(channels)], object)
    ranges = channel_ranges(trits, acc.source.range)
    codes = IntRange(low=min(0, *(r.low for r in ranges)), high=max(0, *(r.high for r in ranges)))
    pool = make_pool(view, len(view.steps), np.ones(1, np.int8), silent)
    tensor = walk.build.add_layer(acc, trits, None, pool, view.name, codes)
    return tensor.name, scale, offset, view.size, view.upsample


def _keys(
    walk: Walk, choice: Choice, tensor: str, scale: Rationals, offset: Rationals, channels: int
) -> NDArray[np.int64]:
    """Integer keys that order the channels as their real values do, the lower index first among equals.

    With a common unit u, ``real / u = m_c * x + n_c + f_c`` with integers m_c, n_c and ``0 <= f_c < 1``, so
    ``(m_c * x + n_c) * 2^r + rank(f_c)`` orders them; 2^r is at least the number of channels.
    """
    tensors = {t.name: t for t in walk.build.tensors}
    codes = tensors[tensor].range
    layer = walk.build.layers[-1]
    scales = list(np.broadcast_to(scale, channels))
    moving = [c for c in range(channels) if layer.target != tensor or np.any(layer.trits[c])]
    used = [scales[c] for c in moving] or [Fraction(1)]
    unit = used[0]
    for value in used[1:]:
        unit = _common(unit, value)
    factors = [int(scales[c] / unit) if c in moving else 0 for c in range(channels)]
    shares = [Fraction(v) / unit for v in np.broadcast_to(offset, channels)]
    whole = [s.numerator // s.denominator for s in shares]
    rest = sorted(range(channels), key=lambda c: (shares[c] - whole[c], -c))
    place = {c: rank for rank, c in enumerate(rest)}
    power = 1 << max(0, (channels - 1).bit_length())
    keys = [(m * power, n * power + place[c]) for c, (m, n) in enumerate(zip(factors, whole, strict=True))]
    largest = max(max(abs(m * x + a) for x in (codes.low, codes.high)) for m, a in keys)
    if largest >= LARGEST_KEY:
        raise walk.refuse(
            choice.node,
            f": its channels must be comparable as 32-bit integers, but their scales have no common unit "
            f"(a comparison would need {largest.bit_length() + 1} bits)",
            help="end the network in its logits, or give the last layer one scale for all its channels",
        )
    return np.array(keys, np.int64).T.copy()


def _common(a: Fraction, b: Fraction) -> Fraction:
    """The largest fraction of which both are integer multiples."""
    denominator = np.lcm(np.array(a.denominator, object), np.array(b.denominator, object))
    x, y = int(a * int(denominator)), int(b * int(denominator))
    while y:
        x, y = y, x % y
    return Fraction(x, int(denominator))
