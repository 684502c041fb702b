"""ternc_output against the beats of random frames, cycle by cycle."""

from __future__ import annotations

from typing import Any

import cocotb
from control_bench import PARAMETERS, Bench, join, signed, split

P = PARAMETERS
COLS, VALUE, ELEM = P["Cols"], P["ValueBits"], P["ElemBits"]
CHUNKS = -(-P["Channels"] // COLS)
BEATS = P["Pixels"] * CHUNKS
HALF = P["Depth"] // 2
FRAMES = 9
FIRST_BEAT = 5


def beat_of(word: int, index: int) -> dict[str, int]:
    """What the stream shows for the frame's word ``index``."""
    chunk = index % CHUNKS
    count = min(COLS, P["Channels"] - chunk * COLS)
    values = [signed(bits, VALUE) + P["Offset"] for bits in split(word, VALUE, COLS)]
    return {
        "data_o": join(values[:count], ELEM),
        "count_o": count,
        "pixel_last_o": int(chunk == CHUNKS - 1),
        "last_o": int(index == BEATS - 1),
    }


class Frames:
    """What has to be on the ports, and the memory behind them.

    A half's words are there from its finish until its last beat has moved, junk otherwise.
    """

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.words: list[list[int]] = []
        self.finished: list[int] = []
        self.sent = 0
        self.beat = 0
        self.previous_done = 0
        self.memory = [self.junk() for _ in range(P["Depth"])]
        self.read: list[Any] = [self.junk(), self.junk()]

    def junk(self) -> Any:
        return self.bench.junk(COLS * VALUE)

    @property
    def free(self) -> bool:
        return len(self.finished) - self.sent < 2

    @property
    def valid(self) -> bool:
        """A frame's first beat comes five cycles after its finish or the end of the frame before."""
        if self.sent == len(self.finished):
            return False
        return self.bench.cycle >= max(self.finished[self.sent], self.previous_done) + FIRST_BEAT

    def finish(self) -> None:
        """A frame is complete in this cycle."""
        half = len(self.finished) % 2
        words = [self.bench.bits(COLS * VALUE) for _ in range(BEATS)]
        self.memory[half * HALF : half * HALF + BEATS] = words
        self.words.append(words)
        self.finished.append(self.bench.cycle)

    def move(self) -> None:
        """The beat on offer moves in this cycle."""
        self.beat += 1
        if self.beat == BEATS:
            half = self.sent % 2
            self.memory[half * HALF : (half + 1) * HALF] = [self.junk() for _ in range(HALF)]
            self.beat = 0
            self.sent += 1
            self.previous_done = self.bench.cycle

    def fetch(self, addr: int) -> None:
        """The memory's two cycles."""
        self.read = [self.read[1], self.memory[addr] if addr < P["Depth"] else self.junk()]


async def send(bench: Bench, *, always: bool) -> None:
    """Frames are finished and sent; everything is checked in every cycle."""
    frames = Frames(bench)
    finishes, takes = bench.pace(), bench.pace()
    while frames.sent < FRAMES:
        free = frames.free
        finish = free and len(frames.finished) < FRAMES and (always or finishes.go())
        if finish:
            frames.finish()
        ready = always or takes.go()
        await bench.settle(finish_i=int(finish), ready_i=int(ready), rd_data_i=frames.read[0])
        half = (len(frames.finished) - finish) % 2
        bench.check(free_o=int(free), half_o=half, valid_o=int(frames.valid))
        frames.fetch(bench.get("rd_addr_o"))
        if frames.valid:
            bench.check(**beat_of(frames.words[frames.sent][frames.beat], frames.beat))
            if ready:
                frames.move()
        await bench.next()
    for _ in range(20):
        await bench.settle(finish_i=0, ready_i=1)
        bench.check(valid_o=0, free_o=1)
        await bench.next()


@cocotb.test()
async def test_sends_frames(dut: Any) -> None:
    """Random pauses on both sides."""
    bench = Bench(dut, "output")
    for _ in range(2):
        await bench.reset(finish_i=0, ready_i=0)
        await send(bench, always=False)


@cocotb.test()
async def test_one_beat_a_cycle(dut: Any) -> None:
    """Finished as early as possible and never held up; a reset in the middle of a frame."""
    bench = Bench(dut, "output fast")
    await bench.reset(finish_i=0, ready_i=0)
    await bench.settle(finish_i=1, ready_i=1, rd_data_i=0)
    for _ in range(bench.random.randint(2, 2 + FIRST_BEAT + BEATS)):
        await bench.next()
        await bench.settle()
        await bench.next()
        bench.drive(finish_i=0)
    await bench.reset(finish_i=0, ready_i=1)
    await send(bench, always=True)
