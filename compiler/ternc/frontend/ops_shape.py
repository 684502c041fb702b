"""Operators that only move numbers: they act on a view's index and nothing else."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from ternc.frontend.values import Choice, Const, Index, Node, Value, View
from ternc.frontend.walk import Walk, handles

ARRANGE = "an arrangement: no hardware"


def _moved(walk: Walk, node: Node) -> tuple[View | Choice, Index]:
    value = walk.value(node, 0)
    if isinstance(value, View | Choice):
        return value, value.index
    view = walk.view(node)
    return view, view.index


def _integers(walk: Walk, node: Node, position: int, what: str) -> list[int] | None:
    const = walk.const(node, position, what)
    return None if const is None else [int(v) for v in const.array.ravel()]


def _arranged(node: Node, value: View | Choice, index: Any) -> Value:
    return replace(value, name=node.outputs[0], index=np.ascontiguousarray(index, np.int64))


@handles("Reshape", becomes=ARRANGE)
def reshape(walk: Walk, node: Node) -> Value:
    """Reshape; 0 copies a dimension unless allowzero."""
    value, index = _moved(walk, node)
    wanted = _integers(walk, node, 1, "shape")
    if wanted is None:
        wanted = [int(v) for v in node.attributes.get("shape", [])]
    shape = list(wanted)
    if not node.attributes.get("allowzero", 0):
        shape = [index.shape[i] if n == 0 and i < index.ndim else n for i, n in enumerate(wanted)]
    try:
        return _arranged(node, value, index.reshape(shape))
    except ValueError:
        raise walk.refuse(
            node,
            f": cannot reshape {list(index.shape)} to {wanted} for a batch of 1",
            help="export with a batch size of 1 or a dynamic batch",
        ) from None


@handles("Flatten", becomes=ARRANGE)
def flatten(walk: Walk, node: Node) -> Value:
    """To two axes."""
    value, index = _moved(walk, node)
    axis = int(node.attributes.get("axis", 1))
    axis += index.ndim if axis < 0 else 0
    lead = int(np.prod(index.shape[:axis], dtype=np.int64))
    return _arranged(node, value, index.reshape(lead, -1))


@handles("Transpose", becomes=ARRANGE)
def transpose(walk: Walk, node: Node) -> Value:
    """Permute axes."""
    value, index = _moved(walk, node)
    perm = node.attributes.get("perm")
    return _arranged(node, value, index.transpose(perm) if perm else index.transpose())


@handles("Squeeze", becomes=ARRANGE)
def squeeze(walk: Walk, node: Node) -> Value:
    """Drop axes of length 1."""
    value, index = _moved(walk, node)
    axes = _integers(walk, node, 1, "axes") or node.attributes.get("axes")
    try:
        return _arranged(node, value, np.squeeze(index, None if axes is None else tuple(axes)))
    except ValueError:
        raise walk.refuse(
            node, f": cannot drop axes {axes} of a value of shape {list(index.shape)}"
        ) from None


@handles("Unsqueeze", becomes=ARRANGE)
def unsqueeze(walk: Walk, node: Node) -> Value:
    """Insert axes of length 1."""
    value, index = _moved(walk, node)
    axes = _integers(walk, node, 1, "axes") or node.attributes.get("axes") or []
    return _arranged(node, value, np.expand_dims(index, tuple(axes)))


@handles("Shape", "Size", becomes="constant, folded")
def shape(walk: Walk, node: Node) -> Value:
    """The shape for a batch of 1."""
    _, index = _moved(walk, node)
    if node.op == "Size":
        return Const(array=np.array(index.size, np.int64), name=node.outputs[0])
    start, end = node.attributes.get("start", 0), node.attributes.get("end")
    return Const(array=np.array(index.shape[start:end], np.int64), name=node.outputs[0])


@handles(
    "Concat", "Split", "Slice", "Gather", "GatherElements", "GatherND", "Expand", "Tile", "Pad", "DepthToSpace",
    "SpaceToDepth", "Where", becomes="refused",
)  # fmt: skip
def later_shape(walk: Walk, node: Node) -> Value:
    """Arrangements that need more than one source, or a part of one."""
    raise walk.refuse(
        node,
        ": this operator on a computed value is not supported yet",
        help="this version takes Reshape, Flatten, Transpose, Squeeze and Unsqueeze",
    )
