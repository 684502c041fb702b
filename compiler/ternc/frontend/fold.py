"""Constant folding: a node whose inputs are all constant, evaluated once.

Standard operators run in onnx's own reference implementation. Quantisers run here, because the reference knows
neither QONNX nor every small integer type.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import ml_dtypes
import numpy as np
import onnx
from onnx import numpy_helper
from onnx.reference import ReferenceEvaluator

from ternc.frontend.values import Array, Node, require_size


def type_range(dtype: str) -> tuple[int, int] | None:
    """Smallest and largest value of an integer type given by numpy name; None for any other type."""
    iinfo: Any = ml_dtypes.iinfo
    try:
        info = iinfo(make_dtype(dtype))
    except (TypeError, ValueError):
        return None
    return int(info.min), int(info.max)


def make_dtype(name: str) -> np.dtype[Any]:
    """numpy dtype of a name, the small types of ml_dtypes included."""
    return np.dtype(getattr(ml_dtypes, name)) if hasattr(ml_dtypes, name) else np.dtype(name)


def elem_dtype(elem_type: int) -> str:
    """numpy dtype name of an ONNX element type."""
    return np.dtype(onnx.helper.tensor_dtype_to_np_dtype(elem_type)).name


def round_like(values: Array, mode: str) -> Array:
    """QONNX's rounding modes on floats; KeyError for an unknown one."""
    modes: dict[str, Callable[[Array], Any]] = {
        "ROUND": np.rint,
        "HALF_EVEN": np.rint,
        "CEIL": np.ceil,
        "FLOOR": np.floor,
        "DOWN": np.fix,
        "UP": lambda v: np.sign(v) * np.ceil(np.abs(v)),
        "HALF_UP": lambda v: np.sign(v) * np.floor(np.abs(v) + np.float32(0.5)),
        "HALF_DOWN": lambda v: np.sign(v) * np.ceil(np.abs(v) - np.float32(0.5)),
    }
    return np.asarray(modes[mode.upper()](values))


def quant(x: Array, scale: Array, zero: Array, low: float, high: float, mode: str) -> Array:
    """QONNX Quant: ``(clip(round(x / s + z)) - z) * s``, the code in float32, its value exactly."""
    codes = (x.astype(np.float32) / scale.astype(np.float32)) + zero.astype(np.float32)
    codes = round_like(np.clip(codes, np.float32(low), np.float32(high)), mode)
    return scaled(codes - zero.astype(np.float32), scale)


def scaled(codes: Array, scale: Array) -> Array:
    """Codes times scales without rounding: float32 where that holds them, else float64."""
    product = codes.astype(np.float64) * scale.astype(np.float32).astype(np.float64)
    single = product.astype(np.float32)
    return single if np.array_equal(single, product) else product


def bipolar(x: Array, scale: Array) -> Array:
    """QONNX BipolarQuant: ``+s`` where ``x >= 0``, else ``-s``."""
    return np.asarray(np.where(x >= 0, np.float32(1), np.float32(-1)) * scale.astype(np.float32), np.float32)


def along(values: Array, shape: Sequence[int], axis: int, block: int = 0) -> Array:
    """A scale or zero point brought to a shape that broadcasts against ``shape`` (per axis, or per block)."""
    if values.size == 1:
        return values.reshape(())
    if block:
        return np.asarray(np.repeat(values, block, axis=axis)[tuple(slice(0, n) for n in shape)])
    return values.reshape([-1 if i == axis % len(shape) else 1 for i in range(len(shape))])


def quantize_linear(x: Array, scale: Array, zero: Array, dtype: str) -> Array:
    """ONNX QuantizeLinear to an integer type; scale and zero already broadcastable."""
    bounds = type_range(dtype)
    assert bounds is not None, dtype
    codes = np.rint(x.astype(np.float32) / scale.astype(np.float32)).astype(np.float64) + zero.astype(
        np.float64
    )
    return np.clip(codes, *bounds).astype(np.int64).astype(make_dtype(dtype))


