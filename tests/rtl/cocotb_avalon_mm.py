"""ternc_avalon_mm: an Avalon-MM host reads and writes beside random streams; a model of all registers runs along.

The host keeps Avalon's rules: a request and what belongs to it hold while waitrequest is high, and it never reads and
writes at once. Every output is compared in every cycle.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import cocotb
from rtl_play import PARAMETERS, SEEDS
from rtl_steps import Steps

INPUTS, OUTPUTS = PARAMETERS["Inputs"], PARAMETERS["Outputs"]
STREAMS = INPUTS + OUTPUTS
CONTROL, STATUS, FRAMES, CYCLES, HIGH, STALLS = 8, 9, 10, 12, 13, 16
WORDS = 64
MASK = 2**32 - 1
LOAD, LOAD_WORDS = 11, 14
LOADED, IMAGE_WORDS = 0x7123456789ABCDEF_0F1E2D3C4B5A6978, 0xA1B2C3D4

Request = tuple[bool, int, int] | None
"""Whether it writes, the word's address, the data; or nothing."""


class Registers:
    """What the registers hold, by word address, and what the agent answers in this cycle."""

    def __init__(self, *, loaded: bool = True) -> None:
        self.loaded = loaded
        self.reset, self.enable, self.released, self.abort = False, False, False, False
        self.reading, self.data, self.written = False, 0, False
        self.high = 0
        self.clear()

    def clear(self) -> None:
        self.done = self.busy = False
        self.frames = self.cycles = 0
        self.stalls = [0] * STREAMS

    def read(self, address: int) -> int:
        if STALLS <= address < STALLS + STREAMS:
            return self.stalls[address - STALLS]
        fixed: dict[int, int] = {
            0: 0x54524E43,
            1: PARAMETERS["Version"],
            2: OUTPUTS << 8 | INPUTS,
            3: PARAMETERS["Structure"],
            **{4 + n: (LOADED if self.loaded else PARAMETERS["Hash"]) >> 32 * n & MASK for n in range(4)},
            LOAD: 2 << 3 | 2 if self.loaded else 0,
            LOAD_WORDS: IMAGE_WORDS if self.loaded else 0,
            CONTROL: self.enable << 1 | self.reset,
            STATUS: self.done << 1 | self.busy,
            FRAMES: self.frames,
            CYCLES: self.cycles & MASK,
            HIGH: self.high,
        }
        return fixed.get(address, 0)

    def takes(self, request: Request) -> bool:
        return request is not None and not (self.written if request[0] else self.reading)

    def edge(self, request: Request, valid: int, ready: int, last: int) -> None:
        """To the next cycle, with the request if it was taken."""
        taken = request if self.takes(request) else None
        writes, address, data = taken or (False, -1, 0)
        self.released = not self.reset
        self.reading, self.written = taken is not None and not writes, writes
        if self.reading:
            self.data = self.read(address)
            if address == CYCLES:
                self.high = self.cycles >> 32
        begins = valid & ready & (1 << INPUTS) - 1 != 0
        ends = bool(valid >> INPUTS & ready >> INPUTS & last & 1)
        if self.reset:
            self.clear()
        else:
            self.done = ends or (self.done and not (writes and address == STATUS and data & 2))
            self.busy = begins or (self.busy and not ends)
            self.frames += ends
            self.cycles += 1
            for stream in range(STREAMS):
                self.stalls[stream] += valid >> stream & ~ready >> stream & 1
        self.abort = bool(writes and address == CONTROL and data & 4)
        if writes and address == CONTROL:
            self.reset, self.enable = bool(data & 1), bool(data & 2)


