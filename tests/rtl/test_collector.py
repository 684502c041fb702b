"""ternc_collector."""

import random
from pathlib import Path

import pytest
from rtl_bench import Bench

NAMES = (
    "Rows",
    "Cols",
    "ValueBits",
    "FeatureBits",
    "Outputs",
    "Slices",
    "SliceLanes",
    "DrainPeriod",
    "StartDelay",
    "InfoLog2",
    "WrBits",
    "FeatureAddrBits",
    "OutputAddrBits",
    "BankBits",
    "SliceBits",
    "XmapDepth",
)
ONE = (1, 1, 2, 1, 1, 1, 1, 1, 7, 5, 3, 2, 3, 1, 1, 1)
SLICES = (3, 2, 6, 5, 2, 3, 2, 1, 9, 3, 6, 5, 4, 2, 2, 11)
WORDS = (3, 5, 5, 4, 3, 1, 2, 3, 11, 2, 5, 5, 7, 2, 1, 9)
ONE_ROW = (1, 3, 4, 3, 1, 1, 2, 2, 12, 4, 6, 6, 4, 1, 1, 7)


def write_xmap(path: Path, values: tuple[int, ...]) -> None:
    """Random places, a quarter of them outside the map."""
    p = dict(zip(NAMES, values, strict=True))
    draw = random.Random(7)
    words = [
        draw.getrandbits(p["BankBits"] + p["WrBits"])
        | int(n == 0 or draw.random() < 0.75) << (p["BankBits"] + p["WrBits"])
        for n in range(p["XmapDepth"])
    ]
    path.write_text("".join(f"{word:x}\n" for word in words))


@pytest.mark.parametrize(
    ("values", "simulator"),
    [(WORDS, "verilator"), (SLICES, "icarus"), (ONE, "icarus"), (ONE_ROW, "icarus")],
)
def test_collector(bench: Bench, tmp_path: Path, values: tuple[int, ...], simulator: str) -> None:
    xmap = tmp_path / "xmap.hex"
    write_xmap(xmap, values)
    parameters = dict(zip(NAMES, values, strict=True)) | {"XmapFile": str(xmap)}
    bench.run("collector", parameters, simulator=simulator)
