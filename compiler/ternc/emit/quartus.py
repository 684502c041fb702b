"""``quartus/``: the core compiled alone, and as a component of Platform Designer, with AXI4-Stream or Avalon-ST."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ternc.emit.core import CoreView
from ternc.emit.env import render


@dataclass(frozen=True, slots=True, kw_only=True)
class _InterfaceView:
    """A streaming interface; its direction is ``"end"`` (into the core) or ``"start"``."""

    name: str
    direction: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _SystemView:
    """One system of Platform Designer.

    Attributes:
        kind: ``"axi"`` or ``"avalon"``; type: of its streaming interfaces.
        component: The component's name.
    """

    core: CoreView
    kind: str
    type: str
    component: str
    interfaces: tuple[_InterfaceView, ...]


def emit(core: CoreView) -> dict[str, bytes]:
    """The files of ``quartus/``, by path below it."""
    top = core.top
    directions = ["end" if stream.from_host else "start" for stream in core.streams]
    axi = _SystemView(
        core=core,
        kind="axi",
        type="axi4stream",
        component=top,
        interfaces=_interfaces([stream.port for stream in core.streams], directions),
    )
    avalon = _SystemView(
        core=core,
        kind="avalon",
        type="avalon_streaming",
        component=f"{top}_avalon",
        interfaces=_interfaces([stream.avalon for stream in core.streams], directions),
    )
    return {
        f"{top}.qpf": render("quartus/project.qpf.j2", core),
        f"{top}.qsf": render("quartus/project.qsf.j2", core),
        f"{top}.sdc": render("quartus/alone.sdc.j2", core),
        "memory.tcl": render("quartus/memory.tcl.j2", core),
        f"{top}_hw.tcl": render("quartus/axi_hw.tcl.j2", core),
        f"{top}_avalon_hw.tcl": render("quartus/avalon_hw.tcl.j2", core),
        f"{top}_avalon.sv": render("quartus/avalon.sv.j2", core),
        "system_axi.tcl": render("quartus/system.tcl.j2", axi),
        "system_avalon.tcl": render("quartus/system.tcl.j2", avalon),
        "build.sh": render("quartus/build.sh.j2", core),
        "README.md": render("quartus/README.md.j2", core),
    }


def _interfaces(names: Sequence[str], directions: Sequence[str]) -> tuple[_InterfaceView, ...]:
    return tuple(
        _InterfaceView(name=name, direction=direction)
        for name, direction in zip(names, directions, strict=True)
    )
