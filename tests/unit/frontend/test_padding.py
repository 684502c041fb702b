"""Paddings of another number than 0: as a layer that writes them, exact, wherever they stand."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from ternc.errors import ModelError
from ternc.frontend import read
from ternc.network.layers import Network
from unit.frontend.onnx_models import Graph, matches

RNG = np.random.default_rng(11)
Make = Callable[[Graph, str], str]


def numbers(*shape: int) -> NDArray[np.float32]:
    return (RNG.integers(-20, 20, shape) * 0.25).astype(np.float32)


def ints(g: Graph, *values: int) -> str:
    return g.const(np.array(values, np.int64))


def pad(g: Graph, v: str, value: float) -> str:
    return g.node("Pad", v, ints(g, 0, 0, 1, 2, 0, 0, 0, 1), g.const(value), name="pad")


def conv(g: Graph, v: str, outputs: int = 3, inputs: int = 4, **attributes: Any) -> str:
    return g.node("Conv", v, g.const(g.trits(outputs, inputs, 3, 3)), **attributes)


def network(tmp_path: Path, *parts: Make) -> Path:
    """A convolution of 4 channels, then the parts."""
    g = Graph(4)
    v = g.node("Conv", g.quant("x", 0.25, 4), g.const(g.trits(4, 2, 1, 1)))
    for part in parts:
        v = part(g, v)
    return g.save(tmp_path / "m.onnx", [1, 2, 6, 5], v)


def run(tmp_path: Path, *parts: Make) -> Network:
    return matches(network(tmp_path, *parts), numbers(40, 2, 6, 5))


def quant(g: Graph, v: str) -> str:
    return g.quant(v, 0.25, 4)


def relu_quant(g: Graph, v: str) -> str:
    return g.quant(g.node("Relu", v), 0.25, 3, signed=0)


BEHIND: dict[str, Make] = {
    "conv": conv,
    "padded conv": lambda g, v: conv(g, v, pads=[1, 1, 1, 1]),
    "max pool": lambda g, v: conv(g, g.node("MaxPool", v, kernel_shape=[2, 2], strides=[2, 2])),
    "average": lambda g, v: g.node("AveragePool", v, kernel_shape=[2, 2]),
    "output": lambda g, v: g.node("Identity", v),
    "dense": lambda g, v: g.node(
        "MatMul", g.node("Reshape", v, ints(g, 1, -1)), g.const(g.trits(4 * 7 * 8, 3))
    ),
    "sum": lambda g, v: g.node("Add", v, g.node("Transpose", v, perm=[0, 1, 2, 3])),
    "concatenation": lambda g, v: conv(g, g.node("Concat", v, v, axis=1), inputs=8),
}


@pytest.mark.parametrize("behind", BEHIND)
@pytest.mark.parametrize("value", [0.75, -2.0])
def test_a_quantised_map_padded_with_a_value_of_its_quantiser(
    tmp_path: Path, value: float, behind: str
) -> None:
    run(tmp_path, quant, lambda g, v: pad(g, v, value), BEHIND[behind])


def test_the_padding_is_written_by_one_copy(tmp_path: Path) -> None:
    found = run(tmp_path, quant, lambda g, v: pad(g, v, 0.75), conv)
    assert [layer.kind for layer in found.layers] == ["conv", "copy", "conv"]


@pytest.mark.parametrize("value", [1.0, 0.6, 9.0])
def test_the_quantiser_may_stand_behind_the_padding(tmp_path: Path, value: float) -> None:
    run(tmp_path, lambda g, v: pad(g, v, value), relu_quant, conv)


def test_a_padding_that_an_activation_makes_0_costs_nothing(tmp_path: Path) -> None:
    found = run(tmp_path, lambda g, v: pad(g, v, -0.3), relu_quant, conv)
    assert [layer.kind for layer in found.layers] == ["conv", "conv"]


def test_zeros_of_which_something_else_is_made(tmp_path: Path) -> None:
    run(tmp_path, lambda g, v: pad(g, v, 0.0), lambda g, v: g.node("Add", v, g.const(0.5)), quant, conv)


def test_zeros_of_which_each_channel_makes_another_number(tmp_path: Path) -> None:
    run(tmp_path, quant, lambda g, v: pad(g, v, 0.0), lambda g, v: g.bn(v, 4), relu_quant, conv)


def test_a_padding_behind_a_function_that_is_no_rational_number(tmp_path: Path) -> None:
    run(tmp_path, quant, lambda g, v: pad(g, v, 0.5), lambda g, v: g.node("Sigmoid", v), quant, conv)


def test_two_paddings_one_around_the_other(tmp_path: Path) -> None:
    run(tmp_path, quant, lambda g, v: pad(g, pad(g, v, 0.75), -0.5), conv)


def test_a_value_that_is_also_read_without_its_padding(tmp_path: Path) -> None:
    def both(g: Graph, v: str) -> str:
        cut = g.node("Slice", pad(g, v, 0.5), ints(g, 0, 1), ints(g, 6, 6), ints(g, 2, 3))
        return g.node("Add", v, cut)

    found = run(tmp_path, quant, both)
    assert [layer.kind for layer in found.layers].count("conv") == 1


def test_a_concatenation_padded_as_a_whole(tmp_path: Path) -> None:
    def joined(g: Graph, v: str) -> str:
        other = quant(g, g.node("Neg", v))
        return pad(g, g.node("Concat", quant(g, v), other, axis=1), 0.5)

    run(tmp_path, joined, lambda g, v: conv(g, v, inputs=8))


@pytest.mark.parametrize("zero", [0, 5])
def test_integers_padded_with_another_code_than_their_zero_point(tmp_path: Path, zero: int) -> None:
    g = Graph(18)
    point = g.const(np.array(zero, np.uint8))
    v = g.node("QuantizeLinear", "x", g.const(0.25), point)
    v = g.node("Pad", v, ints(g, 0, 0, 1, 0, 0, 2), g.const(np.array(7, np.uint8)))
    v = g.node("DequantizeLinear", v, g.const(0.25), point)
    v = g.node("Conv", v, g.const(g.trits(3, 2, 3)))
    matches(g.save(tmp_path / "model.onnx", [1, 2, 9], v), numbers(20, 2, 9))


def test_an_image_in_a_grey_frame(tmp_path: Path) -> None:
    g = Graph(2)
    v = g.node("Pad", g.node("Cast", "x", to=1), ints(g, 0, 0, 1, 1, 0, 0, 1, 1), g.const(114.0))
    v = g.node("Conv", v, g.const(g.trits(3, 2, 3, 3)), strides=[2, 2])
    path = g.save(tmp_path / "m.onnx", [1, 2, 6, 6], v, elem=2)
    found = matches(path, RNG.integers(0, 256, (20, 2, 6, 6)).astype(np.uint8))
    assert (found.tensors[0].range.low, found.tensors[0].range.high) == (0, 255)


def test_a_number_that_is_none_of_the_quantiser_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError) as caught:
        read(network(tmp_path, quant, lambda g, v: pad(g, v, 0.3), conv))
    assert "(Conv) reads 'v" in caught.value.sentence
    assert (
        "which is padded with 0.3: no value of its quantiser, whose steps are 0.25" in caught.value.sentence
    )
    assert caught.value.help == "pad with a value of its quantiser, or behind the layer that follows"


def pooled(g: Graph, v: str) -> str:
    return conv(g, g.node("MaxPool", v, kernel_shape=[3, 3], strides=[2, 2]))


@pytest.mark.parametrize("value", [-np.inf, -1e30, -2.0])
def test_a_padding_that_never_is_the_largest_is_the_max_pools_own(tmp_path: Path, value: float) -> None:
    found = run(tmp_path, quant, lambda g, v: pad(g, v, value), pooled)
    assert [layer.kind for layer in found.layers] == ["conv", "conv"]


def test_zeros_around_what_a_relu_leaves_are_the_max_pools_own(tmp_path: Path) -> None:
    found = run(tmp_path, relu_quant, lambda g, v: pad(g, v, 0.0), pooled)
    assert [layer.kind for layer in found.layers] == ["conv", "conv"]


def test_a_window_of_zeros_alone_is_kept(tmp_path: Path) -> None:
    def far(g: Graph, v: str) -> str:
        return g.node("Pad", v, ints(g, 0, 0, 4, 3, 0, 0, 4, 5))

    found = run(tmp_path, relu_quant, far, pooled)
    assert [layer.kind for layer in found.layers] == ["conv", "copy", "conv"]


@pytest.mark.parametrize("behind", [conv, lambda g, v: conv(g, g.node("GlobalMaxPool", v))])
def test_minus_infinity_in_front_of_anything_else_is_refused(tmp_path: Path, behind: Make) -> None:
    with pytest.raises(ModelError, match="is padded with minus infinity, that only a MaxPool may read"):
        read(network(tmp_path, quant, lambda g, v: pad(g, v, -np.inf), behind))


def test_a_padding_of_no_number_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError) as caught:
        read(network(tmp_path, quant, lambda g, v: pad(g, v, np.nan), conv))
    assert "node 'pad' (Pad): it must pad with a number, but pads with nan" in caught.value.sentence
