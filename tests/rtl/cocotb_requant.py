"""ternc_requant: the three forms of requantisation against exact integers."""

import random
from typing import Any

import cocotb
from rtl_play import PARAMETERS, SEEDS, Expected, Stimulus, compare, draw, play, signed

ACC, MUL, ADD = PARAMETERS["AccBits"], PARAMETERS["MulBits"], PARAMETERS["AddBits"]
CODE, VALUE, SHIFT = PARAMETERS["CodeBits"], PARAMETERS["ValueBits"], PARAMETERS["Shift"]
EXTRA, TABLES = PARAMETERS["ExtraDelay"], PARAMETERS["Tables"]
TABLE = max(1, (TABLES - 1).bit_length()) if TABLES else 0
MIN = ADD + MUL + CODE + 2
"""The bit of a parameter word that chooses the minimum; above it the table, if there are any."""
LATENCY = 5 + EXTRA


def draw_word(rng: random.Random) -> int:
    """A parameter word; small factors as often as large ones, so that results fall inside and outside."""
    mul = rng.choice([draw(rng, MUL), rng.getrandbits(rng.randrange(1, MUL + 1))])
    add = rng.choice([draw(rng, ADD), -rng.getrandbits(rng.randrange(1, ADD + 1)), 0])
    flags = rng.choice([0, 0, 0, 1, 2, 3]) | rng.getrandbits(1) << 2  # raw, thr, min
    limit = draw(rng, CODE)
    table = rng.getrandbits(1 + TABLE) << MIN + 1 if TABLES else 0
    return int(
        add & ((1 << ADD) - 1) | mul << ADD | limit << (ADD + MUL) | flags << (ADD + MUL + CODE) | table
    )


def stimulus(rng: random.Random) -> Stimulus:
    for _ in range(500):
        yield {"sum_i": draw(rng, ACC), "word_i": draw_word(rng), "code_i": draw(rng, CODE)}


def requantise(total: int, word: int, code: int) -> int:
    """The value of one sum."""
    add, mul = signed(word, ADD), signed(word >> ADD, MUL)
    limit = word >> (ADD + MUL) & ((1 << CODE) - 1)
    raw, thr = word >> (ADD + MUL + CODE) & 1, word >> (ADD + MUL + CODE + 1) & 1
    shifted = (total * mul + add) >> SHIFT
    value = code if thr else shifted if raw else min(max(shifted, 0), limit)
    return int(value & ((1 << VALUE) - 1))


@cocotb.test()
@cocotb.parametrize(seed=SEEDS)
async def values_are_exact(dut: Any, seed: int) -> None:
    outputs = ["value_o", "min_o", "use_o", "table_o"]
    trace = await play(dut, stimulus(random.Random(seed)), outputs, ["sum_i", "word_i", "code_i"])
    inputs = [values for values, _ in trace]
    expected: list[Expected] = [{} for _ in range(LATENCY)]
    for start in range(len(trace) - LATENCY):
        word = inputs[start + 2]["word_i"]
        value = requantise(inputs[start]["sum_i"], word, inputs[start + 4 + EXTRA]["code_i"])
        expected.append(
            {
                "value_o": value,
                "min_o": word >> MIN & 1,
                "use_o": word >> MIN + 1 & 1,
                "table_o": word >> MIN + 2,
            }
        )
    compare(trace, expected)
