"""Unit regression of ternc_dot: the pipelined form and the fast one, on the same stimulus."""

import pytest
from rtl_bench import Bench, Parameters

SETS: list[Parameters] = [
    {"Lanes": 7, "ActBits": 8},
    {"Lanes": 65, "ActBits": 3},
]
MORE: list[Parameters] = [
    {"Lanes": 1, "ActBits": 1},
    {"Lanes": 3, "ActBits": 8},
    {"Lanes": 5, "ActBits": 2},
    {"Lanes": 36, "ActBits": 4},
]


@pytest.mark.parametrize("parameters", SETS, ids=str)
@pytest.mark.parametrize("fast", [False, True], ids=["pipelined", "fast"])
def test_dot_under_verilator(bench: Bench, parameters: Parameters, fast: bool) -> None:
    bench.run("dot", parameters, fast=fast)


@pytest.mark.parametrize("parameters", [*SETS[:1], *MORE], ids=str)
@pytest.mark.parametrize("fast", [False, True], ids=["pipelined", "fast"])
def test_dot_under_icarus(bench: Bench, parameters: Parameters, fast: bool) -> None:
    bench.run("dot", parameters, simulator="icarus", fast=fast)
