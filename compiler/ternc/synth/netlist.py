"""Simulates what synthesis made of the core, cell by cell, against the golden model."""

from __future__ import annotations

import importlib.util
import shutil
import tempfile
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
from ternc.synth import ecp5

_LIBRARY = ("common_sim.vh", "ccu2c_sim.vh")


def check(build: Build, frames: int) -> None:
    """Run frames through the synthesised core of an ECP5 build; every beat must be the golden model's.

    Raises:
        ToolError: A tool is missing, or the netlist computes something else.
    """
    opened = open_build(build.path)
    codes = frame_sets.chosen(opened.network, frames, 0).codes
    leaving = on_ports(opened.network, golden.predict(opened.network, codes))
    with tempfile.TemporaryDirectory(prefix="ternc-") as scratch:
        place = Path(scratch)
        ecp5.netlist(build, place)
        _cells(place)
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


def _cells(place: Path) -> None:
    """The cells' behaviour beside the netlist, and the list of files."""
    spec = importlib.util.find_spec("pyosys")
    if spec is None or not spec.submodule_search_locations:
        raise ToolError("Yosys' cell library was not found", help="pip install 'ternc[synth]'")
    library = Path(spec.submodule_search_locations[0]) / "share" / "lattice"
    for path in (*library.glob("*.vh"), shipped("sim") / "ecp5_cells.sv"):
        shutil.copy(path, place)
    names = ("+incdir+.", *_LIBRARY, "ecp5_cells.sv", "netlist.v")
    (place / "files.f").write_text("".join(f"{name}\n" for name in names))
