"""A reloadable core behind its registers: images come and go between frames, beside random traffic on the registers.

TERNC_RELOAD names a JSON file: {"inputs": [ports], "outputs": [ports], "networks": [{"image": path, "hash": digits, "sent": [paths],
"wanted": [paths]}]}; the paths are those of stored frames, uint8 [frames, beats, bytes]; network 0 is that which was synthesised.
"""

from __future__ import annotations

import json
import os
import random
from pathlib import Path
from typing import Any

import cocotb
import numpy as np
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, RisingEdge
from cocotbext.axi import AxiLiteBus, AxiLiteMaster, AxiStreamBus, AxiStreamSink, AxiStreamSource

SETTING = json.loads(Path(os.environ["TERNC_RELOAD"]).read_text())
NETWORKS = SETTING["networks"]
SEED = int(os.environ.get("TERNC_SEED", "1"))
STRUCTURE, HASH, CONTROL, STATUS, FRAMES, LOAD, LOAD_WORDS = 0x0C, 0x10, 0x20, 0x24, 0x28, 0x2C, 0x38
CYCLES = 0x30
SYNTHESISED, COMING, LOADED, FAILED = range(4)
NONE, NO_IMAGE, OTHER, SHORT, LONG, CRC = range(6)
HELD = 4


def image(number: int) -> bytes:
    return Path(NETWORKS[number]["image"]).read_bytes()


class Board:
    """The core with a host at each stream and at the registers."""

    def __init__(self, dut: Any, seed: int) -> None:
        """For a core in reset."""
        self.dut, self.random = dut, random.Random(seed)
        self.sources = [self._source(port) for port in SETTING["inputs"]]
        self.sinks = [
            AxiStreamSink(AxiStreamBus.from_prefix(dut, port), dut.clk_i, byte_size=8)
            for port in SETTING["outputs"]
        ]
        for sink in self.sinks:
            sink.set_pause_generator(self._pauses())
        self.loader = self._source("s_axis_load")
        self.master = AxiLiteMaster(
            AxiLiteBus.from_prefix(dut, "s_axil"), dut.clk_i, dut.rst_ni, reset_active_level=False
        )
        self.reads = 0

    def _source(self, port: str) -> AxiStreamSource:
        source = AxiStreamSource(AxiStreamBus.from_prefix(self.dut, port), self.dut.clk_i, byte_size=8)
        source.set_pause_generator(self._pauses())
        return source

    def _pauses(self) -> Any:
        rng = random.Random(self.random.random())
        while True:
            share = rng.choice((0.0, 0.2, 0.7))
            for _ in range(rng.randrange(1, 60)):
                yield rng.random() < share

    @staticmethod
    async def started(dut: Any, seed: int) -> Board:
        Clock(dut.clk_i, 10, "ns").start()
        dut.rst_ni.value = 0
        await ClockCycles(dut.clk_i, 5)
        board = Board(dut, seed)
        await ClockCycles(dut.clk_i, 2)
        dut.rst_ni.value = 1
        await RisingEdge(dut.clk_i)
        await board.read(CYCLES)  # keeps the high word
        cocotb.start_soon(board._traffic())
        return board

    async def _traffic(self) -> None:
        """Reads and harmless writes for ever."""
        while True:
            address = 4 * self.random.randrange(64)
            if self.random.random() < 0.3 and address not in (CONTROL,):
                await self.master.write_dword(address, self.random.getrandbits(32))
            else:
                await self.master.read_dword(address)
            self.reads += 1
            await ClockCycles(self.dut.clk_i, self.random.randrange(1, 60))

    async def read(self, address: int) -> int:
        return int(await self.master.read_dword(address))

    async def state(self) -> tuple[int, int, int]:
        """State, held, error."""
        found = await self.read(LOAD)
        return found & 3, found >> 2 & 1, found >> 3

    async def name(self) -> int:
        words = [await self.read(HASH + 4 * n) for n in range(4)]
        return sum(word << 32 * n for n, word in enumerate(words))

    def offer(self, number: int) -> list[np.ndarray[Any, Any]]:
        """A network's frames at the inputs; what must come out."""
        chosen = NETWORKS[number]
        for source, path in zip(self.sources, chosen["sent"], strict=True):
            for frame in np.load(path):
                source.send_nowait(frame.tobytes())
        return [np.load(path) for path in chosen["wanted"]]

    async def runs(self, number: int) -> None:
        """A network's frames come out exact, and nothing else."""
        for sink, frames in zip(self.sinks, self.offer(number), strict=True):
            for frame in frames:
                assert bytes((await sink.recv()).tdata) == frame.tobytes(), f"not what network {number} makes"
        await self.nothing(50)

    async def nothing(self, cycles: int) -> None:
        await ClockCycles(self.dut.clk_i, cycles)
        assert all(sink.empty() for sink in self.sinks)

    async def load(self, packet: bytes) -> None:
        """Send a packet; until it is taken and the loader has decided."""
        await self.loader.send(packet)
        await self.loader.wait()
        await ClockCycles(self.dut.clk_i, 10)

    async def loads(self, number: int) -> None:
        await self.load(image(number))
        assert await self.state() == (LOADED, 0, NONE)
        assert await self.name() == int(NETWORKS[number]["hash"], 16)
        assert await self.read(LOAD_WORDS) == len(image(number)) // 4


