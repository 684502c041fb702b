"""What `ternc check` says of nodes behind a refused one, of which only weights and neighbours are known."""

from __future__ import annotations

import numpy as np

from ternc.frontend import weights as real_weights
from ternc.frontend.build import unquantised
from ternc.frontend.layer import check_weights, weight_facts
from ternc.frontend.ops_integer import OPERANDS, integer_weights
from ternc.frontend.ops_linear import product_refusal
from ternc.frontend.ops_linear import real_weights as checked
from ternc.frontend.values import Const, Node
from ternc.frontend.walk import Walk

PLACES = {"Conv": 1, "ConvTranspose": 1, "Gemm": 1, "MatMul": 1} | {
    op: o.weight for op, o in OPERANDS.items()
}
"""Input position of the weight."""

QUANTISERS = {
    *("Quant", "IntQuant", "BipolarQuant", "Trunc", "MultiThreshold", "QuantizeLinear", "DequantizeLinear"),
    *("Round", "Floor", "Ceil", "Sign", "QLinearConv", "QLinearMatMul"),
}


def check_blind(walk: Walk, node: Node) -> None:
    """Judge a layer whose input is unknown, so that every obstacle is named."""
    place = PLACES.get(node.op)
    if place is None or len(node.inputs) <= place:
        return
    _check_input(walk, node)
    const = walk.values.get(node.inputs[place])
    if not isinstance(const, Const) or const.array.ndim < 2:
        if node.op == "MatMul" and not any(isinstance(walk.values.get(i), Const) for i in node.inputs):
            walk.complain(product_refusal(walk, node, *node.inputs[:2]))
        return
    if node.op in OPERANDS:
        const = integer_weights(walk, node)
    weights = checked(walk, node, const)
    layout = np.arange(weights.size).reshape(weights.shape)
    if node.op == "ConvTranspose":
        weights, layout = weights.swapaxes(0, 1), layout.swapaxes(0, 1)
    if "MatMul" in node.op or (node.op == "Gemm" and not node.attributes.get("transB", 0)):
        weights, layout = weights.swapaxes(-1, -2), layout.swapaxes(-1, -2)
    found = real_weights.split(weights)
    walk.layers.append(weight_facts(node, weights, found))
    check_weights(walk, node, found, layout, const)


def _check_input(walk: Walk, node: Node) -> None:
    """Name an input that no quantiser stands in front of."""
    reached = [name for name in node.inputs[:1] if not isinstance(walk.values.get(name), Const)]
    for name in reached:
        maker = walk.makers.get(name)
        if maker is None or maker.op in QUANTISERS or (maker.op == "Sub" and len(set(maker.inputs)) == 1):
            continue
        if maker.op in PLACES or _sums(walk, maker):
            walk.complain(unquantised(node.inputs[0], walk.where(node)))
            return
        computed = (i for i in maker.inputs if i and not isinstance(walk.values.get(i), Const))
        reached += [i for i in computed if i not in reached]


def _sums(walk: Walk, node: Node) -> bool:
    """Whether a node adds computed values, and not functions of one (masks, a straight-through estimator)."""
    computed = [i for i in node.inputs if i and not isinstance(walk.values.get(i), Const)]
    if node.op not in ("Add", "Sub", "Sum", "Mean") or len(computed) < 2:
        return False
    return len(set().union(*(_roots(walk, name) for name in computed))) > 1


def _roots(walk: Walk, name: str) -> set[str]:
    """The layers' results and graph inputs that a value is computed of."""
    found, pending, seen = set(), [name], {name}
    while pending:
        value = pending.pop()
        maker = walk.makers.get(value)
        if maker is None or maker.op in PLACES:
            found.add(value)
            continue
        more = {i for i in maker.inputs if i and not isinstance(walk.values.get(i), Const)} - seen
        seen |= more
        pending += more
    return found
