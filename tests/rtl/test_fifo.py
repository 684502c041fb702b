"""Unit regression of ternc_fifo."""

import pytest
from rtl_bench import Bench, Parameters

SETS: list[Parameters] = [
    {"Width": 9, "DepthLog2": 3},
]
MORE: list[Parameters] = [
    {"Width": 1, "DepthLog2": 1},
    {"Width": 70, "DepthLog2": 2},
]


@pytest.mark.parametrize("parameters", SETS, ids=str)
def test_fifo_under_verilator(bench: Bench, parameters: Parameters) -> None:
    bench.run("fifo", parameters)


@pytest.mark.parametrize("parameters", [*SETS[:1], *MORE], ids=str)
def test_fifo_under_icarus(bench: Bench, parameters: Parameters) -> None:
    bench.run("fifo", parameters, simulator="icarus")