@cocotb.test(timeout_time=2, timeout_unit="ms")
async def networks_come_and_go(dut: Any) -> None:
    """The first of all tests: from what was synthesised to the others, and back."""
    board = await Board.started(dut, SEED)
    assert await board.state() == (SYNTHESISED, 0, NONE)
    assert await board.name() == int(NETWORKS[0]["hash"], 16)
    structure = int.from_bytes(image(0)[8:12], "little")
    assert await board.read(STRUCTURE) == structure != 0
    await board.runs(0)
    for number in (1, 2, 0):
        await board.loads(number)
        await board.runs(number)
    assert board.reads > 20


@cocotb.test(timeout_time=2, timeout_unit="ms")
async def half_an_image_says_so_and_nothing_comes_out(dut: Any) -> None:
    """Cut off by its mark, or stopped and ended by an abort: then a whole image, and all is well."""
    board = await Board.started(dut, SEED)
    await board.loads(0)
    for number in (1, 0):
        half = image(number)[: 4 * board.random.randrange(12, len(image(number)) // 4)]
        if number:
            await board.load(half)
        else:
            board.dut.s_axis_load_tlast.value = 0
            await stop_in_the_middle(board, half)
            assert await board.state() == (COMING, 1, NONE)
            await board.master.write_dword(CONTROL, 4)
            await ClockCycles(dut.clk_i, 4)
        assert await board.state() == (FAILED, 1, SHORT)
        assert await board.name() == 0
        board.offer(number)
        for _ in range(300):
            await RisingEdge(dut.clk_i)
            assert all(int(getattr(dut, f"{port}_tvalid").value) == 0 for port in SETTING["outputs"])
            assert all(int(getattr(dut, f"{port}_tready").value) == 0 for port in SETTING["inputs"])
        assert await board.read(STATUS) & 1 == 0
        await board.load(image(number))  # the frames that wait come out now
        assert await board.state() == (LOADED, 0, NONE)
        for sink, path in zip(board.sinks, NETWORKS[number]["wanted"], strict=True):
            for frame in np.load(path):
                assert bytes((await sink.recv()).tdata) == frame.tobytes()
        await board.nothing(50)


async def stop_in_the_middle(board: Board, words: bytes) -> None:
    """Beats without a mark on the last one; then the driver is idle again."""
    dut = board.dut
    board.loader.pause = True
    await ClockCycles(dut.clk_i, 2)
    for n in range(0, len(words), 4):
        dut.s_axis_load_tdata.value = int.from_bytes(words[n : n + 4], "little")
        dut.s_axis_load_tvalid.value = 1
        await RisingEdge(dut.clk_i)
        while int(dut.s_axis_load_tready.value) == 0:
            await RisingEdge(dut.clk_i)
        dut.s_axis_load_tvalid.value = 0
        if board.random.random() < 0.2:
            await ClockCycles(dut.clk_i, board.random.randrange(1, 9))
    board.loader.pause = False
    await ClockCycles(dut.clk_i, 10)


@cocotb.test(timeout_time=2, timeout_unit="ms")
async def what_is_refused_lets_the_network_run_on(dut: Any) -> None:
    """Not an image, or one for other hardware, comes beside frames."""
    board = await Board.started(dut, SEED)
    await board.loads(1)
    wrong = bytearray(image(0))
    wrong[8] ^= 1
    for packet, error in ((bytes(wrong), OTHER), (image(0)[4:], NO_IMAGE), (image(0)[:24], SHORT)):
        loading = cocotb.start_soon(board.load(packet))
        await board.runs(1)
        await loading
        assert await board.state() == (LOADED, 0, error)
        assert await board.name() == int(NETWORKS[1]["hash"], 16)
    broken = bytearray(image(0))
    broken[-7] ^= 16
    await board.load(bytes(broken))
    assert await board.state() == (FAILED, 1, CRC)
    await board.load(image(0) + b"\x01\0\0\0")
    assert await board.state() == (FAILED, 1, LONG)
    await board.loads(0)
    await board.runs(0)


@cocotb.test(timeout_time=2, timeout_unit="ms")
async def an_image_behind_half_a_frame_begins_frames_anew(dut: Any) -> None:
    """What was begun is lost, also behind a reset in the middle of an image."""
    board = await Board.started(dut, SEED)
    await board.loads(0)
    for number in (1, 0):
        for source, path in zip(board.sources, NETWORKS[1 - number]["sent"], strict=True):
            beats = np.load(path)[0]
            await source.send(beats[: len(beats) // 2].tobytes())
            await source.wait()
        await ClockCycles(dut.clk_i, board.random.randrange(200))
        await board.load(image(number)[: len(image(number)) // 8 * 4])
        assert await board.state() == (FAILED, 1, SHORT)
        await board.master.write_dword(CONTROL, 1)
        await board.master.write_dword(CONTROL, 0)
        assert await board.state() == (FAILED, 1, SHORT)
        for sink in board.sinks:
            sink.clear()
        await board.loads(number)
        await board.runs(number)
