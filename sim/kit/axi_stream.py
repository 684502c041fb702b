"""AXI4-Stream drivers with random stalls, and the clock that steps them.

Everything happens at falling edges of the clock: inputs are set there and outputs read once they have settled,
so that no simulator's order of events can change the result. A beat moves in the cycle in which valid and ready
are both 1 at the rising edge; cycles are counted from the first one after reset.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from cocotb.clock import Clock as CocotbClock
from cocotb.triggers import FallingEdge, First, ReadOnly, RisingEdge, Timer
from cocotb.utils import get_sim_time

PERIOD_NS = 2


class Stalls:
    """Random stretches of cycles in which a side holds back never, seldom, mostly or always.

    Args:
        seed: Of the random numbers, or None: never hold back.
        stretch: Cycles of the longest; longer than a frame takes, so that every buffer runs full and empty.
    """

    def __init__(self, seed: int | None, stretch: int = 1024) -> None:
        self._stretch = stretch
        self._random = random.Random(seed) if seed is not None else None
        self._left = 0
        self._level = 0.0
        self.waits_for_valid = False

    def blocked(self) -> bool:
        """Whether to hold back in this cycle."""
        if self._random is None:
            return False
        if self._left == 0:
            self._level = self._random.choice((0.0, 0.25, 0.75, 1.0))
            self._left = 1 + (self._random.randrange(self._stretch) >> self._random.randrange(8))
            self.waits_for_valid = self._random.random() < 0.5
        self._left -= 1
        return self._random.random() < self._level

    def junk(self, bits: int) -> int:
        """What lies on a bus without valid."""
        return self._random.getrandbits(bits) if self._random is not None else 0


class Source:
    """Offers beats on ``<name>_tdata/tvalid/tready/tlast``; once on offer a beat stays until it is taken.

    Args:
        dut: The top module's handle.
        name: Prefix of the ports, for example ``s_axis``.
        frames: Beats of each frame as integers; TLAST comes with a frame's last.
        stalls: When to hold back.
    """

    def __init__(self, dut: Any, name: str, frames: Sequence[Sequence[int]], stalls: Stalls) -> None:
        self.data, self.valid = getattr(dut, f"{name}_tdata"), getattr(dut, f"{name}_tvalid")
        self.ready, self.last = getattr(dut, f"{name}_tready"), getattr(dut, f"{name}_tlast")
        self.name = name
        self.stalls = stalls
        self.first_cycles: list[int] = []
        self.blocked = False
        self._beats: Iterator[tuple[int, bool, bool]] = (
            (beat, index == 0, index == len(frame) - 1)
            for frame in frames
            for index, beat in enumerate(frame)
        )
        self._next = next(self._beats, None)
        self._offered = self._last_taken = False
        self._bits = len(self.data)

    @property
    def done(self) -> bool:
        """All beats were taken."""
        return self._next is None

    def drive(self) -> None:
        """Set the inputs of a cycle."""
        if self._offered:
            return
        self.blocked = self.stalls.blocked()
        if self._next is not None and not self.blocked:
            self.data.value, _, last = self._next
            self.last.value = int(last)
            self.valid.value = 1
            self._offered = True
        elif not self.done or self._last_taken:
            self._last_taken = False
            self.valid.value = 0
            self.data.value = self.stalls.junk(self._bits)

    def observe(self, cycle: int) -> bool:
        """See whether the beat on offer is taken; True if so."""
        if not self._offered or self.ready.value != 1:
            return False
        assert self._next is not None
        if self._next[1]:
            self.first_cycles.append(cycle)
        self._next = next(self._beats, None)
        self._offered = False
        self._last_taken = self._next is None
        return True


class Sink:
    """Takes beats from ``<name>_tdata/tvalid/tready/tlast`` and checks the handshake rules.

    Args:
        dut: The top module's handle.
        name: Prefix of the ports, for example ``m_axis``.
        stalls: When to hold back.
        take: Called with (cycle, data, last) for each beat; data is None where a bit is undefined.
    """

    def __init__(
        self, dut: Any, name: str, stalls: Stalls, take: Callable[[int, int | None, bool], None]
    ) -> None:
        self.data, self.valid = getattr(dut, f"{name}_tdata"), getattr(dut, f"{name}_tvalid")
        self.ready, self.last = getattr(dut, f"{name}_tready"), getattr(dut, f"{name}_tlast")
        self.stalls = stalls
        self.take = take
        self.name = name
        self.blocked = False
        self._ready = False
        self._held: tuple[str, str] | None = None

    def drive(self) -> None:
        """Set the inputs of a cycle."""
        self.blocked = self.stalls.blocked()
        ready = not self.blocked and (not self.stalls.waits_for_valid or self._held is not None)
        if ready != self._ready:
            self._ready = ready
            self.ready.value = int(ready)

    def observe(self, cycle: int) -> bool:
        """Take the beat on offer if ready is 1; True if there was one.

        Raises:
            AssertionError: The design broke a handshake rule.
        """
        valid = self.valid.value
        assert valid in (0, 1), f"cycle {cycle}: {self.name}_tvalid is undefined"
        if valid != 1:
            assert self._held is None, f"cycle {cycle}: {self.name}_tvalid fell before tready took the beat"
            return False
        if self._ready and self._held is None:
            self._deliver(cycle)
            return True
        shown = (str(self.data.value), str(self.last.value))
        if self._held is not None:
            assert shown == self._held, f"cycle {cycle}: {self.name} changed before tready took the beat"
        self._held = shown
        if not self._ready:
            return False
        self._deliver(cycle)
        self._held = None
        return True

    def _deliver(self, cycle: int) -> None:
        value = self.data.value
        self.take(cycle, int(value) if value.is_resolvable else None, self.last.value == 1)


class Clock:
    """Runs ``clk_i`` and ``rst_ni`` (synchronous, active low) and steps the streams.

    Args:
        dut: The top module's handle.
        inputs, outputs: Prefixes of its streams.
    """

    def __init__(self, dut: Any, inputs: Sequence[str], outputs: Sequence[str]) -> None:
        self.dut = dut
        self.inputs, self.outputs = tuple(inputs), tuple(outputs)
        self.cycle = 0
        self._clock: CocotbClock | None = None

    async def reset(self, cycles: int = 8) -> None:
        """Reset for some cycles with idle streams; the next cycle is number 0."""
        dut = self.dut
        dut.rst_ni.value = 0
        for name in self.inputs:
            for signal in ("tvalid", "tlast", "tdata"):
                getattr(dut, f"{name}_{signal}").value = 0
        for name in self.outputs:
            getattr(dut, f"{name}_tready").value = 0
        if self._clock is None:
            self._clock = CocotbClock(dut.clk_i, PERIOD_NS, unit="ns", impl="gpi")
            self._clock.start(start_high=False)
        for _ in range(cycles):
            await FallingEdge(dut.clk_i)
        dut.rst_ni.value = 1
        self.cycle = 0

    def stop(self) -> None:
        """Leave ``clk_i`` to others."""
        if self._clock is not None:
            self._clock.stop()
            self._clock = None

    async def step(self, sources: Sequence[Source], sinks: Sequence[Sink]) -> bool:
        """One cycle; True if a beat moved on any stream."""
        for stream in (*sources, *sinks):
            stream.drive()
        await ReadOnly()
        moved = [stream.observe(self.cycle) for stream in (*sources, *sinks)]
        await FallingEdge(self.dut.clk_i)
        self.cycle += 1
        return any(moved)

    async def skip(self, sources: Sequence[Source], sinks: Sequence[Sink], limit: int) -> int:
        """Let cycles pass in which nothing can move: until a sink sees valid or a source with beats left sees ready.

        Args:
            sources, sinks: The streams; their inputs stay as they are.
            limit: Cycles after which to give up.

        Returns:
            Cycles that passed; 0 if something may move now.
        """
        waiting = [source for source in sources if not source.done]
        if any(sink.valid.value != 0 for sink in sinks) or any(source.ready.value != 0 for source in waiting):
            return 0
        start = get_sim_time("ns")
        changes = [RisingEdge(sink.valid) for sink in sinks] + [
            RisingEdge(source.ready) for source in waiting
        ]
        await First(*changes, Timer(limit * PERIOD_NS, "ns"))
        if self.dut.clk_i.value == 1:  # the edge that changed them began the cycle in which they count
            await FallingEdge(self.dut.clk_i)
        passed = round((get_sim_time("ns") - start) / PERIOD_NS)
        self.cycle += passed
        return passed
