"""What every simulator of a build takes and gives."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ternc.errors import DataError, ToolError
from ternc.schedule.design import StreamPort
from ternc.simulate.streams import elements

Progress: TypeAlias = Callable[[int, int], None]
"""Called with (done, total) now and then during a long step."""

Beats: TypeAlias = NDArray[np.uint8]
"""What one port carries: ``[frames, beats, bytes]``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MonitorPort:
    """Where the monitor form of a design shows the vectors that one of its engines finishes.

    Attributes:
        cols, value_bits: Elements of a vector and their signed width.
        vectors: That it finishes in one cycle.
    """

    cols: int
    value_bits: int
    vectors: int = 1

    @property
    def bits(self) -> int:
        """Width of what it shows in a cycle."""
        return self.vectors * self.cols * self.value_bits

    def values(self, words: NDArray[np.uint8]) -> NDArray[np.int64]:
        """int64 ``[events, vectors, cols]`` of uint8 ``[events, bytes]``, little-endian."""
        found = elements(words, self.vectors * self.cols, self.value_bits, signed=True)
        return found.reshape(-1, self.vectors, self.cols)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dut:
    """A generated design on disk.

    Attributes:
        rtl: The directory with ``files.f``, the sources it lists and ``mem/``.
        top: Name of the top module.
        inputs, outputs: Its streams, at least one of each.
        monitors: One for each engine.
        watchdog_cycles: Cycles without any beat after which a run counts as stuck; stalls of the test
            bench are not counted. More than one frame takes.
        stretch_cycles: The longest random stall. More than one frame takes, so that buffers run full and empty.
        reloadable: With a stream for images, on which nothing comes.
        quick: Whether so little is to be simulated that a simulator which is built fast is better than a fast one.
        reloadable: With a stream for images of networks, on which the simulators offer nothing.
    """

    rtl: Path
    top: str
    inputs: tuple[StreamPort, ...]
    outputs: tuple[StreamPort, ...]
    monitors: tuple[MonitorPort, ...]
    watchdog_cycles: int
    stretch_cycles: int
    quick: bool = False
    reloadable: bool = False


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Trace:
    """Vectors of finished values, in the order in which their engine wrote them.

    Attributes:
        cycles: int64 ``[events]``, counted from reset.
        values: int64 ``[events, vectors, cols]``; of a bundle's pixels beyond the map they mean nothing.
    """

    cycles: NDArray[np.int64]
    values: NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Simulation:
    """Outcome of a run. Cycle 0 is the first after reset.

    Attributes:
        beats: Per output port the frames that came out of it whole, uint8 ``[frames, beats, bytes]``.
        first_in: Per input port the cycles in which a frame's first beat was accepted, int64, as many as went in.
        last_out: Per output port the cycles in which a frame's last beat was accepted, int64 ``[frames]``.
        cycles: Cycles simulated.
        stopped: Why the run ended early (a protocol violation, a check of the RTL, nothing moved); empty
            when all frames came out of every port.
        traces: The finished values asked for, one for each window.
    """

    beats: tuple[Beats, ...]
    first_in: tuple[NDArray[np.int64], ...]
    last_out: tuple[NDArray[np.int64], ...]
    cycles: int
    stopped: str = ""
    traces: tuple[Trace, ...] = ()

    @property
    def frames(self) -> int:
        """How many frames came out whole, on every port."""
        return min(map(len, self.beats))

    @property
    def starts(self) -> NDArray[np.int64]:
        """The cycle of each frame's first beat on whichever input came first: int64, as many as began."""
        never = np.iinfo(np.int64).max
        found = np.full(max(map(len, self.first_in)), never, np.int64)
        for cycles in self.first_in:
            found[: len(cycles)] = np.minimum(found[: len(cycles)], cycles)
        return found

    @property
    def ends(self) -> NDArray[np.int64]:
        """The cycle of each frame's last beat on whichever output was last: int64 ``[frames]``."""
        found: NDArray[np.int64] = np.stack([cycles[: self.frames] for cycles in self.last_out])
        return np.asarray(found.max(axis=0))

    def complete(self) -> Simulation:
        """Itself; SimulationError if it stopped early."""
        if self.stopped:
            raise SimulationError(f"simulation stopped: {self.stopped}")
        return self


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Which finished vectors of an engine to record: those of ``count`` cycles from number ``first`` since reset."""

    engine: int
    first: int
    count: int


class SimulationError(ToolError):
    """The simulated hardware broke a rule of its streams, failed a check or got stuck."""


class Simulator(Protocol):
    """Runs frames through a design."""

    def __call__(
        self,
        dut: Dut,
        beats: Sequence[Beats],
        *,
        stalls: int | None = None,
        windows: Sequence[Window] = (),
        progress: Progress | None = None,
    ) -> Simulation:
        """Run all frames back to back from reset.

        Args:
            dut: The design.
            beats: Of each input port, ``[frames, beats, bytes]``; all ports are driven at once.
            stalls: Seed of random stalls, independent on each port, or None: valid and ready are always 1.
            windows: Finished vectors to record.
            progress: Told about frames done.
        Raises:
            ToolError: The simulator is missing or cannot build the design.
        """
        ...


def check_beats(dut: Dut, beats: Sequence[Beats]) -> int:
    """The number of frames; DataError unless ``beats`` have the shape of each input port's frames."""
    if len(beats) != len(dut.inputs):
        raise DataError(f"there must be beats for {len(dut.inputs)} input ports, but are for {len(beats)}")
    for port, data in zip(dut.inputs, beats, strict=True):
        wanted = (port.beats_per_frame, port.data_bytes)
        if data.dtype != np.uint8 or data.ndim != 3 or data.shape[1:] != wanted:
            raise DataError(
                f"beats of input port '{port.name}' must be uint8 [frames, {wanted[0]}, {wanted[1]}], "
                f"but are {data.dtype} {list(data.shape)}"
            )
    frames = {len(data) for data in beats}
    if len(frames) != 1:
        raise DataError(f"all input ports must get as many frames, but get {sorted(frames)}")
    return frames.pop()


def nothing(dut: Dut) -> Simulation:
    """What comes of no frames."""
    none = np.zeros(0, np.int64)
    return Simulation(
        beats=tuple(np.zeros((0, p.beats_per_frame, p.data_bytes), np.uint8) for p in dut.outputs),
        first_in=(none,) * len(dut.inputs),
        last_out=(none,) * len(dut.outputs),
        cycles=0,
    )
