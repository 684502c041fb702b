"""``synth/``: scripts for open tools. Yosys for every family that it knows, nextpnr for those that it routes."""

from __future__ import annotations

from dataclasses import dataclass

from ternc.emit import bitstream
from ternc.emit.core import CoreView
from ternc.emit.env import render
from ternc.schedule.design import Chip

_COMMANDS = {
    "ECP5": ("synth_ecp5 -abc9", "Lattice ECP5"),
    "Zynq-7000": ("synth_xilinx -family xc7 -flatten", "AMD 7 series"),
    "Artix-7": ("synth_xilinx -family xc7 -flatten", "AMD 7 series"),
    "Zynq UltraScale+": ("synth_xilinx -family xcup -flatten", "AMD UltraScale+"),
    "Virtex UltraScale+": ("synth_xilinx -family xcup -flatten", "AMD UltraScale+"),
    "MAX 10": ("synth_intel -family max10", "Intel MAX 10"),
    "GW2A": ("synth_gowin -family gw2a", "Gowin Arora GW2A"),
    "GateMate": ("synth_gatemate -luttree -nomx8", "Cologne Chip GateMate"),
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


@dataclass(frozen=True, slots=True, kw_only=True)
class _View:
    """``command`` is Yosys' for ``family``, ``cells`` its library if modules name it, ``top`` the module for it.

    ``blocks`` is a script that goes before it, if there is one.
    """

    core: CoreView
    command: str
    family: str
    cells: str
    top: str
    shell: bool
    blocks: str


def emit(core: CoreView, chip: Chip) -> dict[str, bytes]:
    """The files of ``synth/``, by path below it."""
    other = _ALM if chip.vendor == "Intel" else _PLAIN
    command, family = _COMMANDS.get(chip.family, other)
    shell = chip.family in bitstream.FAMILIES
    view = _View(
        core=core,
        command=command,
        family=family,
        cells=_CELLS.get(command.split()[0], ""),
        top=f"{core.top}_shell" if shell else core.top,
        shell=shell,
        blocks="ecp5_blocks.ys" if chip.family == "ECP5" else "",
    )
    files = {f"{core.top}.ys": render("synth/yosys.ys.j2", view)}
    if shell:
        files[f"{core.top}_shell.sv"] = render("synth/shell.sv.j2", core)
        files |= bitstream.emit(core, chip)
    return files
