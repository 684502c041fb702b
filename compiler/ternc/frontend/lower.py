"""The same graph for onnxruntime: quantisers as float operators, weights as float constants, a dynamic batch.

This is the reference that `ternc verify` compares with. It shares the reading of the file and the folding of
constants with the front end, and nothing of its integer arithmetic.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper

from ternc.errors import ModelError, ToolError
from ternc.frontend import fold, ops_quant
from ternc.frontend.build import Builder
from ternc.frontend.load import OnnxGraph, read_graph
from ternc.frontend.values import Array, Const, Node
from ternc.frontend.walk import Walk

OLDEST_EXECUTED_OPSET = 13
EXECUTED_IR_VERSION = 10

_NUMERIC = {"Add", "Sub", "Mul", "Div", "Clip", "Max", "Min", "Pow", "PRelu", "Neg"}
"""Operators whose constant operands have the type of the value; all values are float32 here."""

_INTEGERS = {"ArgMax", "Shape", "Size"}
"""Operators whose result stays an integer."""


@dataclass(slots=True, kw_only=True)
class _Lowering:
    walk: Walk
    opset: int
    dynamic: bool
    nodes: list[onnx.NodeProto] = field(default_factory=list)
    constants: dict[str, Array] = field(default_factory=dict)
    integers: set[str] = field(default_factory=set)
    count: int = 0

    def emit(self, op: str, inputs: list[str], output: str = "", **attributes: Any) -> str:
        """Append a node; the name of its output."""
        if not output:
            self.count += 1
            output = f"ternc_lowered_{self.count}"
        self.nodes.append(onnx.helper.make_node(op, inputs, [output], **attributes))
        return output

    def number(self, values: Array | float) -> str:
        """A float32 constant."""
        self.count += 1
        name = f"ternc_constant_{self.count}"
        self.constants[name] = np.asarray(values).astype(np.float32)
        return name

    def lower(self, node: Node) -> None:
        """One node that depends on the input."""
        inputs = [self._read(node, position) for position in range(len(node.inputs))]
        output = next((o for o in node.outputs if o), "")
        if any(name in self.integers for name in node.inputs if name) or node.op in _INTEGERS:
            self.integers.update(o for o in node.outputs if o)
        match node.op:
            case "Quant" | "IntQuant":
                self._quant(node, inputs[0], output)
            case "BipolarQuant":
                scale = self.number(self._const(node, 1).array)
                self.emit("Mul", [self._bipolar(inputs[0]), scale], output)
            case "QuantizeLinear" | "DequantizeLinear":
                self._linear(node, inputs[0], output)
            case "Cast" | "CastLike":
                self._cast(node, inputs[0], output)
            case "Dropout":
                self.emit("Identity", inputs[:1], output)
            case "BatchNormalization":
                self.emit(node.op, inputs, output, epsilon=float(node.attributes.get("epsilon", 1e-5)))
            case _ if node.domain:
                raise ModelError(f"{self.walk.where(node)}: this operator cannot be executed")
            case _:
                self._plain(node, inputs)

    def _read(self, node: Node, position: int) -> str:
        """The name to read an input by; constants are stored at their first use."""
        name = node.inputs[position]
        value = self.walk.values.get(name) if name else None
        if not isinstance(value, Const):
            return name
        array = value.array
        if node.op in _NUMERIC and not any(i in self.integers for i in node.inputs):
            return self.number(array)
        if node.op == "Reshape" and position == 1 and self.dynamic:
            shape = array.ravel().astype(np.int64)
            if shape.size and shape[0] == 1 and not np.any(shape == 0):
                self.count += 1
                name = f"ternc_shape_{self.count}"
                array = np.concatenate([[0], shape[1:]]).astype(np.int64)
        self.constants[name] = array
        return name

    def _const(self, node: Node, position: int) -> Const:
        const = self.walk.const(node, position, "operand")
        assert const is not None
        return const

    def _bipolar(self, x: str) -> str:
        below = self.emit("Less", [x, self.number(0.0)])
        return self.emit("Where", [below, self.number(-1.0), self.number(1.0)])

    def _quant(self, node: Node, x: str, output: str) -> None:
        codes = ops_quant.quant_codes(self.walk, node)
        scale, zero = self.number(codes.scale.array), self.number(codes.zero.array)
        v = self.emit("Add", [self.emit("Div", [x, scale]), zero])
        if codes.bipolar:
            v = self._bipolar(v)
        else:
            v = self._round(v, codes.mode)
            v = self.emit("Clip", [v, self.number(codes.low), self.number(codes.high)])
        self.emit("Mul", [self.emit("Sub", [v, zero]), scale], output)

    def _round(self, x: str, mode: str) -> str:
        if mode in ("ROUND", "HALF_EVEN"):
            return self.emit("Round", [x])
        if mode in ("FLOOR", "CEIL"):
            return self.emit(mode.capitalize(), [x])
        size = self.emit("Abs", [x])
        match mode:
            case "HALF_UP":
                size = self.emit("Floor", [self.emit("Add", [size, self.number(0.5)])])
            case "HALF_DOWN":
                size = self.emit("Ceil", [self.emit("Sub", [size, self.number(0.5)])])
            case _:
                size = self.emit("Floor", [size])
        return self.emit("Mul", [self.emit("Sign", [x]), size])

    def _linear(self, node: Node, x: str, output: str) -> None:
        axes = max(self._const(node, 1).array.size > 1, 0)
        shape = self._rank(node) if axes else (1,)
        given = ops_quant.linear_codes(self.walk, node, shape)
        scale, zero = self.number(given.scale.array), self.number(given.zero.array)
        if node.op == "DequantizeLinear":
            self.emit("Mul", [self.emit("Sub", [x, zero]), scale], output)
            return
        low, high = fold.type_range(given.dtype) or (0, 0)
        v = self.emit("Add", [self.emit("Round", [self.emit("Div", [x, scale])]), zero])
        self.emit("Clip", [v, self.number(low), self.number(high)], output)

    def _rank(self, node: Node) -> tuple[int, ...]:
        """A shape with the value's number of axes, taken from the file's own shape inference."""
        rank = self.walk.graph.ranks.get(node.inputs[0])
        if rank is None:
            raise ModelError(f"{self.walk.where(node)}: the number of axes of its input is not known")
        return (1,) * rank

    def _cast(self, node: Node, x: str, output: str) -> None:
        if node.op == "CastLike":
            second = self.walk.values.get(node.inputs[1])
            dtype = second.array.dtype.name if isinstance(second, Const) else "float32"
        else:
            dtype = fold.elem_dtype(int(node.attributes["to"]))
        if node.inputs[0] in self.integers or x in self.constants:
            elem = onnx.helper.np_dtype_to_tensor_dtype(fold.make_dtype(dtype))
            self.emit("Cast", [x], output, to=elem)
            return
        bounds = fold.type_range(dtype)
        if bounds is None:
            self.emit("Identity", [x], output)
            return
        v = self._round(x, "DOWN")
        self.emit("Clip", [v, self.number(bounds[0]), self.number(bounds[1])], output)

    def _plain(self, node: Node, inputs: list[str]) -> None:
        """A standard operator, in the form that it has from opset 13 on."""
        attributes = {k: v for k, v in node.attributes.items() if v is not None}
        op = node.op
        if op == "Clip" and ("min" in attributes or "max" in attributes):
            bounds = [attributes.pop(key, None) for key in ("min", "max")]
            inputs = inputs[:1] + ["" if b is None else self.number(b) for b in bounds]
        if op in ("Squeeze", "Unsqueeze") and "axes" in attributes:
            inputs = [inputs[0], self._whole(attributes.pop("axes"))]
        if op == "TopK" and "k" in attributes:
            inputs = [inputs[0], self._whole([attributes.pop("k")])]
        if op == "TopK":
            self.integers.update(node.outputs[1:])
        if op == "Upsample" or (op == "Resize" and len(inputs) == 2):
            scales = inputs[1] if len(inputs) > 1 else self.number(attributes.pop("scales"))
            op, inputs = "Resize", [inputs[0], "", scales]
            attributes |= {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
        if op == "Reshape":
            attributes.pop("allowzero", None)
            if "shape" in attributes:
                inputs = [inputs[0], self._whole(attributes.pop("shape"))]
        proto = onnx.helper.make_node(op, inputs, list(node.outputs))
        for key, value in attributes.items():
            plain = numpy_helper.from_array(value) if isinstance(value, np.ndarray) else value
            proto.attribute.append(onnx.helper.make_attribute(key, plain))
        self.nodes.append(proto)

    def _whole(self, values: list[int]) -> str:
        self.count += 1
        name = f"ternc_integers_{self.count}"
        self.constants[name] = np.array(values, np.int64)
        return name


def load_for_execution(path: Path, *, dynamic: bool = True) -> onnx.ModelProto:
    """The model with every quantiser lowered to float operators, in the standard operator set alone.

    Args:
        path: The model, in any dialect.
        dynamic: Give the batch a symbolic size and free the reshapes of the batch of 1 that exports bake in.
    Returns:
        A model of ir_version at most 10 that onnxruntime runs with graph optimisations off.
    Raises:
        ModelError: The file cannot be read, or holds an operator that cannot be executed.
    """
    graph = read_graph(path)
    walk = Walk(graph=graph, build=Builder(file=graph.file))
    walk.values.update({n: Const(array=a, name=n) for n, a in graph.initialisers.items()})
    lowering = _Lowering(walk=walk, opset=max(graph.opset, OLDEST_EXECUTED_OPSET), dynamic=dynamic)
    source = graph.input.name
    if graph.input.dtype != "float32":
        lowering.emit("Cast", [source], f"{source}_as_float", to=onnx.TensorProto.FLOAT)
    for node in graph.nodes:
        if all(not name or name in walk.values for name in node.inputs):
            walk.values.update(dict(zip(node.outputs, walk.fold(node), strict=False)))
        else:
            lowering.lower(_renamed(node, source) if graph.input.dtype != "float32" else node)
    return _model(graph, lowering)


def _renamed(node: Node, source: str) -> Node:
    inputs = tuple(f"{source}_as_float" if name == source else name for name in node.inputs)
    return Node(
        name=node.name,
        op=node.op,
        domain=node.domain,
        inputs=inputs,
        outputs=node.outputs,
        attributes=node.attributes,
    )


def _model(graph: OnnxGraph, lowering: _Lowering) -> onnx.ModelProto:
    shape: list[Any] = [n if n else f"d{i}" for i, n in enumerate(graph.input.shape)]
    if lowering.dynamic and shape:
        shape[0] = "N"
    output, dtype = graph.output, graph.output_dtype
    elem = onnx.TensorProto.INT64 if output in lowering.integers else onnx.TensorProto.FLOAT
    if dtype not in ("undefined", "float32") and output not in lowering.integers:
        elem = onnx.helper.np_dtype_to_tensor_dtype(fold.make_dtype(dtype))
        output = lowering.emit("Cast", [output], f"{output}_typed", to=elem)
    elif output in lowering.integers and dtype != "undefined":
        elem = onnx.helper.np_dtype_to_tensor_dtype(fold.make_dtype(dtype))
    source_elem = onnx.helper.np_dtype_to_tensor_dtype(fold.make_dtype(graph.input.dtype))
    read = {name for node in lowering.nodes for name in node.input}
    proto = onnx.helper.make_graph(
        lowering.nodes,
        "executed",
        [onnx.helper.make_tensor_value_info(graph.input.name, source_elem, shape)],
        [onnx.helper.make_tensor_value_info(output, elem, None)],
        [numpy_helper.from_array(a, n) for n, a in lowering.constants.items() if n in read],
    )
    model = onnx.helper.make_model(proto, opset_imports=[onnx.helper.make_opsetid("", lowering.opset)])
    model.ir_version = EXECUTED_IR_VERSION
    return model


def execute(path: Path, x: NDArray[Any]) -> NDArray[Any]:
    """The ONNX model's own output, by onnxruntime.

    Args:
        path: The model.
        x: Its input, ``[N, ...]``; any N, whatever batch the file has baked in.
    Returns:
        Its output, ``[N, ...]``.
    Raises:
        ToolError: onnxruntime is not installed, or cannot run the model.
    """
    if not len(x):
        raise ToolError(f"{path.name}: there is nothing to run, the input has no frames")
    single = _session(load_for_execution(path, dynamic=False), path)
    ends = {i: _run(single, x[i : i + 1], path) for i in {0, len(x) - 1}}
    if len(x) > 1:
        try:
            y = _run(_session(load_for_execution(path), path), x, path)
        except ToolError:
            y = np.zeros(0)
        if len(y) == len(x) and all(_close(y[i : i + 1], alone) for i, alone in ends.items()):
            return y
    frames = [ends[i] if i in ends else _run(single, x[i : i + 1], path) for i in range(len(x))]
    return np.concatenate(frames)


def _close(a: NDArray[Any], b: NDArray[Any]) -> bool:
    if a.shape != b.shape:
        return False
    return bool(np.allclose(a.astype(np.float64), b.astype(np.float64), rtol=1e-4, atol=1e-5))


def _session(model: onnx.ModelProto, path: Path) -> Any:
    try:
        import onnxruntime
    except ImportError as error:
        raise ToolError(
            f"{path.name}: onnxruntime is not installed", help="pip install onnxruntime"
        ) from error
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 4
    try:
        return onnxruntime.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:  # onnxruntime's exceptions have no common public base
        raise ToolError(f"{path.name}: onnxruntime cannot load the model ({_first_line(error)})") from error


def _run(session: Any, x: NDArray[Any], path: Path) -> NDArray[Any]:
    try:
        return np.asarray(session.run(None, {session.get_inputs()[0].name: x})[0])
    except Exception as error:  # onnxruntime's exceptions have no common public base
        raise ToolError(f"{path.name}: onnxruntime cannot run the model ({_first_line(error)})") from error


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
