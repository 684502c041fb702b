"""ternc_operand against one choice for every code."""

from __future__ import annotations

from typing import Any

import cocotb
from cocotb.triggers import FallingEdge
from rtl_play import PARAMETERS, SEEDS, pack, unpack
from rtl_steps import Steps

ROWS, LANES = PARAMETERS["Rows"], PARAMETERS["Lanes"]
ACT, INPUT, FEATURE = PARAMETERS["ActBits"], PARAMETERS["InputBits"], PARAMETERS["FeatureBits"]


def chosen(from_input: int, pad: int, mask: int, inputs: int, features: int) -> int:
    """What the array gets."""
    width, vector = (INPUT, inputs) if from_input else (FEATURE, features)
    codes = unpack(vector, width, ROWS * LANES)
    return pack([codes[i] if mask >> (i // LANES) & 1 else pad for i in range(ROWS * LANES)], ACT)


@cocotb.test()
@cocotb.parametrize(seed=SEEDS)
async def test_chooses_codes(dut: Any, seed: int) -> None:
    """One random vector a cycle; the memory that is not read is undefined."""
    steps = Steps(dut, seed)
    await FallingEdge(dut.clk_i)
    expected = None
    for _ in range(400):
        from_input, pad, mask = steps.bits(1), steps.bits(ACT), steps.bits(ROWS)
        inputs, features = steps.bits(ROWS * LANES * INPUT), steps.bits(ROWS * LANES * FEATURE)
        await steps.settle(
            from_input_i=from_input,
            pad_i=pad,
            mask_i=mask,
            input_i=inputs if from_input else steps.junk(ROWS * LANES * INPUT),
            feature_i=steps.junk(ROWS * LANES * FEATURE) if from_input else features,
        )
        if expected is not None:
            steps.check(act_o=expected)
        expected = chosen(from_input, pad, mask, inputs, features)
        await steps.next()
