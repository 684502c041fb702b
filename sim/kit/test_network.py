"""The regression of a generated design; run it with ``make``, see README.md.

Vectors: ``input.npy`` and ``expected_output.npy``, stream beats as uint8 [frames, beats, bytes].
``design.json`` has the ports' geometry and the predicted cycle counts.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import cocotb
import numpy as np
from axi_stream import Clock, Sink, Source, Stalls
from scoreboard import Port, Scoreboard, integers

HERE = Path(__file__).parent
DESIGN = json.loads((HERE / "design.json").read_text())
FRAMES = int(os.environ.get("TERNC_FRAMES", "0")) or None
INPUT = integers(np.load(HERE / "input.npy")[:FRAMES])
EXPECTED = integers(np.load(HERE / "expected_output.npy")[:FRAMES])
OUTPUT_PORT = Port(**DESIGN["output_port"])
SEED = int(os.environ.get("TERNC_SEED", "1"))
WATCHDOG_CYCLES = 2 * DESIGN["latency_cycles"] + DESIGN["cycles_per_frame"] + 4096
STRETCH_CYCLES = 64 + 2 * DESIGN["cycles_per_frame"]
QUIET_CYCLES = 64


async def run(
    dut: Any,
    frames: list[int],
    *,
    gaps: int | None = None,
    back_pressure: int | None = None,
) -> tuple[Source, Scoreboard]:
    """Reset, send some of the vectors' frames, and check everything that comes out.

    Args:
        dut: The top module's handle.
        frames: Which frames, by number.
        gaps, back_pressure: Seeds of the stalls at the input and at the output, or None.
    """
    dut._log.info("frames %s, gaps %s, back-pressure %s", frames, gaps, back_pressure)
    clock = Clock(dut)
    await clock.reset()
    scoreboard = Scoreboard(OUTPUT_PORT, [EXPECTED[i] for i in frames])
    source = Source(dut, "s_axis", [INPUT[i] for i in frames], Stalls(gaps, STRETCH_CYCLES))
    sink = Sink(dut, "m_axis", Stalls(back_pressure, STRETCH_CYCLES), scoreboard.take)
    idle = 0
    while not scoreboard.done:
        moved = await clock.step(source, sink)
        held = (source.blocked and not source.done) or sink.blocked
        idle = 0 if moved else idle if held else idle + 1
        if not moved:
            idle += await clock.skip(source, sink, WATCHDOG_CYCLES)
        assert idle < WATCHDOG_CYCLES, (
            f"nothing moved for {idle} cycles: {len(source.first_cycles)} frames went in, "
            f"{scoreboard.frame} frames and {scoreboard.beat} beats came out"
        )
    for _ in range(QUIET_CYCLES):
        await clock.step(source, sink)
    clock.stop()
    return source, scoreboard


def some(count: int) -> list[int]:
    """The first ``count`` frames, starting over if there are not as many."""
    return [i % len(INPUT) for i in range(count)]


@cocotb.test()
async def test_frames_back_to_back(dut: Any) -> None:
    """All frames, valid and ready always 1."""
    await run(dut, some(len(INPUT)))


@cocotb.test()
async def test_gaps_in_the_input(dut: Any) -> None:
    """The source holds back at random."""
    await run(dut, some(len(INPUT)), gaps=SEED)


@cocotb.test()
async def test_back_pressure_at_the_output(dut: Any) -> None:
    """The sink holds back at random."""
    await run(dut, some(len(INPUT)), back_pressure=SEED)


@cocotb.test()
async def test_gaps_and_back_pressure(dut: Any) -> None:
    """Both sides hold back at random."""
    await run(dut, some(len(INPUT)), gaps=SEED + 1, back_pressure=SEED + 2)


@cocotb.test()
async def test_reset_in_the_middle_of_a_frame(dut: Any) -> None:
    """A reset at any moment leaves nothing behind: the frames after it are right."""
    latency, interval = DESIGN["latency_cycles"], DESIGN["cycles_per_frame"]
    for cycles in (len(INPUT[0]) // 2, latency // 2, latency + interval // 2):
        clock = Clock(dut)
        await clock.reset()
        source = Source(dut, "s_axis", [INPUT[i] for i in some(3)], Stalls(None))
        sink = Sink(dut, "m_axis", Stalls(None), lambda _cycle, _data, _last: None)
        for _ in range(max(1, cycles)):
            await clock.step(source, sink)
        clock.stop()
        await run(dut, some(2)[::-1])


@cocotb.test()
async def test_cycles_are_as_predicted(dut: Any) -> None:
    """Latency of one frame alone, and the interval between frames in a row."""
    source, scoreboard = await run(dut, some(1))
    latency = scoreboard.last_cycles[0] - source.first_cycles[0] + 1
    source, scoreboard = await run(dut, some(6))
    interval = scoreboard.last_cycles[-1] - scoreboard.last_cycles[-2]
    found = {"latency_cycles": latency, "cycles_per_frame": interval}
    predicted = {name: DESIGN[name] for name in found}
    assert found == predicted, f"predicted {predicted}, simulated {found}"
