"""ternc_input against the link of every beat, with keepers that take rows at their own pace."""

from __future__ import annotations

from typing import Any

import cocotb
from rtl_play import PARAMETERS, SEEDS, pack, unpack
from rtl_steps import Steps

P = PARAMETERS
COLS, ELEM, KEEPERS = P["Cols"], P["ElemBits"], P["Keepers"]
WORD_BITS = COLS * ELEM
WARM_UP = 16
ROWS = 12
"""Rows of a run."""
HELD = 3
"""The most rows that a keeper holds."""
IDLE = {"valid_i": 0, "room_i": 0}


class Keepers:
    """Rows that each keeper has claimed and not yet freed."""

    def __init__(self, steps: Steps, *, always: bool) -> None:
        self.steps, self.always = steps, always
        self.held = [0] * KEEPERS
        self.paces = [steps.pauses() for _ in range(KEEPERS)]

    def room(self) -> int:
        """A bit for each keeper that has room; inside a row nobody may look at it."""
        return sum(1 << k for k in range(KEEPERS) if self.held[k] < HELD)

    def next(self, *, claim: bool) -> None:
        """A cycle ends: a claim is counted, rows are freed."""
        for k in range(KEEPERS):
            slow = next(self.paces[k]) or self.steps.random.randrange(P["Bundles"] * P["Chunks"]) > 0
            free = self.held[k] > 0 and (self.always or not slow)
            self.held[k] += claim - free


async def load(steps: Steps, rows: int, *, always: bool) -> None:
    """Rows go in and come out on the link; everything is checked in every cycle.

    Args:
        rows: After which to stop.
        always: No pauses on either side.
    """
    offers, keepers = steps.pauses(), Keepers(steps, always=always)
    x = tile = row = data = 0
    offered = False
    link: dict[str, int] = {"link_valid_o": 0}
    while row < rows:
        if not offered and (always or not next(offers)):
            data, offered = steps.bits(WORD_BITS), True
        inside = x > 0 or tile > 0
        room = keepers.room()
        await steps.settle(
            valid_i=int(offered), data_i=data if offered else steps.junk(WORD_BITS), room_i=room
        )
        ready = steps.cycle >= WARM_UP and (inside or room == (1 << KEEPERS) - 1)
        claim = offered and ready and not inside
        steps.check(ready_o=int(ready), claim_o=int(claim), **link)
        link = {"link_valid_o": 0}
        if offered and ready:
            codes = [code + P["Offset"] for code in unpack(data, ELEM, COLS)]
            link = {"link_valid_o": 1, "link_x_o": x, "link_tile_o": tile, "link_data_o": pack(codes, ELEM)}
            offered = False
            tile = (tile + 1) % P["Chunks"]
            x = (x + (tile == 0)) % P["Bundles"]
            row += x == 0 and tile == 0
        keepers.next(claim=claim)
        await steps.next()


@cocotb.test()
@cocotb.parametrize(seed=SEEDS)
async def test_links_beats(dut: Any, seed: int) -> None:
    """Random pauses of the stream and of each keeper."""
    steps = Steps(dut, seed)
    await steps.reset(**IDLE)
    await load(steps, ROWS, always=False)


@cocotb.test()
@cocotb.parametrize(seed=SEEDS)
async def test_one_beat_a_cycle(dut: Any, seed: int) -> None:
    """A beat every cycle; resets in the middle of rows."""
    steps = Steps(dut, seed)
    for _ in range(3):
        await steps.reset(valid_i=1, room_i=(1 << KEEPERS) - 1, data_i=0)
        await load(steps, ROWS, always=True)
        await steps.settle(room_i=(1 << KEEPERS) - 1)
        for _ in range(steps.random.randint(0, 5)):
            await steps.next()
