"""Activations spelled out in several operators become the function that they are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto

from ternc.errors import ModelError
from ternc.frontend import read
from unit.frontend.onnx_models import Graph, matches

Make = Callable[[Graph, str], str]


def c(g: Graph, value: float) -> str:
    return g.const(value)


def tanh_gelu(g: Graph, x: str, cube: str) -> str:
    u = g.node("Mul", g.node("Add", x, g.node("Mul", cube, c(g, 0.044715))), c(g, 0.7978846))
    return g.node("Mul", g.node("Mul", x, c(g, 0.5)), g.node("Add", g.node("Tanh", u), c(g, 1)))


def exponent(g: Graph, x: str) -> str:
    return g.node("Add", g.node("Exp", g.node("Neg", x)), c(g, 1))


ACTIVATIONS: dict[str, Make] = {
    "leaky ReLU": lambda g, x: g.node("Where", g.node("Greater", x, c(g, 0)), x, g.node("Mul", x, c(g, 0.1))),
    "PReLU": lambda g, x: g.node(
        "Where",
        g.node("Less", x, c(g, 0)),
        g.node("Mul", x, g.const(np.array([0.1, -0.2, 0.3, 0.5], np.float32))),
        x,
    ),
    "clip from below": lambda g, x: g.node("Where", g.node("Less", x, c(g, -0.7)), c(g, -0.7), x),
    "clip from above": lambda g, x: g.node("Where", g.node("GreaterOrEqual", x, c(g, 0.7)), c(g, 0.7), x),
    "thresholded ReLU": lambda g, x: g.node("Where", g.node("Less", c(g, 0.5), x), x, c(g, 0)),
    "ELU": lambda g, x: g.node(
        "Where",
        g.node("LessOrEqual", x, c(g, 0)),
        g.node("Mul", g.node("Sub", g.node("Exp", x), c(g, 1)), c(g, 1.7)),
        x,
    ),
    "Softplus": lambda g, x: g.node("Log", g.node("Add", g.node("Exp", x), c(g, 1))),
    "Softsign": lambda g, x: g.node("Div", x, g.node("Add", g.node("Abs", x), c(g, 1))),
    "sigmoid": lambda g, x: g.node("Reciprocal", exponent(g, x)),
    "sigmoid by a division": lambda g, x: g.node("Div", c(g, 2.5), exponent(g, x)),
    "Swish by a division": lambda g, x: g.node("Div", x, exponent(g, x)),
    "hard swish of other constants": lambda g, x: g.node(
        "Div", g.node("Mul", x, g.node("Clip", g.node("Add", x, c(g, 2)), c(g, 0), c(g, 5))), c(g, 5)
    ),
    "hard swish by a minimum and a maximum (QKeras)": lambda g, x: g.node(
        "Mul",
        x,
        g.node(
            "Mul",
            g.node("Max", g.node("Min", g.node("Add", x, c(g, 3)), c(g, 6)), c(g, 0)),
            c(g, 0.16666667),
        ),
    ),
    "GELU": lambda g, x: g.node(
        "Mul",
        g.node("Mul", x, c(g, 0.5)),
        g.node("Add", g.node("Erf", g.node("Div", x, c(g, 1.4142135))), c(g, 1)),
    ),
    "GELU by tanh, a power": lambda g, x: tanh_gelu(g, x, g.node("Pow", x, c(g, 3))),
    "GELU by tanh, products": lambda g, x: tanh_gelu(g, x, g.node("Mul", x, g.node("Mul", x, x))),
    "logarithm of a sigmoid": lambda g, x: g.node("Log", g.node("Sigmoid", x)),
    "sign with +1 for 0": lambda g, x: g.node(
        "Where", g.node("GreaterOrEqual", x, c(g, 0)), c(g, 1), c(g, -1)
    ),
    "binary, old operators": lambda g, x: g.node(
        "Where", g.node("Not", g.node("Less", x, c(g, 0))), c(g, 1), c(g, -1)
    ),
    "two values, falling": lambda g, x: g.node(
        "Where",
        g.node("Greater", x, g.const(np.array([0.1, -0.6, 0.3, 0.25], np.float32))),
        c(g, 0.25),
        c(g, 0.75),
    ),
    "true as a number": lambda g, x: g.node(
        "Cast", g.node("LessOrEqual", x, c(g, 0.25)), to=TensorProto.FLOAT
    ),
    "true as -1 and 1": lambda g, x: g.node(
        "Sub",
        g.node("Mul", g.node("Cast", g.node("Less", c(g, -0.25), x), to=TensorProto.FLOAT), c(g, 2)),
        c(g, 1),
    ),
    "square": lambda g, x: g.node("Pow", x, c(g, 2)),
}


@pytest.mark.parametrize("kind", ACTIVATIONS)
def test_an_activation_spelled_out(tmp_path: Path, kind: str) -> None:
    g = Graph(11)
    v = g.node("MatMul", g.quant("x", 0.25, 5), g.const(g.trits(6, 4)))
    v = g.quant(ACTIVATIONS[kind](g, v), 0.137, 5)
    x = np.random.default_rng(12).integers(-9, 10, (60, 6)).astype(np.float32) * np.float32(0.25)
    network = matches(g.save(tmp_path / "m.onnx", [1, 6], g.node("MatMul", v, g.const(g.trits(4, 3)))), x)
    assert [layer.kind for layer in network.layers] == ["dense", "dense"]


def test_a_comparison_that_is_no_activation_runs_on_the_host(tmp_path: Path) -> None:
    g = Graph(13)
    v = g.node("MatMul", g.quant("x", 0.25, 5), g.const(g.trits(6, 4)))
    v = g.node("Cast", g.node("Greater", v, c(g, 0.3)), to=TensorProto.INT32)
    x = np.random.default_rng(14).integers(-9, 10, (20, 6)).astype(np.float32) * np.float32(0.25)
    network = matches(g.save(tmp_path / "m.onnx", [1, 6], v, output_elem=TensorProto.INT32), x)
    assert network.epilogue


def test_a_choice_by_another_value_in_front_of_a_layer_is_refused(tmp_path: Path) -> None:
    g = Graph(15)
    x = g.quant("x", 0.25, 5)
    v, other = (g.node("MatMul", x, g.const(g.trits(6, 4))) for _ in range(2))
    v = g.node("Where", g.node("Less", other, c(g, 1)), g.node("Exp", v), v, name="choose")
    path = g.save(tmp_path / "m.onnx", [1, 6], g.node("MatMul", g.quant(v, 0.25, 5), g.const(g.trits(4, 3))))
    with pytest.raises(ModelError) as caught:
        read(path)
    assert caught.value.sentence == (
        "m.onnx: node 'choose' (Where): it chooses between two functions that together are no known activation"
    )
    assert caught.value.help.startswith("use the activation's own operator (Clip, LeakyRelu")
