"""Unit regression of ternc_ram."""

import pytest
from rtl_bench import Bench, Parameters

SETS: list[Parameters] = [
    {"Width": 9, "Depth": 13},
    {"Width": 70, "Depth": 64},
]
MORE: list[Parameters] = [
    {"Width": 1, "Depth": 1},
    {"Width": 8, "Depth": 2},
]


@pytest.mark.parametrize("parameters", SETS, ids=str)
def test_ram_under_verilator(bench: Bench, parameters: Parameters) -> None:
    bench.run("ram", parameters)


@pytest.mark.parametrize("parameters", [*SETS[:1], *MORE], ids=str)
def test_ram_under_icarus(bench: Bench, parameters: Parameters) -> None:
    bench.run("ram", parameters, simulator="icarus")
