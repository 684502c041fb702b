"""Unit regression of ternc_rom."""

import random
from pathlib import Path

import pytest
from rtl_bench import Bench

LOADED = {"Memory": 300, "LoadWidth": 75}


@pytest.mark.parametrize(
    ("width", "depth", "more", "simulator"),
    [
        (9, 13, {}, "verilator"),
        (1, 1, {}, "icarus"),
        (9, 13, {"Latency": 1}, "icarus"),
        (70, 64, {}, "icarus"),
        (9, 13, LOADED, "verilator"),
        (75, 1, LOADED, "icarus"),
        (9, 13, {**LOADED, "Latency": 1}, "icarus"),
    ],
)
def test_rom(
    bench: Bench, tmp_path: Path, width: int, depth: int, more: dict[str, int], simulator: str
) -> None:
    rng = random.Random(width)
    image = tmp_path / "image.mem"
    image.write_text("".join(f"{rng.getrandbits(width):x}\n" for _ in range(depth)))
    bench.run("rom", {"Width": width, "Depth": depth, "InitFile": str(image), **more}, simulator=simulator)
