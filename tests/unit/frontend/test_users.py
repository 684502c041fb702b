"""Structures of networks that users train, small: what exporters and common habits make of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from ternc.errors import ModelError
from ternc.frontend import read
from ternc.network import host
from unit.frontend.onnx_models import Graph, matches


def frames(*shape: int, seed: int = 3) -> NDArray[np.float32]:
    codes = np.random.default_rng(seed).integers(-20, 20, shape)
    return (codes * np.float32(0.2)).astype(np.float32)


def branches(g: Graph, v: str, scales: list[float]) -> str:
    """1x1 convolutions side by side, each with a quantiser of its own."""
    made = [g.quant(g.node("Conv", v, g.const(g.trits(2, 3, 1, 1))), s, 4, signed=0) for s in scales]
    return g.node("Concat", *made, axis=1)


def test_a_convolution_of_six_branches_with_scales_of_their_own(tmp_path: Path) -> None:
    g = Graph(1)
    scales = [0.31, 0.173, 0.0913, 0.211, 0.137, 0.477]
    v = branches(g, g.quant("x", 0.2, 4), scales)
    v = g.quant(g.node("Conv", v, g.const(g.trits(4, 12, 3, 3)), pads=[1, 1, 1, 1]), 0.713, 4)
    v = g.node("Conv", v, g.const(g.trits(2, 4, 1, 1)))
    network = matches(g.save(tmp_path / "m.onnx", [1, 3, 6, 6], v), frames(20, 3, 6, 6))
    assert [len(layer.terms) for layer in network.layers] == [1] * 6 + [6, 1]


def test_scales_too_far_apart_for_one_sum_are_refused(tmp_path: Path) -> None:
    g = Graph(2)
    v = branches(g, g.quant("x", 0.2, 4), [0.31, 1.3e-20])
    v = g.quant(g.node("Conv", v, g.const(g.trits(4, 4, 1, 1)), name="wide"), 0.713, 4)
    v = g.node("Conv", v, g.const(g.trits(2, 4, 1, 1)), name="last")
    with pytest.raises(ModelError) as caught:
        read(g.save(tmp_path / "m.onnx", [1, 3, 6, 6], v))
    assert caught.value.sentence == (
        "m.onnx: node 'last' (Conv): the scales of 'wide' differ by a factor of 2.4e+19, more than the "
        "1,099,511,627,776 within which a common integer form is looked for"
    )


def test_wide_weights_on_scales_without_a_small_unit_are_refused(tmp_path: Path) -> None:
    g = Graph(3)
    v = branches(g, g.quant("x", 0.2, 4), [0.31, 0.173, 0.0913, 0.211, 0.137, 2.77])
    weights = np.random.default_rng(4).integers(-127, 128, (4, 12, 1, 1)).astype(np.float32)
    v = g.quant(g.node("Conv", v, g.const(weights), name="wide"), 31.0, 4)
    v = g.node("Conv", v, g.const(g.trits(2, 4, 1, 1)), name="last")
    with pytest.raises(
        ModelError, match=r"the scales of 'wide' need integer weights of \d\d bits, but 32 are"
    ):
        read(g.save(tmp_path / "m.onnx", [1, 3, 6, 6], v))


@pytest.mark.parametrize("op", ["ReduceMean", "ReduceSum", "ReduceMax"])
def test_a_pool_over_flattened_pixels(tmp_path: Path, op: str) -> None:
    g = Graph(4)
    v = g.quant(g.node("Conv", g.quant("x", 0.25, 4), g.const(g.trits(4, 3, 3, 3))), 0.3137, 4)
    v = g.node("Reshape", v, g.const(np.array([0, 4, -1], np.int64)))
    v = g.quant(g.node(op, v, axes=[-1], keepdims=0), 0.0737, 6) if op != "ReduceSum" else v
    if op == "ReduceSum":
        v = g.quant(g.node(op, v, g.const(np.array([2], np.int64)), keepdims=0), 1.337, 6)
    v = g.node("MatMul", v, g.const(g.trits(4, 3)))
    matches(g.save(tmp_path / "m.onnx", [1, 3, 6, 7], v), frames(20, 3, 6, 7))


def test_a_type_is_taken_from_a_concatenation(tmp_path: Path) -> None:
    g = Graph(5)
    v = branches(g, g.quant("x", 0.2, 4), [0.25, 0.25])
    high = g.node("CastLike", g.const(np.array(2, np.int64)), v)
    v = g.quant(g.node("Min", v, high), 0.25, 4)
    v = g.node("Conv", v, g.const(g.trits(2, 4, 1, 1)))
    matches(g.save(tmp_path / "m.onnx", [1, 3, 6, 6], v), frames(20, 3, 6, 6))


def test_raw_sums_of_two_magnitudes_leave_the_chip_in_a_common_unit(tmp_path: Path) -> None:
    g = Graph(6)
    signs = g.rng.integers(-1, 2, (8, 3))
    weights = np.where(signs > 0, np.float32(0.7310586), np.float32(0.2689414)) * signs.astype(np.float32)
    v = g.node("MatMul", g.quant("x", 0.2, 5), g.const(weights.astype(np.float32)))
    network = matches(g.save(tmp_path / "m.onnx", [1, 8], v), frames(20, 8))
    assert not network.epilogue


def test_an_average_of_real_numbers_behind_the_last_layer_runs_on_the_host(tmp_path: Path) -> None:
    g = Graph(7)
    v = g.node("Conv", g.quant("x", 0.2, 4), g.const(g.trits(4, 3, 3, 3)))
    v = g.node("Flatten", g.node("GlobalAveragePool", g.node("Relu", v)))
    network = matches(g.save(tmp_path / "m.onnx", [1, 3, 6, 6], v), frames(20, 3, 6, 6))
    assert network.epilogue


def test_inputs_for_an_input_that_is_made_binary(tmp_path: Path) -> None:
    g = Graph(8)
    above = g.node("GreaterOrEqual", "x", g.const(0.0))
    v = g.node("Where", above, g.const(1.0), g.const(-1.0))
    path = g.save(tmp_path / "m.onnx", [1, 8], g.node("MatMul", v, g.const(g.trits(8, 3))))
    network = matches(path, frames(20, 8))
    tensor = network.input_tensors[0]
    codes = np.arange(8).reshape(1, 8, 1, 1) % 3 - 1
    made = host.real_input(network.inputs[0], tensor, codes)
    back = host.encode_input(network.inputs[0], tensor, made)
    assert np.array_equal(back[codes != 0], codes[codes != 0])


def test_a_padded_value_beside_itself(tmp_path: Path) -> None:
    g = Graph(21)
    v = g.quant(g.node("Conv", g.quant("x", 0.25, 4), g.const(g.trits(2, 2, 1, 1))), 0.25, 4)
    v = g.node("Concat", v, g.const(np.zeros((1, 1, 3, 3), np.float32)), axis=1)
    v = g.node("Concat", v, v, axis=1)
    v = g.node("Conv", v, g.const(g.trits(4, 6, 2, 2)))
    matches(g.save(tmp_path / "m.onnx", [1, 2, 3, 3], v), frames(20, 2, 3, 3))


@pytest.mark.parametrize("auto", ["NOTSET", "SAME_UPPER", "SAME_LOWER"])
def test_an_output_shape_below_the_input_s(tmp_path: Path, auto: str) -> None:
    g = Graph(22)
    weights = g.const(g.trits(2, 3, 4, 3))
    v = g.node(
        "ConvTranspose", g.quant("x", 0.25, 4), weights, output_shape=[3, 2], strides=[2, 2], auto_pad=auto
    )
    v = g.node("Conv", g.quant(v, 0.5, 4), g.const(g.trits(2, 3, 2, 2)))
    matches(g.save(tmp_path / "m.onnx", [1, 2, 4, 3], v, opset=9), frames(20, 2, 4, 3))
