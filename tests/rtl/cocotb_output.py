"""ternc_output against the beats of random frames, cycle by cycle."""

from __future__ import annotations

from typing import Any

import cocotb
from rtl_play import PARAMETERS, SEEDS, pack, signed, unpack
from rtl_steps import Steps

P = PARAMETERS
COLS, WRITE, VALUE, ELEM = P["Cols"], P["WriteBits"], P["ValueBits"], P["ElemBits"]
CHUNKS = -(-P["Channels"] // COLS)
BEATS = P["Pixels"] * CHUNKS
HALF = P["Depth"] // 2
ADDR = max(1, (P["Depth"] - 1).bit_length())
FRAMES = 9
FIRST_BEAT = 5


def beat_of(word: int, index: int) -> dict[str, int]:
    """What the stream shows for the frame's word ``index``."""
    chunk = index % CHUNKS
    count = min(COLS, P["Channels"] - chunk * COLS)
    values = [signed(bits, VALUE) + P["Offset"] for bits in unpack(word, WRITE, COLS)]
    return {
        "data_o": pack(values[:count], ELEM),
        "count_o": count,
        "pixel_last_o": int(chunk == CHUNKS - 1),
        "last_o": int(index == BEATS - 1),
    }


class Frames:
    """What has to be on the ports.

    A frame's words are written one a cycle in any order, then it is finished; the last word may come in the cycle
    after the finish.
    """

    def __init__(self, steps: Steps) -> None:
        self.steps = steps
        self.words: list[list[int]] = []
        self.unwritten: list[int] = []
        self.finished: list[int] = []
        self.sent = 0
        self.beat = 0
        self.previous_done = 0

    @property
    def free(self) -> bool:
        return len(self.finished) - self.sent < 2

    @property
    def valid(self) -> bool:
        """A frame's first beat comes five cycles after its finish or the end of the frame before."""
        if self.sent == len(self.finished):
            return False
        return self.steps.cycle >= max(self.finished[self.sent], self.previous_done) + FIRST_BEAT

    @property
    def base(self) -> int:
        """Where the frame that is written begins."""
        base: int = len(self.finished) % 2 * HALF
        return base

    def begin(self) -> None:
        """A new frame, none of its words written."""
        self.words.append([self.steps.bits(COLS * WRITE) for _ in range(BEATS)])
        self.unwritten = list(range(BEATS))
        self.steps.random.shuffle(self.unwritten)

    def write(self, base: int) -> dict[str, Any]:
        """The write port in a cycle in which one of the words is written."""
        index = self.unwritten.pop()
        return {"wr_en_i": 1, "wr_addr_i": base + index, "wr_data_i": self.words[-1][index]}

    def move(self) -> None:
        """The beat on offer moves in this cycle."""
        self.beat += 1
        if self.beat == BEATS:
            self.beat = 0
            self.sent += 1
            self.previous_done = self.steps.cycle


def no_write(steps: Steps) -> dict[str, Any]:
    """The write port at rest."""
    return {"wr_en_i": 0, "wr_addr_i": steps.junk(ADDR), "wr_data_i": steps.junk(COLS * WRITE)}


async def send(steps: Steps, *, always: bool) -> None:
    """Frames are written, finished and sent; everything is checked in every cycle."""
    frames = Frames(steps)
    writes, takes = steps.pauses(), steps.pauses()
    late_base: int | None = None
    while frames.sent < FRAMES:
        free, base, finish, written = frames.free, frames.base, False, no_write(steps)
        if late_base is not None:
            written, late_base = frames.write(late_base), None
        elif frames.unwritten and (always or not next(writes)):
            if len(frames.unwritten) == 1 and steps.bits(1):
                late_base = base
            else:
                written = frames.write(base)
            finish = late_base is not None or not frames.unwritten
        if finish:
            frames.finished.append(steps.cycle)
        elif free and not frames.unwritten and len(frames.words) < FRAMES and late_base is None:
            frames.begin()
        ready = always or not next(takes)
        await steps.settle(finish_i=int(finish), ready_i=int(ready), **written)
        steps.check(free_o=int(free), base_o=base, valid_o=int(frames.valid))
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
        await steps.reset(finish_i=0, ready_i=0, wr_en_i=0)
        await send(steps, always=False)


@cocotb.test()
@cocotb.parametrize(seed=SEEDS)
async def test_one_beat_a_cycle(dut: Any, seed: int) -> None:
    """Finished as early as possible and never held up; a reset in the middle of a frame."""
    steps = Steps(dut, seed)
    await steps.reset(finish_i=0, ready_i=0, wr_en_i=0)
    await steps.settle(finish_i=1, ready_i=1)
    await steps.next()
    await steps.settle(finish_i=0)
    for _ in range(steps.random.randint(1, FIRST_BEAT + BEATS)):
        await steps.next()
    await steps.reset(finish_i=0, ready_i=1, wr_en_i=0)
    await send(steps, always=True)
