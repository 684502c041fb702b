"""Where onnxruntime's float32 crosses a border: models whose exact values lie next to one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from ternc.errors import ToolError
from ternc.frontend import ExactModel, execute
from unit.frontend.onnx_models import Graph

INT64 = 7  # TensorProto.INT64

TENTH = float(np.float32(0.1))
"""A little more than a tenth: five of them are a little more than a half, which float32 cannot tell from a half."""


def tenths(tmp_path: Path, kind: str) -> Path:
    """Ten inputs, quantised to integers, added up (twice, side by side), times a tenth, made discrete."""
    graph = Graph()
    v = graph.quant("x", 1.0, 4)
    v = graph.node("MatMul", v, graph.const(np.ones((10, 2), np.float32)))
    elem = 1
    match kind:
        case "Round":
            v = graph.quant(graph.node("Mul", v, graph.const(0.1)), 1.0, 4)
        case "Floor":
            v = graph.node("Add", graph.node("Mul", v, graph.const(-0.1)), graph.const(0.5))
            v = graph.quant(v, 1.0, 4, mode="FLOOR")
        case "Less":
            v = graph.node("Add", graph.node("Mul", v, graph.const(-0.1)), graph.const(0.5))
            v = graph.node("BipolarQuant", v, graph.const(1.0), domain="qonnx.custom_op.general")
        case _:
            v = graph.node("Mul", v, graph.const(np.array([0, 0.1], np.float32)))
            v = graph.node("Add", v, graph.const(np.array([0.5, 0], np.float32)))
            v, elem = graph.node("ArgMax", v, axis=1, keepdims=0), INT64
    return graph.save(tmp_path / f"{kind}.onnx", [1, 10], v, output_elem=elem)


def five(*rest: float) -> dict[str, NDArray[Any]]:
    """A frame whose sum is five."""
    x = np.zeros((1, 10), np.float32)
    x[0, :5] = 1
    x[0, 5 : 5 + len(rest)] = rest
    return {"x": x}


def run(path: Path, x: dict[str, NDArray[Any]]) -> tuple[NDArray[Any], Any]:
    """The output in float64, and the crossing."""
    found = ExactModel(path).evaluate(x, {name: array.astype(np.float64) for name, array in x.items()})
    (y,) = found.outputs.values()
    return y, found.crossing


def test_weights_count_as_integers_times_their_scale_not_as_the_floats_that_float32_makes_of_them(
    tmp_path: Path,
) -> None:
    """-3.49999997 steps of 6.625, which the weights rounded to float32 make -3.50000009."""
    graph = Graph()
    s, z = graph.const(0.89285713), graph.const(np.array(0, np.int8))
    w = graph.node("DequantizeLinear", graph.const(np.array([[3], [5], [7], [1]], np.int8)), s, z)
    v = graph.node("Add", graph.node("MatMul", graph.quant("x", 0.25, 6), w), graph.const(0.25))
    path = graph.save(tmp_path / "m.onnx", [1, 4], graph.quant(v, 6.625, 6))
    y, _ = run(path, {"x": np.array([[-8, -2, 0, 7.75]], np.float32)})
    assert y.tolist() == [[-3 * 6.625]]


def test_weights_of_one_magnitude_count_as_what_dequantizelinear_means_not_as_the_float32_that_it_gives(
    tmp_path: Path,
) -> None:
    graph = Graph()
    scale = np.float32(1 / 127)  # 127 of it are a little less than 1, which float32 cannot tell from 1
    weights = graph.node("DequantizeLinear", graph.const(np.full((10, 1), 127, np.int8)), graph.const(scale))
    v = graph.node("MatMul", graph.quant("x", 1.0, 4), weights)
    path = graph.save(tmp_path / "m.onnx", [1, 10], graph.quant(v, 2.0, 4))
    x = {"x": np.array([[3, *[0] * 9]], np.float32)}
    y, crossing = run(path, x)
    assert y.tolist() == [[2.0]]
    assert crossing is not None
    assert 1.4999 < crossing.exact < crossing.border == crossing.single == 1.5
    (single,) = execute(path, x).values()
    assert single.tolist() == [[4.0]]


def test_a_bias_counts_as_the_integers_times_their_scale_as_well(tmp_path: Path) -> None:
    """Three steps less one are as many as two less none, but not where float32 has rounded three steps."""
    graph = Graph()
    s = graph.const(0.242)
    bias = graph.node("DequantizeLinear", graph.const(np.array([2, 3], np.int8)), s)
    v = graph.node("MatMul", graph.quant("x", 1.0, 4), graph.const(np.array([[0, -0.242]], np.float32)))
    v = graph.node("ArgMax", graph.node("Add", v, bias), axis=1, keepdims=0)
    path = graph.save(tmp_path / "m.onnx", [1, 1], v, output_elem=INT64)
    x = {"x": np.ones((1, 1), np.float32)}
    (single,) = execute(path, x).values()
    y, crossing = run(path, x)
    assert single.tolist() == [1]
    assert y.tolist() == [0]
    assert crossing is not None
    assert crossing.op == "ArgMax"


def test_a_value_that_float32_rounds_onto_a_tie(tmp_path: Path) -> None:
    path = tenths(tmp_path, "Round")
    (single,) = execute(path, five()).values()
    y, crossing = run(path, five())
    assert single.tolist() == [[0, 0]]
    assert y.tolist() == [[1, 1]]
    assert crossing is not None
    assert (crossing.op, crossing.index, crossing.shape, crossing.count) == ("Round", (0,), (2,), 2)
    assert crossing.value == next(iter(execute(path, five())))
    assert (crossing.exact, crossing.single, crossing.border) == (5 * TENTH, 0.5, 0.5)


def test_no_value_next_to_a_border(tmp_path: Path) -> None:
    path = tenths(tmp_path, "Round")
    x = five(1.0)
    y, crossing = run(path, x)
    assert crossing is None
    assert np.array_equal(y, next(iter(execute(path, x).values())))


def test_a_crossing_that_the_clip_hides_is_none(tmp_path: Path) -> None:
    graph = Graph()
    v = graph.node("MatMul", graph.quant("x", 1.0, 4), graph.const(np.ones((10, 2), np.float32)))
    v = graph.quant(graph.node("Mul", v, graph.const(np.array([-0.1, 0.1], np.float32))), 1.0, 4, signed=0)
    path = graph.save(tmp_path / "m.onnx", [1, 10], v)
    y, crossing = run(path, five())
    assert y.tolist() == [[0, 1]]
    assert crossing is not None
    assert (crossing.index, crossing.count) == ((1,), 1)


def test_a_tie_stays_one_in_spite_of_float64s_own_errors(tmp_path: Path) -> None:
    assert 25 / 3 * 7.5 > 62.5
    graph = Graph()
    v = graph.node("MatMul", graph.quant("x", 1.0, 4), graph.const(np.ones((10, 2), np.float32)))
    v = graph.node("Mul", graph.node("Div", v, graph.const(3.0)), graph.const(7.5))
    path = graph.save(tmp_path / "m.onnx", [1, 10], graph.quant(v, 1.0, 8))
    y, crossing = run(path, five(7.0, 7.0, 6.0))
    assert crossing is None
    assert y.tolist() == [[62, 62]]


def test_the_input_quantiser_is_onnxruntimes_own(tmp_path: Path) -> None:
    graph = Graph()
    v = graph.quant("x", 0.1, 4)
    v = graph.quant(graph.node("MatMul", v, graph.const(np.ones((10, 2), np.float32))), 0.1, 6)
    path = graph.save(tmp_path / "m.onnx", [1, 10], v)
    x = {"x": np.full((1, 10), np.float32(0.25), np.float32)}  # 2.5 steps in float32, less exactly
    y, crossing = run(path, x)
    assert crossing is None
    assert np.allclose(y, next(iter(execute(path, x).values())))


@pytest.mark.parametrize("kind", ["Round", "Floor", "Less", "ArgMax"])
def test_every_kind_of_border(kind: str, tmp_path: Path) -> None:
    path = tenths(tmp_path, kind)
    (single,) = execute(path, five()).values()
    y, crossing = run(path, five())
    assert not np.array_equal(single, y)
    assert crossing is not None
    assert crossing.op == kind
    low, high = sorted((crossing.exact, crossing.single))
    assert low <= crossing.border <= high


def test_an_operator_that_the_reference_does_not_know_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise NotImplementedError("no such operator")

    monkeypatch.setattr("ternc.frontend.doubles.ReferenceEvaluator", refuse)
    path = tenths(tmp_path, "Round")
    with pytest.raises(
        ToolError, match=r"^Round\.onnx: cannot be evaluated in float64 \(no such operator\)$"
    ):
        run(path, five())


def test_what_is_left_where_terms_cancel_out_is_float32s_rounding(tmp_path: Path) -> None:
    graph = Graph()
    v = graph.node("MatMul", graph.quant("x", 0.25, 4), graph.const(np.array([[0.35], [-0.35]], np.float32)))
    path = graph.save(tmp_path / "m.onnx", [1, 2], graph.node("Add", v, graph.const(0.1)))
    x = {"x": np.array([[1.5, 1.5]], np.float32)}
    assert ExactModel(path).evaluate(x, x).rounded
    assert not ExactModel(tenths(tmp_path, "Round")).evaluate(five(), five()).rounded  # another code


def test_a_transposed_convolution_of_groups_with_several_outputs_each(tmp_path: Path) -> None:
    graph = Graph(1)
    v = graph.node(
        "ConvTranspose",
        graph.quant("x", 0.25, 4),
        graph.const(graph.trits(4, 3, 2, 2)),
        group=2,
        strides=[2, 2],
    )
    path = graph.save(tmp_path / "m.onnx", [1, 4, 3, 3], v)
    x = {"x": np.asarray(np.random.default_rng(0).normal(size=(1, 4, 3, 3)), np.float32)}
    np.testing.assert_allclose(run(path, x)[0], next(iter(execute(path, x).values())), rtol=1e-6)


def test_the_values_of_the_largest_have_the_error_of_their_sums(tmp_path: Path) -> None:
    graph = Graph()
    v = graph.node(
        "MatMul", graph.quant("x", 0.25, 4), graph.const(np.array([[0.35, 0.35], [-0.35, -0.7]], np.float32))
    )
    v = graph.node("TopK", v, graph.const(np.array([1], np.int64)), axis=-1, outputs=2)
    path = graph.save(tmp_path / "m.onnx", [1, 2], v)
    x = {"x": np.array([[1.5, 1.5]], np.float32)}
    assert ExactModel(path).evaluate(x, x).rounded


@pytest.mark.parametrize("op", ["Erf", "Tanh", "Sigmoid"])
def test_a_function_never_is_what_it_comes_close_to(tmp_path: Path, op: str) -> None:
    graph = Graph()
    v = graph.node("MatMul", graph.quant("x", 1.0, 4), graph.const(np.diag([8.0, 8.0]).astype(np.float32)))
    path = graph.save(tmp_path / "m.onnx", [1, 2], graph.quant(graph.node(op, v), 1.0, 4, mode="FLOOR"))
    y, crossing = run(path, {"x": np.array([[7.0, 0.0]], np.float32)})
    assert y.tolist() == [[0.0, 0.0]]
    assert crossing is not None
    assert (crossing.single, crossing.border) == (1.0, 1.0)
