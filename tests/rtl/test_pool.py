"""Unit regression of ternc_pool."""

import pytest
from rtl_bench import Bench, Parameters

SETS: list[Parameters] = [
    {"Rows": 3, "Cols": 5, "ValueBits": 9},
]
MORE: list[Parameters] = [
    {"Rows": 1, "Cols": 1, "ValueBits": 2},
    {"Rows": 1, "Cols": 2, "ValueBits": 7},
    {"Rows": 2, "Cols": 2, "ValueBits": 5},
    {"Rows": 4, "Cols": 3, "ValueBits": 17},
]


@pytest.mark.parametrize("parameters", SETS, ids=str)
def test_pool_under_verilator(bench: Bench, parameters: Parameters) -> None:
    bench.run("pool", parameters)


@pytest.mark.parametrize("parameters", [*SETS[:1], *MORE], ids=str)
def test_pool_under_icarus(bench: Bench, parameters: Parameters) -> None:
    bench.run("pool", parameters, simulator="icarus")
