"""Unit regression of ternc_threshold_level."""

import pytest
from rtl_bench import Bench, Parameters

SETS: list[Parameters] = [
    {"AccBits": 13, "ParamBits": 5, "Level": 1, "Levels": 3},
]
MORE: list[Parameters] = [
    {"AccBits": 1, "ParamBits": 1, "Level": 0, "Levels": 1},
    {"AccBits": 13, "ParamBits": 5, "Level": 0, "Levels": 3},
    {"AccBits": 20, "ParamBits": 3, "Level": 3, "Levels": 4},
]


@pytest.mark.parametrize("parameters", SETS, ids=str)
def test_threshold_level_under_verilator(bench: Bench, parameters: Parameters) -> None:
    bench.run("threshold_level", parameters)


@pytest.mark.parametrize("parameters", [*SETS[:1], *MORE], ids=str)
def test_threshold_level_under_icarus(bench: Bench, parameters: Parameters) -> None:
    bench.run("threshold_level", parameters, simulator="icarus")
