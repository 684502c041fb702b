"""ternc_argmax: the channel of the largest key, under any idling and back-pressure."""

import itertools
import random
from collections.abc import Iterator
from typing import Any

import cocotb
from rtl_play import PARAMETERS, PATTERNS, SEEDS, Cycle, Stimulus, Values, log2, pack, pauses, play

COLS, BITS = PARAMETERS["Cols"], PARAMETERS["ValueBits"]
INPUTS = ["valid_i", "last_pixel_beat_i", "data_i", "count_i", "ready_i"]
OUTPUTS = ["ready_o", "valid_o", "index_o"]
PIXELS = 30


def draw_pixels(rng: random.Random) -> list[list[int]]:
    """Signed keys of some channels, for each pixel; every other pixel's keys are drawn from three values, so they tie."""
    most = min(1 << PARAMETERS["IndexBits"], 1 << BITS, 3 * COLS + 1)
    span = range(-(1 << (BITS - 1)), 1 << (BITS - 1))
    sizes = [rng.choice([1, min(COLS, most), rng.randrange(1, most + 1)]) for _ in range(PIXELS)]
    return [
        rng.choices(rng.choices(span, k=3), k=size) if n % 2 else rng.sample(span, size)
        for n, size in enumerate(sizes)
    ]


def beats(pixels: list[list[int]]) -> Iterator[Values]:
    for keys in pixels:
        for start in range(0, len(keys), COLS):
            part = keys[start : start + COLS]
            yield {
                "data_i": pack([*part, *[-1] * (COLS - len(part))], BITS),
                "count_i": len(part),
                "last_pixel_beat_i": int(start + COLS >= len(keys)),
            }


def stimulus(rng: random.Random, idle: str, stall: str, pixels: list[list[int]]) -> Stimulus:
    """Every beat waits for ready_o; ready_i comes and goes."""
    idles, stalls = pauses(rng, idle), pauses(rng, stall)
    answers = 0

    def receiver() -> Values:
        return {"ready_i": int(not next(stalls))}

    for beat in beats(pixels):
        while next(idles):
            ready = receiver()
            seen = yield {"valid_i": 0, **ready}
            answers += bool(seen["valid_o"] and ready["ready_i"])
        moved = False
        while not moved:
            ready = receiver()
            seen = yield {"valid_i": 1, **beat, **ready}
            answers += bool(seen["valid_o"] and ready["ready_i"])
            moved = bool(seen["ready_o"])
    for _ in range(2000):
        if answers == len(pixels):
            return
        ready = receiver()
        seen = yield {"valid_i": 0, **ready}
        answers += bool(seen["valid_o"] and ready["ready_i"])


def check_handshake(trace: list[Cycle]) -> None:
    """Once valid, an answer holds until it moves."""
    for (inputs, seen), (_, after) in itertools.pairwise(trace):
        if seen["valid_o"] and not inputs["ready_i"]:
            assert (after["valid_o"], after["index_o"]) == (seen["valid_o"], seen["index_o"])


@cocotb.test()
@cocotb.parametrize(seed=SEEDS, idle=PATTERNS, stall=PATTERNS)
async def answers_are_the_largest_channels(dut: Any, seed: int, idle: str, stall: str) -> None:
    rng = random.Random(seed)
    pixels = draw_pixels(rng)
    trace = await play(dut, stimulus(rng, idle, stall, pixels), OUTPUTS, INPUTS)
    moved = [seen["index_o"] for inputs, seen in trace if seen["valid_o"] and inputs["ready_i"]]
    assert moved == [keys.index(max(keys)) for keys in pixels]
    check_handshake(trace)
    if stall == "never":
        ends = [t for t, (values, _) in enumerate(trace) if values["valid_i"] and values["last_pixel_beat_i"]]
        answers = [t for t, (_, seen) in enumerate(trace) if seen["valid_o"]]
        assert answers == [t + log2(COLS) + 1 for t in ends], "one beat a cycle, and a constant latency"
