"""ternc_collector against a table of the vectors that each pass sends."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cocotb
from rtl_play import PARAMETERS, SEEDS, pack, signed, unpack
from rtl_steps import Steps, word

P = PARAMETERS
ROWS, COLS, VALUE, LINKS = P["Rows"], P["Cols"], P["ValueBits"], P["Links"]
WR, BANK, DEPTH, LINK_X = P["WrBits"], P["BankBits"], P["XmapDepth"], P["LinkXBits"]
PIECE, TILE, STEP = P["PieceBits"], P["TileBits"], P["StepBits"]
DRAIN = P["Drain"]
BEATS = ROWS // DRAIN
XMAP = max(1, (DEPTH - 1).bit_length())
INFO_BITS = 2 * WR + XMAP + TILE + STEP + PIECE + LINKS + ROWS + 3
RUNS = 8
INFO_TO_COLUMN = 10
"""Cycles from a pass's info to its last tap, in a whole design."""


@dataclass
class Pass:
    """One pass of the plan."""

    last: int
    info_at: int
    addr: int
    next: int
    xmap: int
    tile: int
    step_row: int
    piece: int
    to_feature: int
    links: int
    first_window: int
    last_window: int
    take: int

    @property
    def info(self) -> int:
        return word(
            (
                (self.addr, WR),
                (self.next, WR),
                (self.xmap, XMAP),
                (self.tile, TILE),
                (self.step_row, STEP),
                (self.piece, PIECE),
                (self.to_feature, 1),
                (self.links, LINKS),
                (self.first_window, 1),
                (self.last_window, 1),
                (self.take, ROWS),
            )
        )

    def sampled(self, beat: int) -> int:
        """The cycle in which the pixels of Drain rows are on ``value_i``."""
        at: int = self.last + P["StartDelay"] + 3 + beat
        return at


class Plan:
    """Some passes, from ``start`` on, and what has to come out.

    Every pixel is pooled over some passes (often one), column by column the highest or the lowest value of those
    that are taken; at least one is. Each window goes to the feature memory, to some links, to both or nowhere.
    """

    def __init__(self, steps: Steps, xmap: list[int], start: int) -> None:
        self.steps, self.xmap = steps, xmap
        random = steps.random
        self.passes: list[Pass] = []
        self.values: dict[int, int] = {}
        self.minima: dict[int, int] = {}
        self.done: dict[int, int] = {}
        self.ports: dict[int, dict[str, int]] = {}
        pace, last, previous = steps.pauses(), start + INFO_TO_COLUMN, start - 1
        for _ in range(random.randint(1, 8)):
            windows = random.choice((1, 1, 2, 3))
            minimum = steps.bits(COLS)
            common = {
                "addr": steps.bits(WR),
                "next": steps.bits(WR),
                "xmap": random.randint(0, max(0, DEPTH - BEATS)),
                "tile": steps.bits(TILE),
                "step_row": steps.bits(STEP),
                "piece": steps.bits(PIECE),
                "to_feature": steps.bits(1),
                "links": random.choice((0, steps.bits(LINKS))),
            }
            best: list[list[int]] = [[] for _ in range(ROWS)]
            for window in range(windows):
                info_at = max(previous + 1, last - random.randint(0, INFO_TO_COLUMN))
                take = random.choice(((1 << ROWS) - 1, steps.bits(ROWS)))
                if window == windows - 1:  # those that no pass has taken yet
                    take |= sum(1 << row for row in range(ROWS) if not best[row])
                ends = {"first_window": int(window == 0), "last_window": int(window == windows - 1)}
                step = Pass(last=last, info_at=info_at, take=take, **common, **ends)
                self.passes.append(step)
                for beat in range(BEATS):
                    self.beat(step, beat, minimum, best[beat * DRAIN : (beat + 1) * DRAIN])
                previous = info_at
                last += BEATS + (0 if not next(pace) else random.randint(1, 9))
        self.end = self.passes[-1].sampled(BEATS - 1) + 3

    def beat(self, step: Pass, beat: int, minimum: int, best: list[list[int]]) -> None:
        """The values of Drain rows in a pass, and where they go if the window ends."""
        at = step.sampled(beat)
        self.values[at] = value = self.steps.bits(DRAIN * COLS * VALUE)
        self.minima[at] = minimum
        elements = [signed(bits, VALUE) for bits in unpack(value, VALUE, DRAIN * COLS)]
        for d, kept in enumerate(best):
            new = elements[d * COLS : (d + 1) * COLS]
            if step.take >> beat * DRAIN + d & 1:
                kept[:] = [
                    (min if minimum >> c & 1 else max)(old, now)
                    for c, (old, now) in enumerate(zip(kept or new, new, strict=True))
                ]
        word, each = self.xmap[step.xmap + beat], WR + BANK + 1
        x, places = word & ((1 << LINK_X) - 1), unpack(word >> LINK_X, each, DRAIN)
        offsets = [place & ((1 << WR) - 1) for place in places]
        banks = [place >> WR & ((1 << BANK) - 1) for place in places]
        valid = [place >> WR + BANK for place in places]
        if not step.last_window or not valid[0]:
            return
        together = [one for kept in best for one in kept]
        vector = pack(together, VALUE)
        self.done[at + 1] = vector
        ports = {"feature_en_o": pack(valid, 1) if step.to_feature else 0, "link_valid_o": step.links}
        if step.to_feature:
            ports |= {
                "feature_bank_o": pack(banks, BANK),
                "feature_addr_o": pack([step.addr + offset for offset in offsets], WR),
                "feature_next_o": pack([step.next + offset for offset in offsets], WR),
                "feature_piece_o": step.piece,
                "feature_data_o": pack(together, P["FeatureBits"]),
            }
        if step.links:
            ports |= {
                "link_row_o": step.step_row,
                "link_x_o": x,
                "link_tile_o": step.tile,
                "link_data_o": vector,
            }
        self.ports[at + 2] = ports

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
                value_i=self.values.get(cycle, steps.junk(DRAIN * COLS * VALUE)),
                min_i=self.minima.get(cycle, steps.junk(COLS)),
            )
            steps.check(**self.ports.get(cycle, {"feature_en_o": 0, "link_valid_o": 0}))
            done = self.done.get(cycle)
            steps.check(done_valid_o=int(done is not None))
            if done is not None:
                steps.check(done_value_o=done)
            await steps.next()


@cocotb.test()
@cocotb.parametrize(seed=SEEDS)
async def test_sends_pixels(dut: Any, seed: int) -> None:
    """Passes as close as they can be or further apart, to anywhere; a reset in a pass."""
    steps = Steps(dut, seed)
    xmap = [int(line, 16) for line in Path(PARAMETERS["XmapFile"]).read_text().split()]
    idle = {"info_valid_i": 0, "last_i": 0}
    await steps.reset(**idle)
    for number in range(RUNS):
        await Plan(steps, xmap, steps.cycle + steps.random.randint(0, 9)).run()
        if number == RUNS // 2:
            await steps.settle(info_valid_i=1, last_i=1)
            await steps.next()
            await steps.reset(**(idle | {"last_i": 1}))
