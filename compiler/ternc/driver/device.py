"""A core that runs frames: the model's own inputs in, its own outputs out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ternc.driver import registers, reload
from ternc.driver.transport import Transport
from ternc.errors import BuildError, DataError, ToolError
from ternc.schedule.packet import read_image
from ternc.simulate.ends import Values, decode, encode, from_ports, named_inputs, only
from ternc.simulate.opened import open_build
from ternc.simulate.streams import pack, unpack

_BATCH_BYTES = 1 << 26
"""Most that goes into the core at once, of all inputs together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """What the registers of a core say.

    Attributes:
        busy: A beat has come in since a frame last ended.
        done: A frame has ended since this was cleared.
        frames: That have left, modulo 2**32.
        cycles: Since reset.
        stalls: Of each stream by name, the cycles in which a beat on it did not move, modulo 2**32.
        load: What became of the last image; of a core that is not reloadable all 0.
    """

    busy: bool
    done: bool
    frames: int
    cycles: int
    stalls: dict[str, int]
    load: reload.LoadStatus


class Device:
    """A build's core on a board, simulated or real. Closes itself at the end of a ``with`` block."""

    def __init__(self, build: str | Path, transport: Transport) -> None:
        """Take a transport over and check that the core at its other end is the build's.

        Args:
            build: Build directory.
            transport: The way to the core; closed if it leads to another one.
        Raises:
            BuildError: Not a build directory, or one without a driver.
            ToolError: The core is another one. A reloadable one of the build's hardware that waits for an image is not.
        """
        self._build = open_build(Path(build))
        self._transport = transport
        try:
            self._check(_identity(self._build.path, "hash"))
        except BaseException:
            self.close()
            raise

    def predict(self, x: NDArray[Any] | Mapping[str, NDArray[Any]]) -> NDArray[Any] | dict[str, NDArray[Any]]:
        """The outputs that the ONNX model gives, computed by the core; what runs on the host is done here.

        Args:
            x: ONNX inputs ``[N, ...]`` by name, or the array of the only one.
        Returns:
            The ONNX output ``[N, ...]``, of several the arrays by name.
        Raises:
            DataError: ``x`` is no input of this network.
            ToolError: The frames did not come back.
        """
        if self._build.dut.reloadable and reload.status(self._transport).held:
            raise ToolError(
                "the device waits for an image: the last one did not come whole",
                help=f"load one: device.load({str(self._build.path)!r})",
            )
        dut, network = self._build.dut, self._build.network
        codes = encode(network, named_inputs(network, x))
        size = sum(port.frame_bytes for port in dut.inputs)
        step = max(1, _BATCH_BYTES // size)
        parts = []
        for n in range(0, len(codes[0]), step):
            beats = [pack(port, maps[n : n + step]) for port, maps in zip(dut.inputs, codes, strict=True)]
            found = self._transport.run(dut, beats)
            parts.append([unpack(port, part) for port, part in zip(dut.outputs, found, strict=True)])
        if not parts:
            nothing = [
                np.zeros((0, port.channels, port.height, port.width), np.int64) for port in dut.outputs
            ]
            parts = [nothing]
        maps = [np.concatenate(part) for part in zip(*parts, strict=True)]
        values: Values = decode(network, from_ports(network, maps))
        return only(values)

    def status(self) -> Status:
        """The core's registers, read one after the other."""
        read = self._transport.read
        names = [port.name for port in (*self._build.dut.inputs, *self._build.dut.outputs)]
        state, frames, low = read(registers.STATUS), read(registers.FRAMES), read(registers.CYCLES_LOW)
        return Status(
            busy=bool(state & registers.BUSY),
            done=bool(state & registers.DONE),
            frames=frames,
            cycles=read(registers.CYCLES_HIGH) << 32 | low,
            stalls={name: read(registers.STALLS + 4 * n) for n, name in enumerate(names)},
            load=reload.status(self._transport),
        )

    def load(self, image: str | Path | bytes) -> None:
        """Make another network of a reloadable core, without synthesis. Frames that are under way are lost.

        Args:
            image: A build of the same hardware, whose network the device has from then on; or an image, or its file:
                then inputs and outputs are made as before, which is right where only weights differ.
        Raises:
            BuildError: Not a reloadable build.
            DataError: Not an image, or not for this core.
            ToolError: It did not come whole; the core stays in reset until one does.
        """
        opened = self._build
        if isinstance(image, bytes):
            found = read_image(image, "the image")
        elif Path(image).is_dir():
            opened = open_build(Path(image))
            found = reload.image_of(opened.path, opened.dut.top)
        else:
            found = read_image(_bytes(Path(image)), str(image))
        reload.load(self._transport, found)
        self._build = opened
        running = self._hash()
        if running != found.network:
            raise ToolError(f"the device runs the network {running}, not {found.network} of the image")

    def reset(self) -> None:
        """Put the core into reset and out again: all counters are 0, and the streams begin a frame."""
        control = self._transport.read(registers.CONTROL)
        self._transport.write(registers.CONTROL, control | registers.SOFT_RESET)
        self._transport.write(registers.CONTROL, control & ~registers.SOFT_RESET)

    def close(self) -> None:
        """Let the transport go."""
        self._transport.close()

    def __enter__(self) -> Device:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _check(self, wanted: str) -> None:
        found = self._transport.read(registers.ID)
        if found != registers.TERNC:
            raise ToolError(f"register 0 holds 0x{found:08x}: there is no design of ternc")
        digits = self._hash()
        if digits == wanted:
            return
        structure = self._transport.read(registers.STRUCTURE)
        same = structure and structure == int(_identity(self._build.path, "structure"), 16) & 0xFFFFFFFF
        if same and reload.status(self._transport).held:
            return
        advice = "open it as the build that it runs, then load this one" if same else ""
        raise ToolError(
            f"the device runs another design than {self._build.path}: its hash is {digits}, not {wanted}",
            help=advice or "load the bitstream that was made of this build",
        )

    def _hash(self) -> str:
        words = [self._transport.read(offset) for offset in registers.HASH]
        return "".join(f"{word:08x}" for word in reversed(words))


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from error


def _identity(build: Path, what: str) -> str:
    """The ``hash`` of a build's RTL and memory images, or its ``structure``: 32 hexadecimal digits."""
    path = build / "driver" / "device.json"
    try:
        return str(json.loads(path.read_text("utf-8"))[what])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BuildError(
            f"{path}: must say which design this is, but cannot be read", help="compile the model again"
        ) from error
