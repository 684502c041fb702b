"""ternc_registers: an AXI4-Lite master reads and writes at random beside random streams; a model counts along."""

from __future__ import annotations

import random
from typing import Any

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge, RisingEdge
from cocotbext.axi import AxiLiteBus, AxiLiteMaster
from rtl_play import PARAMETERS, SEEDS

INPUTS, OUTPUTS = PARAMETERS["Inputs"], PARAMETERS["Outputs"]
CONTROL, STATUS, FRAMES, CYCLES, STALLS = 0x20, 0x24, 0x28, 0x30, 0x40
STRUCTURE, HASH, LOAD, LOAD_WORDS = 0x0C, 0x10, 0x2C, 0x38


class Streams:
    """Drives the streams' handshakes at random and counts what the registers should."""

    def __init__(self, dut: Any, seed: int) -> None:
        self.dut, self.random = dut, random.Random(seed)
        self.frames, self.moved, self.pace = 0, 0, 0.5
        self.stalls = [0] * (INPUTS + OUTPUTS)
        self.quiet()

    def quiet(self) -> None:
        self.dut.valid_i.value = self.dut.ready_i.value = self.dut.last_i.value = 0

    async def run(self, cycles: int) -> None:
        for _ in range(cycles):
            await FallingEdge(self.dut.clk_i)
            valid, ready = (self.random.getrandbits(INPUTS + OUTPUTS) for _ in range(2))
            last = int(self.random.random() < self.pace)
            self.dut.valid_i.value, self.dut.ready_i.value, self.dut.last_i.value = valid, ready, last
            self.frames += valid >> INPUTS & ready >> INPUTS & last & 1
            for stream in range(INPUTS + OUTPUTS):
                self.stalls[stream] += valid >> stream & ~ready >> stream & 1
        await FallingEdge(self.dut.clk_i)
        self.quiet()


async def started(dut: Any, seed: int) -> tuple[AxiLiteMaster, Streams]:
    """Behind a reset, with pauses on every channel of the bus."""
    Clock(dut.clk_i, 10, "ns").start()
    master = AxiLiteMaster(
        AxiLiteBus.from_entity(Wires(dut)), dut.clk_i, dut.rst_ni, reset_active_level=False
    )
    rng = random.Random(seed)
    for channel in (master.write_if.aw_channel, master.write_if.w_channel, master.read_if.ar_channel):
        channel.set_pause_generator(iter(lambda: rng.random() < 0.3, None))
    for channel in (master.write_if.b_channel, master.read_if.r_channel):
        channel.set_pause_generator(iter(lambda: rng.random() < 0.3, None))
    streams = Streams(dut, seed)
    dut.load_status_i.value = 0
    dut.rst_ni.value = 0
    for _ in range(3):
        await RisingEdge(dut.clk_i)
    await FallingEdge(dut.clk_i)
    dut.rst_ni.value = 1
    return master, streams


class Wires:
    """The module's ports under the names that cocotbext-axi looks for."""

    def __init__(self, dut: Any) -> None:
        for name in ("awaddr", "awvalid", "wdata", "wvalid", "bready", "araddr", "arvalid", "rready"):
            setattr(self, name, getattr(dut, f"{name}_i"))
        for name in ("awready", "wready", "bresp", "bvalid", "arready", "rdata", "rresp", "rvalid"):
            setattr(self, name, getattr(dut, f"{name}_o"))
        self._name, self._log = "registers", dut._log


@cocotb.test()
@cocotb.parametrize(seed=SEEDS)
async def test_identity(dut: Any, seed: int) -> None:
    master, _ = await started(dut, seed)
    wanted = {
        0x00: 0x54524E43,
        0x04: 0x00010203,
        0x08: OUTPUTS << 8 | INPUTS,
        0x0C: 0x55667788,
        0x10: 0x09ABCDEF,
        0x14: 0,
        LOAD: 0,
        LOAD_WORDS: 0,
        0x3C: 0,
        0xFC: 0,
    }
    for address, value in wanted.items():
        assert await master.read_dword(address) == value, hex(address)


