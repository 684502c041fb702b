"""ternc_table: codes of levels, values passed by, two cycles later."""

import random
from pathlib import Path
from typing import Any

import cocotb
from rtl_play import PARAMETERS, SEEDS, Expected, Stimulus, compare, draw, play

CODE, VALUE, TABLES = PARAMETERS["CodeBits"], PARAMETERS["ValueBits"], PARAMETERS["Tables"]
INPUTS = ["use_i", "table_i", "value_i", "min_i"]


def stimulus(rng: random.Random) -> Stimulus:
    """Layers with and without a table; a level has no bits above its code.

    Where a layer ends its values are not looked at: they meet the next one's table.
    """
    for _ in range(30):
        use, table = rng.getrandbits(1), rng.randrange(TABLES)
        for _ in range(rng.randint(3, 25)):
            yield {
                "use_i": use,
                "table_i": table,
                "value_i": draw(rng, CODE if use else VALUE),
                "min_i": rng.getrandbits(1),
            }


@cocotb.test()
@cocotb.parametrize(seed=SEEDS)
async def levels_become_codes(dut: Any, seed: int) -> None:
    codes = [int(line, 16) for line in Path(PARAMETERS["InitFile"]).read_text().split()]
    trace = await play(dut, stimulus(random.Random(seed)), ["value_o", "min_o"], INPUTS)
    expected: list[Expected] = [{} for _ in trace]
    for now in range(len(trace) - 2):
        layer, later = trace[now][0], trace[now + 1][0]
        if any(layer[name] != later[name] for name in ("use_i", "table_i")):
            continue
        value = layer["value_i"]
        if layer["use_i"]:
            value = codes[(layer["table_i"] << CODE) + value]
        expected[now + 2] = {"value_o": value, "min_o": layer["min_i"]}
    compare(trace, expected)
