"""A small quantised network around an operator of one of onnx's node tests.

Computed operands become graph inputs behind a quantiser, with a scale on which the case's values lie as well as they can;
weights become ternary or integers of 8 bits; what else the operator takes is constant as the case has it. Operators that
act on single numbers and those that choose or normalise read the sums of a dense layer, all others read codes. Behind
the operator every value goes through a quantiser to an output of the network, and on through a dense layer to another.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from math import ceil, frexp, ldexp, prod
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from conformance.cases import Case
from conformance.formats import stored, stored_bias
from conformance.operators import (
    CHOOSES,
    ENDS,
    INTEGER,
    MANY,
    MOVES,
    ON_SUMS,
    PAIRS,
    PER_FRAME,
    QONNX_ONLY,
    SIZES,
    WEIGHTED,
)
from onnx_writer import Dialect, Format, Writer, quantised, weights
from ternc.frontend import fold
from ternc.frontend.load import NEWEST_OPSET

Array = NDArray[Any]

FRAMES = 4
CODE_BITS = 6
TRITS = Format(bits=2, signed=True)
DENSE_INPUTS = 1024
"""Most values that the dense layer behind the operator reads."""

FLOATS = {"float16", "bfloat16", "float64"}
"""Types that are float32 in the network."""


class NotApplicable(Exception):  # noqa: N818 - no error: a result
    """A rule by which a case has no meaning in a quantised network."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Around:
    """A network around a case's operator.

    Attributes:
        model: The network.
        inputs: Frames ``[N, ...]`` by graph input; frame 0 holds the case's own values.
        node: Name of the operator's node; empty where the case's graph spells the operator out.
        expected: Of some outputs the values of frame 0 that the case itself demands.
    """

    model: onnx.ModelProto
    inputs: Mapping[str, Array]
    node: str
    expected: Mapping[str, Array]


def forms(case: Case) -> tuple[str, ...]:
    """The ways to put a case's operands into a network; one without a name where there is just one."""
    if case.forms is not None:
        return case.forms
    if case.op in WEIGHTED and len(case.inputs) > 1:
        return "ternary weights", "8-bit weights"
    if case.op in PAIRS and len(case.inputs) > 1:
        return "computed operands", "a constant operand"
    return ("",)


def around(case: Case, form: str, dialect: Dialect, peaks: Mapping[str, float] | None = None) -> Around:
    """The network of a case.

    Args:
        form: One of `forms`.
        peaks: The largest size of each of the operator's results, from which the scales behind it follow; None leaves
            the quantisers behind it out, for finding them.
    Raises:
        NotApplicable: By which rule the case has no network.
    """
    _check(case)
    return _Network(case=case, form=form, dialect=dialect, peaks=peaks).build()


def _check(case: Case) -> None:
    values = {**case.inputs, **case.outputs}
    if any(array is None for array in values.values()):
        raise NotApplicable("its operand is a sequence or an optional value, not a tensor")
    for name, array in values.items():
        assert array is not None
        if array.dtype.kind in "OSU":
            raise NotApplicable("its operand is a text")
        if array.size == 0 and name in list(case.inputs)[:1]:
            raise NotApplicable("its operand has no elements")
    if not any(array is not None and array.size for array in case.outputs.values()):
        raise NotApplicable("its result has no elements")
    first = next(iter(case.inputs.values()), None)
    if first is not None and first.dtype == np.bool_:
        raise NotApplicable("its operand is true or false, no number")
    if first is None or case.op in MOVES | CHOOSES | INTEGER or first.dtype.name in FLOATS | {"float32"}:
        return
    raise NotApplicable(
        f"it computes in integers ({first.dtype.name}); in a quantised network it computes reals"
    )


