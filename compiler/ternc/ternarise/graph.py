"""A float model as plain nodes and constants, and back to ONNX with other weights and with quantisers."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper, version_converter

from ternc.errors import ModelError
from ternc.frontend.build import Builder
from ternc.frontend.ends import first_views
from ternc.frontend.fold import type_range
from ternc.frontend.graph import OnnxGraph
from ternc.frontend.load import load_proto, read_graph
from ternc.frontend.runtime import first_line
from ternc.frontend.values import Array, Const, Node
from ternc.frontend.walk import Walk
from ternc.ternarise.weights import Coded, channel_axis

OPSET = 13
"""The oldest operator set that has a scale for each channel."""
IR_VERSION = 10
PRODUCER = "ternc"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FloatModel:
    """A readable float model, its constants folded.

    Attributes:
        graph: As the front end reads it.
        proto: The protobuf, for its inputs and outputs.
        nodes: Those that depend on the inputs, in execution order.
        constants: All other values.
    """

    graph: OnnxGraph
    proto: onnx.ModelProto
    nodes: tuple[Node, ...]
    constants: Mapping[str, Array]


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantiser:
    """The real number ``scale * clip(round(v / scale), low, high)``.

    Attributes:
        scale: Exact in float32.
        low, high: Codes of at most 8 bits; ``low <= 0 < high``.
    """

    scale: float
    low: int
    high: int


def load(path: Path) -> FloatModel:
    """Read a model; one of an older operator set is converted.

    Raises:
        ModelError: What the front end refuses to read, a shape that is not known, or an operator set that cannot be
            converted.
    """
    graph, proto = read_graph(path), load_proto(path)
    first_views(graph)
    if graph.opset < OPSET:
        graph, proto = _converted(path, proto)
    walk = Walk(graph=graph, build=Builder(file=graph.file))
    walk.values.update({name: Const(array=array, name=name) for name, array in graph.initialisers.items()})
    computed = []
    for node in graph.nodes:
        if all(not name or name in walk.values for name in node.inputs):
            walk.values.update(dict(zip(node.outputs, walk.fold(node), strict=False)))
        else:
            computed.append(node)
    constants = {name: value.array for name, value in walk.values.items() if isinstance(value, Const)}
    return FloatModel(graph=graph, proto=proto, nodes=tuple(computed), constants=constants)


def _converted(path: Path, proto: onnx.ModelProto) -> tuple[OnnxGraph, onnx.ModelProto]:
    named = {value.name for value in proto.graph.input}
    for tensor in proto.graph.initializer:  # the converter wants each of them among the inputs
        if tensor.name not in named:
            proto.graph.input.append(
                helper.make_tensor_value_info(tensor.name, tensor.data_type, list(tensor.dims))
            )
    try:
        new = version_converter.convert_version(proto, OPSET)
    except Exception as error:  # the converter's exceptions have no common base
        raise ModelError(
            f"{path.name}: --ternarise needs operator set {OPSET} or newer, and this model cannot be converted to it "
            f"({first_line(error)})",
            help=f"export again with opset_version={OPSET} or newer",
        ) from error
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / path.name
        place.write_bytes(new.SerializeToString())
        return read_graph(place), new


def write(
    model: FloatModel,
    weights: Mapping[str, Coded],
    quantisers: Mapping[str, Quantiser],
    ends: Sequence[str] | None = None,
) -> bytes:
    """The model with other weights and with quantisers, in protobuf's deterministic encoding.

    Args:
        model: The float model.
        weights: The new weights of nodes, by node name.
        quantisers: By the value that is quantised. A value keeps its name behind its quantiser, unless it is an input.
        ends: Float values inside it to be its outputs, instead of its own.
    """
    proto = _Writer(model).write(weights, quantisers)
    if ends is not None:
        del proto.graph.output[:]
        proto.graph.output.extend(
            helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in ends
        )
    return bytes(proto.SerializeToString(deterministic=True))


class _Writer:
    def __init__(self, model: FloatModel) -> None:
        self._model = model
        self._nodes: list[onnx.NodeProto] = []
        self._made: dict[str, Array] = {}
        values = {name for node in model.nodes for name in (*node.inputs, *node.outputs)}
        self._taken = values | set(model.constants) | {node.name for node in model.nodes}

    def write(self, weights: Mapping[str, Coded], quantisers: Mapping[str, Quantiser]) -> onnx.ModelProto:
        renamed: dict[str, str] = {}
        for source in self._model.graph.inputs:
            if source.name in quantisers:
                renamed[source.name] = self._free(f"{source.name}_quantised")
                self._quantise(source.name, renamed[source.name], quantisers[source.name])
        for node in self._model.nodes:
            inputs = [renamed.get(name, name) for name in node.inputs]
            if node.name in weights:
                inputs[1] = self._weights(node, weights[node.name])
            floats = {name: self._free(f"{name}_float") for name in node.outputs if name in quantisers}
            outputs = [floats.get(name, name) for name in node.outputs]
            shift = weights[node.name].shift if node.name in weights else None
            if shift is not None:
                behind, outputs[0] = outputs[0], self._free(f"{node.name}.sums")
            self._nodes.append(_proto(replace(node, inputs=tuple(inputs), outputs=tuple(outputs))))
            if shift is not None:
                self._shift(node, shift, outputs[0], behind)
            for name, real in floats.items():
                self._quantise(real, name, quantisers[name])
        return self._finished()

    def _free(self, wanted: str) -> str:
        """A name that is not taken yet."""
        name, count = wanted, 2
        while name in self._taken:
            name, count = f"{wanted}_{count}", count + 1
        self._taken.add(name)
        return name

    def _number(self, name: str, values: Array) -> str:
        name = self._free(name)
        self._made[name] = values
        return name

    def _node(self, op: str, inputs: list[str], output: str, **attributes: Any) -> None:
        name = self._free(f"{output}.{op}")
        self._nodes.append(helper.make_node(op, inputs, [output], name=name, **attributes))

    def _quantise(self, real: str, name: str, given: Quantiser) -> None:
        dtype = np.dtype(np.uint8 if given.low >= 0 else np.int8)
        scale = self._number(f"{name}_scale", np.array(given.scale, np.float32))
        zero = self._number(f"{name}_zero", np.array(0, dtype))
        codes = self._free(f"{name}_codes")
        self._node("QuantizeLinear", [real, scale, zero], codes)
        if (given.low, given.high) != type_range(dtype.name):
            clipped = self._free(f"{name}_clipped")
            low = self._number(f"{name}_low", np.array(given.low, dtype))
            high = self._number(f"{name}_high", np.array(given.high, dtype))
            self._node("Clip", [codes, low, high], clipped)
            codes = clipped
        self._node("DequantizeLinear", [codes, scale, zero], name)

    def _weights(self, node: Node, coded: Coded) -> str:
        name = self._free(f"{node.name}.weight")
        axis = channel_axis(node, coded.codes.shape)
        if axis is None and coded.scale.size > 1:
            return self._number(name, coded.reals())
        codes = self._number(f"{name}_codes", coded.codes)
        scale = self._number(f"{name}_scale", coded.scale if axis is not None else coded.scale.reshape(()))
        self._node("DequantizeLinear", [codes, scale], name, **({} if axis is None else {"axis": axis}))
        return name

    def _shift(self, node: Node, shift: NDArray[np.float32], sums: str, name: str) -> None:
        rank = self._model.constants[node.inputs[1]].ndim
        shape = (-1, *(1,) * (rank - 2)) if node.op in ("Conv", "ConvTranspose") else (-1,)
        self._node("Add", [sums, self._number(f"{node.name}.shift", shift.reshape(shape))], name)

    def _finished(self) -> onnx.ModelProto:
        given, graph = self._model.proto, self._model.graph
        read = {name for node in self._nodes for name in node.input}
        known = {
            name: array
            for name, array in self._model.constants.items()
            if name in read or name in graph.outputs
        }
        sources = {source.name for source in graph.inputs}
        made = helper.make_graph(
            self._nodes,
            "ternarised",
            [value for value in given.graph.input if value.name in sources],
            list(given.graph.output),
            [numpy_helper.from_array(array, name) for name, array in (known | self._made).items()],
        )
        return helper.make_model(
            made,
            opset_imports=[helper.make_opsetid("", graph.opset)],
            ir_version=IR_VERSION,
            producer_name=PRODUCER,
        )


def _proto(node: Node) -> onnx.NodeProto:
    proto = helper.make_node(node.op, list(node.inputs), list(node.outputs), name=node.name)
    for key, value in node.attributes.items():
        plain = numpy_helper.from_array(value) if isinstance(value, np.ndarray) else value
        proto.attribute.append(helper.make_attribute(key, plain))
    return proto
