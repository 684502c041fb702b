"""``quartus/``: the core compiled alone, and as components of Platform Designer: AXI or Avalon, registers or none."""

from __future__ import annotations

from dataclasses import dataclass

from ternc.emit.core import CoreView
from ternc.emit.env import render


@dataclass(frozen=True, slots=True, kw_only=True)
class _ComponentView:
    """One component of Platform Designer.

    Attributes:
        name: Of the component and of its top module.
        interfaces: The interfaces that it has, for people.
        wrapper: The file of its top module, by path below the build; empty where that is the core itself.
        avalon: Avalon interfaces, not AXI.
        control: With registers and an interrupt.
        registers: The interface of the registers, and the prefix of its ports.
    """

    core: CoreView
    name: str
    interfaces: str
    wrapper: str
    avalon: bool
    control: bool
    registers: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _InterfaceView:
    """An interface that a system exports; its direction is ``"end"`` (into the core, or its agent) or ``"start"``."""

    name: str
    type: str
    direction: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _SystemView:
    """One system of Platform Designer.

    Attributes:
        kind: What distinguishes it from the others, in its name.
        component: The component's name.
        interfaces: All that are exported.
    """

    core: CoreView
    kind: str
    component: str
    interfaces: tuple[_InterfaceView, ...]


def emit(core: CoreView) -> dict[str, bytes]:
    """The files of ``quartus/``, by path below it."""
    top = core.top
    files = {
        f"{top}.qpf": render("quartus/project.qpf.j2", core),
        f"{top}.qsf": render("quartus/project.qsf.j2", core),
        f"{top}.sdc": render("quartus/alone.sdc.j2", core),
        "memory.tcl": render("quartus/memory.tcl.j2", core),
        f"{top}_avalon.sv": render("quartus/avalon.sv.j2", core),
        "build.sh": render("quartus/build.sh.j2", core),
        "README.md": render("quartus/README.md.j2", core),
    }
    for component in _components(core):
        system = _system(component)
        files[f"{component.name}_hw.tcl"] = render("quartus/component.tcl.j2", component)
        files[f"system_{system.kind}.tcl"] = render("quartus/system.tcl.j2", system)
    return files


def _components(core: CoreView) -> tuple[_ComponentView, ...]:
    top = core.top
    return (
        _ComponentView(
            core=core,
            name=top,
            interfaces="AXI4-Stream",
            wrapper="",
            avalon=False,
            control=False,
            registers="",
        ),
        _ComponentView(
            core=core,
            name=f"{top}_avalon",
            interfaces="Avalon-ST",
            wrapper=f"quartus/{top}_avalon.sv",
            avalon=True,
            control=False,
            registers="",
        ),
        _ComponentView(
            core=core,
            name=f"{top}_control",
            interfaces="AXI4-Lite, AXI4-Stream",
            wrapper=f"control/{top}_control.sv",
            avalon=False,
            control=True,
            registers="s_axil",
        ),
        _ComponentView(
            core=core,
            name=f"{top}_control_avalon",
            interfaces="Avalon-MM, Avalon-ST",
            wrapper=f"control/{top}_control_avalon.sv",
            avalon=True,
            control=True,
            registers="control",
        ),
    )


def _system(component: _ComponentView) -> _SystemView:
    """A system of a component, with all of its interfaces but clock and reset exported."""
    avalon = component.avalon
    exported = [
        _InterfaceView(
            name=stream.avalon if avalon else stream.port,
            type="avalon_streaming" if avalon else "axi4stream",
            direction="end" if stream.from_host else "start",
        )
        for stream in component.core.ends
    ]
    if component.core.loads and not component.wrapper:
        exported.append(_InterfaceView(name="load", type="conduit", direction="end"))
    if component.control:
        bus = "avalon" if avalon else "axi4lite"
        exported = [
            _InterfaceView(name=component.registers, type=bus, direction="end"),
            _InterfaceView(name="irq", type="interrupt", direction="end"),
            *exported,
        ]
    return _SystemView(
        core=component.core,
        kind=("avalon" if avalon else "axi") + ("_control" if component.control else ""),
        component=component.name,
        interfaces=tuple(exported),
    )
