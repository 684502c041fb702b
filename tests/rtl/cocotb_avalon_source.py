"""ternc_avalon_source: bytes reversed, a packet's first and last beat marked."""

from __future__ import annotations

from typing import Any

import cocotb
from rtl_play import PARAMETERS, SEEDS
from rtl_steps import Steps

BYTES = PARAMETERS["Bytes"]


def swapped(data: int) -> int:
    return int.from_bytes(data.to_bytes(BYTES, "little"), "big")


@cocotb.test()
@cocotb.parametrize(seed=SEEDS)
async def test_marks_packets_and_reverses_bytes(dut: Any, seed: int) -> None:
    """Beats come and are taken at random; a reset in the middle of a packet starts a new one."""
    steps = Steps(dut, seed)
    for _ in range(3):
        await steps.reset(valid_i=1, ready_i=1, last_i=0, data_i=0)
        idle, stall, first = steps.pauses(), steps.pauses(), True
        for _ in range(60):
            valid, ready = int(not next(idle)), int(not next(stall))
            last, data = int(steps.random.random() < 0.3), steps.bits(8 * BYTES)
            await steps.settle(valid_i=valid, ready_i=ready, last_i=last, data_i=data)
            steps.check(valid_o=valid, ready_o=ready, data_o=swapped(data), endofpacket_o=last)
            steps.check(startofpacket_o=int(first))
            if valid and ready:
                first = bool(last)
            await steps.next()
