"""The cocotb side of the unit regressions: drive a module cycle by cycle, record, compare with a model.

A stimulus is a generator. It yields the inputs of one cycle and is sent the outputs of that same cycle, so
it can wait for a ready. What comes back is a trace: one `Cycle` for every cycle. A model turns the inputs
of a trace into the outputs it expects; None means that any value will do.
"""

from __future__ import annotations

import json
import os
import random
from collections.abc import Generator, Iterator, Sequence
from typing import Any

from cocotb.clock import Clock
from cocotb.triggers import ReadOnly, RisingEdge

PARAMETERS: dict[str, Any] = json.loads(os.environ.get("TERNC_PARAMETERS", "{}"))

Values = dict[str, int]
Outputs = dict[str, int | None]
Stimulus = Generator[Values, Outputs, None]
Expected = dict[str, int | None]
Cycle = tuple[Values, Outputs]

SEEDS = [1, 2]
PATTERNS = ["never", "sometimes", "bursts", "mostly"]
"""How often a stream pauses, or its receiver is not ready."""


def log2(value: int) -> int:
    """Bits that count ``value`` things, like SystemVerilog's $clog2."""
    return (value - 1).bit_length()


def signed(value: int, bits: int) -> int:
    """A two's complement number of some bits, given as the unsigned number of the same bits."""
    value &= (1 << bits) - 1
    return value - (1 << bits) if value >> (bits - 1) else value


def unpack(vector: int, bits: int, count: int) -> list[int]:
    """Elements of a flat little-endian vector."""
    return [(vector >> (bits * i)) & ((1 << bits) - 1) for i in range(count)]


def pack(elements: Sequence[int], bits: int) -> int:
    """The flat little-endian vector of some elements."""
    return sum((element & ((1 << bits) - 1)) << (bits * i) for i, element in enumerate(elements))


def draw(rng: random.Random, bits: int) -> int:
    """A number of some bits: anything, or an extreme."""
    kind = rng.randrange(6)
    if kind == 0:
        return 0
    if kind == 1:
        return (1 << bits) - 1
    if kind == 2:
        return 1 << rng.randrange(bits)
    return rng.getrandbits(bits)


def draw_trits(rng: random.Random, count: int) -> int:
    """A vector of trits as {neg, nz}, dense or sparse."""
    zeros = rng.choice([0.0, 0.3, 0.9])
    return pack([0 if rng.random() < zeros else rng.choice([0b01, 0b11]) for _ in range(count)], 2)


def pauses(rng: random.Random, pattern: str) -> Iterator[bool]:
    """For every cycle, whether to pause."""
    while True:
        if pattern == "bursts":
            yield from [False] * rng.randrange(1, 12)
            yield from [True] * rng.randrange(1, 12)
        else:
            yield rng.random() < {"never": 0.0, "sometimes": 0.3, "mostly": 0.85}[pattern]


def _known(handle: Any) -> int | None:
    value = handle.value
    return int(value) if value.is_resolvable else None


async def play(dut: Any, stimulus: Stimulus, outputs: Sequence[str], inputs: Sequence[str]) -> list[Cycle]:
    """Reset the module if it has a reset, then drive it with a stimulus until that ends.

    Args:
        dut: The module under test; its clock is ``clk_i``.
        stimulus: The inputs of every cycle; names that it leaves out keep their value.
        outputs: Names of the ports to record.
        inputs: Names of the ports that are 0 until the stimulus says otherwise.
    Returns:
        The trace, from the first cycle after reset.
    """
    Clock(dut.clk_i, 10, "ns").start()
    for name in inputs:
        getattr(dut, name).value = 0
    if hasattr(dut, "rst_ni"):
        dut.rst_ni.value = 0
        for _ in range(3):
            await RisingEdge(dut.clk_i)
        dut.rst_ni.value = 1
    else:
        await RisingEdge(dut.clk_i)
    trace: list[Cycle] = []
    state: Values = dict.fromkeys(inputs, 0)
    values = next(stimulus)
    while True:
        for name, value in values.items():
            if state.get(name) != value:
                getattr(dut, name).value = value
        state.update(values)
        await ReadOnly()
        seen = {name: _known(getattr(dut, name)) for name in outputs}
        trace.append((dict(state), seen))
        await RisingEdge(dut.clk_i)
        try:
            values = stimulus.send(seen)
        except StopIteration:
            return trace


def compare(trace: Sequence[Cycle], expected: Sequence[Expected]) -> None:
    """Raise AssertionError with the first cycle and port whose value is not the expected one."""
    compared = 0
    for number, ((_, seen), wanted) in enumerate(zip(trace, expected, strict=True)):
        for name, value in wanted.items():
            if value is None:
                continue
            compared += 1
            found = seen[name]
            assert found == value, (
                f"cycle {number}: {name} is {'unknown' if found is None else hex(found)},"
                f" must be {hex(value)}; parameters {PARAMETERS}"
            )
    assert compared > 0, "the model expected nothing"


def column(trace: Sequence[Cycle], name: str) -> list[int]:
    """One input's value in every cycle."""
    return [inputs[name] for inputs, _ in trace]


def late(values: Sequence[int | None], cycles: int) -> list[int | None]:
    """The same values some cycles later; None comes first."""
    return [None] * cycles + list(values[: len(values) - cycles])
