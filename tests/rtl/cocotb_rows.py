"""ternc_rows against counters of rows in a ring, with every mix of claims, arrivals, takes and frees."""

from __future__ import annotations

from typing import Any

import cocotb
from rtl_play import PARAMETERS, SEEDS, pack
from rtl_steps import Steps

P = PARAMETERS
CAPACITY, FRAME, STEP, PITCH = P["Capacity"], P["FrameRows"], P["StepRows"], P["Pitch"]
CYCLES = 600
IDLE = {"claim_i": 0, "advance_i": 0, "arrive_i": 0, "take_i": 0, "free_i": 0}


class Ring:
    """Rows since reset: claimed, written, announced to the reader, taken as frames, and freed."""

    def __init__(self, steps: Steps) -> None:
        self.steps = steps
        self.claimed = self.written = self.arrived = self.taken = self.freed = 0

    def outputs(self) -> dict[str, int]:
        """The ports that follow from the counts."""
        row = self.written % CAPACITY
        return {
            "room_o": int(self.claimed - self.freed + STEP <= CAPACITY),
            "write_base_o": pack([(row + r) * PITCH for r in range(STEP)], P["BaseBits"]),
            "have_o": self.arrived - self.taken,
            "read_row_o": self.taken % CAPACITY,
        }

    def inputs(self, wanted: dict[str, bool]) -> dict[str, int]:
        """Which of the wanted events may happen now; they are counted for the next cycle."""
        claim = wanted["claim"] and self.claimed - self.freed + STEP <= CAPACITY
        advance = wanted["advance"] and self.written < self.claimed
        arrive = wanted["arrive"] and self.arrived < self.written
        take = wanted["take"] and self.arrived - self.taken >= FRAME
        # never a row that has not arrived, nor one of a frame that is not taken
        most = min(self.arrived, self.taken + FRAME) - self.freed
        free = self.steps.random.choice((most, self.steps.random.randint(0, most))) if wanted["free"] else 0
        self.claimed += STEP * claim
        self.written += STEP * advance
        self.arrived += STEP * arrive
        self.taken += FRAME * take
        self.freed += free
        pulses = {"claim_i": claim, "advance_i": advance, "arrive_i": arrive, "take_i": take}
        return {name: int(pulse) for name, pulse in pulses.items()} | {"free_i": free}


async def count(steps: Steps, *, always: bool) -> None:
    """Events as often as they may be, or with pauses; everything is checked in every cycle."""
    ring = Ring(steps)
    names = ("claim", "advance", "arrive", "take", "free")
    paused = {name: steps.pauses() for name in names}
    most = 0
    for _ in range(CYCLES):
        expected = ring.outputs()
        most = max(most, expected["have_o"])
        wanted = {name: always or not next(pause) for name, pause in paused.items()}
        await steps.settle(**ring.inputs(wanted))
        steps.check(**expected)
        await steps.next()
    await steps.settle(**IDLE)
    await steps.next()
    assert ring.taken > 2 * CAPACITY or not always
    assert most >= FRAME or not always


@cocotb.test()
@cocotb.parametrize(seed=[*SEEDS, 3, 4])
async def test_counts(dut: Any, seed: int) -> None:
    """Random pauses of each event."""
    steps = Steps(dut, seed)
    await steps.reset(**IDLE)
    await count(steps, always=False)


@cocotb.test()
@cocotb.parametrize(seed=SEEDS)
async def test_everything_at_once(dut: Any, seed: int) -> None:
    """All that may happen happens; a reset in between."""
    steps = Steps(dut, seed)
    for _ in range(2):
        await steps.reset(**IDLE)
        await count(steps, always=True)
