"""ternc_writer against a table of the writes that each vector makes."""

from __future__ import annotations

from typing import Any

import cocotb
from rtl_play import PARAMETERS, SEEDS
from rtl_steps import Steps
from write_ports import WritePorts

WORDS, COLS, VALUE = PARAMETERS["Words"], PARAMETERS["Cols"], PARAMETERS["ValueBits"]
WR, BANK, SLICE, SLICES = (PARAMETERS[name] for name in ("WrBits", "BankBits", "SliceBits", "Slices"))
ADDR, OUTPUTS = PARAMETERS["AddrBits"], PARAMETERS["Outputs"]


@cocotb.test()
@cocotb.parametrize(seed=SEEDS)
async def test_writes_vectors(dut: Any, seed: int) -> None:
    """Vectors at random distances, at least ``Words`` cycles apart, for any memory or none."""
    steps = Steps(dut, seed)
    for _ in range(2):
        ports = WritePorts(steps, PARAMETERS, words=WORDS)
        await steps.reset(valid_i=0)
        pace, next_vector, plane = steps.pauses(), 0, 0
        for cycle in range(500):
            valid = cycle >= next_vector and not next(pace)
            if cycle >= next_vector:
                plane = steps.bits(WR)  # constant while words are written
            goal = steps.random.choice(("feature", "output", "nowhere"))
            output = steps.random.randrange(OUTPUTS)
            bank, addr, slice_ = steps.bits(BANK), steps.bits(ADDR), steps.random.randrange(SLICES)
            value = steps.bits(COLS * VALUE)
            drawn = {
                "value_i": (value, COLS * VALUE),
                "bank_i": (bank, BANK),
                "addr_i": (addr, ADDR),
                "slice_i": (slice_, SLICE),
                "to_feature_i": (int(goal == "feature"), 1),
                "to_output_i": (int(goal == "output") << output, OUTPUTS),
            }
            await steps.settle(
                valid_i=int(valid),
                plane_i=plane,
                **{name: bits if valid else steps.junk(width) for name, (bits, width) in drawn.items()},
            )
            ports.check()
            if valid:
                next_vector = cycle + WORDS
                if goal == "output":
                    ports.expect_output(cycle + 1, output, addr, value)
                elif goal == "feature":
                    ports.expect_features(cycle + 1, addr, bank, slice_, plane, value)
            await steps.next()
