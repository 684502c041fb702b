"""An image: the packet that makes another network of a reloadable design (docs/hardware.md, 'Reload')."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

from ternc.errors import DataError
from ternc.schedule.loading import NumberedMemory

MAGIC = 0x4C4E5254
"""The first word, "TRNL"."""
FORMAT = 1
_HEADER = struct.Struct("<II16s16sI")
"""Magic, format, structure, network, number of records."""
_CRC = struct.Struct("<I")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Image:
    """A packet; structure (of the hardware that may take it) and network as 32 hexadecimal digits."""

    data: bytes
    structure: str
    network: str


def write_image(loaded: Sequence[NumberedMemory], structure: str, network: str) -> bytes:
    """The packet that fills these memories.

    Args:
        loaded: All memories, with the words that there are.
        structure: Of the hardware that may take it.
        network: Of the build that it makes of it, as its registers say it.
    """
    names = (bytes.fromhex(name)[::-1] for name in (structure, network))
    words: list[int] = []
    for one in loaded:
        pieces = -(-one.memory.width_bits // 32)
        words += [one.number << 16 | pieces, len(one.memory.words)]
        for word in one.memory.words:
            words += [word >> 32 * n & 0xFFFFFFFF for n in reversed(range(pieces))]
    data = _HEADER.pack(MAGIC, FORMAT, *names, len(loaded)) + struct.pack(f"<{len(words)}I", *words)
    return data + _CRC.pack(zlib.crc32(data))


def read_image(data: bytes, name: str) -> Image:
    """The image in ``data``; its end is checked by the device.

    Raises:
        DataError: It is none.
    """
    if len(data) < _HEADER.size + _CRC.size or len(data) % 4:
        raise DataError(f"{name}: must be an image of a network in 32-bit words, but has {len(data)} bytes")
    magic, version, structure, network, _ = _HEADER.unpack_from(data)
    if (magic, version) != (MAGIC, FORMAT):
        raise DataError(f"{name}: must begin as an image of a network does, of format {FORMAT}")
    return Image(data=data, structure=structure[::-1].hex(), network=network[::-1].hex())
