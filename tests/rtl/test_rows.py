"""ternc_rows."""

import pytest
from rtl_bench import Bench

NAMES = ("Capacity", "FrameRows", "StepRows", "Pitch", "RowBits", "BaseBits")
WHOLE = (4, 8, 2, 3, 5, 4)
LARGER = (9, 5, 1, 4, 6, 6)
STEPS = (6, 9, 3, 5, 4, 5)
ONE = (1, 3, 1, 1, 3, 1)
TIGHT = (8, 7, 1, 1, 4, 3)


@pytest.mark.parametrize(
    ("values", "simulator"),
    [(STEPS, "verilator"), (WHOLE, "icarus"), (LARGER, "icarus"), (ONE, "icarus"), (TIGHT, "icarus")],
)
def test_rows(bench: Bench, values: tuple[int, ...], simulator: str) -> None:
    bench.run("rows", dict(zip(NAMES, values, strict=True)), simulator=simulator)
