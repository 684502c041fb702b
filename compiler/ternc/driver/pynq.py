"""A core in the fabric of a board that runs PYNQ, behind AXI DMAs as ``vivado/block_design.tcl`` places them."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ternc.errors import ToolError
from ternc.schedule.design import StreamPort
from ternc.simulate.model import Beats, Dut

_LONGEST = 2**26 - 1
"""Bytes of a transfer, with the length register that ``block_design.tcl`` gives the DMAs."""


class Pynq:
    """`Transport` over a PYNQ overlay."""

    def __init__(
        self,
        overlay: Any,
        allocate: Callable[..., Any],
        registers: str,
        dmas: Mapping[str, str] | None = None,
        patience_s: float = 10.0,
    ) -> None:
        """Look the blocks up in an overlay that is loaded.

        Args:
            overlay: A ``pynq.Overlay``.
            allocate: ``pynq.allocate``, which gives memory that the DMAs reach.
            registers: Name of the core's block in it, whose registers are read.
            dmas: Of each stream (``s_axis``, ``m_axis`` ..., ``s_axis_load`` for images) the name of its DMA;
                ``dma_<stream>`` if not given.
            patience_s: Seconds without a frame after which a run fails.
        """
        self._overlay, self._allocate = overlay, allocate
        self._core = getattr(overlay, registers)
        self._dmas = dict(dmas or {})
        self._patience_s = patience_s

    def read(self, offset: int) -> int:
        """See `Transport`."""
        return int(self._core.read(offset))

    def write(self, offset: int, value: int) -> None:
        """See `Transport`."""
        self._core.write(offset, value)

    def run(self, core: Dut, beats: Sequence[Beats]) -> tuple[Beats, ...]:
        """See `Transport`. A transfer carries all frames into the core, and one frame out of it: TLAST ends it."""
        most = min(_LONGEST // port.frame_bytes for port in core.inputs)
        if most == 0:
            raise ToolError(f"a frame has more bytes than one transfer of an AXI DMA, {_LONGEST}")
        parts = [
            self._batch(core, [part[n : n + most] for part in beats]) for n in range(0, len(beats[0]), most)
        ]
        return tuple(np.concatenate(part) for part in zip(*parts, strict=True))

    def load(self, image: bytes) -> None:
        """See `Transport`; one transfer, whose end is the packet's."""
        if len(image) > _LONGEST:
            raise ToolError(f"the image has more bytes than one transfer of an AXI DMA, {_LONGEST}")
        buffer = self._allocate(shape=(len(image),), dtype=np.uint8)
        try:
            buffer[:] = np.frombuffer(image, np.uint8)
            buffer.flush()
            channel = self._dma("s_axis_load").sendchannel
            channel.transfer(buffer)
            last = time.monotonic() + self._patience_s
            while not channel.idle:
                if time.monotonic() > last:
                    raise ToolError(f"the image was not taken within {self._patience_s:g} seconds")
            channel.wait()
        finally:
            buffer.freebuffer()

    def close(self) -> None:
        """See `Transport`; the overlay stays loaded."""

    def _batch(self, core: Dut, beats: Sequence[Beats]) -> tuple[Beats, ...]:
        frames = len(beats[0])
        given = [self._allocate(shape=part.shape, dtype=np.uint8) for part in beats]
        shapes = [(frames, port.beats_per_frame, port.data_bytes) for port in core.outputs]
        found = [self._allocate(shape=shape, dtype=np.uint8) for shape in shapes]
        try:
            sends = [self._dma(port.name).sendchannel for port in core.inputs]
            receives = [self._dma(port.name).recvchannel for port in core.outputs]
            for channel, port, buffer in zip(receives, core.outputs, found, strict=True):
                channel.transfer(buffer, start=0, nbytes=port.frame_bytes)
            for channel, buffer, part in zip(sends, given, beats, strict=True):
                buffer[:] = part
                buffer.flush()
                channel.transfer(buffer)
            self._receive(receives, core.outputs, found, frames)
            for channel in sends:
                channel.wait()
            for buffer in found:
                buffer.invalidate()
            return tuple(np.array(buffer) for buffer in found)
        finally:
            for buffer in (*given, *found):
                buffer.freebuffer()

    def _receive(
        self, channels: Sequence[Any], ports: Sequence[StreamPort], buffers: Sequence[Any], frames: int
    ) -> None:
        """Each output waits for its own frames, so that none holds up another."""
        arrived = [0] * len(ports)
        last = time.monotonic()
        while min(arrived) < frames:
            for n, (channel, port, buffer) in enumerate(zip(channels, ports, buffers, strict=True)):
                if arrived[n] == frames or not channel.idle:
                    continue
                channel.wait()
                arrived[n] += 1
                last = time.monotonic()
                if arrived[n] < frames:
                    size = port.frame_bytes
                    channel.transfer(buffer, start=arrived[n] * size, nbytes=size)
            if time.monotonic() - last > self._patience_s:
                raise ToolError(f"no frame came for {self._patience_s:g} seconds")

    def _dma(self, stream: str) -> Any:
        return getattr(self._overlay, self._dmas.get(stream, f"dma_{stream}"))
