"""Unit regression of ternc_feature_memory: Cols divides StoredLanes, the other way round, or neither."""

import pytest
from rtl_bench import Bench

NAMES = ("Rows", "Lanes", "StoredLanes", "Cols", "Piece", "CodeBits", "ActBits", "Depth", "Pixels")
NEITHER = (3, 7, 4, 6, 2, 3, 5, 11, 1)
NARROW = (2, 6, 6, 4, 2, 4, 4, 7, 1)
COPRIME = (2, 3, 3, 7, 1, 2, 3, 5, 2)
TILES = (4, 8, 8, 2, 2, 8, 8, 16, 2)
PARTS = (2, 5, 3, 12, 3, 4, 8, 8, 1)
SAME = (4, 5, 5, 5, 5, 3, 3, 6, 4)
PIXELS = (7, 7, 4, 6, 2, 3, 5, 5, 3)
ONE = (1, 1, 1, 1, 1, 1, 1, 1, 1)


@pytest.mark.parametrize(
    ("values", "simulator"),
    [
        (NEITHER, "verilator"),
        (TILES, "verilator"),
        (NEITHER, "icarus"),
        (NARROW, "icarus"),
        (COPRIME, "icarus"),
        (PARTS, "icarus"),
        (SAME, "icarus"),
        (ONE, "icarus"),
        (PIXELS, "icarus"),
    ],
)
def test_feature_memory(bench: Bench, values: tuple[int, ...], simulator: str) -> None:
    bench.run("feature_memory", dict(zip(NAMES, values, strict=True)), simulator=simulator)
