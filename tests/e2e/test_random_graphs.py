"""Random ONNX graphs on random arrays: ONNX = golden = RTL, and the predicted cycles.

``TERNC_FUZZ=N`` runs N graphs instead of a few; a failure names the seed, which is the graph.
"""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

import ternc
from ternc.errors import ModelError
from unit.frontend.test_read_random import Random
from zoo import shape

GRAPHS = int(os.environ.get("TERNC_FUZZ", "10"))


@pytest.mark.parametrize("seed", range(1000, 1000 + GRAPHS))
def test_random_graph_on_a_random_array(seed: int, tmp_path: Path) -> None:
    graph = Random(seed)
    model = graph.save(tmp_path / f"graph{seed}.onnx", list(graph.start), graph.grow())
    dice = random.Random(seed)
    array = shape("x".join(str(dice.randint(1, top)) for top in (5, 9, 9)))
    try:
        build = ternc.compile(model, out=tmp_path / "build", array=array)
    except ModelError:
        pytest.skip("this graph is refused, which is tested elsewhere")
    report = build.verify(frames=12, stalls=dice.choice((None, seed)))
    assert report.ok, report.failures()
