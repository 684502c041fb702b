"""ternc_dot: the sum of gated codes, after clog2(Lanes) cycles, at least one."""

import random
from typing import Any

import cocotb
from rtl_play import PARAMETERS, SEEDS, Stimulus, compare, draw, draw_trits, late, log2, pack, play, unpack

LANES, BITS = PARAMETERS["Lanes"], PARAMETERS["ActBits"]


def dot(act: int, weight: int) -> int:
    """A weight of -1 sends the one's complement of the code, a weight of 0 nothing."""
    ones = (1 << BITS) - 1
    lanes = zip(unpack(act, BITS, LANES), unpack(weight, 2, LANES), strict=True)
    return sum({0b00: 0, 0b01: code, 0b11: ones - code}[trit] for code, trit in lanes)


def stimulus(rng: random.Random) -> Stimulus:
    whole = (1 << (BITS * LANES)) - 1
    yield {"act_i": whole, "weight_i": pack([0b01] * LANES, 2)}  # the largest sums
    yield {"act_i": 0, "weight_i": pack([0b11] * LANES, 2)}
    for _ in range(250):
        yield {
            "act_i": pack([draw(rng, BITS) for _ in range(LANES)], BITS),
            "weight_i": draw_trits(rng, LANES),
        }


@cocotb.test()
@cocotb.parametrize(seed=SEEDS)
async def the_sum_is_the_ternary_dot_product(dut: Any, seed: int) -> None:
    trace = await play(dut, stimulus(random.Random(seed)), ["sum_o"], ["act_i", "weight_i"])
    sums = [dot(inputs["act_i"], inputs["weight_i"]) for inputs, _ in trace]
    compare(trace, [{"sum_o": value} for value in late(sums, max(1, log2(LANES)))])
