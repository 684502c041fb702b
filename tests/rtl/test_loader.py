"""ternc_loader and ternc_load_stage."""

import pytest
from rtl_bench import Bench, Parameters


@pytest.mark.parametrize(
    ("parameters", "simulator"),
    [
        ({"LoadWidth": 40}, "verilator"),
        ({"LoadWidth": 1, "Structure": 0x81234567_89ABCDEF_0EDCBA98_76543210}, "icarus"),
        ({"LoadWidth": 32, "Structure": 1}, "icarus"),
        ({"LoadWidth": 70, "Structure": 2}, "icarus"),
    ],
)
def test_loader(bench: Bench, parameters: Parameters, simulator: str) -> None:
    bench.run("loader", parameters, simulator=simulator)


@pytest.mark.parametrize("simulator", ["verilator", "icarus"])
def test_load_stage(bench: Bench, simulator: str) -> None:
    bench.run("load_stage", {"LoadBits": 77}, simulator=simulator)
