"""Unit regression of ternc_argmax."""

import pytest
from rtl_bench import Bench, Parameters

SETS: list[Parameters] = [
    {"Cols": 5, "ValueBits": 11, "IndexBits": 4},
]
MORE: list[Parameters] = [
    {"Cols": 1, "ValueBits": 8, "IndexBits": 3},
    {"Cols": 4, "ValueBits": 17, "IndexBits": 7},
]


@pytest.mark.parametrize("parameters", SETS, ids=str)
def test_argmax_under_verilator(bench: Bench, parameters: Parameters) -> None:
    bench.run("argmax", parameters)


@pytest.mark.parametrize("parameters", [*SETS[:1], *MORE], ids=str)
def test_argmax_under_icarus(bench: Bench, parameters: Parameters) -> None:
    bench.run("argmax", parameters, simulator="icarus")
