"""Loading an image into a reloadable core: what it must be, and what the core says of it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from ternc.driver import registers
from ternc.driver.transport import Transport
from ternc.errors import BuildError, DataError, ToolError
from ternc.schedule.packet import Image, read_image

_PATIENCE_S = 10.0
"""Seconds that the loader has for what it has taken; some cycles are enough."""

_AGAIN = "load an image again: until a whole one has come the core stays in reset"
_REFUSED = {
    registers.NOT_AN_IMAGE: ("the device says that what came is not an image", ""),
    registers.OTHER_HARDWARE: ("the device says that the image is for other hardware", ""),
    registers.CUT_SHORT: ("the image ended early", _AGAIN),
    registers.TOO_LONG: ("more came than the image says that it has", _AGAIN),
    registers.WRONG_CRC: ("the image was damaged on its way", _AGAIN),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadStatus:
    """What a core's loader says.

    Attributes:
        state: One of `registers.SYNTHESISED`, `COMING`, `LOADED`, `FAILED`.
        held: The core is in reset, until a whole image has come.
        error: Of the last image; 0 for none.
        words: Of the image that comes or came last.
    """

    state: int
    held: bool
    error: int
    words: int


def image_of(build: Path, top: str) -> Image:
    """The image of a build.

    Raises:
        BuildError: It has none.
    """
    path = build / "reload" / f"{top}.bin"
    try:
        return read_image(path.read_bytes(), str(path))
    except OSError:
        raise BuildError(
            f"{build}: has no image of its network, so it is not reloadable",
            help="compile it with --reloadable",
        ) from None


def status(transport: Transport) -> LoadStatus:
    """What the loader says now."""
    found = transport.read(registers.LOAD)
    return LoadStatus(
        state=found & registers.STATE,
        held=bool(found & registers.HELD),
        error=found >> registers.ERROR_AT & registers.ERROR,
        words=transport.read(registers.LOAD_WORDS),
    )


def load(transport: Transport, image: Image) -> None:
    """Send an image and wait until it runs.

    Raises:
        DataError: The core is not reloadable, or is other hardware.
        ToolError: It did not come whole.
    """
    structure = transport.read(registers.STRUCTURE)
    if structure == 0:
        raise DataError("the device's design is not reloadable", help="compile it with --reloadable")
    if structure != int(image.structure, 16) & 0xFFFFFFFF:
        raise DataError(
            f"the image is for hardware {image.structure[-8:]}, and the device has {structure:08x}",
            help="compile the network with --reload-of and the build that the device was made of",
        )
    if status(transport).state == registers.COMING:
        _abort(transport)
    try:
        transport.load(image.data)
        found = _decided(transport)
    except ToolError:
        _abort(transport)
        raise
    if found.error != registers.NO_ERROR:
        sentence, advice = _REFUSED.get(found.error, (f"the loader's error is {found.error}", _AGAIN))
        raise ToolError(f"{sentence} ({found.words} words came)", help=advice)


def _abort(transport: Transport) -> None:
    """Ends a packet that does not go on: the next word begins another."""
    control = transport.read(registers.CONTROL)
    transport.write(registers.CONTROL, control | registers.ABORT)


def _decided(transport: Transport) -> LoadStatus:
    last = time.monotonic() + _PATIENCE_S
    while (found := status(transport)).state == registers.COMING:
        if time.monotonic() > last:
            raise ToolError(
                f"the device still waits for the image's end, after {found.words} words", help=_AGAIN
            )
    return found