@cocotb.test()
@cocotb.parametrize(seed=SEEDS)
async def test_counters(dut: Any, seed: int) -> None:
    """Frames and stalls are those of the streams; a soft reset clears them and resets the design."""
    master, streams = await started(dut, seed)
    for _ in range(3):
        await streams.run(100)
        assert await master.read_dword(FRAMES) == streams.frames
        for stream, stalls in enumerate(streams.stalls):
            assert await master.read_dword(STALLS + 4 * stream) == stalls
        assert dut.rst_no.value == 1
        await master.write_dword(CONTROL, 1)
        await RisingEdge(dut.clk_i)
        assert dut.rst_no.value == 0
        assert await master.read_dword(FRAMES) == 0
        assert await master.read_dword(STALLS) == 0
        await master.write_dword(CONTROL, 0)
        assert await master.read_dword(CONTROL) == 0
        streams.frames, streams.stalls = 0, [0] * (INPUTS + OUTPUTS)


@cocotb.test()
@cocotb.parametrize(seed=SEEDS)
async def test_cycles_go_on(dut: Any, seed: int) -> None:
    master, streams = await started(dut, seed)
    assert await master.read_dword(CYCLES + 4) == 0, "before the low word was ever read"
    first = await master.read_dword(CYCLES)
    await streams.run(200)
    second = await master.read_dword(CYCLES)
    assert 200 <= second - first <= 260
    assert await master.read_dword(CYCLES + 4) == 0


@cocotb.test()
@cocotb.parametrize(seed=SEEDS)
async def test_interrupt(dut: Any, seed: int) -> None:
    """It says that a frame has ended, while it is enabled and until it is acknowledged."""
    master, streams = await started(dut, seed)
    streams.pace = 1.0
    await streams.run(30)
    assert streams.frames > 0
    assert await master.read_dword(STATUS) & 2 == 2
    assert dut.irq_o.value == 0
    await master.write_dword(CONTROL, 2)
    await RisingEdge(dut.clk_i)
    assert dut.irq_o.value == 1
    await master.write_dword(STATUS, 1)  # the other bit
    assert dut.irq_o.value == 1
    await master.write_dword(STATUS, 2)
    await RisingEdge(dut.clk_i)
    assert dut.irq_o.value == 0
    assert await master.read_dword(STATUS) & 2 == 0


def loader(name: int, words: int, error: int, held: int, state: int) -> int:
    """The status of ternc_loader."""
    return (((name << 32 | words) << 3 | error) << 1 | held) << 2 | state


@cocotb.test()
@cocotb.parametrize(seed=SEEDS)
async def test_reload(dut: Any, seed: int) -> None:
    """LOAD shows the loader; HASH is that of what runs, or 0 while an image is half there."""
    master, streams = await started(dut, seed)
    rng = streams.random
    ours, loaded, words = 0x09ABCDEF, rng.getrandbits(128) | 1, rng.getrandbits(32)

    async def shows(name: int, error: int, held: int, state: int, expected: int) -> None:
        dut.load_status_i.value = loader(name, words, error, held, state)
        await streams.run(3)
        assert await master.read_dword(LOAD) == error << 3 | held << 2 | state
        assert await master.read_dword(LOAD_WORDS) == words
        found = [await master.read_dword(HASH + 4 * n) for n in range(4)]
        assert sum(word << 32 * n for n, word in enumerate(found)) == expected
        assert held == 0 or await master.read_dword(STATUS) & 1 == 0

    await shows(0, 1, 0, 1, ours)  # a packet that is refused
    await shows(0, 1, 0, 0, ours)
    await shows(0, 0, 1, 1, 0)
    await shows(0, 5, 1, 3, 0)
    await shows(0, 5, 1, 1, 0)
    await shows(loaded, 0, 0, 2, loaded)
    await shows(loaded, 2, 0, 1, loaded)
    await shows(loaded, 2, 0, 2, loaded)


@cocotb.test()
@cocotb.parametrize(seed=SEEDS)
async def test_abort_is_one_pulse(dut: Any, seed: int) -> None:
    master, _ = await started(dut, seed)
    seen = []

    async def watch() -> None:
        while True:
            await FallingEdge(dut.clk_i)
            seen.append(int(dut.load_abort_o.value))

    cocotb.start_soon(watch())
    for value, pulses in ((0, 0), (6, 1), (2, 1), (4, 2)):
        await master.write_dword(CONTROL, value)
        assert await master.read_dword(CONTROL) == value & 3
        assert seen.count(1) == pulses
