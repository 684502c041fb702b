"""Simulates what synthesis made of the core, cell by cell, against the golden model."""

from __future__ import annotations

import importlib.util
import re
import shutil
import tempfile
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np

from ternc.errors import ToolError
from ternc.handoff.build import Build
from ternc.network import golden
from ternc.resources import folder as shipped
from ternc.simulate import frames as frame_sets
from ternc.simulate import verilator
from ternc.simulate.ends import on_ports
from ternc.simulate.opened import open_build
from ternc.simulate.streams import pack_all
from ternc.synth import nextpnr


def check(build: Build, frames: int) -> None:
    """Run frames through the synthesised core of a build; every beat must be the golden model's.

    Args:
        build: For a family of `nextpnr.FLOWS`.
        frames: How many.
    Raises:
        ToolError: A tool is missing, or the netlist computes something else.
    """
    opened = open_build(build.path)
    codes = frame_sets.chosen(opened.network, frames, 0).codes
    leaving = on_ports(opened.network, golden.predict(opened.network, codes))
    with tempfile.TemporaryDirectory(prefix="ternc-") as scratch:
        place = Path(scratch)
        nextpnr.netlist(build, place)
        cells(nextpnr.FLOWS[build.family], place)
        dut = replace(opened.dut, rtl=place, monitors=(), quick=True)
        beats = pack_all(dut.inputs, codes)
        found = verilator.run(dut, beats)
    if found.stopped:
        raise ToolError(f"the synthesised netlist stopped: {found.stopped}")
    wanted = pack_all(dut.outputs, leaving)
    for port, should, got in zip(dut.outputs, wanted, found.beats, strict=True):
        wrong = np.flatnonzero((should != got).any(axis=(1, 2)))
        if wrong.size:
            raise ToolError(
                f"the synthesised netlist differs from the golden model in {wrong.size} of {frames} frames, "
                f"first in frame {wrong[0]} at port '{port.name}'"
            )


def cells(flow: nextpnr.Flow, place: Path) -> None:
    """The cells' behaviour beside the netlist, and the list of files."""
    spec = importlib.util.find_spec("pyosys")
    if spec is None or not spec.submodule_search_locations:
        raise ToolError("Yosys' cell library was not found", help="pip install 'ternc[synth]'")
    library = Path(spec.submodule_search_locations[0]) / "share" / flow.library
    for path in library.glob("*.vh"):
        shutil.copy(path, place)
    ours = (shipped("sim") / flow.cells).read_text() if flow.cells else ""
    for name in flow.files:
        (place / name).write_text(
            _without((library / name).read_text(), re.findall(r"(?m)^module (\w+)", ours))
        )
    (place / "cells.sv").write_text(ours)
    names = ("+incdir+.", *flow.files, "cells.sv", "netlist.v")
    (place / "files.f").write_text("".join(f"{name}\n" for name in names))


def _without(text: str, modules: Iterable[str]) -> str:
    """A library without some of its modules, which it only declares."""
    for name in modules:
        text = re.sub(rf"(?ms)^(\(\*[^\n]*\n)?module {name}\b.*?^endmodule", "", text)
    return text
