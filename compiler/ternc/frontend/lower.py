"""The same graph for onnxruntime: quantisers as float operators, weights as float constants, a dynamic batch.

This is the reference that `ternc verify` compares with. It shares the reading of the file and the folding of
constants with the front end, and nothing of its integer arithmetic.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper

from ternc.errors import ModelError, ToolError
from ternc.frontend import fold, ops_integer, ops_quant
from ternc.frontend.build import Builder
from ternc.frontend.doubles import Nodes
from ternc.frontend.graph import OnnxGraph
from ternc.frontend.load import read_graph
from ternc.frontend.reads import shares
from ternc.frontend.runtime import Session, Values, completed, run_frames
from ternc.frontend.values import Array, Const, Node
from ternc.frontend.walk import Walk

LOWERED = "ternc_lowered_"
"""How the names of values begin that the user's graph does not have."""

OLDEST_EXECUTED_OPSET = 13
EXECUTED_IR_VERSION = 10

LOWEST = np.finfo(np.float32).min
"""What a max pool's padding is where it is written out."""

_NUMERIC = {
    *("Add", "Sub", "Mul", "Div", "Clip", "Concat", "Max", "Min", "Pow", "PRelu", "Neg"),
    *("Less", "LessOrEqual", "Greater", "GreaterOrEqual", "Equal"),
}
"""Operators whose constant operands have the type of the value; all values are float32 here."""

_OPERANDS = {
    "ReduceSum": ("axes",),
    "Reshape": ("shape",),
    "Slice": ("starts", "ends", "axes"),
    "Split": ("split",),
    "Squeeze": ("axes",),
    "TopK": ("k",),
    "Unsqueeze": ("axes",),
}
"""Attributes of old operator sets that became operands."""

_SHAPED = {
    *(
        "Reshape",
        "Expand",
        "Slice",
        "Split",
        "Squeeze",
        "Unsqueeze",
        "Tile",
        "Resize",
        "Upsample",
        "Pad",
        "Gather",
    ),
    *("ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin", "TopK", "Dropout"),
}
"""Operators whose further operands are shapes, axes and the like."""

_INTEGERS = {"ArgMax", "Shape", "Size"}
"""Operators whose result stays an integer."""

_FLAGS = {
    *(
        "Less",
        "LessOrEqual",
        "Greater",
        "GreaterOrEqual",
        "Equal",
        "And",
        "Or",
        "Xor",
        "Not",
        "IsInf",
        "IsNaN",
    ),
}
"""Operators whose result is true or false."""


