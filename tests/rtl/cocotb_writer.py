"""ternc_writer against a table of the writes that each vector makes."""

from __future__ import annotations

from typing import Any

import cocotb
from rtl_play import PARAMETERS, SEEDS
from rtl_steps import Steps
from write_ports import WritePorts

WORDS, COLS, VALUE = PARAMETERS["Words"], PARAMETERS["Cols"], PARAMETERS["ValueBits"]
WR, BANK, SLICE, SLICES = (PARAMETERS[name] for name in ("WrBits", "BankBits", "SliceBits", "Slices"))


@cocotb.test()
@cocotb.parametrize(seed=SEEDS)
async def test_writes_vectors(dut: Any, seed: int) -> None:
    """Vectors at random distances, at least ``Words`` cycles apart, for both memories in turn."""
    steps = Steps(dut, seed)
    for _ in range(2):
        ports = WritePorts(steps, PARAMETERS, words=WORDS)
        await steps.reset(valid_i=0)
        pace, next_vector, plane = steps.pauses(), 0, 0
        for cycle in range(500):
            valid = cycle >= next_vector and not next(pace)
            if cycle >= next_vector:
                plane = steps.bits(WR)  # constant while words are written
            to_output, half = steps.bits(1), steps.bits(1)
            bank, addr, slice_ = steps.bits(BANK), steps.bits(WR), steps.random.randrange(SLICES)
            value = steps.bits(COLS * VALUE)
            drawn = {
                "value_i": (value, COLS * VALUE),
                "bank_i": (bank, BANK),
                "addr_i": (addr, WR),
                "slice_i": (slice_, SLICE),
                "to_output_i": (to_output, 1),
                "out_half_i": (half, 1),
            }
            await steps.settle(
                valid_i=int(valid),
                plane_i=plane,
                **{name: bits if valid else steps.junk(width) for name, (bits, width) in drawn.items()},
            )
            ports.check()
            if valid:
                next_vector = cycle + WORDS
                if to_output:
                    ports.expect_output(cycle + 1, addr, half, value)
                else:
                    ports.expect_features(cycle + 1, addr, bank, slice_, plane, value)
            await steps.next()
