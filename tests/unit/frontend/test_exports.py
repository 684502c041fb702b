"""How exporters write the same network: old operator sets, channels last, fixed batches, half precision, constants."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from ternc.errors import ModelError
from ternc.frontend import departures, read
from ternc.network.layers import Network
from unit.frontend.onnx_models import Graph, computed, matches

RNG = np.random.default_rng(13)


def numbers(*shape: int, scale: float = 0.25, span: int = 20) -> NDArray[np.float32]:
    return (RNG.integers(-span, span, shape) * scale).astype(np.float32)


def ints(g: Graph, *values: int) -> str:
    return g.const(np.array(values, np.int64))


def refusal(path: Path) -> str:
    with pytest.raises(ModelError) as caught:
        read(path)
    return caught.value.sentence


# ---- channels last ----------------------------------------------------------------------------------------


def to_first(g: Graph, v: str) -> str:
    return g.node("Transpose", v, perm=[0, 3, 1, 2])


def to_last(g: Graph, v: str) -> str:
    return g.node("Transpose", v, perm=[0, 2, 3, 1])


def conv_last(g: Graph, v: str, *shape: int, bias: bool = True, **attributes: Any) -> str:
    """A Keras Conv2D as tf2onnx writes it: Transpose, Conv, Transpose, and the bias as an Add of ``[C]``."""
    v = to_last(g, g.node("Conv", to_first(g, v), g.const(g.trits(*shape)), **attributes))
    return g.node("Add", v, g.const(g.rng.integers(-4, 4, shape[0]).astype(np.float32) / 8)) if bias else v


def rounded(g: Graph, v: str, unit: float = 0.5, low: float = 0.0, high: float = 7.0) -> str:
    """A quantiser as Keras code: multiply, add a half, floor, clip, multiply."""
    v = g.node("Floor", g.node("Add", g.node("Mul", v, g.const(1 / unit)), g.const(0.5)))
    return g.node("Mul", g.node("Clip", v, g.const(low), g.const(high)), g.const(unit))


def test_keras_network_with_all_layers_channels_last(tmp_path: Path) -> None:
    g = Graph(1)
    v = conv_last(g, rounded(g, "x", 0.25, -16.0, 15.0), 6, 3, 3, 3, pads=[0, 0, 1, 1], strides=[2, 2])
    gain, shift = (g.rng.uniform(0.5, 2, 6).astype(np.float32) for _ in range(2))
    v = g.node("Add", g.node("Mul", v, g.const(gain)), g.const(shift))
    v = rounded(g, g.node("Relu", v))
    v = to_last(g, g.node("MaxPool", to_first(g, v), kernel_shape=[2, 2], strides=[2, 2]))
    v = rounded(g, conv_last(g, v, 6, 1, 3, 3, pads=[1, 1, 1, 1], group=6))
    v = rounded(g, conv_last(g, v, 5, 6, 1, 1))
    v = g.node("Reshape", v, ints(g, -1, 45))
    v = g.node("Add", g.node("MatMul", v, g.const(g.trits(45, 4))), g.const(np.zeros(4, np.float32)))
    v = g.node("Softmax", v)
    network = matches(g.save(tmp_path / "m.onnx", ["unk__1", 13, 13, 3], v), numbers(20, 13, 13, 3))
    assert [layer.kind for layer in network.layers] == ["conv", "conv", "conv", "dense"]
    assert (network.tensors[0].channels, network.tensors[0].height) == (3, 13)
    assert network.epilogue


def test_a_softmax_spelled_out_behind_the_last_layer_runs_on_the_host(tmp_path: Path) -> None:
    g = Graph(23)
    v = g.node("MatMul", g.quant("x", 0.25, 4), g.const(g.trits(6, 5)))
    e = g.node("Exp", g.node("Sub", v, g.node("ReduceMax", v, axes=[1], keepdims=1)))
    v = g.node("Div", e, g.node("ReduceSum", e, g.const(np.array([1], np.int64)), keepdims=1))
    network = matches(g.save(tmp_path / "m.onnx", [1, 6], v), numbers(20, 6))
    assert network.epilogue


@pytest.mark.parametrize("keepdims", [0, 1])
@pytest.mark.parametrize("op", ["ReduceMean", "ReduceMax"])
def test_global_pool_channels_last(tmp_path: Path, op: str, keepdims: int) -> None:
    g = Graph(2)
    v = rounded(g, conv_last(g, rounded(g, "x", 0.25), 6, 3, 3, 3))
    v = g.node(op, v, axes=[1, 2], keepdims=keepdims)
    v = g.node("Reshape", v, ints(g, -1, 6)) if keepdims else v
    v = g.node("MatMul", v, g.const(g.trits(6, 4)))
    matches(g.save(tmp_path / "m.onnx", ["N", 6, 6, 3], v), numbers(20, 6, 6, 3))


@pytest.mark.parametrize("op", ["ReduceMean", "ReduceSum"])
def test_a_mean_over_all_axes_of_one_channel_and_one_column(tmp_path: Path, op: str) -> None:
    g = Graph()
    v = g.node("Conv", g.quant("x", 0.25, 4), g.const(g.trits(1, 2, 1, 1)), pads=[0, 0, 1, 0])
    v = rounded(g, v)
    v = g.node(op, v, axes=[2, 3]) if op == "ReduceMean" else g.node(op, v)
    matches(g.save(tmp_path / "m.onnx", [1, 2, 3, 1], rounded(g, v)), numbers(20, 2, 3, 1))


def test_padding_and_slices_of_an_input_channels_last(tmp_path: Path) -> None:
    g = Graph(3)
    v = g.node("Pad", g.quant("x", 0.25, 5), ints(g, 0, 0, 1, 0, 0, 1, 0, 0))
    a = g.node(
        "Conv",
        to_first(g, g.node("Slice", v, ints(g, 0), ints(g, 2), ints(g, 3))),
        g.const(g.trits(3, 2, 3, 3)),
    )
    b = g.node(
        "Conv",
        to_first(g, g.node("Slice", v, ints(g, 2), ints(g, 4), ints(g, 3))),
        g.const(g.trits(3, 2, 3, 3)),
    )
    network = matches(g.save(tmp_path / "m.onnx", [1, 6, 5, 4], g.node("Concat", g.quant(a, 0.5, 3), g.quant(b, 0.5, 3), axis=1)), numbers(20, 6, 5, 4))  # fmt: skip
    assert (network.tensors[0].channels, network.tensors[0].height, network.tensors[0].width) == (4, 6, 5)


def test_dense_layers_on_sequences_channels_last(tmp_path: Path) -> None:
    g = Graph(4)
    v = g.node("MatMul", g.quant("x", 0.25, 4), g.const(g.trits(5, 6)))
    v = g.quant(g.node("Add", v, g.const(g.rng.normal(size=6).astype(np.float32))), 0.5, 3)
    v = g.node("MatMul", v, g.const(g.trits(6, 4)))
    matches(g.save(tmp_path / "m.onnx", ["N", 7, 5], v), numbers(20, 7, 5))


# ---- old operator sets ------------------------------------------------------------------------------------


@pytest.mark.parametrize("opset", [9, 10])
def test_shape_operators_of_old_operator_sets(tmp_path: Path, opset: int) -> None:
    g = Graph(5)
    v = g.quant("x", 0.25, 5)
    v = g.node("Pad", v, pads=[0, 0, 1, 1, 0, 0, 0, 1], mode="constant", value=0.0)
    v = g.quant(g.node("Clip", g.bn(g.node("Conv", v, g.const(g.trits(4, 2, 3, 3))), 4), min=0.0), 0.5, 3)
    if opset == 9:
        v = g.node("Slice", v, starts=[0, 1], ends=[2**31 - 1, -1], axes=[2, 3])
    else:
        v = g.node("Slice", v, ints(g, 0, 1), ints(g, 2**31 - 1, -1), ints(g, 2, 3))
    a = g.node("Split", v, axis=1, split=[1, 3], outputs=2)
    v = g.node("Concat", f"{a}_1", a, axis=1)
    v = g.node("Unsqueeze", g.node("Squeeze", v, axes=[0]), axes=[0])
    v = g.node("Dropout", v, ratio=0.3, outputs=2)
    v = g.node("Upsample" if opset == 9 else "Resize", v, g.const([1.0, 1.0, 2.0, 2.0]), mode="nearest")
    v = g.node("AveragePool", v, kernel_shape=[2, 2], strides=[2, 2])
    v = g.node("Flatten", g.quant(v, 0.5, 3), axis=1)
    v = g.node("Gemm", v, g.const(g.trits(80, 5)), g.const(g.rng.normal(size=5).astype(np.float32)))
    network = matches(g.save(tmp_path / "m.onnx", [1, 2, 6, 6], v, opset=opset), numbers(20, 2, 6, 6))
    assert network.layers[0].kind == "conv"


def test_reductions_and_arg_max_of_old_operator_sets(tmp_path: Path) -> None:
    g = Graph(6)
    v = g.quant(g.node("Conv", g.quant("x", 0.25, 5), g.const(g.trits(4, 2, 3, 3))), 0.5, 4)
    v = g.node("ReduceSum", v, axes=[2, 3], keepdims=0)
    v = g.node("MatMul", g.quant(v, 4.0, 5), g.const(g.trits(4, 9)))
    v = g.node("TopK", v, k=1, axis=1, outputs=2)
    path = g.save(tmp_path / "m.onnx", [1, 2, 6, 6], f"{v}_1", opset=9, output_elem=TensorProto.INT64)
    assert matches(path, numbers(60, 2, 6, 6)).outputs[0].reduce == "argmax"


def test_softmax_over_all_axes_behind_the_given_one(tmp_path: Path) -> None:
    """Up to operator set 12 a Softmax flattens; its axis is 1 unless it says otherwise."""
    g = Graph(7)
    v = g.node("Softmax", g.node("Conv", g.quant("x", 0.25, 3), g.const(g.trits(4, 2, 2, 2))))
    matches(g.save(tmp_path / "m.onnx", [1, 2, 3, 3], v, opset=11), numbers(20, 2, 3, 3))


@pytest.mark.parametrize("opset", [9, 13, 18, 25])
def test_one_network_of_all_operator_sets(tmp_path: Path, opset: int) -> None:
    """Split, ReduceMean, Pad and Unsqueeze changed their operands over time."""
    g = Graph(8)
    first: dict[str, Any] = {"axes": [1]} if opset < 13 else {}
    given = () if opset < 13 else (ints(g, 1),)
    pads = [0, 0, 1, 1, 0, 0, 1, 1]
    v = g.quant("x", 0.25, 5)
    v = g.node("Pad", v, pads=pads) if opset < 11 else g.node("Pad", v, ints(g, *pads))
    v = g.quant(g.node("Relu", g.node("Conv", v, g.const(g.trits(4, 2, 3, 3)))), 0.5, 3, signed=0)
    if opset < 13:
        v = g.node("Split", v, axis=1, split=[2, 2], outputs=2)
    elif opset < 18:
        v = g.node("Split", v, ints(g, 2, 2), axis=1, outputs=2)
    else:
        v = g.node("Split", v, axis=1, num_outputs=2, outputs=2)
    v = g.node("Concat", v, f"{v}_1", axis=1)
    v = g.node("Unsqueeze", v, *given, **first)
    v = g.node("Squeeze", v, *given, **first)
    v = (
        g.node("ReduceMean", v, axes=[2, 3], keepdims=0)
        if opset < 18
        else g.node("ReduceMean", v, ints(g, 2, 3), keepdims=0)
    )
    v = g.node("MatMul", v, g.const(g.trits(4, 3)))
    network = matches(g.save(tmp_path / "m.onnx", [1, 2, 5, 5], v, opset=opset), numbers(20, 2, 5, 5))
    assert [layer.kind for layer in network.layers] == ["conv", "dense"]


# ---- constants --------------------------------------------------------------------------------------------


def test_all_kinds_of_constants(tmp_path: Path) -> None:
    g = Graph(9)
    half = g.node("Constant", value_float=0.5)
    zero = g.node("Constant", value=numpy_helper.from_array(np.zeros((), np.float32)))
    four = g.node("Cast", g.node("Constant", value_int=4), to=TensorProto.FLOAT)
    q = g.node("Quant", "x", half, zero, four, domain="qonnx.custom_op.general", signed=1, narrow=0)
    v = g.node("Reshape", q, g.node("Constant", value_ints=[1, -1]))
    g.node("Constant", value_string=b"not read")
    v = g.node("MatMul", v, g.const(g.trits(6, 3)))
    v = g.node("Mul", v, g.node("Constant", value_floats=[1.0, -2.0, 0.5]))
    matches(g.save(tmp_path / "m.onnx", [1, 6], v), numbers(20, 6))


def test_shapes_computed_from_other_shapes(tmp_path: Path) -> None:
    """What pytorch 1.7 made of ``x.view(x.shape[0], -1)``."""
    g = Graph(10)
    v = g.quant(g.node("Conv", g.quant("x", 0.25, 5), g.const(g.trits(3, 2, 3, 3))), 0.5, 4)
    batch = g.node("Gather", g.node("Shape", v), g.const(np.array(0, np.int64)), axis=0)
    shape = g.node("Concat", g.node("Unsqueeze", batch, axes=[0]), ints(g, -1), axis=0)
    v = g.node("MatMul", g.node("Reshape", v, shape), g.const(g.trits(27, 4)))
    matches(g.save(tmp_path / "m.onnx", ["N", 2, 5, 5], v, opset=11), numbers(20, 2, 5, 5))


def test_initialisers_repeated_as_inputs(tmp_path: Path) -> None:
    g = Graph(11)
    v = g.node("MatMul", g.quant("x", 0.25, 4), g.const(g.trits(6, 3)))
    path = g.save(tmp_path / "m.onnx", [1, 6], v)
    proto = onnx.load(path)
    for tensor in proto.graph.initializer:
        proto.graph.input.append(helper.make_tensor_value_info(tensor.name, tensor.data_type, tensor.dims))
    path.write_bytes(proto.SerializeToString())
    assert len(matches(path, numbers(20, 6)).inputs) == 1


def test_sparse_initialisers_and_constants_are_refused(tmp_path: Path) -> None:
    values = helper.make_tensor("w", TensorProto.FLOAT, [1], [1.0])
    sparse = helper.make_sparse_tensor(values, helper.make_tensor("i", TensorProto.INT64, [1], [3]), [6, 3])
    g = Graph(12)
    path = g.save(tmp_path / "model.onnx", [1, 6], g.node("MatMul", g.quant("x", 0.25, 4), "w"))
    proto = onnx.load(path)
    proto.graph.sparse_initializer.append(sparse)
    path.write_bytes(proto.SerializeToString())
    assert refusal(path) == "model.onnx: initialiser 'w': must be dense, but is sparse"
    g = Graph(13)
    w = g.node("Constant", sparse_value=sparse, name="weight")
    path = g.save(tmp_path / "model.onnx", [1, 6], g.node("MatMul", g.quant("x", 0.25, 4), w))
    assert refusal(path) == "model.onnx: node 'weight' (Constant): its value must be dense, but is sparse"


def test_string_inputs_are_refused(tmp_path: Path) -> None:
    g = Graph(14)
    path = g.save(tmp_path / "model.onnx", [1, 6], g.node("Identity", "x"), elem=TensorProto.STRING)
    assert refusal(path) == (
        "model.onnx: input 'x': it must be float32, float16, float64 or an integer, but holds strings"
    )


# ---- batches ----------------------------------------------------------------------------------------------


def flattened(g: Graph, *shape: int) -> str:
    v = g.quant(g.node("Conv", g.quant("x", 0.25, 5), g.const(g.trits(3, 2, 3, 3))), 0.5, 4)
    v = g.node("Reshape", v, ints(g, *shape))
    return g.node("MatMul", v, g.const(g.trits(27, 4)))


@pytest.mark.parametrize("shape", [(8, -1), (8, 27), (-1, 27), (0, -1)])
def test_batch_of_eight(tmp_path: Path, shape: tuple[int, ...]) -> None:
    g = Graph(15)
    network = matches(g.save(tmp_path / "m.onnx", [8, 2, 5, 5], flattened(g, *shape)), numbers(21, 2, 5, 5))
    assert network.outputs[0].shape == (4,)


def test_batch_of_eight_in_constant_nodes_and_on_the_host(tmp_path: Path) -> None:
    g = Graph(16)
    v = g.quant(g.node("Conv", g.quant("x", 0.25, 5), g.const(g.trits(3, 2, 3, 3))), 0.5, 4)
    v = g.node("Reshape", v, g.node("Constant", value_ints=[8, 27]))
    v = g.node("Sigmoid", g.node("MatMul", v, g.const(g.trits(27, 4))))
    v = g.node("Reshape", v, ints(g, 8, 2, 2))
    network = matches(g.save(tmp_path / "m.onnx", [8, 2, 5, 5], v), numbers(21, 2, 5, 5))
    assert network.epilogue


@pytest.mark.parametrize(
    ("make", "found"),
    [
        (
            lambda g, v: g.node("Reshape", v, ints(g, 1, 1728)),
            "node 'reshape12' (Reshape): cannot be applied",
        ),
        (
            lambda g, v: g.node("ReduceMean", v, axes=[0]),
            "node 'reducemean11' (ReduceMean): it must not reduce the batch",
        ),
    ],
)
def test_frames_that_meet_are_refused(tmp_path: Path, make: Any, found: str) -> None:
    g = Graph(17)
    v = g.quant(g.node("Conv", g.quant("x", 0.25, 5), g.const(g.trits(3, 2, 1, 1))), 0.5, 4)
    path = g.save(tmp_path / "model.onnx", [8, 2, 3, 24], make(g, v))
    assert refusal(path).startswith(f"model.onnx: {found}")


# ---- precision --------------------------------------------------------------------------------------------


def halved(path: Path, elem: int, dtype: Any) -> None:
    """All float32 tensors and ends of a model in another type."""
    proto = onnx.load(path)
    for tensor in proto.graph.initializer:
        if tensor.data_type == TensorProto.FLOAT:
            tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor).astype(dtype), tensor.name))
    for value in (*proto.graph.input, *proto.graph.output):
        value.type.tensor_type.elem_type = elem
    path.write_bytes(proto.SerializeToString())


@pytest.mark.parametrize(
    ("elem", "dtype"), [(TensorProto.FLOAT16, np.float16), (TensorProto.DOUBLE, np.float64)]
)
def test_other_precisions_are_exact_numbers(tmp_path: Path, elem: int, dtype: Any) -> None:
    def make(name: str) -> Path:
        g = Graph(18)
        v = g.node("QuantizeLinear", "x", g.const(0.25), g.const(np.array(0, np.int8)))
        v = g.node("DequantizeLinear", v, g.const(0.25), g.const(np.array(0, np.int8)))
        v = g.node(
            "Conv", v, g.const(g.trits(4, 2, 3, 3)), g.const(g.rng.integers(-4, 4, 4).astype(np.float32))
        )
        v = g.node(
            "Clip",
            g.node("Round", g.node("Div", g.node("Relu", v), g.const(0.5))),
            g.const(0.0),
            g.const(7.0),
        )
        v = g.node("Mul", v, g.const(0.5))
        v = g.node("MatMul", g.node("Flatten", v), g.const(g.trits(36, 3)))
        return g.save(tmp_path / name, [1, 2, 5, 5], v, opset=19)

    single, other = make("single.onnx"), make("other.onnx")
    halved(other, elem, dtype)
    x = numbers(20, 2, 5, 5)
    wanted = matches(single, x)
    network = matches(other, x.astype(dtype))
    same(wanted, network)
    assert (network.inputs[0].dtype, network.outputs[0].dtype) == (np.dtype(dtype).name,) * 2
    (found,) = computed(network, x.astype(dtype)).values()
    assert found.dtype == dtype


def same(first: Network, other: Network) -> None:
    for a, b in zip(first.layers, other.layers, strict=True):
        for mine, its in zip(a.terms, b.terms, strict=True):
            np.testing.assert_array_equal(mine.weights, its.weights)
        if a.activation is not None and b.activation is not None:
            np.testing.assert_array_equal(a.activation.thresholds, b.activation.thresholds)


def test_bfloat16_inputs_are_refused(tmp_path: Path) -> None:
    g = Graph(19)
    path = g.save(tmp_path / "model.onnx", [1, 6], g.node("Identity", "x"), elem=TensorProto.BFLOAT16)
    assert refusal(path) == (
        "model.onnx: input 'x': it must be float32, float16, float64 or an integer, but is bfloat16"
    )


# ---- straight-through estimators --------------------------------------------------------------------------


@pytest.mark.parametrize("order", ["x + (q - x)", "(q - x) + x", "x + (-x + q)", "x - (x - q)"])
def test_straight_through_estimators_cancel(tmp_path: Path, order: str) -> None:
    """``x + (q(x) - x).detach()``, as hand-written quantisers have it."""
    g = Graph(20)

    def through(x: str, q: str) -> str:
        match order:
            case "x + (q - x)":
                return g.node("Add", x, g.node("Sub", q, x))
            case "(q - x) + x":
                return g.node("Add", g.node("Sub", q, x), x)
            case "x + (-x + q)":
                return g.node("Add", x, g.node("Add", g.node("Neg", x), q))
            case _:
                return g.node("Sub", x, g.node("Sub", x, q))

    v = through("x", rounded(g, "x", 0.25, -16.0, 15.0))
    raw = g.const(g.rng.normal(size=(4, 2, 3, 3)).astype(np.float32))
    w = g.node("Mul", g.node("Sign", g.node("Round", raw)), g.const(0.37))
    v = g.node("Conv", v, through(raw, w))
    v = through(v, rounded(g, v))
    v = g.node("MatMul", g.node("Flatten", v), g.const(g.trits(36, 3)))
    network = matches(g.save(tmp_path / "m.onnx", [1, 2, 5, 5], v), numbers(20, 2, 5, 5), rtol=1e-4)
    assert [layer.kind for layer in network.layers] == ["conv", "dense"]


@pytest.mark.parametrize("reader", ["conv", "pool", "input"])
@pytest.mark.parametrize("mode", ["edge", "reflect", "wrap"])
def test_pads_that_repeat_mirror_or_wrap(tmp_path: Path, mode: str, reader: str) -> None:
    g = Graph(51)
    v = g.quant("x", 0.25, 4)
    if reader != "input":
        v = g.quant(g.node("Conv", v, g.const(g.trits(3, 3, 3, 3))), 0.25, 4)
    v = g.node("Pad", v, ints(g, 0, 0, 2, 1, 0, 0, 1, 3), mode=mode)
    v = g.node("MaxPool", v, kernel_shape=[3, 3], strides=[2, 2]) if reader == "pool" else v
    v = g.node("Conv", v, g.const(g.trits(4, 3, 3, 3)), pads=[1, 1, 1, 1])
    matches(g.save(tmp_path / "m.onnx", [1, 3, 8, 7], v), numbers(20, 3, 8, 7))


@pytest.mark.parametrize("auto", ["SAME_UPPER", "SAME_LOWER"])
@pytest.mark.parametrize("strides", [[1, 1], [2, 2]])
@pytest.mark.parametrize("op", ["Conv", "MaxPool", "AveragePool"])
def test_same_padding_of_dilated_windows_is_the_standard_one(
    tmp_path: Path, op: str, strides: list[int], auto: str
) -> None:
    """onnxruntime refuses such a Conv and pads such a pool too little; the reference is given explicit pads."""
    g = Graph(52)
    v = g.quant(g.node("Conv", g.quant("x", 0.25, 4), g.const(g.trits(3, 2, 3, 3))), 0.25, 4)
    given: dict[str, Any] = {"auto_pad": auto, "dilations": [2, 2], "strides": strides}
    if op == "Conv":
        v = g.node("Conv", v, g.const(g.trits(3, 3, 2, 2)), name="same", **given)
    else:
        v = g.node(op, v, kernel_shape=[2, 2], name="same", **given)
        v = g.node("Conv", g.quant(v, 0.125, 5), g.const(g.trits(3, 3, 1, 1)))
    path = g.save(tmp_path / "m.onnx", [1, 2, 10, 9], v, opset=19)
    network = matches(path, numbers(20, 2, 10, 9))
    assert network.outputs[0].shape[1:] == ((8, 7) if strides == [1, 1] else (4, 4))
    assert departures(path) == (f"node 'same' ({op})",)


@pytest.mark.parametrize("include", [0, 1])
@pytest.mark.parametrize("op", ["MaxPool", "AveragePool"])
def test_pads_as_wide_as_a_dilated_kernel(tmp_path: Path, op: str, include: int) -> None:
    """onnxruntime refuses them; it is given a Pad in front."""
    g = Graph(52)
    v = g.quant(g.node("Conv", g.quant("x", 0.25, 4), g.const(g.trits(3, 2, 3, 3))), 0.25, 4)
    more: dict[str, Any] = {"count_include_pad": include} if op == "AveragePool" else {}
    v = g.node(op, v, kernel_shape=[2, 2], dilations=[4, 3], auto_pad="SAME_UPPER", **more)
    v = g.node("Conv", g.quant(v, 0.125, 5), g.const(g.trits(3, 3, 1, 1)))
    matches(g.save(tmp_path / "m.onnx", [1, 2, 10, 9], v, opset=19), numbers(20, 2, 10, 9))


@pytest.mark.parametrize("given", [{"dilations": [2, 2], "pads": [1, 1, 1, 1]}, {"auto_pad": "SAME_UPPER"}])
def test_other_paddings_are_onnxruntimes_own(tmp_path: Path, given: dict[str, Any]) -> None:
    g = Graph(52)
    v = g.node("MaxPool", g.quant("x", 0.25, 4), kernel_shape=[2, 2], **given)
    path = g.save(tmp_path / "m.onnx", [1, 2, 10, 9], g.node("Conv", v, g.const(g.trits(3, 2, 1, 1))))
    matches(path, numbers(20, 2, 10, 9))
    assert departures(path) == ()


def test_a_window_over_a_fractional_resize(tmp_path: Path) -> None:
    g = Graph(53)
    v = g.quant(g.node("Conv", g.quant("x", 0.25, 4), g.const(g.trits(3, 2, 3))), 0.25, 4)
    v = g.node("Resize", v, "", g.const(np.array([1, 1, 1.75], np.float32)), mode="nearest")
    v = g.node("Conv", v, g.const(g.trits(2, 3, 3)))
    matches(g.save(tmp_path / "m.onnx", [1, 2, 9], v), numbers(20, 2, 9))
