"""What `ternc check` says of layers behind a refused node: their weights can be judged without their input."""

from __future__ import annotations

import numpy as np

from ternc.frontend.layer import check_weights, weight_facts
from ternc.frontend.ops_integer import OPERANDS, integer_weights
from ternc.frontend.ops_linear import real_weights
from ternc.frontend.values import Const, Node
from ternc.frontend.walk import Walk

PLACES = {"Conv": 1, "ConvTranspose": 1, "Gemm": 1, "MatMul": 1} | {
    op: o.weight for op, o in OPERANDS.items()
}
"""Input position of the weight."""


def check_blind(walk: Walk, node: Node) -> None:
    """Judge the weights of a layer whose input is unknown, so that every obstacle is named."""
    place = PLACES.get(node.op)
    if place is None or len(node.inputs) <= place:
        return
    const = walk.values.get(node.inputs[place])
    if not isinstance(const, Const) or const.array.ndim < 2:
        return
    if node.op in OPERANDS:
        const = integer_weights(walk, node)
    weights = real_weights(walk, node, const)
    layout = np.arange(weights.size).reshape(weights.shape)
    if node.op == "ConvTranspose":
        weights, layout = weights.swapaxes(0, 1), layout.swapaxes(0, 1)
    if "MatMul" in node.op or (node.op == "Gemm" and not node.attributes.get("transB", 0)):
        weights, layout = weights.swapaxes(-1, -2), layout.swapaxes(-1, -2)
    walk.layers.append(weight_facts(node, weights))
    check_weights(walk, node, weights, layout, const)
