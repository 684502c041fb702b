"""ternc_collector against a table of the writes that each pass makes."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cocotb
from rtl_play import PARAMETERS, SEEDS, pack, signed, unpack
from rtl_steps import Steps, word
from write_ports import WritePorts

P = PARAMETERS
ROWS, COLS, VALUE, PERIOD = P["Rows"], P["Cols"], P["ValueBits"], P["DrainPeriod"]
WR, BANK, SLICE, DEPTH = P["WrBits"], P["BankBits"], P["SliceBits"], P["XmapDepth"]
XMAP = max(1, (DEPTH - 1).bit_length())
INFO_BITS = WR + XMAP + SLICE + 2 + ROWS
OUTPUTS, OUT_ADDR = P["Outputs"], P["OutputAddrBits"]
LAYERS = 8
INFO_TO_COLUMN = 7
"""Cycles from a pass's info to its last tap, in a whole design."""


@dataclass
class Pass:
    """One pass of the plan."""

    last: int
    info_at: int
    addr: int
    xmap: int
    slice: int
    first_window: bool
    last_window: bool
    take: int
    values: list[int] = field(default_factory=list)

    @property
    def info(self) -> int:
        return word(
            (
                (self.addr, WR),
                (self.xmap, XMAP),
                (self.slice, SLICE),
                (self.first_window, 1),
                (self.last_window, 1),
                (self.take, ROWS),
            )
        )

    def sampled(self, row: int) -> int:
        """The cycle in which the row's pixel is on ``value_i``."""
        at: int = self.last + P["StartDelay"] + 3 + row * PERIOD
        return at


class Plan:
    """The passes of one layer, from ``start`` on, and what has to come out.

    Every pixel is pooled over some passes (often one), column by column the highest or the lowest value of those
    that are taken; at least one is.
    """

    def __init__(self, steps: Steps, ports: WritePorts, xmap: list[int], start: int) -> None:
        self.steps, self.ports, self.xmap = steps, ports, xmap
        random = steps.random
        self.goal = random.choice(("feature", "output", "score"))
        self.output, self.plane = random.randrange(OUTPUTS), steps.bits(WR)
        self.bases = [random.choice((0, steps.bits(OUT_ADDR))) for _ in range(OUTPUTS)]
        self.passes: list[Pass] = []
        self.values: dict[int, int] = {}
        self.minima: dict[int, int] = {}
        self.done: dict[int, int] = {}
        self.scored: set[int] = set()
        pace, last, previous = steps.pauses(), start + INFO_TO_COLUMN, start - 1
        for _ in range(random.randint(1, 6)):
            windows = random.choice((1, 1, 2, 3))
            minimum = steps.bits(COLS)
            addr, place = steps.bits(WR), random.randint(0, max(0, DEPTH - ROWS))
            slice_ = random.randrange(P["Slices"])
            best: list[list[int]] = [[] for _ in range(ROWS)]
            for window in range(windows):
                info_at = max(previous + 1, last - random.randint(0, INFO_TO_COLUMN))
                take = random.choice(((1 << ROWS) - 1, steps.bits(ROWS)))
                if window == windows - 1:  # those that no pass has taken yet
                    take |= sum(1 << row for row in range(ROWS) if not best[row])
                step = Pass(last, info_at, addr, place, slice_, window == 0, window == windows - 1, take)
                self.passes.append(step)
                for row in range(ROWS):
                    self.pixel(step, row, minimum, best[row])
                previous = info_at
                last += ROWS * PERIOD + (0 if not next(pace) else random.randint(1, 9))
        self.end = self.passes[-1].sampled(ROWS - 1) + PERIOD + 2

    def pixel(self, step: Pass, row: int, minimum: int, best: list[int]) -> None:
        """One row's values in a pass, and its writes if the window ends."""
        at = step.sampled(row)
        self.values[at] = value = self.steps.bits(COLS * VALUE)
        self.minima[at] = minimum
        if step.take >> row & 1:
            new = [signed(bits, VALUE) for bits in unpack(value, VALUE, COLS)]
            best[:] = [
                (min if minimum >> c & 1 else max)(old, now)
                for c, (old, now) in enumerate(zip(best or new, new, strict=True))
            ]
        place = self.xmap[step.xmap + row]
        offset, bank, valid = place % (1 << WR), place >> WR & ((1 << BANK) - 1), place >> (WR + BANK)
        if not step.last_window or not valid:
            return
        vector, addr = pack(best, VALUE), step.addr + offset
        self.done[at + 1] = vector
        if self.goal == "score":
            self.scored.add(at + 1)
        elif self.goal == "output":
            self.ports.expect_output(at + 2, self.output, addr + self.bases[self.output], vector)
        else:
            self.ports.expect_features(at + 2, addr, bank, step.slice, self.plane, vector)

    async def run(self) -> None:
        """Play the plan and check every cycle."""
        steps = self.steps
        infos = {step.info_at: step.info for step in self.passes}
        lasts = {step.last for step in self.passes}
        while steps.cycle < self.end:
            cycle = steps.cycle
            await steps.settle(
                info_valid_i=int(cycle in infos),
                info_i=infos.get(cycle, steps.junk(INFO_BITS)),
                last_i=int(cycle in lasts),
                to_output_i=int(self.goal == "output") << self.output,
                out_base_i=pack(self.bases, OUT_ADDR),
                to_score_i=int(self.goal == "score"),
                plane_i=self.plane,
                value_i=self.values.get(cycle, steps.junk(COLS * VALUE)),
                min_i=self.minima.get(cycle, steps.junk(COLS)),
            )
            self.ports.check()
            done = self.done.get(cycle)
            steps.check(done_valid_o=int(done is not None), score_valid_o=int(cycle in self.scored))
            if done is not None:
                steps.check(done_value_o=done)
            await steps.next()


@cocotb.test()
@cocotb.parametrize(seed=SEEDS)
async def test_writes_pixels(dut: Any, seed: int) -> None:
    """Layers one after another, passes as close as they can be or further apart; a reset in a pass."""
    steps = Steps(dut, seed)
    xmap = [int(line, 16) for line in Path(PARAMETERS["XmapFile"]).read_text().split()]
    idle = dict.fromkeys(("info_valid_i", "last_i", "to_output_i", "out_base_i", "to_score_i", "plane_i"), 0)
    await steps.reset(**idle)
    for layer in range(LAYERS):
        plan = Plan(steps, WritePorts(steps, P, words=PERIOD), xmap, steps.cycle + steps.random.randint(0, 9))
        await plan.run()
        if layer == LAYERS // 2:
            await steps.settle(info_valid_i=1, last_i=1)
            await steps.next()
            await steps.reset(**(idle | {"last_i": 1}))