def dequantize_linear(x: Array, scale: Array, zero: Array) -> Array:
    """ONNX DequantizeLinear, exactly (see `scaled`); scale and zero already broadcastable."""
    return scaled(x.astype(np.int64) - zero.astype(np.int64), scale)


def evaluate(node: Node, arrays: Sequence[Array | None], opset: int) -> list[Array]:
    """Run one standard operator on constants in onnx's reference implementation.

    Where some floats are 64 bits wide and others 32, all are computed with 64: `scaled` made the former of 32.

    Raises:
        Exception: Whatever the reference raises; the caller turns it into a sentence.
    """
    if node.op in ("Clip", "Max", "Min") and any(a is not None and a.dtype.name in _SMALL for a in arrays):
        return [_clip_small(node, arrays)]
    if {np.dtype(np.float32), np.dtype(np.float64)} <= {a.dtype for a in arrays if a is not None}:
        arrays = [a.astype(np.float64) if a is not None and a.dtype == np.float32 else a for a in arrays]
    names = [name if array is not None else "" for name, array in zip(node.inputs, arrays, strict=True)]
    proto = onnx.helper.make_node(node.op, names, [o or f"_{i}" for i, o in enumerate(node.outputs)])
    proto.attribute.extend(_attributes(node.attributes))
    feeds = {name: array for name, array in zip(names, arrays, strict=True) if array is not None}
    graph = onnx.helper.make_graph(
        [proto],
        "constant",
        [_info(name, array) for name, array in feeds.items()],
        [onnx.helper.make_tensor_value_info(name, onnx.TensorProto.UNDEFINED, None) for name in proto.output],
    )
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", opset)])
    _foresee(model, feeds)
    with np.errstate(all="ignore"):
        return [np.asarray(a) for a in ReferenceEvaluator(model).run(None, feeds)]


SHAPE_VALUES = 64
"""Most elements of an operand that may be a shape."""


def _foresee(model: onnx.ModelProto, feeds: Mapping[str, Array]) -> None:
    """TooLargeError where the shape of an output is known beforehand to be too large."""
    told = onnx.ModelProto()
    told.CopyFrom(model)
    small = {name: array for name, array in feeds.items() if array.size <= SHAPE_VALUES}
    told.graph.initializer.extend(numpy_helper.from_array(array, name) for name, array in small.items())
    try:
        found = onnx.shape_inference.infer_shapes(told, data_prop=True)
    except Exception:  # noqa: BLE001 - the inference raises many kinds; what is wrong is said by the evaluation
        return
    for output in found.graph.output:
        dims = output.type.tensor_type.shape.dim
        if all(d.HasField("dim_value") for d in dims):
            require_size(d.dim_value for d in dims)


_SMALL = ("int2", "uint2", "int4", "uint4")


def _clip_small(node: Node, arrays: Sequence[Array | None]) -> Array:
    """Clip, Max and Min on types smaller than a byte, which the reference does not compute on."""
    first = arrays[0]
    assert first is not None
    wide = [None if a is None else a.astype(np.int64) for a in arrays]
    result = wide[0]
    for position, bound in enumerate(wide[1:], start=1):
        if bound is not None and result is not None:
            upper = node.op == "Min" or (node.op == "Clip" and position == 2)
            result = np.minimum(result, bound) if upper else np.maximum(result, bound)
    assert result is not None
    return result.astype(first.dtype)


def _info(name: str, array: Array) -> onnx.ValueInfoProto:
    elem = onnx.helper.np_dtype_to_tensor_dtype(array.dtype)
    return onnx.helper.make_tensor_value_info(name, elem, array.shape)


def _attributes(attributes: Mapping[str, Any]) -> list[onnx.AttributeProto]:
    protos = []
    for name, value in attributes.items():
        if value is None:
            raise ValueError(f"attribute '{name}' is a graph")
        plain = numpy_helper.from_array(value) if isinstance(value, np.ndarray) else value
        protos.append(onnx.helper.make_attribute(name, plain))
    return protos
