"""ternc_threshold_level: one comparison of a binary search."""

import random
from typing import Any

import cocotb
from rtl_play import PARAMETERS, SEEDS, Expected, Stimulus, compare, draw, play

ACC, PARAM = PARAMETERS["AccBits"], PARAMETERS["ParamBits"]
LEVEL, LEVELS = PARAMETERS["Level"], PARAMETERS["Levels"]
BIT = LEVELS - 1 - LEVEL


def stimulus(rng: random.Random) -> Stimulus:
    """Thresholds near the sum that they will be compared with, and never-reached ones."""
    sums = [0, 0]
    for _ in range(400):
        sums.append(draw(rng, ACC))
        near = max(0, sums[-3] + rng.randrange(-1, 2))
        yield {
            "sum_i": sums[-1],
            "param_i": rng.getrandbits(PARAM),
            "code_i": rng.getrandbits(LEVELS),
            "rom_data_i": rng.choice([near, near, draw(rng, ACC + 1), (2 << ACC) - 1]),
        }


@cocotb.test()
@cocotb.parametrize(seed=SEEDS)
async def a_bit_tells_whether_the_threshold_is_reached(dut: Any, seed: int) -> None:
    trace = await play(
        dut,
        stimulus(random.Random(seed)),
        ["rom_addr_o", "sum_o", "param_o", "code_o"],
        ["sum_i", "param_i", "code_i", "rom_data_i"],
    )
    expected: list[Expected] = []
    for now, (inputs, _) in enumerate(trace):
        known = inputs["code_i"] >> (LEVELS - LEVEL)
        expected.append({"rom_addr_o": inputs["param_i"] << LEVEL | known})
        if now >= 3:
            old, threshold = trace[now - 3][0], trace[now - 1][0]["rom_data_i"]
            reached = int(old["sum_i"] >= threshold)
            code = old["code_i"] & ~(1 << BIT) | reached << BIT
            expected[-1] |= {"sum_o": old["sum_i"], "param_o": old["param_i"], "code_o": code}
    compare(trace, expected)
