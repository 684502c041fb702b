"""ternc_avalon_sink: wires, with the bytes reversed."""

from __future__ import annotations

import random
from typing import Any

import cocotb
from cocotb.triggers import Timer
from rtl_play import PARAMETERS, SEEDS

BYTES = PARAMETERS["Bytes"]


@cocotb.test()
@cocotb.parametrize(seed=SEEDS)
async def test_first_symbol_becomes_byte_0(dut: Any, seed: int) -> None:
    rng = random.Random(seed)
    for _ in range(50):
        symbols, bits = rng.randbytes(BYTES), [rng.getrandbits(1) for _ in range(4)]
        dut.data_i.value = int.from_bytes(symbols, "big")  # symbol 0 in the most significant bits
        dut.valid_i.value, dut.ready_i.value, dut.startofpacket_i.value, dut.endofpacket_i.value = bits
        await Timer(1, "ns")
        assert int(dut.data_o.value).to_bytes(BYTES, "little") == symbols
        assert [int(dut.valid_o.value), int(dut.ready_o.value), int(dut.last_o.value)] == [
            bits[0],
            bits[1],
            bits[3],
        ]