def opset_for(case: Case) -> int:
    """The case's operator set, or the newest that is read where its operators are already the same there."""
    if case.opset <= NEWEST_OPSET:
        return case.opset
    lowered = onnx.ModelProto()
    lowered.CopyFrom(case.model)
    for entry in lowered.opset_import:
        entry.version = NEWEST_OPSET if entry.domain == "" else entry.version
    try:
        onnx.checker.check_model(lowered)
    except onnx.checker.ValidationError:
        return case.opset
    return NEWEST_OPSET


@dataclass(slots=True, kw_only=True, eq=False)
class _Network:
    """The work on one network."""

    case: Case
    form: str
    dialect: Dialect
    peaks: Mapping[str, float] | None
    w: Writer = field(default_factory=Writer)
    frames: dict[str, Array] = field(default_factory=dict)
    expected: dict[str, Array] = field(default_factory=dict)
    cut: bool = False

    @property
    def keeps_types(self) -> bool:
        """Whether the operator is about types."""
        return self.case.op in INTEGER | {"QuantizeLinear"}

    def build(self) -> Around:
        case = self.case
        opset = opset_for(case)
        if self.dialect in ("qdq", "qcdq") and opset < 10:
            raise NotApplicable("its operator set is older than QuantizeLinear")
        if self.dialect != "qonnx" and case.op in QONNX_ONLY:
            raise NotApplicable("it is an operator of QONNX")
        rng = np.random.default_rng(zlib.crc32(case.name.encode()))
        computed = self._computed()
        scale = self._input_format(computed)
        given = {}
        for position, (name, array) in enumerate(case.inputs.items()):
            assert array is not None
            if name in computed:
                given[name] = self._operand(name, array, scale, rng)
            else:
                given[name] = self._constant(position, name, array)
        if not given:
            given["_"] = self._operand("x", np.ones((1, 3), np.float32), scale, rng)
        node = self._body(given)
        self._behind(scale, rng, given)
        model = self.w.model(opset, name=case.name)
        return Around(model=model, inputs=self.frames, node=node, expected=self.expected)

    # ---- the operands --------------------------------------------------------------------------------------

    def _computed(self) -> set[str]:
        names = list(self.case.inputs)
        several = self.case.op in MANY and self.form != "a constant operand"
        return set(names if several or self.form == "computed operands" else names[:1])

    def _input_format(self, computed: set[str]) -> Format:
        """One quantiser for all operands: integers stay as they are, other values get a power of two."""
        arrays = [_finite(a) for name, a in self.case.inputs.items() if name in computed and a is not None]
        values = np.concatenate([a.ravel() for a in arrays]) if arrays else np.ones(1)
        f = Format(bits=8 if self.dialect == "qdq" else CODE_BITS, signed=True)
        peak = float(np.abs(values).max(initial=0.0))
        if np.array_equal(values, np.rint(values)) and peak <= f.high:
            return f
        return replace(f, scale=float(2.0 ** np.ceil(np.log2(peak / f.high))))

    def _operand(self, name: str, array: Array, f: Format, rng: np.random.Generator) -> str:
        """A graph input, quantised; then the sums of a layer where the operator reads sums; in the case's shape."""
        w, case = self.w, self.case
        values = _finite(array)
        if case.op in PER_FRAME and values.ndim and values.shape[0] > 1:
            values, self.cut = values[:1], True
        shape = values.shape
        outer = shape if len(shape) > 1 and shape[0] == 1 else (1, *shape) if shape else (1, 1)
        codes = rng.integers(f.low, f.high + 1, (FRAMES - 2, *outer)) * np.float32(f.scale)
        own = values.reshape(1, *outer)
        self.frames[name] = np.concatenate([own, -own, codes]).reshape(FRAMES, *outer[1:]).astype(np.float32)
        v = quantised(w, w.input(name, outer), f, self.dialect)
        if case.op in ON_SUMS and not (case.op in PAIRS and self.form == "computed operands"):
            v = self._sums(v, shape, outer, rng)
        elif outer != shape:
            v = w.reshape(v, *shape, name=name)
        return self._typed(v, array)

    def _sums(self, v: str, shape: tuple[int, ...], outer: tuple[int, ...], rng: np.random.Generator) -> str:
        """The sums of a layer of as many outputs, in the operand's shape.

        In front of the network's end it is dense along the axis that the end looks at; else it is dense over everything,
        so that every element is a channel of its own, or a convolution of one channel where that would be large.
        """
        w, count = self.w, prod(outer)
        if self.case.op in ENDS and shape:
            attributes = _attributes(self._node)
            axis = int(attributes.get("axis", 0 if self.case.op == "ArgMax" else -1)) % len(shape)
            order = [i for i in range(len(shape)) if i != axis] + [axis]
            v = w.node("Transpose", w.reshape(v, *shape), perm=order)
            v = w.node("MatMul", v, self._trits(shape[axis], rng))
            return w.node("Transpose", v, perm=[order.index(i) for i in range(len(shape))], name="sums")
        if count > DENSE_INPUTS:
            one = weights(w, np.ones((1, 1, 1, 1), np.int64), TRITS, self.dialect)
            v = w.node("Conv", w.reshape(v, 1, 1, 1, count), one)
        else:
            v = w.node("MatMul", w.reshape(v, 1, count), self._trits(count, rng))
        return w.reshape(v, *shape, name="sums")

    def _trits(self, count: int, rng: np.random.Generator) -> str:
        """A square matrix of trits, about three in a row."""
        matrix = np.where(
            rng.random((count, count)) < 3 / max(count, 3), rng.integers(-1, 2, (count, count)), 0
        )
        np.fill_diagonal(matrix, 1)
        return weights(self.w, matrix, TRITS, self.dialect)

    @property
    def _node(self) -> onnx.NodeProto:
        """The operator's node (of a spelled-out operator, the first one)."""
        node: onnx.NodeProto = self.case.model.graph.node[0]
        return node

    def _typed(self, v: str, array: Array) -> str:
        """The value in the integer type that the operator reads."""
        case, w = self.case, self.w
        if case.op in ("Cast", "CastLike"):
            v = self._in_range(v, array)
            kept = array.dtype.name == "float32"
            elem = helper.np_dtype_to_tensor_dtype(array.dtype)
            return v if kept else w.node("Cast", v, to=elem, name=f"to_{array.dtype.name}")
        if case.op == "DequantizeLinear":
            operands = self._constants(*list(case.inputs)[1:])
            return w.node("QuantizeLinear", v, *operands, name="codes", **_attributes(self._node))
        if case.op in ("QLinearConv", "QLinearMatMul"):
            return w.node("QuantizeLinear", v, *self._constants(*list(case.inputs)[1:3]), name="codes")
        if case.op in ("ConvInteger", "MatMulInteger"):
            zeros = [name for name in case.inputs if name in ("x_zero_point", "a_zero_point")]
            zero = case.inputs[zeros[0]]
            assert zero is not None
            return w.node("QuantizeLinear", v, w.const(1.0), w.const(zero.reshape(())), name="codes")
        return v

    def _in_range(self, v: str, array: Array) -> str:
        """The value inside the integer types that a Cast is about: beyond them, ONNX leaves its result open."""
        result = next(iter(self.case.outputs.values()))
        assert result is not None
        bounds = [fold.type_range(a.dtype.name) for a in (array, result)]
        for low, high in (b for b in bounds if b is not None):
            v = self.w.node("Clip", v, self.w.const(float(low)), self.w.const(float(high)))
        return v

    def _constants(self, *names: str) -> list[str]:
        arrays = [self.case.inputs[name] for name in names]
        return [self.w.const(array) for array in arrays if array is not None]

    def _constant(self, position: int, name: str, array: Array) -> str:
        """An operand that is not computed, or a weight."""
        case, w = self.case, self.w
        if WEIGHTED.get(case.op) == position:
            return stored(w, _finite(array), self.form, self._output_axis(array), self.dialect, name)
        if position == 2 and self.form.endswith("quantised bias"):
            return stored_bias(w, _finite(array), self.dialect, name)
        first = next(iter(case.inputs.values()))
        assert first is not None
        alike = array.dtype == first.dtype and not self.keeps_types
        bound = case.op in ("Min", "Max", "Clip") or (case.op == "Pad" and position == 2)
        real = array.dtype.name in FLOATS or (alike and bound)
        return w.const(array.astype(np.float32) if real else array, name)

    def _output_axis(self, weight: Array) -> int:
        """The weight's axis of output channels."""
        match self.case.op:
            case "Conv":
                return 0
            case "Gemm":
                return 0 if _attributes(self._node).get("transB", 0) else 1
            case _:
                return min(1, weight.ndim - 1)

    # ---- the operator --------------------------------------------------------------------------------------

    def _body(self, given: Mapping[str, str]) -> str:
        """The case's own nodes; the name of the only one."""
        graph = self.case.model.graph
        inner = {output for node in graph.node for output in node.output if output}
        names = {"": "", **given, **{name: f"op_{name}" for name in inner}}
        for number, node in enumerate(graph.node):
            copy = onnx.NodeProto()
            copy.CopyFrom(node)
            copy.name = f"op{number or ''}"
            copy.input[:] = [names[name] for name in node.input]
            copy.output[:] = [names[name] for name in node.output]
            if not self.keeps_types:
                _retype(copy)
            self.w.nodes.append(copy)
        return "op" if len(graph.node) == 1 else ""

    # ---- behind the operator -------------------------------------------------------------------------------

    def _behind(self, f: Format, rng: np.random.Generator, given: Mapping[str, str]) -> None:
        case, w = self.case, self.w
        for number, (name, array) in enumerate(case.outputs.items()):
            assert array is not None
            if case.op == "Dropout" and number:
                continue  # the mask does not depend on the input
            v = f"op_{name}"
            shape = (1, *array.shape[1:]) if self.cut and array.ndim else array.shape
            if case.op in SIZES:
                v, shape = self._size(v, given), (1, int(self.frames[next(iter(self.frames))].shape[-1]))
            elif case.op in ENDS or array.dtype == np.bool_ or (case.op == "MaxPool" and number):
                self._leave(v, shape, name, helper.np_dtype_to_tensor_dtype(self._plain(array)))
                continue
            else:
                v = self._real(v, name, array)
            if 0 in shape:
                continue
            if self.peaks is None:
                self._leave(v, shape, name, TensorProto.FLOAT)
                continue
            behind = f if case.op in MOVES else self._output_format(self.peaks[name])
            y = quantised(w, v, behind, self.dialect)
            self._leave(y, shape, name, TensorProto.FLOAT)
            if case.op in MOVES and not self.cut and not case.expanded:
                self.expected[name] = _on(behind, _finite(array)).reshape(_outer(shape))
            if number == 0 and prod(shape) <= DENSE_INPUTS:
                matrix = rng.integers(-1, 2, (prod(shape), 2))
                trits = weights(w, matrix, replace(TRITS, scale=0.5), self.dialect)
                w.output(w.node("MatMul", w.reshape(y, 1, prod(shape)), trits), "dense")

    def _leave(self, v: str, shape: tuple[int, ...], name: str, elem: int) -> None:
        outer = _outer(shape)
        self.w.output(self.w.reshape(v, *outer) if outer != shape else v, f"y_{name}", elem)

    def _plain(self, array: Array) -> np.dtype[Any]:
        """The type of a result in the network: every float is float32, and so is what TopK chooses."""
        chosen = self.case.op == "TopK" and array is next(iter(self.case.outputs.values()))
        return np.dtype(np.float32) if array.dtype.name in FLOATS or chosen else array.dtype

    def _output_format(self, peak: float) -> Format:
        bits = 8 if self.dialect == "qdq" else CODE_BITS
        f = Format(bits=bits, signed=True)
        return replace(f, scale=_short(peak / f.high) if peak else 1.0)

    def _real(self, v: str, name: str, array: Array) -> str:
        """An integer result as a real number."""
        case, w = self.case, self.w
        if case.op == "QuantizeLinear":
            operands = self._constants(*list(case.inputs)[1:])
            kept = {k: a for k, a in _attributes(self._node).items() if k in ("axis", "block_size")}
            return w.node("DequantizeLinear", v, *operands, **kept)
        if case.op in ("QLinearConv", "QLinearMatMul"):
            scale = case.inputs[list(case.inputs)[-2]]
            real = w.node("DequantizeLinear", v, *self._constants(*list(case.inputs)[-2:]))
            assert scale is not None
            return real if scale.dtype == np.float32 else w.node("Cast", real, to=TensorProto.FLOAT)
        if case.op == "DynamicQuantizeLinear":
            return (
                w.node("DequantizeLinear", *(f"op_{output}" for output in case.outputs)) if name == "y" else v
            )
        if self.keeps_types and array.dtype.name != "float32":
            return w.node("Cast", v, to=TensorProto.FLOAT)
        return v

    def _size(self, v: str, given: Mapping[str, str]) -> str:
        """A layer's sums plus the sum of a constant result."""
        w = self.w
        total = w.node("ReduceSum", w.node("Cast", v, to=TensorProto.FLOAT), keepdims=0)
        operand = next(iter(given.values()))
        size = int(prod(self.frames[next(iter(self.frames))].shape[1:]))
        last = int(self.frames[next(iter(self.frames))].shape[-1])
        flat = w.reshape(operand, 1, size)
        return w.node("Add", w.node("Slice", flat, w.whole(0), w.whole(last), w.whole(1)), total)


