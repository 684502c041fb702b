"""ternc_writer against a table of the writes that each vector makes."""

from __future__ import annotations

from typing import Any

import cocotb
from control_bench import PARAMETERS, Bench
from write_ports import WritePorts

WORDS, COLS, VALUE = PARAMETERS["Words"], PARAMETERS["Cols"], PARAMETERS["ValueBits"]
WR, BANK, SLICE, SLICES = (PARAMETERS[name] for name in ("WrBits", "BankBits", "SliceBits", "Slices"))


@cocotb.test()
async def test_writes_vectors(dut: Any) -> None:
    """Vectors at random distances, at least ``Words`` cycles apart, for both memories in turn."""
    bench = Bench(dut, "writer")
    for _ in range(2):
        ports = WritePorts(bench, PARAMETERS, words=WORDS)
        await bench.reset(valid_i=0)
        pace, next_vector, plane = bench.pace(), 0, 0
        for cycle in range(500):
            valid = cycle >= next_vector and pace.go()
            if cycle >= next_vector:
                plane = bench.bits(WR)  # constant while words are written
            to_output, half = bench.bits(1), bench.bits(1)
            bank, addr, slice_ = bench.bits(BANK), bench.bits(WR), bench.random.randrange(SLICES)
            value = bench.bits(COLS * VALUE)
            drawn = {
                "value_i": (value, COLS * VALUE),
                "bank_i": (bank, BANK),
                "addr_i": (addr, WR),
                "slice_i": (slice_, SLICE),
                "to_output_i": (to_output, 1),
                "out_half_i": (half, 1),
            }
            await bench.settle(
                valid_i=int(valid),
                plane_i=plane,
                **{name: bits if valid else bench.junk(width) for name, (bits, width) in drawn.items()},
            )
            ports.check()
            if valid:
                next_vector = cycle + WORDS
                if to_output:
                    ports.expect_output(cycle + 1, addr, half, value)
                else:
                    ports.expect_features(cycle + 1, addr, bank, slice_, plane, value)
            await bench.next()
