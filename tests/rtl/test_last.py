"""ternc_last."""

import pytest
from rtl_bench import Bench


@pytest.mark.parametrize(("beats", "simulator"), [(5, "verilator"), (1, "icarus")])
def test_last(bench: Bench, beats: int, simulator: str) -> None:
    bench.run("last", {"Beats": beats}, simulator=simulator)
