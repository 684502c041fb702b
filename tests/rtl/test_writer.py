"""ternc_writer."""

import pytest
from rtl_bench import Bench

NAMES = (
    "Cols",
    "ValueBits",
    "FeatureBits",
    "Outputs",
    "Slices",
    "SliceLanes",
    "Words",
    "WrBits",
    "AddrBits",
    "FeatureAddrBits",
    "OutputAddrBits",
    "BankBits",
    "SliceBits",
)
ONE = (1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1)
SLICES = (2, 7, 5, 2, 3, 2, 1, 6, 6, 5, 6, 2, 2)
TWO_WORDS = (5, 4, 3, 3, 1, 3, 2, 5, 7, 5, 7, 1, 1)
THREE_WORDS = (5, 6, 5, 2, 1, 2, 3, 7, 7, 4, 5, 3, 1)


@pytest.mark.parametrize(
    ("values", "simulator"),
    [(THREE_WORDS, "verilator"), (SLICES, "icarus"), (ONE, "icarus"), (TWO_WORDS, "icarus")],
)
def test_writer(bench: Bench, values: tuple[int, ...], simulator: str) -> None:
    bench.run("writer", dict(zip(NAMES, values, strict=True)), simulator=simulator)
