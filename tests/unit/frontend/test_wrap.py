"""Values that wrap around: HGQ's overflow mode WRAP as exporters write it, and Mod."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from ternc.errors import ModelError
from ternc.frontend import InputQuant, inspect, read
from ternc.network.layers import Network
from unit.frontend.onnx_models import Graph, matches

RNG = np.random.default_rng(3)
INT32 = 6  # TensorProto.INT32


def numbers(*shape: int) -> NDArray[np.float32]:
    return (RNG.integers(-20, 20, shape) * 0.25).astype(np.float32)


def floormod(g: Graph, v: str, k: Any, *, reciprocal: bool = False) -> str:
    """``tf.math.floormod`` as tf2onnx writes it, or with a factor in place of the division."""
    k = np.asarray(k, np.float32)
    share = g.node("Mul", v, g.const(1 / k)) if reciprocal else g.node("Div", v, g.const(k))
    return g.node("Sub", v, g.node("Mul", g.node("Floor", share), g.const(k)), name="mod")


def hgq(g: Graph, v: str, *, signed: bool, whole: Any, fraction: int, reciprocal: bool = False) -> str:
    """HGQ2's quantiser with overflow_mode WRAP: rounded down, then wrapped around."""
    unit = 2.0**fraction
    v = g.node("Div", g.node("Floor", g.node("Mul", v, g.const(unit))), g.const(unit))
    period = np.exp2(np.asarray(whole, np.float32) + signed).astype(np.float32)
    half = g.const(period / 2)
    v = floormod(g, g.node("Add", v, half) if signed else v, period, reciprocal=reciprocal)
    return g.node("Sub", v, half) if signed else v


def network(tmp_path: Path, activation: Callable[[Graph, str], str], *, bn: bool = False) -> Path:
    """Dense, the activation, dense; sums are multiples of 1/8."""
    g = Graph(7)
    v = g.node("MatMul", g.quant("x", 0.25, 4), g.const(g.trits(8, 12)))
    v = g.bn(v, 12, negative=True) if bn else v
    v = g.node("MatMul", activation(g, v), g.const(g.trits(12, 5)))
    return g.save(tmp_path / "m.onnx", [1, 8], v)


def widths(found: Network) -> list[int]:
    """How many codes each layer's tensor has."""
    return [t.range.high - t.range.low + 1 for t in found.tensors[1:-1]]


@pytest.mark.parametrize("bn", [False, True])
@pytest.mark.parametrize("reciprocal", [False, True])
@pytest.mark.parametrize("signed", [False, True])
def test_a_quantiser_that_wraps_around_is_one_layer_of_its_own_bits(
    tmp_path: Path, signed: bool, reciprocal: bool, bn: bool
) -> None:
    path = network(
        tmp_path,
        lambda g, v: hgq(g, v, signed=signed, whole=0, fraction=2, reciprocal=reciprocal),
        bn=bn,
    )
    found = matches(path, numbers(300, 8))
    assert len(found.layers) == 2
    assert widths(found) == [4 * (2 if signed else 1)]


def test_each_channel_may_wrap_around_elsewhere(tmp_path: Path) -> None:
    whole = RNG.integers(-1, 3, 12)
    found = matches(
        network(tmp_path, lambda g, v: hgq(g, v, signed=True, whole=whole, fraction=2)), numbers(300, 8)
    )
    assert len(found.layers) == 2


def test_what_never_wraps_is_the_rounding_alone(tmp_path: Path) -> None:
    path = network(tmp_path, lambda g, v: hgq(g, v, signed=True, whole=4, fraction=1))
    found = matches(path, numbers(200, 8))
    stairs = found.layers[0].activation
    assert stairs is not None
    assert stairs.table is None


def test_a_mirroring_quantiser_is_read_as_well(tmp_path: Path) -> None:
    """HGQ's WRAP_SM: at the ends of its range it turns."""

    def mirrored(g: Graph, v: str) -> str:
        v = g.node("Round", g.node("Mul", v, g.const(2.0)))
        v = floormod(g, g.node("Sub", v, g.const(4.0)), 16.0)
        v = g.node("Abs", g.node("Add", g.node("Sub", v, g.const(8.0)), g.const(0.5)))
        return g.node("Mul", g.node("Sub", v, g.const(4.5)), g.const(0.5))

    found = matches(network(tmp_path, mirrored), numbers(300, 8))
    assert widths(found) == [16]  # 8 values around 0, which is none of them: half steps


