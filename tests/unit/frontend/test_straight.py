"""Choices and activations written as sums and products of functions of one value (tf2onnx, Keras, QKeras, HGQ)."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from ternc.errors import ModelError
from ternc.frontend import inspect, read
from ternc.frontend.spelled import Steps
from ternc.frontend.straight import applied, summed
from ternc.frontend.straight_steps import as_steps
from ternc.network.stairs.thresholds import evaluate_exact
from ternc.network.steps import Add, Clamp, Divide, Function, Multiply, Round, Sign, Thresholds
from unit.frontend.onnx_models import Graph, matches

RNG = np.random.default_rng(31)


def numbers(*shape: int) -> NDArray[np.float32]:
    return (RNG.integers(-20, 20, shape) * 0.25).astype(np.float32)


def masked(g: Graph, condition: str, yes: str, no: str) -> str:
    """``tf.where`` as tf2onnx writes it."""
    first = g.node("Mul", g.node("Cast", condition, to=1), yes)
    return g.node("Add", first, g.node("Mul", no, g.node("Cast", g.node("Not", condition), to=1)))


def zeros_like(g: Graph, v: str, value: float = 0.0) -> str:
    filled = g.node("Mul", g.node("ConstantOfShape", g.node("Shape", v)), g.const(1.0))
    return g.node("Add", filled, g.const(value)) if value else filled


def network(tmp_path: Path, activation: Callable[[Graph, str], str], *, bn: bool = False) -> Path:
    """Dense, the activation, dense; sums are multiples of 1/8, so that they meet every border."""
    g = Graph(7)
    v = g.node("MatMul", g.quant("x", 0.25, 4), g.const(g.trits(8, 12)))
    v = g.bn(v, 12, negative=True) if bn else v
    v = g.node("MatMul", activation(g, v), g.const(g.trits(12, 5)))
    return g.save(tmp_path / "m.onnx", [1, 8], v)


def ternary(op: str, choose: Callable[..., str], at: Any = 0.5) -> Callable[[Graph, str], str]:
    """0 around 0, else the sign."""

    def made(g: Graph, v: str) -> str:
        small = g.node(op, g.node("Abs", v), g.const(at))
        return choose(g, small, zeros_like(g, v), g.node("Sign", v))

    return made


@pytest.mark.parametrize("bn", [False, True])
@pytest.mark.parametrize("op", ["Less", "LessOrEqual"])
def test_a_ternary_activation_as_a_sum_of_masks(tmp_path: Path, op: str, bn: bool) -> None:
    found = matches(network(tmp_path, ternary(op, masked), bn=bn), numbers(200, 8))
    assert len(found.layers) == 2


@pytest.mark.parametrize("op", ["Less", "LessOrEqual"])
def test_a_ternary_activation_with_a_threshold_per_channel(tmp_path: Path, op: str) -> None:
    at = np.arange(1, 13, dtype=np.float32) / 4
    matches(network(tmp_path, ternary(op, masked, at)), numbers(200, 8))


@pytest.mark.parametrize("op", ["Less", "LessOrEqual"])
def test_a_ternary_activation_by_where(tmp_path: Path, op: str) -> None:
    def choose(g: Graph, *inputs: str) -> str:
        return g.node("Where", *inputs)

    matches(network(tmp_path, ternary(op, choose)), numbers(200, 8))


def test_a_ternary_activation_as_a_mask_times_the_sign(tmp_path: Path) -> None:
    def qkeras(g: Graph, v: str) -> str:
        large = g.node("Cast", g.node("GreaterOrEqual", g.node("Abs", v), g.const(0.5)), to=1)
        return g.node("Mul", large, g.node("Sign", v))

    matches(network(tmp_path, qkeras), numbers(200, 8))


def test_a_binary_activation_as_a_sum_of_masks_is_one_layer(tmp_path: Path) -> None:
    def sign(g: Graph, v: str) -> str:
        ones = zeros_like(g, v, 1.0)
        return masked(g, g.node("GreaterOrEqual", v, g.const(0.0)), ones, g.node("Neg", ones))

    assert len(matches(network(tmp_path, sign), numbers(200, 8)).layers) == 2


def test_counted_masks_are_thresholds(tmp_path: Path) -> None:
    def levels(g: Graph, v: str) -> str:
        parts = [g.node("Cast", g.node("GreaterOrEqual", v, g.const(at)), to=1) for at in (-0.5, 0.25, 1.0)]
        return g.node("Add", g.node("Add", parts[0], parts[1]), g.node("Mul", parts[2], g.const(2.0)))

    assert len(matches(network(tmp_path, levels), numbers(200, 8)).layers) == 2


def test_a_clip_as_two_choices_with_bounds_for_each_channel(tmp_path: Path) -> None:
    low, high = (np.arange(1, 13) / -8).astype(np.float32), (np.arange(2, 14) / 8).astype(np.float32)

    def hgq(g: Graph, v: str) -> str:
        below, above = g.node("Less", v, g.const(low)), g.node("Greater", v, g.const(high))
        v = masked(g, above, g.const(high), masked(g, below, g.const(low), v))
        v = g.node("Mul", v, g.const(4.0))
        v = g.node("Add", g.node("Floor", g.node("Add", v, g.const(0.5))), g.node("Sub", v, v))
        return g.node("Div", v, g.const(4.0))

    assert len(matches(network(tmp_path, hgq), numbers(200, 8)).layers) == 2


def test_a_prelu_as_a_sum_of_two_relus(tmp_path: Path) -> None:
    slope = np.array([0.25, -0.5, 1.0, 0.0, 0.3, -1.0, 2.0, 0.125, -0.1, 0.7, 1.5, -2.0], np.float32)

    def keras(g: Graph, v: str) -> str:
        negative = g.node("Relu", g.node("Neg", v))
        v = g.node("Add", g.node("Relu", v), g.node("Mul", negative, g.const(-slope)))
        return g.quant(v, 0.25, 4)

    assert len(matches(network(tmp_path, keras, bn=True), numbers(200, 8)).layers) == 2


def test_a_relu_with_slope_and_maximum(tmp_path: Path) -> None:
    def keras(g: Graph, v: str) -> str:
        negative = g.node("Relu", g.node("Neg", v))
        capped = g.node("Clip", g.node("Relu", v), g.const(0.0), g.const(1.5))
        return g.quant(g.node("Sub", capped, g.node("Mul", negative, g.const(0.125))), 0.125, 5)

    matches(network(tmp_path, keras, bn=True), numbers(200, 8))


def jump(g: Graph, v: str) -> str:
    """A function that jumps and goes on with a slope."""
    return g.node("Mul", g.node("Cast", g.node("Less", v, g.const(0.5)), to=1), v, name="half")


def test_half_a_choice_is_a_function_that_jumps(tmp_path: Path) -> None:
    found = matches(network(tmp_path, lambda g, v: g.quant(jump(g, v), 0.25, 4)), numbers(200, 8))
    assert len(found.layers) == 2


def test_half_a_choice_without_exact_constants_is_refused_by_what_reads_it(tmp_path: Path) -> None:
    def half(g: Graph, v: str) -> str:
        return g.quant(g.node("Div", jump(g, v), g.const(3.0)), 0.25, 4)

    def third(g: Graph, v: str) -> str:
        mask = g.node("Cast", g.node("Less", v, g.const(0.5)), to=1)
        return g.quant(g.node("Mul", mask, g.node("Div", v, g.const(3.0)), name="third"), 0.25, 4)

    matches(network(tmp_path, half), numbers(200, 8))
    with pytest.raises(ModelError) as caught:
        read(network(tmp_path, third))
    assert "node 'third' (Mul): a product of two computed values" in caught.value.sentence


@pytest.mark.parametrize("front", ["sums", "codes"])
@pytest.mark.parametrize(("slope", "at", "most"), [(0.125, 0.5, None), (0.1, 0.37, 1.1), (0.3, -0.5, None)])
def test_a_keras_relu_with_slope_and_threshold(
    tmp_path: Path, slope: float, at: float, most: float | None, front: str
) -> None:
    def keras(g: Graph, v: str) -> str:
        v = g.quant(v, 0.25, 5) if front == "codes" else v
        negative = g.node("Relu", g.node("Add", g.node("Neg", v), g.const(at)))
        x = g.node("Mul", v, g.node("Cast", g.node("Greater", v, g.const(at)), to=1))
        x = x if most is None else g.node("Clip", x, g.const(0.0), g.const(most))
        return g.quant(g.node("Sub", x, g.node("Mul", negative, g.const(slope))), 0.125, 5)

    found = matches(network(tmp_path, keras, bn=front == "sums"), numbers(200, 8))
    assert len(found.layers) == 2


@pytest.mark.parametrize("front", ["sums", "codes"])
@pytest.mark.parametrize("op", ["Greater", "GreaterOrEqual", "Less", "LessOrEqual"])
def test_a_choice_between_any_two_functions(tmp_path: Path, op: str, front: str) -> None:
    def choice(g: Graph, v: str) -> str:
        v = g.quant(v, 0.25, 5) if front == "codes" else v
        condition = g.node(op, v, g.const(0.5))
        other = g.node("Mul", g.node("Sigmoid", v), g.const(-1.0))
        return g.quant(g.node("Where", condition, g.node("Tanh", v), other), 0.0625, 6)

    assert len(matches(network(tmp_path, choice), numbers(200, 8)).layers) == 2


def test_a_choice_by_a_function_that_turns(tmp_path: Path) -> None:
    def choice(g: Graph, v: str) -> str:
        small = g.node("Less", g.node("Abs", v), g.const(0.75))
        return g.quant(g.node("Where", small, g.node("Tanh", v), g.node("Sigmoid", v)), 0.0625, 5)

    matches(network(tmp_path, choice), numbers(200, 8))


def test_a_softplus_that_is_straight_above_a_number(tmp_path: Path) -> None:
    """PyTorch's dynamo exporter: beyond 20, here 1, float32 cannot tell it from x."""

    def choice(g: Graph, v: str) -> str:
        return g.quant(
            g.node("Where", g.node("Greater", v, g.const(1.0)), v, g.node("Softplus", v)), 0.125, 5
        )

    matches(network(tmp_path, choice, bn=True), numbers(200, 8))


