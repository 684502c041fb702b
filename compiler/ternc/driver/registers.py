"""The registers of a core (hw/rtl/ternc_registers.sv), as byte offsets."""

from __future__ import annotations

from typing import Final

ID: Final = 0x00
VERSION: Final = 0x04
STREAMS: Final = 0x08
STRUCTURE: Final = 0x0C
"""Low word of what images for the core say of its hardware; 0 where it is not reloadable."""
HASH: Final = (0x10, 0x14, 0x18, 0x1C)
"""Lowest word first."""
CONTROL: Final = 0x20
STATUS: Final = 0x24
FRAMES: Final = 0x28
LOAD: Final = 0x2C
CYCLES_LOW: Final = 0x30
CYCLES_HIGH: Final = 0x34
LOAD_WORDS: Final = 0x38
STALLS: Final = 0x40
"""Of the first stream; a word for each, inputs first."""

TERNC: Final = 0x54524E43
"""What ID holds."""
SOFT_RESET: Final = 1
ABORT: Final = 4
"""Bits of CONTROL; the second ends an image that does not go on, and reads 0."""
BUSY: Final = 1
DONE: Final = 2
"""Bits of STATUS."""
STATE: Final = 3
HELD: Final = 4
ERROR: Final = 7
ERROR_AT: Final = 3
"""Fields of LOAD."""
SYNTHESISED: Final = 0
COMING: Final = 1
LOADED: Final = 2
FAILED: Final = 3
"""Of its state."""
NO_ERROR: Final = 0
NOT_AN_IMAGE: Final = 1
OTHER_HARDWARE: Final = 2
CUT_SHORT: Final = 3
TOO_LONG: Final = 4
WRONG_CRC: Final = 5
"""Of its error."""
