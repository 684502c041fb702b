"""ternc_feature_memory: vectors written at any piece, neighbouring pixels from different banks, turned into place."""

import random
from math import gcd
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

ROWS, DEPTH, CODE, ACT = (PARAMETERS[name] for name in ("Rows", "Depth", "CodeBits", "ActBits"))
LANES, STORED, COLS, PIECE = (PARAMETERS[name] for name in ("Lanes", "StoredLanes", "Cols", "Piece"))
PIXELS = PARAMETERS["Pixels"]
PARTS = -(-COLS // STORED)
PIECES = PARTS * STORED // PIECE
VECTOR = COLS // PIECE
GRID = gcd(VECTOR, PIECES)
ADDRESS, BANK = max(1, log2(DEPTH)), max(1, log2(ROWS))
WRAP = 1 << ADDRESS
INPUTS = [
    *("wr_en_i", "wr_bank_i", "wr_addr_i", "wr_next_i", "wr_piece_i", "wr_data_i"),
    *("rd_addr_i", "rd_rot_i", "rd_part_i"),
]


def draw_read(rng: random.Random) -> tuple[int, int]:
    """An address and a rotation that stay within the memory."""
    while True:
        address, rotation = rng.randrange(DEPTH), rng.randrange(ROWS)
        if rotation == 0 or (address + 1) % WRAP < DEPTH:
            return address, rotation


def stimulus(rng: random.Random, idle: str) -> Stimulus:
    """Fill every RAM of the memory, then read and write at random."""
    starts = range(0, PIECES, GRID)
    banks = list(range(ROWS))
    fill = [(bank, address, start) for bank in banks for address in range(DEPTH) for start in starts]
    rng.shuffle(fill)
    idles = pauses(rng, idle)
    for number in range(len(fill) + 300):
        address, rotation = draw_read(rng)
        pixel = rng.randrange(PIXELS)
        if number < len(fill):
            bank, place, start = fill[number]
            enable = rng.getrandbits(PIXELS) | 1 << pixel
        else:
            bank, place, start = rng.randrange(ROWS), rng.randrange(DEPTH), rng.choice(starts)
            enable = 0 if next(idles) else rng.getrandbits(PIXELS)
        written = rng.sample(banks, PIXELS)  # different ones
        if bank in written:
            written[written.index(bank)] = written[pixel]
        written[pixel] = bank
        places = [rng.randrange(DEPTH) for _ in range(PIXELS)]
        places[pixel] = place
        yield {
            "wr_en_i": enable,
            "wr_bank_i": pack(written, BANK),
            "wr_addr_i": pack(places, ADDRESS),
            "wr_next_i": pack([rng.randrange(DEPTH) for _ in range(PIXELS)], ADDRESS),
            "wr_piece_i": start,
            "wr_data_i": pack([draw(rng, CODE) for _ in range(PIXELS * COLS)], CODE),
            "rd_addr_i": address,
            "rd_rot_i": rotation,
            "rd_part_i": rng.randrange(PARTS),
        }


def written(inputs: dict[str, int]) -> dict[tuple[int, int, int], int]:
    """The codes that a cycle writes, by bank, address and number within the wide word."""
    found: dict[tuple[int, int, int], int] = {}
    banks, addresses, following = (
        unpack(inputs[name], bits, PIXELS)
        for name, bits in (("wr_bank_i", BANK), ("wr_addr_i", ADDRESS), ("wr_next_i", ADDRESS))
    )
    for n, code in enumerate(unpack(inputs["wr_data_i"], CODE, PIXELS * COLS)):
        i, c = divmod(n, COLS)
        around, place = divmod(inputs["wr_piece_i"] * PIECE + c, PIECES * PIECE)
        if inputs["wr_en_i"] >> i & 1:
            found[banks[i], following[i] if around else addresses[i], place] = code
    return found


def model(trace: list[Cycle]) -> list[Expected]:
    """What every cycle must show; nothing for a read of something unwritten or just being written."""
    memory: dict[tuple[int, int, int], int] = {}
    expected: list[Expected] = [{} for _ in range(3)]
    for inputs, _ in trace[:-3]:
        new = written(inputs)
        answer: int | None = 0
        for r in range(ROWS):
            bank = (r + inputs["rd_rot_i"]) % ROWS
            address = (inputs["rd_addr_i"] + (bank < inputs["rd_rot_i"])) % WRAP
            for lane in range(STORED):
                place = (bank, address, inputs["rd_part_i"] * STORED + lane)
                if answer is None or place in new or place not in memory:
                    answer = None
                else:
                    answer |= memory[place] << (r * LANES + lane) * ACT
        expected.append({"rd_data_o": answer})
        memory |= new
    return expected


@cocotb.test()
@cocotb.parametrize(seed=SEEDS, idle=PATTERNS)
async def reads_give_rows_neighbouring_words(dut: Any, seed: int, idle: str) -> None:
    trace = await play(dut, stimulus(random.Random(seed), idle), ["rd_data_o"], INPUTS)
    compare(trace, model(trace))