@pytest.mark.parametrize("fmod", [0, 1])
@pytest.mark.parametrize("k", [5, -4])
def test_mod_of_sums(tmp_path: Path, k: int, fmod: int) -> None:
    def remainder(g: Graph, v: str) -> str:
        v = g.node("Floor", v)
        if fmod:
            return g.node("Mod", v, g.const(float(k)), fmod=1)
        v = g.node("Mod", g.node("Cast", v, to=INT32), g.const(np.array(k, np.int32)))
        return g.node("Cast", v, to=1)

    found = matches(network(tmp_path, remainder), numbers(300, 8))
    assert len(found.layers) == 2


def test_a_narrow_value_that_wraps_around_often_is_a_sum(tmp_path: Path) -> None:
    def often(g: Graph, v: str) -> str:
        return g.quant(floormod(g, g.quant(v, 0.0625, 8), 0.125), 0.0625, 2, signed=0)

    path = network(tmp_path, often, bn=True)
    assert len(matches(path, numbers(200, 8)).layers) == 4


def test_a_wide_value_that_wraps_around_too_often_is_refused_with_its_reach(tmp_path: Path) -> None:
    path = network(tmp_path, lambda g, v: hgq(g, v, signed=True, whole=-6, fraction=9), bn=True)
    with pytest.raises(ModelError) as caught:
        read(path)
    assert "node 'mod' (Sub): it wraps '" in caught.value.sentence
    assert "around at multiples of 0.03125, more than the 64 times that are read" in caught.value.sentence
    assert caught.value.help == "train with quantisers that saturate (HGQ: overflow_mode='SAT')"


def test_codes_of_more_periods_than_a_table_holds_are_refused(tmp_path: Path) -> None:
    path = network(tmp_path, lambda g, v: hgq(g, v, signed=True, whole=0, fraction=7), bn=True)
    with pytest.raises(ModelError, match="takes more than 256 levels"):
        read(path)


def test_a_scale_that_is_nearly_a_power_of_two_is_refused(tmp_path: Path) -> None:
    """As TensorFlow folds 1 / 2 ** 2: whether 16 steps are a period would be float32's to say."""

    def rounded(g: Graph, v: str) -> str:
        v = g.node("Mul", g.node("Floor", g.node("Mul", v, g.const(4.0))), g.const(0.24999999))
        return floormod(g, v, 4.0)

    with pytest.raises(ModelError) as caught:
        read(network(tmp_path, rounded))
    assert (
        "around at multiples of 4, which its steps of 0.249999985 only nearly meet" in caught.value.sentence
    )
    assert caught.value.help == "export its scales as exact powers of two: 0.25, not 0.24999999"


def of_the_input(tmp_path: Path) -> Path:
    g = Graph(5)
    v = g.node("MatMul", hgq(g, "x", signed=True, whole=1, fraction=2), g.const(g.trits(8, 5)))
    return g.save(tmp_path / "m.onnx", [1, 8], v)


def test_an_input_that_wraps_around_needs_its_integers(tmp_path: Path) -> None:
    with pytest.raises(ModelError) as caught:
        read(of_the_input(tmp_path))
    assert "node 'mod' (Sub): it wraps" in caught.value.sentence
    assert "which is a float of any size" in caught.value.sentence
    assert "--input-quant TYPE:SCALE" in caught.value.help


def test_layers_behind_the_refused_wrap_are_not_blamed(tmp_path: Path) -> None:
    """Their quantisers are sums too, but of one value each: the wrap, and the rounding with its gradient (x - x)."""
    g = Graph(5)
    v = "x"
    for size in (8, 12):
        scaled = g.node("Mul", v, g.const(4.0))
        v = g.node("Add", g.node("Floor", scaled), g.node("Sub", scaled, scaled))
        v = floormod(g, g.node("Mul", v, g.const(0.25)), 2.0)
        v = g.node("MatMul", v, g.const(g.trits(size, 12)))
    found = inspect(g.save(tmp_path / "m.onnx", [1, 8], v)).obstacles
    assert ["it wraps" in obstacle.sentence for obstacle in found] == [True]


def test_an_input_with_known_integers_may_wrap_around(tmp_path: Path) -> None:
    known = InputQuant(type="INT6", scale=0.125)
    found = matches(
        of_the_input(tmp_path),
        RNG.integers(-32, 32, (200, 8)).astype(np.float32) * np.float32(0.125),
        input_quant=known,
    )
    assert len(found.layers) == 2  # a table of the integers, and the dense layer
    assert found.inputs[0].declared
