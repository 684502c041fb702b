"""Quartus and Vivado, where they are on PATH: their own script of the build, and what their reports say."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ternc.errors import ToolError
from ternc.handoff.build import Build
from ternc.simulate import tools
from ternc.synth.programs import Step
from ternc.synth.report import SynthesisReport, Used


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """How a vendor's tool runs.

    Attributes:
        tool: Its name; program: what must be on PATH.
        folder: Of the build; command: what to run there.
        read: Clock in MHz, resources and the result's file below ``folder``, from the reports in ``folder``.
    """

    tool: str
    program: str
    folder: str
    command: tuple[str, ...]
    read: Callable[[Path, Build], tuple[float, tuple[Used, ...], str]]


def quartus_fmax(report: str) -> float:
    """The lowest restricted Fmax of a ``*.sta.rpt``, in MHz: of its tables "... Fmax Summary", one a corner.

    Raises:
        ToolError: There is none.
    """
    found = re.findall(r"^; [\d.]+ MHz\s*; ([\d.]+) MHz\s*;", report, re.MULTILINE)
    if not found:
        raise ToolError("the timing report of Quartus has no table of Fmax")
    return min(map(float, found))


def quartus_resources(summary: str) -> tuple[Used, ...]:
    """What a ``*.fit.summary`` counts: lines of the form ``Total DSP Blocks : 3 / 1,518 ( < 1 % )``."""
    rows = re.findall(r"^(.+?) : ([\d,]+) / ([\d,]+) \(", summary, re.MULTILINE)
    return tuple(
        Used(name=name.strip(), used=_number(used), available=_number(available))
        for name, used, available in rows
    )


def vivado_fmax(report: str, period_ns: float) -> float:
    """The clock that a ``report_timing_summary`` allows, in MHz: one over period minus worst negative slack.

    Raises:
        ToolError: It states no slack.
    """
    found = re.search(r"^\s*WNS\(ns\).*\n[\s-]+\n\s*(-?[\d.]+)\s", report, re.MULTILINE)
    if found is None:
        raise ToolError("the timing report of Vivado states no slack")
    return 1000 / (period_ns - float(found[1]))


def vivado_resources(report: str) -> tuple[Used, ...]:
    """What a ``report_utilization`` counts of LUTs, registers, block RAMs and DSPs."""
    found = []
    for line in report.splitlines():
        cells = [cell.strip() for cell in line.split("|")[1:-1]]
        wanted = re.fullmatch(
            r"(Slice|CLB) (LUTs|Registers)\*?|Block RAM Tile|URAM|DSPs", cells[0] if cells else ""
        )
        if wanted and len(cells) >= 4 and cells[-2].isdigit():
            found.append(
                Used(name=cells[0].rstrip("*"), used=round(float(cells[1])), available=int(cells[-2]))
            )
    return tuple(found)


def _number(text: str) -> int:
    return int(text.replace(",", ""))


def _quartus(folder: Path, build: Build) -> tuple[float, tuple[Used, ...], str]:
    out = folder / "output_files"
    timing, fit = (out / f"{build.top}.{ending}" for ending in ("sta.rpt", "fit.summary"))
    return (
        quartus_fmax(timing.read_text(errors="replace")),
        quartus_resources(fit.read_text(errors="replace")),
        f"output_files/{build.top}.sof",
    )


def _vivado(folder: Path, build: Build) -> tuple[float, tuple[Used, ...], str]:
    out = folder / "out"
    return (
        vivado_fmax((out / "timing.rpt").read_text(errors="replace"), 1000 / build.clock_mhz),
        vivado_resources((out / "utilization.rpt").read_text(errors="replace")),
        "out/routed.dcp",
    )


FLOWS = {
    "Intel": Flow(
        tool="Quartus", program="quartus_sh", folder="quartus", command=("sh", "build.sh"), read=_quartus
    ),
    "AMD": Flow(
        tool="Vivado",
        program="vivado",
        folder="vivado",
        command=("vivado", "-mode", "batch", "-source", "build.tcl"),
        read=_vivado,
    ),
}


def synthesise(build: Build, flow: Flow, step: Step) -> SynthesisReport:
    """Run the vendor's tool in its folder of the build.

    Raises:
        ToolError: It is not on PATH, and the way out names the command and the folder; or it fails.
    """
    folder = build.path / flow.folder
    if shutil.which(flow.program) is None:
        raise ToolError(
            f"{build.top} is built for {build.part}, but {flow.tool} ('{flow.program}') is not on PATH",
            help=f"copy the build to a machine with {flow.tool} and run there, in its folder "
            f"{flow.folder}/: {' '.join(flow.command)}",
        )
    step(f"running {flow.tool}")
    tools.call(f"{flow.tool} refused the design", flow.command, cwd=folder)
    fmax, resources, made = flow.read(folder, build)
    return SynthesisReport(
        tools=(flow.tool,),
        part=build.part,
        seed=1,
        clock_mhz=build.clock_mhz,
        fmax_mhz=fmax,
        resources=resources,
        bitstream=f"{flow.folder}/{made}",
        frames=0,
    )
