"""ternc_writer."""

import pytest
from rtl_bench import Bench

NAMES = (
    "Cols",
    "ValueBits",
    "FeatureBits",
    "OutBits",
    "Slices",
    "SliceLanes",
    "Words",
    "WrBits",
    "FeatureAddrBits",
    "OutputAddrBits",
    "BankBits",
    "SliceBits",
    "OutputHalfWords",
)
ONE = (1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1)
SLICES = (2, 7, 5, 6, 3, 2, 1, 6, 5, 6, 2, 2, 19)
TWO_WORDS = (5, 4, 3, 4, 1, 3, 2, 5, 5, 3, 1, 1, 4)
THREE_WORDS = (5, 6, 5, 3, 1, 2, 3, 7, 4, 7, 3, 1, 33)


@pytest.mark.parametrize(
    ("values", "simulator"),
    [(THREE_WORDS, "verilator"), (SLICES, "icarus"), (ONE, "icarus"), (TWO_WORDS, "icarus")],
)
def test_writer(bench: Bench, values: tuple[int, ...], simulator: str) -> None:
    bench.run("writer", dict(zip(NAMES, values, strict=True)), simulator=simulator)
