"""ternc_last against counting."""

from __future__ import annotations

from typing import Any

import cocotb
from control_bench import PARAMETERS, Bench

BEATS = PARAMETERS["Beats"]


@cocotb.test()
async def test_marks_every_last_beat(dut: Any) -> None:
    """Beats move at a random pace; a reset in the middle of a frame starts a new one."""
    bench = Bench(dut, "last")
    for _ in range(3):
        await bench.reset(move_i=1)
        pace, moved = bench.pace(), 0
        while moved < 7 * BEATS + BEATS // 2 + 2:
            move = pace.go()
            await bench.settle(move_i=int(move))
            bench.check(last_o=int(moved % BEATS == BEATS - 1))
            moved += move
            await bench.next()
