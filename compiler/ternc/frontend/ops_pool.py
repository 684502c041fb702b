"""Pools: a maximum joins the layer in front of it, an average is a layer with weights of 1."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ternc.errors import ModelError
from ternc.frontend.filled import MINUS_INFINITY, filled, has_filling
from ternc.frontend.layer import Layer, weighted
from ternc.frontend.ops_elementwise import useful
from ternc.frontend.ops_sum import summed
from ternc.frontend.pooling import Pooling, laid, lies, map_of, pooling, stood, whole
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
    plain_index,
)
from ternc.frontend.walk import HostOnlyError, Walk, handles, tidy
from ternc.network.steps import Divide, Multiply

LARGEST_PARTS = 100
"""Most sums of which a mean of uneven windows is made."""


@handles("MaxPool", "GlobalMaxPool", becomes="max pool of a layer", fills=True)
def max_pool(walk: Walk, node: Node) -> Value:
    """MaxPool with all its attributes; what lies outside the map does not take part."""
    value = walk.computed(node)
    size = map_of(walk, node, value)
    if len(node.outputs) > 1 and node.outputs[1]:
        raise walk.refuse(
            node,
            ": its second output (the indices) is not supported",
            help="unpool with a Resize or a ConvTranspose instead",
        )
    glob = node.op == "GlobalMaxPool"
    found = whole(size) if glob else pooling(walk, node, size, value.index.ndim - 2)
    if not glob:
        if not _covered(found, size):
            raise walk.refuse(
                node, ": each of its windows must hold a pixel, but some lie in the padding alone"
            )
        value, size, found = _unpadded(walk, value, size, found)
    if has_filling(value):
        value = filled(walk.build, value, walk.where(node))
    if lies(value, size):
        row = laid(walk, value, size)
        made = maximum(walk, node, row, (size[0], 1, size[1]), found.turned, 4)
        assert isinstance(made, View | Joined)
        return stood(walk, node, made)
    return maximum(walk, node, value, size, found, value.index.ndim)


def _covered(found: Pooling, size: Map) -> bool:
    """Whether each window holds a pixel of the map."""
    for n in (0, 1):
        places = _places(found, n)
        if not np.all(((places >= 0) & (places < size[1 + n])).any(axis=1)):
            return False
    return True


def _unpadded(walk: Walk, value: Computed, size: Map, found: Pooling) -> tuple[Computed, Map, Pooling]:
    """A value, its map and its pool; what pads the value is the pool's own padding where it never is the largest."""
    there = (value.index != NOTHING).reshape(size)
    rows, columns = (np.flatnonzero(there.any(axis=axes)) for axes in ((0, 2), (0, 1)))
    if not rows.size or there.all():
        return value, size, found
    box = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    views = value.parts if isinstance(value, Joined) else (value,)
    reach = [walk.build.reach(view) for view in views]
    never = value.fill <= MINUS_INFINITY or all(r is not None and value.fill <= r[0] for r in reach)
    if not never or not there[:, *box].all():
        return value, size, found
    inner = size[0], box[0].stop - box[0].start, box[1].stop - box[1].start
    top, left, bottom, right = found.padding
    padding = (
        top + box[0].start,
        left + box[1].start,
        bottom + size[1] - box[0].stop,
        right + size[2] - box[1].stop,
    )
    shape = (1, inner[0], inner[2]) if value.index.ndim == 3 else (1, *inner)
    cut = walk.arranged(value, value.name, lambda index: index.reshape(size)[:, *box].reshape(shape))
    own = replace(found, padding=padding)
    return (cut, inner, own) if _covered(own, inner) else (value, size, found)


def maximum(walk: Walk, node: Node, value: Computed, size: Map, found: Pooling, rank: int) -> Value:
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


def _maximum_of_parts(walk: Walk, node: Node, value: Joined, size: Map, found: Pooling, rank: int) -> Value:
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
        pooled = maximum(walk, node, inner, (int(there.sum()), *size[1:]), found, rank)
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
    size = map_of(walk, node, value)
    axes = value.index.ndim - 2
    found = whole(size) if node.op == "GlobalAveragePool" else pooling(walk, node, size, axes)
    counts = [_counts(node, found, size, n, axes) for n in (0, 1)]
    if lies(value, size):
        made = _mean(walk, node, laid(walk, value, size), (size[0], 1, size[1]), found.turned, counts[::-1])
        return stood(walk, node, made)
    return _mean(walk, node, value, size, found, counts)


