"""Steps a control module cycle by cycle.

Inputs are set at falling edges and outputs read once they have settled, so that no simulator's order of events
can change the result. Cycles are counted from the first one after reset. Reading an output that is undefined
raises: what a test reads has to be known.
"""

from __future__ import annotations

import json
import os
import random
from typing import Any

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge, ReadOnly
from cocotb.types import LogicArray

PARAMETERS: dict[str, int] = {
    name: value
    for name, value in json.loads(os.environ.get("TERNC_PARAMETERS", "{}")).items()
    if isinstance(value, int)
}
SEED = int(os.environ.get("TERNC_SEED", "1"))
PERIOD_NS = 2


class Bench:
    """The module under test with its clock, its random numbers and its count of cycles.

    Args:
        dut: The top module's handle.
        name: Of the test; part of the seed.
    """

    def __init__(self, dut: Any, name: str) -> None:
        self.dut = dut
        self.random = random.Random(f"{name} {SEED}")
        self.cycle = 0
        self._clock = Clock(dut.clk_i, PERIOD_NS, unit="ns", impl="gpi")
        self._clock.start(start_high=False)
        self._undefined = "icarus" in cocotb.SIM_NAME.lower()

    async def reset(self, **inputs: Any) -> None:
        """Some cycles of reset with these inputs; the next cycle is number 0."""
        for _ in range(self.random.randint(2, 4)):
            await FallingEdge(self.dut.clk_i)
            self.dut.rst_ni.value = 0
            self.drive(**inputs)
        await FallingEdge(self.dut.clk_i)
        self.dut.rst_ni.value = 1
        self.cycle = 0

    def drive(self, **inputs: Any) -> None:
        """Set inputs."""
        for name, value in inputs.items():
            getattr(self.dut, name).value = value

    async def settle(self, **inputs: Any) -> None:
        """Set inputs and wait until the outputs have settled."""
        self.drive(**inputs)
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
            assert found == expected, f"cycle {self.cycle}: {name} is {found:#x}, expected {expected:#x}"

    def bits(self, width: int) -> int:
        """Random bits."""
        return self.random.getrandbits(width)

    def junk(self, width: int) -> int | LogicArray:
        """What nobody may look at: undefined where the simulator knows that, otherwise random."""
        if self._undefined and self.random.random() < 0.5:
            return LogicArray("X" * width)
        return self.random.getrandbits(width)

    def pace(self) -> Pace:
        """A new random pace."""
        return Pace(self.random)


class Pace:
    """Random stretches of cycles in which something happens always, mostly, seldom or never."""

    def __init__(self, source: random.Random) -> None:
        self._random = source
        self._left = 0
        self._level = 0.0

    def go(self) -> bool:
        """Whether it happens in this cycle."""
        if self._left == 0:
            self._level = self._random.choice((0.0, 0.25, 0.75, 1.0, 1.0))
            self._left = self._random.randint(1, 1 << self._random.randint(0, 5))
        self._left -= 1
        return self._random.random() < self._level


def join(elements: list[int], width: int) -> int:
    """A flat vector: element i is bits ``[i*width +: width]``."""
    return sum((element & ((1 << width) - 1)) << (i * width) for i, element in enumerate(elements))


def split(vector: int, width: int, count: int) -> list[int]:
    """The unsigned elements of a flat vector."""
    return [(vector >> (i * width)) & ((1 << width) - 1) for i in range(count)]


def signed(value: int, width: int) -> int:
    """The two's complement number of these bits."""
    return value - (1 << width) if value >> (width - 1) & 1 else value


def address_bits(depth: int) -> int:
    """Width of an address, as the modules derive it."""
    return max(1, (depth - 1).bit_length())
