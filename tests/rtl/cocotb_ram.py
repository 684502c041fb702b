"""ternc_ram: a word is read as it was last written, two cycles after its address."""

import random
from typing import Any

import cocotb
from rtl_play import PARAMETERS, PATTERNS, SEEDS, Stimulus, compare, draw, late, pauses, play

INPUTS = ["wr_en_i", "wr_addr_i", "wr_data_i", "rd_addr_i"]


def stimulus(rng: random.Random, idle: str) -> Stimulus:
    idles = pauses(rng, idle)
    for _ in range(400):
        yield {
            "wr_en_i": int(not next(idles) and rng.random() < 0.9),
            "wr_addr_i": rng.randrange(PARAMETERS["Depth"]),
            "wr_data_i": draw(rng, PARAMETERS["Width"]),
            "rd_addr_i": rng.randrange(PARAMETERS["Depth"]),
        }


@cocotb.test()
@cocotb.parametrize(seed=SEEDS, idle=PATTERNS)
async def reads_give_the_last_write(dut: Any, seed: int, idle: str) -> None:
    trace = await play(dut, stimulus(random.Random(seed), idle), ["rd_data_o"], INPUTS)
    memory: dict[int, int] = {}
    read: list[int | None] = []
    for inputs, _ in trace:
        collides = inputs["wr_en_i"] and inputs["wr_addr_i"] == inputs["rd_addr_i"]
        read.append(None if collides else memory.get(inputs["rd_addr_i"]))
        if inputs["wr_en_i"]:
            memory[inputs["wr_addr_i"]] = inputs["wr_data_i"]
    compare(trace, [{"rd_data_o": value} for value in late(read, 2)])
