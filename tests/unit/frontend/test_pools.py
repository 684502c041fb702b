"""Averages whose windows at the border count fewer pixels than those inside."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ternc.errors import ModelError
from ternc.frontend import read
from unit.frontend.onnx_models import Graph, matches

UNEVEN: dict[str, dict[str, Any]] = {
    "padding is not counted": {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1]},
    "strided": {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [1, 0, 1, 1]},
    "two rows at the border": {"kernel_shape": [5, 1], "pads": [2, 0, 2, 0]},
    "windows beyond the map": {"kernel_shape": [2, 3], "strides": [2, 2], "ceil_mode": 1},
    "counted padding, and windows beyond it": {
        "kernel_shape": [3, 3], "strides": [2, 2], "pads": [1, 1, 1, 1], "ceil_mode": 1, "count_include_pad": 1
    },
    "same": {"kernel_shape": [2, 4], "strides": [1, 3], "auto_pad": "SAME_UPPER"},
    "dilated": {"kernel_shape": [3, 2], "dilations": [3, 2], "pads": [2, 1, 2, 1]},
}  # fmt: skip


@pytest.mark.parametrize("kind", UNEVEN)
@pytest.mark.parametrize("zero", [0.0, 3.0])
def test_a_mean_of_uneven_windows(tmp_path: Path, kind: str, zero: float) -> None:
    g = Graph(3)
    v = g.quant(
        g.node("Conv", g.quant("x", 0.25, 4), g.const(g.trits(3, 2, 2, 2))), 0.5, 4, signed=0, zero=zero
    )
    v = g.node("AveragePool", v, **UNEVEN[kind])
    v = g.node("Conv", g.quant(v, 0.25, 4), g.const(g.trits(4, 3, 1, 1)))
    x = np.random.default_rng(5).integers(-8, 8, (9, 2, 8, 7)).astype(np.float32) * np.float32(0.25)
    network = matches(g.save(tmp_path / "m.onnx", [1, 2, 8, 7], v, opset=19), x)
    assert [layer.kind for layer in network.layers] == ["conv", "average", "conv"]
    assert len(network.layers[1].terms) > 1


def test_a_mean_of_too_many_kinds_of_windows_is_refused(tmp_path: Path) -> None:
    g = Graph(4)
    v = g.node("AveragePool", g.quant("x", 0.25, 4), kernel_shape=[13, 13], pads=[6, 6, 6, 6], name="pool")
    path = g.save(tmp_path / "m.onnx", [1, 2, 16, 16], g.quant(v, 0.25, 4))
    with pytest.raises(ModelError) as caught:
        read(path)
    assert caught.value.sentence == (
        "m.onnx: node 'pool' (AveragePool): its windows at the border count fewer pixels, at 12 rows and 12 columns, which "
        "takes more than 100 sums"
    )
    assert caught.value.help == "export with count_include_pad=1, with less padding, or without ceil_mode"


@pytest.mark.parametrize("op", ["MaxPool", "AveragePool"])
@pytest.mark.parametrize("padded", [False, True])
def test_a_row_pooled_as_a_column(tmp_path: Path, op: str, padded: bool) -> None:
    """Keras' layers for one-dimensional data: convolutions of rows, pools of columns."""
    g = Graph(3)
    v = g.node("Conv", g.quant("x", 0.25, 4), g.const(g.trits(3, 2, 1, 5)))
    v = g.quant(g.node("Relu", v), 0.5, 3, signed=0)
    column = g.node("Transpose", v, perm=[0, 1, 3, 2])
    pads = [1, 0, 1, 0] if padded else [0, 0, 0, 0]
    v = g.node(op, column, kernel_shape=[3, 1], strides=[2, 1], pads=pads)
    v = g.node(
        "Conv", g.quant(g.node("Transpose", v, perm=[0, 1, 3, 2]), 0.25, 4), g.const(g.trits(4, 3, 1, 3))
    )
    x = np.random.default_rng(4).normal(0, 1, (30, 2, 1, 17)).astype(np.float32)
    matches(g.save(tmp_path / "m.onnx", [1, 2, 1, 17], v), x)
