"""``reload/``: the image with which a reloadable design of the same hardware becomes this network."""

from __future__ import annotations

import hashlib
import re
import struct
import zlib
from collections.abc import Mapping, Sequence

from ternc.schedule.design import Design
from ternc.schedule.loading import NumberedMemory, memories

MAGIC = 0x4C4E5254
"""The first word of an image, "TRNL"."""
FORMAT = 1
HEADER_WORDS = 10
"""Before the number of records; what a device looks at first."""

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


def image(loaded: Sequence[NumberedMemory], structure_hash: int, network_hash: int) -> bytes:
    """The packet that fills these memories (docs/hardware.md, 'Images').

    Args:
        structure_hash: Of the hardware that may take it, `structure`.
        network_hash: Of the build that it makes of it, as ``control.Identity`` has it.
    """
    words = [MAGIC, FORMAT, *_words(structure_hash, 4), *_words(network_hash, 4), len(loaded)]
    for one in loaded:
        pieces = -(-one.memory.width_bits // 32)
        words += [one.number << 16 | pieces, len(one.memory.words)]
        for word in one.memory.words:
            words += reversed(_words(word, pieces))
    data = struct.pack(f"<{len(words)}I", *words)
    return data + struct.pack("<I", zlib.crc32(data))


def made_for(image: bytes) -> int:
    """The structure of the hardware that may take an image."""
    return int.from_bytes(image[8:24], "little")


def emit(design: Design, structure_hash: int, network_hash: int) -> dict[str, bytes]:
    """The files of ``reload/``, by path below it; none of a design that cannot be reloaded."""
    if not design.reloadable:
        return {}
    return {f"{design.name}.bin": image(memories(design), structure_hash, network_hash)}


def _words(value: int, count: int) -> list[int]:
    """The low 32-bit words of a number, the lowest first."""
    return [value >> 32 * n & 0xFFFFFFFF for n in range(count)]
