"""What the user asks the scheduler for."""

from __future__ import annotations

from dataclasses import dataclass

from ternc.schedule.design import ArrayShape
from ternc.schedule.folding import Folding
from ternc.schedule.pinned import PinnedEngine

_ROUNDING = 1 + 1e-12
"""So that the rate of a design, as a float, asks for its cycles."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """A choice by objective, or arrays by name.

    With neither ``fps`` nor ``latency_us`` the fastest design is chosen, else the smallest that reaches them.

    Attributes:
        fps: Frames per second to reach.
        latency_us: Microseconds from a frame's first input beat to its last output beat, at most.
        budget: Share of the device that may be used, in (0, 1].
        clock_mhz: Clock of the design.
        lanes: Most rows x cols x lanes, summed over the arrays; None for as many as the budget allows.
        array: Instead of a choice: one array for all layers, engines, or one for each layer; or None.
        fit: Whether it must fit the device; without, ``lanes`` alone limits the fastest design.
        reloadable: Keep room for other networks of the shape (`ternc.schedule.room`); the network is then its densest.
    """

    budget: float
    clock_mhz: float
    fps: float | None = None
    latency_us: float | None = None
    lanes: int | None = None
    array: ArrayShape | tuple[PinnedEngine, ...] | Folding | None = None
    fit: bool = True
    reloadable: bool = False

    @property
    def most_cycles(self) -> float:
        """Cycles a frame that reach the rate."""
        return float("inf") if self.fps is None else self.clock_mhz * 1e6 / self.fps * _ROUNDING

    @property
    def most_latency(self) -> float:
        """Cycles of latency that are allowed."""
        return float("inf") if self.latency_us is None else self.clock_mhz * self.latency_us * _ROUNDING

    @property
    def smallest(self) -> bool:
        """The smallest design that reaches something, rather than the fastest."""
        return self.fps is not None or self.latency_us is not None

    def rate(self, cycles: float) -> float:
        """Frames a second of so many cycles each."""
        return self.clock_mhz * 1e6 / cycles

    def microseconds(self, cycles: float) -> float:
        """So many cycles."""
        return cycles / self.clock_mhz
