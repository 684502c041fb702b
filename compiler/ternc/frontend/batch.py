"""Graphs exported for several frames at once, as graphs for one frame: the chip takes frame by frame."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ternc.frontend.graph import OnnxGraph
from ternc.frontend.values import Array, Node

SHAPES = {"Reshape": 1, "Expand": 1, "Resize": 3}
"""Input position of the operand that holds a shape with the batch in front."""


def for_one_frame(graph: OnnxGraph) -> OnnxGraph:
    """The graph with a batch of 1 where all its inputs have the same larger one, else the graph as it is.

    The batch is taken out of the inputs' shapes and of constant shapes that begin with it. Whatever else depends on
    it is refused where it no longer fits.
    """
    sizes = {source.shape[0] for source in graph.inputs if source.shape}
    batch = next(iter(sizes), None)
    if len(sizes) != 1 or batch is None or batch < 2:
        return graph
    constants = dict(graph.initialisers)
    made = {node.outputs[0]: _constant(node) for node in graph.nodes if node.op == "Constant"}
    nodes = []
    for node in graph.nodes:
        if node.op == "Reshape" and "shape" in node.attributes:
            node = replace(
                node, attributes={**node.attributes, "shape": _one(node.attributes["shape"], batch)}
            )
        place = SHAPES.get(node.op, len(node.inputs))
        name = node.inputs[place] if place < len(node.inputs) else ""
        shape = constants.get(name) if name in constants else made.get(name)
        if shape is not None and shape.ndim == 1 and shape.size and shape[0] == batch:
            own = f"{name}_for_one_frame"
            constants[own] = np.array(_one(shape.tolist(), batch), np.int64)
            node = replace(node, inputs=(*node.inputs[:place], own, *node.inputs[place + 1 :]))
        nodes.append(node)
    inputs = tuple(replace(source, shape=(1, *source.shape[1:])) for source in graph.inputs)
    return replace(graph, nodes=tuple(nodes), initialisers=constants, inputs=inputs, batch=batch)


def _one(shape: list[int], batch: int) -> list[int]:
    return [1, *shape[1:]] if shape and shape[0] == batch else list(shape)


def _constant(node: Node) -> Array | None:
    """The value of a Constant node that may be a shape."""
    value = node.attributes.get("value")
    if isinstance(value, np.ndarray):
        return value
    ints = node.attributes.get("value_ints")
    return None if ints is None else np.array(ints, np.int64)
