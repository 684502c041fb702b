"""``synth/``: scripts for open tools. Yosys for every family that it knows, nextpnr and ecppack for ECP5."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ternc.emit.core import CoreView
from ternc.emit.env import render
from ternc.errors import InternalError
from ternc.schedule.design import Chip

_COMMANDS = {
    "ECP5": ("synth_ecp5 -abc9", "Lattice ECP5"),
    "Zynq-7000": ("synth_xilinx -family xc7 -flatten", "AMD 7 series"),
    "Artix-7": ("synth_xilinx -family xc7 -flatten", "AMD 7 series"),
    "Zynq UltraScale+": ("synth_xilinx -family xcup -flatten", "AMD UltraScale+"),
    "Virtex UltraScale+": ("synth_xilinx -family xcup -flatten", "AMD UltraScale+"),
    "MAX 10": ("synth_intel -family max10", "Intel MAX 10"),
}
"""Yosys' own command of a family, and what it calls the family."""
_ALM = ("synth_intel_alm -family cyclonev", "Intel Cyclone V, the one ALM that it models")
_PLAIN = ("synth -flatten", "no device in particular")

_CELLS = {
    "synth_ecp5": "-DNO_INCLUDES +/ecp5/cells_sim.v +/ecp5/cells_bb.v",
    "synth_xilinx": "+/xilinx/cells_sim.v",
    "synth_intel_alm": "+/intel_alm/common/alm_sim.v",
}
"""Where Yosys has the cells that the modules name with ``TERNC_PRIMITIVES`` (hw/README.md), by the command's name."""

_ECP5_PACKAGES = {
    "BG256": "CABGA256",
    "MG285": "CSFBGA285",
    "BG381": "CABGA381",
    "BG554": "CABGA554",
    "BG756": "CABGA756",
}
"""Of an order code, and as nextpnr says it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _View:
    """``command`` is Yosys' for ``family``, ``cells`` its library if modules name it, ``top`` the module for it."""

    core: CoreView
    command: str
    family: str
    cells: str
    top: str
    shell: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ecp5View:
    """Options of nextpnr-ecp5."""

    core: CoreView
    size: str
    package: str
    speed: str


def emit(core: CoreView, chip: Chip) -> dict[str, bytes]:
    """The files of ``synth/``, by path below it."""
    other = _ALM if chip.vendor == "Intel" else _PLAIN
    command, family = _COMMANDS.get(chip.family, other)
    shell = chip.family == "ECP5"
    top = f"{core.top}_shell" if shell else core.top
    cells = _CELLS.get(command.split()[0], "")
    view = _View(core=core, command=command, family=family, cells=cells, top=top, shell=shell)
    files = {f"{core.top}.ys": render("synth/yosys.ys.j2", view)}
    if shell:
        files[f"{core.top}_shell.sv"] = render("synth/shell.sv.j2", core)
        files["Makefile"] = render("synth/ecp5.mk.j2", _ecp5(core, chip.part))
        files |= ecp5_blocks()
    return files


def ecp5_blocks() -> dict[str, bytes]:
    """What gives block RAMs their output registers, beside a script for ECP5 that runs it before ``synth_ecp5``."""
    return {name: render(f"synth/{name}.j2", None) for name in ("ecp5_blocks.ys", "ecp5_register.v")}


def _ecp5(core: CoreView, part: str) -> _Ecp5View:
    found = re.fullmatch(r"LFE5U-(12|25|45|85)F-([678])([BM]G\d+)[CI]", part)
    if found is None or found[3] not in _ECP5_PACKAGES:
        raise InternalError("emit", f"'{part}' is not an order code of an ECP5 that nextpnr knows")
    return _Ecp5View(core=core, size=f"{found[1]}k", package=_ECP5_PACKAGES[found[3]], speed=found[2])


def ecp5_size(part: str) -> str:
    """The device's size in nextpnr's words, ``85k`` for example; ``part`` is an order code of an ECP5."""
    return f"{part.split('-')[1].removesuffix('F')}k"
