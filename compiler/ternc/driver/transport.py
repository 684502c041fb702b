"""What leads from a host program to a core: its registers and its streams."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from ternc.simulate.model import Beats, Dut


class Transport(Protocol):
    """The way to a device. `Simulation` and `Pynq` are two; any object with these functions is another."""

    def read(self, offset: int) -> int:
        """The 32-bit register at a byte offset."""
        ...

    def write(self, offset: int, value: int) -> None:
        """Sets the 32-bit register at a byte offset."""
        ...

    def run(self, core: Dut, beats: Sequence[Beats]) -> tuple[Beats, ...]:
        """Moves whole frames through the core.

        Args:
            core: Whose streams they are.
            beats: Of each input, uint8 ``[frames, beats_per_frame, data_bytes]``, at least one frame.
        Returns:
            Of each output the same number of frames, in the same form.
        Raises:
            ToolError: The frames did not come back.
        """
        ...

    def load(self, image: bytes) -> None:
        """Sends one packet to the core's stream for images; only `Device.load` needs it.

        Args:
            image: 32-bit words, little-endian, at least one.
        Raises:
            ToolError: The core did not take it all.
        """
        ...

    def close(self) -> None:
        """Lets the device go."""
        ...
