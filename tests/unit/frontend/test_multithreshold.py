"""QONNX and FINN MultiThreshold: activations as lists of thresholds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from qonnx.custom_op.general.multithreshold import multithreshold

from ternc.errors import ModelError
from ternc.frontend import read
from ternc.network import host
from ternc.network.layers import IntRange
from unit.frontend.onnx_models import QONNX, Graph, computed, matches

RNG = np.random.default_rng(12)
FINN = "finn.custom_op.general"


def numbers(*shape: int, scale: float = 0.25) -> np.ndarray:
    return (RNG.integers(-20, 20, shape) * scale).astype(np.float32)


def thresholds(g: Graph, channels: int, count: int, span: float = 4.0) -> np.ndarray:
    return np.sort(g.rng.uniform(-span, span, (channels, count)), axis=1).astype(np.float32)


@pytest.mark.parametrize("domain", [QONNX, FINN])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("count", [1, 3, 15])
def test_behind_a_convolution(tmp_path: Path, domain: str, channels: int, count: int) -> None:
    g = Graph(1)
    v = g.node("MultiThreshold", "x", g.const(thresholds(g, 1, 15)), domain=domain, out_dtype="UINT4")
    v = g.node("Conv", v, g.const(g.trits(3, 2, 3, 3)))
    v = g.node(
        "MultiThreshold", v, g.const(thresholds(g, channels, count, 8.0)),
        domain=domain, out_dtype="INT4", out_scale=0.5, out_bias=-1.0, data_layout="NCHW",
    )  # fmt: skip
    v = g.node("Conv", v, g.const(g.trits(4, 3, 2, 2)))
    network = matches(g.save(tmp_path / "m.onnx", [1, 2, 6, 5], v, custom=domain), numbers(20, 2, 6, 5))
    assert network.tensors[1].range == IntRange(low=min(-2, 0), high=max(count - 2, 0))


def test_is_what_qonnx_computes(tmp_path: Path) -> None:
    g = Graph(2)
    values = thresholds(g, 7, 7)
    v = g.node(
        "MultiThreshold", "x", g.const(values), domain=QONNX, out_dtype="INT4", out_scale=2.0, out_bias=-3.0
    )
    path = g.save(tmp_path / "m.onnx", [1, 7], g.node("MatMul", v, g.const(np.eye(7, dtype=np.float32))))
    x = RNG.uniform(-5, 5, (50, 7)).astype(np.float32)
    x[0] = values[:, 3]
    (found,) = computed(read(path), x).values()
    np.testing.assert_array_equal(found, multithreshold(x, values, 2.0, -3.0))


def test_bipolar_activations_and_plain_weights_of_finn(tmp_path: Path) -> None:
    g = Graph(3)
    bipolar: dict[str, Any] = {"domain": FINN, "out_dtype": "BIPOLAR", "out_scale": 2.0, "out_bias": -1.0}
    v = g.node("MultiThreshold", "x", g.const([[0.5]]), **bipolar)
    v = g.node("MatMul", v, g.const(np.sign(g.trits(9, 6) + 0.1).astype(np.float32)))
    v = g.node("MultiThreshold", g.node("Mul", v, g.const(1.0)), g.const(thresholds(g, 6, 1)), **bipolar)
    v = g.node("MatMul", v, g.const(g.trits(6, 4, scale=1.0)))
    v = g.node("TopK", v, g.const(np.array([1], np.int64)), axis=-1, largest=1, outputs=2)
    path = g.save(tmp_path / "m.onnx", [1, 9], f"{v}_1", output_elem=7, custom=FINN)
    network = matches(path, numbers(60, 9))
    assert [t.range for t in network.tensors[:2]] == [IntRange(low=-1, high=1)] * 2


@pytest.mark.parametrize("layout", ["NHWC", "NCHW"])
def test_layouts(tmp_path: Path, layout: str) -> None:
    g = Graph(4)
    v = g.node("Conv", g.quant("x", 0.25, 4), g.const(g.trits(3, 2, 3, 3)))
    v = g.node("Transpose", v, perm=[0, 2, 3, 1]) if layout == "NHWC" else v
    v = g.node(
        "MultiThreshold", v, g.const(thresholds(g, 3, 7)), domain=QONNX, out_dtype="UINT3", data_layout=layout
    )
    v = g.node("Transpose", v, perm=[0, 3, 1, 2]) if layout == "NHWC" else v
    v = g.node("Conv", v, g.const(g.trits(4, 3, 2, 2)))
    matches(g.save(tmp_path / "m.onnx", [1, 2, 6, 5], v), numbers(20, 2, 6, 5))


@pytest.mark.parametrize("last", [True, False])
def test_three_axes_without_a_layout(tmp_path: Path, last: bool) -> None:
    g = Graph(5)
    v = g.node("Conv", g.quant("x", 0.25, 4), g.const(g.trits(3, 2, 3)))
    v = g.node("Transpose", v, perm=[0, 2, 1]) if last else v
    v = g.node("MultiThreshold", v, g.const(thresholds(g, 3, 7)), domain=QONNX, out_dtype="UINT3")
    v = g.node("Transpose", v, perm=[0, 2, 1]) if last else v
    v = g.node("Conv", v, g.const(g.trits(4, 3, 2)))
    matches(g.save(tmp_path / "m.onnx", [1, 2, 9], v), numbers(20, 2, 9))


def test_negated_values_and_pools(tmp_path: Path) -> None:
    g = Graph(6)
    v = g.node("Conv", g.quant("x", 0.25, 4), g.const(g.trits(4, 2, 3, 3)))
    v = g.bn(g.node("MaxPool", v, kernel_shape=[2, 2], strides=[2, 2]), 4, negative=True)
    v = g.node("MultiThreshold", v, g.const(thresholds(g, 4, 5)), domain=QONNX, out_dtype="UINT3")
    v = g.node("Conv", v, g.const(g.trits(4, 4, 1, 1)))
    network = matches(g.save(tmp_path / "m.onnx", [1, 2, 6, 6], v), numbers(20, 2, 6, 6))
    assert network.layers[0].pool is not None
    assert any(network.layers[0].pool.minimum)


def test_input_thresholds_can_be_inverted(tmp_path: Path) -> None:
    g = Graph(7)
    v = g.node("MultiThreshold", "x", g.const(thresholds(g, 3, 15)), domain=QONNX, out_dtype="UINT4")
    v = g.node("Conv", v, g.const(g.trits(4, 3, 2, 2)))
    network = matches(g.save(tmp_path / "m.onnx", [1, 3, 6, 5], v), numbers(20, 3, 6, 5, scale=0.2))
    codes = host.random_codes(network, 20, seed=1)
    x = host.real_input(network.inputs[0], network.tensors[0], codes[0])
    np.testing.assert_array_equal(host.encode_input(network.inputs[0], network.tensors[0], x), codes[0])


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ([[0.0, 1.0, 0.5]], ", thresholds 't': must not fall along a row, but fall behind t[0,1]"),
        ([[0.0, np.nan]], ", thresholds 't': must be finite, but holds NaN (first: t[0,1])"),
        (np.zeros((1, 0), np.float32), ": its thresholds must be a matrix, one row for each channel"),
        ([0.0, 1.0], ": its thresholds must be a matrix, one row for each channel"),
        ([[0.0]] * 3, ", thresholds 't': its shape [1, 3, 1, 1] must broadcast into [1, 2, 3, 3]"),
    ],
)
def test_refusals(tmp_path: Path, values: object, reason: str) -> None:
    g = Graph(8)
    t = g.const(values, name="t")
    v = g.node("MultiThreshold", "x", t, domain=QONNX, out_dtype="UINT4", name="mt", data_layout="NCHW")
    with pytest.raises(ModelError) as caught:
        read(g.save(tmp_path / "model.onnx", [1, 2, 3, 3], g.node("Conv", v, g.const(g.trits(1, 2, 1, 1)))))
    assert caught.value.sentence == f"model.onnx: node 'mt' (MultiThreshold){reason}"


def test_behind_a_reshape_to_a_computed_shape(tmp_path: Path) -> None:
    g = Graph(9)
    v = g.node("Conv", g.quant("x", 0.25, 4), g.const(g.trits(3, 2, 2, 2)))
    first = g.node("Gather", g.node("Shape", v), g.const(np.array(0, np.int64)), axis=0)
    first = g.node("Unsqueeze", first, axes=[0])
    v = g.node("Reshape", v, g.node("Concat", first, g.const(np.array([-1], np.int64)), axis=0))
    v = g.node("Neg", g.node("Relu", v))
    v = g.node("MultiThreshold", v, g.const([[-0.4, -0.1]]), domain=QONNX, out_dtype="UINT2")
    v = g.node("MatMul", v, g.const(g.trits(12, 3)))
    matches(g.save(tmp_path / "m.onnx", [1, 2, 3, 3], v, opset=11), numbers(20, 2, 3, 3))
