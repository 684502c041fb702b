"""ternc_score against the sums of random frames, to the cycle."""

from __future__ import annotations

import os
from typing import Any

import cocotb
from rtl_play import PARAMETERS, SEEDS, draw, log2, pack, signed
from rtl_steps import Steps

P = PARAMETERS
COLS, VALUE, DIFF, SCORE, ELEM = P["Cols"], P["ValueBits"], P["DiffBits"], P["ScoreBits"], P["ElemBits"]
FRAME_VECTORS, FRAME_STEPS = P["FrameVectors"], P["FrameSteps"]
LATENCY = log2(COLS) + 4
FRAMES = 14
LIMIT = int(os.environ["TERNC_LIMIT"])
IDLE = {"limit_i": LIMIT % (2 << SCORE), "claim_i": 0, "valid_i": 0, "ready_i": 0}


class Frames:
    """Frames that are claimed step by step, summed up, held and sent."""

    def __init__(self, steps: Steps) -> None:
        self.steps = steps
        self.claims = self.vectors = self.total = 0
        self.finished: list[tuple[int, int]] = []
        self.sent = 0

    @property
    def room(self) -> bool:
        """Inside a frame always; a new one while fewer than two are begun and not sent."""
        begun = -(-self.claims // FRAME_STEPS)
        return bool(self.claims % FRAME_STEPS != 0 or begun - self.sent < 2)

    @property
    def expected(self) -> int:
        """Vectors that are claimed and have not come: a step has its share, the last one what is left."""
        frames, in_frame = divmod(self.claims, FRAME_STEPS)
        claimed: int = frames * FRAME_VECTORS + in_frame * (FRAME_VECTORS // FRAME_STEPS)
        return claimed - self.vectors

    @property
    def valid(self) -> bool:
        """A frame's beat comes some cycles after its last vector, and after the beat of the frame before."""
        return self.sent < len(self.finished) and self.steps.cycle >= self.finished[self.sent][0] + LATENCY

    def beat(self) -> int:
        """The beat on offer."""
        score = self.finished[self.sent][1] % (1 << SCORE)
        return pack([score, int(score > LIMIT)], ELEM)

    def vector(self) -> int:
        """A random vector, added to the frame; a few small differences as often as many large ones."""
        rng, sparse = self.steps.random, self.steps.bits(1)
        differences = [0 if sparse and rng.random() < 0.8 else draw(rng, DIFF) for _ in range(COLS)]
        for difference in differences:
            found = signed(difference, DIFF)
            self.total += found * found if P["Squares"] else abs(found)
        self.vectors += 1
        if self.vectors % FRAME_VECTORS == 0:
            self.finished.append((self.steps.cycle, self.total))
            self.total = 0
        return pack([d | self.steps.bits(VALUE) << DIFF for d in differences], VALUE)


async def score(steps: Steps, *, always: bool) -> None:
    """Frames step by step; every cycle is checked."""
    frames = Frames(steps)
    claims, vectors, takes = steps.pauses(), steps.pauses(), steps.pauses()
    while frames.sent < FRAMES:
        room, value = frames.room, steps.junk(COLS * VALUE)
        claim = room and frames.claims < FRAMES * FRAME_STEPS and (always or not next(claims))
        valid = frames.expected > 0 and (always or not next(vectors))
        if valid:
            value = frames.vector()
        ready = always or not next(takes)
        await steps.settle(claim_i=int(claim), valid_i=int(valid), value_i=value, ready_i=int(ready))
        steps.check(room_o=int(room), valid_o=int(frames.valid))
        if frames.valid:
            steps.check(data_o=frames.beat())
            frames.sent += ready
        frames.claims += claim
        await steps.next()


@cocotb.test()
@cocotb.parametrize(seed=SEEDS)
async def test_scores_frames(dut: Any, seed: int) -> None:
    """Random pauses on both sides."""
    steps = Steps(dut, seed)
    await steps.reset(**IDLE)
    await score(steps, always=False)


@cocotb.test()
@cocotb.parametrize(seed=SEEDS)
async def test_one_vector_a_cycle(dut: Any, seed: int) -> None:
    """Never held up; a reset in the middle of a frame."""
    steps = Steps(dut, seed)
    for _ in range(3):
        await steps.reset(**IDLE)
        await score(steps, always=True)
        await steps.settle(claim_i=1, valid_i=1, value_i=(1 << COLS * VALUE) - 1)
        for _ in range(steps.random.randint(1, 3)):
            await steps.next()