def test_a_choice_between_two_quantised_functions_is_a_quantiser(tmp_path: Path) -> None:
    def choice(g: Graph, v: str) -> str:
        below = g.quant(g.node("Mul", v, g.const(0.375)), 0.125, 4)
        return g.node("Where", g.node("Less", v, g.const(0.25)), below, g.quant(g.node("Tanh", v), 0.25, 4))

    assert len(matches(network(tmp_path, choice), numbers(200, 8)).layers) == 2


def test_a_choice_that_nothing_quantises_is_no_part_of_a_sum(tmp_path: Path) -> None:
    def made(g: Graph, v: str) -> str:
        jump = g.node("Where", g.node("Greater", v, g.const(1.0)), v, g.node("Mul", v, g.const(0.25)))
        other = g.node("MatMul", g.quant(v, 0.5, 3), g.const(g.trits(12, 12)))
        return g.quant(g.node("Add", jump, other), 0.25, 5)

    with pytest.raises(ModelError, match="an unquantised activation"):
        read(network(tmp_path, made))


def test_a_sign_without_a_0_is_one_activation(tmp_path: Path) -> None:
    """QKeras' binary: the sign, and 1 where it is 0."""

    def binary(g: Graph, v: str) -> str:
        sign = g.node("Sign", v)
        return g.node("Add", sign, g.node("Sub", g.const(1.0), g.node("Abs", sign)))

    assert len(matches(network(tmp_path, binary), numbers(200, 8)).layers) == 2


