"""Chooses the array's shape: the smallest that reaches a frame rate, or the fastest within the budget."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ternc.errors import ScheduleError
from ternc.numeric import ceil_div
from ternc.schedule.costs import logic_units, register_count, require_fit, resources, shortage
from ternc.schedule.design import ArrayShape
from ternc.schedule.plan import Plan, Planner
from ternc.target.device import Device

MAX_ROWS, MAX_COLS, MAX_LANES = 32, 64, 128
"""Bounds of the search, not of the hardware; ``--array`` may ask for more."""

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What the user asked for.

    Attributes:
        fps: Frames per second to reach, or None for as many as the budget allows.
        budget: Share of the device that may be used, in (0, 1].
        clock_mhz: Clock of the design.
        array: A shape to take as it is, or None.
    """

    fps: float | None
    budget: float
    clock_mhz: float
    array: ArrayShape | None


def sizes(whole: set[int], largest: int) -> list[int]:
    """Sensible sizes for one side of the array: what divides a dimension into equal parts, rounded up."""
    found = set()
    for size in whole:
        parts = 1
        while parts <= size and parts <= 64:
            found.add(ceil_div(size, parts))
            parts += 1
    return sorted(size for size in found if size <= largest) or [1]


def candidates(planner: Planner) -> list[ArrayShape]:
    """Shapes worth a look: each side divides some layer's dimension, and tiles and words fit each other."""
    network, layers = planner.network, planner.network.layers
    read = {name for layer in layers for name in layer.sources}
    rows = sizes({walk.horizontal.steps for walk in planner.walks.layers}, MAX_ROWS)
    cols = sizes({layer.channels for layer in layers}, MAX_COLS)
    lanes = sizes({network.tensor(name).channels for name in read}, MAX_LANES)
    return [
        ArrayShape(rows=r, cols=c, lanes=k)
        for c in cols
        for k in lanes
        if k % c == 0 or c % k == 0 or len(layers) == 1
        for r in rows
    ]


def choose(planner: Planner, device: Device, wish: Wish, progress: Progress | None = None) -> Plan:
    """The plan to build.

    Raises:
        ScheduleError: Nothing fits, or nothing that fits is fast enough; the sentence says what is short.
    """
    numbers = planner.numbers
    if wish.array is not None:
        plan = planner.plan(wish.array)
        require_fit(resources(planner, plan, device), device, 1.0, wish.array)
        return plan
    shapes = candidates(planner)
    smallest = min(shapes, key=lambda shape: shape.macs)
    ranked: list[tuple[int, int, ArrayShape]] = []
    for n, shape in enumerate(shapes):
        if progress:
            progress(n, len(shapes))
        logic = logic_units(shape, numbers, device)
        registers = register_count(shape, numbers)
        if logic <= device.logic.count * wish.budget and registers <= device.registers.count * wish.budget:
            ranked.append((planner.interval(shape), logic, shape))
    if progress:
        progress(len(shapes), len(shapes))
    most_cycles = wish.clock_mhz * 1e6 / wish.fps if wish.fps else None
    if most_cycles is None:
        ranked.sort(key=lambda entry: (entry[0], entry[1], str(entry[2])))
    else:
        ranked = [entry for entry in ranked if entry[0] <= most_cycles]
        ranked.sort(key=lambda entry: (entry[1], entry[0], str(entry[2])))
    for _, _, shape in ranked:
        plan = planner.plan(shape)
        if not shortage(resources(planner, plan, device), device, wish.budget):
            return plan
    if most_cycles is not None:
        best = choose(
            planner, device, Wish(fps=None, budget=wish.budget, clock_mhz=wish.clock_mhz, array=None)
        )
        reached = wish.clock_mhz * 1e6 / best.timing.cycles_per_frame
        raise ScheduleError(
            f"target '{device.name}': {wish.fps:,.0f} frames/s are out of reach, the fastest design within the "
            f"budget makes {reached:,.0f} ({best.shape})",
            help="lower --fps, raise --budget or --clock-mhz, or choose a larger --target",
        )
    need = resources(planner, planner.plan(smallest), device)
    require_fit(need, device, wish.budget, smallest)
    raise ScheduleError(
        f"target '{device.name}': no array shape fits within {wish.budget:.0%} of the device",
        help="raise --budget or choose a larger --target",
    )
