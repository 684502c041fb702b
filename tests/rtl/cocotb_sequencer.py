"""ternc_sequencer against the cycle of everything that a program does."""

from __future__ import annotations

import os
from typing import Any

import cocotb
from rtl_play import PARAMETERS, SEEDS, pack, unpack
from rtl_steps import Steps, word
from sequencer_program import Row, Shape, Turn, random_program

P = PARAMETERS
INPUTS, LINKS, Y = P["Inputs"], P["Links"], P["YBits"]
CAPACITIES = tuple(unpack(P["Capacities"], Y, INPUTS))
SHAPE = Shape(rows=P["Rows"], links=LINKS, terms=P["TermDepth"], capacities=CAPACITIES)
PROGRAM = random_program(int(os.environ["TERNC_PROGRAM"]), SHAPE)
WARM_UP = 16
"""Cycles after reset in which no row comes: ternc_input is not ready before."""
FRESH = 3
"""From one row's start to the next: what the first one claims and takes has to be seen."""
FREES = 5
"""From a row's last cycle to the pulse that frees rows."""
STARTS = 30
QUIET = 13


class Plan:
    """What has to be on the ports, by cycle."""

    def __init__(self) -> None:
        self.pulses: dict[int, dict[str, int]] = {}
        self.values: dict[int, dict[str, int]] = {}

    def value(self, cycle: int, **ports: int) -> None:
        """These count in this cycle only."""
        self.values.setdefault(cycle, {}).update(ports)

    def pulse(self, cycle: int, **ports: int) -> None:
        """These have to be so in this cycle and 0 where nothing is said."""
        self.pulses.setdefault(cycle, {}).update(ports)

    def row(self, row: Row, start: int, bases: list[int]) -> int:
        """A row that starts in cycle ``start``; the first cycle in which the next one may start."""
        self.pulse(start + 1, claim_o=row.links, take_o=row.takes)
        now = start + 1
        for turn in PROGRAM.turns(row):
            self.turn(row, turn, now + turn.step.interval - turn.step.tap_count, bases)
            now += turn.step.interval
        self.pulse(now - 1 + FREES, free_o=pack(row.frees, Y))
        return max(start + FRESH, now - 1 + (P["FlushCycles"] if row.flush else 0))

    def turn(self, row: Row, turn: Turn, issue: int, bases: list[int]) -> None:
        """The taps of one pass, one a cycle from ``issue`` on."""
        step, x = turn.step, turn.group * P["Rows"]
        for j in range(step.tap_count):
            tap = PROGRAM.taps[step.tap + j]
            term = PROGRAM.terms[tap.term]
            y = row.row * term.y_stride + tap.dy
            inside = 0 <= y < term.height
            mask = sum(1 << r for r in range(P["Rows"]) if inside and 0 <= x + tap.q + r < tap.limit)
            if inside:
                held = (bases[term.source - 1] + y) % CAPACITIES[term.source - 1] if term.source else y
                address = held * term.pitch + turn.group + tap.offset
                self.value(issue + 8, rd_addr_o=address % (1 << P["RdBits"]))
            self.value(issue + 8, rd_rot_o=tap.rot, rd_part_o=tap.part)
            self.value(issue + 11, mask_o=mask, source_o=term.source, pad_o=term.pad)
            self.value(issue + 11, weight_addr_o=(step.weight + j) % (1 << P["WeightAddrBits"]))
            self.value(issue + 12, param_o=step.param, shift_o=tap.shift)
            if j == 0:
                self.pulse(issue + 12, first_o=1)
            if j == step.tap_count - 1:
                self.pulse(issue + 2, info_valid_o=1)
                self.value(issue + 2, info_o=info(row, turn))
                self.pulse(issue + 12, last_o=1)
            issue += 1


