"""Straight-through estimators: ``x + (q - x)`` with a quantised copy q of x is q.

Training code writes ``x + (q(x) - x).detach()`` to pass gradients around a rounding, and exporters keep it. Both
terms x cancel exactly; in float arithmetic the value is only close to q.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ternc.frontend.values import Node

DEEPEST = 32
"""Operators between x and q, at most."""


def without_estimators(nodes: tuple[Node, ...]) -> tuple[Node, ...]:
    """The nodes, each sum that is nothing but an estimator replaced by an Identity of its q."""
    made: dict[str, Node] = {}
    result = []
    for node in nodes:
        found = _quantised(node, made)
        if found is not None:
            node = replace(node, op="Identity", inputs=(found,), attributes={})
        made.update({name: node for name in node.outputs if name})
        result.append(node)
    return tuple(result)


def _quantised(node: Node, made: Mapping[str, Node]) -> str | None:
    """The q of an estimator, None of any other node."""
    if node.domain or node.op not in ("Add", "Sub") or len(node.inputs) != 2:
        return None
    first, second = (_plain(name, made) for name in node.inputs)
    pairs = [(second, first)] if node.op == "Sub" else [(first, second), (second, first)]
    for difference, x in pairs:
        plus, minus = _difference(difference, made)
        q, other = (plus, minus) if node.op == "Add" else (minus, plus)
        if other == x and q and _comes_from(q, x, made):
            return q
    return None


def _plain(name: str, made: Mapping[str, Node]) -> str:
    """The value behind any Identity."""
    while name in made and made[name].op == "Identity" and not made[name].domain:
        name = made[name].inputs[0]
    return name


def _difference(name: str, made: Mapping[str, Node]) -> tuple[str, str]:
    """(a, b) where the value is ``a - b``; empty names for any other."""
    node = made.get(name)
    if node is None or node.domain or len(node.inputs) != 2:
        return "", ""
    a, b = (_plain(i, made) for i in node.inputs)
    if node.op == "Sub":
        return a, b
    if node.op == "Add":
        for plus, minus in ((a, b), (b, a)):
            negated = made.get(minus)
            if negated is not None and negated.op == "Neg" and not negated.domain:
                return plus, _plain(negated.inputs[0], made)
    return "", ""


def _comes_from(name: str, x: str, made: Mapping[str, Node]) -> bool:
    """Whether a value is computed from x, so that it has at least its shape."""
    reached = {name}
    for _ in range(DEEPEST):
        reached |= {i for value in reached if value in made for i in made[value].inputs}
        if x in reached:
            return True
    return False
