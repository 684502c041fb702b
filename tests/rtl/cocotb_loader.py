"""ternc_loader: images whole, wrong and cut off, at any pace, against what a reader of the format says of them."""

from __future__ import annotations

import random
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import cocotb
from rtl_play import PARAMETERS, SEEDS
from rtl_steps import Steps

WIDTH, STRUCTURE = PARAMETERS["LoadWidth"], PARAMETERS.get("Structure", 0)
MAGIC, FORMAT, HEADER = 0x4C4E5254, 1, 10
NONE, NO_IMAGE, OTHER, SHORT, LONG, CRC = range(6)
SYNTHESISED, COMING, LOADED, FAILED = range(4)
IDLE = {"valid_i": 0, "last_i": 0, "abort_i": 0, "data_i": 0}

Write = tuple[int, int, int]
"""Memory, address, value."""


@dataclass
class Image:
    """A packet's words, the network's name, what the bus must carry, and in how many pieces each word came."""

    words: list[int]
    network: int
    writes: list[Write] = field(default_factory=list)
    pieces: list[int] = field(default_factory=list)


def image(rng: random.Random, structure: int = STRUCTURE) -> Image:
    """Some memories with some words; also memories without words, and no memories at all."""
    network, writes, parts = rng.getrandbits(128), list[Write](), list[int]()
    numbers = rng.sample(range(1 << 16), rng.choice((0, 1, 2, 5)))
    words = [MAGIC, FORMAT, *split(structure, 4), *split(network, 4), len(numbers)]
    for number in numbers:
        bits, count = rng.randint(1, WIDTH), rng.choice((0, 1, 2, 7))
        pieces = -(-bits // 32)
        words += [number << 16 | pieces, count]
        for address in range(count):
            value = rng.getrandbits(bits)
            writes.append((number, address, value))
            parts.append(pieces)
            words += reversed(split(value, pieces))
    words.append(crc(words))
    return Image(words, network, writes, parts)


def split(value: int, count: int) -> list[int]:
    return [value >> 32 * n & 0xFFFFFFFF for n in range(count)]


def crc(words: Sequence[int]) -> int:
    return zlib.crc32(struct.pack(f"<{len(words)}I", *words))


class Loader:
    """The module, its stream, and what came out of it."""

    def __init__(self, dut: Any, seed: int) -> None:
        self.steps = Steps(dut, seed)
        self.writes: list[tuple[int, int, str]] = []
        self.pace = self.steps.pauses()

    async def start(self) -> tuple[int, int]:
        """Reset it; its state and the hash it shows, which outlive the tests before."""
        await self.steps.reset(**IDLE)
        await self.steps.settle(**IDLE)
        status = self.status()
        await self.steps.next()
        return status["state"], status["hash"]

    async def running(self) -> tuple[int, int]:
        """Reset it and load an image; its state and hash."""
        await self.start()
        one = image(self.steps.random)
        await self.loads(one)
        return LOADED, one.network

    async def cycle(self, **inputs: Any) -> bool:
        """One cycle; whether a beat was taken."""
        await self.steps.settle(
            **{**IDLE, "data_i": self.steps.junk(32), "last_i": self.steps.junk(1), **inputs}
        )
        taken = bool(inputs.get("valid_i", 0)) and self.steps.get("ready_o") == 1
        status = self.status()
        assert self.steps.get("rst_no") == int(self.steps.dut.rst_ni.value) * (1 - status["held"])
        bus = str(self.steps.dut.load_o.value)
        assert bus[0] in "01"
        if bus[0] == "1":
            self.writes.append((int(bus[1:17], 2), int(bus[17:41], 2), bus[41:]))
            assert status["held"] == 1, "a memory is written while the design runs"
        await self.steps.next()
        return taken

    async def send(self, words: Sequence[int], *, last: bool = True) -> None:
        """Beats with pauses; the last one with the mark, or without."""
        self.pace = self.steps.pauses()
        for n, word in enumerate(words):
            while next(self.pace):
                await self.cycle()
            mark = int(last and n == len(words) - 1)
            while not await self.cycle(valid_i=1, data_i=word, last_i=mark):
                pass

    async def settle(self) -> None:
        for _ in range(8):
            await self.cycle()

    def status(self) -> dict[str, int]:
        value = self.steps.get("status_o")
        fields = {"state": 2, "held": 1, "error": 3, "words": 32, "hash": 128}
        found = {}
        for name, bits in fields.items():
            found[name] = value & (1 << bits) - 1
            value >>= bits
        return found

    async def expect(self, **wanted: int) -> None:
        await self.settle()
        found = self.status()
        assert {name: found[name] for name in wanted} == wanted, (found, wanted)

    async def loads(self, one: Image) -> None:
        """It takes a whole image, and writes what that says."""
        self.writes.clear()
        await self.send(one.words)
        await self.loaded(one)

    async def loaded(self, one: Image) -> None:
        await self.expect(state=LOADED, held=0, error=NONE, words=len(one.words), hash=one.network)
        found = [
            (memory, address, int(data[-32 * pieces :], 2))
            for (memory, address, data), pieces in zip(self.writes, one.pieces, strict=True)
        ]
        assert found == one.writes


def drawn(rng: random.Random) -> Image:
    """One with at least a word for a memory."""
    while not (one := image(rng)).writes:
        pass
    return one


@cocotb.test()
async def it_starts_as_synthesised(dut: Any) -> None:
    """The first of all tests; what is not for it does not change that."""
    loader = Loader(dut, 1)
    await loader.start()
    await loader.expect(state=SYNTHESISED, held=0, error=NONE, words=0, hash=0)
    await loader.send([1, 2, 3])
    await loader.expect(state=SYNTHESISED, held=0, error=NO_IMAGE, words=3, hash=0)
    await loader.send(image(loader.steps.random).words[:HEADER])
    await loader.expect(state=SYNTHESISED, held=0, error=SHORT, words=HEADER, hash=0)


@cocotb.test()
@cocotb.parametrize(seed=SEEDS)
async def twenty_images_one_after_the_other(dut: Any, seed: int) -> None:
    loader = Loader(dut, seed)
    await loader.start()
    for _ in range(20):
        await loader.loads(image(loader.steps.random))


@cocotb.test()
async def a_word_takes_five_cycles(dut: Any) -> None:
    loader = Loader(dut, 1)
    await loader.start()
    one = drawn(loader.steps.random)
    taken = []
    for n, word in enumerate(one.words):
        while not await loader.cycle(valid_i=1, data_i=word, last_i=int(n == len(one.words) - 1)):
            pass
        taken.append(loader.steps.cycle)
    assert {b - a for a, b in pairwise(taken)} == {5}


@cocotb.test()
@cocotb.parametrize(seed=SEEDS)
async def what_is_not_for_it_changes_nothing(dut: Any, seed: int) -> None:
    """Another format, other hardware, or an end within the header."""
    loader = Loader(dut, seed)
    state, name = await loader.running()
    rng = loader.steps.random
    loader.writes.clear()
    for index in range(HEADER):
        words = drawn(rng).words
        await loader.send(words[: index + 1])
        await loader.expect(state=state, held=0, error=SHORT, words=index + 1, hash=name)
        if index < 6:
            words[index] ^= 1 << rng.randrange(32)
            await loader.send(words)
            error = NO_IMAGE if index < 2 else OTHER
            await loader.expect(state=state, held=0, error=error, words=len(words), hash=name)
    assert loader.writes == []


@cocotb.test()
@cocotb.parametrize(seed=SEEDS)
async def a_packet_that_comes_shows_as_coming(dut: Any, seed: int) -> None:
    loader = Loader(dut, seed)
    await loader.running()
    one = drawn(loader.steps.random)
    await loader.send(one.words[:5], last=False)
    await loader.expect(state=COMING, held=0, words=5)
    await loader.send(one.words[5:11], last=False)
    await loader.expect(state=COMING, held=1, words=11, hash=0)
    await loader.send(one.words[11:])
    await loader.expect(state=LOADED, held=0, words=len(one.words))


@cocotb.test()
@cocotb.parametrize(seed=SEEDS)
async def a_failure_half_way_holds_the_design_until_a_whole_image(dut: Any, seed: int) -> None:
    """Cut short anywhere behind the header, too long, or a wrong bit anywhere behind the header."""
    loader = Loader(dut, seed)
    await loader.start()
    rng = loader.steps.random
    for _ in range(12):
        one = drawn(rng)
        kind = rng.choice((SHORT, LONG, CRC))
        words = list(one.words)
        if kind == SHORT:
            words = words[: rng.randrange(HEADER + 1, len(words))]
        elif kind == LONG:
            words += [rng.getrandbits(32) for _ in range(rng.choice((1, 2, 6)))]
        else:
            first_data = next(n for n in range(len(words)) if n >= 11)
            words[rng.choice((6, 7, 8, 9, len(words) - 1, first_data))] ^= 1 << rng.randrange(16, 32)
        await loader.send(words)
        await loader.expect(state=FAILED, held=1, error=kind, words=len(words), hash=0)
        if rng.random() < 0.5:
            await loader.steps.reset(**IDLE)
            await loader.expect(state=FAILED, held=1, error=kind)
        if rng.random() < 0.5:  # what is not for it changes nothing, but it says so
            await loader.send([7, 8, 9])
            await loader.expect(state=FAILED, held=1, error=NO_IMAGE)
        await loader.loads(image(rng))


@cocotb.test()
@cocotb.parametrize(seed=SEEDS)
async def an_abort_or_a_reset_ends_a_packet_anywhere(dut: Any, seed: int) -> None:
    loader = Loader(dut, seed)
    await loader.running()
    rng, held = loader.steps.random, False
    for number in range(16):
        one = drawn(rng)
        cut = rng.randrange(1, len(one.words))
        await loader.send(one.words[:cut], last=False)
        for _ in range(rng.randrange(7)):
            await loader.cycle()
        held = held or loader.status()["held"] == 1
        if number % 2:
            await loader.steps.reset(**IDLE)
        else:
            await loader.cycle(abort_i=1, valid_i=1, data_i=one.words[cut], last_i=0)
        await loader.expect(error=SHORT, held=int(held), state=FAILED if held else LOADED)
        if number % 4 == 2:
            await loader.loads(image(rng))
            held = False


@cocotb.test()
@cocotb.parametrize(seed=SEEDS)
async def an_abort_ends_a_packet_that_is_swallowed(dut: Any, seed: int) -> None:
    loader = Loader(dut, seed)
    state, name = await loader.running()
    await loader.send([1, 2, 3], last=False)
    await loader.expect(state=COMING, held=0, error=NO_IMAGE)
    await loader.cycle(abort_i=1)
    await loader.expect(state=state, held=0, error=NO_IMAGE, hash=name)
    await loader.loads(image(loader.steps.random))


@cocotb.test()
@cocotb.parametrize(seed=SEEDS)
async def an_abort_between_packets_does_nothing(dut: Any, seed: int) -> None:
    loader = Loader(dut, seed)
    await loader.start()
    one = image(loader.steps.random)
    await loader.loads(one)
    await loader.cycle(abort_i=1)
    await loader.expect(state=LOADED, held=0, error=NONE, words=len(one.words), hash=one.network)
    await loader.loads(image(loader.steps.random))
