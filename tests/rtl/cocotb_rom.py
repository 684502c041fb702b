"""ternc_rom: the file's words, two cycles after their address."""

import random
from pathlib import Path
from typing import Any

import cocotb
from rtl_play import PARAMETERS, SEEDS, Stimulus, column, compare, late, play


def stimulus(rng: random.Random) -> Stimulus:
    for _ in range(300):
        yield {"addr_i": rng.randrange(PARAMETERS["Depth"])}


@cocotb.test()
@cocotb.parametrize(seed=SEEDS)
async def a_word_comes_two_cycles_after_its_address(dut: Any, seed: int) -> None:
    words = [int(line, 16) for line in Path(PARAMETERS["InitFile"]).read_text().split()]
    trace = await play(dut, stimulus(random.Random(seed)), ["data_o"], ["addr_i"])
    read = [words[address] for address in column(trace, "addr_i")]
    compare(trace, [{"data_o": value} for value in late(read, 2)])
