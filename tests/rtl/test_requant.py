"""Unit regression of ternc_requant."""

import pytest
from rtl_bench import Bench, Parameters

SETS: list[Parameters] = [
    {
        "AccBits": 17,
        "MulBits": 15,
        "AddBits": 30,
        "Shift": 14,
        "CodeBits": 7,
        "ValueBits": 18,
        "ExtraDelay": 0,
        "Tables": 0,
    },
    {
        "AccBits": 9,
        "MulBits": 4,
        "AddBits": 25,
        "Shift": 0,
        "CodeBits": 3,
        "ValueBits": 34,
        "ExtraDelay": 5,
        "Tables": 5,
    },
]
MORE: list[Parameters] = [
    {
        "AccBits": 1,
        "MulBits": 1,
        "AddBits": 1,
        "Shift": 3,
        "CodeBits": 1,
        "ValueBits": 2,
        "ExtraDelay": 1,
        "Tables": 1,
    },
    {
        "AccBits": 17,
        "MulBits": 15,
        "AddBits": 30,
        "Shift": 14,
        "CodeBits": 7,
        "ValueBits": 18,
        "ExtraDelay": 2,
        "Tables": 2,
    },
]


@pytest.mark.parametrize("parameters", SETS, ids=str)
def test_requant_under_verilator(bench: Bench, parameters: Parameters) -> None:
    bench.run("requant", parameters)


@pytest.mark.parametrize("parameters", [*SETS[:1], *MORE], ids=str)
def test_requant_under_icarus(bench: Bench, parameters: Parameters) -> None:
    bench.run("requant", parameters, simulator="icarus")
