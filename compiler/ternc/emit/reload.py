"""``reload/``: the image with which a reloadable design of the same hardware becomes this network."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping

from ternc.schedule.design import Design
from ternc.schedule.loading import memories
from ternc.schedule.packet import write_image

_TOKENS = re.compile(r'"(?:\\.|[^"\\\n])*"|//[^\n]*|/\*.*?\*/', re.DOTALL)


def structure(sources: Mapping[str, bytes]) -> int:
    """What two designs of the same hardware have in common, 128 bits.

    Args:
        sources: All RTL in compile order, with zeros where the structure itself is stated. Comments and blank lines
            do not count.
    """
    digest = hashlib.sha256()
    for name, data in sources.items():
        code = _code(data.decode())
        digest.update(f"{name} {len(code)}\n".encode() + code)
    return int.from_bytes(digest.digest()[-16:], "big")


def _code(text: str) -> bytes:
    bare = _TOKENS.sub(lambda found: found[0] if found[0].startswith('"') else "", text)
    lines = (line.rstrip() for line in bare.splitlines())
    return "".join(f"{line}\n" for line in lines if line).encode()


def emit(design: Design, structure_hash: int, network_hash: str) -> dict[str, bytes]:
    """The files of ``reload/``, by path below it; none of a design that cannot be reloaded."""
    if not design.reloadable:
        return {}
    return {f"{design.name}.bin": write_image(memories(design), f"{structure_hash:032x}", network_hash)}
