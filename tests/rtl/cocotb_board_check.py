"""ternc_board_check: right frames, frames with one wrong bit or a wrong last, and bits that nobody reads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cocotb
from rtl_play import PARAMETERS, SEEDS
from rtl_steps import Steps

WIDTH, BEATS, PERIOD = PARAMETERS["Width"], PARAMETERS["Beats"], PARAMETERS["Period"]
CARE = [PARAMETERS["CareBits"]] * (PERIOD - 1) + [PARAMETERS["LastBits"]]
WORDS = [int(line, 16) for line in Path(PARAMETERS["InitFile"]).read_text().split()]


async def play(steps: Steps, beats: list[tuple[int, int]]) -> int:
    """Reset, and offer beats until it takes no more; how many it took."""
    await steps.reset(valid_i=0, data_i=0, last_i=0)
    pauses, taken, quiet = steps.pauses(), 0, 0
    while taken < len(beats) and quiet < 60:
        offer = int(not next(pauses))
        data, last = beats[taken]
        await steps.settle(valid_i=offer, data_i=data, last_i=last)
        moves = offer and steps.get("ready_o")
        await steps.next()
        taken, quiet = (taken + 1, 0) if moves else (taken, quiet + 1)
    await steps.settle(valid_i=1)
    steps.check(ready_o=0)
    return taken


def right(steps: Steps) -> list[tuple[int, int]]:
    """The file's beats, other bits at random."""
    return [
        (word ^ steps.bits(WIDTH) >> CARE[i % PERIOD] << CARE[i % PERIOD], int(i % BEATS == BEATS - 1))
        for i, word in enumerate(WORDS)
    ]


@cocotb.test()
@cocotb.parametrize(seed=SEEDS)
async def test_right_frames_are_done(dut: Any, seed: int) -> None:
    steps = Steps(dut, seed)
    for _ in range(2):
        assert await play(steps, right(steps)) == len(WORDS)
        steps.check(done_o=1, wrong_o=0, frame_o=len(WORDS) // BEATS, beat_o=0)


@cocotb.test()
@cocotb.parametrize(seed=SEEDS)
async def test_a_wrong_beat_stops_it(dut: Any, seed: int) -> None:
    steps = Steps(dut, seed)
    for at in (0, len(WORDS) - 1, *(steps.random.randrange(len(WORDS)) for _ in range(8))):
        beats = right(steps)
        data, last = beats[at]
        if steps.random.random() < 0.3:
            beats[at] = (data, 1 - last)
        else:
            beats[at] = (data ^ 1 << steps.random.randrange(CARE[at % PERIOD]), last)
        assert await play(steps, beats) == at + 1
        steps.check(done_o=0, wrong_o=1, frame_o=at // BEATS, beat_o=at % BEATS)
