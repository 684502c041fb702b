"""Pools: a maximum joins the layer in front of it, an average is a layer with weights of 1."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ternc.errors import ModelError
from ternc.frontend.layer import Layer, weighted
from ternc.frontend.ops_elementwise import useful
from ternc.frontend.reads import Window, one_hot, operands, reads
from ternc.frontend.values import (
    NOTHING,
    Accumulator,
    Computed,
    Joined,
    Map,
    Mean,
    Node,
    PendingPool,
    Value,
    View,
    map_shape,
    plain_index,
)
from ternc.frontend.walk import HostOnlyError, Walk, handles, tidy
from ternc.network.steps import Divide

LARGEST_SUM = 1 << 22
"""Most weights of a dense layer that makes the sums of a reduction."""


def _map(walk: Walk, node: Node, value: Computed) -> Map:
    shape = value.index.shape
    size = map_shape(shape)
    if size is None:
        raise walk.refuse(
            node,
            f": its input must be [1, C, L] or [1, C, H, W], but is {list(shape)}",
            help="pool a 3-D map in two steps, with a Reshape in front of each",
        )
    return size


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pooling:
    """A pool's window; ``size`` is its output's (height, width)."""

    kernel: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int, int, int]
    dilation: tuple[int, int]
    size: tuple[int, int]


def _pooling(walk: Walk, node: Node, size: Map, axes: int) -> _Pooling:
    """Read a pool's attributes."""
    given = node.attributes
    kernel = [int(v) for v in given.get("kernel_shape", [])]
    if len(kernel) != axes:
        raise walk.refuse(node, f": its window must have {axes} axes, but has {len(kernel)}")
    lead = [1] * (2 - axes)
    stride = lead + [int(v) for v in given.get("strides", [1] * axes)]
    dilation = lead + [int(v) for v in given.get("dilations", [1] * axes)]
    pads = [int(v) for v in given.get("pads", [0] * (2 * axes))]
    if axes == 1:
        pads = [0, pads[0], 0, pads[1]]
    kernel = lead + kernel
    auto = str(given.get("auto_pad", "NOTSET"))
    up = bool(given.get("ceil_mode", 0))
    out = []
    for i in (0, 1):
        n, reach = size[1 + i], (kernel[i] - 1) * dilation[i] + 1
        if auto.startswith("SAME"):
            total = max((-(-n // stride[i]) - 1) * stride[i] + reach - n, 0)
            less, more = total // 2, total - total // 2
            pads[i], pads[i + 2] = (less, more) if auto == "SAME_UPPER" else (more, less)
        elif auto == "VALID":
            pads[i] = pads[i + 2] = 0
        room = n + pads[i] + pads[i + 2] - reach
        count = (-(-room // stride[i]) if up else room // stride[i]) + 1
        if up and (count - 1) * stride[i] >= n + pads[i]:
            count -= 1  # a window that would start in the padding behind is left out
        out.append(count)
        pads[i + 2] = max(0, (count - 1) * stride[i] + reach - n - pads[i])
    if min(out) < 1 or min(*stride, *dilation) < 1 or min(pads[:2]) < 0:
        raise walk.refuse(
            node, f": its window of {kernel[0]} x {kernel[1]} must fit into the map of {size[1]} x {size[2]}"
        )
    return _Pooling(
        kernel=(kernel[0], kernel[1]),
        stride=(stride[0], stride[1]),
        padding=(pads[0], pads[1], pads[2], pads[3]),
        dilation=(dilation[0], dilation[1]),
        size=(out[0], out[1]),
    )


@handles("MaxPool", "GlobalMaxPool", becomes="max pool of a layer")
def max_pool(walk: Walk, node: Node) -> Value:
    """MaxPool with all its attributes; what lies outside the map does not take part."""
    value = walk.computed(node)
    size = _map(walk, node, value)
    if len(node.outputs) > 1 and node.outputs[1]:
        raise walk.refuse(
            node,
            ": its second output (the indices) is not supported",
            help="unpool with a Resize or a ConvTranspose instead",
        )
    if node.op == "GlobalMaxPool":
        return _maximum(walk, node, value, size, _whole(size), value.index.ndim)
    found = _pooling(walk, node, size, value.index.ndim - 2)
    for i in (0, 1):
        taps = (
            np.arange(found.size[i])[:, None] * found.stride[i]
            + np.arange(found.kernel[i]) * found.dilation[i]
        )
        inside = (taps >= found.padding[i]) & (taps < found.padding[i] + size[1 + i])
        if not np.all(inside.any(axis=1)):
            raise walk.refuse(
                node, ": each of its windows must hold a pixel, but some lie in the padding alone"
            )
    return _maximum(walk, node, value, size, found, value.index.ndim)


def _whole(size: Map) -> _Pooling:
    return _Pooling(
        kernel=(size[1], size[2]), stride=(1, 1), padding=(0, 0, 0, 0), dilation=(1, 1), size=(1, 1)
    )


def _maximum(walk: Walk, node: Node, value: Computed, size: Map, found: _Pooling, rank: int) -> Value:
    """The window maximum of a value, as one pool for each of its sources."""
    if found.kernel == (1, 1) and found.stride == (1, 1) and not any(found.padding):
        return walk.arranged(value, node.outputs[0], lambda index: index)
    if isinstance(value, Joined):
        return _maximum_of_parts(walk, node, value, size, found, rank)
    view = _poolable(walk, node, value, size)
    out = (size[0], *found.size)
    pool = PendingPool(
        kernel=found.kernel,
        stride=found.stride,
        padding=found.padding,
        dilation=found.dilation,
        size=found.size,
        before=len(view.steps),
    )
    shape = (1, out[0], out[2]) if rank == 3 else (1, *out)
    return replace(view, name=node.outputs[0], pool=pool, size=out, index=plain_index(shape))


def _maximum_of_parts(walk: Walk, node: Node, value: Joined, size: Map, found: _Pooling, rank: int) -> Value:
    """A concatenation along the channels: one pool for each part."""
    parts = []
    for part in value.parts:
        there = np.any(part.index.reshape(size[0], -1) != NOTHING, axis=1)
        if np.any(part.index.reshape(size[0], -1)[there] == NOTHING):
            raise walk.refuse(
                node,
                f": '{value.name}' is joined along height or width, which a max pool cannot cross",
                help="pool before the concatenation",
            )
        inner = replace(part, index=part.index[:, there])
        pooled = _maximum(walk, node, inner, (int(there.sum()), *size[1:]), found, rank)
        assert isinstance(pooled, View)
        shape = (1, size[0], *pooled.index.shape[2:])
        index = np.full(shape, NOTHING)
        index[:, there] = pooled.index
        parts.append(replace(pooled, index=index))
    return tidy(node.outputs[0], parts)


def _poolable(walk: Walk, node: Node, view: View, size: Map) -> View:
    """The view with an accumulator of the map ``size`` as its source that can still take a pool."""
    plain = view.size == size and np.array_equal(view.index.ravel(), np.arange(view.index.size))
    free = isinstance(view.source, Accumulator) and view.pool is None and plain
    if free and not view.shared:
        return view
    where = walk.where(node)
    try:
        found = operands(walk.build, view, where)
    except ModelError:
        if free:  # not quantised in front of the pool: the layer is computed once more, with the pool
            return view
        raise
    reached = reads(walk.build, found, size, where, view.name, Window(size=(size[1], size[2])))
    if not reached:
        raise walk.refuse(node, ": its output does not depend on the network's input")
    operand = reached[0].operand
    terms = one_hot(operand, reached[0].accesses, size)
    copy = walk.build.copying(view.name, terms, size)
    steps = operand.steps
    several = operand.scale.size > 1 or operand.offset.size > 1
    if not plain and (several or (np.any(operand.offset != 0) and NOTHING in operand.index)):
        raise walk.refuse(node, f" reads '{view.name}' rearranged, with another scale in each channel")
    return View(
        name=view.name,
        source=copy,
        index=plain_index((1, *size)),
        size=size,
        dtype=view.dtype,
        steps=steps,
    )


@handles("AveragePool", "GlobalAveragePool", becomes="layer of weights 1")
def average_pool(walk: Walk, node: Node) -> Value:
    """The mean of each window: a sum by the array, the division a step."""
    value = walk.computed(node)
    size = _map(walk, node, value)
    axes = value.index.ndim - 2
    found = _whole(size) if node.op == "GlobalAveragePool" else _pooling(walk, node, size, axes)
    counted = bool(node.attributes.get("count_include_pad", 0))
    ceil = bool(node.attributes.get("ceil_mode", 0))
    outside = any(n > 0 for n in found.padding)
    if outside and (not counted or (ceil and _beyond(node, found, axes))):
        raise walk.refuse(
            node,
            ": the mean of its windows at the border counts fewer pixels, which one divisor cannot express",
            help="export with count_include_pad=1, without padding, or without ceil_mode",
        )
    return _average(walk, node, value, size, found, divide=True)


def _beyond(node: Node, found: _Pooling, axes: int) -> bool:
    """Whether ceil_mode makes windows that reach beyond the declared padding."""
    pads = [int(v) for v in node.attributes.get("pads", [0] * (2 * axes))]
    declared = [0] * (2 - axes) + pads[axes:]
    return any(found.padding[2 + i] > declared[i] for i in (0, 1))


def _average(walk: Walk, node: Node, value: Computed, size: Map, found: _Pooling, *, divide: bool) -> View:
    channels = size[0]
    layer = Layer(
        node=node,
        kind="average" if divide else "sum",
        const=None,
        layout=np.zeros(0, np.int64),
        window=Window(
            size=found.size,
            kernel=found.kernel,
            stride=found.stride,
            padding=found.padding[:2],
            dilation=found.dilation,
        ),
        groups=channels,
    )
    view = weighted(walk, layer, value, size, np.ones((channels, 1, *found.kernel)))
    count = found.kernel[0] * found.kernel[1]
    steps = useful(Divide(divisor=np.array([float(count)]))) if divide else ()
    index = view.index.reshape(1, channels, found.size[1]) if value.index.ndim == 3 else view.index
    assert isinstance(view.source, Accumulator)
    mean = Mean(
        node=node.name,
        value=value,
        size=size,
        kernel=found.kernel,
        stride=found.stride,
        dilation=found.dilation,
        padding=found.padding[:2],
        front=len(view.steps) + len(steps),
        divide=steps,
    )
    return replace(
        view,
        name=node.outputs[0],
        source=replace(view.source, mean=mean),
        index=index,
        steps=(*view.steps, *steps),
    )


@handles("ReduceMean", "ReduceSum", "ReduceMax", becomes="pool over whole axes")
def reduce(walk: Walk, node: Node) -> Value:
    """A mean, sum or maximum over any axes."""
    value = walk.computed(node)
    rank = value.index.ndim
    given: Any = node.attributes.get("axes")
    const = walk.const(node, 1, "axes") if len(node.inputs) > 1 else None
    if const is not None:
        given = const.array.ravel().tolist()
    if not given:
        given = [] if node.attributes.get("noop_with_empty_axes", 0) else list(range(rank))
    axes = sorted({int(a) % rank for a in given})
    if not axes:
        return walk.arranged(value, node.outputs[0], lambda index: index)
    shape = value.index.shape
    if 0 in axes and walk.graph.batch > 1:
        raise walk.refuse(node, ": it must not reduce the batch")
    back = _turned(shape, axes)
    size = back.size
    turned = walk.arranged(value, value.name, lambda index: index.transpose(back.order).reshape(1, *size))
    kernel = (size[1] if back.rows else 1, size[2] if back.columns else 1)
    found = _Pooling(
        kernel=kernel,
        stride=(1, 1),
        padding=(0, 0, 0, 0),
        dilation=(1, 1),
        size=(size[1] - kernel[0] + 1, size[2] - kernel[1] + 1),
    )
    try:
        result = _reduced(walk, node, turned, size, found, plain=back.map)
    except ModelError as error:  # behind the last layer, in a softmax spelled out, it is the host's
        raise HostOnlyError(error.sentence, help=error.help) from error
    assert isinstance(result, View | Joined)
    keep = bool(node.attributes.get("keepdims", 1))
    full = tuple(1 if i in axes else n for i, n in enumerate(shape))
    final = full if keep else tuple(n for i, n in enumerate(full) if i not in axes)

    def restore(index: Any) -> Any:
        kept = index.reshape([full[i] for i in back.order])
        return kept.transpose(np.argsort(back.order)).reshape(final)

    return walk.arranged(result, node.outputs[0], restore)


def _reduced(walk: Walk, node: Node, value: Computed, size: Map, found: _Pooling, *, plain: bool) -> Value:
    """The reduction as a pool of a map, or where it is not ``plain``, as a dense layer."""
    divide = node.op == "ReduceMean"
    if node.op == "ReduceMax":
        return _maximum(walk, node, value, size, found, 4)
    if plain:
        return _average(walk, node, value, size, found, divide=divide)
    return _dense_sum(walk, node, value, size, divide=divide)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Turned:
    """How a value's axes are ordered to be a map, and which of height and width are reduced.

    Attributes:
        order: The value's axes; those of size 1 come first.
        size: Of the map.
        map: Whether the map is the value's own, one axis for each of its axes; else channels are all that is kept and
            the width all that is reduced.
    """

    order: list[int]
    size: Map
    rows: bool
    columns: bool
    map: bool


def _turned(shape: tuple[int, ...], axes: list[int]) -> _Turned:
    """The value as ``[1, C, H, W]`` with all reduced axes among the last two."""
    ones = [a for a, n in enumerate(shape) if n == 1]
    reduced = [a for a in axes if shape[a] > 1]
    kept = [a for a, n in enumerate(shape) if n > 1 and a not in axes]
    if len(reduced) == 1 and len(kept) == 2:
        inner = sorted([reduced[0], kept[1]])
        order = [*ones, kept[0], *inner]
        rows = inner[0] == reduced[0]
        size = (shape[kept[0]], shape[inner[0]], shape[inner[1]])
        return _Turned(order=order, size=size, rows=rows, columns=not rows, map=True)
    order = [*ones, *kept, *reduced]
    channels, count = (int(np.prod([shape[a] for a in part], dtype=np.int64)) for part in (kept, reduced))
    plain = len(kept) == 1 and len(reduced) <= 2
    height = shape[reduced[0]] if plain and len(reduced) == 2 else 1
    size = (channels, height, count // height)
    return _Turned(order=order, size=size, rows=True, columns=True, map=plain)


def _dense_sum(walk: Walk, node: Node, value: Computed, size: Map, *, divide: bool) -> View:
    """The sum of each channel of a map, as a dense layer that reads all of them wherever they are."""
    channels, _, count = size
    if channels * channels * count > LARGEST_SUM:
        raise walk.refuse(
            node,
            f": its {channels:,} sums of {count:,} values are no pool of a map",
            help="reduce height and width of [1, C, H, W], or one axis",
        )
    layer = Layer(node=node, kind="sum", const=None, layout=np.zeros(0, np.int64), window=None)
    flat = walk.arranged(value, value.name, np.ravel)
    view = weighted(
        walk,
        layer,
        flat,
        (channels * count, 1, 1),
        np.asarray(np.kron(np.eye(channels), np.ones(count)), np.float64),
    )
    steps = useful(Divide(divisor=np.array([float(count)]))) if divide else ()
    return replace(view, name=node.outputs[0], steps=(*view.steps, *steps))
