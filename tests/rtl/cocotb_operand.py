"""ternc_operand against one choice for every code."""

from __future__ import annotations

from typing import Any

import cocotb
from cocotb.triggers import FallingEdge
from cocotb.types import LogicArray
from rtl_play import PARAMETERS, SEEDS, pack, unpack
from rtl_steps import Steps

ROWS, LANES, ACT = PARAMETERS["Rows"], PARAMETERS["Lanes"], PARAMETERS["ActBits"]
SOURCES = PARAMETERS["Sources"]
BITS: int = ROWS * LANES * ACT


def chosen(words: int, pad: int, mask: int) -> int:
    """What the array gets."""
    codes = unpack(words, ACT, ROWS * LANES)
    return pack([codes[i] if mask >> (i // LANES) & 1 else pad for i in range(ROWS * LANES)], ACT)


def memories(steps: Steps, source: int, words: int) -> int | LogicArray:
    """The words of all memories; those of the others are undefined together, where the simulator knows that."""
    below, above = steps.bits(source * BITS), steps.bits((SOURCES - 1 - source) * BITS)
    if isinstance(steps.junk(1), int):
        return (above << BITS | words) << source * BITS | below
    unknown = "X" * BITS
    return LogicArray(unknown * (SOURCES - 1 - source) + f"{words:0{BITS}b}" + unknown * source)


@cocotb.test()
@cocotb.parametrize(seed=SEEDS)
async def test_chooses_codes(dut: Any, seed: int) -> None:
    """One random vector a cycle, from one of the memories."""
    steps = Steps(dut, seed)
    await FallingEdge(dut.clk_i)
    expected = None
    for _ in range(400):
        source, pad, mask = steps.random.randrange(SOURCES), steps.bits(ACT), steps.bits(ROWS)
        words = steps.bits(BITS)
        await steps.settle(source_i=source, pad_i=pad, mask_i=mask, sources_i=memories(steps, source, words))
        if expected is not None:
            steps.check(act_o=expected)
        expected = chosen(words, pad, mask)
        await steps.next()
