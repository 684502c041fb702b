"""ternc_sequencer against the cycle of everything that a program does."""

from __future__ import annotations

import os
from typing import Any

import cocotb
from rtl_play import PARAMETERS, SEEDS, pack
from rtl_steps import Steps, word
from sequencer_program import Layer, Shape, Turn, random_program

P = PARAMETERS
SHAPE = Shape(rows=P["Rows"], inputs=P["Inputs"], outputs=P["Outputs"], terms=P["TermDepth"])
PROGRAM = random_program(int(os.environ["TERNC_PROGRAM"]), SHAPE)
WARM_UP = 16
"""Cycles after reset in which no frame comes: ternc_input is not ready before."""
LAYERS = 7
QUIET = 9


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

    def layer(self, layer: Layer, start: int, bases: list[int]) -> int:
        """A layer that starts in cycle ``start``; the first cycle in which the next one may start."""
        now = start + 1
        for turn in PROGRAM.turns(layer):
            self.turn(layer, turn, now + turn.step.interval - turn.step.tap_count, bases)
            now += turn.step.interval
        flushed: int = now + P["FlushCycles"]
        self.pulse(
            flushed - 1,
            in_release_o=layer.release_input,
            out_finish_o=layer.to_output,
            score_finish_o=layer.to_score,
        )
        for cycle in range(start + 1, flushed + 1):
            self.value(
                cycle,
                to_output_o=layer.to_output,
                to_score_o=layer.to_score,
                use_table_o=layer.use_table,
                table_o=layer.table,
                plane_o=layer.plane,
            )
        return flushed

    def turn(self, layer: Layer, turn: Turn, issue: int, bases: list[int]) -> None:
        """The taps of one pass, one a cycle from ``issue`` on."""
        step, x = turn.step, turn.group * P["Rows"]
        for j in range(step.tap_count):
            tap = PROGRAM.taps[step.tap + j]
            term = PROGRAM.terms[tap.term]
            inside = 0 <= turn.row * term.y_stride + tap.dy < term.height
            mask = sum(1 << r for r in range(P["Rows"]) if inside and 0 <= x + tap.q + r < tap.limit)
            base = bases[term.source - 1] if term.source else 0
            word = turn.row * term.y_step + turn.group + tap.offset + base
            self.value(issue + 5, rd_addr_o=word % (1 << P["RdBits"]), rd_rot_o=tap.rot)
            self.value(issue + 8, mask_o=mask, source_o=term.source, pad_o=term.pad)
            self.value(issue + 8, weight_addr_o=(step.weight + j) % (1 << P["WeightAddrBits"]))
            self.value(issue + 9, param_o=step.param, shift_o=tap.shift)
            if j == 0:
                self.pulse(issue + 9, first_o=1)
            if j == step.tap_count - 1:
                self.pulse(issue + 2, info_valid_o=1)
                self.value(issue + 2, info_o=info(layer, turn))
                self.pulse(issue + 9, last_o=1)
            issue += 1


def info(layer: Layer, turn: Turn) -> int:
    """The collector's word."""
    step, x = turn.step, turn.group * P["Rows"]
    exists = step.row_low <= turn.row < step.row_high
    take = sum(1 << r for r in range(P["Rows"]) if exists and step.x_low <= x + r < step.x_high)
    return word(
        (
            (step.write + turn.row * layer.row_step, P["WrBits"]),
            (step.xmap + x, P["XmapBits"]),
            (step.slice, P["SliceBits"]),
            (step.first_window, 1),
            (step.last_window, 1),
            (take, P["Rows"]),
        )
    )


PULSES = ("in_release_o", "out_finish_o", "score_finish_o", "first_o", "last_o", "info_valid_o")
IDLE = {"in_avail_i": 0, "in_base_i": 0, "out_free_i": 0, "score_free_i": 0}


async def run(steps: Steps, layers: int, *, always: bool) -> None:
    """Layers of the program over and over, from reset on; every port is checked in every cycle.

    Args:
        layers: How many to run at least; it ends where the program does.
        always: A frame of every input and a free half of every output are always there.
    """
    plan = Plan()
    no_frame = [steps.pauses() for _ in range(P["Inputs"])]
    no_space = [steps.pauses() for _ in range(P["Outputs"] + 1)]
    number, free_at, started = 0, WARM_UP, 0
    while started < layers or number or steps.cycle < free_at + QUIET:
        layer, over = PROGRAM.layers[number], started >= layers and not number
        hold = steps.cycle < WARM_UP or over
        here = sum(1 << n for n, pause in enumerate(no_frame) if not hold and (always or not next(pause)))
        *free, score_free = [always or not next(pause) for pause in no_space]
        out_free = sum(1 << n for n, there in enumerate(free) if there)
        bases = [steps.bits(P["RdBits"]) for _ in range(P["Inputs"])]
        await steps.settle(
            in_avail_i=here,
            in_base_i=pack(bases, P["RdBits"]),
            out_free_i=out_free,
            score_free_i=int(score_free),
        )
        waits = layer.wait_input & ~here or layer.to_output & ~out_free or (layer.to_score and not score_free)
        if steps.cycle >= free_at and not waits:
            free_at = plan.layer(layer, steps.cycle, bases)
            number = 0 if layer.last_layer else number + 1
            started += 1
        steps.check(**(dict.fromkeys(PULSES, 0) | plan.pulses.pop(steps.cycle, {})))
        steps.check(**plan.values.pop(steps.cycle, {}))
        await steps.next()
    assert not plan.pulses
    assert not plan.values


@cocotb.test()
@cocotb.parametrize(seed=SEEDS)
async def test_without_waiting(dut: Any, seed: int) -> None:
    """Layers follow one another without a lost cycle; a reset in the middle of a layer."""
    steps = Steps(dut, seed)
    for _ in range(2):
        await steps.reset(**IDLE)
        await run(steps, LAYERS, always=True)
        await steps.settle(
            in_avail_i=(1 << P["Inputs"]) - 1, out_free_i=(1 << P["Outputs"]) - 1, score_free_i=1
        )
        for _ in range(steps.random.randint(1, 60)):
            await steps.next()


@cocotb.test()
@cocotb.parametrize(seed=SEEDS)
async def test_waits_for_frames_and_space(dut: Any, seed: int) -> None:
    """Frames and free halves come and go at random, each input and output on its own."""
    steps = Steps(dut, seed)
    await steps.reset(**IDLE)
    await run(steps, LAYERS, always=False)
