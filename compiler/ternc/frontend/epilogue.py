"""What the host runs behind the last layer, as a small ONNX model of its own."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from ternc.frontend.ends import Ends
from ternc.frontend.load import load_proto
from ternc.frontend.runtime import Session, Values, run_frames
from ternc.frontend.values import Choice, Const, Joined, View
from ternc.frontend.walk import Walk

ALONE = "_of_one_frame"
"""Ends the name of a value without the batch axis with which it left the chip."""


def extract(path: Path, walk: Walk, ends: Ends) -> bytes:
    """The nodes of ``ends.host`` with the outputs' values as inputs; empty where there are none.

    Its outputs are all of the graph's, in their order, so that those that the chip makes itself pass through.
    The batch is dynamic wherever the model's own shapes leave it open.
    """
    if not ends.host:
        return b""
    proto = load_proto(path)
    named = {
        value.name: value for value in (*proto.graph.value_info, *proto.graph.input, *proto.graph.output)
    }
    by_output = {output: node for node in proto.graph.node for output in node.output if output}
    nodes = []
    for node in ends.host:
        nodes.append(onnx.NodeProto())
        nodes[-1].CopyFrom(by_output[next(o for o in node.outputs if o)])
        nodes[-1].input[:] = node.inputs  # shapes for one frame have names of their own
    shaped, constants = _without_batch(walk, ends)
    for node in nodes:
        node.input[:] = [f"{name}{ALONE}" if name in shaped else name for name in node.input]
    nodes = [*shaped.values(), *nodes]
    made = {output for node in nodes for output in node.output}
    read = [name for node in nodes for name in node.input if name and name not in made]
    inputs = []
    for name in dict.fromkeys(read):
        value = walk.values.get(name)
        if isinstance(value, Const):
            constants.append(onnx.numpy_helper.from_array(value.array, name))
    for output in ends.outputs:
        if output.name in read or output.name in walk.graph.outputs:
            elem = onnx.helper.np_dtype_to_tensor_dtype(np.dtype(output.dtype))
            inputs.append(onnx.helper.make_tensor_value_info(output.name, elem, [None, *output.shape]))
    outputs = [named.get(name, onnx.ValueInfoProto(name=name)) for name in walk.graph.outputs]
    outputs = [_without_shape(value) for value in outputs]
    graph = onnx.helper.make_graph(nodes, "epilogue", inputs, outputs, constants)
    model = onnx.helper.make_model(
        graph, opset_imports=list(proto.opset_import), ir_version=min(proto.ir_version or 10, 10)
    )
    return bytes(model.SerializeToString(deterministic=True))


def _without_batch(walk: Walk, ends: Ends) -> tuple[dict[str, onnx.NodeProto], list[onnx.TensorProto]]:
    """For each value that has no batch axis in the graph a Reshape that takes it away, and their shapes."""
    nodes, shapes = {}, []
    for output in ends.outputs:
        value = walk.values[output.name]
        assert isinstance(value, View | Joined | Choice)
        if value.index.ndim == len(output.shape):
            name = f"{output.name}{ALONE}"
            shapes.append(onnx.numpy_helper.from_array(np.array(output.shape, np.int64), f"{name}_shape"))
            nodes[output.name] = onnx.helper.make_node("Reshape", [output.name, f"{name}_shape"], [name])
    return nodes, shapes


def _without_shape(value: onnx.ValueInfoProto) -> onnx.ValueInfoProto:
    elem = value.type.tensor_type.elem_type or onnx.TensorProto.FLOAT
    return onnx.helper.make_tensor_value_info(value.name, elem, None)


def operators(epilogue: bytes) -> tuple[str, ...]:
    """The ONNX operators of an epilogue, each once, in order; none where it is empty."""
    return tuple(dict.fromkeys(node.op_type for node in _model(epilogue).graph.node))


def outputs(epilogue: bytes) -> tuple[str, ...]:
    """Names of an epilogue's outputs, in order."""
    return tuple(value.name for value in _model(epilogue).graph.output)


def run(epilogue: bytes, values: Mapping[str, NDArray[Any]]) -> Values:
    """The graph's outputs from the values that left the chip.

    Args:
        epilogue: As `extract` made it, not empty.
        values: What it reads, ``[N, ...]`` by name; others are ignored.
    Returns:
        The graph's outputs, ``[N, ...]`` by name, in their order (see `run_frames`).
    Raises:
        ToolError: onnxruntime is not installed, or cannot run it.
    """
    session = Session(_model(epilogue), "the host's part of the model")
    read = {value.name for value in _model(epilogue).graph.input}
    return run_frames(session, lambda: session, {name: values[name] for name in read})


def _model(epilogue: bytes) -> onnx.ModelProto:
    model = onnx.ModelProto()
    model.ParseFromString(epilogue)
    return model
