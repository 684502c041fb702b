"""Cases of our own, in the form of onnx's, for what its node tests leave out.

Attributes of convolutions and pools, formats of weights, and QONNX's operators. The results are those of onnxruntime
and, for QONNX's operators, of qonnx.
"""

from __future__ import annotations

import warnings
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any, TypeAlias

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper

from conformance.cases import Case
from conformance.operators import QONNX_ONLY
from onnx_writer import QONNX
from ternc.frontend.runtime import Session

OPSET = 17

WEIGHT_FORMS = (
    "binary weights",
    "ternary weights per channel",
    *(f"{bits}-bit weights" for bits in range(3, 8)),
    "two magnitudes",
    "two magnitudes per channel",
    "ternary weights, quantised bias",
)
"""How else weights may be stored; of the common forms every case has its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Own:
    """A case in short.

    Attributes:
        shapes: Of the operands; numbers are drawn where ``values`` has none.
        values: Operands that are given, by position.
        forms: Instead of the operator's usual ones.
    """

    op: str
    name: str
    shapes: tuple[tuple[int, ...], ...]
    attributes: dict[str, Any] = field(default_factory=dict)
    values: dict[int, NDArray[Any]] = field(default_factory=dict)
    forms: tuple[str, ...] | None = None
    opset: int = OPSET


Shapes: TypeAlias = tuple[tuple[int, ...], ...]

IMAGE = (1, 4, 7, 6)
KERNEL = (6, 4, 3, 3)
SIGNAL = (1, 4, 12)


def _layers() -> Iterator[_Own]:
    conv: dict[str, tuple[Shapes, dict[str, Any]]] = {
        "1d": ((SIGNAL, (6, 4, 3)), {"pads": [1, 1]}),
        "1d_strides_dilations": ((SIGNAL, (6, 4, 3)), {"strides": [2], "dilations": [2], "pads": [2, 1]}),
        "1d_autopad": ((SIGNAL, (6, 4, 4)), {"auto_pad": "SAME_UPPER", "strides": [2]}),
        "bias": ((IMAGE, KERNEL, (6,)), {}),
        "groups": ((IMAGE, (6, 2, 3, 3)), {"group": 2, "pads": [1, 1, 1, 1]}),
        "depthwise": ((IMAGE, (4, 1, 3, 3)), {"group": 4, "pads": [1, 1, 1, 1]}),
        "depthwise_multiplier": ((IMAGE, (8, 1, 3, 3)), {"group": 4}),
        "dilations": ((IMAGE, KERNEL), {"dilations": [3, 2], "pads": [3, 2, 3, 2]}),
        "asymmetric_pads": ((IMAGE, KERNEL), {"pads": [0, 2, 1, 0]}),
        "autopad_same_lower": ((IMAGE, (6, 4, 2, 4)), {"auto_pad": "SAME_LOWER", "strides": [2, 2]}),
        "autopad_valid": ((IMAGE, KERNEL), {"auto_pad": "VALID", "strides": [2, 1]}),
        "pointwise": ((IMAGE, (6, 4, 1, 1)), {}),
        "strides_beyond_kernel": ((IMAGE, (6, 4, 1, 1)), {"strides": [3, 2]}),
        "kernel_5x1": ((IMAGE, (6, 4, 5, 1)), {"kernel_shape": [5, 1], "pads": [2, 0, 2, 0]}),
        "3d": (((1, 2, 3, 4, 4), (3, 2, 2, 2, 2)), {}),
    }
    for name, (shapes, attributes) in conv.items():
        yield _Own(op="Conv", name=f"own_conv_{name}", shapes=shapes, attributes=attributes)
    turned: dict[str, tuple[Shapes, dict[str, Any]]] = {
        "1d_strides_output_padding": (
            (SIGNAL, (4, 6, 4)),
            {"strides": [3], "pads": [1, 1], "output_padding": [2]},
        ),
        "strides_pads": ((IMAGE, (4, 6, 4, 4)), {"strides": [2, 2], "pads": [1, 1, 1, 1]}),
        "output_padding": (
            (IMAGE, (4, 6, 3, 3)),
            {"strides": [2, 2], "pads": [1, 1, 1, 1], "output_padding": [1, 1]},
        ),
        "depthwise": ((IMAGE, (4, 1, 2, 2)), {"strides": [2, 2], "group": 4}),
        "bias": ((IMAGE, (4, 6, 2, 2), (6,)), {"strides": [2, 2]}),
        "strides_beyond_kernel": ((IMAGE, (4, 6, 2, 2)), {"strides": [3, 3]}),
    }
    for name, (shapes, attributes) in turned.items():
        yield _Own(op="ConvTranspose", name=f"own_convtranspose_{name}", shapes=shapes, attributes=attributes)
    layers: dict[str, tuple[Shapes, dict[str, Any]]] = {
        "Conv": ((IMAGE, KERNEL, (6,)), {}),
        "ConvTranspose": ((IMAGE, (4, 6, 2, 2), (6,)), {"strides": [2, 2]}),
        "Gemm": (((1, 10), (6, 10), (6,)), {"transB": 1}),
        "MatMul": (((1, 10), (10, 6)), {}),
    }
    for op, (shapes, attributes) in layers.items():
        forms = WEIGHT_FORMS if len(shapes) > 2 else WEIGHT_FORMS[:-1]
        yield _Own(op=op, name=f"own_{op.lower()}_weights", shapes=shapes, attributes=attributes, forms=forms)


def _pools() -> Iterator[_Own]:
    largest: dict[str, tuple[tuple[int, ...], dict[str, Any]]] = {
        "overlapping": (IMAGE, {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [1, 1, 1, 1]}),
        "2x2_stride_1": (IMAGE, {"kernel_shape": [2, 2], "strides": [1, 1]}),
        "1d_strides_pads": (SIGNAL, {"kernel_shape": [3], "strides": [3], "pads": [1, 0]}),
        "asymmetric_pads": (IMAGE, {"kernel_shape": [3, 2], "pads": [2, 0, 1, 1]}),
    }
    for name, (shape, attributes) in largest.items():
        yield _Own(op="MaxPool", name=f"own_maxpool_{name}", shapes=(shape,), attributes=attributes)
    average: dict[str, tuple[tuple[int, ...], dict[str, Any]]] = {
        "1d_pads": (SIGNAL, {"kernel_shape": [3], "pads": [1, 1], "count_include_pad": 1}),
        "1d_pads_not_counted": (SIGNAL, {"kernel_shape": [4], "strides": [2], "pads": [1, 1]}),
        "ceil_pads_not_counted": (
            IMAGE,
            {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [1, 1, 1, 1], "ceil_mode": 1},
        ),
    }
    for name, (shape, attributes) in average.items():
        yield _Own(op="AveragePool", name=f"own_averagepool_{name}", shapes=(shape,), attributes=attributes)
    whole = np.array([2, 3], np.int64)
    for op in ("ReduceMean", "ReduceMax", "ReduceSum"):
        yield _Own(
            op=op, name=f"own_{op.lower()}_pixels", shapes=(IMAGE, (2,)), values={1: whole}, opset=18,
            attributes={"keepdims": 0},
        )  # fmt: skip


def _sums() -> Iterator[_Own]:
    channel = (1, 4, 1, 1)
    for op in ("Add", "Sub", "Mul", "Div"):
        steps = np.array([0.5, -1.25, 3.0, 2.0], np.float32).reshape(channel)
        yield _Own(
            op=op, name=f"own_{op.lower()}_channels", shapes=(IMAGE, channel), values={1: steps},
            forms=("a constant operand",),
        )  # fmt: skip
    yield _Own(op="Concat", name="own_concat_width", shapes=(IMAGE, (1, 4, 7, 3)), attributes={"axis": 3})
    yield _Own(op="Concat", name="own_concat_channels", shapes=(IMAGE, (1, 2, 7, 6)), attributes={"axis": 1})
    pads = np.array([0, 0, 1, 2, 0, 0, 0, 1], np.int64)
    yield _Own(op="Pad", name="own_pad_zeros", shapes=(IMAGE, (8,)), values={1: pads})
    half = np.array(0.5, np.float32)
    yield _Own(op="Pad", name="own_pad_half", shapes=(IMAGE, (8,), ()), values={1: pads, 2: half})
    scales = np.array([1, 1, 3, 2], np.float32)
    yield _Own(
        op="Resize", name="own_resize_nearest_floor", shapes=(IMAGE, (0,), (4,)), values={1: scales[:0], 2: scales},
        attributes={"mode": "nearest", "nearest_mode": "floor", "coordinate_transformation_mode": "asymmetric"},
    )  # fmt: skip


def _remainders() -> Iterator[_Own]:
    """By a constant that the sums pass once or never; onnx's pass one more often than a table has levels."""
    yield _Own(
        op="Mod",
        name="own_mod_fmod",
        shapes=((3, 4), (1,)),
        attributes={"fmod": 1},
        values={1: np.array([64], np.float32)},
        forms=("a constant operand",),
    )


