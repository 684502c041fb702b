"""A ULX3S with its test in it: reads lines off the serial line, and the LEDs behind each, into TERNC_SAID."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge, Timer

PERIOD_NS = 10
BIT_NS = int(os.environ["TERNC_DIVISOR"]) * PERIOD_NS
LINES = int(os.environ["TERNC_LINES"])


async def byte(dut: Any) -> str:
    """The next byte; the line must rest or its stop bit must be over."""
    await FallingEdge(dut.ftdi_rxd)
    await Timer(BIT_NS // 2, "ns")
    levels = []
    for _ in range(10):
        levels.append(int(dut.ftdi_rxd.value))
        await Timer(BIT_NS, "ns") if len(levels) < 10 else None
    assert (levels[0], levels[9]) == (0, 1), levels
    return chr(sum(level << index for index, level in enumerate(levels[1:9])))


@cocotb.test(timeout_time=100, timeout_unit="ms")
async def test_listen(dut: Any) -> None:
    dut.button.value = 0
    Clock(dut.clk_25mhz, PERIOD_NS, "ns").start()
    said = []
    for _ in range(LINES):
        line = ""
        while not line.endswith("\n"):
            line += await byte(dut)
        said.append([line, int(dut.led.value), int(dut.wifi_gpio0.value)])
    Path(os.environ["TERNC_SAID"]).write_text(json.dumps(said))
