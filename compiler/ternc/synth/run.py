"""One entry for all devices: open tools for the families that they route, the vendor's tool for the others."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from ternc.errors import ToolError
from ternc.handoff import build as builds
from ternc.synth import netlist, nextpnr, vendor
from ternc.synth.programs import Step
from ternc.synth.report import SynthesisReport

REPORT = "report/synthesis.json"


def report_path(board: str | None) -> str:
    """Where in a build the report lies; a board has its own."""
    return f"report/synthesis_{board}.json" if board else REPORT


def synthesise(
    path: Path,
    *,
    seed: int = 1,
    frames: int = 0,
    step: Step | None = None,
    board: str | None = None,
) -> SynthesisReport:
    """Synthesise a build; the report is also written into it, as ``report/synthesis.json`` and ``.txt``.

    With a board the names are ``synthesis_<board>``.

    Args:
        path: Build directory.
        seed: Of nextpnr's placement.
        frames: Of a family of `nextpnr.FLOWS`: how many to run through the synthesised netlist.
        step: Told what happens next; None for nobody.
        board: One of `nextpnr.BOARDS`, for a bitstream that tests the design on it; None for the core alone.
    Raises:
        BuildError: Not a whole build directory, or without a test for the board.
        ToolError: A tool is missing or refuses the design, the device is not the board's, or the netlist is not the
            golden model.
    """
    build, tell = builds.read(path), step or _quiet
    flow = vendor.FLOWS.get(build.vendor)
    if board and build.family != nextpnr.BOARDS[board].family:
        raise ToolError(
            f"the board '{board}' has an {nextpnr.BOARDS[board].family}, and {build.top} is built for {build.part}",
            help=f"leave --board out, or compile with --target {board}",
        )
    if build.family in nextpnr.FLOWS:
        report = nextpnr.synthesise(build, seed, tell, board)
        if frames:
            tell("simulating the netlist")
            netlist.check(build, frames)
            report = replace(report, frames=frames)
    elif frames:
        raise ToolError(
            f"a netlist is simulated for {_listed(nextpnr.FLOWS)} only, and {build.top} is built for {build.part}",
            help="leave --frames out, or compile with --target ecp5-85k",
        )
    elif flow is not None:
        report = vendor.synthesise(build, flow, tell)
    else:
        raise ToolError(
            f"{build.top} is built for the device family '{build.family}', which no tool synthesises",
            help="compile with --target ecp5-85k, or for a device of 'ternc targets'",
        )
    name = build.path / report_path(board)
    name.write_text(report.to_json())
    name.with_suffix(".txt").write_text(report.to_table().to_text())
    return report


def _listed(names: Iterable[str]) -> str:
    *first, last = names
    return f"{', '.join(first)} and {last}"


def _quiet(what: str) -> None:
    """Takes a step and tells nobody."""
    del what
