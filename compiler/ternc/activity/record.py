"""Switching activity: how often the nets of the synthesised form change on given inputs.

Measured are shares of clock cycles, in the terms of Intel's Early Power Estimator (guide for Arria 10, document 683688:
"average percentage of clock cycles when the block output signals change values", 0 to 100 %). Power is for a vendor's
analyser to say, which reads the SAIF or VCD file.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ternc.activity import saif
from ternc.activity.rates import rates
from ternc.activity.roles import read_modules
from ternc.activity.rows import Activity, Resource
from ternc.errors import BuildError, ToolError
from ternc.network import golden
from ternc.simulate import verilator
from ternc.simulate.ends import on_ports
from ternc.simulate.model import Progress
from ternc.simulate.opened import Opened, modified_files, open_build
from ternc.simulate.streams import pack_all
from ternc.simulate.verify import Part, check_count, chosen_frames, wrong_frames

DEFAULT_FRAMES = 16
_QUICK_CYCLES = 500_000
"""Cycles that a program compiled without optimisation records in less time than the optimisation takes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivityOptions:
    """What to record.

    Attributes:
        frames: How many; None: all of ``input``, else `DEFAULT_FRAMES`.
        input: ONNX inputs in a .npy file (of one input) or a .npz file (by name); None: the corners of the inputs'
            ranges, then random codes.
        vcd: Write every change as well, as a VCD file.
    """

    frames: int | None = None
    input: Path | None = None
    vcd: bool = False


def activity(path: Path, options: ActivityOptions, progress: Progress | None = None) -> Activity:
    """Run a build's RTL on frames back to back and write how often its nets change.

    Writes ``activity.saif``, ``activity.csv`` and on wish ``activity.vcd`` into the build's ``report/``, once all
    outputs equal those of the integer network. They record cycle 0 (after reset) to the last beat that comes out.

    Args:
        path: Build directory.
        options: What to record.
        progress: Told about frames simulated.
    Raises:
        BuildError: Not a build directory, or a part of it is missing.
        DataError: The input file does not fit the network.
        ToolError: Verilator is missing, the hardware stopped, or its outputs are not those of the network.
    """
    check_count(options.frames)
    build = open_build(path)
    clock_mhz, resources = _performance(path)
    frames = chosen_frames(build, options.input, options.frames, DEFAULT_FRAMES, 0)
    quick = len(frames) * build.cycles_per_frame <= _QUICK_CYCLES
    build = replace(build, dut=replace(build.dut, quick=quick))
    beats = pack_all(build.dut.inputs, frames.codes)
    leaving = pack_all(
        build.dut.outputs, on_ports(build.network, golden.predict(build.network, frames.codes))
    )
    period_ps = max(2, round(1e6 / clock_mhz))
    formats: tuple[verilator.TraceFormat, ...] = ("saif", "vcd") if options.vcd else ("saif",)
    with tempfile.TemporaryDirectory(prefix="ternc-") as scratch:
        files = []
        for form in formats:
            files.append(Path(scratch) / f"activity.{form}")
            wish = verilator.Recording(path=files[-1], format=form, period_ps=period_ps)
            run = verilator.run(build.dut, beats, progress=progress, recording=wish).complete()
            part = Part(start=0, frames=len(frames), stalls=None, simulation=run)
            if wrong := wrong_frames([part], leaving):
                raise ToolError(
                    f"{path}: what is recorded must be the network, but frame {wrong[0]} of the RTL differs from it",
                    help=f"ternc verify {path} says where",
                )
        found = _report(build, files[0], period_ps)
        found = replace(
            found,
            clock_mhz=clock_mhz,
            frames=len(frames),
            drawn=options.input is None,
            resources=resources,
            modified=modified_files(path),
        )
        report = path / "report"
        report.mkdir(exist_ok=True)
        for file in files:
            shutil.move(file, report / file.name)
        (report / "activity.csv").write_text(found.to_csv(), newline="")
    return replace(found, files=(*(f"report/{file.name}" for file in files), "report/activity.csv"))


def _report(build: Opened, file: Path, period_ps: int) -> Activity:
    """The rates of a SAIF file."""
    recorded = saif.read(file)
    streams = tuple((port.name, "in") for port in build.dut.inputs) + tuple(
        (port.name, "out") for port in build.dut.outputs
    )
    return rates(recorded, read_modules(build.dut.rtl), build.dut.top, streams, period_ps)


def _performance(path: Path) -> tuple[float, tuple[Resource, ...]]:
    """Clock in MHz, and what the design takes of its device, from the build's report.

    Raises:
        BuildError: There is no such report.
    """
    file = path / "report" / "performance.json"
    try:
        document: dict[str, Any] = json.loads(file.read_text())
        kinds = [document["resources"][kind] for kind in ("logic", "registers", "block_rams", "dsps")]
        found = tuple(
            Resource(unit=str(kind["unit"]), used=int(kind["used"]), basis=str(kind["basis"]))
            for kind in kinds
        )
        return float(document["clock_mhz"]), found
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BuildError(
            f"{file}: must be the performance report of a ternc build", help="compile the model again"
        ) from error
