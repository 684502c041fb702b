"""ternc_output."""

import pytest
from rtl_bench import Bench

NAMES = ("Cols", "Channels", "Pixels", "WriteBits", "ValueBits", "ElemBits", "Offset", "Depth")
ONE = (1, 1, 1, 1, 1, 1, 0, 2)
TAIL = (3, 7, 5, 8, 5, 8, -3, 34)
WIDE = (4, 3, 11, 6, 6, 16, 100, 22)
WHOLE = (2, 6, 3, 14, 9, 8, 0, 18)


@pytest.mark.parametrize(
    ("values", "simulator"),
    [(TAIL, "verilator"), (ONE, "icarus"), (WIDE, "icarus"), (WHOLE, "icarus")],
)
def test_output(bench: Bench, values: tuple[int, ...], simulator: str) -> None:
    bench.run("output", dict(zip(NAMES, values, strict=True)), simulator=simulator)
