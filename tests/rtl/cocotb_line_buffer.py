"""ternc_line_buffer: what a reader finds, row by row, of a map that comes over a link and goes round a ring."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cocotb
from link_maker import LinkShape, Maker, Vector
from rtl_play import PARAMETERS, SEEDS, unpack
from rtl_steps import Steps

P = PARAMETERS
ROWS, LANES, STORED, COLS, PIECE = (P[name] for name in ("Rows", "Lanes", "StoredLanes", "Cols", "Piece"))
ELEM, CODE, ACT = P["ElemBits"], P["CodeBits"], P["ActBits"]
CAPACITY, FRAME, STEP, BUNDLES, TILES = (
    P[name] for name in ("Capacity", "FrameRows", "StepRows", "Bundles", "Tiles")
)
PIXELS, LINK = P["Pixels"], P["LinkCols"]
PITCH, PLANE = P["Pitch"], P["Plane"]
PARTS = -(-COLS // STORED)
SHAPE = LinkShape(STEP, BUNDLES, TILES, (P["StepBits"], P["XBits"], P["TileBits"], PIXELS * LINK * ELEM))
OFFSET_BITS, BANK_BITS = max(1, (PITCH - 1).bit_length()), max(1, (ROWS - 1).bit_length())
PLACE_BITS = OFFSET_BITS + BANK_BITS + (PIXELS > 1)
ARRIVES, ANSWER = 3, 3
"""Cycles from a step's last vector to have_o, and from a read to its answer."""
FRAMES = 5
IDLE = {"claim_i": 0, "valid_i": 0, "take_i": 0, "free_i": 0, "rd_addr_i": 0, "rd_rot_i": 0, "rd_part_i": 0}


def places() -> list[tuple[int, int] | None]:
    """(bank, word offset) of each column, or None where the map has none, from the ROM's file."""
    words = [int(line, 16) for line in Path(P["PlaceFile"]).read_text().split()]
    found: list[tuple[int, int] | None] = []
    for word in words:
        for place in unpack(word, PLACE_BITS, PIXELS):
            bank = place >> OFFSET_BITS & ((1 << BANK_BITS) - 1)
            there = PIXELS == 1 or place >> PLACE_BITS - 1
            found.append((bank, place & ((1 << OFFSET_BITS) - 1)) if there else None)
    return found


class Buffer:
    """The map's rows since reset, and what must be on the ports.

    The reader takes frames and frees rows as late as it likes, but never a row before it is read for the last time.
    """

    def __init__(self, steps: Steps) -> None:
        self.steps = steps
        self.places = places()
        self.by_place = {place: x for x, place in enumerate(self.places) if place}
        self.claimed = self.taken = self.freed = self.last_seen = 0
        self.rows: dict[int, dict[tuple[int, int], int]] = {}
        self.arrivals: dict[int, int] = {}
        self.arrived = 0

    def sent(self, vector: Vector, last: bool) -> None:
        """A vector is on the link."""
        row = vector.step * STEP + vector.row
        codes = [element & ((1 << CODE) - 1) for element in unpack(vector.data, ELEM, PIXELS * LINK)]
        stored = self.rows.setdefault(row, {})
        for i in range(PIXELS):
            for c in range(COLS):
                stored[vector.x * PIXELS + i, vector.tile * COLS + c] = codes[i * LINK + c]
        if last:
            self.arrivals[self.steps.cycle + ARRIVES] = STEP

    def check(self) -> None:
        """Room and rows in this cycle."""
        self.arrived += self.arrivals.pop(self.steps.cycle, 0)
        self.steps.check(
            room_o=int(self.claimed - self.freed + STEP <= CAPACITY),
            have_o=self.arrived - self.taken,
            base_o=self.taken % CAPACITY,
        )

    def expected(self, row: int, group: int, rot: int, chunk: int) -> dict[int, int]:
        """Codes that a read gives, by position in the answer; what was never written does not count."""
        found: dict[int, int] = {}
        for r in range(ROWS):
            bank = (r + rot) % ROWS
            x = self.by_place.get((bank, group + (bank < rot)))
            for lane in range(STORED):
                code = None if x is None else self.rows[row].get((x, chunk * STORED + lane))
                if code is not None:
                    found[r * LANES + lane] = code
        return found


async def exercise(steps: Steps, *, always: bool) -> None:
    """A map goes in and is read; everything is checked in every cycle."""
    buffer = Buffer(steps)
    maker = Maker(steps, SHAPE, FRAMES * FRAME // STEP, always=always)
    takes, frees = steps.pauses(), steps.pauses()
    answers: dict[int, dict[int, int]] = {}
    rng, checked = steps.random, 0
    while buffer.freed < FRAMES * FRAME:
        # of the rows that are there: which to read now, whether the frame is over, how many are not needed any more;
        # seen in the cycle before: a word is written in the cycle in which its row arrives
        there = buffer.arrived
        reads: dict[str, int] = {"rd_addr_i": 0, "rd_rot_i": 0, "rd_part_i": 0}
        if there > buffer.freed:
            row, rot = rng.randrange(buffer.freed, there), rng.randrange(ROWS)
            group = rng.randrange(PITCH - (1 if rot and PITCH > 1 else 0))
            chunk = rng.randrange(-(-TILES * COLS // STORED))
            wide, part = divmod(chunk, PARTS)
            reads = {
                "rd_addr_i": row % CAPACITY * PITCH + group + wide * PLANE,
                "rd_rot_i": rot if group + (rot > 0) < PITCH else 0,
                "rd_part_i": part,
            }
            answers[steps.cycle + ANSWER] = buffer.expected(row, group, reads["rd_rot_i"], chunk)
        take = there - buffer.taken >= FRAME and (always or not next(takes))
        most = 0 if not always and next(frees) else min(there, buffer.taken + FRAME) - buffer.freed
        free = rng.randint(0, most)
        room = buffer.claimed - buffer.freed + STEP <= CAPACITY
        link = maker.cycle(room=room, sent=buffer.sent)
        await steps.settle(**link, **reads, take_i=int(take), free_i=free)
        buffer.check()
        answer = answers.pop(steps.cycle, {})
        if answer:
            value = steps.dut.rd_data_o.value
            text = str(value)[::-1]
            for position, code in answer.items():
                bits = text[position * ACT : (position + 1) * ACT][::-1]
                assert bits == f"{code:0{ACT}b}", (
                    f"cycle {steps.cycle}: element {position} is {bits}, must be {code:b}"
                )
                checked += 1
        buffer.claimed += STEP * bool(link["claim_i"])
        buffer.taken += FRAME * take
        buffer.freed += free
        await steps.next()
    await steps.settle(**IDLE)
    await steps.next()
    assert checked > 20


@cocotb.test()
@cocotb.parametrize(seed=SEEDS)
async def test_keeps_rows(dut: Any, seed: int) -> None:
    """Random pauses on both sides."""
    steps = Steps(dut, seed)
    await steps.reset(**IDLE)
    await exercise(steps, always=False)


@cocotb.test()
@cocotb.parametrize(seed=SEEDS)
async def test_one_vector_a_cycle(dut: Any, seed: int) -> None:
    """Never held up but by room; a reset in between."""
    steps = Steps(dut, seed)
    for _ in range(2):
        await steps.reset(**IDLE)
        await exercise(steps, always=True)
