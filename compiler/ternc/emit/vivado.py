"""``vivado/``: the core implemented alone, packaged as IP, and with AXI DMA in a block design."""

from __future__ import annotations

from ternc.emit.core import CoreView
from ternc.emit.env import render


def emit(core: CoreView) -> dict[str, bytes]:
    """The files of ``vivado/``, by path below it."""
    return {
        "build.tcl": render("vivado/build.tcl.j2", core),
        f"{core.top}.xdc": render("vivado/alone.xdc.j2", core),
        f"{core.top}_ip.v": render("vivado/ip.v.j2", core),
        "package_ip.tcl": render("vivado/package_ip.tcl.j2", core),
        "block_design.tcl": render("vivado/block_design.tcl.j2", core),
        "README.md": render("vivado/README.md.j2", core),
    }
