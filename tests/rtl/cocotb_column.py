"""ternc_column: the chain to the right, the accumulators, and the drain, to the cycle."""

import random
from typing import Any

import cocotb
from rtl_play import (
    PARAMETERS,
    SEEDS,
    Cycle,
    Expected,
    Stimulus,
    compare,
    draw,
    draw_trits,
    log2,
    pack,
    pauses,
    play,
    unpack,
)

ROWS, LANES, BITS = PARAMETERS["Rows"], PARAMETERS["Lanes"], PARAMETERS["ActBits"]
DOT_LATENCY = max(1, log2(LANES))
DRAIN = PARAMETERS.get("Drain", 1)
SPACING = ROWS // DRAIN  # from one last to the next, at least
DIGITS = PARAMETERS["Digits"]
CHAIN = ["act", "first", "last", "shift", "param", "weight_addr"]
INPUTS = [*(f"{name}_i" for name in CHAIN), "weight_i"]
OUTPUTS = [*(f"{name}_o" for name in CHAIN), "sum_o", "sum_param_o"]


def stimulus(rng: random.Random, idle: str, resets: int) -> Stimulus:
    """Passes of random length, with pauses between them and a reset here and there."""
    idles = pauses(rng, idle)
    quiet = 0  # cycles in which last is not allowed
    left = 0
    for number in range(400):
        begins = left == 0 and not next(idles)
        if begins:
            left = max(quiet + 1, rng.choice([1, 2, SPACING, rng.randrange(1, 3 * SPACING + 2)]))
        ends = left == 1
        reset = resets and rng.randrange(resets) == 0 and number > 0
        yield {
            "rst_ni": int(not reset),
            "first_i": int(begins),
            "last_i": int(ends),
            "shift_i": int(rng.random() < 0.4),
            "act_i": pack([draw(rng, BITS) for _ in range(ROWS * LANES)], BITS),
            "param_i": rng.getrandbits(PARAMETERS["ParamBits"]),
            "weight_addr_i": rng.getrandbits(PARAMETERS["WeightAddrBits"]),
            "weight_i": draw_trits(rng, LANES),
        }
        left = max(left - 1, 0)
        quiet = SPACING - 1 if ends else max(quiet - 1, 0)


def dots(act: int, weight: int) -> list[int]:
    """One dot product a row."""
    ones = (1 << BITS) - 1
    codes, trits = unpack(act, BITS, ROWS * LANES), unpack(weight, 2, LANES)
    return [
        sum(
            {0b00: 0, 0b01: code, 0b11: ones - code}[trit]
            for code, trit in zip(codes[r * LANES :], trits, strict=False)
        )
        for r in range(ROWS)
    ]


def model(trace: list[Cycle]) -> list[Expected]:
    """What every cycle must show. A reset cancels first and last, not a doubling."""
    expected: list[Expected] = [{} for _ in trace]
    alive = [bool(inputs["rst_ni"]) for inputs, _ in trace]
    sums: list[int | None] = [None] * ROWS
    for now, (inputs, _) in enumerate(trace[:-1]):
        after = expected[now + 1]
        after.update({f"{name}_o": inputs[f"{name}_i"] for name in ("act", "param", "weight_addr")})
        after.update({f"{name}_o": inputs[f"{name}_i"] if alive[now] else 0 for name in ("first", "last")})
        after["shift_o"] = inputs["shift_i"] if DIGITS else 0
        # A reset cancels first and last wherever they are on their way.
        first = inputs["first_i"] and all(alive[now : now + DOT_LATENCY + 1])
        last = inputs["last_i"] and all(alive[now : now + DOT_LATENCY + 2])
        products = dots(inputs["act_i"], trace[now + 1][0]["weight_i"])
        mask = (1 << PARAMETERS["AccBits"]) - 1
        for r in range(ROWS):
            before = 0 if first else sums[r]
            doubled = before is not None and DIGITS and inputs["shift_i"]
            sums[r] = None if before is None else ((before << 1 if doubled else before) + products[r]) & mask
        if last:
            start = now + DOT_LATENCY + 3
            for k, cycle in enumerate(expected[start : start + SPACING]):
                together = sums[k * DRAIN : (k + 1) * DRAIN]
                known = [one for one in together if one is not None]
                value = pack(known, PARAMETERS["AccBits"]) if len(known) == DRAIN else None
                cycle.update({"sum_o": value, "sum_param_o": inputs["param_i"]})
    return expected


@cocotb.test()
@cocotb.parametrize(seed=SEEDS, idle=["never", "sometimes", "bursts"], resets=[0, 50])
async def sums_and_chain_follow_the_model(dut: Any, seed: int, idle: str, resets: int) -> None:
    trace = await play(dut, stimulus(random.Random(seed), idle, resets), OUTPUTS, INPUTS)
    compare(trace, model(trace))
