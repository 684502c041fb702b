"""ternc_uart_tx: the line in every cycle, bit by bit."""

from __future__ import annotations

from typing import Any

import cocotb
from rtl_play import PARAMETERS, SEEDS
from rtl_steps import Steps

DIVISOR = PARAMETERS["Divisor"]


@cocotb.test()
@cocotb.parametrize(seed=SEEDS)
async def test_every_bit_has_its_cycles(dut: Any, seed: int) -> None:
    steps = Steps(dut, seed)
    await steps.reset(valid_i=0, data_i=0)
    for pause in (0, 0, 3, 0, 1):
        for _ in range(pause):
            await steps.settle(valid_i=0, data_i=steps.bits(8))
            steps.check(tx_o=1, ready_o=1)
            await steps.next()
        byte = steps.bits(8)
        await steps.settle(valid_i=1, data_i=byte)
        steps.check(tx_o=1, ready_o=1)
        await steps.next()
        for bit in (0, *(byte >> index & 1 for index in range(8)), 1):
            for _ in range(DIVISOR):
                await steps.settle(valid_i=steps.bits(1), data_i=steps.bits(8))
                steps.check(tx_o=bit, ready_o=0)
                await steps.next()
    await steps.settle(valid_i=0)
    steps.check(tx_o=1, ready_o=1)