class Host:
    """Drives the agent and the streams, cycle by cycle, and compares."""

    def __init__(self, dut: Any, seed: int) -> None:
        self.steps = Steps(dut, seed)
        self.random = self.steps.random
        self.model = Registers()
        self.answers: list[int] = []

    async def reset(self, *, loaded: bool = True) -> None:
        """Behind a reset in which a host already asks for something: nothing of it is taken."""
        write = self.random.getrandbits(1)
        asked = {"read_i": 1 - write, "write_i": write, "address_i": CONTROL, "writedata_i": 3}
        for _ in range(3):  # from the first moment on, before an edge
            await self.steps.settle(rst_ni=0, **asked)
            self.steps.check(waitrequest_o=1, rst_no=0)
            await self.steps.next()
        status = ((LOADED << 32 | IMAGE_WORDS) << 3 | 2) << 3 | 2  # an image, and then one for other hardware
        await self.steps.reset(load_status_i=status if loaded else 0, **asked, valid_i=0, ready_i=0, last_i=0)
        self.model = Registers(loaded=loaded)

    async def cycle(self, request: Request) -> bool:
        """One cycle with a request; whether it was taken."""
        writes, address, data = request or (False, self.steps.bits(6), self.steps.bits(32))
        streams = {
            "valid": self.steps.bits(STREAMS),
            "ready": self.steps.bits(STREAMS),
            "last": self.steps.bits(1),
        }
        await self.steps.settle(
            read_i=int(request is not None and not writes), write_i=int(writes), address_i=address, writedata_i=data,
            valid_i=streams["valid"], ready_i=streams["ready"], last_i=streams["last"],
        )  # fmt: skip
        model, taken = self.model, self.model.takes(request)
        self.steps.check(
            waitrequest_o=int(not taken),
            readdatavalid_o=int(model.reading),
            irq_o=int(model.enable and model.done),
            rst_no=int(model.released),
            load_abort_o=int(model.abort),
        )
        if model.reading:
            self.steps.check(readdata_o=model.data)
            self.answers.append(model.data)
        model.edge(request, **streams)
        await self.steps.next()
        return taken

    async def ask(self, request: Request) -> int:
        """Hold a request until it is taken; the cycles that this took."""
        cycles = 1
        while not await self.cycle(request):
            cycles += 1
        return cycles

    def requests(self) -> Iterator[Request]:
        """Random ones, more often to words that are registers; a soft reset is not left standing."""
        while True:
            address = self.random.choice([CONTROL, STATUS, FRAMES, CYCLES, HIGH, STALLS, self.steps.bits(6)])
            data = self.steps.bits(32) & ~(self.random.random() < 0.7)
            yield (self.random.random() < 0.4, address, data)


@cocotb.test()
@cocotb.parametrize(seed=SEEDS)
async def test_every_word_is_read(dut: Any, seed: int) -> None:
    host = Host(dut, seed)
    await host.reset(loaded=False)
    for address in range(WORDS):
        await host.ask((False, address, 0))
    await host.cycle(None)
    assert len(host.answers) == WORDS
    assert host.answers[:8] == [
        0x54524E43,
        0x00010203,
        OUTPUTS << 8 | INPUTS,
        PARAMETERS["Structure"],
        0x09ABCDEF,
        0,
        0,
        0x8000_0000,
    ]


@cocotb.test()
@cocotb.parametrize(seed=SEEDS)
async def test_requests_back_to_back(dut: Any, seed: int) -> None:
    """The first is taken at once, those behind one of their own kind wait a cycle, those behind the other kind do not."""
    host = Host(dut, seed)
    await host.reset()
    for writes in (False, True):
        waits = [await host.ask((writes, CONTROL, 2)) for _ in range(20)]
        assert waits == [1, *[2] * 19]
    waits = [await host.ask((number % 2 == 0, CONTROL, number & 2)) for number in range(1, 20)]
    assert waits == [1] * 19


@cocotb.test()
@cocotb.parametrize(seed=SEEDS)
async def test_a_write_is_seen_by_the_read_behind_it(dut: Any, seed: int) -> None:
    host = Host(dut, seed)
    await host.reset()
    for value in (2, 0, 1, 3, 0):
        await host.ask((True, CONTROL, value))
        await host.ask((False, CONTROL, 0))
        await host.cycle(None)
        assert host.answers[-1] == value


@cocotb.test()
@cocotb.parametrize(seed=SEEDS)
async def test_random_traffic(dut: Any, seed: int) -> None:
    """With idle cycles of several patterns; a reset in between, whatever is under way."""
    host = Host(dut, seed)
    for _ in range(6):
        await host.reset()
        pauses, requests = host.steps.pauses(), host.requests()
        for _ in range(150):
            await (host.cycle(None) if next(pauses) else host.ask(next(requests)))
    assert len(host.answers) > 150