def _quantisers() -> Iterator[_Own]:
    one, zero = np.array(0.5, np.float32), np.array(0, np.float32)
    bits = {n: np.array(n, np.float32) for n in range(1, 9)}
    quant: dict[str, tuple[dict[str, Any], NDArray[Any], NDArray[Any], int]] = {
        "signed": ({"signed": 1, "narrow": 0}, one, zero, 4),
        "unsigned": ({"signed": 0, "narrow": 0}, one, zero, 3),
        "narrow": ({"signed": 1, "narrow": 1}, one, zero, 2),
        "8_bits": ({"signed": 1, "narrow": 0}, one, zero, 8),
        "1_bit": ({"signed": 0, "narrow": 0}, one, zero, 1),
        "zero_point": ({"signed": 0, "narrow": 0}, one, np.array(3, np.float32), 4),
        "scale_per_channel": (
            {"signed": 1, "narrow": 0},
            np.array([0.25, 0.5, 1.0, 0.75], np.float32).reshape(1, 4, 1, 1),
            zero,
            4,
        ),
        **{
            f"{mode.lower()}": ({"signed": 1, "narrow": 0, "rounding_mode": mode}, one, zero, 4)
            for mode in ("FLOOR", "CEIL", "UP", "DOWN", "HALF_UP", "HALF_DOWN")
        },
    }
    for name, (attributes, scale, point, width) in quant.items():
        for op in ("Quant", "IntQuant") if name == "signed" else ("Quant",):
            yield _Own(
                op=op, name=f"own_{op.lower()}_{name}", shapes=(IMAGE, scale.shape, (), ()),
                attributes={"rounding_mode": "ROUND", **attributes}, values={1: scale, 2: point, 3: bits[width]},
            )  # fmt: skip
    yield _Own(op="BipolarQuant", name="own_bipolarquant", shapes=(IMAGE, ()), values={1: one})
    trunc = {1: np.array(0.25, np.float32), 2: zero, 3: bits[6], 4: bits[4]}
    for mode in ("FLOOR", "ROUND"):
        yield _Own(
            op="Trunc", name=f"own_trunc_{mode.lower()}", shapes=(IMAGE, (), (), (), ()), values=trunc,
            attributes={"rounding_mode": mode},
        )  # fmt: skip
    lists = np.sort(np.arange(12, dtype=np.float32).reshape(4, 3) * 0.75 - 4, axis=1)
    yield _Own(
        op="MultiThreshold", name="own_multithreshold_channels", shapes=(IMAGE, (4, 3)), values={1: lists},
        attributes={"out_dtype": "UINT2"},
    )  # fmt: skip
    yield _Own(
        op="MultiThreshold", name="own_multithreshold_bipolar", shapes=(IMAGE, (1, 1)),
        values={1: np.array([[0.5]], np.float32)},
        attributes={"out_dtype": "BIPOLAR", "out_scale": 2.0, "out_bias": -1.0},
    )  # fmt: skip


