"""Unit regression of ternc_delay."""

import pytest
from rtl_bench import Bench, Parameters

SETS: list[Parameters] = [
    {"Width": 9, "Depth": 5},
    {"Width": 70, "Depth": 0},
]
MORE: list[Parameters] = [
    {"Width": 1, "Depth": 1},
    {"Width": 8, "Depth": 0},
]


@pytest.mark.parametrize("parameters", SETS, ids=str)
def test_delay_under_verilator(bench: Bench, parameters: Parameters) -> None:
    bench.run("delay", parameters)


@pytest.mark.parametrize("parameters", [*SETS[:1], *MORE], ids=str)
def test_delay_under_icarus(bench: Bench, parameters: Parameters) -> None:
    bench.run("delay", parameters, simulator="icarus")
