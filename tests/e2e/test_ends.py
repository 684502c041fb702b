"""How a network may end: on-chip argmax over several tiles, quantised outputs, enlarged outputs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import ternc
from unit.frontend.onnx_models import Graph
from zoo import shape

INT64 = 7  # TensorProto.INT64


def classifier(graph: Graph) -> str:
    """Scores of 11 classes, with a bias that does not lie on the scale's grid."""
    v = graph.quant("x", 0.25, 4, signed=1)
    v = graph.node("Conv", v, graph.const(graph.trits(6, 2, 3, 3)), pads=[1, 1, 1, 1])
    v = graph.quant(graph.node("Relu", v), 0.5, 3, signed=0)
    v = graph.node("Flatten", v)
    bias = graph.const(graph.rng.normal(0, 1, 11).astype(np.float32))
    return graph.node("Gemm", v, graph.const(graph.trits(11, 6 * 5 * 5)), bias, transB=1)


@pytest.mark.parametrize("array", ["1x3x8", "2x4x5", "1x16x6"])
def test_argmax_on_chip(array: str, tmp_path: Path) -> None:
    graph = Graph(3)
    v = graph.node("ArgMax", classifier(graph), axis=1, keepdims=0)
    model = graph.save(tmp_path / "m.onnx", [1, 2, 5, 5], v, output_elem=INT64)
    build = ternc.compile(model, out=tmp_path / "build", array=shape(array))
    report = build.verify(frames=64)
    assert report.ok, report.failures()
    assert build.design.outputs[0].beats_per_frame == 1


def test_argmax_over_quantised_scores_takes_the_lower_of_equals(tmp_path: Path) -> None:
    graph = Graph(4)
    v = graph.node("ArgMax", graph.quant(classifier(graph), 4.0, 2, signed=1), axis=1, keepdims=1)
    model = graph.save(tmp_path / "m.onnx", [1, 2, 5, 5], v, output_elem=INT64)
    build = ternc.compile(model, out=tmp_path / "build", array=shape("1x4x8"))
    report = build.verify(frames=64)
    assert report.ok, report.failures()
    x = (np.random.default_rng(0).integers(-8, 8, (64, 2, 5, 5)) * 0.25).astype(np.float32)
    y = build.predict(x)
    assert isinstance(y, np.ndarray)
    assert len(np.unique(y)) > 1


@pytest.mark.parametrize("array", ["3x2x4", "1x5x3"])
def test_quantised_output_behind_an_enlarging_layer(array: str, tmp_path: Path) -> None:
    graph = Graph(5)
    v = graph.quant("x", 0.25, 4, signed=1)
    v = graph.node("Resize", v, "", graph.const(np.array([1, 1, 2, 3], np.float32)), mode="nearest",
                   coordinate_transformation_mode="asymmetric", nearest_mode="floor")  # fmt: skip
    v = graph.node("Conv", v, graph.const(graph.trits(5, 2, 4, 2)))
    v = graph.quant(v, 0.5, 5, signed=1)
    model = graph.save(tmp_path / "m.onnx", [1, 2, 5, 5], v)
    build = ternc.compile(model, out=tmp_path / "build", array=shape(array))
    report = build.verify(frames=32, stalls=3)
    assert report.ok, report.failures()


@pytest.mark.parametrize("op", ["Sigmoid", "LeakyRelu", "Abs"])
def test_an_activation_function_in_front_of_the_first_layer(op: str, tmp_path: Path) -> None:
    graph = Graph(6)
    v = graph.quant(graph.node(op, "x"), 0.0625, 4, signed=1)
    v = graph.node("Conv", v, graph.const(graph.trits(3, 2, 3, 3)))
    model = graph.save(tmp_path / "m.onnx", [1, 2, 5, 5], v)
    report = ternc.compile(model, out=tmp_path / "build", array=shape("2x2x4")).verify(frames=32)
    assert report.ok, report.failures()
