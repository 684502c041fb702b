"""ternc_pool: maxima and minima of windows, the rows in turn."""

import random
from typing import Any

import cocotb
from rtl_play import (
    PARAMETERS,
    PATTERNS,
    SEEDS,
    Expected,
    Stimulus,
    compare,
    draw,
    pack,
    pauses,
    play,
    signed,
    unpack,
)

ROWS, COLS, BITS = PARAMETERS["Rows"], PARAMETERS["Cols"], PARAMETERS["ValueBits"]
INPUTS = ["valid_i", "row_i", "first_i", "last_i", "take_i", "value_i", "min_i"]
LOWEST, HIGHEST = -(1 << (BITS - 1)), (1 << (BITS - 1)) - 1


def stimulus(rng: random.Random, idle: str) -> Stimulus:
    """Windows of one or more beats in every row, the rows in turn; min_i keeps its value within a window.

    Any beat may not take part, also all of a window.
    """
    idles = pauses(rng, idle)
    left, minima = [0] * ROWS, [0] * ROWS
    turn = 0
    for number in range(300):
        row = turn % ROWS
        valid = not next(idles)
        first = left[row] == 0
        if first:
            left[row], minima[row] = rng.choice([1, 1, 2, 4, 9]), rng.getrandbits(COLS)
        yield {
            "rst_ni": int(number % 100 != 99),
            "valid_i": int(valid),
            "row_i": row,
            "first_i": int(first),
            "last_i": int(left[row] == 1),
            "take_i": int(rng.random() < 0.7),
            "value_i": pack([draw(rng, BITS) for _ in range(COLS)], BITS),
            "min_i": minima[row],
        }
        if valid:
            left[row] -= 1
            turn += 1
        elif first:
            left[row] = 0


@cocotb.test()
@cocotb.parametrize(seed=SEEDS, idle=PATTERNS)
async def windows_end_with_their_best_values(dut: Any, seed: int, idle: str) -> None:
    trace = await play(dut, stimulus(random.Random(seed), idle), ["valid_o", "row_o", "value_o"], INPUTS)
    windows: list[list[list[int]]] = [[] for _ in range(ROWS)]
    expected: list[Expected] = [{"valid_o": 0}]
    for inputs, _ in trace[:-1]:
        ends = bool(inputs["valid_i"] and inputs["last_i"] and inputs["rst_ni"])
        expected.append({"valid_o": int(ends)})
        window = windows[inputs["row_i"]]
        if inputs["valid_i"]:
            if inputs["first_i"]:
                window.clear()
            values = [signed(value, BITS) for value in unpack(inputs["value_i"], BITS, COLS)]
            if not inputs["take_i"]:
                values = [HIGHEST if inputs["min_i"] >> c & 1 else LOWEST for c in range(COLS)]
            window.append(values)
        if ends:
            columns = zip(*window, strict=True)
            best = [(min if inputs["min_i"] >> c & 1 else max)(values) for c, values in enumerate(columns)]
            expected[-1] |= {"row_o": inputs["row_i"], "value_o": pack(best, BITS)}
    compare(trace, expected)
