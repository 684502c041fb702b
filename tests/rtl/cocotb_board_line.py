"""ternc_board_line: the text, with numbers of all lengths and a receiver that pauses."""

from __future__ import annotations

from typing import Any

import cocotb
from rtl_play import SEEDS
from rtl_steps import Steps

LINES = ("PASS {} frames, {} cycles\n", "FAIL port {} frame {} beat {}\n", "STALL port {} frame {} beat {}\n")
NUMBERS = [(0, 9, 10), (4294967295, 1000000000, 999999999), (8, 504, 0), (305, 40070, 1)]


@cocotb.test()
@cocotb.parametrize(seed=SEEDS)
async def test_lines(dut: Any, seed: int) -> None:
    steps = Steps(dut, seed)
    await steps.reset(start_i=0, kind_i=0, a_i=0, b_i=0, c_i=0, ready_i=0)
    for kind, line in enumerate(LINES):
        for a, b, c in (*NUMBERS, tuple(steps.bits(steps.random.randrange(1, 33)) for _ in range(3))):
            pauses, said, done = steps.pauses(), "", 0
            await steps.settle(start_i=1, kind_i=kind, a_i=a, b_i=b, c_i=c, ready_i=1)
            steps.check(valid_o=0, done_o=0)
            await steps.next()
            for _ in range(3000):
                ready = int(not next(pauses))
                await steps.settle(start_i=0, ready_i=ready)
                if steps.get("valid_o") and ready:
                    said += chr(steps.get("data_o"))
                done = steps.get("done_o")
                await steps.next()
                if done:
                    break
            assert done
            assert said == line.format(a, b, c)
