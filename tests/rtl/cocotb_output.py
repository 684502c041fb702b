"""ternc_output against the beats of random frames that come row by row, cycle by cycle."""

from __future__ import annotations

from typing import Any

import cocotb
from link_maker import LinkShape, Maker, Vector
from rtl_play import PARAMETERS, SEEDS, pack, signed, unpack
from rtl_steps import Steps

P = PARAMETERS
COLS, WRITE, VALUE, ELEM = P["Cols"], P["WriteBits"], P["ValueBits"], P["ElemBits"]
WIDTH, HEIGHT, STEP, CAPACITY, FRAME = (
    P[name] for name in ("Width", "Height", "StepRows", "Capacity", "FrameRows")
)
PIXELS, PHASES = P["Pixels"], P["Phases"]
CHUNKS = -(-P["Channels"] // COLS)
ROW_BEATS = WIDTH * CHUNKS
BLOCK = PIXELS * PHASES
BUNDLES = [
    [start + phase + PHASES * i for i in range(PIXELS)]
    for start in range(0, WIDTH, BLOCK)
    for phase in range(min(PHASES, WIDTH - start))
]
"""Columns of each bundle of a row; the map may have fewer."""
SHAPE = LinkShape(
    STEP, len(BUNDLES), CHUNKS, (P["StepBits"], P["XBits"], P["TileBits"], PIXELS * COLS * WRITE)
)
READ, SHOWN = 3, 3
"""Cycles from a step's last vector to the first read of one of its words, and from a read to its beat."""
QUEUE = 8
"""Beats that are read ahead."""
FRAMES = 6
IDLE = {"claim_i": 0, "valid_i": 0, "ready_i": 0}


class Frames:
    """Rows since reset: what is claimed, read and sent, and the words of those that have come."""

    def __init__(self, steps: Steps) -> None:
        self.steps = steps
        self.words: dict[tuple[int, int], int] = {}
        self.arrivals: dict[int, int] = {}
        self.claimed = self.arrived = self.freed = 0
        self.y = self.row = self.beat = (
            0  # the next word to read: row of the frame, row since reset, beat in it
        )
        self.queue: list[tuple[int, dict[str, int]]] = []

    def sent(self, vector: Vector, last: bool) -> None:
        """A vector is on the link."""
        for i, x in enumerate(BUNDLES[vector.x]):
            data = vector.data >> i * COLS * WRITE & ((1 << COLS * WRITE) - 1)
            if x < WIDTH:
                self.words[vector.step * STEP + vector.row, x * CHUNKS + vector.tile] = data
        if last:
            self.arrivals[self.steps.cycle + READ] = STEP

    @property
    def room(self) -> bool:
        return bool(self.claimed - self.freed + STEP <= CAPACITY)

    def read(self) -> int:
        """Read a word if one is there and its beat finds a place; the rows that this frees."""
        self.arrived += self.arrivals.pop(self.steps.cycle, 0)
        if self.row >= self.arrived or len(self.queue) == QUEUE:
            return 0
        frame_end = self.y == HEIGHT - 1 and self.beat == ROW_BEATS - 1
        beat = beat_of(self.words.pop((self.row, self.beat)), self.beat, last=frame_end)
        self.queue.append((self.steps.cycle + SHOWN, beat))
        self.beat = (self.beat + 1) % ROW_BEATS
        if self.beat:
            return 0
        free = FRAME - HEIGHT + 1 if frame_end else 1
        self.row += free
        self.y = 0 if frame_end else self.y + 1
        return free


def beat_of(data: int, index: int, *, last: bool) -> dict[str, int]:
    """What the stream shows for a row's word ``index``."""
    chunk = index % CHUNKS
    count = min(COLS, P["Channels"] - chunk * COLS)
    values = [signed(bits, VALUE) + P["Offset"] for bits in unpack(data, WRITE, COLS)]
    return {
        "data_o": pack(values[:count], ELEM),
        "count_o": count,
        "pixel_last_o": int(chunk == CHUNKS - 1),
        "last_o": int(last),
    }


async def send(steps: Steps, *, always: bool) -> None:
    """Frames are written and sent; everything is checked in every cycle."""
    frames = Frames(steps)
    maker = Maker(steps, SHAPE, FRAMES * FRAME // STEP, always=always)
    takes = steps.pauses()
    while frames.row < FRAMES * FRAME or frames.queue:
        room = frames.room
        link = maker.cycle(room=room, sent=frames.sent)
        ready = always or not next(takes)
        await steps.settle(**link, ready_i=int(ready))
        valid = bool(frames.queue) and frames.queue[0][0] <= steps.cycle
        steps.check(room_o=int(room), valid_o=int(valid))
        free = frames.read()
        if valid:
            steps.check(**frames.queue[0][1])
            if ready:
                frames.queue.pop(0)
        frames.claimed += STEP * bool(link["claim_i"])
        frames.freed += free
        await steps.next()
    assert not frames.words or FRAME > HEIGHT
    for _ in range(20):
        await steps.settle(claim_i=0, valid_i=0, ready_i=1)
        steps.check(valid_o=0, room_o=1)
        await steps.next()


@cocotb.test()
@cocotb.parametrize(seed=SEEDS)
async def test_sends_frames(dut: Any, seed: int) -> None:
    """Random pauses on both sides."""
    steps = Steps(dut, seed)
    for _ in range(2):
        await steps.reset(**IDLE)
        await send(steps, always=False)


@cocotb.test()
@cocotb.parametrize(seed=SEEDS)
async def test_one_beat_a_cycle(dut: Any, seed: int) -> None:
    """Written as early as possible and never held up; a reset in the middle of a frame."""
    steps = Steps(dut, seed)
    await steps.reset(**IDLE)
    maker, frames = Maker(steps, SHAPE, 1, always=True), Frames(steps)
    for _ in range(steps.random.randint(2, 9 + STEP * ROW_BEATS)):
        await steps.settle(**maker.cycle(room=True, sent=frames.sent), ready_i=1)
        await steps.next()
    await steps.reset(**IDLE)
    await send(steps, always=True)
