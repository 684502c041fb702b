"""What a case is about: its attributes, optional operands, types and number of axes, in words."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from onnx import helper

from conformance.cases import Case
from conformance.operators import WEIGHTED

SPATIAL = {"Conv", "ConvTranspose", "MaxPool", "AveragePool", "GlobalAveragePool", "GlobalMaxPool"}
TYPED = {"Cast", "CastLike", "QuantizeLinear", "DequantizeLinear"}
"""Operators whose cases differ in types alone."""

_SHOWN = {
    "auto_pad", "ceil_mode", "count_include_pad", "keepdims", "transA", "transB", "mode", "nearest_mode",
    "coordinate_transformation_mode", "exclude_outside", "antialias", "keep_aspect_ratio_policy", "select_last_index",
    "largest", "allowzero", "batch_dims", "noop_with_empty_axes", "training_mode", "approximate", "rounding_mode", "signed",
    "narrow", "out_dtype",
}  # fmt: skip
"""Attributes whose value matters; of others it is said that they are there."""

_UNSAID = {
    "kernel_shape",
    "seed",
    "storage_order",
    "sorted",
    "saturate",
    "round_mode",
    "precision",
    "value",
    "to",
}
_NEUTRAL = {"strides": 1, "dilations": 1, "pads": 0, "output_padding": 0, "group": 1}


def features(case: Case, base: Case, form: str) -> tuple[str, ...]:
    """The case in words, most important first.

    Args:
        base: The case itself or, where it spells an operator out, that of the operator.
    """
    node = base.model.graph.node[0]
    arrays = [a for a in base.inputs.values() if a is not None]
    found = [form] if form else []
    if base.op in SPATIAL and arrays:
        found.append(f"{arrays[0].ndim - 2}-D")
    if base.op in TYPED:
        results = [a for a in base.outputs.values() if a is not None]
        found.append(f"{_kind(arrays[0].dtype)} to {_kind(results[0].dtype)}")
    elif arrays and arrays[0].dtype != np.float32:
        found.append(_kind(arrays[0].dtype))
    found += _attributes(base, node)
    found += _operands(base, node)
    if base.op in WEIGHTED and base.op in ("MatMul", "Einsum") and len(arrays) > 1:
        found.append(" times ".join(f"{a.ndim} axes" for a in arrays[:2]))
    if case is not base:
        found.append("spelled out in other operators")
    return tuple(found)


def _kind(dtype: Any) -> str:
    name = str(np.dtype(dtype).name)
    if name.startswith(("float8", "float4")):
        return "floats of 4 or 8 bits"
    if name in ("float16", "bfloat16", "float64"):
        return "16-bit or 64-bit floats"
    if name in ("int2", "int4", "uint2", "uint4"):
        return "integers of 2 or 4 bits"
    return "integers" if "int" in name else name


def _attributes(case: Case, node: onnx.NodeProto) -> list[str]:
    defaults = _schema(case, node).attributes if not node.domain else {}
    found = []
    for attribute in sorted(node.attribute, key=lambda a: a.name):
        name, value = attribute.name, helper.get_attribute_value(attribute)
        value = value.decode() if isinstance(value, bytes) else value
        if name in _UNSAID or np.all(np.asarray(value == _NEUTRAL.get(name))):
            continue
        if name in _NEUTRAL and np.all(np.asarray(value) == _NEUTRAL[name]):
            continue
        default = defaults[name].default_value if name in defaults else None
        if name in _SHOWN:
            known = helper.get_attribute_value(default) if default is not None and default.name else None
            known = known.decode() if isinstance(known, bytes) else known
            if value != known:
                found.append(f"{name}={value}")
        else:
            found.append(name)
    return found


def _operands(case: Case, node: onnx.NodeProto) -> list[str]:
    """The optional operands that it has."""
    if node.domain:
        return []
    formal = _schema(case, node).inputs
    optional = onnx.defs.OpSchema.FormalParameterOption.Optional
    given = zip(formal, node.input, strict=False)
    return [f"operand {f.name}" for f, name in given if name and f.option == optional]


def _schema(case: Case, node: onnx.NodeProto) -> onnx.defs.OpSchema:
    return onnx.defs.get_schema(node.op_type, case.opset)
