"""What every simulator of a build takes and gives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ternc.errors import DataError, ToolError
from ternc.schedule.design import StreamPort
from ternc.simulate.streams import unpack

Progress: TypeAlias = Callable[[int, int], None]
"""Called with (done, total) now and then during a long step."""

Beats: TypeAlias = NDArray[np.uint8]
"""``[frames, beats, bytes]``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dut:
    """A generated design on disk.

    Attributes:
        rtl: The directory with ``files.f``, the sources it lists and ``mem/``.
        top: Name of the top module.
        input_port, output_port: Its streams.
        cols, value_bits: Elements of the monitor's vector and their signed width.
        watchdog_cycles: Cycles without any beat after which a run counts as stuck; stalls of the test
            bench are not counted. More than one frame takes.
        stretch_cycles: The longest random stall. More than one frame takes, so that buffers run full and empty.
    """

    rtl: Path
    top: str
    input_port: StreamPort
    output_port: StreamPort
    cols: int
    value_bits: int
    watchdog_cycles: int
    stretch_cycles: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Trace:
    """Vectors of finished values, in the order in which the engine wrote them.

    Attributes:
        cycles: int64 ``[events]``, counted from reset.
        values: int64 ``[events, cols]``.
    """

    cycles: NDArray[np.int64]
    values: NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Simulation:
    """Outcome of a run.

    Attributes:
        beats: uint8 ``[frames, beats, bytes]`` of the frames that came out whole.
        first_in: Cycle (0 = the first after reset) in which each frame's first input beat was accepted:
            int64, as many as went in.
        last_out: Cycle in which each frame's last output beat was accepted: int64 ``[frames]``.
        cycles: Cycles simulated.
        stopped: Why the run ended early (a protocol violation, a check of the RTL, nothing moved); empty
            when all frames came out.
        trace: The finished values asked for, else None.
    """

    beats: Beats
    first_in: NDArray[np.int64]
    last_out: NDArray[np.int64]
    cycles: int
    stopped: str = ""
    trace: Trace | None = None

    def complete(self) -> Simulation:
        """Itself; SimulationError if it stopped early."""
        if self.stopped:
            raise SimulationError(f"simulation stopped: {self.stopped}")
        return self


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Which finished vectors to record: ``count`` of them from number ``first`` since reset."""

    first: int
    count: int


class SimulationError(ToolError):
    """The simulated hardware broke a rule of its streams, failed a check or got stuck."""


class Simulator(Protocol):
    """Runs frames through a design."""

    def __call__(
        self,
        dut: Dut,
        beats: Beats,
        *,
        stalls: int | None = None,
        window: Window | None = None,
        progress: Progress | None = None,
    ) -> Simulation:
        """Run all frames back to back from reset.

        Args:
            dut: The design.
            beats: Input beats ``[frames, beats, bytes]``.
            stalls: Seed of random stalls on both streams, or None: valid and ready are always 1.
            window: Finished vectors to record, or None.
            progress: Told about frames done.
        Raises:
            ToolError: The simulator is missing or cannot build the design.
        """
        ...


def check_beats(dut: Dut, beats: Beats) -> None:
    """DataError unless ``beats`` have the shape of the design's input frames."""
    wanted = (dut.input_port.beats_per_frame, dut.input_port.data_bytes)
    if beats.dtype != np.uint8 or beats.ndim != 3 or beats.shape[1:] != wanted:
        raise DataError(
            f"input beats must be uint8 [frames, {wanted[0]}, {wanted[1]}], "
            f"but are {beats.dtype} {list(beats.shape)}"
        )


def signed_elements(words: NDArray[np.uint8], count: int, bits: int) -> NDArray[np.int64]:
    """Element i of each row = signed bits ``[i*bits +: bits]`` of its little-endian bytes.

    Args:
        words: uint8 ``[rows, bytes]``.
        count: Elements a row.
        bits: Width of one, at most 64.
    Returns:
        int64 ``[rows, count]``.
    """
    port = StreamPort(
        channels=count, height=1, width=1, elements_per_beat=count, element_bits=bits, signed=True
    )
    return unpack(port, words[:, None, : port.data_bytes])[:, :, 0, 0]
