"""ternc_fifo: words leave in the order in which they came, none lost, none twice."""

import random
from collections import deque
from typing import Any

import cocotb
from rtl_play import PARAMETERS, PATTERNS, SEEDS, Expected, Stimulus, compare, draw, pauses, play


def stimulus(rng: random.Random, idle: str, stall: str) -> Stimulus:
    idles, stalls = pauses(rng, idle), pauses(rng, stall)
    for number in range(300):
        yield {
            "rst_ni": int(number != 150),  # one reset on the way
            "push_i": int(not next(idles)),
            "pop_i": int(not next(stalls)),
            "data_i": draw(rng, PARAMETERS["Width"]),
        }


@cocotb.test()
@cocotb.parametrize(seed=SEEDS, idle=PATTERNS, stall=PATTERNS)
async def words_keep_their_order(dut: Any, seed: int, idle: str, stall: str) -> None:
    trace = await play(
        dut,
        stimulus(random.Random(seed), idle, stall),
        ["full_o", "valid_o", "data_o"],
        ["push_i", "pop_i", "data_i"],
    )
    queue: deque[int] = deque()
    expected: list[Expected] = []
    for inputs, _ in trace:
        full = len(queue) == 1 << PARAMETERS["DepthLog2"]
        expected.append(
            {"full_o": int(full), "valid_o": int(bool(queue)), "data_o": queue[0] if queue else None}
        )
        if inputs["pop_i"] and queue:
            queue.popleft()
        if inputs["push_i"] and not full:
            queue.append(inputs["data_i"])
        if not inputs["rst_ni"]:
            queue.clear()
    compare(trace, expected)
