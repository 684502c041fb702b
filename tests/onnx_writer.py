"""Writing ONNX models node by node, and quantisers in every dialect."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import ml_dtypes
import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

QONNX = "qonnx.custom_op.general"

Dialect: TypeAlias = Literal["qonnx", "qcdq", "qdq", "float"]
DIALECTS: tuple[Dialect, ...] = ("qonnx", "qcdq", "qdq", "float")
"""Quant nodes; QuantizeLinear, Clip, DequantizeLinear; the same without the Clip; Div, Round, Clip, Mul."""


class Writer:
    """Collects nodes; most methods return the name of the value they make."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.initialisers: list[onnx.TensorProto] = []
        self.inputs: list[onnx.ValueInfoProto] = []
        self.outputs: list[onnx.ValueInfoProto] = []
        self.count = 0

    def fresh(self, stem: str) -> str:
        """A name that nothing has yet."""
        self.count += 1
        return f"{stem}{self.count}"

    def input(self, name: str, shape: tuple[int, ...]) -> str:
        """A graph input, float32."""
        self.inputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, shape))
        return name

    def output(self, value: str, name: str, elem: int = TensorProto.FLOAT) -> None:
        """Give a value away as the graph output ``name``."""
        self.nodes.append(helper.make_node("Identity", [value], [name], name=f"{name}_end"))
        self.outputs.append(helper.make_tensor_value_info(name, elem, None))

    def const(self, value: Any, name: str = "") -> str:
        """An initialiser; bare numbers are float32."""
        array = value if isinstance(value, np.ndarray) else np.array(value, np.float32)
        name = name or self.fresh("c")
        self.initialisers.append(numpy_helper.from_array(array, name))
        return name

    def whole(self, *values: int) -> str:
        """An int64 list (a shape, axes)."""
        return self.const(np.array(values, np.int64))

    def node(self, op: str, *inputs: str, domain: str = "", name: str = "", **attributes: Any) -> str:
        """A node with one output."""
        return self.many(op, *inputs, outputs=1, domain=domain, name=name, **attributes)[0]

    def many(
        self, op: str, *inputs: str, outputs: int, domain: str = "", name: str = "", **attributes: Any
    ) -> list[str]:
        """A node with several outputs."""
        name = name or self.fresh(op.lower())
        made = [f"{name}_out{i or ''}" for i in range(outputs)]
        self.nodes.append(helper.make_node(op, list(inputs), made, name=name, domain=domain, **attributes))
        return made

    def reshape(self, x: str, *shape: int, name: str = "") -> str:
        """The value in another shape."""
        return self.node("Reshape", x, self.whole(*shape), name=name)

    def model(self, opset: int, name: str = "graph") -> onnx.ModelProto:
        """The model, with the domain of QONNX's operators where they occur."""
        graph = helper.make_graph(self.nodes, name, self.inputs, self.outputs, self.initialisers)
        imports = [helper.make_opsetid("", opset)]
        imports += [helper.make_opsetid(QONNX, 1)] * any(node.domain == QONNX for node in self.nodes)
        model = helper.make_model(graph, opset_imports=imports)
        model.ir_version = 10
        return model


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Format:
    """An integer type with a scale: real value = ``(code - zero) * scale``.

    Attributes:
        bits: Width of the codes; the dialect ``"qdq"`` takes the next wider type that ONNX has.
        scale: One number, or one for each index of ``axis``.
        axis: Of per-channel scales.
    """

    bits: int
    signed: bool
    scale: float | NDArray[np.float32] = 1.0
    zero: int = 0
    axis: int = 1

    @property
    def low(self) -> int:
        """The lowest code."""
        return -(1 << (self.bits - 1)) if self.signed else 0

    @property
    def high(self) -> int:
        """The highest code."""
        return int(self.low + 2**self.bits - 1)

    @property
    def container(self) -> np.dtype[Any]:
        """numpy's type with at least as many bits that QuantizeLinear has in every operator set."""
        name = "int" if self.signed else "uint"
        return np.dtype(f"{name}{8 if self.bits <= 8 else 16}")

    @property
    def narrow_container(self) -> np.dtype[Any]:
        """As `container`, with the types of 2 and 4 bits that newer operator sets have."""
        name = "int" if self.signed else "uint"
        small = 2 if self.bits <= 2 else 4
        return np.dtype(getattr(ml_dtypes, f"{name}{small}")) if self.bits <= 4 else self.container


