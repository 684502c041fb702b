"""ternc_input against the place of every beat."""

from __future__ import annotations

from typing import Any

import cocotb
from control_bench import PARAMETERS, Bench, join, split

P = PARAMETERS
WORD_BITS = P["Lanes"] * P["ElemBits"]
WARM_UP = 16
FRAMES = 7


def place(half: int, beat: int) -> tuple[int, int]:
    """(bank, address) of a frame's beat."""
    pixel, chunk = divmod(beat, P["Chunks"])
    y, x = divmod(pixel, P["Width"])
    index, phase = divmod(x, P["Stride"])
    word, bank = divmod(index, P["Rows"])
    row = (y * P["Stride"] + phase) * P["PhaseWords"]
    return bank, half * P["Depth"] // 2 + chunk * P["PlaneWords"] + row + word


async def load(bench: Bench, frames: int, *, always: bool) -> None:
    """Frames go in and are released; everything is checked in every cycle.

    Args:
        frames: Released ones after which to stop.
        always: No pauses on either side.
    """
    beats = P["Width"] * P["Height"] * P["Chunks"]
    offers, releases = bench.pace(), bench.pace()
    loaded = released = beat = 0
    data, offered = 0, False
    write: dict[str, int] = {"wr_en_o": 0}
    while released < frames:
        if not offered and (always or offers.go()):
            data, offered = bench.bits(WORD_BITS), True
        available = loaded > released
        release = available and (always or releases.go())
        await bench.settle(
            valid_i=int(offered),
            data_i=data if offered else bench.junk(WORD_BITS),
            release_i=int(release),
        )
        ready = bench.cycle >= WARM_UP and loaded - released < 2
        bench.check(ready_o=int(ready), avail_o=int(available), half_o=released % 2, **write)
        write = {"wr_en_o": 0}
        if offered and ready:
            codes = [code + P["Offset"] for code in split(data, P["ElemBits"], P["Lanes"])]
            bank, addr = place(loaded % 2, beat)
            write = {
                "wr_en_o": 1,
                "wr_bank_o": bank,
                "wr_addr_o": addr,
                "wr_data_o": join(codes, P["ElemBits"]),
            }
            offered = False
            beat = (beat + 1) % beats
            loaded += beat == 0
        released += release
        await bench.next()


@cocotb.test()
async def test_places_beats(dut: Any) -> None:
    """Random pauses on both sides."""
    bench = Bench(dut, "input")
    await bench.reset(valid_i=0, release_i=0)
    await load(bench, FRAMES, always=False)


@cocotb.test()
async def test_one_beat_a_cycle(dut: Any) -> None:
    """A beat every cycle while a half is free, frames released at once; resets in the middle of frames."""
    bench = Bench(dut, "input fast")
    for _ in range(3):
        await bench.reset(valid_i=1, release_i=0, data_i=0)
        await load(bench, FRAMES, always=True)
        for _ in range(bench.random.randint(0, 5)):
            await bench.next()
