"""Numbers chosen to be awkward: the golden model against fractions, code by code."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import exact_onnx
from ternc import passes
from ternc.frontend import read
from ternc.report.exactness import exactness
from unit.frontend.onnx_models import Graph, computed

INPUT = 0.0625
"""Scale of every input."""

Tail = Callable[[Graph, str, int], str]
"""Adds nodes behind a convolution's output with so many channels, and ends in a quantiser."""


def exact_codes(
    path: Path,
    graph: Graph,
    y: str,
    scale: float,
    *,
    inputs: int = 4,
    frames: int = 64,
    low: int = -128,
    high: int = 127,
) -> NDArray[np.int64]:
    """Save, read, run; every output must be the fractions' code times the scale. The codes, ``[N, C, ...]``."""
    graph.save(path, (1, inputs, 1, 1), y)
    network = passes.run(read(path))
    assert exactness(network).exact
    rng = np.random.default_rng(3)
    codes = rng.integers(low, high + 1, (frames, inputs, 1, 1))
    codes[:3] = np.array([low, 0, high])[:, None, None, None]
    near = rng.integers(-3, 4, codes.shape)  # sums around 0
    codes = np.where(rng.random((frames, 1, 1, 1)) < 0.4, np.clip(near, low, high), codes)
    x = (codes * INPUT).astype(np.float32)
    (found,) = computed(network, x).values()
    wanted = exact_onnx.evaluate(path, x) / Fraction(float(np.float32(scale)))
    assert all(v.denominator == 1 for v in wanted.ravel())
    got = np.rint(found.astype(np.float64) / float(np.float32(scale)))
    assert got.astype(np.int64).tolist() == wanted.astype(np.int64).tolist()
    return got.astype(np.int64)


def convolved(graph: Graph, weights: NDArray[Any], *bias: str, bits: int = 8) -> str:
    x = graph.quant("x", INPUT, bits)
    return graph.node("Conv", x, graph.const(np.asarray(weights, np.float32)), *bias, kernel_shape=[1, 1])


WEIGHTS = np.array([[1, -1, 0, 1], [1, 1, 1, 1], [-1, 0, 0, 0]]).reshape(3, 4, 1, 1)


@pytest.mark.parametrize("weight", [1.0, 1 / 3, 1e-30, 1e30, 1e-40, 3e-45])
@pytest.mark.parametrize("steps", [1.0, 8.0, 7.3])
def test_scales_of_any_size(tmp_path: Path, weight: float, steps: float) -> None:
    graph = Graph()
    unit = float(np.float32(weight))
    scale = float(np.float32(unit * INPUT * steps))
    if scale < 2.0**-126:  # the quantiser's scale must not lose its bits
        scale = float(np.float32(2.0**-120))
        graph_scale = graph.const(float(np.float32(2.0**-120 / (unit * INPUT * steps))))
    y = convolved(graph, WEIGHTS * unit)
    if scale == float(np.float32(2.0**-120)):
        y = graph.node("Mul", y, graph_scale)
    y = graph.quant(y, scale, 6)
    found = exact_codes(tmp_path / "m.onnx", graph, y, scale)
    assert len(np.unique(found)) > 20


@pytest.mark.parametrize("mode", ["ROUND", "FLOOR", "CEIL", "DOWN", "HALF_UP", "HALF_DOWN"])
@pytest.mark.parametrize("signed", [0, 1])
def test_ties_of_every_rounding_of_quant(tmp_path: Path, mode: str, signed: int) -> None:
    graph = Graph()
    # Every odd sum is a tie.
    y = graph.quant(convolved(graph, WEIGHTS), 2 * INPUT, 6, signed=signed, mode=mode)
    found = exact_codes(tmp_path / "m.onnx", graph, y, 2 * INPUT)
    assert len(np.unique(found)) > 20


@pytest.mark.parametrize(
    ("dtype", "zero"), [(np.uint8, 0), (np.uint8, 7), (np.int8, 0), (np.int8, -3), (np.int8, 100)]
)
def test_ties_and_zero_points_of_quantize_linear(tmp_path: Path, dtype: Any, zero: int) -> None:
    graph = Graph()
    scale, point = graph.const(np.float32(2 * INPUT)), graph.const(np.array(zero, dtype))
    y = graph.node("QuantizeLinear", convolved(graph, WEIGHTS), scale, point)
    y = graph.node("DequantizeLinear", y, scale, point)
    y = graph.node(
        "Conv", y, graph.const(np.eye(3, dtype=np.float32).reshape(3, 3, 1, 1)), kernel_shape=[1, 1]
    )
    y = graph.quant(y, 2 * INPUT * 3, 7)  # a third of a code: ties at code 1.5
    found = exact_codes(tmp_path / "m.onnx", graph, y, 2 * INPUT * 3)
    assert len(np.unique(found)) > 8


def test_ties_of_a_written_out_quantiser(tmp_path: Path) -> None:
    graph = Graph()
    scale = graph.const(np.float32(2 * INPUT))
    y = graph.node("Round", graph.node("Div", convolved(graph, WEIGHTS), scale))
    y = graph.node("Clip", y, graph.const(np.float32(-20)), graph.const(np.float32(30)))
    y = graph.node("Mul", y, scale)
    found = exact_codes(tmp_path / "m.onnx", graph, y, 2 * INPUT)
    assert (found.min(), found.max()) == (-20, 30)


