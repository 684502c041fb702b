"""Straight-through estimators: ``x + (q - x)`` with a quantised copy q of x is q.

Training code writes ``x + (q(x) - x).detach()`` to pass gradients around a rounding, and exporters keep it, QKeras'
with a factor of 1 in between. Both terms x cancel exactly; in float arithmetic the value is only close to q.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from ternc.frontend.values import Array, Node

DEEPEST = 32
"""Operators between x and q, at most."""


def without_estimators(nodes: tuple[Node, ...], initialisers: Mapping[str, Array]) -> tuple[Node, ...]:
    """The nodes, each sum that is nothing but an estimator replaced by its q, in the shape of the sum."""
    made = _Made(nodes={}, ones={name for name, array in initialisers.items() if _is_one(array)})
    result = []
    for node in nodes:
        found = _quantised(node, made)
        if found is not None:
            q, x = found
            inputs: tuple[str, ...] = (q,)
            if not _comes_from(q, x, made):  # it may have fewer elements than x
                shape = f"{node.name}:shape"
                result.append(
                    replace(node, name=shape, op="Shape", inputs=(x,), outputs=(shape,), attributes={})
                )
                inputs = (q, shape)
            node = replace(node, op="Expand" if len(inputs) > 1 else "Identity", inputs=inputs, attributes={})
        elif node.op == "Constant" and not node.domain and _is_one(node.attributes.get("value")):
            made.ones.update(node.outputs)
        made.nodes.update({name: node for name in node.outputs if name})
        result.append(node)
    return tuple(result)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Made:
    """The nodes so far by their outputs, and the names of constants that are one 1."""

    nodes: dict[str, Node]
    ones: set[str]


def _is_one(value: object) -> bool:
    return isinstance(value, np.ndarray) and value.ndim == 0 and value.dtype.kind == "f" and bool(value == 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Term:
    """A value as another one, perhaps negated, with its axes in another order (empty where it is the same)."""

    root: str
    axes: tuple[int, ...] = ()
    negated: bool = False


def _quantised(node: Node, made: _Made) -> tuple[str, str] | None:
    """The q and the x of an estimator, None of any other node."""
    if node.domain or node.op not in ("Add", "Sub") or len(node.inputs) != 2:
        return None
    first, second = node.inputs
    pairs = [(second, first)] if node.op == "Sub" else [(first, second), (second, first)]
    for difference, x in pairs:
        wanted = _term(x, made)
        for q, other in _differences(difference, made, turned=node.op == "Sub"):
            if q and other == wanted:
                return q, x
    return None


def _term(name: str, made: _Made) -> _Term:
    """What a value is behind any Identity, product with 1, Neg and Transpose."""
    axes: tuple[int, ...] = ()
    negated = False
    while (node := made.nodes.get(name := _plain(name, made))) is not None and not node.domain:
        match node.op, node.inputs:
            case "Neg", (inner,):
                name, negated = inner, not negated
            case "Transpose", (inner,) if "perm" in node.attributes:
                order = tuple(int(axis) for axis in node.attributes["perm"])
                name, axes = inner, tuple(order[axis] for axis in axes) or order
            case _:
                break
    return _Term(root=name, axes=() if axes == tuple(range(len(axes))) else axes, negated=negated)


def _differences(name: str, made: _Made, *, turned: bool) -> list[tuple[str, _Term]]:
    """(q, x) of each way in which a value is ``q - x`` (turned: ``x - q``)."""
    node = made.nodes.get(_plain(name, made))
    if node is None or node.domain or len(node.inputs) != 2:
        return []
    a, b = node.inputs
    match node.op:
        case "Sub":
            return [(b, _term(a, made))] if turned else [(a, _term(b, made))]
        case "Add" if not turned:
            terms = [(q, _term(x, made)) for q, x in ((a, b), (b, a))]
            return [(q, replace(x, negated=not x.negated)) for q, x in terms]
        case _:
            return []


def _plain(name: str, made: _Made) -> str:
    """The value behind any Identity and any product with 1."""
    while (node := made.nodes.get(name)) is not None and not node.domain:
        match node.op, node.inputs:
            case "Identity", (inner,):
                name = inner
            case "Mul", (one, inner) | (inner, one) if one in made.ones:
                name = inner
            case _:
                break
    return name


def _comes_from(name: str, x: str, made: _Made) -> bool:
    """Whether a value is computed from x, so that it has at least its shape."""
    reached = {name}
    for _ in range(DEEPEST):
        reached |= {i for value in reached if value in made.nodes for i in made.nodes[value].inputs}
        if x in reached:
            return True
    return False
