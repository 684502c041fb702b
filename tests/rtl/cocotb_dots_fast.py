"""ternc_dots_fast: the dot products of all rows, one cycle later."""

import random
from typing import Any

import cocotb
from rtl_play import PARAMETERS, SEEDS, Stimulus, compare, draw, draw_trits, late, log2, pack, play, unpack

ROWS, LANES, BITS = PARAMETERS["Rows"], PARAMETERS["Lanes"], PARAMETERS["ActBits"]


def stimulus(rng: random.Random) -> Stimulus:
    count = ROWS * LANES
    yield {"act_i": (1 << BITS * count) - 1, "weight_i": pack([0b01] * LANES, 2)}  # the largest sums
    yield {"act_i": 0, "weight_i": pack([0b11] * LANES, 2)}
    for _ in range(200):
        yield {
            "act_i": pack([draw(rng, BITS) for _ in range(count)], BITS),
            "weight_i": draw_trits(rng, LANES),
        }


def dots(act: int, weight: int) -> int:
    """One dot product a row, packed."""
    ones = (1 << BITS) - 1
    codes, trits = unpack(act, BITS, ROWS * LANES), unpack(weight, 2, LANES)
    rows = [codes[r * LANES : (r + 1) * LANES] for r in range(ROWS)]
    sums = [
        sum({0b00: 0, 0b01: code, 0b11: ones - code}[t] for code, t in zip(row, trits, strict=True))
        for row in rows
    ]
    return pack(sums, BITS + log2(LANES))


@cocotb.test()
@cocotb.parametrize(seed=SEEDS)
async def each_row_has_its_dot_product(dut: Any, seed: int) -> None:
    trace = await play(dut, stimulus(random.Random(seed)), ["dots_o"], ["act_i", "weight_i"])
    expected = [dots(inputs["act_i"], inputs["weight_i"]) for inputs, _ in trace]
    compare(trace, [{"dots_o": value} for value in late(expected, 1)])
