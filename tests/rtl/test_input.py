"""ternc_input."""

import pytest
from rtl_bench import Bench

NAMES = ("Cols", "ElemBits", "Offset", "Bundles", "Chunks", "Keepers")
ONE = (1, 1, 0, 1, 1, 1)
PIXELS = (3, 8, 128, 5, 1, 2)
CHUNKS = (2, 5, 7, 7, 3, 3)
ODD = (1, 3, -2, 1, 4, 2)


@pytest.mark.parametrize(
    ("values", "simulator"),
    [(CHUNKS, "verilator"), (ONE, "icarus"), (PIXELS, "icarus"), (ODD, "icarus")],
)
def test_input(bench: Bench, values: tuple[int, ...], simulator: str) -> None:
    bench.run("input", dict(zip(NAMES, values, strict=True)), simulator=simulator)
