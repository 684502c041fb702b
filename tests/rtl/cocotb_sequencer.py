"""ternc_sequencer against the cycle of everything that a program does."""

from __future__ import annotations

import os
from typing import Any

import cocotb
from rtl_play import PARAMETERS, SEEDS
from rtl_steps import Steps, word
from sequencer_program import Layer, Turn, random_program

P = PARAMETERS
PROGRAM = random_program(int(os.environ["TERNC_PROGRAM"]), P["Rows"])
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

    def pulse(self, cycle: int, *ports: str) -> None:
        """These are 1 in this cycle and 0 where nothing is said."""
        self.pulses.setdefault(cycle, {}).update(dict.fromkeys(ports, 1))

    def layer(self, layer: Layer, start: int, half: int) -> int:
        """A layer that starts in cycle ``start``; the first cycle in which the next one may start."""
        now = start + 1
        for turn in PROGRAM.turns(layer):
            self.turn(layer, turn, now + turn.step.interval - turn.step.tap_count, half)
            now += turn.step.interval
        flushed: int = now + P["FlushCycles"]
        for port, said in (("in_release_o", layer.release_input), ("out_finish_o", layer.finish_output)):
            if said:
                self.pulse(flushed - 1, port)
        for cycle in range(start + 1, flushed + 1):
            self.value(
                cycle,
                from_input_o=layer.from_input,
                to_output_o=layer.to_output,
                pad_o=layer.pad,
                plane_o=layer.plane,
            )
        return flushed

    def turn(self, layer: Layer, turn: Turn, issue: int, half: int) -> None:
        """The taps of one pass, one a cycle from ``issue`` on."""
        step = turn.step
        base = (
            turn.row * layer.y_step + turn.group + (P["InputHalfWords"] if half and layer.from_input else 0)
        )
        x, y = turn.group * P["Rows"], turn.row * layer.y_stride
        for j in range(step.tap_count):
            tap = PROGRAM.taps[step.tap + j]
            inside = 0 <= y + tap.dy < layer.height
            mask = sum(1 << r for r in range(P["Rows"]) if inside and 0 <= x + tap.q + r < tap.limit)
            self.value(issue + 3, rd_addr_o=(base + tap.offset) % (1 << P["RdBits"]), rd_rot_o=tap.rot)
            self.value(issue + 6, mask_o=mask, weight_addr_o=(step.weight + j) % (1 << P["WeightAddrBits"]))
            self.value(issue + 7, param_o=step.param)
            if j == 0:
                self.pulse(issue + 7, "first_o")
            if j == step.tap_count - 1:
                self.pulse(issue, "info_valid_o")
                self.value(issue, info_o=info(layer, turn))
                self.pulse(issue + 7, "last_o")
            issue += 1


def info(layer: Layer, turn: Turn) -> int:
    """The collector's word."""
    step = turn.step
    return word(
        (
            (step.write + turn.row * layer.row_step, P["WrBits"]),
            (step.xmap + turn.group * P["Rows"], P["XmapBits"]),
            (step.slice, P["SliceBits"]),
            (step.first_window, 1),
            (step.last_window, 1),
        )
    )


PULSES = ("in_release_o", "out_finish_o", "first_o", "last_o", "info_valid_o")


async def run(steps: Steps, layers: int, *, always: bool) -> None:
    """Layers of the program over and over, from reset on; every port is checked in every cycle.

    Args:
        layers: How many to run at least; it ends where the program does.
        always: A frame and a free half are always there.
    """
    plan, no_frame, no_space = Plan(), steps.pauses(), steps.pauses()
    number, free_at, started = 0, WARM_UP, 0
    while started < layers or number or steps.cycle < free_at + QUIET:
        layer, over = PROGRAM.layers[number], started >= layers and not number
        here = steps.cycle >= WARM_UP and not over and (always or not next(no_frame))
        free, half = always or not next(no_space), steps.bits(1)
        await steps.settle(in_avail_i=int(here), in_half_i=half, out_free_i=int(free))
        waits = (layer.wait_input and not here) or (layer.wait_output and not free)
        if steps.cycle >= free_at and not waits:
            free_at = plan.layer(layer, steps.cycle, half)
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
        await steps.reset(in_avail_i=0, in_half_i=0, out_free_i=0)
        await run(steps, LAYERS, always=True)
        await steps.settle(in_avail_i=1, out_free_i=1)
        for _ in range(steps.random.randint(1, 60)):
            await steps.next()


@cocotb.test()
@cocotb.parametrize(seed=SEEDS)
async def test_waits_for_frames_and_space(dut: Any, seed: int) -> None:
    """A frame and a free half of the output memory come and go at random."""
    steps = Steps(dut, seed)
    await steps.reset(in_avail_i=0, in_half_i=0, out_free_i=0)
    await run(steps, LAYERS, always=False)
