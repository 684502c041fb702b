"""Reductions over any axes: pools of whole axes, or dense layers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ternc.errors import ModelError
from ternc.frontend.layer import Layer, weighted
from ternc.frontend.ops_elementwise import useful
from ternc.frontend.ops_pool import average, maximum
from ternc.frontend.pooling import Pooling
from ternc.frontend.values import Computed, Joined, Map, Node, Value, View
from ternc.frontend.walk import HostOnlyError, Walk, handles
from ternc.network.steps import Divide

LARGEST_SUM = 1 << 22
"""Most weights of a dense layer that makes the sums of a reduction."""


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
    if back.rows and back.columns and size[1] == 1:  # height and width may have been flattened into one axis
        size = (size[0], *(walk.build.pixels_behind(value, size[2]) or size[1:]))
    turned = walk.arranged(value, value.name, lambda index: index.transpose(back.order).reshape(1, *size))
    kernel = (size[1] if back.rows else 1, size[2] if back.columns else 1)
    found = Pooling(
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


def _reduced(walk: Walk, node: Node, value: Computed, size: Map, found: Pooling, *, plain: bool) -> Value:
    """The reduction as a pool of a map, or where it is not ``plain``, as a dense layer."""
    divide = node.op == "ReduceMean"
    if node.op == "ReduceMax":
        return maximum(walk, node, value, size, found, 4)
    if plain:
        return average(walk, node, value, size, found, divide=divide)
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
    channels, count = size[0], size[1] * size[2]
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
