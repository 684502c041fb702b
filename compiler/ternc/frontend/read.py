"""The front end's entry: one file in, one Network out."""

from __future__ import annotations

import re
from pathlib import Path

from ternc.errors import InternalError, ModelError
from ternc.frontend import ops_elementwise, ops_linear, ops_pool, ops_quant, ops_shape
from ternc.frontend.build import Builder
from ternc.frontend.ends import finish, first_view
from ternc.frontend.input_quant import InputQuant
from ternc.frontend.load import OnnxGraph, read_graph
from ternc.frontend.values import Value
from ternc.frontend.walk import Walk
from ternc.network.layers import Network, Output

HANDLERS = (ops_elementwise, ops_linear, ops_pool, ops_quant, ops_shape)
"""The modules whose operators are registered by importing them."""


def read(path: Path, *, input_quant: InputQuant | None = None) -> Network:
    """The integer network of an ONNX file.

    Args:
        path: The model, in any dialect.
        input_quant: The input's integers, used where the model itself does not say.
    Raises:
        ModelError: The first obstacle, as one sentence.
    """
    graph = read_graph(path)
    walk = start(graph, input_quant)
    return network(path, walk, finish(walk, walk.run()))


def start(graph: OnnxGraph, input_quant: InputQuant | None) -> Walk:
    """A walk that is about to begin."""
    walk = Walk(graph=graph, build=Builder(file=graph.file, input_quant=input_quant))
    view = first_view(graph)
    walk.values[graph.input.name] = view
    name = graph.input.name
    if name in graph.types:
        walk.values[name] = walk.build.declared(view, graph.types[name])
    return walk


def network(path: Path, walk: Walk, output: Output) -> Network:
    """The finished Network; layers that the output does not need are not in it."""
    build = walk.build
    if build.prologue is None or not build.layers:
        raise InternalError("frontend", "the walk ended without an input or a layer")
    needed = {output.tensor}
    layers = []
    for layer in reversed(build.layers):
        if layer.target in needed:
            needed.add(layer.source)
            layers.append(layer)
    tensors = tuple(t for t in build.tensors if t.name in needed)
    return Network(
        name=identifier(path.name.removesuffix(".onnx")),
        tensors=tensors,
        layers=tuple(reversed(layers)),
        prologue=build.prologue,
        output=output,
    )


def identifier(text: str) -> str:
    """The text as a valid identifier of Python, C and SystemVerilog."""
    name = re.sub(r"[^0-9A-Za-z_]+", "_", text).strip("_") or "network"
    return name if not name[0].isdigit() else f"n{name}"


__all__ = ["ModelError", "Value", "identifier", "network", "read", "start"]
