"""ternc_board_test: what it says of runs that pass, fail and stall, on the line and on the LEDs, and when it runs again."""

from __future__ import annotations

from typing import Any

import cocotb
from rtl_play import PARAMETERS
from rtl_steps import Steps, word

STREAMS, OUTPUTS, FRAMES = PARAMETERS["Streams"], PARAMETERS["Outputs"], PARAMETERS["Frames"]
TIMEOUT, PAUSE, DIVISOR = PARAMETERS["Timeout"], PARAMETERS["Pause"], PARAMETERS["Divisor"]
IDLE = {"button_i": 0, "valid_i": 0, "ready_i": 0, "done_i": 0, "wrong_i": 0, "frame_i": 0, "beat_i": 0}
ALL = (1 << OUTPUTS) - 1


async def run_begins(steps: Steps, **inputs: int) -> int:
    """Wait for the start of a run; its reset must come first. The cycles that it took."""
    first = steps.cycle
    resets = 0
    for _ in range(PAUSE + 200):
        await steps.settle(**inputs)
        resets += not steps.get("rst_no")
        if steps.get("start_o") and resets:
            assert resets >= 16
            await steps.next()
            return steps.cycle - first
        await steps.next()
    raise AssertionError("no run began")


async def line(steps: Steps) -> str:
    """One line of the serial line, sampled in the middle of each bit."""
    said = ""
    while not said.endswith("\n"):
        waited = 0
        while await level(steps):
            waited += 1
            assert waited < 60 * DIVISOR, f"the line rests behind {said!r}"
        levels = [0] + [await level(steps) for _ in range(10 * DIVISOR - 1)]
        bits = levels[DIVISOR // 2 :: DIVISOR]
        assert (bits[0], bits[9]) == (0, 1)
        said += chr(word([(bit, 1) for bit in bits[1:9]]))
    return said


async def level(steps: Steps) -> int:
    """The serial line in a cycle."""
    await steps.settle()
    found = steps.get("tx_o")
    await steps.next()
    return found


async def let(steps: Steps, cycles: int, **inputs: int) -> None:
    """The same inputs for some cycles."""
    for _ in range(cycles):
        await steps.settle(**inputs)
        await steps.next()


async def leds(steps: Steps, **outputs: int) -> None:
    """What the LEDs show in a cycle."""
    await steps.settle()
    steps.check(**outputs)
    await steps.next()


@cocotb.test()
async def test_pass_counts_the_cycles_from_the_first_beat_to_the_last(dut: Any) -> None:
    steps = Steps(dut, 1)
    await steps.reset(**IDLE)
    await run_begins(steps, **IDLE)
    await let(steps, 5, valid_i=1, ready_i=0)  # offered, not taken
    await let(steps, 1, ready_i=1)
    await let(steps, TIMEOUT - 1, ready_i=0)
    await let(steps, 1, valid_i=1 << STREAMS - 1, ready_i=1 << STREAMS - 1)
    await let(steps, 1, valid_i=0, ready_i=0, done_i=ALL)
    assert await line(steps) == f"PASS {FRAMES} frames, {TIMEOUT + 1} cycles\n"
    await leds(steps, pass_o=1, fail_o=0)


@cocotb.test()
async def test_fail_and_stall_name_the_first_port(dut: Any) -> None:
    steps = Steps(dut, 1)
    await steps.reset(**IDLE)
    frames = word([(10 + p, 32) for p in range(OUTPUTS)])
    beats = word([(20 + p, 32) for p in range(OUTPUTS)])
    for p in range(OUTPUTS):
        await run_begins(steps, **IDLE)
        await let(steps, 1, wrong_i=ALL & ~((1 << p) - 1), frame_i=frames, beat_i=beats)
        assert await line(steps) == f"FAIL port {p} frame {10 + p} beat {20 + p}\n"
        await leds(steps, pass_o=0, fail_o=1)
        await run_begins(steps, **IDLE)
        await let(steps, TIMEOUT + 1, done_i=(1 << p) - 1, frame_i=frames, beat_i=beats)
        assert await line(steps) == f"STALL port {p} frame {10 + p} beat {20 + p}\n"
        await leds(steps, pass_o=0, fail_o=1)


@cocotb.test()
async def test_it_runs_again_after_the_pause_or_with_the_button(dut: Any) -> None:
    steps = Steps(dut, 1)
    await steps.reset(**IDLE)
    await run_begins(steps, **IDLE)
    for button in (0, 1):
        await let(steps, 1, done_i=ALL)
        assert (await line(steps)).startswith("PASS")
        waited = await run_begins(steps, **(IDLE | {"button_i": button}))
        assert (waited > PAUSE) == (not button)
        assert waited < PAUSE + 60 if not button else waited < 60
        await leds(steps, pass_o=1, fail_o=0)  # still the last run's
