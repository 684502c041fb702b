"""ternc_last against counting."""

from __future__ import annotations

from typing import Any

import cocotb
from rtl_play import PARAMETERS, SEEDS
from rtl_steps import Steps

BEATS = PARAMETERS["Beats"]


@cocotb.test()
@cocotb.parametrize(seed=SEEDS)
async def test_marks_every_last_beat(dut: Any, seed: int) -> None:
    """Beats move at a random pace; a reset in the middle of a frame starts a new one."""
    steps = Steps(dut, seed)
    for _ in range(3):
        await steps.reset(move_i=1)
        pace, moved = steps.pauses(), 0
        while moved < 7 * BEATS + BEATS // 2 + 2:
            move = not next(pace)
            await steps.settle(move_i=int(move))
            steps.check(last_o=int(moved % BEATS == BEATS - 1))
            moved += move
            await steps.next()
