"""The front end's entry: one file in, one Network out."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from ternc.errors import ModelError
from ternc.frontend import (
    ops_elementwise,
    ops_extreme,
    ops_integer,
    ops_linear,
    ops_pool,
    ops_quant,
    ops_reduce,
    ops_resize,
    ops_shape,
    ops_spelled,
    ops_sum,
    ops_wrap,
)
from ternc.frontend.anomaly import AnomalyWish, add_anomaly
from ternc.frontend.build import Builder
from ternc.frontend.ends import Ends, finish, first_views
from ternc.frontend.epilogue import extract
from ternc.frontend.graph import OnnxGraph
from ternc.frontend.input_quant import InputQuant
from ternc.frontend.load import read_graph
from ternc.frontend.walk import Walk
from ternc.network.layers import Network

HANDLERS = (
    ops_elementwise,
    ops_extreme,
    ops_integer,
    ops_linear,
    ops_pool,
    ops_quant,
    ops_reduce,
    ops_resize,
    ops_shape,
    ops_spelled,
    ops_sum,
    ops_wrap,
)
"""The modules whose operators are registered by importing them."""


def read(path: Path, *, input_quant: InputQuant | None = None, anomaly: AnomalyWish | None = None) -> Network:
    """The integer network of an ONNX file.

    Args:
        path: The model, in any dialect.
        input_quant: The input's integers, used where the model itself does not say.
        anomaly: The reconstruction error to add, or None.
    Raises:
        ModelError: The first obstacle, as one sentence.
    """
    walk = start(read_graph(path), input_quant)
    walk.run()
    return network(path, walk, finish(walk), anomaly)


def start(graph: OnnxGraph, input_quant: InputQuant | None) -> Walk:
    """A walk that is about to begin."""
    walk = Walk(graph=graph, build=Builder(file=graph.file, input_quant=input_quant))
    for name, view in first_views(graph).items():
        known = graph.types.get(name)
        walk.values[name] = walk.build.declared(view, known) if known is not None else view
    return walk


def network(path: Path, walk: Walk, ends: Ends, anomaly: AnomalyWish | None = None) -> Network:
    """The finished Network; layers that no output needs are not in it."""
    build = walk.build
    score = add_anomaly(walk, ends, anomaly) if anomaly is not None else None
    leaving = [o.tensor for o in ends.outputs] + ([score.tensor] if score else [])
    read_by = {name for layer in build.layers for name in layer.sources}
    outputs = []
    for output in ends.outputs:
        shared = output.tensor in read_by or leaving.count(output.tensor) > 1
        inner = shared or not build.made(output.tensor)
        outputs.append(replace(output, tensor=build.duplicate(output.tensor)) if inner else output)
    needed = {o.tensor for o in outputs} | ({score.tensor} if score else set())
    layers = []
    for layer in reversed(build.layers):
        if layer.target in needed:
            needed.update(layer.sources)
            layers.append(layer)
    layers.reverse()
    prologues = [build.prologues[i.name] for i in walk.graph.inputs if i.name in build.prologues]
    inputs = tuple(p for p in prologues if p.tensor in needed)
    if not inputs or not layers:
        raise ModelError(f"{walk.graph.file}: some output must depend on the input, but all are constant")
    tensors = [build.tensor(p.tensor) for p in inputs] + [build.tensor(layer.target) for layer in layers]
    return Network(
        name=identifier(path.name.removesuffix(".onnx")),
        tensors=tuple(tensors),
        layers=tuple(layers),
        inputs=inputs,
        outputs=tuple(outputs),
        anomaly=score,
        epilogue=extract(path, walk, ends),
    )


def identifier(text: str) -> str:
    """The text as a valid identifier of Python, C and SystemVerilog."""
    name = re.sub(r"[^0-9A-Za-z_]+", "_", text).strip("_") or "network"
    return name if not name[0].isdigit() else f"n{name}"
