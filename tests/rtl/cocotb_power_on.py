"""ternc_power_on: some cycles of reset, once."""

from __future__ import annotations

from typing import Any

import cocotb
from rtl_play import PARAMETERS
from rtl_steps import Steps


@cocotb.test()
async def test_one_reset(dut: Any) -> None:
    steps = Steps(dut, 1)
    found = []
    await steps.next()
    for _ in range(PARAMETERS["Cycles"] + 40):
        await steps.settle()
        found.append(steps.get("rst_no"))
        await steps.next()
    low = found.count(0)
    assert low in (
        PARAMETERS["Cycles"] - 1,
        PARAMETERS["Cycles"],
    )  # the clock may rise as the simulation begins
    assert found == [0] * low + [1] * (len(found) - low)
