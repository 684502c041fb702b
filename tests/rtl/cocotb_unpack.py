"""ternc_unpack: every value of five trits, and drawn words, two cycles later."""

import random
from itertools import product
from typing import Any

import cocotb
import numpy as np
from rtl_play import PARAMETERS, SEEDS, Expected, Stimulus, compare, play

from ternc.schedule.images import packed_bits

LANES = PARAMETERS["Lanes"]
CODES = {0: 0, 1: 1, -1: 3}


def word(trits: list[int]) -> int:
    """As it is stored."""
    bits = packed_bits(np.array(trits, np.int8))
    return int(sum(int(bit) << place for place, bit in enumerate(bits)))


def drawn(rng: random.Random) -> list[list[int]]:
    """All values of the first five trits, and others."""
    first = [list(trits) for trits in product((0, 1, -1), repeat=min(LANES, 5))]
    last = [list(trits) for trits in product((0, 1, -1), repeat=LANES % 5)]
    more = [[rng.choice((0, 1, -1)) for _ in range(LANES)] for _ in range(100)]
    return [
        *(trits + [rng.choice((0, 1, -1)) for _ in range(LANES - len(trits))] for trits in first),
        *([rng.choice((0, 1, -1)) for _ in range(LANES - len(trits))] + trits for trits in last),
        *more,
    ]


def stimulus(words: list[list[int]]) -> Stimulus:
    for trits in words:
        yield {"packed_i": word(trits)}


@cocotb.test()
@cocotb.parametrize(seed=SEEDS)
async def words_are_unpacked(dut: Any, seed: int) -> None:
    words = drawn(random.Random(seed))
    trace = await play(dut, stimulus(words), ["weight_o"], ["packed_i"])
    unpacked = {word(trits): sum(CODES[t] << 2 * k for k, t in enumerate(trits)) for trits in words}
    expected: list[Expected] = [{}, {}]
    for inputs, _ in trace[:-2]:
        expected.append({"weight_o": unpacked[inputs["packed_i"]]})
    compare(trace, expected)
