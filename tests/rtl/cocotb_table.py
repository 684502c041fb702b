"""ternc_table: codes of levels, values passed by, two cycles later."""

import random
from pathlib import Path
from typing import Any

import cocotb
from rtl_play import PARAMETERS, SEEDS, Expected, Stimulus, compare, draw, play

CODE, VALUE, TABLES = PARAMETERS["CodeBits"], PARAMETERS["ValueBits"], PARAMETERS["Tables"]
INPUTS = ["use_i", "table_i", "value_i", "min_i"]


def stimulus(rng: random.Random) -> Stimulus:
    """Values with and without a table in any order; a level has no bits above its code."""
    for _ in range(400):
        use = rng.getrandbits(1)
        yield {
            "use_i": use,
            "table_i": rng.randrange(TABLES),
            "value_i": draw(rng, CODE if use else VALUE),
            "min_i": rng.getrandbits(1),
        }


@cocotb.test()
@cocotb.parametrize(seed=SEEDS)
async def levels_become_codes(dut: Any, seed: int) -> None:
    codes = [int(line, 16) for line in Path(PARAMETERS["InitFile"]).read_text().split()]
    trace = await play(dut, stimulus(random.Random(seed)), ["value_o", "min_o"], INPUTS)
    expected: list[Expected] = [{}, {}]
    for inputs, _ in trace[:-2]:
        value = inputs["value_i"]
        if inputs["use_i"]:
            value = codes[(inputs["table_i"] << CODE) + value]
        expected.append({"value_o": value, "min_o": inputs["min_i"]})
    compare(trace, expected)
