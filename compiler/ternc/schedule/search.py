"""Chooses the arrays: the smallest that reach a frame rate, or the fastest within the budget."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ternc.errors import ScheduleError
from ternc.network.layers import Network
from ternc.schedule.costs import require_fit, resources
from ternc.schedule.design import ArrayShape
from ternc.schedule.lines import Lines, lines_of
from ternc.schedule.plan import StagePlanner
from ternc.schedule.stage import cut
from ternc.target.device import Device

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What the user asked for.

    Attributes:
        fps: Frames per second to reach, or None for as many as the budget allows.
        budget: Share of the device that may be used, in (0, 1].
        clock_mhz: Clock of the design.
        engines: Arrays to take as they are, each with the number of layers that it runs; or None.
    """

    fps: float | None
    budget: float
    clock_mhz: float
    engines: tuple[tuple[int, ArrayShape], ...] | None = None


def choose(network: Network, device: Device, wish: Wish, progress: Progress | None = None) -> Lines:
    """The stages and arrays to build.

    Raises:
        ScheduleError: Nothing fits, or nothing that fits is fast enough; the sentence says what is short.
    """
    assert wish.engines is not None
    stages = cut(network, [count for count, _ in wish.engines])
    tilings: dict = {}
    planners = [StagePlanner(stage, tilings) for stage in stages]
    lines = lines_of(network, planners, [shape for _, shape in wish.engines])
    require_fit(resources(lines, device), device, 1.0, lines.shapes)
    return lines
