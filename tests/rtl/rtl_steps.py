"""Steps a control module cycle by cycle, for tests whose model runs along with the module.

Inputs are set at falling edges and outputs read once they have settled. Cycles are counted from the first one
after reset. What a test reads has to be known: an undefined output is an error. Inputs that nobody may look at
can be made undefined in turn.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from typing import Any

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge, ReadOnly
from cocotb.types import LogicArray
from rtl_play import PATTERNS, pauses


class Steps:
    """The module under test with its clock, its random numbers and its count of cycles.

    Args:
        dut: The top module's handle.
        seed: Of the random numbers.
    """

    def __init__(self, dut: Any, seed: int) -> None:
        self.dut = dut
        self.random = random.Random(seed)
        self.cycle = 0
        self._four_states = "icarus" in cocotb.SIM_NAME.lower()
        Clock(dut.clk_i, 10, "ns").start()

    async def reset(self, **inputs: int) -> None:
        """Some cycles of reset with these inputs; the next cycle is number 0."""
        for _ in range(self.random.randint(2, 4)):
            await FallingEdge(self.dut.clk_i)
            self.dut.rst_ni.value = 0
            self._drive(inputs)
        await self.next()
        self.dut.rst_ni.value = 1
        self.cycle = 0

    async def settle(self, **inputs: int | LogicArray) -> None:
        """Set inputs and wait until the outputs have settled."""
        self._drive(inputs)
        await ReadOnly()

    async def next(self) -> None:
        """Go to the next cycle."""
        await FallingEdge(self.dut.clk_i)
        self.cycle += 1

    def get(self, name: str) -> int:
        """An output's bits as an unsigned number."""
        value = getattr(self.dut, name).value
        assert value.is_resolvable, f"cycle {self.cycle}: {name} is undefined: {value}"
        return int(value)

    def check(self, **outputs: int) -> None:
        """Outputs must be what is expected in this cycle."""
        for name, expected in outputs.items():
            found = self.get(name)
            assert found == expected, f"cycle {self.cycle}: {name} is {found:#x}, must be {expected:#x}"

    def bits(self, width: int) -> int:
        """Random bits."""
        return self.random.getrandbits(width)

    def junk(self, width: int) -> int | LogicArray:
        """What nobody may look at: undefined where the simulator knows that, otherwise random."""
        if self._four_states and self.random.random() < 0.5:
            return LogicArray("X" * width)
        return self.random.getrandbits(width)

    def pauses(self) -> Iterator[bool]:
        """For every cycle, whether to pause: a pattern drawn at random."""
        return pauses(self.random, self.random.choice(PATTERNS))

    def _drive(self, inputs: dict[str, int] | dict[str, int | LogicArray]) -> None:
        for name, value in inputs.items():
            getattr(self.dut, name).value = value


def word(fields: Sequence[tuple[int, int]]) -> int:
    """(value, width) pairs side by side, from the lowest bit up."""
    found = shift = 0
    for value, width in fields:
        found |= (value & ((1 << width) - 1)) << shift
        shift += width
    return found
