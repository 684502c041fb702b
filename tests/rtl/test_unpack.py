"""Unit regression of ternc_unpack."""

import pytest
from rtl_bench import Bench, Parameters

SETS: list[Parameters] = [{"Lanes": 5}, {"Lanes": 14}]
MORE: list[Parameters] = [{"Lanes": 1}, {"Lanes": 2}, {"Lanes": 3}, {"Lanes": 11}, {"Lanes": 12}]


@pytest.mark.parametrize("parameters", SETS, ids=str)
def test_unpack_under_verilator(bench: Bench, parameters: Parameters) -> None:
    bench.run("unpack", parameters)


@pytest.mark.parametrize("parameters", [*SETS, *MORE], ids=str)
def test_unpack_under_icarus(bench: Bench, parameters: Parameters) -> None:
    bench.run("unpack", parameters, simulator="icarus")