def quantised(w: Writer, x: str, f: Format, dialect: Dialect, *, rank: int = 0, opset: int = 17) -> str:
    """A value through a quantiser.

    Args:
        rank: Number of the value's axes; needed for scales per channel.
        opset: Of the model; from 21 on, ``"qdq"`` has integers of 4 bits, from 25 on of 2 bits.
    """
    scale = np.asarray(f.scale, np.float32)
    shape = [-1 if i == f.axis else 1 for i in range(rank)]
    spread = scale.reshape(shape) if scale.ndim else scale
    match dialect:
        case "qonnx":
            operands = (w.const(spread), w.const(float(f.zero)), w.const(float(f.bits)))
            return w.node(
                "Quant", x, *operands, domain=QONNX, signed=int(f.signed), narrow=0, rounding_mode="ROUND"
            )
        case "float":
            v = w.node("Round", w.node("Div", x, w.const(spread)))
            v = w.node("Add", v, w.const(float(f.zero))) if f.zero else v
            v = clip(w, v, np.float32(f.low), np.float32(f.high), opset)
            v = w.node("Sub", v, w.const(float(f.zero))) if f.zero else v
            return w.node("Mul", v, w.const(spread))
        case "qcdq" | "qdq":
            narrow = dialect == "qdq" and opset >= (25 if f.bits <= 2 else 21)
            kind = f.narrow_container if narrow else f.container
            zero = np.full(scale.shape, f.zero, kind)
            axis: dict[str, Any] = {"axis": f.axis} if scale.ndim else {}
            v = w.node("QuantizeLinear", x, w.const(scale), w.const(zero), **axis)
            if dialect == "qcdq":
                v = clip(w, v, kind.type(f.low), kind.type(f.high), opset)
            return w.node("DequantizeLinear", v, w.const(scale), w.const(zero), **axis)


def clip(w: Writer, x: str, low: Any, high: Any, opset: int) -> str:
    """Clip with attributes or inputs, as the operator set has it."""
    if opset < 11:
        return w.node("Clip", x, min=float(low), max=float(high))
    return w.node("Clip", x, w.const(np.asarray(low)), w.const(np.asarray(high)))


def weights(
    w: Writer, codes: NDArray[Any], f: Format, dialect: Dialect, *, opset: int = 17, name: str = ""
) -> str:
    """Constant weights ``codes * scale`` as the dialect stores them; per-channel scales are those of ``axis``.

    Args:
        name: Of the initialiser that holds them.
    """
    scale = np.asarray(f.scale, np.float32)
    shape = [-1 if i == f.axis else 1 for i in range(codes.ndim)]
    spread = scale.reshape(shape) if scale.ndim else scale
    if dialect == "qonnx":
        real = w.const((codes * spread).astype(np.float32), name)
        operands = (w.const(spread), w.const(0.0), w.const(float(f.bits)))
        return w.node("Quant", real, *operands, domain=QONNX, signed=1, narrow=1, rounding_mode="ROUND")
    if dialect == "float":
        return w.const((codes * spread).astype(np.float32), name)
    narrow = dialect == "qdq" and opset >= (25 if f.bits <= 2 else 21)
    kind = f.narrow_container if narrow else f.container
    axis: dict[str, Any] = {"axis": f.axis} if scale.ndim else {}
    stored = w.const(codes.astype(kind), name)
    return w.node("DequantizeLinear", stored, w.const(scale), w.const(np.zeros(scale.shape, kind)), **axis)
