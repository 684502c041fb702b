"""ternc_load_stage: the bus, a cycle later, from the first edge on without a write of its own."""

import random
from typing import Any

import cocotb
from cocotb.triggers import ReadOnly
from rtl_play import PARAMETERS, SEEDS, Stimulus, column, compare, late, play

BITS = PARAMETERS["LoadBits"]


def stimulus(rng: random.Random) -> Stimulus:
    for _ in range(200):
        yield {"load_i": rng.getrandbits(BITS)}


@cocotb.test()
async def it_starts_without_a_write(dut: Any) -> None:
    await ReadOnly()
    assert dut.load_o.value[BITS - 1] == 0


@cocotb.test()
@cocotb.parametrize(seed=SEEDS)
async def a_word_comes_a_cycle_later(dut: Any, seed: int) -> None:
    trace = await play(dut, stimulus(random.Random(seed)), ["load_o"], ["load_i"])
    compare(trace, [{"load_o": value} for value in late(column(trace, "load_i"), 1)])