def _mean(
    walk: Walk, node: Node, value: Computed, size: Map, found: Pooling, counts: list[list[int]]
) -> View:
    """The mean of each window, given how many pixels each counts along either axis."""
    try:
        if any(len(set(c)) > 1 or c[0] != found.kernel[n] for n, c in enumerate(counts)):
            return _uneven(walk, node, value, size, found, counts)
        return average(walk, node, value, size, found, divide=True)
    except ModelError as error:  # behind the last layer, of values that nothing quantises, it is the host's
        raise HostOnlyError(error.sentence, help=error.help) from error


def _counts(node: Node, found: Pooling, size: Map, n: int, axes: int) -> list[int]:
    """Along one axis, how many pixels each window counts: those of the map, or those of the map and its padding."""
    low, high = 0, size[1 + n]
    if n >= 2 - axes and node.attributes.get("count_include_pad", 0):
        pads = [int(v) for v in node.attributes.get("pads", [])]
        low, high = (-found.padding[n], high + (pads[n - 2] if pads else found.padding[2 + n]))
    return [int(np.count_nonzero((at >= low) & (at < high))) for at in _places(found, n)]


def _places(found: Pooling, n: int) -> NDArray[np.int64]:
    """Along one axis, the pixels ``[positions, kernel]`` of each window; those outside the map too."""
    starts = np.arange(found.size[n]) * found.stride[n] - found.padding[n]
    return np.asarray(starts[:, None] + np.arange(found.kernel[n]) * found.dilation[n], np.int64)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """Along one axis, windows whose sum is multiplied with a factor: all of them, or that of one position alone.

    One position is read alone with a stride so long that every other one lies outside of the map.
    """

    kernel: int
    stride: int
    padding: int
    factor: int


def _parts(found: Pooling, n: int, length: int, counts: list[int]) -> tuple[int, list[_Part]]:
    """The divisor, a multiple of all counts, and the parts that together have each sum ``divisor / count`` times."""
    divisor = math.lcm(*counts)
    usual = divisor // max(counts)
    parts = [_Part(kernel=found.kernel[n], stride=found.stride[n], padding=found.padding[n], factor=usual)]
    for position, (places, count) in enumerate(zip(_places(found, n), counts, strict=True)):
        if count < max(counts):
            inside = places[(places >= 0) & (places < length)]
            if not inside.size:
                continue  # a window of counted zeros
            first, last = int(inside[0]), int(inside[-1])
            stride = max(length - first, last + 1)
            padding = stride * position - first
            extra = divisor // count - usual
            parts.append(_Part(kernel=len(inside), stride=stride, padding=padding, factor=extra))
    return divisor, parts


def _uneven(
    walk: Walk, node: Node, value: Computed, size: Map, found: Pooling, counts: list[list[int]]
) -> View:
    """The mean of windows that do not all count the same number of pixels: each sum times its share of one divisor."""
    if min(min(c) for c in counts) < 1:
        raise walk.refuse(node, ": each of its windows must hold a pixel, but some lie in the padding alone")
    (over, rows), (across, columns) = (_parts(found, n, size[1 + n], counts[n]) for n in (0, 1))
    if len(rows) * len(columns) > LARGEST_PARTS:
        raise walk.refuse(
            node,
            f": its windows at the border count fewer pixels, at {len(rows) - 1} rows and {len(columns) - 1} columns, "
            f"which takes more than {LARGEST_PARTS} sums",
            help="export with count_include_pad=1, with less padding, or without ceil_mode",
        )
    views: list[tuple[Computed, int]] = []
    for row, column in itertools.product(rows, columns):
        part = replace(
            found,
            kernel=(row.kernel, column.kernel),
            stride=(row.stride, column.stride),
            padding=(row.padding, column.padding, 0, 0),
        )
        view = average(walk, node, value, size, part, divide=False)
        share = useful(Multiply(factor=np.array([float(row.factor * column.factor)])))
        views.append((replace(view, steps=(*view.steps, *share)), 1))
    total = summed(walk, node, views)
    assert isinstance(total.source, Accumulator)
    divide = Divide(divisor=np.array([float(over * across)]))
    source = replace(total.source, kind="average")
    return replace(total, source=source, steps=(*total.steps, divide))


def average(walk: Walk, node: Node, value: Computed, size: Map, found: Pooling, *, divide: bool) -> View:
    """The sums of a value's windows, divided by the number of their pixels if wanted."""
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
