"""ternc_input against the place of every beat."""

from __future__ import annotations

from typing import Any

import cocotb
from rtl_play import PARAMETERS, SEEDS, pack, unpack
from rtl_steps import Steps

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


async def load(steps: Steps, frames: int, *, always: bool) -> None:
    """Frames go in and are released; everything is checked in every cycle.

    Args:
        frames: Released ones after which to stop.
        always: No pauses on either side.
    """
    beats = P["Width"] * P["Height"] * P["Chunks"]
    offers, releases = steps.pauses(), steps.pauses()
    loaded = released = beat = 0
    data, offered = 0, False
    write: dict[str, int] = {"wr_en_o": 0}
    while released < frames:
        if not offered and (always or not next(offers)):
            data, offered = steps.bits(WORD_BITS), True
        available = loaded > released
        release = available and (always or not next(releases))
        await steps.settle(
            valid_i=int(offered),
            data_i=data if offered else steps.junk(WORD_BITS),
            release_i=int(release),
        )
        ready = steps.cycle >= WARM_UP and loaded - released < 2
        steps.check(ready_o=int(ready), avail_o=int(available), **write)
        steps.check(base_o=place(released % 2, 0)[1])
        write = {"wr_en_o": 0}
        if offered and ready:
            codes = [code + P["Offset"] for code in unpack(data, P["ElemBits"], P["Lanes"])]
            bank, addr = place(loaded % 2, beat)
            write = {
                "wr_en_o": 1,
                "wr_bank_o": bank,
                "wr_addr_o": addr,
                "wr_data_o": pack(codes, P["ElemBits"]),
            }
            offered = False
            beat = (beat + 1) % beats
            loaded += beat == 0
        released += release
        await steps.next()


@cocotb.test()
@cocotb.parametrize(seed=SEEDS)
async def test_places_beats(dut: Any, seed: int) -> None:
    """Random pauses on both sides."""
    steps = Steps(dut, seed)
    await steps.reset(valid_i=0, release_i=0)
    await load(steps, FRAMES, always=False)


@cocotb.test()
@cocotb.parametrize(seed=SEEDS)
async def test_one_beat_a_cycle(dut: Any, seed: int) -> None:
    """A beat every cycle while a half is free, frames released at once; resets in the middle of frames."""
    steps = Steps(dut, seed)
    for _ in range(3):
        await steps.reset(valid_i=1, release_i=0, data_i=0)
        await load(steps, FRAMES, always=True)
        for _ in range(steps.random.randint(0, 5)):
            await steps.next()
