"""ternc_delay: what goes in comes out Depth cycles later."""

import random
from typing import Any

import cocotb
from rtl_play import PARAMETERS, SEEDS, Stimulus, column, compare, draw, late, play


def stimulus(rng: random.Random) -> Stimulus:
    for _ in range(200):
        yield {"d_i": draw(rng, PARAMETERS["Width"])}


@cocotb.test()
@cocotb.parametrize(seed=SEEDS)
async def the_output_is_the_input_of_depth_cycles_ago(dut: Any, seed: int) -> None:
    trace = await play(dut, stimulus(random.Random(seed)), ["q_o"], ["d_i"])
    expected = late(column(trace, "d_i"), PARAMETERS["Depth"])
    compare(trace, [{"q_o": value} for value in expected])
