"""ternc_feature_memory: neighbouring pixels from different banks, turned into place."""

import random
from typing import Any

import cocotb
from rtl_play import (
    PARAMETERS,
    PATTERNS,
    SEEDS,
    Cycle,
    Expected,
    Stimulus,
    compare,
    draw,
    log2,
    pack,
    pauses,
    play,
    unpack,
)

ROWS, SLICES, DEPTH = PARAMETERS["Rows"], PARAMETERS["Slices"], PARAMETERS["Depth"]
CODE, ACT, SLICE_LANES = PARAMETERS["CodeBits"], PARAMETERS["ActBits"], PARAMETERS["SliceLanes"]
WORD_BITS = PARAMETERS["Lanes"] * ACT
SLICE_BITS = SLICE_LANES * CODE
WRAP = 1 << max(1, log2(DEPTH))
INPUTS = ["wr_en_i", "wr_bank_i", "wr_addr_i", "wr_data_i", "rd_addr_i", "rd_rot_i"]


def draw_read(rng: random.Random) -> tuple[int, int]:
    """An address and a rotation that stay within the memory."""
    while True:
        address, rotation = rng.randrange(DEPTH), rng.randrange(ROWS)
        if rotation == 0 or (address + 1) % WRAP < DEPTH:
            return address, rotation


def stimulus(rng: random.Random, idle: str) -> Stimulus:
    """Fill the memory, then read and write at random."""
    fill = [(bank, address) for bank in range(ROWS) for address in range(DEPTH)]
    rng.shuffle(fill)
    idles = pauses(rng, idle)
    for number in range(len(fill) + 300):
        address, rotation = draw_read(rng)
        if number < len(fill):
            enable, (bank, place) = (1 << SLICES) - 1, fill[number]
        else:
            enable, bank, place = rng.getrandbits(SLICES), rng.randrange(ROWS), rng.randrange(DEPTH)
            enable = 0 if next(idles) else enable
        yield {
            "wr_en_i": enable,
            "wr_bank_i": bank,
            "wr_addr_i": place,
            "wr_data_i": draw(rng, SLICES * SLICE_BITS),
            "rd_addr_i": address,
            "rd_rot_i": rotation,
        }


def model(trace: list[Cycle]) -> list[Expected]:
    """What every cycle must show; nothing for a read of something unwritten or just being written."""
    memory: dict[tuple[int, int, int], int] = {}
    expected: list[Expected] = [{} for _ in range(3)]
    for inputs, _ in trace[:-3]:
        written = {
            (inputs["wr_bank_i"], inputs["wr_addr_i"], s): inputs["wr_data_i"] >> s * SLICE_BITS
            & (1 << SLICE_BITS) - 1
            for s in range(SLICES)
            if inputs["wr_en_i"] >> s & 1
        }
        answer: int | None = 0
        for r in range(ROWS):
            bank = (r + inputs["rd_rot_i"]) % ROWS
            address = (inputs["rd_addr_i"] + (bank < inputs["rd_rot_i"])) % WRAP
            for s in range(SLICES):
                place = (bank, address, s)
                if answer is None or place in written or place not in memory:
                    answer = None
                else:
                    codes = pack(unpack(memory[place], CODE, SLICE_LANES), ACT)
                    answer |= codes << (r * WORD_BITS + s * SLICE_LANES * ACT)
        expected.append({"rd_data_o": answer})
        memory |= written
    return expected


@cocotb.test()
@cocotb.parametrize(seed=SEEDS, idle=PATTERNS)
async def reads_give_rows_neighbouring_words(dut: Any, seed: int, idle: str) -> None:
    trace = await play(dut, stimulus(random.Random(seed), idle), ["rd_data_o"], INPUTS)
    compare(trace, model(trace))
