"""Operators that only move numbers. They act on a value's index, and on nothing else."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np

from ternc.frontend import fold
from ternc.frontend.filled import MINUS_INFINITY, filled
from ternc.frontend.values import (
    NOTHING,
    Choice,
    Const,
    Index,
    Joined,
    Node,
    Partial,
    TooLargeError,
    Value,
    View,
    require_size,
)
from ternc.frontend.walk import Walk, handles, said, tidy

ARRANGE = "an arrangement: no hardware"


@handles(
    "Reshape", "Flatten", "Transpose", "Squeeze", "Unsqueeze", "Slice", "Split", "Gather", "GatherElements",
    "GatherND", "Expand", "Tile", "SpaceToDepth", "DepthToSpace",
    becomes=ARRANGE, fills=True,
)  # fmt: skip
def move(walk: Walk, node: Node) -> Value | list[Value]:
    """Any operator whose output elements are input elements: onnx's reference moves the index."""
    value = walk.value(node, 0)
    if isinstance(value, Choice):
        (index,) = _moved(walk, node, value.index)[:1]
        return replace(value, name=node.outputs[0], index=index)
    computed = walk.computed(node)
    parts = computed.parts if isinstance(computed, Joined) else (computed,)
    moved = [_moved(walk, node, part.index) for part in parts]
    return [
        tidy(
            name, [replace(part, name=name, index=found[i]) for part, found in zip(parts, moved, strict=True)]
        )
        for i, name in enumerate(node.outputs)
    ]


def _moved(walk: Walk, node: Node, index: Index) -> list[Index]:
    """The node's outputs, were the index its input."""
    constants = [walk.const(node, i, "shape operand") for i in range(1, len(node.inputs))]
    # 0 is what padding gives.
    arrays = [index - NOTHING, *(None if c is None else c.array for c in constants)]
    if node.op == "Reshape" and "shape" in node.attributes:
        arrays, node = [arrays[0], np.array(node.attributes["shape"], np.int64)], _with_shape(node)
    try:
        found = fold.evaluate(node, arrays, max(walk.graph.opset, 5))
    except TooLargeError:
        raise
    except Exception as error:
        raise walk.refuse(
            node,
            f": cannot be applied to a value of shape {list(index.shape)}, for a batch of 1 ({said(error)})",
            help="export with a batch size of 1 or a dynamic batch",
        ) from error
    return [np.ascontiguousarray(a.astype(np.int64) + NOTHING) for a in found]


def _with_shape(node: Node) -> Node:
    """Reshape as newer operator sets have it."""
    kept = {k: v for k, v in node.attributes.items() if k != "shape"}
    return replace(node, inputs=(node.inputs[0], "shape"), attributes=kept)


@handles("Pad", becomes=ARRANGE, fills=True)
def pad(walk: Walk, node: Node) -> Value:
    """A number around a value, or a part of it (negative pads)."""
    computed = walk.computed(node)
    mode = str(node.attributes.get("mode", "constant"))
    if mode not in ("constant", "edge", "reflect", "wrap"):
        raise walk.refuse(node, f": its mode must be constant, edge, reflect or wrap, but is {mode}")
    fill = _filler(walk, node) if mode == "constant" else computed.fill
    if np.any(computed.index == NOTHING) and fill != computed.fill:
        computed = filled(walk.build, computed, walk.where(node))
    pads = walk.const(node, 1, "pads")
    amounts = node.attributes.get("pads") if pads is None else pads.array.ravel().tolist()
    rank = computed.index.ndim
    chosen = walk.const(node, 3, "axes")
    axes = list(range(rank)) if chosen is None else [int(a) % rank for a in chosen.array.ravel()]
    if amounts is None or len(amounts) != 2 * len(axes):
        raise walk.refuse(node, f": its pads must be two numbers for each of {len(axes)} axes")
    before, after = [0] * rank, [0] * rank
    for i, axis in enumerate(axes):
        before[axis], after[axis] = int(amounts[i]), int(amounts[len(axes) + i])

    def padded(index: Index) -> Index:
        widths = [(max(b, 0), max(a, 0)) for b, a in zip(before, after, strict=True)]
        require_size(n + sum(width) for n, width in zip(index.shape, widths, strict=True))
        if mode == "constant":
            wide = np.pad(index, widths, constant_values=NOTHING)
        else:
            wide = np.pad(index, widths, mode=mode)  # type: ignore[call-overload]
        cut = [slice(max(-b, 0), n - max(-a, 0)) for b, a, n in zip(before, after, wide.shape, strict=True)]
        return np.asarray(wide[tuple(cut)])

    moved = walk.arranged(computed, node.outputs[0], padded)
    if isinstance(moved, Joined):
        return replace(moved, parts=tuple(replace(part, fill=fill) for part in moved.parts))
    return replace(moved, fill=fill)


def _filler(walk: Walk, node: Node) -> Fraction:
    """What stands in a padding."""
    filler = walk.const(node, 2, "value")
    given = float(node.attributes.get("value", 0.0) if filler is None else np.ravel(filler.array)[0])
    if given == -np.inf:
        return MINUS_INFINITY
    if not np.isfinite(given):
        raise walk.refuse(
            node,
            f": it must pad with a number, but pads with {given:g}",
            help="pad with a value of its quantiser",
        )
    return Fraction(given)


@handles("Concat", becomes=ARRANGE)
def concat(walk: Walk, node: Node) -> Value:
    """Values side by side along one axis; constant zeros are a padding."""
    values = [walk.values[name] for name in node.inputs]
    axis = int(node.attributes.get("axis", 1))
    shapes = [v.array.shape if isinstance(v, Const) else _index(walk, node, v).shape for v in values]
    axis %= len(shapes[0])
    parts: list[View] = []
    for position, value in enumerate(values):
        if isinstance(value, Const):
            if np.any(value.array != 0):
                raise walk.refuse(
                    node, f": the constant '{value.name}' beside computed values must be 0, but is not"
                )
            continue
        before = [(0, 0)] * len(shapes[0])
        before[axis] = (
            sum(shape[axis] for shape in shapes[:position]),
            sum(shape[axis] for shape in shapes[position + 1 :]),
        )
        computed = walk.computed(node, position)
        for part in computed.parts if isinstance(computed, Joined) else (computed,):
            index = np.pad(part.index, before, constant_values=NOTHING)
            parts.append(replace(part, name=node.outputs[0], index=index))
    return tidy(node.outputs[0], parts)


def _index(walk: Walk, node: Node, value: Value) -> Index:
    if isinstance(value, View | Joined):
        return value.index
    raise walk.refuse(node, ": cannot join the result of ArgMax or TopK")


@handles("Shape", "Size", becomes="constant, folded")
def shape(walk: Walk, node: Node) -> Value:
    """The shape for a batch of 1."""
    value = walk.value(node, 0)
    match value:
        case Choice(index=index) | Partial(view=View(index=index)):
            pass
        case _:
            index = walk.computed(node).index
    if node.op == "Size":
        return Const(array=np.array(index.size, np.int64), name=node.outputs[0])
    start, end = node.attributes.get("start", 0), node.attributes.get("end")
    return Const(array=np.array(index.shape[start:end], np.int64), name=node.outputs[0])
