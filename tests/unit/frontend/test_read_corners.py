"""Small networks at the edges of what a layer, a grid or an end is: each computes what onnxruntime computes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ternc.errors import ModelError
from ternc.frontend import ExactModel, execute, read
from unit.frontend.onnx_models import QONNX, Graph, matches

RNG = np.random.default_rng(11)


def frames(*shape: int) -> np.ndarray:
    return (RNG.integers(-20, 20, (8, *shape)) * 0.125).astype(np.float32)


def clipped(g: Graph, v: str, unit: float, low: float, high: float) -> str:
    """Div, Round, Clip, Mul."""
    v = g.node("Round", g.node("Div", v, g.const(unit)))
    return g.node("Mul", g.node("Clip", v, g.const(low), g.const(high)), g.const(unit))


def test_channels_that_are_all_constant_behind_weights_of_two_magnitudes(tmp_path: Path) -> None:
    g = Graph(1)
    weights = np.array([[-0.71, 1.3617], [1.3617, -0.71], [0, -0.71]], np.float32)
    v = g.node("MatMul", g.quant("x", 0.25, 4), g.const(weights))
    v = clipped(g, g.node("Min", v, g.const(-1.5)), 0.125, 0.0, 7.0)
    matches(g.save(tmp_path / "m.onnx", [1, 3], v), frames(3), constant=True)


@pytest.mark.parametrize("behind", ["a scale", "a quantiser"])
def test_zeros_beside_values_with_a_scale_at_the_output(tmp_path: Path, behind: str) -> None:
    g = Graph(2)
    v = g.node("Conv", g.quant("x", 0.25, 4), g.const(g.trits(3, 2, 1)))
    v = g.node("Pad", v, g.const(np.array([0, 0, 1, 0, 2, 0], np.int64)))
    v = g.node("Mul", v, g.const(0.3)) if behind == "a scale" else g.quant(v, 0.3, 4)
    matches(g.save(tmp_path / "m.onnx", [1, 2, 4], v), frames(2, 4))


def test_an_activation_behind_a_sign_and_then_a_quantiser(tmp_path: Path) -> None:
    g = Graph(3)
    v = g.node("Sign", g.node("MatMul", g.quant("x", 0.25, 4), g.const(g.trits(3, 4))))
    v = g.quant(g.node("Softplus", v), 0.25, 4)
    v = g.node("MatMul", v, g.const(g.trits(4, 2)))
    matches(g.save(tmp_path / "m.onnx", [1, 3], v), frames(3))


def test_a_rounding_of_whole_numbers_and_a_clip_that_makes_others_of_them(tmp_path: Path) -> None:
    g = Graph(4)
    v = g.node("Sign", g.node("MatMul", g.quant("x", 0.25, 4), g.const(g.trits(3, 4))))
    v = clipped(g, v, 1 / 256, 0.0, 255.0)  # -256, 0 and 256 become 0 and 255
    v = g.node("MatMul", v, g.const(g.trits(4, 2)))
    matches(g.save(tmp_path / "m.onnx", [1, 3], v), frames(3))


@pytest.mark.parametrize(("mode", "low"), [("FLOOR", 0), ("CEIL", 1)])
def test_rounding_down_makes_minus_one_of_a_little_less_than_zero(
    tmp_path: Path, mode: str, low: int
) -> None:
    g = Graph(5)
    v = g.node("Sign", g.node("MatMul", g.quant("x", 0.25, 4), g.const(g.trits(3, 4))))
    v = g.node("Ceil" if mode == "CEIL" else "Floor", g.node("Div", v, g.const(2.9)))
    v = g.node("Clip", v, g.const(float(-low)), g.const(float(1 - low)))
    v = g.node("Add", g.node("MatMul", v, g.const(g.trits(4, 2))), g.const(0.25))
    matches(g.save(tmp_path / "m.onnx", [1, 3], v), frames(3), constant=True)


def test_an_activation_that_turns_behind_a_max_pool_of_codes(tmp_path: Path) -> None:
    g = Graph(6)
    v = g.quant(g.node("Conv", g.quant("x", 0.25, 4), g.const(g.trits(3, 2, 2))), 0.25, 4)
    v = g.node("MaxPool", v, kernel_shape=[2], strides=[1])
    v = g.quant(g.node("Abs", g.node("Add", v, g.const(0.5))), 0.5, 3)
    matches(g.save(tmp_path / "m.onnx", [1, 2, 6], v), frames(2, 6))


def test_an_activation_that_turns_behind_a_max_pool_of_sums_is_refused(tmp_path: Path) -> None:
    g = Graph(7)
    v = g.node("Conv", g.quant("x", 0.25, 4), g.const(g.trits(3, 2, 2)))
    v = g.quant(g.node("Abs", g.node("MaxPool", v, kernel_shape=[2], name="pool")), 0.5, 3)
    v = g.node("Conv", v, g.const(g.trits(2, 3, 1)), name="behind")
    with pytest.raises(ModelError) as refusal:
        read(g.save(tmp_path / "m.onnx", [1, 2, 6], v))
    assert refusal.value.sentence.startswith("m.onnx: node 'behind' (Conv) reads 'v")
    assert refusal.value.sentence.endswith(
        "whose activation turns behind a max pool of sums that nothing quantises"
    )
    assert refusal.value.help == (
        "put the activation in front of the pool, or a quantiser in front of the activation"
    )


def test_one_value_as_two_outputs(tmp_path: Path) -> None:
    g = Graph(8)
    v = g.quant(g.node("MatMul", g.quant("x", 0.25, 4), g.const(g.trits(3, 4))), 0.5, 4)
    names = [g.node("Identity", v), g.node("Identity", v)]
    matches(g.save(tmp_path / "m.onnx", [1, 3], names), frames(3))


@pytest.mark.parametrize("where", ["in no node", "in a sum that is constant"])
def test_an_input_that_no_output_needs_is_not_asked_for(tmp_path: Path, where: str) -> None:
    g = Graph(12)
    v = g.quant("x", 0.25, 4)
    total = g.node("Add", v, g.quant("unread", 0.5, 4))
    one = g.node("Sign", g.node("Add", total, g.const(100.0)))
    v = one if where == "in a sum that is constant" else v
    v = g.node("Add", g.node("MatMul", v, g.const(g.trits(3, 4))), g.const(0.5))
    path = g.save(tmp_path / "m.onnx", {"unread": [1, 3], "x": [1, 3]}, v)
    x = {"x": frames(3)}
    assert [source.name for source in matches(path, x, constant=True).inputs] == ["x"]
    exact = ExactModel(path).evaluate({"x": x["x"][:1]}, {"x": x["x"][:1].astype(np.float64)})
    np.testing.assert_allclose(exact.outputs[v], execute(path, x)[v][:1], rtol=1e-5)


def test_swish_on_the_host_and_in_the_reference(tmp_path: Path) -> None:
    g = Graph(9)
    v = g.node("MatMul", g.quant("x", 0.25, 4), g.const(g.trits(3, 4)))
    v = g.node("Swish", g.node("Swish", v), alpha=1.5)
    path = g.save(tmp_path / "m.onnx", [1, 3], v, opset=25)
    assert matches(path, frames(3)).epilogue


def test_batch_normalisation_of_an_old_operator_set_is_that_of_inference_in_float64(tmp_path: Path) -> None:
    g = Graph(10)
    v = g.bn(g.node("MatMul", g.quant("x", 0.25, 4), g.const(g.trits(3, 4))), 4)
    path = g.save(tmp_path / "m.onnx", [1, 3], v, opset=13, custom=QONNX)
    x = frames(3)[:1]
    found = ExactModel(path).evaluate({"x": x}, {"x": x.astype(np.float64)})
    np.testing.assert_allclose(found.outputs[v], execute(path, {"x": x})[v], rtol=1e-5)


def test_the_maximum_of_a_row_in_float64_is_one_for_each_channel(tmp_path: Path) -> None:
    g = Graph(13)
    v = g.node("GlobalMaxPool", g.node("Conv", g.quant("x", 0.25, 4), g.const(g.trits(3, 2, 1))))
    path = g.save(tmp_path / "m.onnx", [1, 2, 5], v)
    x = frames(2, 5)[:1]
    found = ExactModel(path).evaluate({"x": x}, {"x": x.astype(np.float64)})
    np.testing.assert_allclose(found.outputs[v], execute(path, {"x": x})[v], rtol=1e-5)


def test_a_layer_that_reads_nothing_but_zeros_is_refused(tmp_path: Path) -> None:
    g = Graph(14)
    v = g.node("Pad", g.quant("x", 0.25, 4), g.const(np.array([0, 0, 0, 0, 1, 0], np.int64)))
    v = g.node("Slice", v, *(g.const(np.array([n], np.int64)) for n in (2, 3, 1)))
    v = g.node("Conv", v, g.const(g.trits(3, 1, 1)), name="conv")
    with pytest.raises(ModelError) as refusal:
        read(g.save(tmp_path / "m.onnx", [1, 2, 4], v))
    sentence = "m.onnx: node 'conv' (Conv): its output does not depend on the network's input"
    assert refusal.value.sentence == sentence
