"""What the host runs behind the last layer, as a small ONNX model of its own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx

from ternc.frontend.ends import Ends
from ternc.frontend.load import load_proto
from ternc.frontend.values import Const
from ternc.frontend.walk import Walk


def extract(path: Path, walk: Walk, ends: Ends) -> bytes:
    """The nodes of ``ends.host`` with the outputs' values as inputs; empty where there are none.

    The batch is dynamic wherever the model's own shapes leave it open.
    """
    if not ends.host:
        return b""
    proto = load_proto(path)
    named = {
        value.name: value for value in (*proto.graph.value_info, *proto.graph.input, *proto.graph.output)
    }
    by_output = {output: node for node in proto.graph.node for output in node.output if output}
    nodes = [by_output[next(o for o in node.outputs if o)] for node in ends.host]
    made = {output for node in nodes for output in node.output}
    read = [name for node in nodes for name in node.input if name and name not in made]
    constants = []
    inputs = []
    for name in dict.fromkeys(read):
        value = walk.values[name]
        if isinstance(value, Const):
            constants.append(onnx.numpy_helper.from_array(value.array, name))
    for output in ends.outputs:
        if output.name in read:
            elem = onnx.helper.np_dtype_to_tensor_dtype(np.dtype(output.dtype))
            inputs.append(onnx.helper.make_tensor_value_info(output.name, elem, [None, *output.shape]))
    outputs = [named.get(name, onnx.ValueInfoProto(name=name)) for name in walk.graph.outputs if name in made]
    outputs = [_without_shape(value) for value in outputs]
    graph = onnx.helper.make_graph(nodes, "epilogue", inputs, outputs, constants)
    model = onnx.helper.make_model(
        graph, opset_imports=list(proto.opset_import), ir_version=min(proto.ir_version or 10, 10)
    )
    return bytes(model.SerializeToString(deterministic=True))


def _without_shape(value: onnx.ValueInfoProto) -> onnx.ValueInfoProto:
    elem = value.type.tensor_type.elem_type or onnx.TensorProto.FLOAT
    return onnx.helper.make_tensor_value_info(value.name, elem, None)
