"""``control/``: the core with registers behind AXI4-Lite or Avalon-MM, and their description."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from ternc.emit.core import CoreView
from ternc.emit.env import render


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """What the registers say of a core.

    Attributes:
        version: ``{major, minor, patch}``, eight bits each, as eight hexadecimal digits.
        hash: The low 128 bits of the SHA-256 of all RTL and memory images, as 32 hexadecimal digits.
        structure: Of a reloadable core, what images for it have in common (`ternc.emit.reload`), in the same form;
            zeros of another.
    """

    version: str
    hash: str
    structure: str

    @property
    def words(self) -> tuple[str, ...]:
        """The registers HASH0 to HASH3 in C."""
        return tuple(f"0x{self.hash[end - 8 : end]}" for end in range(len(self.hash), 0, -8))


@dataclass(frozen=True, slots=True, kw_only=True)
class _View:
    """The registers of a core.

    Attributes:
        input_count, output_count: Streams of each direction.
        version, hash: As in `Identity`; structure: its low 32 bits, as eight hexadecimal digits.
        stalls: Of each stream the address of its counter, as hexadecimal digits, and its port.
    """

    core: CoreView
    input_count: int
    output_count: int
    version: str
    hash: str
    structure: str
    stalls: tuple[tuple[str, str], ...]


def identity(core: CoreView, hardware: Mapping[str, bytes], structure: int) -> Identity:
    """Of a core whose ``rtl/`` has these files."""
    digest = hashlib.sha256()
    for name, data in hardware.items():
        digest.update(f"{name} {len(data)}\n".encode() + data)
    major, minor, patch = (int(part) for part in core.version.split(".")[:3])
    return Identity(
        version=f"{major << 16 | minor << 8 | patch:08x}",
        hash=digest.hexdigest()[-32:],
        structure=f"{structure:032x}",
    )


def emit(core: CoreView, found: Identity) -> dict[str, bytes]:
    """The files of ``control/``, by path below it."""
    view = _View(
        core=core,
        input_count=len(core.inputs),
        output_count=len(core.outputs),
        version=found.version,
        hash=found.hash,
        structure=found.structure[-8:],
        stalls=tuple((f"{0x40 + 4 * n:02x}", stream.port) for n, stream in enumerate(core.streams)),
    )
    return {
        f"{core.top}_control.sv": render("control/control.sv.j2", view),
        f"{core.top}_control_avalon.sv": render("control/control_avalon.sv.j2", view),
        f"{core.top}.rdl": render("control/registers.rdl.j2", view),
    }
