"""The regression of a generated design; run it with ``make``, see README.md.

Vectors: ``vectors/<port>.npy``, stream beats as uint8 [frames, beats, bytes]; those of an output are expected.
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
INPUTS = [Port(**port) for port in DESIGN["inputs"]]
OUTPUTS = [Port(**port) for port in DESIGN["outputs"]]
VECTORS = {
    p.name: integers(np.load(HERE / "vectors" / f"{p.name}.npy")[:FRAMES]) for p in (*INPUTS, *OUTPUTS)
}
COUNT = len(VECTORS[INPUTS[0].name])
SEED = int(os.environ.get("TERNC_SEED", "1"))
WATCHDOG_CYCLES = 2 * DESIGN["latency_cycles"] + DESIGN["cycles_per_frame"] + 4096
STRETCH_CYCLES = max(2 * DESIGN["cycles_per_frame"], DESIGN["latency_cycles"]) + 64
QUIET_CYCLES = 64


def bench(
    dut: Any, frames: list[int], gaps: int | None, back_pressure: int | None
) -> tuple[Clock, list[Source], list[Sink], list[Scoreboard]]:
    """A clock, and what sits at each stream, with stalls of its own."""

    def stalls(seed: int | None, index: int) -> Stalls:
        return Stalls(None if seed is None else seed + 1000 * index, STRETCH_CYCLES)

    sources = [
        Source(dut, port.name, [VECTORS[port.name][i] for i in frames], stalls(gaps, index))
        for index, port in enumerate(INPUTS)
    ]
    boards = [Scoreboard(port, [VECTORS[port.name][i] for i in frames]) for port in OUTPUTS]
    sinks = [
        Sink(dut, board.port.name, stalls(back_pressure, index), board.take)
        for index, board in enumerate(boards)
    ]
    return Clock(dut, [p.name for p in INPUTS], [p.name for p in OUTPUTS]), sources, sinks, boards


async def run(
    dut: Any,
    frames: list[int],
    *,
    gaps: int | None = None,
    back_pressure: int | None = None,
) -> tuple[list[Source], list[Scoreboard]]:
    """Reset, send some of the vectors' frames, and check everything that comes out.

    Args:
        dut: The top module's handle.
        frames: Which frames, by number.
        gaps, back_pressure: Seeds of the stalls at the inputs and at the outputs, or None.
    """
    dut._log.info("frames %s, gaps %s, back-pressure %s", frames, gaps, back_pressure)
    clock, sources, sinks, boards = bench(dut, frames, gaps, back_pressure)
    if hasattr(dut, "s_axis_load_tvalid"):  # a reloadable design: no image comes
        dut.s_axis_load_tvalid.value = dut.load_abort_i.value = 0
        dut.s_axis_load_tdata.value = dut.s_axis_load_tlast.value = 0
    await clock.reset()
    idle = 0
    while not all(board.done for board in boards):
        moved = await clock.step(sources, sinks)
        held = any(source.blocked and not source.done for source in sources) or any(
            sink.blocked and not board.done for sink, board in zip(sinks, boards, strict=True)
        )
        idle = 0 if moved else idle if held else idle + 1
        if not moved:
            idle += await clock.skip(sources, sinks, WATCHDOG_CYCLES)
        if idle >= WATCHDOG_CYCLES:
            went = [f"{len(source.first_cycles)} frames went into {source.name}" for source in sources]
            came = [
                f"{board.frame} frames and {board.beat} beats came out of {board.port.name}"
                for board in boards
            ]
            raise AssertionError(f"nothing moved for {idle} cycles: {', '.join(went + came)}")
    for _ in range(QUIET_CYCLES):
        await clock.step(sources, sinks)
    clock.stop()
    return sources, boards


def some(count: int) -> list[int]:
    """The first ``count`` frames, starting over if there are not as many."""
    return [i % COUNT for i in range(count)]


@cocotb.test()
async def test_frames_back_to_back(dut: Any) -> None:
    """All frames, valid and ready always 1."""
    await run(dut, some(COUNT))


@cocotb.test()
async def test_gaps_in_the_input(dut: Any) -> None:
    """The source holds back at random."""
    await run(dut, some(COUNT), gaps=SEED)


@cocotb.test()
async def test_back_pressure_at_the_output(dut: Any) -> None:
    """The sink holds back at random."""
    await run(dut, some(COUNT), back_pressure=SEED)


@cocotb.test()
async def test_gaps_and_back_pressure(dut: Any) -> None:
    """Both sides hold back at random."""
    await run(dut, some(COUNT), gaps=SEED + 1, back_pressure=SEED + 2)


@cocotb.test()
async def test_reset_in_the_middle_of_a_frame(dut: Any) -> None:
    """A reset at any moment leaves nothing behind: the frames after it are right."""
    latency, interval = DESIGN["latency_cycles"], DESIGN["cycles_per_frame"]
    beats = max(len(VECTORS[port.name][0]) for port in INPUTS)
    for cycles in (beats // 2, latency // 2, latency + interval // 2):
        clock, sources, _, boards = bench(dut, some(3), None, None)
        sinks = [
            Sink(dut, board.port.name, Stalls(None), lambda _cycle, _data, _last: None) for board in boards
        ]
        await clock.reset()
        for _ in range(max(1, cycles)):
            await clock.step(sources, sinks)
        clock.stop()
        await run(dut, some(2)[::-1])


@cocotb.test()
async def test_cycles_are_as_predicted(dut: Any) -> None:
    """Latency of one frame alone, and the interval between frames in a row: first input to last output on any port."""
    sources, boards = await run(dut, some(1))
    first = min(source.first_cycles[0] for source in sources)
    latency = max(board.last_cycles[0] for board in boards) - first + 1
    sources, boards = await run(dut, some(DESIGN["timed_frames"]))
    ends = [max(cycles) for cycles in zip(*(board.last_cycles for board in boards), strict=True)]
    half = len(ends) // 2  # the mean over the second half, rounded up: frames may come in a rhythm of several
    found = {"latency_cycles": latency, "cycles_per_frame": -(-(ends[-1] - ends[-1 - half]) // half)}
    predicted = {name: DESIGN[name] for name in found}
    assert found == predicted, f"predicted {predicted}, simulated {found}"
