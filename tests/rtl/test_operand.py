"""ternc_operand."""

import pytest
from rtl_bench import Bench, Parameters

SETS = {
    "one": {"Rows": 1, "Lanes": 1, "ActBits": 1, "Sources": 1},
    "two": {"Rows": 3, "Lanes": 5, "ActBits": 4, "Sources": 2},
    "five": {"Rows": 4, "Lanes": 3, "ActBits": 8, "Sources": 5},
}


@pytest.mark.parametrize(
    ("parameters", "simulator"),
    [(SETS["five"], "verilator"), (SETS["one"], "icarus"), (SETS["two"], "icarus"), (SETS["five"], "icarus")],
)
def test_operand(bench: Bench, parameters: Parameters, simulator: str) -> None:
    bench.run("operand", parameters, simulator=simulator)
