"""Checks of timing constraints (SDC, XDC) against the ports that they name."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ternc.handoff import tcl
from ternc.handoff.elaborate import Module

_STUBS = {
    "create_clock": "{}",
    "derive_clock_uncertainty": "{}",
    "set_false_path": "{}",
    "get_ports": "[lindex $args end]",
}


def check(path: Path, module: Module, clock_mhz: float) -> Iterator[str]:
    """What is wrong with a file of constraints for ``module``, one sentence each.

    Exactly one clock, on an input of one bit, with the build's period; every port that is named exists and has the
    direction that ``-from`` and ``-to`` mean.

    Raises:
        TclError: It is not Tcl, or uses a command that is not known here.
    """
    calls = tcl.run(path, _STUBS)
    clocks = [call for call in calls if call.name == "create_clock"]
    if len(clocks) != 1:
        yield f"it must make one clock, not {len(clocks)}"
    for call in clocks:
        period = 1000 / clock_mhz
        if abs(float(call.option("-period") or 0) - period) > 0.001:
            yield f"the clock's period must be {period:.3f} ns, not {call.option('-period')}"
        yield from _named(call.words[-1], module, "in", bits=1)
    for call in calls:
        if call.name == "set_false_path":
            yield from _named(call.option("-from"), module, "in")
            yield from _named(call.option("-to"), module, "out")


def _named(names: str, module: Module, direction: str, bits: int | None = None) -> Iterator[str]:
    for name in names.replace("[*]", "").split():
        port = module.ports.get(name)
        if port is None:
            yield f"'{name}' is no port of {module.name}"
        elif port.direction != direction or (bits or port.bits) != port.bits:
            yield f"'{name}' is an {port.direction}put of {port.bits} bits, which it cannot be here"
