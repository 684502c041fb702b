"""ternc_multiply: the low bits of products, a cycle later."""

import random
from typing import Any

import cocotb
from rtl_play import PARAMETERS, SEEDS, Expected, Stimulus, compare, draw, play, signed

A, B, BITS = PARAMETERS["ABits"], PARAMETERS["BBits"], PARAMETERS["Bits"]


def stimulus(rng: random.Random) -> Stimulus:
    for _ in range(300):
        yield {"a_i": draw(rng, A), "b_i": draw(rng, B) & ((1 << B) - 1)}


@cocotb.test()
@cocotb.parametrize(seed=SEEDS)
async def products_are_exact(dut: Any, seed: int) -> None:
    trace = await play(dut, stimulus(random.Random(seed)), ["product_o"], ["a_i", "b_i"])
    expected: list[Expected] = [{}]
    for inputs, _ in trace[:-1]:
        b = signed(inputs["b_i"], B) if PARAMETERS["Signed"] else inputs["b_i"]
        expected.append({"product_o": inputs["a_i"] * b & ((1 << BITS) - 1)})
    compare(trace, expected)