def test_an_input_may_be_clipped_by_masks_in_front_of_its_rounding(tmp_path: Path) -> None:
    """HGQ2's saturation; until the rounding the input is no integer, and no layer can add the two parts."""
    g = Graph(3)
    low, high, four = g.const(-2.0), g.const(1.75), g.const(4.0)
    v = masked(g, g.node("Less", "x", low), low, "x")
    v = masked(g, g.node("Greater", v, high), high, v)
    v = g.node("Floor", g.node("Add", g.node("Mul", v, four), g.const(0.5)))
    v = g.node("MatMul", g.node("Div", v, four), g.const(g.trits(8, 5)))
    found = matches(g.save(tmp_path / "m.onnx", [1, 8], v), numbers(200, 8) * np.float32(1.3))
    assert (found.tensors[0].range.low, found.tensors[0].range.high) == (-8, 7)


@pytest.mark.parametrize("form", ["where", "cast"])
def test_a_comparison_that_makes_a_number_of_a_padding(tmp_path: Path, form: str) -> None:
    g = Graph(3)
    v = g.node("Conv", g.quant("x", 0.25, 4), g.const(g.trits(4, 2, 3, 3)))
    v = g.node("Pad", v, g.const(np.array([0, 0, 1, 1, 0, 0, 1, 1], np.int64)))
    v = g.node("GreaterOrEqual", v, g.const(0.0))
    v = g.node("Where", v, g.const(1.0), g.const(-1.0)) if form == "where" else g.node("Cast", v, to=1)
    v = g.node("Conv", v, g.const(g.trits(3, 4, 3, 3)))
    matches(g.save(tmp_path / "m.onnx", [1, 2, 6, 6], v), numbers(20, 2, 6, 6))


