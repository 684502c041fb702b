"""ternc_collector."""

import random
from pathlib import Path

import pytest
from rtl_bench import Bench

NAMES = (
    *(
        "Rows",
        "Cols",
        "ValueBits",
        "FeatureBits",
        "Links",
        "StartDelay",
        "InfoLog2",
        "WrBits",
        "BankBits",
        "PieceBits",
    ),
    *("TileBits", "StepBits", "LinkXBits", "XmapDepth", "Drain"),
)
ONE = (1, 1, 2, 1, 1, 7, 5, 3, 1, 1, 1, 1, 1, 1, 1)
THREE = (3, 2, 6, 5, 2, 9, 3, 6, 2, 2, 3, 2, 4, 11, 1)
FOUR = (4, 5, 5, 4, 3, 11, 3, 5, 2, 3, 1, 1, 3, 9, 1)
ONE_ROW = (1, 3, 4, 3, 1, 12, 5, 6, 1, 1, 2, 1, 3, 7, 1)
TWO = (6, 2, 6, 5, 2, 9, 3, 6, 3, 2, 3, 2, 4, 11, 2)
ALL = (4, 3, 5, 4, 3, 11, 5, 5, 2, 3, 1, 1, 3, 9, 4)


def write_xmap(path: Path, values: tuple[int, ...]) -> None:
    """Random places, a quarter of them outside the map."""
    p = dict(zip(NAMES, values, strict=True))
    draw = random.Random(7)
    bits = p["WrBits"] + p["BankBits"]
    words = []
    for n in range(p["XmapDepth"]):
        words.append(draw.getrandbits(p["LinkXBits"]))
        valid = n == 0 or draw.random() < 0.75
        for i in range(p["Drain"]):
            place = draw.getrandbits(bits) | int(valid) << bits
            words[-1] |= place << p["LinkXBits"] + i * (bits + 1)
            valid = valid and draw.random() < 0.75  # the first ones
    path.write_text("".join(f"{word:x}\n" for word in words))


@pytest.mark.parametrize(
    ("values", "simulator"),
    [
        (FOUR, "verilator"),
        (THREE, "icarus"),
        (ONE, "icarus"),
        (ONE_ROW, "icarus"),
        (TWO, "icarus"),
        (ALL, "icarus"),
    ],
)
def test_collector(bench: Bench, tmp_path: Path, values: tuple[int, ...], simulator: str) -> None:
    xmap = tmp_path / "xmap.hex"
    write_xmap(xmap, values)
    parameters = dict(zip(NAMES, values, strict=True)) | {"XmapFile": str(xmap)}
    bench.run("collector", parameters, simulator=simulator)
