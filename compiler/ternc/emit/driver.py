"""``driver/``: a C library for host programs, this design's header, and a simulated board."""

from __future__ import annotations

import json
from dataclasses import dataclass

from ternc.emit.control import Identity
from ternc.emit.core import CoreView
from ternc.emit.env import render
from ternc.resources import folder
from ternc.schedule.design import Design, StreamPort
from ternc.schedule.timing import watchdog_cycles

_LIBRARY = (
    "ternc.c",
    "ternc.h",
    "ternc_pcie.c",
    "ternc_pcie.h",
    "ternc_simulation.c",
    "ternc_simulation.h",
    "ternc_uio.c",
    "ternc_uio.h",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _View:
    """What a host program has to know of a design.

    Attributes:
        version: As in `Identity`.
        hash_words: The registers HASH0 to HASH3; structure: the register STRUCTURE, as hexadecimal digits.
        watchdog_cycles: Without a beat, after which the simulated board is stuck.
    """

    core: CoreView
    version: str
    hash_words: tuple[str, ...]
    structure: str
    inputs: tuple[StreamPort, ...]
    outputs: tuple[StreamPort, ...]
    watchdog_cycles: int


def emit(core: CoreView, design: Design, identity: Identity) -> dict[str, bytes]:
    """The files of ``driver/``, by path below it."""
    view = _View(
        core=core,
        version=identity.version,
        hash_words=identity.words,
        structure=identity.structure[-8:],
        inputs=design.inputs,
        outputs=design.outputs,
        watchdog_cycles=watchdog_cycles(design.latency_cycles, design.cycles_per_frame),
    )
    document = {
        "top": core.top,
        "version": identity.version,
        "hash": identity.hash,
        "structure": identity.structure,
    }
    static = folder("templates") / "driver"
    return {
        **{name: (static / name).read_bytes() for name in _LIBRARY},
        f"{core.top}.h": render("driver/design.h.j2", view),
        "Makefile": render("driver/Makefile.j2", view),
        "README.md": render("driver/README.md.j2", view),
        "example.c": render("driver/example.c.j2", view),
        "device.json": (json.dumps(document, indent=2) + "\n").encode(),
        "simulation/device.cpp": (folder("sim") / "device.cpp").read_bytes(),
        "simulation/ports.h": render("driver/ports.h.j2", view),
    }
