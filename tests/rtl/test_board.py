"""The modules that test a design on a board: ternc_uart_tx, ternc_power_on and ternc_board_*."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from rtl_bench import Bench

SIMULATORS = ["verilator", "icarus"]


def image(folder: Path, words: int, width: int) -> str:
    """A memory file of random words; its path."""
    rng = random.Random(words)
    path = folder / "image.mem"
    path.write_text("".join(f"{rng.getrandbits(width):x}\n" for _ in range(words)))
    return str(path)


@pytest.mark.parametrize("divisor", [1, 2, 7, 217])
def test_uart_tx(bench: Bench, divisor: int) -> None:
    bench.run("uart_tx", {"Divisor": divisor}, simulator="icarus")


@pytest.mark.parametrize("simulator", SIMULATORS)
@pytest.mark.parametrize("cycles", [2, 15])
def test_power_on(bench: Bench, cycles: int, simulator: str) -> None:
    bench.run("power_on", {"Cycles": cycles}, simulator=simulator)


@pytest.mark.parametrize(("width", "beats", "frames"), [(8, 1, 1), (24, 4, 3), (70, 5, 4), (3, 1, 9)])
def test_board_play(bench: Bench, tmp_path: Path, width: int, beats: int, frames: int) -> None:
    bench.run(
        "board_play",
        {
            "Width": width,
            "Beats": beats,
            "Frames": frames,
            "InitFile": image(tmp_path, beats * frames, width),
        },
        simulator="icarus",
    )


@pytest.mark.parametrize(
    ("width", "beats", "frames", "period", "care", "last"),
    [(8, 1, 1, 1, 8, 8), (24, 6, 3, 2, 20, 5), (16, 4, 4, 1, 13, 13)],
)
def test_board_check(
    bench: Bench, tmp_path: Path, width: int, beats: int, frames: int, period: int, care: int, last: int
) -> None:
    parameters = {
        "Width": width,
        "Beats": beats,
        "Frames": frames,
        "Period": period,
        "CareBits": care,
        "LastBits": last,
    }
    name = image(tmp_path, beats * frames, width)
    bench.run("board_check", {**parameters, "InitFile": name}, simulator="icarus")


@pytest.mark.parametrize("simulator", SIMULATORS)
def test_board_line(bench: Bench, simulator: str) -> None:
    bench.run("board_line", {}, simulator=simulator)


@pytest.mark.parametrize(("streams", "outputs"), [(2, 1), (5, 3)])
def test_board_test(bench: Bench, streams: int, outputs: int) -> None:
    sizes = {"Streams": streams, "Outputs": outputs, "Frames": 7, "Timeout": 90, "Pause": 600, "Divisor": 2}
    bench.run("board_test", sizes, simulator="icarus")
