"""Unit regression of ternc_feature_memory."""

import pytest
from rtl_bench import Bench, Parameters

SETS: list[Parameters] = [
    {"Rows": 3, "Lanes": 7, "Slices": 3, "SliceLanes": 2, "CodeBits": 3, "ActBits": 5, "Depth": 11},
    {"Rows": 4, "Lanes": 8, "Slices": 1, "SliceLanes": 8, "CodeBits": 8, "ActBits": 8, "Depth": 16},
]
MORE: list[Parameters] = [
    {"Rows": 1, "Lanes": 1, "Slices": 1, "SliceLanes": 1, "CodeBits": 1, "ActBits": 1, "Depth": 1},
    {"Rows": 2, "Lanes": 5, "Slices": 2, "SliceLanes": 2, "CodeBits": 4, "ActBits": 8, "Depth": 8},
]


@pytest.mark.parametrize("parameters", SETS, ids=str)
def test_feature_memory_under_verilator(bench: Bench, parameters: Parameters) -> None:
    bench.run("feature_memory", parameters)


@pytest.mark.parametrize("parameters", [*SETS[:1], *MORE], ids=str)
def test_feature_memory_under_icarus(bench: Bench, parameters: Parameters) -> None:
    bench.run("feature_memory", parameters, simulator="icarus")