def info(row: Row, turn: Turn) -> int:
    """The collector's word."""
    step, x = turn.step, turn.group * P["Rows"]
    exists = step.row_low <= row.row < step.row_high
    take = sum(1 << r for r in range(P["Rows"]) if exists and step.x_low <= x + r < step.x_high)
    return word(
        (
            (step.write + row.write, P["WrBits"]),
            (step.write + row.write + row.plane, P["WrBits"]),
            (step.xmap + x, P["XmapBits"]),
            (step.tile, P["TileBits"]),
            (step.step_row, P["StepBits"]),
            (step.piece, P["PieceBits"]),
            (row.to_feature, 1),
            (row.links, LINKS),
            (step.first_window, 1),
            (step.last_window, 1),
            (take, P["Rows"]),
        )
    )


PULSES = ("claim_o", "take_o", "free_o", "first_o", "last_o", "info_valid_o")
IDLE = {"have_i": 0, "base_i": 0, "room_i": 0}


class Around:
    """What the line buffers and the keepers of the links say: as little as the row needs, one less, or anything."""

    def __init__(self, steps: Steps, *, always: bool) -> None:
        self.steps, self.always = steps, always
        self.short = [steps.pauses() for _ in range(INPUTS)]
        self.full = [steps.pauses() for _ in range(LINKS)]

    def draw(self, row: Row, *, hold: bool) -> tuple[list[int], int, list[int]]:
        """(rows that have arrived in each line buffer, links with room, bases) in a cycle."""
        steps, top = self.steps, (1 << Y) - 1
        bases = [steps.random.randrange(capacity) for capacity in CAPACITIES]
        if hold:
            return [0] * INPUTS, 0, bases
        if self.always:
            return [top] * INPUTS, (1 << LINKS) - 1, bases
        have = []
        for need, short in zip(row.needs, self.short, strict=True):
            enough = not next(short)
            have.append(steps.random.choice((need, top, need)) if enough else max(0, need - 1))
        room = sum(1 << n for n, full in enumerate(self.full) if not next(full))
        return have, room, bases


async def run(steps: Steps, starts: int, *, always: bool) -> None:
    """The program's rows over and over, from reset on; every port is checked in every cycle.

    Args:
        starts: How many rows to start at least; it ends where the program does.
        always: All rows that are needed and room in all links are always there.
    """
    plan, around = Plan(), Around(steps, always=always)
    number, free_at, started, ready = 0, WARM_UP, 0, False
    while started < starts or number or steps.cycle < free_at + QUIET:
        row, over = PROGRAM.rows[number], started >= starts and not number
        have, room, bases = around.draw(row, hold=steps.cycle < WARM_UP or over)
        await steps.settle(have_i=pack(have, Y), room_i=room, base_i=pack(bases, Y))
        if ready and steps.cycle >= free_at:
            free_at = plan.row(row, steps.cycle, bases)
            number = 0 if row.last else number + 1
            started += 1
            ready = False
        else:  # what is seen now lets the row start in the next cycle
            enough = all(there >= need for there, need in zip(have, row.needs, strict=True))
            ready = enough and not row.links & ~room
        steps.check(**(dict.fromkeys(PULSES, 0) | plan.pulses.pop(steps.cycle, {})))
        steps.check(**plan.values.pop(steps.cycle, {}))
        await steps.next()
    assert not plan.pulses
    assert not plan.values


@cocotb.test()
@cocotb.parametrize(seed=SEEDS)
async def test_without_waiting(dut: Any, seed: int) -> None:
    """Rows follow one another without a lost cycle; a reset in the middle of a row."""
    steps = Steps(dut, seed)
    for _ in range(2):
        await steps.reset(**IDLE)
        await run(steps, STARTS, always=True)
        await steps.settle(have_i=(1 << Y * INPUTS) - 1, room_i=(1 << LINKS) - 1)
        for _ in range(steps.random.randint(1, 60)):
            await steps.next()


@cocotb.test()
@cocotb.parametrize(seed=SEEDS)
async def test_waits_for_rows_and_room(dut: Any, seed: int) -> None:
    """Rows and room come and go at random, for each line buffer and link on its own."""
    steps = Steps(dut, seed)
    await steps.reset(**IDLE)
    await run(steps, STARTS, always=False)
