"""``vivado/``: the core implemented alone, as IP with and without registers, and with AXI DMA in a block design."""

from __future__ import annotations

from dataclasses import dataclass

from ternc.emit.core import CoreView
from ternc.emit.env import render


@dataclass(frozen=True, slots=True, kw_only=True)
class _IpView:
    """One IP.

    Attributes:
        name: Of the IP; its top module has ``_ip`` behind it.
        script: The script that packages it.
        wrappers: The sources around the core, by path from ``vivado/``.
        control: With registers and an interrupt.
    """

    core: CoreView
    name: str
    script: str
    wrappers: tuple[str, ...]
    control: bool


def emit(core: CoreView) -> dict[str, bytes]:
    """The files of ``vivado/``, by path below it."""
    top = core.top
    files = {
        "build.tcl": render("vivado/build.tcl.j2", core),
        f"{top}.xdc": render("vivado/alone.xdc.j2", core),
        "block_design.tcl": render("vivado/block_design.tcl.j2", core),
        "README.md": render("vivado/README.md.j2", core),
    }
    control = f"{top}_control"
    for ip in (
        _IpView(core=core, name=top, script="package_ip.tcl", wrappers=(f"{top}_ip.v",), control=False),
        _IpView(
            core=core,
            name=control,
            script="package_ip_control.tcl",
            wrappers=(f"../control/{control}.sv", f"{control}_ip.v"),
            control=True,
        ),
    ):
        files[f"{ip.name}_ip.v"] = render("vivado/ip.v.j2", ip)
        files[ip.script] = render("vivado/package_ip.tcl.j2", ip)
    return files
