"""Drawn networks: ONNX = golden = RTL on random arrays with random stalls, in the cycles that were predicted.

``make fuzz N=2000 SEED=1`` draws other networks than the few of ``make test``. A failure is shrunk and left in
``build/fuzz``, with the commands that run it again.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from fuzz.run import BLOCK, FIRST, NETWORKS, RESULTS, run

END = FIRST + NETWORKS


@pytest.mark.parametrize("first", range(FIRST, END, BLOCK))
def test_networks_from_seed(first: int, tmp_path: Path) -> None:
    count = min(BLOCK, END - first)
    statistics = run(first, count, tmp_path)
    statistics.save(RESULTS / f"block-{first}.json")
    assert statistics.networks == count
