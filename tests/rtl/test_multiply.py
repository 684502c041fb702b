"""Unit regression of ternc_multiply."""

import pytest
from rtl_bench import Bench, Parameters

SETS: list[Parameters] = [
    {"ABits": 17, "BBits": 9, "Bits": 27, "Signed": 1},
]
MORE: list[Parameters] = [
    {"ABits": 1, "BBits": 1, "Bits": 3, "Signed": 1},
    {"ABits": 7, "BBits": 12, "Bits": 12, "Signed": 0},
    {"ABits": 5, "BBits": 6, "Bits": 4, "Signed": 1},
]


@pytest.mark.parametrize("parameters", SETS, ids=str)
def test_multiply_under_verilator(bench: Bench, parameters: Parameters) -> None:
    bench.run("multiply", parameters)


@pytest.mark.parametrize("parameters", [*SETS, *MORE], ids=str)
def test_multiply_under_icarus(bench: Bench, parameters: Parameters) -> None:
    bench.run("multiply", parameters, simulator="icarus")
