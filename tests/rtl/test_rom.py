"""Unit regression of ternc_rom."""

import random
from pathlib import Path

import pytest
from rtl_bench import Bench

SHAPES = [(1, 1), (9, 13), (70, 64)]


@pytest.mark.parametrize(("width", "depth"), SHAPES)
@pytest.mark.parametrize("simulator", ["verilator", "icarus"])
def test_rom(bench: Bench, tmp_path: Path, simulator: str, width: int, depth: int) -> None:
    rng = random.Random(width)
    image = tmp_path / "image.mem"
    image.write_text("".join(f"{rng.getrandbits(width):x}\n" for _ in range(depth)))
    bench.run("rom", {"Width": width, "Depth": depth, "InitFile": str(image)}, simulator=simulator)
