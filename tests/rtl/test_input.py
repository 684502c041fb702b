"""ternc_input."""

import pytest
from rtl_bench import Bench

NAMES = (
    "Rows",
    "Lanes",
    "ElemBits",
    "Offset",
    "Width",
    "Height",
    "Chunks",
    "Stride",
    "PhaseWords",
    "PlaneWords",
    "Depth",
)
ONE = (1, 1, 1, 0, 1, 1, 1, 1, 1, 1, 2)
ONE_ROW = (1, 3, 8, 128, 3, 2, 1, 1, 3, 6, 12)
STRIDE = (3, 2, 5, 7, 7, 3, 3, 2, 2, 12, 72)
ODD = (5, 1, 3, -2, 11, 2, 2, 3, 1, 7, 30)


@pytest.mark.parametrize(
    ("values", "simulator"),
    [(STRIDE, "verilator"), (ONE, "icarus"), (ONE_ROW, "icarus"), (ODD, "icarus")],
)
def test_input(bench: Bench, values: tuple[int, ...], simulator: str) -> None:
    bench.run("input", dict(zip(NAMES, values, strict=True)), simulator=simulator)
