"""ternc_operand."""

import pytest
from rtl_bench import Bench, Parameters

SETS = {
    "one": {"Rows": 1, "Lanes": 1, "ActBits": 1, "InputBits": 1, "FeatureBits": 1},
    "narrow_input": {"Rows": 3, "Lanes": 5, "ActBits": 4, "InputBits": 1, "FeatureBits": 4},
    "narrow_features": {"Rows": 4, "Lanes": 3, "ActBits": 8, "InputBits": 8, "FeatureBits": 3},
}


@pytest.mark.parametrize(
    ("parameters", "simulator"),
    [(SETS["narrow_features"], "verilator"), (SETS["one"], "icarus"), (SETS["narrow_input"], "icarus")],
)
def test_operand(bench: Bench, parameters: Parameters, simulator: str) -> None:
    bench.run("operand", parameters, simulator=simulator)