@cache
def own_cases(op: str) -> tuple[Case, ...]:
    """Our cases of an operator, in the order of their names."""
    made = (
        own for group in (_layers, _pools, _sums, _remainders, _quantisers) for own in group() if own.op == op
    )
    return tuple(sorted((_case(own) for own in made), key=lambda case: case.name))


def _case(own: _Own) -> Case:
    rng = np.random.default_rng(zlib.crc32(own.name.encode()))
    arrays = []
    for position, shape in enumerate(own.shapes):
        drawn = np.round(rng.normal(0, 2, shape) * 4).astype(np.float32) / 4
        arrays.append(own.values.get(position, drawn))
    names = [chr(ord("a") + i) for i in range(len(arrays))]
    domain = QONNX if own.op in QONNX_ONLY else ""
    node = helper.make_node(own.op, names, ["y"], domain=domain, **own.attributes)
    inputs = [
        helper.make_tensor_value_info(n, helper.np_dtype_to_tensor_dtype(a.dtype), a.shape)
        for n, a in zip(names, arrays, strict=True)
    ]
    output = helper.make_tensor_value_info("y", TensorProto.FLOAT, arrays[0].shape if domain else None)
    imports = [helper.make_opsetid("", own.opset)] + [helper.make_opsetid(QONNX, 1)] * bool(domain)
    graph = helper.make_graph([node], own.name, inputs, [output])
    model = helper.make_model(graph, opset_imports=imports, ir_version=10)
    given = dict(zip(names, arrays, strict=True))
    result = _qonnx(model, given) if domain else Session(model, own.name).run(given)["y"]
    return Case(
        name=own.name,
        op=own.op,
        expanded=False,
        model=model,
        inputs=given,
        outputs={"y": np.asarray(result)},
        forms=own.forms,
    )


def _qonnx(model: onnx.ModelProto, given: dict[str, NDArray[Any]]) -> NDArray[Any]:
    """What qonnx computes."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from qonnx.core.modelwrapper import ModelWrapper
        from qonnx.core.onnx_exec import execute_onnx

        found: dict[str, NDArray[Any]] = execute_onnx(ModelWrapper(model), given)
    return found["y"]
