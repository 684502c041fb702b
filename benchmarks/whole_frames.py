"""Whole frames of published networks in Verilator, on arrays of thousands of lanes: ``make frames``.

    python -m benchmarks.whole_frames [NAME:LANES ...] [--frames N] [--json FILE]

RTL = golden = ONNX in every value and simulated = predicted in every cycle, or exit code 1; with the minutes it takes.
"""

from __future__ import annotations

import argparse
import itertools
import json
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks import networks

import ternc
from ternc.simulate import verilator
from ternc.simulate.opened import open_build

RUNS = ("vgg7_small:16384", "tiny_yolov2:4096")
MORE_THAN = 0.97
"""A choice of arrays seldom takes every lane that it may: what is asked for is so much more than is promised."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """One network: its design, what was wrong (nothing), and minutes on the wall.

    Attributes:
        utilisation: Of the lanes that were built.
        compile_minutes: ONNX to RTL; build_minutes: RTL to a simulator; run_minutes: all simulations, with the golden
            model and onnxruntime beside them.
    """

    name: str
    lanes: int
    arrays: tuple[str, ...]
    pixels_per_beat: int
    cycles_per_frame: int
    latency_cycles: int
    utilisation: float
    frames: int
    failures: tuple[str, ...]
    compile_minutes: float
    build_minutes: float
    run_minutes: float


def run(name: str, least_lanes: int, frames: int, folder: Path) -> Outcome:
    """Compile a network of `networks.NETWORKS` to at least so many lanes, and verify whole frames.

    Args:
        name: Of the network.
        least_lanes: rows x cols x lanes, summed over the arrays.
        frames: To compare; the cycles are measured on frames of their own.
        folder: Where everything goes.
    """
    model, times = networks.save(name, folder / f"{name}.onnx"), [time.monotonic()]
    build = ternc.compile(model, target="arria10", out=folder / name, lanes=round(least_lanes / MORE_THAN))
    times.append(time.monotonic())
    verilator.build(open_build(build.path).dut)
    times.append(time.monotonic())
    report = build.verify(frames=frames)
    times.append(time.monotonic())
    design = build.design
    lanes = sum(array.shape.macs for array in design.arrays)
    short = () if lanes >= least_lanes else (f"{lanes:,} lanes were built, not {least_lanes:,}",)
    compiled, built, ran = (round((b - a) / 60, 2) for a, b in itertools.pairwise(times))
    return Outcome(
        name=name,
        lanes=lanes,
        arrays=tuple(str(array.shape) for array in design.arrays),
        pixels_per_beat=design.inputs[0].pixels_per_beat,
        cycles_per_frame=design.cycles_per_frame,
        latency_cycles=design.latency_cycles,
        utilisation=round(design.macs_per_frame / design.cycles_per_frame / lanes, 4),
        frames=frames,
        failures=(*short, *report.failures()),
        compile_minutes=compiled,
        build_minutes=built,
        run_minutes=ran,
    )


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "runs", nargs="*", default=RUNS, metavar="NAME:LANES", help=f"default: {' '.join(RUNS)}"
    )
    parser.add_argument("--frames", type=int, default=2, help="frames to compare")
    parser.add_argument("--json", type=Path, help="write the outcomes there as well")
    given = parser.parse_args()
    found = []
    for one in given.runs:
        name, lanes = one.split(":")
        with tempfile.TemporaryDirectory() as scratch:
            found.append(run(name, int(lanes), given.frames, Path(scratch)))
        print(json.dumps(asdict(found[-1]), indent=2), flush=True)
    if given.json:
        given.json.parent.mkdir(parents=True, exist_ok=True)
        given.json.write_text(json.dumps([asdict(one) for one in found], indent=2) + "\n")
    return int(any(one.failures for one in found))


if __name__ == "__main__":
    sys.exit(main())
