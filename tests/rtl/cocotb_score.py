"""ternc_score against the sums of random frames, to the cycle."""

from __future__ import annotations

from typing import Any

import cocotb
from rtl_play import PARAMETERS, SEEDS, draw, log2, pack, signed
from rtl_steps import Steps

P = PARAMETERS
COLS, VALUE, DIFF, SCORE, ELEM = P["Cols"], P["ValueBits"], P["DiffBits"], P["ScoreBits"], P["ElemBits"]
LATENCY = log2(COLS) + 4
FRAMES = 14


class Frames:
    """Frames that are summed up, held and sent."""

    def __init__(self, steps: Steps) -> None:
        self.steps = steps
        self.left = self.total = 0
        self.finished: list[tuple[int, int]] = []
        self.sent = 0

    @property
    def free(self) -> bool:
        return len(self.finished) - self.sent < 2

    @property
    def valid(self) -> bool:
        """A frame's beat comes some cycles after its finish, and after the beat of the frame before."""
        return self.sent < len(self.finished) and self.steps.cycle >= self.finished[self.sent][0] + LATENCY

    def beat(self) -> int:
        """The beat on offer."""
        score = self.finished[self.sent][1] % (1 << SCORE)
        return pack([score, int(score > P["Limit"])], ELEM)

    def vector(self) -> int:
        """A random vector, added to the frame; a few small differences as often as many large ones."""
        rng, sparse = self.steps.random, self.steps.bits(1)
        differences = [0 if sparse and rng.random() < 0.8 else draw(rng, DIFF) for _ in range(COLS)]
        for difference in differences:
            found = signed(difference, DIFF)
            self.total += found * found if P["Squares"] else abs(found)
        return pack([d | self.steps.bits(VALUE) << DIFF for d in differences], VALUE)

    def finish(self) -> None:
        """The frame ends in this cycle."""
        self.finished.append((self.steps.cycle, self.total))
        self.total = 0


async def score(steps: Steps, *, always: bool) -> None:
    """Frames of a few vectors each, the last one with the finish or before it; every cycle is checked."""
    frames = Frames(steps)
    vectors, takes = steps.pauses(), steps.pauses()
    left = 0
    while frames.sent < FRAMES:
        valid = finish = 0
        value = steps.junk(COLS * VALUE)
        free = frames.free
        if not left and free and len(frames.finished) < FRAMES:
            left = steps.random.choice((1, steps.random.randint(1, 20)))
        if left and (always or not next(vectors)):
            left -= 1
            valid = int(left > 0 or steps.bits(1))
            if valid:
                value = frames.vector()
            finish = int(left == 0)
        if finish:
            frames.finish()
        ready = always or not next(takes)
        await steps.settle(valid_i=valid, value_i=value, finish_i=finish, ready_i=int(ready))
        steps.check(free_o=int(free), valid_o=int(frames.valid))
        if frames.valid:
            steps.check(data_o=frames.beat())
            frames.sent += ready
        await steps.next()


@cocotb.test()
@cocotb.parametrize(seed=SEEDS)
async def test_scores_frames(dut: Any, seed: int) -> None:
    """Random pauses on both sides."""
    steps = Steps(dut, seed)
    await steps.reset(valid_i=0, finish_i=0, ready_i=0)
    await score(steps, always=False)


@cocotb.test()
@cocotb.parametrize(seed=SEEDS)
async def test_one_vector_a_cycle(dut: Any, seed: int) -> None:
    """Never held up; a reset in the middle of a frame and of a finish."""
    steps = Steps(dut, seed)
    for _ in range(3):
        await steps.reset(valid_i=0, finish_i=0, ready_i=1)
        await score(steps, always=True)
        for finish in (0, 1):
            await steps.settle(valid_i=1, value_i=(1 << COLS * VALUE) - 1, finish_i=finish)
            await steps.next()
