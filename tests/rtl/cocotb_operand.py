"""ternc_operand against one choice for every code."""

from __future__ import annotations

from typing import Any

import cocotb
from control_bench import PARAMETERS, Bench, join, split
from cocotb.triggers import FallingEdge

ROWS, LANES = PARAMETERS["Rows"], PARAMETERS["Lanes"]
ACT, INPUT, FEATURE = PARAMETERS["ActBits"], PARAMETERS["InputBits"], PARAMETERS["FeatureBits"]


def chosen(from_input: int, pad: int, mask: int, inputs: int, features: int) -> int:
    """What the array gets."""
    width, vector = (INPUT, inputs) if from_input else (FEATURE, features)
    codes = split(vector, width, ROWS * LANES)
    return join([codes[i] if mask >> (i // LANES) & 1 else pad for i in range(ROWS * LANES)], ACT)


@cocotb.test()
async def test_chooses_codes(dut: Any) -> None:
    """One random vector a cycle; the memory that is not read is undefined."""
    bench = Bench(dut, "operand")
    await FallingEdge(dut.clk_i)
    expected = None
    for _ in range(400):
        from_input, pad, mask = bench.bits(1), bench.bits(ACT), bench.bits(ROWS)
        inputs, features = bench.bits(ROWS * LANES * INPUT), bench.bits(ROWS * LANES * FEATURE)
        await bench.settle(
            from_input_i=from_input,
            pad_i=pad,
            mask_i=mask,
            input_i=inputs if from_input else bench.junk(ROWS * LANES * INPUT),
            feature_i=bench.junk(ROWS * LANES * FEATURE) if from_input else features,
        )
        if expected is not None:
            bench.check(act_o=expected)
        expected = chosen(from_input, pad, mask, inputs, features)
        await bench.next()
