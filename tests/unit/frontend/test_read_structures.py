"""Structures that no model of the zoo has: the Network computes what onnxruntime computes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto

from ternc.frontend import InputQuant, read
from unit.frontend.onnx_models import QONNX, Graph, matches

RNG = np.random.default_rng(7)


def ints(g: Graph, *values: int) -> str:
    return g.const(np.array(values, np.int64))


def images(*shape: int, scale: float = 0.25) -> np.ndarray:
    return (RNG.integers(-20, 20, shape) * scale).astype(np.float32)


def test_channels_last_input_is_gathered_by_the_prologue(tmp_path: Path) -> None:
    g = Graph(1)
    v = g.quant("x", 0.25, 6)
    v = g.node("Transpose", v, perm=[0, 3, 1, 2])
    v = g.node("Conv", v, g.const(g.trits(5, 3, 3, 3)), pads=[1, 1, 1, 1])
    v = g.quant(g.node("Relu", v), 0.5, 4, signed=0)
    v = g.node("Conv", v, g.const(g.trits(4, 5, 1, 1)))
    v = g.node("Transpose", v, perm=[0, 2, 3, 1])
    network = matches(g.save(tmp_path / "m.onnx", [1, 6, 5, 3], v), images(7, 6, 5, 3))
    assert (
        network.input_tensors[0].channels,
        network.input_tensors[0].height,
        network.input_tensors[0].width,
    ) == (3, 6, 5)
    assert network.outputs[0].shape == (6, 5, 4)


def test_dense_layer_on_an_image_reads_a_flat_vector_channels_last(tmp_path: Path) -> None:
    g = Graph(2)
    v = g.node("Flatten", g.quant("x", 0.25, 5))
    v = g.node("MatMul", v, g.const(g.trits(2 * 3 * 4, 6)))
    network = matches(g.save(tmp_path / "m.onnx", [1, 2, 3, 4], v), images(5, 2, 3, 4))
    assert network.input_tensors[0].channels == 24
    assert network.inputs[0].gather[:4].tolist() == [0, 12, 1, 13]


def test_scale_per_input_channel_moves_into_the_weights(tmp_path: Path) -> None:
    g = Graph(3)
    scales = np.array([0.25, 0.5, 1.0], np.float32).reshape(1, 3, 1, 1)
    v = g.quant(g.node("Conv", g.quant("x", 0.25, 5), g.const(g.trits(3, 2, 1, 1))), scales, 4)
    weights = g.trits(4, 3, 3, 3, scale=1.0) / scales
    v = g.node("Conv", v, g.const(weights.astype(np.float32)), pads=[1, 1, 1, 1])
    network = matches(g.save(tmp_path / "m.onnx", [1, 2, 5, 5], v), images(6, 2, 5, 5))
    np.testing.assert_array_equal(network.outputs[0].scale, np.ones(4))


@pytest.mark.parametrize("padded", [False, True])
def test_zero_points_become_shifts(tmp_path: Path, padded: bool) -> None:
    g = Graph(4)
    s, z = g.const(0.3), g.const(np.array(37, np.uint8))
    v = g.node("DequantizeLinear", g.node("QuantizeLinear", "x", s, z), s, z)
    v = g.node(
        "Conv",
        v,
        g.const(g.trits(6, 2, 3, 3)),
        g.const(g.rng.normal(size=6).astype(np.float32)),
        pads=[int(padded)] * 4,
    )
    s, z = g.const(0.7), g.const(np.array(-5, np.int8))
    v = g.node("QuantizeLinear", v, s, z)
    v = g.node("Clip", v, g.const(np.array(-8, np.int8)), g.const(np.array(7, np.int8)))
    v = g.node("DequantizeLinear", v, s, z)
    v = g.node("Conv", v, g.const(g.trits(3, 6, 3, 3)), pads=[1, 0, 0, 1])
    network = matches(g.save(tmp_path / "m.onnx", [1, 2, 7, 6], v), images(6, 2, 7, 6))
    assert (network.input_tensors[0].range.low, network.input_tensors[0].range.high) == (-37, 218)
    assert (network.tensors[1].range.low, network.tensors[1].range.high) == (-3, 12)


def test_grid_with_half_step_offset_folds_into_the_bias(tmp_path: Path) -> None:
    g = Graph(5)
    v = g.quant("x", 0.5, 4)
    v = g.node("Add", v, g.const(0.2))
    v = g.node(
        "Gemm",
        v,
        g.const(g.trits(7, 12)),
        g.const(g.rng.normal(size=7).astype(np.float32)),
        transB=1,
        alpha=0.5,
        beta=2.0,
    )
    matches(g.save(tmp_path / "m.onnx", ["N", 12], v), images(9, 12))


def test_binary_code_with_half_step_offset_is_doubled(tmp_path: Path) -> None:
    g = Graph(6)
    v = g.node("Sub", g.node("Mul", g.quant("x", 1.0, 1, signed=0), g.const(2.0)), g.const(1.0))
    v = g.node("Conv", v, g.const(g.trits(4, 2, 3)), pads=[1, 1])
    network = matches(g.save(tmp_path / "m.onnx", [1, 2, 9], v), images(6, 2, 9))
    assert (network.input_tensors[0].range.low, network.input_tensors[0].range.high) == (-1, 1)


@pytest.mark.parametrize("groups", [2, 4])
def test_grouped_dilated_strided_convolution(tmp_path: Path, groups: int) -> None:
    g = Graph(7)
    v = g.quant("x", 0.25, 4)
    v = g.node(
        "Conv", v, g.const(g.trits(8, 4 // groups, 3, 2, scale=g.rng.uniform(0.1, 1, (8, 1, 1, 1)))),
        group=groups, dilations=[2, 3], strides=[2, 1], pads=[2, 1, 0, 3],
    )  # fmt: skip
    v = g.quant(g.node("Relu", g.bn(v, 8)), 0.25, 3, signed=0)
    v = g.node("Conv", v, g.const(g.trits(8, 1, 3, 3)), group=8, auto_pad="SAME_UPPER", strides=[2, 2])
    matches(g.save(tmp_path / "m.onnx", [1, 4, 9, 8], v), images(6, 4, 9, 8))


@pytest.mark.parametrize("auto_pad", ["SAME_UPPER", "SAME_LOWER", "VALID"])
def test_auto_pad(tmp_path: Path, auto_pad: str) -> None:
    g = Graph(8)
    v = g.node("Conv", g.quant("x", 0.25, 4), g.const(g.trits(3, 2, 4)), auto_pad=auto_pad, strides=[3])
    matches(g.save(tmp_path / "m.onnx", [1, 2, 17], v), images(6, 2, 17))


@pytest.mark.parametrize("place", ["sums", "real", "codes", "negated codes"])
def test_max_pool_anywhere_in_an_activation_that_falls_in_some_channels(tmp_path: Path, place: str) -> None:
    g = Graph(9)
    pool: dict[str, Any] = {"kernel_shape": [3, 2], "strides": [2, 1]}
    v = g.node("Conv", g.quant("x", 0.25, 4), g.const(g.trits(6, 2, 3, 3)))
    v = g.node("MaxPool", v, **pool) if place == "sums" else v
    v = g.bn(v, 6, negative=True)
    v = g.node("MaxPool", v, **pool) if place == "real" else v
    v = g.quant(g.node("Relu", v), 0.25, 4, signed=0)
    v = g.node("MaxPool", v, **pool) if place == "codes" else v
    v = g.node("MaxPool", g.node("Neg", v), **pool) if place == "negated codes" else v
    v = g.node("Conv", v, g.const(g.trits(5, 6, 1, 1)))
    network = matches(g.save(tmp_path / "m.onnx", [1, 2, 8, 8], v), images(6, 2, 8, 8))
    pooled = network.layers[0].pool
    assert pooled is not None
    falling = {"sums": any(pooled.minimum), "real": not any(pooled.minimum), "codes": not any(pooled.minimum)}
    assert falling.get(place, True)
    assert len(network.layers) == 2


def test_second_pool_and_pool_of_the_input_get_copying_layers(tmp_path: Path) -> None:
    g = Graph(10)
    pool: dict[str, Any] = {"kernel_shape": [2, 2], "strides": [2, 2]}
    v = g.node("MaxPool", g.quant("x", 0.25, 4), **pool)
    v = g.quant(g.node("Conv", v, g.const(g.trits(3, 2, 1, 1))), 0.25, 4)
    v = g.node("MaxPool", g.node("MaxPool", v, **pool), **pool)
    v = g.node("Gemm", g.node("Flatten", v), g.const(g.trits(5, 12)), transB=1)
    network = matches(g.save(tmp_path / "m.onnx", [1, 2, 16, 16], v), images(4, 2, 16, 16))
    assert [layer.kind for layer in network.layers] == ["copy", "conv", "copy", "dense"]


def test_pooled_and_unpooled_reader_of_one_tensor(tmp_path: Path) -> None:
    g = Graph(11)
    v = g.quant(g.node("Conv", g.quant("x", 0.25, 4), g.const(g.trits(3, 2, 1, 1))), 0.25, 4)
    big = g.quant(g.node("Conv", v, g.const(g.trits(4, 3, 2, 2)), strides=[2, 2]), 0.5, 2)
    assert big
    v = g.node("MaxPool", v, kernel_shape=[2, 2], strides=[2, 2])
    v = g.node("Conv", v, g.const(g.trits(4, 3, 1, 1)))
    matches(g.save(tmp_path / "m.onnx", [1, 2, 6, 6], v), images(4, 2, 6, 6))


@pytest.mark.parametrize("where", ["codes", "sums"])
@pytest.mark.parametrize("rule", [("asymmetric", "floor"), ("half_pixel", "round_prefer_floor")])
def test_resize_in_front_of_a_convolution(tmp_path: Path, where: str, rule: tuple[str, str]) -> None:
    g = Graph(12)
    resize: dict[str, Any] = {
        "mode": "nearest",
        "coordinate_transformation_mode": rule[0],
        "nearest_mode": rule[1],
    }
    scales = g.const(np.array([1, 1, 2, 3], np.float32))
    v = g.node("Conv", g.quant("x", 0.25, 4), g.const(g.trits(3, 2, 1, 1)))
    v = g.node("Resize", v, "", scales, **resize) if where == "sums" else v
    v = g.quant(v, 0.5, 3)
    v = g.node("Resize", v, "", scales, **resize) if where == "codes" else v
    v = g.node("Conv", v, g.const(g.trits(4, 3, 3, 3)), pads=[1, 1, 1, 1])
    network = matches(g.save(tmp_path / "m.onnx", [1, 2, 4, 3], v), images(4, 2, 4, 3))
    assert network.layers[1].terms[0].upsample == (2, 3)


def test_resize_as_the_last_operator(tmp_path: Path) -> None:
    g = Graph(13)
    v = g.quant(g.node("Conv", g.quant("x", 0.25, 4), g.const(g.trits(3, 2, 1, 1))), 0.5, 3)
    v = g.node(
        "Resize", v, "", g.const(np.array([1, 1, 2, 2], np.float32)),
        mode="nearest", coordinate_transformation_mode="asymmetric", nearest_mode="floor",
    )  # fmt: skip
    network = matches(g.save(tmp_path / "m.onnx", [1, 2, 4, 3], v), images(4, 2, 4, 3))
    assert network.outputs[0].gather[:6].tolist() == [0, 0, 1, 1, 2, 2]


def test_resize_of_sums_as_the_last_operator(tmp_path: Path) -> None:
    g = Graph(14)
    v = g.bn(g.node("Conv", g.quant("x", 0.25, 4), g.const(g.trits(3, 2, 1, 1))), 3, negative=True)
    v = g.node(
        "Resize", v, "", g.const(np.array([1, 1, 2, 2], np.float32)),
        mode="nearest", coordinate_transformation_mode="asymmetric", nearest_mode="floor",
    )  # fmt: skip
    matches(g.save(tmp_path / "m.onnx", [1, 2, 4, 3], v), images(4, 2, 4, 3))


def test_pool_behind_resize(tmp_path: Path) -> None:
    g = Graph(15)
    v = g.quant(g.node("Conv", g.quant("x", 0.25, 4), g.const(g.trits(3, 2, 1, 1))), 0.5, 3)
    v = g.node(
        "Resize", v, "", g.const(np.array([1, 1, 2, 2], np.float32)),
        mode="nearest", coordinate_transformation_mode="asymmetric", nearest_mode="floor",
    )  # fmt: skip
    v = g.node("MaxPool", v, kernel_shape=[3, 3], strides=[1, 1])
    v = g.node("Conv", v, g.const(g.trits(3, 3, 1, 1)))
    network = matches(g.save(tmp_path / "m.onnx", [1, 2, 4, 4], v), images(4, 2, 4, 4))
    assert network.layers[1].terms[0].upsample == (2, 2)


@pytest.mark.parametrize("dtype", [np.uint8, np.int8])
def test_integer_input_declares_its_own_range(tmp_path: Path, dtype: type) -> None:
    g = Graph(16)
    v = g.node("DequantizeLinear", "x", g.const(0.02), g.const(np.array(7, dtype)))
    v = g.node("Conv", v, g.const(g.trits(4, 2, 3, 3)), pads=[1, 1, 1, 1])
    info = np.iinfo(dtype)
    x = RNG.integers(info.min, info.max, (5, 2, 6, 6), dtype, endpoint=True)
    elem = TensorProto.UINT8 if dtype is np.uint8 else TensorProto.INT8
    network = matches(g.save(tmp_path / "m.onnx", [1, 2, 6, 6], v, elem=elem), x)
    assert network.inputs[0].declared
    assert (network.input_tensors[0].range.low, network.input_tensors[0].range.high) == (
        info.min - 7,
        info.max - 7,
    )


def test_cast_integer_input_divided_like_an_image(tmp_path: Path) -> None:
    g = Graph(17)
    v = g.node("Div", g.node("Cast", "x", to=TensorProto.FLOAT), g.const(255.0))
    v = g.node("Conv", v, g.const(g.trits(4, 2, 3, 3)))
    x = RNG.integers(0, 255, (5, 2, 6, 6), np.uint8, endpoint=True)
    network = matches(g.save(tmp_path / "m.onnx", ["N", 2, 6, 6], v, elem=TensorProto.UINT8), x)
    assert network.inputs[0].steps == ()
    assert network.inputs[0].scale == 1.0


@pytest.mark.parametrize(("kind", "low", "high"), [("INT4", -8, 7), ("BIPOLAR", -1, 1), ("UINT8", 0, 255)])
def test_annotation_declares_the_input(tmp_path: Path, kind: str, low: int, high: int) -> None:
    g = Graph(18)
    v = g.node("Div", "x", g.const(255.0))
    v = g.node("MatMul", v, g.const(g.trits(6, 5)))
    x = RNG.integers(low, high, (5, 6), endpoint=True).astype(np.float32)
    if kind == "BIPOLAR":
        x = np.where(x >= 0, 1, -1).astype(np.float32)
    network = matches(g.save(tmp_path / "m.onnx", [1, 6], v, types={"x": kind}), x)
    assert network.inputs[0].declared
    assert (network.input_tensors[0].range.low, network.input_tensors[0].range.high) == (low, high)
    assert network.inputs[0].scale == 1.0


def test_input_quant_with_normalisation_behind_it(tmp_path: Path) -> None:
    g = Graph(19)
    v = g.node("Div", g.node("Sub", "x", g.const(0.5)), g.const(0.3))
    v = g.node("MatMul", v, g.const(g.trits(6, 5)))
    path = g.save(tmp_path / "m.onnx", [1, 6], v)
    x = (RNG.integers(0, 255, (5, 6), endpoint=True) / 255).astype(np.float32)
    network = matches(path, x, input_quant=InputQuant.parse(f"uint8:{np.float32(1 / 255)}"), rtol=1e-4)
    assert network.inputs[0].declared
    assert network.inputs[0].scale == pytest.approx(1 / 255)


@pytest.mark.parametrize("keepdims", [0, 1])
def test_arg_max_end(tmp_path: Path, keepdims: int) -> None:
    g = Graph(20)
    v = g.node(
        "Gemm",
        g.quant("x", 0.25, 4),
        g.const(g.trits(10, 8)),
        g.const(g.rng.integers(-3, 3, 10).astype(np.float32) / 8),
        transB=1,
    )
    v = g.node("ArgMax", v, axis=-1, keepdims=keepdims)
    x = images(200, 8)
    network = matches(g.save(tmp_path / "m.onnx", ["N", 8], v, output_elem=TensorProto.INT64), x)
    assert network.outputs[0].reduce == "argmax"
    assert network.outputs[0].keys is not None


def test_top_k_end_over_the_channels_of_a_map(tmp_path: Path) -> None:
    g = Graph(21)
    v = g.node(
        "Conv",
        g.quant("x", 0.25, 4),
        g.const(g.trits(6, 2, 1, 1, scale=g.rng.choice([0.5, -1.0, 2.0], (6, 1, 1, 1)))),
    )
    v = g.node("TopK", v, g.const(np.array([1], np.int64)), axis=1, outputs=2)
    path = g.save(tmp_path / "m.onnx", [1, 2, 4, 5], f"{v}_1", output_elem=TensorProto.INT64)
    network = matches(path, images(50, 2, 4, 5))
    assert network.outputs[0].shape == (1, 4, 5)


def test_arg_max_of_quantised_scores(tmp_path: Path) -> None:
    g = Graph(22)
    v = g.node("MatMul", g.quant("x", 0.25, 4), g.const(g.trits(8, 6)))
    v = g.node("ArgMax", g.quant(g.bn(v, 6, negative=True), 0.5, 3), axis=1, keepdims=0)
    v = g.node("Cast", v, to=TensorProto.FLOAT)
    matches(g.save(tmp_path / "m.onnx", ["N", 8], v), images(200, 8))


def test_opset_9_batch_norm_with_five_outputs_and_attribute_clip(tmp_path: Path) -> None:
    g = Graph(23)
    v = g.node("Conv", g.quant("x", 0.25, 4), g.const(g.trits(4, 2, 3, 3)))
    v = g.node("Clip", g.bn(v, 4, outputs=5), min=-1.0, max=1.5)
    v = g.node("Unsqueeze", g.quant(v, 0.25, 4), axes=[0])
    v = g.node("Squeeze", v, axes=[0])
    v = g.node("Upsample", v, g.const(np.array([1, 1, 2, 2], np.float32)), mode="nearest")
    v = g.node("Dropout", g.node("Conv", v, g.const(g.trits(3, 4, 2, 2))), ratio=0.5)
    matches(g.save(tmp_path / "m.onnx", [1, 2, 6, 6], v, opset=9), images(4, 2, 6, 6))


@pytest.mark.parametrize("mode", ["ROUND", "half_even", "CEIL", "FLOOR", "DOWN", "HALF_UP", "HALF_DOWN"])
def test_rounding_modes_of_quant(tmp_path: Path, mode: str) -> None:
    g = Graph(24)
    v = g.node("MatMul", g.quant("x", 0.5, 4, mode=mode), g.const(g.trits(8, 6)))
    v = g.node("MatMul", g.quant(v, 0.5, 4, mode=mode, zero=2.0), g.const(g.trits(6, 6)))
    matches(g.save(tmp_path / "m.onnx", ["N", 8], v), images(60, 8))


def test_bipolar_quant_and_sign(tmp_path: Path) -> None:
    g = Graph(25)
    v = g.node("BipolarQuant", "x", g.const(0.5), domain=QONNX)
    v = g.node("MatMul", v, g.const(g.trits(9, 6)))
    v = g.node("BipolarQuant", g.node("Sub", v, g.const(0.25)), g.const(1.0), domain=QONNX)
    v = g.node("MatMul", g.node("Sign", g.node("MatMul", v, g.const(g.trits(6, 7)))), g.const(g.trits(7, 5)))
    network = matches(g.save(tmp_path / "m.onnx", ["N", 9], v), images(60, 9))
    assert network.input_tensors[0].range.low == -1


def test_relu_behind_a_quantiser_and_requantisation(tmp_path: Path) -> None:
    g = Graph(26)
    v = g.node("MatMul", g.quant("x", 0.25, 4), g.const(g.trits(9, 6)))
    v = g.node("Relu", g.quant(v, 0.125, 5))
    w = g.node("MatMul", v, g.const(g.trits(6, 7)))
    v = g.quant(g.quant(w, 0.25, 6), 0.5, 3)
    v = g.node("MatMul", v, g.const(g.trits(7, 5)))
    network = matches(g.save(tmp_path / "m.onnx", ["N", 9], v), images(60, 9))
    assert (network.tensors[1].range.low, network.tensors[1].range.high) == (0, 15)


def test_float_expression_of_a_quantiser_with_max_min_and_constant_first(tmp_path: Path) -> None:
    g = Graph(27)
    v = g.node("MatMul", g.quant("x", 0.25, 4), g.const(g.trits(9, 6)))
    v = g.node("Sub", g.const(1.0), v)
    v = g.node("Floor", g.node("Mul", g.const(2.0), v))
    v = g.node("Min", g.const(5.0), g.node("Max", v, g.const(-4.0)))
    v = g.node("MatMul", g.node("Div", v, g.const(3.0)), g.const(g.trits(6, 7)))
    matches(g.save(tmp_path / "m.onnx", ["N", 9], v), images(60, 9))


def test_quantised_output_in_integers(tmp_path: Path) -> None:
    g = Graph(28)
    v = g.node("MatMul", g.quant("x", 0.25, 4), g.const(g.trits(9, 6)))
    v = g.node("QuantizeLinear", v, g.const(0.5), g.const(np.array(3, np.uint8)))
    network = matches(g.save(tmp_path / "m.onnx", ["N", 9], v, output_elem=TensorProto.UINT8), images(60, 9))
    assert network.outputs[0].dtype == "uint8"


def test_quantised_output_with_negative_scale(tmp_path: Path) -> None:
    g = Graph(29)
    v = g.node("Conv", g.quant("x", 0.25, 4), g.const(g.trits(6, 2, 1)))
    v = g.node(
        "Mul", g.quant(v, 0.5, 3), g.const(np.array([-1, 2, -0.5, 1, 1, 1], np.float32).reshape(1, 6, 1))
    )
    network = matches(g.save(tmp_path / "m.onnx", ["N", 2, 5], v), images(60, 2, 5))
    assert np.all(network.outputs[0].scale > 0)


def test_matmul_over_positions_is_a_pointwise_convolution(tmp_path: Path) -> None:
    g = Graph(30)
    v = g.quant(g.node("Conv", g.quant("x", 0.25, 4), g.const(g.trits(6, 2, 3)), pads=[1, 1]), 0.5, 3)
    v = g.node("Transpose", v, perm=[0, 2, 1])
    v = g.node(
        "Add", g.node("MatMul", v, g.const(g.trits(6, 4))), g.const(g.rng.normal(size=4).astype(np.float32))
    )
    v = g.node("Transpose", g.quant(v, 0.5, 4), perm=[0, 2, 1])
    v = g.node("Conv", v, g.const(g.trits(3, 4, 3)))
    network = matches(g.save(tmp_path / "m.onnx", [1, 2, 8], v), images(20, 2, 8))
    assert network.layers[1].terms[0].weights.shape == (4, 6, 1, 1)


def test_flatten_in_channels_last_order_permutes_the_dense_weights(tmp_path: Path) -> None:
    g = Graph(31)
    v = g.quant(g.node("Conv", g.quant("x", 0.25, 4), g.const(g.trits(3, 2, 1, 1))), 0.5, 3)
    v = g.node("Reshape", g.node("Transpose", v, perm=[0, 2, 3, 1]), g.const(np.array([1, -1], np.int64)))
    v = g.node("Gemm", v, g.const(g.trits(24, 5)))
    matches(g.save(tmp_path / "m.onnx", [1, 2, 2, 4], v), images(20, 2, 2, 4))


@pytest.mark.parametrize("zero", [0.0, 2.5])
def test_dense_layer_on_a_padded_map(tmp_path: Path, zero: float) -> None:
    """Zeros from nowhere have no scale and no offset; with a zero point of 2.5 the others have half a step of one."""
    g = Graph(17)
    v = g.quant("x", 0.25, 4, zero=zero)
    v = g.node("Reshape", g.node("Pad", v, ints(g, 0, 0, 1, 2, 0, 0, 0, 1)), ints(g, 1, -1))
    v = g.node("MatMul", v, g.const(g.trits(2 * 4 * 6, 5)))
    matches(g.save(tmp_path / "m.onnx", [1, 2, 3, 3], v), images(20, 2, 3, 3))


def test_zero_channels_and_zero_gain(tmp_path: Path) -> None:
    g = Graph(32)
    weights = g.trits(5, 4)
    weights[2] = -0.0
    v = g.node("Gemm", g.quant("x", 0.25, 4), g.const(weights), transB=1)
    v = g.node("Mul", v, g.const(np.array([1, 0, 1, -1, 0.5], np.float32)))
    v = g.node("Add", v, g.const(np.array([0.1, 1.2, 3, 0, -9], np.float32)))
    v = g.quant(v, 0.5, 3)
    w = g.const(np.where(g.trits(3, 5) >= 0, 0.5, -0.5).astype(np.float32))
    v = g.node("Mul", g.node("Gemm", v, w, transB=1), g.const(np.array([1, 0, -2], np.float32)))
    network = matches(g.save(tmp_path / "m.onnx", ["N", 4], v), images(60, 4))
    assert not network.layers[0].terms[0].weights[1].any()
    assert not network.layers[0].terms[0].weights[2].any()
    assert not network.layers[1].terms[0].weights[1].any()


def test_blocked_and_per_axis_weight_dequantisation(tmp_path: Path) -> None:
    g = Graph(33)
    codes = g.rng.integers(-1, 2, (8, 6)).astype(np.int8)
    w = g.node(
        "DequantizeLinear", g.const(codes), g.const(g.rng.uniform(0.1, 1, 8).astype(np.float32)), axis=0
    )
    v = g.node("Gemm", g.quant("x", 0.25, 4), w, transB=1)
    matches(g.save(tmp_path / "m.onnx", ["N", 6], v), images(60, 6))


def test_overlapping_branches_of_dead_code_are_dropped(tmp_path: Path) -> None:
    g = Graph(34)
    v = g.quant("x", 0.25, 4)
    g.node("LSTM", v)
    v = g.node("MatMul", v, g.const(g.trits(6, 5)))
    network = matches(g.save(tmp_path / "m.onnx", ["N", 6], v), images(60, 6))
    assert len(network.layers) == 1


def test_batch_is_looped_where_it_is_baked_in(tmp_path: Path) -> None:
    g = Graph(35)
    v = g.quant(g.node("Conv", g.quant("x", 0.25, 4), g.const(g.trits(3, 2, 1, 1))), 0.5, 3)
    v = g.node("Reshape", v, g.const(np.array([3, 8], np.int64)))
    v = g.node("Reshape", v, g.const(np.array([1, 24], np.int64)))
    v = g.node("Gemm", v, g.const(g.trits(24, 5)))
    matches(g.save(tmp_path / "m.onnx", [1, 2, 2, 4], v), images(20, 2, 2, 4))


def test_name_is_an_identifier(tmp_path: Path) -> None:
    g = Graph(36)
    v = g.node("MatMul", g.quant("x", 0.25, 4), g.const(g.trits(6, 5)))
    assert read(g.save(tmp_path / "2-net v1.5.onnx", ["N", 6], v)).name == "n2_net_v1_5"


def test_matmul_over_positions_of_the_input(tmp_path: Path) -> None:
    g = Graph(37)
    v = g.node("MatMul", g.quant("x", 0.25, 4), g.const(g.trits(6, 5)))
    network = matches(g.save(tmp_path / "m.onnx", ["N", 7, 6], v), images(20, 7, 6))
    assert (network.input_tensors[0].channels, network.input_tensors[0].width) == (6, 7)


def test_pixels_repeated_along_one_axis_and_spread_along_the_other(tmp_path: Path) -> None:
    """DepthToSpace of repeated channels: a term has copies or zeros between pixels, so there is one for each copy."""
    g = Graph(7)
    v = g.quant(g.node("Conv", g.quant("x", 0.25, 4), g.const(g.trits(2, 2, 1, 1))), 0.25, 4)
    v = g.node("DepthToSpace", g.node("Tile", v, ints(g, 1, 2, 1, 1)), blocksize=2)
    v = g.node("Conv", v, g.const(g.trits(3, 1, 3, 3)), pads=[1, 1, 1, 1])
    matches(
        g.save(tmp_path / "m.onnx", [1, 2, 4, 5], v),
        (np.random.default_rng(7).integers(-20, 20, (30, 2, 4, 5)) * 0.25).astype(np.float32),
    )
