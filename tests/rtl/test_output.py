"""ternc_output."""

import pytest
from rtl_bench import Bench

NAMES = (
    *(
        "Cols",
        "Channels",
        "Width",
        "Height",
        "StepRows",
        "Capacity",
        "FrameRows",
        "WriteBits",
        "ValueBits",
        "ElemBits",
    ),
    *("Offset", "XBits", "TileBits", "StepBits", "Pixels", "Phases"),
)
TAIL = (3, 7, 5, 5, 2, 4, 6, 8, 5, 8, -3, 3, 2, 1, 1, 1)
ONE = (1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 1, 1, 1, 1, 1)
WIDE = (4, 3, 11, 3, 1, 2, 3, 6, 6, 16, 100, 5, 1, 2, 2, 1)
SPARE = (2, 6, 3, 4, 3, 9, 6, 14, 9, 8, 0, 2, 3, 2, 1, 1)
WHOLE = (2, 3, 2, 4, 4, 4, 4, 9, 9, 9, 1, 1, 1, 2, 4, 1)
PHASES = (2, 3, 11, 4, 1, 3, 4, 7, 5, 8, 0, 3, 2, 1, 2, 2)
THREE = (1, 1, 7, 5, 3, 6, 6, 4, 4, 4, 2, 2, 1, 2, 2, 3)


@pytest.mark.parametrize(
    ("values", "simulator"),
    [
        (TAIL, "verilator"),
        (ONE, "icarus"),
        (WIDE, "icarus"),
        (SPARE, "icarus"),
        (WHOLE, "icarus"),
        (PHASES, "icarus"),
        (THREE, "icarus"),
    ],
)
def test_output(bench: Bench, values: tuple[int, ...], simulator: str) -> None:
    bench.run("output", dict(zip(NAMES, values, strict=True)), simulator=simulator)
