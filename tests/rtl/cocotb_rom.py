"""ternc_rom: the file's words, and those that were loaded since, one or two cycles after their address."""

import random
from pathlib import Path
from typing import Any

import cocotb
from rtl_play import PARAMETERS, SEEDS, Expected, Stimulus, column, compare, late, play

DEPTH, LATENCY = PARAMETERS["Depth"], PARAMETERS.get("Latency", 2)
MEMORY, LOAD = PARAMETERS.get("Memory", 0), PARAMETERS.get("LoadWidth", 0)


def load(write: int, memory: int, address: int, data: int) -> int:
    """The load bus."""
    bus: int = ((write << 16 | memory) << 24 | address) << LOAD | data
    return bus


def stimulus(rng: random.Random) -> Stimulus:
    for _ in range(600):
        memory = rng.choice((MEMORY, MEMORY, MEMORY ^ 1 << rng.randrange(16)))
        word = load(rng.getrandbits(1), memory, rng.randrange(DEPTH), rng.getrandbits(LOAD))
        yield {"addr_i": rng.randrange(DEPTH), "load_i": word}


@cocotb.test()
@cocotb.parametrize(seed=SEEDS)
async def a_word_comes_behind_its_address(dut: Any, seed: int) -> None:
    """Where it is written in the cycle in which it is read, anything comes."""
    words: list[int | None] = [None] * DEPTH
    if seed == SEEDS[0] or not LOAD:  # the simulator keeps what an earlier test has written
        words = [int(line, 16) for line in Path(PARAMETERS["InitFile"]).read_text().split()]
    trace = await play(dut, stimulus(random.Random(seed)), ["data_o"], ["addr_i", "load_i"])
    read: list[int | None] = []
    for address, bus in zip(column(trace, "addr_i"), column(trace, "load_i"), strict=True):
        write, memory = bus >> LOAD + 40, bus >> LOAD + 24 & 0xFFFF
        mine = LOAD and write and memory == MEMORY
        at = bus >> LOAD & 0xFFFFFF
        read.append(None if mine and at == address else words[address])
        if mine:
            words[at] = bus & (1 << PARAMETERS["Width"]) - 1
    expected: list[Expected] = [{"data_o": value} for value in late(read, LATENCY)]
    compare(trace, expected)
