"""A float model made ternary: its weights by the formula, its numbers those of onnxruntime, its refusals."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import ternc
from ternc.errors import DataError
from ternc.ternarise import read_rules, ternarise, wish

RHO = 0.4


@pytest.fixture
def float_model(tmp_path: Path) -> Path:
    """Two convolutions with batch normalisation and ReLU, a residual sum, a pool and a dense layer."""
    rng = np.random.default_rng(5)
    weights = {
        "w1": rng.normal(0, 0.3, (6, 2, 3, 3)),
        "w2": rng.normal(0, 0.2, (6, 6, 3, 3)),
        "w3": rng.normal(0, 0.2, (4, 6 * 3 * 3)),
        "b3": rng.normal(0, 0.1, 4),
        "gain": rng.uniform(0.5, 1.5, 6),
        "bias": rng.normal(0, 0.1, 6),
        "mean": rng.normal(0, 0.1, 6),
        "variance": rng.uniform(0.5, 1.5, 6),
    }
    nodes = [
        helper.make_node("Conv", ["x", "w1"], ["a"], "first", pads=[1, 1, 1, 1]),
        helper.make_node("BatchNormalization", ["a", "gain", "bias", "mean", "variance"], ["b"], "norm"),
        helper.make_node("Relu", ["b"], ["c"], "relu"),
        helper.make_node("Conv", ["c", "w2"], ["d"], "second", pads=[1, 1, 1, 1]),
        helper.make_node("Add", ["c", "d"], ["e"], "residual"),
        helper.make_node("Relu", ["e"], ["f"], "relu2"),
        helper.make_node("MaxPool", ["f"], ["g"], "pool", kernel_shape=[2, 2], strides=[2, 2]),
        helper.make_node("Flatten", ["g"], ["h"], "flat"),
        helper.make_node("Gemm", ["h", "w3", "b3"], ["y"], "dense", transB=1),
    ]
    graph = helper.make_graph(
        nodes,
        "float",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 2, 6, 6])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 4])],
        [numpy_helper.from_array(array.astype(np.float32), name) for name, array in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 9
    onnx.save(model, tmp_path / "float.onnx")
    return tmp_path / "float.onnx"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Inputs with labels."""
    rng = np.random.default_rng(6)
    x = rng.normal(0, 1, (48, 2, 6, 6)).astype(np.float32)
    np.savez(tmp_path / "data.npz", x=x, labels=rng.integers(0, 4, 48))
    return tmp_path / "data.npz"


def test_weights_follow_the_formula(float_model: Path, data: Path) -> None:
    asked = wish(RHO, data)
    assert asked is not None
    made = ternarise(float_model, asked)
    written = onnx.load_from_string(made.model)
    codes = [numpy_helper.to_array(t) for t in written.graph.initializer]
    original = {t.name: numpy_helper.to_array(t) for t in onnx.load(float_model).graph.initializer}
    for name in ("w1", "w2", "w3"):
        w = original[name]
        wanted = np.where(np.abs(w) > RHO * np.abs(w).max(), np.sign(w), 0)
        assert any(c.shape == w.shape and np.array_equal(c, wanted) for c in codes), name
    assert [row.node for row in made.layers] == ["first", "second", "dense"]


def test_the_build_agrees_with_the_ternary_model_and_says_how_close_it_is(
    float_model: Path, data: Path, tmp_path: Path
) -> None:
    build = ternc.compile(float_model, out=tmp_path / "build", ternarise=RHO, calibrate=data)
    report = build.verify(frames=8)
    assert report.ok, report.failures()
    assert build.trial is not None
    document = build.trial.to_dict()
    assert document["frames"] == 48
    assert (build.path / "report" / "ternarise.json").is_file()


@pytest.mark.parametrize("rho", [-0.1, 1.0, float("nan")])
def test_a_threshold_out_of_range_is_refused(rho: float) -> None:
    with pytest.raises(DataError):
        read_rules(rho)


def test_rules_without_data_are_refused() -> None:
    with pytest.raises(DataError, match="calibrate"):
        wish(RHO, None)