def test_shapes_of_what_is_refused_are_no_obstacles_of_their_own(tmp_path: Path) -> None:
    def made(g: Graph, v: str) -> str:
        refused = g.node("Add", v, g.const(np.nan), name="refused")
        return g.quant(g.node("Add", refused, zeros_like(g, refused)), 0.25, 4)

    obstacles = inspect(network(tmp_path, made)).obstacles
    assert [obstacle.sentence.split("'")[1] for obstacle in obstacles] == ["refused"]


@pytest.mark.parametrize("form", ["factor", "transposed", "other"])
def test_estimators_of_qkeras_cancel(tmp_path: Path, form: str) -> None:
    """``x + 1.0 (-x + q)``, with Transposes that an optimiser moved, and with an x that q is not computed from."""
    g = Graph(9)
    v = g.node("Conv", g.quant("x", 0.25, 4), g.const(g.trits(6, 3, 3, 3)))
    q = g.quant(v, 0.25, 3)
    x = g.node("Clip", v, g.const(-0.9), g.const(0.7)) if form == "other" else v
    minus = g.node("Neg", x)
    if form == "transposed":
        back = g.node("Transpose", g.node("Transpose", q, perm=[0, 2, 3, 1]), perm=[0, 3, 1, 2])
        minus = g.node("Transpose", g.node("Transpose", minus, perm=[0, 2, 3, 1]), perm=[0, 3, 1, 2])
        difference = g.node("Add", minus, back)
    else:
        difference = g.node("Mul", g.const(1.0), g.node("Add", minus, q))
    v = g.node("Conv", g.node("Add", x, difference), g.const(g.trits(4, 6, 1, 1)))
    matches(g.save(tmp_path / "m.onnx", [1, 3, 5, 5], v), numbers(20, 3, 5, 5))


def one(value: float) -> NDArray[np.float64]:
    return np.array([value])


CHAINS: dict[str, Steps] = {
    "ternary": (Divide(divisor=one(3.0)), Clamp(low=one(-1), high=one(1)), Round(mode="half_up"), Multiply(factor=one(-2.0))),
    "inside": (Add(addend=one(0.5)), Clamp(low=one(-1), high=one(1)), Round(mode="half_down"), Add(addend=one(3.0))),
    "counted": (Thresholds(values=np.array([[-1.0, 0.5, 0.5, 2.0]])), Multiply(factor=one(0.25))),
    "falling": (Multiply(factor=one(-1.0)), Thresholds(values=np.array([[-1.0, 0.5, 2.0]]))),
    "sign": (Add(addend=one(-0.5)), Sign(zero=0), Multiply(factor=one(3.0))),
    "bends": (Function(kind="leaky", alpha=one(0.25)), Clamp(low=one(-0.5), high=one(1.5)), Multiply(factor=one(-2.0))),
    "two": (Function(kind="leaky", alpha=one(0.5)), Add(addend=one(-1.0)), Function(kind="leaky", alpha=one(0.5))),
    "thresholded": (Function(kind="thresholded_relu", alpha=one(0.5)),),
    "abs": (Function(kind="abs"), Multiply(factor=one(0.5))),
}  # fmt: skip


@pytest.mark.parametrize("chain", CHAINS)
def test_steps_of_pieces_are_the_chain_itself(chain: str) -> None:
    steps = CHAINS[chain]
    functions = applied(steps)
    assert functions is not None
    again = as_steps(functions)
    assert again is not None
    for n in range(-80, 81):
        x = Fraction(n, 16)
        assert functions[0].at(x) == evaluate_exact(steps, 0, x) == evaluate_exact(again, 0, x)
        doubled = summed(functions, functions)[0]
        assert doubled.at(x) == 2 * functions[0].at(x)
