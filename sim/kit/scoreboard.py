"""Compares the beats of a stream with the expected ones and says where the first wrong one is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Port:
    """A stream: a frame is a map in raster order, channels last.

    ``name`` is the prefix of its signals, ``value`` the ONNX value that it carries, ``tensor`` the compiler's name for
    it. Element i of a beat is bits ``[i * element_bits +: element_bits]``. A pixel takes one beat or more, or a beat
    has several pixels, ``channels`` elements each.
    """

    name: str
    value: str
    tensor: str
    channels: int
    height: int
    width: int
    elements_per_beat: int
    element_bits: int
    signed: bool
    pixels_per_beat: int = 1

    @property
    def beats_per_pixel(self) -> int:
        """Beats that carry one pixel, of a port with one pixel a beat or less."""
        return -(-self.channels // self.elements_per_beat)

    def element(self, beat: int, index: int) -> int:
        """The value of one element of a beat."""
        value = beat >> (index * self.element_bits) & ((1 << self.element_bits) - 1)
        negative = self.signed and value >> (self.element_bits - 1)
        return value - (1 << self.element_bits) if negative else value


def integers(beats: np.ndarray) -> list[list[int]]:
    """uint8 ``[frames, beats, bytes]`` to one integer a beat, little-endian."""
    return [[int.from_bytes(beat.tobytes(), "little") for beat in frame] for frame in beats]


class Scoreboard:
    """Takes output beats; raises at the first that is not the expected one.

    Args:
        port: The stream.
        expected: Beats of each frame.
    """

    def __init__(self, port: Port, expected: list[list[int]]) -> None:
        self.port = port
        self.expected = expected
        self.frame = 0
        self.beat = 0
        self.last_cycles: list[int] = []

    @property
    def done(self) -> bool:
        """All frames came."""
        return self.frame == len(self.expected)

    def take(self, cycle: int, data: int | None, last: bool) -> None:
        """Check one beat.

        Raises:
            AssertionError: It is not the expected one; the message names frame, pixel, channel and cycle.
        """
        name = self.port.name
        assert not self.done, f"cycle {cycle}: a beat came after the last frame of {name}"
        frame = self.expected[self.frame]
        where = f"{name} frame {self.frame}, output beat {self.beat}, cycle {cycle}"
        assert data is not None, f"{where}: {name}_tdata has undefined bits"
        if data != frame[self.beat]:
            raise AssertionError(f"{where}: {self._difference(frame[self.beat], data)}")
        is_last = self.beat == len(frame) - 1
        assert last == is_last, f"{where}: {name}_tlast must be {int(is_last)}, but is {int(last)}"
        self.beat += 1
        if is_last:
            self.last_cycles.append(cycle)
            self.frame, self.beat = self.frame + 1, 0

    def _difference(self, expected: int, got: int) -> str:
        port = self.port
        pixel, part = divmod(self.beat, port.beats_per_pixel)
        first = part * port.elements_per_beat
        for index in range(min(port.elements_per_beat, port.channels - first)):
            wanted, found = port.element(expected, index), port.element(got, index)
            if wanted != found:
                place = f"pixel [{pixel // port.width}, {pixel % port.width}], channel {first + index}"
                return f"{place}: expected {wanted}, got {found}"
        return f"unused bits must be 0: expected {expected:#x}, got {got:#x}"