def test_sign_at_zero(tmp_path: Path) -> None:
    graph = Graph()
    y = graph.node(
        "BipolarQuant", convolved(graph, WEIGHTS), graph.const(0.3), domain="qonnx.custom_op.general"
    )
    found = exact_codes(tmp_path / "m.onnx", graph, y, 0.3)
    assert set(np.unique(found)) == {-1, 1}


GAINS = {
    "negative": ([-1.5, 2.0, -0.1], [1.0, 0.5, 2.0]),
    "zero": ([0.0, 1.0, -0.0], [1.0, 0.5, 2.0]),
    "denormal variance": ([1e-3, -2e-3, 1.5e-3], [5.6e-45, 0.0, 1e-40]),
    "denormal gain": ([1e-42, 1.0, -1e-45], [1.0, 1.0, 1.0]),
    "huge": ([1e20, -1e20, 1.0], [1e-3, 1e30, 1e30]),
}


@pytest.mark.parametrize("case", GAINS)
def test_batch_normalisation_of_awkward_constants(tmp_path: Path, case: str) -> None:
    gain, variance = (np.array(v, np.float32) for v in GAINS[case])
    graph = Graph()
    bias, mean = np.array([0.1, -0.3, 0.5], np.float32), np.array([0.5, 0.0, -0.25], np.float32)
    y = graph.node(
        "BatchNormalization",
        convolved(graph, WEIGHTS),
        *(graph.const(v) for v in (gain, bias, mean, variance)),
    )
    y = graph.quant(y, 0.37, 5)
    exact_codes(tmp_path / "m.onnx", graph, y, 0.37)


@pytest.mark.parametrize("alpha", [0.1, 0.125, 0.0, 1e-30, 0.9999999])
def test_leaky_relu(tmp_path: Path, alpha: float) -> None:
    graph = Graph()
    y = graph.node("LeakyRelu", convolved(graph, WEIGHTS), alpha=alpha)
    found = exact_codes(tmp_path / "m.onnx", graph, graph.quant(y, INPUT / 2, 8), INPUT / 2)
    assert alpha < 0.01 or found.min() < 0


def test_prelu_of_any_slope(tmp_path: Path) -> None:
    graph = Graph()
    slopes = graph.const(np.array([0.1, -0.25, 0.0], np.float32).reshape(3, 1, 1))
    y = graph.node("PRelu", convolved(graph, WEIGHTS), slopes)
    exact_codes(tmp_path / "m.onnx", graph, graph.quant(y, 0.5, 5), 0.5)


@pytest.mark.parametrize("bits", [16, 32])
def test_wide_biases(tmp_path: Path, bits: int) -> None:
    graph = Graph()
    values = np.array([1.0, -32_768.0, 32_767.0]) if bits == 16 else np.array([3.0, -(2.0**31), 2.0**31 - 1])
    scale = float(np.float32(INPUT * 0.3))
    stored = np.array([np.float32(v * scale) for v in values], np.float32)
    bias = graph.quant(graph.const(stored), scale, bits)
    weights = graph.quant(graph.const((WEIGHTS * 0.3).astype(np.float32)), 0.3, 2, narrow=1)
    y = graph.node("Conv", graph.quant("x", INPUT, 8), weights, bias, kernel_shape=[1, 1])
    y = graph.node("Add", y, graph.const(np.float32(-values[1] * scale)))
    exact_codes(tmp_path / "m.onnx", graph, graph.quant(y, 2 * scale, 8), 2 * scale)


def test_constant_channels(tmp_path: Path) -> None:
    graph = Graph()
    weights = WEIGHTS.copy()
    weights[1] = 0
    y = graph.node(
        "Add", convolved(graph, weights), graph.const(np.array([0.0, 3.3, 1e6], np.float32).reshape(3, 1, 1))
    )
    found = exact_codes(tmp_path / "m.onnx", graph, graph.quant(y, 0.5, 4), 0.5)
    assert (np.unique(found[:, 1]).tolist(), np.unique(found[:, 2]).tolist()) == ([7], [7])


@pytest.mark.parametrize("codes", [[3, -5, 7, 0], [3, 3, -3, 3], [127, -77, 99, -3], [-128, 3, 5, 7]])
@pytest.mark.parametrize("scale", [0.0123, 1 / 3, 0.0371])
def test_wide_weights_have_the_scale_of_the_file(tmp_path: Path, codes: list[int], scale: float) -> None:
    """Float32 rounds codes times scale; ties show whether the scale itself is found again."""
    graph = Graph()
    w = graph.const(np.array(codes, np.int8).reshape(1, 4, 1, 1))
    single = np.float32(scale)
    w = graph.node("DequantizeLinear", w, graph.const(single))
    y = graph.node("Conv", graph.quant("x", INPUT, 8), w, kernel_shape=[1, 1])
    # Exactly twice the unit of the sums: odd sums are ties.
    unit = float(np.float32(float(single) * INPUT * 2))
    exact_codes(tmp_path / "m.onnx", graph, graph.quant(y, unit, 8), unit, frames=256)


def test_a_sum_over_a_wide_window(tmp_path: Path) -> None:
    graph = Graph()
    weights = np.random.default_rng(5).integers(-1, 2, (2, 4608, 1, 1))
    weights[1] = 1
    third = float(np.float32(1 / 3))
    y = graph.node("Relu", convolved(graph, weights * third))
    scale = float(np.float32(third * INPUT * 2))
    y = graph.node("Sub", y, graph.const(np.float32(third)))
    found = exact_codes(tmp_path / "m.onnx", graph, graph.quant(y, scale, 8), scale, inputs=4608, frames=24)
    assert len(np.unique(found)) > 3
