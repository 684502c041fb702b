"""Max and Min of several values: functions of one value, and pools over values side by side."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from ternc.errors import ModelError
from ternc.frontend import read
from ternc.network.layers import Network
from unit.frontend.onnx_models import Graph, matches

RNG = np.random.default_rng(12)


def numbers(*shape: int) -> NDArray[np.float32]:
    return (RNG.integers(-20, 20, shape) * 0.25).astype(np.float32)


def ints(g: Graph, *values: int) -> str:
    return g.const(np.array(values, np.int64))


def conv(g: Graph, v: str, outputs: int = 4, inputs: int = 2, size: int = 3) -> str:
    weights = g.const(g.trits(outputs, inputs, size, size))
    return g.node("Conv", v, weights, pads=[size // 2] * 4)


def two(
    tmp_path: Path, op: str, first: Callable[[Graph, str], str], second: Callable[[Graph, str], str]
) -> Path:
    """Two maps of one input, their Max or Min, a convolution."""
    g = Graph(6)
    v = g.quant("x", 0.25, 4)
    v = g.node(op, first(g, v), second(g, v), name="extreme")
    return g.save(tmp_path / "m.onnx", [1, 2, 5, 6], conv(g, v, 3, 4))


def run(path: Path) -> Network:
    return matches(path, numbers(60, 2, 5, 6))


@pytest.mark.parametrize("op", ["Max", "Min"])
@pytest.mark.parametrize("scale", [0.25, 0.125, 0.75])
def test_two_quantised_maps_of_any_small_ratio(tmp_path: Path, op: str, scale: float) -> None:
    path = two(
        tmp_path, op, lambda g, v: g.quant(conv(g, v), 0.25, 4), lambda g, v: g.quant(conv(g, v), scale, 4)
    )
    found = run(path)
    assert [layer.kind for layer in found.layers] == ["conv", "conv", "extreme", "conv"]


@pytest.mark.parametrize("op", ["Max", "Min"])
def test_scales_of_any_ratio_with_a_quantiser_behind(tmp_path: Path, op: str) -> None:
    g = Graph(6)
    v = g.quant("x", 0.25, 4)
    a, b = g.quant(conv(g, v), 0.26, 4), g.quant(conv(g, v), 0.173, 4)
    v = g.quant(g.node(op, a, b), 0.31, 3)
    run(g.save(tmp_path / "m.onnx", [1, 2, 5, 6], conv(g, v, 3, 4)))


def test_scales_of_any_ratio_without_one_are_refused(tmp_path: Path) -> None:
    path = two(
        tmp_path, "Max", lambda g, v: g.quant(conv(g, v), 0.26, 4), lambda g, v: g.quant(conv(g, v), 0.173, 4)
    )
    with pytest.raises(ModelError, match="an unquantised activation: it must be"):
        read(path)


def test_what_nothing_quantises_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"node 'extreme' \(Max\) reads 'v.*', an unquantised activation"):
        read(two(tmp_path, "Max", conv, conv))


@pytest.mark.parametrize("op", ["Max", "Min"])
def test_three_vectors_and_a_constant(tmp_path: Path, op: str) -> None:
    g = Graph(9)
    v = g.quant("x", 0.25, 4)
    parts = [g.quant(g.node("MatMul", v, g.const(g.trits(8, 6))), 0.25, 4) for _ in range(3)]
    v = g.node(op, parts[0], g.const(0.5), *parts[1:])
    v = g.node("MatMul", v, g.const(g.trits(6, 4)))
    matches(g.save(tmp_path / "m.onnx", [1, 8], v), numbers(100, 8))


def test_a_map_and_one_row_of_it_for_all_rows(tmp_path: Path) -> None:
    def row(g: Graph, v: str) -> str:
        v = g.quant(conv(g, v), 0.25, 4)
        return g.node("Slice", v, ints(g, 1), ints(g, 2), ints(g, 2))

    run(two(tmp_path, "Max", lambda g, v: g.quant(conv(g, v), 0.25, 4), row))


def test_a_column_of_a_map_for_all_columns(tmp_path: Path) -> None:
    """Copied first: a term repeats pixels, or leaves rows out, and not both."""

    def column(g: Graph, v: str) -> str:
        v = g.quant(conv(g, v), 0.25, 4)
        v = g.node("Slice", v, ints(g, 1), ints(g, 2), ints(g, 3))
        return g.node("Expand", v, ints(g, 1, 4, 5, 6))

    run(two(tmp_path, "Max", lambda g, v: g.quant(conv(g, v), 0.25, 4), column))


def test_a_concatenation_of_parts_with_scales_of_their_own(tmp_path: Path) -> None:
    def joined(g: Graph, v: str) -> str:
        parts = [g.quant(conv(g, v, 2), scale, 4) for scale in (0.25, 0.5)]
        return g.node("Concat", *parts, axis=1)

    run(two(tmp_path, "Max", joined, lambda g, v: g.quant(conv(g, v), 0.5, 4)))


def test_scales_of_their_own_in_each_channel(tmp_path: Path) -> None:
    each = np.array([0.5, 0.25, 0.125, 1.0], np.float32).reshape(1, 4, 1, 1)
    path = two(
        tmp_path, "Max", lambda g, v: g.quant(conv(g, v), each, 3), lambda g, v: g.quant(conv(g, v), 0.125, 4)
    )
    run(path)


def test_two_inputs_and_the_result_as_output(tmp_path: Path) -> None:
    g = Graph(6)
    v = g.node("Max", g.quant("a", 0.25, 4), g.quant("b", 0.5, 3))
    path = g.save(tmp_path / "m.onnx", {"a": [1, 2, 5, 6], "b": [1, 2, 5, 6]}, v)
    matches(path, {"a": numbers(40, 2, 5, 6), "b": numbers(40, 2, 5, 6)})


def test_a_pool_behind_the_maximum(tmp_path: Path) -> None:
    g = Graph(6)
    v = g.quant("x", 0.25, 4)
    v = g.node("Max", g.quant(conv(g, v), 0.25, 4), g.quant(conv(g, v), 0.25, 4))
    v = conv(g, g.node("MaxPool", v, kernel_shape=[2, 2], strides=[2, 2]), 3, 4)
    matches(g.save(tmp_path / "m.onnx", [1, 2, 4, 6], v), numbers(40, 2, 4, 6))


@pytest.mark.parametrize("op", ["Max", "Min"])
def test_functions_of_one_value_stay_one_layer(tmp_path: Path, op: str) -> None:
    """A leaky ReLU as the larger one of x and 0.25 x."""

    def leaky(g: Graph, v: str) -> str:
        return g.quant(g.node(op, v, g.node("Mul", v, g.const(0.25))), 0.25, 4)

    g = Graph(6)
    v = leaky(g, conv(g, g.quant("x", 0.25, 4)))
    found = run(g.save(tmp_path / "m.onnx", [1, 2, 5, 6], conv(g, v, 3, 4)))
    assert len(found.layers) == 2


def test_a_value_and_itself(tmp_path: Path) -> None:
    g = Graph(6)
    v = g.quant(conv(g, g.quant("x", 0.25, 4)), 0.25, 4)
    found = run(g.save(tmp_path / "m.onnx", [1, 2, 5, 6], conv(g, g.node("Max", v, v), 3, 4)))
    assert len(found.layers) == 2