def _short(value: float) -> float:
    """The number to six significant bits, so that float32 holds every sum of the dense layer's inputs exactly."""
    mantissa, exponent = frexp(min(value, 2.0**100))
    return ldexp(ceil(mantissa * 64) / 64, exponent)


def _outer(shape: tuple[int, ...]) -> tuple[int, ...]:
    """A shape with a batch axis of 1 in front."""
    return shape if len(shape) > 1 and shape[0] == 1 else (1, *shape)


def _attributes(node: onnx.NodeProto) -> dict[str, Any]:
    return {a.name: helper.get_attribute_value(a) for a in node.attribute}


def _retype(node: onnx.NodeProto) -> None:
    """Every float of a node's attributes as float32."""
    kinds = {TensorProto.FLOAT16, TensorProto.BFLOAT16, TensorProto.DOUBLE}
    for attribute in node.attribute:
        if node.op_type == "Cast" and attribute.name == "to" and attribute.i in kinds:
            attribute.i = TensorProto.FLOAT
        if attribute.type == onnx.AttributeProto.TENSOR and attribute.t.data_type in kinds:
            array = numpy_helper.to_array(attribute.t).astype(np.float32)
            attribute.t.CopyFrom(numpy_helper.from_array(array, attribute.t.name))


def _finite(array: Array) -> NDArray[np.float64]:
    """The values as real numbers; NaN and infinities, which no code stands for, become 0 and the largest number."""
    values = array.astype(np.float64)
    there = np.isfinite(values)
    peak = float(np.abs(values[there]).max(initial=1.0))
    return np.nan_to_num(values, nan=0.0, posinf=peak, neginf=-peak)


def _on(f: Format, values: NDArray[np.float64]) -> NDArray[np.float32]:
    """The values on a quantiser's grid."""
    scale = np.float32(f.scale)
    codes = np.clip(np.rint(values.astype(np.float32) / scale), f.low, f.high)
    return np.asarray(codes * scale, np.float32)
