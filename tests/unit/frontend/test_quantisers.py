"""Quantisers and integer layers of every dialect: the Network computes what onnxruntime computes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper
from qonnx.custom_op.general.trunc import trunc_v1, trunc_v2

from ternc.errors import ModelError
from ternc.frontend import execute, read
from ternc.network.layers import IntRange, Network
from unit.frontend.onnx_models import QONNX, Graph, computed, matches

RNG = np.random.default_rng(11)


def numbers(*shape: int, scale: float = 0.25, span: int = 20) -> np.ndarray:
    return (RNG.integers(-span, span, shape) * scale).astype(np.float32)


def refusal(path: Path) -> str:
    with pytest.raises(ModelError) as caught:
        read(path)
    return caught.value.sentence


def truncated(g: Graph, x: str, version: int, mode: str, scale: float = 0.0625) -> str:
    """A Trunc of codes of 6 bits to codes of 4 (version 2: to a scale four times as large)."""
    s, z = g.const(scale), g.const(0.0)
    if version == 1:
        return g.node("Trunc", x, s, z, g.const(6.0), g.const(4.0), domain=QONNX, rounding_mode=mode)
    return g.node(
        "Trunc", x, s, z, g.const(6.0), g.const(4 * scale), g.const(4.0),
        domain=QONNX, rounding_mode=mode, signed=0, narrow=0,
    )  # fmt: skip


@pytest.mark.parametrize("mode", ["FLOOR", "round", "Ceil"])
@pytest.mark.parametrize("version", [1, 2])
def test_trunc_behind_an_average(tmp_path: Path, version: int, mode: str) -> None:
    g = Graph(1)
    v = g.node("Conv", g.quant("x", 0.25, 4), g.const(g.trits(3, 2, 3, 3)))
    v = g.quant(g.node("Relu", v), 0.25, 4, signed=0)
    v = g.node("AveragePool", v, kernel_shape=[2, 2], strides=[2, 2], count_include_pad=1)
    v = truncated(g, v, version, mode)
    v = g.node("Conv", v, g.const(g.trits(4, 3, 1, 1)))
    network = matches(g.save(tmp_path / "m.onnx", [1, 2, 8, 8], v), numbers(9, 2, 8, 8))
    assert [layer.kind for layer in network.layers] == ["conv", "average", "conv"]
    assert network.tensors[2].range == IntRange(low=0, high=15)


@pytest.mark.parametrize("mode", ["FLOOR", "ROUND", "CEIL", "DOWN", "HALF_UP", "HALF_DOWN"])
@pytest.mark.parametrize("version", [1, 2])
def test_trunc_is_what_qonnx_computes(tmp_path: Path, version: int, mode: str) -> None:
    g = Graph(2)
    v = truncated(g, g.quant("x", 0.0625, 6), version, mode)
    v = g.node("MatMul", v, g.const(np.eye(40, dtype=np.float32)))
    x = (np.arange(-40, 40).reshape(2, 40) * 0.0625).astype(np.float32)
    found = computed(read(g.save(tmp_path / "m.onnx", [1, 40], v)), x)
    s, z, six, four = (np.float32(n) for n in (0.0625, 0, 6, 4))
    codes = np.clip(x, -32 * s, 31 * s)
    if version == 1:
        wanted = trunc_v1(codes, s, z, six, four, mode)
    else:
        wanted = trunc_v2(codes, s, z, six, 0, 0, np.float32(0.25), four, mode)
    np.testing.assert_array_equal(next(iter(found.values())), wanted)


def test_trunc_of_a_weight_is_folded(tmp_path: Path) -> None:
    g = Graph(3)
    weights = g.trits(6, 5, scale=4.0)
    w = g.node(
        "Trunc", g.const(weights), g.const(1.0), g.const(0.0), g.const(4.0), g.const(4.0), g.const(2.0),
        domain=QONNX, rounding_mode="FLOOR", signed=1, narrow=1,
    )  # fmt: skip
    network = matches(
        g.save(tmp_path / "m.onnx", [1, 6], g.node("MatMul", g.quant("x", 0.25, 4), w)), numbers(9, 6)
    )
    assert set(np.unique(network.layers[0].terms[0].weights)) == {-1, 0, 1}


@pytest.mark.parametrize("op", ["Quant", "IntQuant"])
@pytest.mark.parametrize("domain", [QONNX, "onnx.brevitas", "finn.custom_op.general"])
def test_quant_of_all_domains(tmp_path: Path, op: str, domain: str) -> None:
    g = Graph(4)
    v = g.node(op, "x", g.const(0.25), g.const(0.0), g.const(4.0), domain=domain, signed=1, narrow=0)
    w = g.node(op, g.const(g.trits(6, 5)), g.const(0.5), g.const(np.array(0, np.int64)), g.const(np.array(2, np.int64)), domain=domain, signed=1, narrow=1)  # fmt: skip
    matches(g.save(tmp_path / "m.onnx", [1, 6], g.node("MatMul", v, w), custom=domain), numbers(9, 6))


def test_quant_with_a_zero_point_for_each_channel(tmp_path: Path) -> None:
    g = Graph(5)
    v = g.node("Conv", g.quant("x", 0.25, 4), g.const(g.trits(3, 2, 3)))
    zero = np.array([0, 3, 7], np.float32).reshape(1, 3, 1)
    v = g.node("Quant", v, g.const(0.5), g.const(zero), g.const(4.0), domain=QONNX, signed=0, narrow=0)
    v = g.node("Conv", v, g.const(g.trits(4, 3, 2)))
    matches(g.save(tmp_path / "m.onnx", [1, 2, 9], v), numbers(9, 2, 9))


def test_weight_quant_with_a_scale_and_zero_point_for_each_channel(tmp_path: Path) -> None:
    g = Graph(6)
    raw = g.rng.normal(size=(5, 6)).astype(np.float32)
    scale, zero = g.rng.uniform(0.5, 1, (5, 1)).astype(np.float32), g.rng.integers(0, 3, (5, 1))
    w = g.node("Quant", g.const(raw), g.const(scale), g.const(zero.astype(np.float32)), g.const(np.full(5, 2.0, np.float32)), domain=QONNX, signed=0, narrow=0)  # fmt: skip
    v = g.node("Gemm", g.quant("x", 0.25, 4), w, transB=1)
    matches(g.save(tmp_path / "m.onnx", [1, 6], v), numbers(40, 6))


def test_rounding_away_from_zero_where_nothing_is_below(tmp_path: Path) -> None:
    g = Graph(7)
    v = g.node("MatMul", g.quant("x", 0.25, 4), g.const(g.trits(6, 5)))
    v = g.quant(v, 0.75, 3, signed=0, mode="up")  # exact in float32, as the sums are
    w = g.quant(g.const(g.rng.normal(size=(5, 4)).astype(np.float32)), 1.0, 2, narrow=1, mode="UP")
    matches(g.save(tmp_path / "m.onnx", [1, 6], g.node("MatMul", v, w)), numbers(40, 6))


@pytest.mark.parametrize("use", [read, lambda path: execute(path, {"x": np.zeros((1, 3), np.float32)})])
def test_rounding_away_from_zero_on_both_sides_is_refused(tmp_path: Path, use: Any) -> None:
    g = Graph(7)
    path = g.save(tmp_path / "m.onnx", [1, 3], g.node("Relu", g.quant(g.node("Neg", "x"), 1.0, 4, mode="UP")))
    with pytest.raises(ModelError, match="its rounding mode must be one of"):
        use(path)


@pytest.mark.parametrize("opset", [10, 13, 19, 21, 23, 25])
def test_linear_quantisers_of_all_operator_sets(tmp_path: Path, opset: int) -> None:
    g = Graph(8)
    s, z = g.const(0.25), g.const(np.array(3, np.int8))
    v = g.node("DequantizeLinear", g.node("QuantizeLinear", "x", s, z), s, z)
    v = g.node("Conv", v, g.const(g.trits(3, 2, 3)))
    if opset >= 13:
        scales, zeros = g.const([0.5, 1.0, 2.0]), g.const(np.array([0, 5, 9], np.uint8))
        v = g.node("QuantizeLinear", v, scales, zeros, axis=1)
        v = g.node("DequantizeLinear", v, scales, zeros, axis=-2)
        weights = g.trits(4, 3, 2, scale=1.0) / np.array([0.5, 1.0, 2.0]).reshape(1, 3, 1)
    else:
        v = g.node("DequantizeLinear", g.node("QuantizeLinear", v, g.const(0.5)), g.const(0.5))
        weights = g.trits(4, 3, 2)
    v = g.node("Conv", v, g.const(weights.astype(np.float32)))
    matches(g.save(tmp_path / "m.onnx", [1, 2, 9], v, opset=opset), numbers(9, 2, 9))


def test_output_dtype_of_a_quantiser_without_a_zero_point(tmp_path: Path) -> None:
    g = Graph(9)
    v = g.node("MatMul", g.quant("x", 0.25, 4), g.const(g.trits(6, 5)))
    v = g.node("QuantizeLinear", v, g.const(0.25), output_dtype=TensorProto.INT4)
    v = g.node("MatMul", g.node("DequantizeLinear", v, g.const(0.25)), g.const(g.trits(5, 3)))
    network = matches(g.save(tmp_path / "m.onnx", [1, 6], v, opset=21), numbers(9, 6))
    assert network.tensors[1].range == IntRange(low=-8, high=7)


@pytest.mark.parametrize("block", [2, 3])
def test_blocked_weights(tmp_path: Path, block: int) -> None:
    g = Graph(10)
    codes = g.rng.integers(-1, 2, (6, 5)).astype(np.int8)
    scales = np.repeat(g.rng.choice([0.25, 0.5], (1, 5)), 6 // block, axis=0).astype(np.float32)
    w = g.node("DequantizeLinear", g.const(codes), g.const(scales), axis=0, block_size=block)
    path = g.save(tmp_path / "m.onnx", [1, 6], g.node("MatMul", g.quant("x", 0.25, 4), w), opset=21)
    matches(path, numbers(40, 6))


def test_weights_of_blocks_with_different_scales_are_wider(tmp_path: Path) -> None:
    g = Graph(11)
    codes = g.rng.integers(-1, 2, (6, 5)).astype(np.int8)
    scales = np.array([[0.25] * 5, [0.75] * 5], np.float32)
    w = g.node("DequantizeLinear", g.const(codes), g.const(scales), axis=0, block_size=3)
    path = g.save(tmp_path / "m.onnx", [1, 6], g.node("MatMul", g.quant("x", 0.25, 4), w), opset=21)
    network = matches(path, numbers(40, 6))
    assert np.abs(network.layers[0].terms[0].weights).max() == 3


@pytest.mark.parametrize("kind", ["clipped", "narrow sums"])
def test_sixteen_bit_quantiser_whose_range_is_narrow(tmp_path: Path, kind: str) -> None:
    g = Graph(12)
    v = g.node("MatMul", g.quant("x", 0.25, 4), g.const(g.trits(6, 5)))
    s, z = g.const(0.25), g.const(np.array(0, np.int16))
    v = g.node("QuantizeLinear", v, s, z)
    if kind == "clipped":
        v = g.node("Clip", v, g.const(np.array(0, np.int16)), g.const(np.array(9, np.int16)))
    v = g.node("MatMul", g.node("DequantizeLinear", v, s, z), g.const(g.trits(5, 3)))
    network = matches(g.save(tmp_path / "m.onnx", [1, 6], v, opset=21), numbers(40, 6))
    high = network.tensors[1].range.high
    assert high == 9 if kind == "clipped" else 9 < high < 60


def test_sixteen_bit_quantiser_of_a_wide_range_is_refused(tmp_path: Path) -> None:
    g = Graph(13)
    v = g.node("MatMul", g.quant("x", 0.25, 8), g.const(g.trits(64, 5)))
    s, z = g.const(0.125), g.const(np.array(0, np.uint16))
    v = g.node("DequantizeLinear", g.node("QuantizeLinear", v, s, z), s, z)
    v = g.node("MatMul", v, g.const(g.trits(5, 3)), name="fc2")
    found = refusal(g.save(tmp_path / "m.onnx", [1, 64], v, opset=21))
    assert found.endswith("it must be quantised to 1..8 bits")
    assert "whose integers go from 0 to" in found


def test_eight_bit_float_quantisers_are_refused(tmp_path: Path) -> None:
    def tensor(g: Graph, value: float, name: str) -> str:
        proto = helper.make_tensor(name, TensorProto.FLOAT8E4M3FN, [], [value])
        g.initialisers.append(proto)
        return name

    g = Graph(14)
    v = g.node("QuantizeLinear", "x", g.const(0.25), tensor(g, 0.0, "z"), name="q")
    path = g.save(tmp_path / "model.onnx", [1, 6], v, opset=19)
    assert (
        refusal(path)
        == "model.onnx: node 'q' (QuantizeLinear): its output must be integers, but is float8_e4m3fn"
    )
    g = Graph(15)
    w = g.node("DequantizeLinear", tensor(g, 0.5, "w"), g.const(0.25), name="dq")
    v = g.node("Mul", g.node("MatMul", g.quant("x", 0.25, 4), g.const(g.trits(6, 5))), w)
    path = g.save(tmp_path / "model.onnx", [1, 6], v, opset=19)
    assert (
        refusal(path)
        == "model.onnx: node 'dq' (DequantizeLinear): its input must be integers, but is float8_e4m3fn"
    )


def integer_input(g: Graph, zero: int) -> str:
    return g.node("QuantizeLinear", "x", g.const(0.25), g.const(np.array(zero, np.uint8)))


@pytest.mark.parametrize("zero", [0, 7])
@pytest.mark.parametrize("per_channel", [False, True])
def test_qlinear_conv_and_matmul(tmp_path: Path, zero: int, per_channel: bool) -> None:
    g = Graph(16)
    v = integer_input(g, zero)
    w = g.rng.integers(-1, 2, (4, 2, 3, 3)).astype(np.int8)
    scale: Any = g.rng.uniform(0.1, 1, 4).astype(np.float32) if per_channel else np.float32(0.5)
    zeros = g.const(np.zeros(4 if per_channel else (), np.int8))
    v = g.node(
        "QLinearConv", v, g.const(0.25), g.const(np.array(zero, np.uint8)), g.const(w), g.const(scale), zeros,
        g.const(0.3137), g.const(np.array(-3, np.int8)), g.const(g.rng.integers(-9, 9, 4).astype(np.int32)),
        pads=[1, 1, 1, 1],
    )  # fmt: skip
    v = g.node("MaxPool", v, kernel_shape=[2, 2], strides=[2, 2])
    v = g.node("Flatten", v)
    m = g.rng.integers(0, 3, (36, 5)).astype(np.uint8)
    columns: Any = g.rng.uniform(0.1, 1, 5).astype(np.float32) if per_channel else np.float32(0.5)
    ones = g.const(np.full(5 if per_channel else (), 1, np.uint8))
    v = g.node(
        "QLinearMatMul", v, g.const(0.3137), g.const(np.array(-3, np.int8)), g.const(m), g.const(columns), ones,
        g.const(2.0), g.const(np.array(9, np.int8)),
    )  # fmt: skip
    path = g.save(tmp_path / "m.onnx", [1, 2, 6, 6], v, opset=13, output_elem=TensorProto.INT8)
    network = matches(path, numbers(20, 2, 6, 6))
    assert [layer.kind for layer in network.layers] == ["conv", "dense"]
    assert set(np.unique(network.layers[1].terms[0].weights)) <= {-1, 0, 1}


def test_conv_integer_and_matmul_integer(tmp_path: Path) -> None:
    g = Graph(17)
    v = integer_input(g, 5)
    w = g.const(g.rng.integers(-1, 2, (4, 2, 3)).astype(np.int8))
    v = g.node("ConvInteger", v, w, g.const(np.array(5, np.uint8)), pads=[1, 1])
    v = g.node("Mul", g.node("Cast", v, to=TensorProto.FLOAT), g.const(0.125))
    v = g.node("QuantizeLinear", g.node("Relu", v), g.const(0.5), g.const(np.array(2, np.uint8)))
    v = g.node("Reshape", v, g.const(np.array([1, -1], np.int64)))
    m = g.const(g.rng.integers(1, 4, (36, 5)).astype(np.uint8))
    v = g.node("MatMulInteger", v, m, g.const(np.array(2, np.uint8)), g.const(np.full(5, 2, np.uint8)))
    path = g.save(tmp_path / "m.onnx", [1, 2, 9], v, opset=13, output_elem=TensorProto.INT32)
    network = matches(path, numbers(20, 2, 9))
    assert network.outputs[0].dtype == "int32"


def test_padding_of_integers_with_their_zero_point_is_the_layers_own(tmp_path: Path) -> None:
    g = Graph(18)
    v = g.node(
        "Pad",
        integer_input(g, 5),
        g.const(np.array([0, 0, 1, 0, 0, 2], np.int64)),
        g.const(np.array(5, np.uint8)),
    )
    v = g.node("DequantizeLinear", v, g.const(0.25), g.const(np.array(5, np.uint8)))
    v = g.node("Conv", v, g.const(g.trits(3, 2, 3)))
    network = matches(g.save(tmp_path / "model.onnx", [1, 2, 9], v), numbers(20, 2, 9))
    assert network.layers[0].terms[0].padding == (0, 1, 0, 2)


@pytest.mark.parametrize(
    ("op", "domain", "reason"),
    [
        ("FloatQuant", QONNX, "it quantises to floating-point numbers, which the chip does not compute with"),
        (
            "DynamicQuantizeLinear",
            "",
            "its scale depends on the data, and the chip's codes have fixed scales",
        ),
    ],
)
def test_quantisers_refused_by_name(tmp_path: Path, op: str, domain: str, reason: str) -> None:
    g = Graph(19)
    path = g.save(tmp_path / "model.onnx", [1, 6], g.node(op, "x", name="q", domain=domain))
    assert refusal(path) == f"model.onnx: node 'q' ({op}): {reason}"


def quantised_by(g: Graph, weights: np.ndarray, bits: int, form: str) -> str:
    """Integer weights times 0.25, in one of the dialects."""
    real = (weights * 0.25).astype(np.float32)
    match form:
        case "quant":
            return g.quant(g.const(real), 0.25, bits)
        case "qcdq":
            s, z = g.const(0.25), g.const(np.array(0, np.int8))
            v = g.node("QuantizeLinear", g.const(real), s, z)
            low, high = (np.array(n, np.int8) for n in (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1))
            return g.node("DequantizeLinear", g.node("Clip", v, g.const(low), g.const(high)), s, z)
        case "qdq":
            return g.node("DequantizeLinear", g.const(weights.astype(np.int8)), g.const(0.25))
        case _:
            return g.const(real)


def same(first: Network, other: Network) -> None:
    for a, b in zip(first.layers, other.layers, strict=True):
        for mine, its in zip(a.terms, b.terms, strict=True):
            np.testing.assert_array_equal(mine.weights, its.weights)
        if a.activation is not None and b.activation is not None:
            np.testing.assert_array_equal(a.activation.thresholds, b.activation.thresholds)


@pytest.mark.parametrize("bits", [2, 3, 4, 5, 6, 7, 8])
def test_wide_weights_are_the_same_in_all_dialects(tmp_path: Path, bits: int) -> None:
    networks = []
    for form in ("quant", "qcdq", "qdq", "float"):
        g = Graph(20 + bits)
        codes = g.rng.integers(-(2 ** (bits - 1)), 2 ** (bits - 1), (6, 5))
        codes[0] = -(2 ** (bits - 1))
        codes[1] = 1
        v = g.node("MatMul", g.quant("x", 0.25, 4), quantised_by(g, codes, bits, form))
        v = g.node("MatMul", g.quant(v, 0.5, 4), g.const(g.trits(5, 3)))
        networks.append(matches(g.save(tmp_path / f"{form}.onnx", [1, 6], v), numbers(40, 6)))
        np.testing.assert_array_equal(networks[-1].layers[0].terms[0].weights[:, :, 0, 0].T, codes)
    for other in networks[1:]:
        same(networks[0], other)


def test_binary_weights_and_activations(tmp_path: Path) -> None:
    g = Graph(30)
    v = g.node("BipolarQuant", "x", g.const(1.0), domain=QONNX)
    w = g.node(
        "BipolarQuant", g.const(g.rng.normal(size=(6, 5)).astype(np.float32)), g.const(0.3), domain=QONNX
    )
    v = g.bn(g.node("MatMul", v, w), 5, negative=True)
    v = g.node("BipolarQuant", v, g.const(1.0), domain=QONNX)
    w = g.quant(g.const(g.rng.normal(size=(5, 4)).astype(np.float32)), 0.7, 1)
    network = matches(g.save(tmp_path / "m.onnx", [1, 6], g.node("MatMul", v, w)), numbers(40, 6))
    for layer in network.layers:
        assert set(np.unique(np.abs(layer.terms[0].weights))) <= {0, 1}


@pytest.mark.parametrize("shared", [False, True])
def test_trained_ternary_quantisation(tmp_path: Path, shared: bool) -> None:
    """TTQ: another magnitude for the positive weights than for the negative ones."""
    g = Graph(31)
    trits = g.rng.integers(-1, 2, (6, 5))
    plus, minus = (1.5, 0.5) if shared else (0.731, 1.137)
    w = np.where(trits > 0, plus, -minus * (trits < 0)).astype(np.float32)
    v = g.node("MatMul", g.quant("x", 0.25, 4), g.const(w))
    v = g.node("MatMul", g.quant(v, 0.5, 4), g.const(g.trits(5, 3)))
    network = matches(g.save(tmp_path / "m.onnx", [1, 6], v), numbers(60, 6))
    assert len(network.layers[0].terms) == (1 if shared else 2)


def test_scaled_integers_of_an_int32_bias(tmp_path: Path) -> None:
    g = Graph(32)
    codes = numpy_helper.from_array(g.rng.integers(-50, 50, 5).astype(np.int32), "b")
    g.initialisers.append(codes)
    bias = g.node("DequantizeLinear", "b", g.const(0.03125), g.const(np.array(0, np.int32)))
    v = g.node("Gemm", g.quant("x", 0.25, 4), g.const(g.trits(6, 5)), bias)
    matches(g.save(tmp_path / "m.onnx", [1, 6], g.quant(v, 0.5, 4), opset=13), numbers(40, 6))


def test_a_clip_between_two_values_of_the_quantiser(tmp_path: Path) -> None:
    """QKeras' quantized_relu(use_sigmoid=1): steps of a quarter up to seven eighths."""
    g = Graph(4)
    v = g.quant(g.node("MatMul", g.quant("x", 0.25, 4), g.const(g.trits(8, 12))), 0.25, 5)
    v = g.node("Min", g.node("Max", v, g.const(0.0)), g.const(0.875))
    v = g.node("MatMul", v, g.const(g.trits(12, 5)))
    network = matches(g.save(tmp_path / "m.onnx", [1, 8], v), numbers(100, 8))
    assert (network.tensors[1].range.low, network.tensors[1].range.high) == (0, 7)


def test_a_clip_far_off_the_quantisers_grid_is_refused(tmp_path: Path) -> None:
    g = Graph(4)
    v = g.quant(g.node("MatMul", g.quant("x", 0.25, 4), g.const(g.trits(8, 12))), 0.3, 5)
    v = g.node("Min", v, g.const(1.0))
    v = g.node("MatMul", v, g.const(g.trits(12, 5)))
    path = g.save(tmp_path / "m.onnx", [1, 8], v)
    assert "an unquantised activation: it must be quantised to 1..8 bits" in refusal(path)
