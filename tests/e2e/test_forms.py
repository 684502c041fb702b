"""The form of a network is chosen by the design that it makes: an average's sums first, or weights over the window."""

from __future__ import annotations

from pathlib import Path

import pytest

import ternc
from ternc.frontend import read
from unit.frontend.onnx_models import Graph
from zoo import shape


def head(folder: Path, classes: int) -> Path:
    """A global average of 12 channels and a dense layer, without a quantiser in between."""
    graph = Graph(3)
    v = graph.node("Flatten", graph.node("GlobalAveragePool", graph.quant("x", 0.25, 4, signed=0)))
    v = graph.node("Gemm", v, graph.const(graph.trits(classes, 12)), transB=1)
    return graph.save(folder / "head.onnx", [1, 12, 6, 6], v)


@pytest.mark.parametrize(("classes", "layers"), [(4, 1), (40, 2)])
def test_sums_come_first_where_that_is_faster(classes: int, layers: int, tmp_path: Path) -> None:
    model = head(tmp_path, classes)
    assert len(read(model).layers) == 1
    build = ternc.compile(model, out=tmp_path / "build", array=shape("2x4x6"))
    assert len(build.network.layers) == layers
    report = build.verify(frames=32, stalls=1)
    assert report.ok, report.failures()
