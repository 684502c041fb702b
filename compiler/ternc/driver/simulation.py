"""A simulated board: the core with its registers in Verilator, behind pipes."""

from __future__ import annotations

import struct
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import IO

import numpy as np

from ternc.errors import ToolError
from ternc.simulate import verilator
from ternc.simulate.model import Beats, Dut, check_beats
from ternc.simulate.opened import open_build


class Simulation:
    """`Transport` to a build's own RTL; ``driver/simulation/device.cpp`` describes the requests."""

    def __init__(self, build: str | Path) -> None:
        """Build the simulated board, unless that was done before, and switch it on.

        Args:
            build: Build directory.
        Raises:
            BuildError: Not a build directory, or one without RTL.
            ToolError: Verilator or a C++ compiler is missing.
        """
        dut = open_build(Path(build)).dut
        self._process = subprocess.Popen(
            [str(verilator.build_device(dut)), str(dut.rtl.resolve())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def read(self, offset: int) -> int:
        """See `Transport`."""
        return self._ask(b"r", offset)

    def write(self, offset: int, value: int) -> None:
        """See `Transport`."""
        self._ask(b"w", offset, value)

    def run(self, core: Dut, beats: Sequence[Beats]) -> tuple[Beats, ...]:
        """See `Transport`."""
        frames = check_beats(core, beats)
        self._ask(b"f", frames, 0, *beats)
        found = []
        for port in core.outputs:
            shape = (frames, port.beats_per_frame, port.data_bytes)
            found.append(np.frombuffer(self._take(int(np.prod(shape))), np.uint8).reshape(shape))
        return tuple(found)

    def load(self, image: bytes) -> None:
        """See `Transport`."""
        self._ask(b"l", len(image) // 4, 0, np.frombuffer(image, np.uint8))

    def close(self) -> None:
        """See `Transport`."""
        with self._process as process:
            process.terminate()

    def _ask(self, what: bytes, first: int, second: int = 0, *data: Beats) -> int:
        """A request, its data, and the value of its answer."""
        to = _pipe(self._process.stdin)
        try:
            to.write(struct.pack("<4sII", what, first, second))
            for part in data:
                to.write(np.ascontiguousarray(part).tobytes())
            to.flush()
        except BrokenPipeError:
            raise self._ended() from None
        status, value = struct.unpack("<II", self._take(8))
        if status:
            raise ToolError(f"the simulated device: {self._take(value).decode(errors='replace')}")
        return int(value)

    def _take(self, size: int) -> bytes:
        found = _pipe(self._process.stdout).read(size)
        if len(found) < size:
            raise self._ended()
        return found

    def _ended(self) -> ToolError:
        self._process.kill()
        reason = _pipe(self._process.stderr).read().decode(errors="replace").strip()
        return ToolError(f"the simulated device has ended: {reason or 'it printed nothing'}")


def _pipe(stream: IO[bytes] | None) -> IO[bytes]:
    assert stream is not None
    return stream
