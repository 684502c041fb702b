"""ternc_shell: bits go in and come out one by one, in the order of the ports."""

from __future__ import annotations

from typing import Any

import cocotb
from rtl_play import PARAMETERS, SEEDS
from rtl_steps import Steps

INPUTS, OUTPUTS = PARAMETERS["Inputs"], PARAMETERS["Outputs"]


@cocotb.test()
@cocotb.parametrize(seed=SEEDS)
async def test_shifts_both_ways(dut: Any, seed: int) -> None:
    steps = Steps(dut, seed)
    for _ in range(5):
        sent, shown = steps.bits(INPUTS), steps.bits(OUTPUTS)
        await steps.next()
        for bit in reversed(range(INPUTS)):
            await steps.settle(sdi_i=sent >> bit & 1, load_i=0, outputs_i=shown)
            await steps.next()
        await steps.settle(load_i=1)
        steps.check(inputs_o=sent)
        await steps.next()
        await steps.settle(load_i=0)
        await steps.next()
        for bit in range(OUTPUTS):
            await steps.settle(load_i=0)
            steps.check(sdo_o=shown >> bit & 1)
            await steps.next()