@dataclass(slots=True, kw_only=True)
class _Lowering:
    walk: Walk
    opset: int
    dynamic: bool
    nodes: list[onnx.NodeProto] = field(default_factory=list)
    constants: dict[str, Array] = field(default_factory=dict)
    wide: dict[str, Array] = field(default_factory=dict)
    integers: set[str] = field(default_factory=set)
    flags: set[str] = field(default_factory=set)
    departures: list[str] = field(default_factory=list)
    count: int = 0

    def emit(self, op: str, inputs: list[str], output: str = "", **attributes: Any) -> str:
        """Append a node; the name of its output."""
        if not output:
            self.count += 1
            output = f"{LOWERED}{self.count}"
        self.nodes.append(onnx.helper.make_node(op, inputs, [output], **attributes))
        return output

    def number(self, values: Array | float) -> str:
        """A float32 constant; where that rounds what a quantiser means, ``wide`` has it in float64."""
        self.count += 1
        name = f"ternc_constant_{self.count}"
        array = np.asarray(values)
        self.constants[name] = array.astype(np.float32)
        if not isinstance(values, float) and array.dtype == np.float64:
            self.wide[name] = array
        return name

    def lower(self, node: Node) -> None:
        """One node that depends on the input."""
        inputs = [self._read(node, position) for position in range(len(node.inputs))]
        output = next((o for o in node.outputs if o), "")
        self._note(node)
        match node.op:
            case "Quant" | "IntQuant":
                self._quant(node, inputs[0], output)
            case "BipolarQuant":
                scale = self.number(self._const(node, 1).array)
                self.emit("Mul", [self._bipolar(inputs[0]), scale], output)
            case "MultiThreshold":
                self._thresholds(node, inputs[0], output)
            case "Trunc":
                self._trunc(node, inputs[0], output)
            case "QuantizeLinear" | "DequantizeLinear":
                self._linear(node, inputs[0], output)
            case "ConvInteger" | "MatMulInteger" | "QLinearConv" | "QLinearMatMul":
                self._integer_layer(node, inputs[0], output)
            case "Cast" | "CastLike":
                self._cast(node, inputs[0], output)
            case "Mod" if inputs[0] not in self.integers and not node.attributes.get("fmod", 0):
                period = self.number(self._const(node, 1).array)
                whole = self.emit("Floor", [self.emit("Div", [inputs[0], period])])
                self.emit("Sub", [inputs[0], self.emit("Mul", [whole, period])], output)
            case "Dropout":
                self.emit("Identity", inputs[:1], output)
            case "BatchNormalization":
                self.emit(node.op, inputs, output, epsilon=float(node.attributes.get("epsilon", 1e-5)))
            case _ if node.domain:
                raise ModelError(f"{self.walk.where(node)}: this operator cannot be executed")
            case _:
                self._plain(node, inputs)

    def _note(self, node: Node) -> None:
        """Remember which of a node's results are no floats."""
        made = [o for o in node.outputs if o]
        if self._integral(node):
            self.integers.update(made)
        if self._flagged(node):
            self.flags.update(made)

    def _integral(self, node: Node) -> bool:
        """Whether a node's results stay integers."""
        if node.op == "Cast":
            return node.inputs[0] in self.integers and "int" in fold.elem_dtype(int(node.attributes["to"]))
        given = node.inputs[:1] if node.op in _SHAPED else node.inputs
        return node.op in _INTEGERS or any(name in self.integers for name in given)

    def _flagged(self, node: Node) -> bool:
        """Whether a node's results are true or false."""
        moves = node.op in _SHAPED | {"Identity", "Transpose", "Flatten", "Concat"}
        return node.op in _FLAGS or (moves and node.inputs[0] in self.flags)

    def _read(self, node: Node, position: int) -> str:
        """The name to read an input by; constants are stored at their first use."""
        name = node.inputs[position]
        value = self.walk.values.get(name) if name else None
        if not isinstance(value, Const):
            return name
        array = value.array
        if array.dtype.name in ("float16", "bfloat16", "float64"):
            return self.number(array)
        numeric = node.op in _NUMERIC or (node.op, position) in (("Pad", 2), ("Where", 1), ("Where", 2))
        if numeric and not any(i in self.integers for i in node.inputs):
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
        const = self.walk.values.get(node.inputs[position])
        if not isinstance(const, Const):
            raise ModelError(
                f"{self.walk.where(node)}: its operand {position} must be constant, but is computed"
            )
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

    def _thresholds(self, node: Node, x: str, output: str) -> None:
        values = ops_quant.threshold_list(self.walk, node).array
        shape = self._shape(node)
        axis = ops_quant.threshold_axis(node, shape, len(values))
        column = tuple(-1 if i == axis else 1 for i in range(len(shape)))
        one, zero = self.number(1.0), self.number(0.0)
        reached = [
            self.emit("GreaterOrEqual", [x, self.number(threshold.reshape(column))]) for threshold in values.T
        ]
        count = self.emit("Sum", [self.emit("Where", [flag, one, zero]) for flag in reached])
        scale, bias = (self.number(float(v)) for v in ops_quant.threshold_scale(node))
        self.emit("Add", [self.emit("Mul", [count, scale]), bias], output)

    def _trunc(self, node: Node, x: str, output: str) -> None:
        codes = ops_quant.trunc_codes(self.walk, node)
        v = self.emit("Div", [x, self.number(codes.scale.array)])
        v = self.emit("Round", [self.emit("Add", [v, self.number(codes.zero.array)])])
        v = self.emit("Div", [v, self.number(codes.divisor.array)])
        if codes.high < np.inf:
            v = self.emit("Clip", [v, self.number(codes.low), self.number(codes.high)])
        v = self.emit("Sub", [self._round(v, codes.mode), self.number(codes.out_zero.array)])
        self.emit("Mul", [v, self.number(codes.out_scale.array)], output)

    def _integer_layer(self, node: Node, x: str, output: str) -> None:
        """The sums of an integer layer as floats, and their codes where it makes some."""
        weight = self.number(ops_integer.integer_weights(self.walk, node).array)
        zero = self.walk.const(node, ops_integer.OPERANDS[node.op].value_zero, "zero point")
        if zero is not None:
            x = self.emit("Sub", [x, self.number(zero.array)])
        convolves = node.op in ("ConvInteger", "QLinearConv")
        made = output if node.op in ("ConvInteger", "MatMulInteger") else ""
        attributes = {k: v for k, v in node.attributes.items() if v is not None}
        inputs = [x, weight]
        if convolves and len(node.inputs) > 8 and node.inputs[8]:
            inputs.append(self.number(self._const(node, 8).array))
        v = self.emit("Conv" if convolves else "MatMul", inputs, made, **attributes)
        if made:
            return
        given, scale, out = (self._const(node, position).array.astype(np.float32) for position in (1, 4, 6))
        factor = (given * scale / out).ravel()
        if convolves and factor.size > 1:
            factor = factor.reshape(-1, *[1] * (self._const(node, 3).array.ndim - 2))
        out_zero = self._const(node, 7).array
        low, high = fold.type_range(out_zero.dtype.name) or (0, 0)
        v = self.emit("Round", [self.emit("Mul", [v, self.number(factor)])])
        v = self.emit("Add", [v, self.number(out_zero)])
        self.emit("Clip", [v, self.number(low), self.number(high)], output)

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
            case "UP":
                size = self.emit("Ceil", [size])
            case _:
                size = self.emit("Floor", [size])
        return self.emit("Mul", [self.emit("Sign", [x]), size])

    def _linear(self, node: Node, x: str, output: str) -> None:
        axes = max(self._const(node, 1).array.size > 1, 0)
        shape = self._rank(node) if axes else (1,)
        if self._const(node, 1).array.ndim > 1 and node.attributes.get("block_size", 0):
            shape = self._blocks(node)
        given = ops_quant.linear_codes(self.walk, node, shape)
        scale, zero = self.number(given.scale.array), self.number(given.zero.array)
        if node.op == "DequantizeLinear":
            self.emit("Mul", [self.emit("Sub", [x, zero]), scale], output)
            return
        low, high = fold.type_range(given.dtype) or (0, 0)
        v = self.emit("Add", [self.emit("Round", [self.emit("Div", [x, scale])]), zero])
        self.emit("Clip", [v, self.number(low), self.number(high)], output)

    def _blocks(self, node: Node) -> tuple[int, ...]:
        """The shape to which scales of blocks are spread: their own, with the value's size along the blocks' axis."""
        shape, axis = list(self._const(node, 1).array.shape), int(node.attributes.get("axis", 1))
        shape[axis] = self._shape(node)[axis]
        if not shape[axis]:
            raise ModelError(f"{self.walk.where(node)}: the size of its input along axis {axis} is not known")
        return tuple(shape)

    def _rank(self, node: Node) -> tuple[int, ...]:
        """A shape with the first input's number of axes."""
        rank = self.walk.graph.ranks.get(node.inputs[0])
        return (1,) * (len(self._shape(node)) if rank is None else rank)

    def _shape(self, node: Node) -> tuple[int, ...]:
        """The first input's shape, inferred from what is lowered so far; 0 for unknown sizes."""
        end = onnx.helper.make_node("Identity", node.inputs[:1], [f"{LOWERED}end"])
        output = onnx.helper.make_tensor_value_info(f"{LOWERED}end", onnx.TensorProto.FLOAT, None)
        model = _model(replace(self, nodes=[*self.nodes, end]), [output])
        told = -1
        # Each round makes the values behind a Reshape known, up to the next one.
        while told < len(model.graph.value_info):
            told = len(model.graph.value_info)
            part = onnx.shape_inference.infer_shapes(model, data_prop=True)
            found = part.graph.output[0].type.tensor_type
            if found.HasField("shape"):
                return tuple(d.dim_value for d in found.shape.dim)
            model.graph.value_info.extend(_reshaped(part.graph))
        raise ModelError(f"{self.walk.where(node)}: the number of axes of its input is not known")

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
        if dtype == "bool":
            self.flags.add(output)
            self.emit("Cast", [x], output, to=onnx.TensorProto.BOOL)
            return
        bounds = fold.type_range(dtype)
        if x in self.flags or bounds is None:
            self.emit("Cast", [x], output, to=onnx.TensorProto.FLOAT)
            return
        v = self._round(x, "DOWN")
        self.emit("Clip", [v, self.number(bounds[0]), self.number(bounds[1])], output)

    def _plain(self, node: Node, inputs: list[str]) -> None:
        """A standard operator, in the form that it has from opset 13 on."""
        attributes = {k: v for k, v in node.attributes.items() if v is not None}
        op = node.op
        if op in ("Softmax", "LogSoftmax", "Hardmax") and self.walk.graph.opset < 13:
            self._flat_softmax(node, inputs[0], int(attributes.get("axis", 1)))
            return
        inputs = inputs + self._moved(op, attributes)
        if op == "TopK":
            self.integers.update(node.outputs[1:])
        if op == "Upsample" or (op == "Resize" and len(inputs) == 2):
            scales = inputs[1] if len(inputs) > 1 else self.number(attributes.pop("scales"))
            op, inputs = "Resize", [inputs[0], "", scales]
            attributes |= {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
        if op == "Reshape":
            attributes.pop("allowzero", None)
        if op == "ConvTranspose" and "output_shape" in attributes:
            self._pads(node, attributes)
        if op in ("Conv", "MaxPool", "AveragePool") and max(attributes.get("dilations", [1])) > 1:
            self._same(node, attributes)
        if op in ("MaxPool", "AveragePool") and len(node.outputs) == 1 and self._wide_pads(attributes):
            self._padded_pool(node, inputs[0], attributes)
            return
        proto = onnx.helper.make_node(op, inputs, list(node.outputs))
        for key, value in attributes.items():
            plain = numpy_helper.from_array(value) if isinstance(value, np.ndarray) else value
            proto.attribute.append(onnx.helper.make_attribute(key, plain))
        self.nodes.append(proto)

    def _pads(self, node: Node, attributes: dict[str, Any]) -> None:
        """Put a ConvTranspose's pads in place of its output_shape, of which onnx infers another number of axes.

        Nothing changes where its input's shape is not known, or where the output is larger than without pads.
        """
        kernel = self._const(node, 1).array.shape[2:]
        sizes, wanted = self._shape(node)[2:], attributes["output_shape"][-len(kernel) :]
        ones, zeros = [1] * len(kernel), [0] * len(kernel)
        parts = zip(
            attributes.get("strides", ones),
            attributes.get("dilations", ones),
            attributes.get("output_padding", zeros),
            strict=True,
        )
        full = [
            (n - 1) * stride + (k - 1) * dilation + 1 + extra
            for n, k, (stride, dilation, extra) in zip(sizes, kernel, parts, strict=True)
        ]
        total = [n - out for n, out in zip(full, wanted, strict=True)]
        if min(sizes) < 1 or min(total) < 0:
            return
        auto = str(attributes.pop("auto_pad", "NOTSET"))
        before, after = zip(*(shares(n, auto) for n in total), strict=True)
        attributes["pads"] = [*before, *after]
        del attributes["output_shape"]

    def _same(self, node: Node, attributes: dict[str, Any]) -> None:
        """Put the standard's pads in place of auto_pad=SAME, which onnxruntime does not do to dilated windows."""
        auto = str(attributes.get("auto_pad", "NOTSET"))
        kernel = attributes.get("kernel_shape") or (
            self._const(node, 1).array.shape[2:] if node.op == "Conv" else []
        )
        sizes = self._shape(node)[2:] if auto.startswith("SAME") else ()
        if not sizes or min(sizes) < 1:
            return
        strides = attributes.get("strides", [1] * len(kernel))
        parts = list(zip(sizes, kernel, strides, attributes["dilations"], strict=True))
        total = [max((-(-n // s) - 1) * s + (k - 1) * d + 1 - n, 0) for n, k, s, d in parts]
        if node.op == "Conv" or total != [max((-(-n // s) - 1) * s + k - n, 0) for n, k, s, _ in parts]:
            self.departures.append(f"node '{node.name}' ({node.op})")
        before, after = zip(*(shares(n, auto) for n in total), strict=True)
        attributes["pads"] = [*before, *after]
        del attributes["auto_pad"]

    @staticmethod
    def _wide_pads(attributes: dict[str, Any]) -> bool:
        """Whether a pool has a padding as wide as its kernel, which onnxruntime refuses, dilated or not."""
        kernel = attributes.get("kernel_shape", [])
        return any(pad >= k for pad, k in zip(attributes.get("pads", []), [*kernel, *kernel], strict=False))

    def _padded_pool(self, node: Node, x: str, attributes: dict[str, Any]) -> None:
        """A pool behind a Pad of its own: what it pads never is the largest, and counts where it is to be counted."""
        kernel, pads = list(attributes["kernel_shape"]), list(attributes.pop("pads"))
        axes = len(kernel)
        whole = [0, 0, *pads[:axes], 0, 0, *pads[axes:]]
        counted = bool(attributes.pop("count_include_pad", 0))
        largest = node.op == "MaxPool"
        v = self.emit("Pad", [x, self._whole(whole), self.number(float(LOWEST) if largest else 0.0)])
        v = self.emit(node.op, [v], node.outputs[0] if largest or counted else "", **attributes)
        if largest or counted:
            return
        sizes = self._shape(node)[2:]
        there = np.pad(
            np.ones((1, 1, *sizes), np.float32), [(0, 0), (0, 0), *zip(pads[:axes], pads[axes:], strict=True)]
        )
        one = onnx.helper.make_node(node.op, ["there"], ["share"], **attributes)
        (share,) = Nodes([onnx.helper.make_opsetid("", self.opset)]).run(one, {"there": there}).values()
        self.emit("Div", [v, self.number(share.astype(np.float32))], node.outputs[0])

    def _moved(self, op: str, attributes: dict[str, Any]) -> list[str]:
        """Operands that old operator sets have as attributes; taken out of them."""
        if op == "Clip" and ("min" in attributes or "max" in attributes):
            bounds = [attributes.pop(key, None) for key in ("min", "max")]
            return ["" if bound is None else self.number(bound) for bound in bounds]
        if op == "Pad" and "pads" in attributes:
            return [self._whole(attributes.pop("pads")), self.number(attributes.pop("value", 0.0))]
        if op == "Slice" and "starts" in attributes:
            attributes.setdefault("axes", list(range(len(attributes["starts"]))))
        if op == "ReduceSum" and self.walk.graph.opset >= 13:
            return []
        names = (name for name in _OPERANDS.get(op, ()) if name in attributes)
        return [self._whole(attributes.pop(name)) for name in names]

    def _flat_softmax(self, node: Node, x: str, axis: int) -> None:
        """Over all axes from ``axis`` on, as the operator was defined up to operator set 12."""
        v = self.emit(node.op, [self.emit("Flatten", [x], axis=axis)], axis=-1)
        self.emit("Reshape", [v, self.emit("Shape", [x])], node.outputs[0])

    def _whole(self, values: int | list[int]) -> str:
        self.count += 1
        name = f"ternc_integers_{self.count}"
        self.constants[name] = np.array(values, np.int64).reshape(-1)
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
    return load_with_exact(path, dynamic=dynamic)[0]


def load_with_exact(path: Path, *, dynamic: bool) -> tuple[onnx.ModelProto, Values]:
    """`load_for_execution`, and the exact values, float64, of those constants that float32 may not hold."""
    lowering, outputs = _lowered(path, dynamic=dynamic)
    return _model(lowering, outputs), lowering.wide


def departures(path: Path) -> tuple[str, ...]:
    """The nodes that onnxruntime would pad otherwise than the standard says, so that it is given explicit pads."""
    return tuple(_lowered(path, dynamic=False)[0].departures)


def _lowered(path: Path, *, dynamic: bool) -> tuple[_Lowering, list[onnx.ValueInfoProto]]:
    """All nodes of a model lowered, and its outputs."""
    graph = read_graph(path)
    walk = Walk(graph=graph, build=Builder(file=graph.file))
    walk.values.update({n: Const(array=a, name=n) for n, a in graph.initialisers.items()})
    lowering = _Lowering(walk=walk, opset=max(graph.opset, OLDEST_EXECUTED_OPSET), dynamic=dynamic)
    floats = {
        source.name: lowering.emit("Cast", [source.name], to=onnx.TensorProto.FLOAT)
        for source in graph.inputs
        if source.dtype != "float32"
    }
    for node in graph.nodes:
        if all(not name or name in walk.values for name in node.inputs):
            walk.values.update(dict(zip(node.outputs, walk.fold(node), strict=False)))
        else:
            lowering.lower(replace(node, inputs=tuple(floats.get(name, name) for name in node.inputs)))
    outputs = [
        onnx.helper.make_tensor_value_info(name, _typed(graph, lowering, name), None)
        for name in graph.outputs
    ]
    return lowering, outputs


def _reshaped(graph: onnx.GraphProto) -> list[onnx.ValueInfoProto]:
    """Values of a Reshape to a computed shape: onnx infers the shape's length, but no axes from it."""
    known = {
        v.name: v.type.tensor_type.shape.dim for v in graph.value_info if v.type.tensor_type.HasField("shape")
    }
    found = []
    for node in graph.node:
        if (
            node.op_type == "Reshape"
            and node.output[0] not in known
            and len(known.get(node.input[1], ())) == 1
        ):
            axes = [None] * int(known[node.input[1]][0].dim_value)
            found.append(onnx.helper.make_tensor_value_info(node.output[0], onnx.TensorProto.FLOAT, axes))
    return found


def _model(lowering: _Lowering, outputs: list[onnx.ValueInfoProto]) -> onnx.ModelProto:
    inputs = []
    for source in lowering.walk.graph.inputs:
        shape: list[Any] = [n if n else f"{source.name}_d{i}" for i, n in enumerate(source.shape)]
        if lowering.dynamic and shape:
            shape[0] = "N"
        inputs.append(onnx.helper.make_tensor_value_info(source.name, _elem(source.dtype), shape))
    read = {name for node in lowering.nodes for name in node.input}
    proto = onnx.helper.make_graph(
        lowering.nodes,
        "executed",
        inputs,
        outputs,
        [numpy_helper.from_array(a, n) for n, a in lowering.constants.items() if n in read],
    )
    model = onnx.helper.make_model(proto, opset_imports=[onnx.helper.make_opsetid("", lowering.opset)])
    model.ir_version = EXECUTED_IR_VERSION
    return model


def _elem(dtype: str) -> int:
    return int(onnx.helper.np_dtype_to_tensor_dtype(fold.make_dtype(dtype)))


def _typed(graph: OnnxGraph, lowering: _Lowering, name: str) -> int:
    """The element type of a graph output, which is cast where lowering has made it a float."""
    dtype = graph.output_dtypes[name]
    if name in lowering.integers:
        return _elem(dtype) if dtype != "undefined" else int(onnx.TensorProto.INT64)
    if dtype in ("undefined", "float32"):
        return int(onnx.TensorProto.FLOAT)
    lowering.count += 1
    real = f"{LOWERED}{lowering.count}"
    for node in lowering.nodes:
        for names in (node.input, node.output):
            for i, other in enumerate(names):
                if other == name:
                    names[i] = real
    lowering.emit("Cast", [real], name, to=_elem(dtype))
    return _elem(dtype)


def execute(path: Path, inputs: Mapping[str, NDArray[Any]]) -> Values:
    """The ONNX model's own outputs, by onnxruntime.

    Args:
        path: The model.
        inputs: Its inputs, ``[N, ...]`` by name; any N, whatever batch the file has baked in. Those that are not given
            are 0: a network has no inputs on which its outputs do not depend.
    Returns:
        Its outputs, ``[N, ...]`` by name, in their order (see `run_frames`).
    Raises:
        ToolError: onnxruntime is not installed, or cannot run the model.
    """
    if not all(map(len, inputs.values())):
        raise ToolError(f"{path.name}: there is nothing to run, the input has no frames")
    lowered = load_for_execution(path, dynamic=False)
    given = completed(lowered, inputs)
    return run_frames(
        Session(lowered, path.name), lambda: Session(load_for_execution(path), path.name), given
    )
