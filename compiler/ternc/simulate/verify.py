"""Golden = RTL = ONNX on a build directory, with the cycles that were promised."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from threading import Lock
from typing import Any, Literal, TypeAlias

import numpy as np

from ternc import frontend
from ternc.errors import DataError, ToolError
from ternc.network import golden
from ternc.schedule.cycles import interval
from ternc.schedule.timing import TIMED_FRAMES
from ternc.simulate import frames as frame_sets
from ternc.simulate import icarus, onnx, verilator
from ternc.simulate.borders import Cancelled, OnBorder, explain
from ternc.simulate.ends import Codes, decode, on_ports
from ternc.simulate.frames import Frames
from ternc.simulate.locate import RtlMismatch, locate
from ternc.simulate.model import Beats, Dut, Progress, Simulation, Simulator
from ternc.simulate.onnx import OnnxComparison, OnnxMismatch
from ternc.simulate.opened import Opened, modified_files, open_build
from ternc.simulate.streams import pack_all

Engine: TypeAlias = Literal["verilator", "icarus"]

SIMULATORS: dict[Engine, Simulator] = {"verilator": verilator.run, "icarus": icarus.run}
DEFAULT_FRAMES: dict[Engine, int] = {"verilator": 64, "icarus": 3}

_LITTLE_WORK = 20_000_000
"""Products (of a trit and a value) that a simulator without optimisation computes in about a second."""

_PART_FRAMES = 16
"""Frames worth a simulator process of their own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyOptions:
    """What to run.

    Attributes:
        frames: How many; None: all of ``input``, else the simulator's default.
        input: ONNX inputs in a .npy file (of one input) or a .npz file (by name); None: the corners of the inputs'
            ranges, then random codes.
        stalls: Seed of random stalls on all streams; None: none.
        simulator: What runs the RTL.
        seed: Of the random codes.
    """

    frames: int | None = None
    input: Path | None = None
    stalls: int | None = None
    simulator: Engine = "verilator"
    seed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Cycles:
    """A promise and a measurement; ``simulated`` is None where the simulation did not get that far."""

    predicted: int
    simulated: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyReport:
    """Outcome of a verification.

    Attributes:
        frames: How many ran.
        onnx, rtl: Frames in which the golden model differs from the ONNX model, the RTL from golden.
        on_borders: Frames that differ from the ONNX model only because onnxruntime's float32 lands on the other side of
            a rounding border; not counted in ``onnx``.
        first_on_border: The first of these places, with exact value, float32 value and border.
        cycles_per_frame, latency_cycles: Predicted and simulated, without stalls.
        first_mismatch: The first wrong value: of the RTL if it has one, else of the golden model.
        stopped: Why a simulation ended early; empty if none did.
        modified: Files of the build that are not what its manifest says.
        departures: Nodes that onnxruntime alone would pad otherwise than the ONNX standard.
    """

    frames: int
    onnx: int
    rtl: int
    on_borders: int
    first_on_border: OnBorder | None
    cycles_per_frame: Cycles
    latency_cycles: Cycles
    first_mismatch: RtlMismatch | OnnxMismatch | None
    stopped: str
    modified: tuple[str, ...]
    departures: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Everything agrees."""
        return not self.failures()

    def failures(self) -> tuple[str, ...]:
        """One sentence for each thing that is wrong."""
        found = []
        if self.first_mismatch is not None:
            found.append(str(self.first_mismatch))
        if self.stopped:
            found.append(f"the simulation stopped early: {self.stopped}")
        for name, cycles in (("cycles per frame", self.cycles_per_frame), ("latency", self.latency_cycles)):
            if cycles.simulated is not None and cycles.simulated != cycles.predicted:
                found.append(f"{name}: {cycles.predicted} cycles predicted, but {cycles.simulated} simulated")
            elif cycles.simulated is None and not self.stopped:
                found.append(f"{name}: {cycles.predicted} cycles predicted, but none measured")
        return tuple(found)

    def notes(self) -> tuple[str, ...]:
        """One sentence for each thing worth knowing that is not wrong in itself."""
        return notes(self.modified, self.on_borders, self.first_on_border, self.departures)

    def to_json(self) -> dict[str, Any]:
        """The document that ``ternc verify --json`` prints."""
        return {
            "frames": self.frames,
            "mismatches": {"onnx": self.onnx, "rtl": self.rtl},
            "cycles_per_frame": _plain(self.cycles_per_frame),
            "latency_cycles": _plain(self.latency_cycles),
            "first_mismatch": _first(self.first_mismatch),
            "on_borders": {"frames": self.on_borders, "first": border_document(self.first_on_border)},
            "departures": list(self.departures),
        }


def notes(
    modified: Sequence[str], on_borders: int, first: OnBorder | None, departures: Sequence[str]
) -> tuple[str, ...]:
    """About files that were changed, and onnxruntime: frames on a border, nodes that it would pad in its own way."""
    found = []
    if modified:
        shown = ", ".join(modified[:5]) + (", ..." if len(modified) > 5 else "")
        found.append(f"{len(modified)} files were changed after the build: {shown}")
    if on_borders:
        found.append(
            f"{on_borders} frames differ from onnxruntime because its float32 lands on the other side of a "
            f"rounding border; {first}"
        )
    if departures:
        found.append(
            f"{', '.join(departures)}: onnxruntime refuses auto_pad=SAME with dilations, or pads too little, so it was "
            "given the pads of the ONNX standard; run as it is, the file gives something else there"
        )
    return tuple(found)


def _plain(cycles: Cycles) -> dict[str, int | None]:
    return {"predicted": cycles.predicted, "simulated": cycles.simulated}


def _first(mismatch: RtlMismatch | OnnxMismatch | None) -> dict[str, Any] | None:
    match mismatch:
        case None:
            return None
        case RtlMismatch():
            return {
                "frame": mismatch.frame,
                "layer": mismatch.layer,
                "port": mismatch.port,
                "channel": mismatch.channel,
                "pixel": list(mismatch.pixel),
                "cycle": mismatch.cycle,
                "expected": mismatch.expected,
                "got": mismatch.got,
            }
        case OnnxMismatch():
            return {
                "frame": mismatch.frame,
                "output": mismatch.output,
                "index": list(mismatch.index),
                "expected": mismatch.expected,
                "got": mismatch.got,
            }


def border_document(place: OnBorder | None) -> dict[str, Any] | None:
    """A place on a rounding border as plain data."""
    if place is None:
        return None
    crossing = place.crossing
    return {
        "frame": place.frame,
        "value": crossing.value,
        "op": crossing.op,
        "index": list(crossing.index),
        "exact": crossing.exact,
        "float32": crossing.single,
        "border": crossing.border,
        "layer": place.place.layer if place.place else None,
        "accumulator": place.place.accumulator if place.place else None,
        "accumulator_border": place.place.border if place.place else None,
    }


def verify(path: Path, options: VerifyOptions, progress: Progress | None = None) -> VerifyReport:
    """Run a build's RTL, its integer network and its ONNX model on the same frames.

    Args:
        path: Build directory.
        options: What to run.
        progress: Told about frames simulated.
    Raises:
        BuildError: Not a build directory.
        DataError: The input file does not fit the network.
        ToolError: A simulator is missing, or refuses the RTL.
    """
    check_count(options.frames)
    build = open_build(path)
    usual = DEFAULT_FRAMES[options.simulator]
    frames = chosen_frames(build, options.input, options.frames, usual, options.seed)
    build = replace(build, dut=replace(build.dut, quick=_quick(build, len(frames))))
    leaving = golden.predict(build.network, frames.codes)
    versus = versus_onnx(build, frames, leaving)

    simulator = SIMULATORS[options.simulator]
    beats = pack_all(build.dut.inputs, frames.codes)
    alone = simulator(build.dut, [data[:1] for data in beats])
    parts = run_parts(
        simulator, build.dut, beats, stalls=options.stalls, progress=progress, jobs=_jobs(options)
    )
    row = _row(build, options, beats, parts)
    stops = [run.stopped for run in (*(part.simulation for part in parts), alone, row) if run.stopped]
    wrong = wrong_frames(parts, pack_all(build.dut.outputs, on_ports(build.network, leaving)))
    first: RtlMismatch | OnnxMismatch | None = versus.first
    if wrong:
        first = _locate(build, simulator, frames.codes, beats, parts, wrong[0], progress)
    return VerifyReport(
        frames=len(frames),
        onnx=versus.mismatches,
        rtl=len(wrong),
        on_borders=versus.on_borders,
        first_on_border=versus.first_on_border,
        departures=frontend.departures(build.model),
        cycles_per_frame=Cycles(
            predicted=build.cycles_per_frame,
            simulated=None if row.stopped else interval(row.ends[:TIMED_FRAMES].tolist()),
        ),
        latency_cycles=Cycles(
            predicted=build.latency_cycles,
            simulated=None if alone.stopped else int(alone.ends[0] - alone.starts[0] + 1),
        ),
        first_mismatch=first,
        stopped=stops[0] if stops else "",
        modified=modified_files(path),
    )


def _quick(build: Opened, frames: int) -> bool:
    """Whether building a fast simulator takes longer than it can save."""
    macs = sum(engine.shape.macs for engine in build.engines)
    return macs * build.cycles_per_frame * frames <= _LITTLE_WORK


def check_count(frames: int | None) -> None:
    """DataError unless a number of frames that is given is at least 1."""
    if frames is not None and frames < 1:
        raise DataError(f"the number of frames must be at least 1, not {frames}")


def chosen_frames(build: Opened, path: Path | None, count: int | None, usual: int, seed: int) -> Frames:
    """The frames to run: those of a file, at most ``count``, or ``count`` (else ``usual``) drawn ones.

    Raises:
        DataError: A file that does not fit the network.
    """
    if path is not None:
        return frame_sets.given(build.network, path, count)
    return frame_sets.chosen(build.network, usual if count is None else count, seed)


def versus_onnx(build: Opened, frames: Frames, leaving: Sequence[Codes]) -> OnnxComparison:
    """The golden model's outputs against onnxruntime's."""
    network = build.network
    expected = frontend.execute(build.model, frames.inputs)
    got = decode(network, leaving)
    score, bound = onnx.expected_score(network, frames.codes[0], expected)

    model = cache(lambda: frontend.ExactModel(build.model))

    def why(frame: int) -> OnBorder | Cancelled | str:
        one = slice(frame, frame + 1)
        x = {name: array[one] for name, array in frames.inputs.items()}
        codes = [array[one] for array in frames.codes]
        ours = {name: array[one] for name, array in got.items()}
        try:
            return explain(network, model(), frame, x, codes, ours)
        except ToolError as error:
            return error.sentence

    return onnx.compare(expected | score, got, bound, why)


def _row(build: Opened, options: VerifyOptions, beats: Sequence[Beats], parts: Sequence[Part]) -> Simulation:
    """A run of enough frames in a row, without stalls: one of those that ran, or another one."""
    if options.stalls is None and parts[0].frames >= TIMED_FRAMES:
        return parts[0].simulation
    return SIMULATORS[options.simulator](
        build.dut, [np.resize(data, (TIMED_FRAMES, *data.shape[1:])) for data in beats]
    )


# ---- many frames ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Part:
    """Consecutive frames that ran from one reset.

    Attributes:
        start, frames: Which of the verification's frames.
        stalls: The seed they ran with, or None.
        simulation: What came out.
    """

    start: int
    frames: int
    stalls: int | None
    simulation: Simulation


def _jobs(options: VerifyOptions) -> int:
    return os.cpu_count() or 1 if options.simulator == "verilator" else 1


def run_parts(
    simulator: Simulator,
    dut: Dut,
    beats: Sequence[Beats],
    *,
    stalls: int | None,
    jobs: int,
    progress: Progress | None = None,
) -> tuple[Part, ...]:
    """Run frames in up to ``jobs`` simulator processes at once, each with its own stalls."""
    frames = len(beats[0])
    count = max(1, min(jobs, frames // _PART_FRAMES))
    edges = [frames * i // count for i in range(count + 1)]
    done, lock = [0] * count, Lock()

    def run(index: int) -> Part:
        def report(finished: int, _: int) -> None:
            with lock:
                done[index] = finished
                if progress is not None:
                    progress(sum(done), frames)

        seed = None if stalls is None else stalls + index * 1_000_003
        start, stop = edges[index], edges[index + 1]
        part = [data[start:stop] for data in beats]
        simulation = simulator(dut, part, stalls=seed, progress=report)
        return Part(start=start, frames=stop - start, stalls=seed, simulation=simulation)

    with ThreadPoolExecutor(count) as pool:
        return tuple(pool.map(run, range(count)))


def wrong_frames(parts: Sequence[Part], expected: Sequence[Beats]) -> list[int]:
    """Frames of which some port's beats are not ``expected``, or did not come out at all; in order."""
    wrong = []
    for part in parts:
        right = np.ones(part.frames, np.bool_)
        for got, port in zip(part.simulation.beats, expected, strict=True):
            wanted = port[part.start : part.start + len(got)]
            right[: len(got)] &= (got == wanted).all(axis=(1, 2))
            right[len(got) :] = False
        wrong += [part.start + int(i) for i in np.flatnonzero(~right)]
    return wrong


def _locate(
    build: Opened,
    simulator: Simulator,
    codes: Sequence[Codes],
    beats: Sequence[Beats],
    parts: Sequence[Part],
    frame: int,
    progress: Progress | None,
) -> RtlMismatch:
    """Run the part of the first wrong frame again, up to that frame, and look inside."""
    part = next(part for part in parts if part.start <= frame < part.start + part.frames)
    return locate(
        build,
        simulator,
        [array[frame : frame + 1] for array in codes],
        [data[part.start : frame + 1] for data in beats],
        stalls=part.stalls,
        first_frame=part.start,
        progress=progress,
    )
