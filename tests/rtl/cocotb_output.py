"""ternc_output against the beats of random frames, cycle by cycle."""

from __future__ import annotations

from typing import Any

import cocotb
from rtl_play import PARAMETERS, SEEDS, pack, signed, unpack
from rtl_steps import Steps

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
    values = [signed(bits, VALUE) + P["Offset"] for bits in unpack(word, VALUE, COLS)]
    return {
        "data_o": pack(values[:count], ELEM),
        "count_o": count,
        "pixel_last_o": int(chunk == CHUNKS - 1),
        "last_o": int(index == BEATS - 1),
    }


class Frames:
    """What has to be on the ports, and the memory behind them.

    A half's words are there from its finish until its last beat has moved, junk otherwise.
    """

    def __init__(self, steps: Steps) -> None:
        self.steps = steps
        self.words: list[list[int]] = []
        self.finished: list[int] = []
        self.sent = 0
        self.beat = 0
        self.previous_done = 0
        self.memory = [self.junk() for _ in range(P["Depth"])]
        self.read: list[Any] = [self.junk(), self.junk()]

    def junk(self) -> Any:
        return self.steps.junk(COLS * VALUE)

    @property
    def free(self) -> bool:
        return len(self.finished) - self.sent < 2

    @property
    def valid(self) -> bool:
        """A frame's first beat comes five cycles after its finish or the end of the frame before."""
        if self.sent == len(self.finished):
            return False
        return self.steps.cycle >= max(self.finished[self.sent], self.previous_done) + FIRST_BEAT

    def finish(self) -> None:
        """A frame is complete in this cycle."""
        half = len(self.finished) % 2
        words = [self.steps.bits(COLS * VALUE) for _ in range(BEATS)]
        self.memory[half * HALF : half * HALF + BEATS] = words
        self.words.append(words)
        self.finished.append(self.steps.cycle)

    def move(self) -> None:
        """The beat on offer moves in this cycle."""
        self.beat += 1
        if self.beat == BEATS:
            half = self.sent % 2
            self.memory[half * HALF : (half + 1) * HALF] = [self.junk() for _ in range(HALF)]
            self.beat = 0
            self.sent += 1
            self.previous_done = self.steps.cycle

    def fetch(self, addr: int) -> None:
        """The memory's two cycles."""
        self.read = [self.read[1], self.memory[addr] if addr < P["Depth"] else self.junk()]


async def send(steps: Steps, *, always: bool) -> None:
    """Frames are finished and sent; everything is checked in every cycle."""
    frames = Frames(steps)
    finishes, takes = steps.pauses(), steps.pauses()
    while frames.sent < FRAMES:
        free = frames.free
        finish = free and len(frames.finished) < FRAMES and (always or not next(finishes))
        if finish:
            frames.finish()
        ready = always or not next(takes)
        await steps.settle(finish_i=int(finish), ready_i=int(ready), rd_data_i=frames.read[0])
        half = (len(frames.finished) - finish) % 2
        steps.check(free_o=int(free), half_o=half, valid_o=int(frames.valid))
        frames.fetch(steps.get("rd_addr_o"))
        if frames.valid:
            steps.check(**beat_of(frames.words[frames.sent][frames.beat], frames.beat))
            if ready:
                frames.move()
        await steps.next()
    for _ in range(20):
        await steps.settle(finish_i=0, ready_i=1)
        steps.check(valid_o=0, free_o=1)
        await steps.next()


@cocotb.test()
@cocotb.parametrize(seed=SEEDS)
async def test_sends_frames(dut: Any, seed: int) -> None:
    """Random pauses on both sides."""
    steps = Steps(dut, seed)
    for _ in range(2):
        await steps.reset(finish_i=0, ready_i=0)
        await send(steps, always=False)


@cocotb.test()
@cocotb.parametrize(seed=SEEDS)
async def test_one_beat_a_cycle(dut: Any, seed: int) -> None:
    """Finished as early as possible and never held up; a reset in the middle of a frame."""
    steps = Steps(dut, seed)
    await steps.reset(finish_i=0, ready_i=0)
    await steps.settle(finish_i=1, ready_i=1, rd_data_i=0)
    await steps.next()
    await steps.settle(finish_i=0)
    for _ in range(steps.random.randint(1, FIRST_BEAT + BEATS)):
        await steps.next()
    await steps.reset(finish_i=0, ready_i=1)
    await send(steps, always=True)
