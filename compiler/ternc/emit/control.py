"""``control/``: the core with registers behind AXI4-Lite or Avalon-MM, and their description."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from ternc.emit.core import CoreView
from ternc.emit.env import render


@dataclass(frozen=True, slots=True, kw_only=True)
class _View:
    """The registers of a core.

    Attributes:
        input_count, output_count: Streams of each direction.
        version: ``{major, minor, patch}``, eight bits each, as hexadecimal digits.
        hash: The low 128 bits of the SHA-256 of all RTL and memory images, as hexadecimal digits.
        stalls: Of each stream the address of its counter, as hexadecimal digits, and its port.
    """

    core: CoreView
    input_count: int
    output_count: int
    version: str
    hash: str
    stalls: tuple[tuple[str, str], ...]


def emit(core: CoreView, hardware: Mapping[str, bytes]) -> dict[str, bytes]:
    """The files of ``control/``, by path below it; ``hardware`` are those of ``rtl/``."""
    digest = hashlib.sha256()
    for name, data in hardware.items():
        digest.update(f"{name} {len(data)}\n".encode() + data)
    major, minor, patch = (int(part) for part in core.version.split(".")[:3])
    view = _View(
        core=core,
        input_count=len(core.inputs),
        output_count=len(core.outputs),
        version=f"{major << 16 | minor << 8 | patch:08x}",
        hash=digest.hexdigest()[-32:],
        stalls=tuple((f"{0x40 + 4 * n:02x}", stream.port) for n, stream in enumerate(core.streams)),
    )
    return {
        f"{core.top}_control.sv": render("control/control.sv.j2", view),
        f"{core.top}_control_avalon.sv": render("control/control_avalon.sv.j2", view),
        f"{core.top}.rdl": render("control/registers.rdl.j2", view),
    }
