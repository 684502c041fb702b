"""The registers of a core (hw/rtl/ternc_registers.sv), as byte offsets."""

from __future__ import annotations

from typing import Final

ID: Final = 0x00
VERSION: Final = 0x04
STREAMS: Final = 0x08
HASH: Final = (0x10, 0x14, 0x18, 0x1C)
"""Lowest word first."""
CONTROL: Final = 0x20
STATUS: Final = 0x24
FRAMES: Final = 0x28
CYCLES_LOW: Final = 0x30
CYCLES_HIGH: Final = 0x34
STALLS: Final = 0x40
"""Of the first stream; a word for each, inputs first."""

TERNC: Final = 0x54524E43
"""What ID holds."""
SOFT_RESET: Final = 1
"""Bit of CONTROL."""
BUSY: Final = 1
DONE: Final = 2
"""Bits of STATUS."""
