"""ternc_board_play: every word of the file once, in order, with its last, and without a gap if nobody stalls."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cocotb
from rtl_play import PARAMETERS, SEEDS
from rtl_steps import Steps

BEATS, FRAMES = PARAMETERS["Beats"], PARAMETERS["Frames"]
WORDS = [int(line, 16) for line in Path(PARAMETERS["InitFile"]).read_text().split()]


@cocotb.test()
@cocotb.parametrize(seed=SEEDS, stall=[False, True])
async def test_words_come_in_order(dut: Any, seed: int, stall: bool) -> None:
    steps = Steps(dut, seed)
    for _ in range(2):  # a reset begins anew
        await steps.reset(ready_i=1, start_i=0)
        for _ in range(6):
            await steps.settle()
            steps.check(valid_o=0)
            await steps.next()
        pauses, found, cycles = steps.pauses(), list[tuple[int, int]](), 0
        while len(found) < len(WORDS):
            ready = int(not (stall and next(pauses)))
            await steps.settle(start_i=1, ready_i=ready)
            if steps.get("valid_o") and ready:
                found.append((steps.get("data_o"), steps.get("last_o")))
            await steps.next()
            cycles += 1
            assert cycles < 40 * len(WORDS) + 100, f"only {found} came"
        assert found == [(word, int(i % BEATS == BEATS - 1)) for i, word in enumerate(WORDS)]
        if not stall:
            assert cycles == len(WORDS)
        for _ in range(12):
            await steps.settle()
            steps.check(valid_o=0)
            await steps.next()
