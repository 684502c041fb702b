"""Chooses the array's shape: the smallest that reaches a frame rate, or the fastest within the budget."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush

from ternc.errors import ScheduleError
from ternc.numeric import ceil_div
from ternc.schedule.costs import least_resources, logic_units, require_fit, resources, shortage
from ternc.schedule.design import ArrayShape
from ternc.schedule.draft import Draft, draft
from ternc.schedule.instances import array_registers
from ternc.schedule.plan import Planner
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


def ranked(
    planner: Planner,
    shapes: Sequence[ArrayShape],
    device: Device,
    budget: float,
    most_cycles: float | None,
    progress: Progress | None,
) -> Iterator[ArrayShape]:
    """Shapes whose logic fits, best first: the fastest, or the smallest that need at most ``most_cycles`` a frame.

    Counting a shape's taps takes time. A shape waits at the place that its least possible interval would give it and
    is counted when that place comes; what comes up counted is the best of all that are left.
    """
    waiting: list[tuple[tuple[float, float, str], bool, ArrayShape]] = []

    def add(shape: ArrayShape, interval: int, counted: bool) -> None:
        logic = logic_units(shape, planner.numbers, device)
        place = (interval, logic) if most_cycles is None else (logic, interval)
        if most_cycles is None or interval <= most_cycles:
            heappush(waiting, ((*place, str(shape)), counted, shape))

    for shape in shapes:
        logic = logic_units(shape, planner.numbers, device)
        registers = array_registers(shape, planner.numbers.act_bits)
        if logic <= device.logic.count * budget and registers <= device.registers.count * budget:
            add(shape, planner.least_interval(shape), counted=False)
    done = 0
    while waiting:
        _, counted, shape = heappop(waiting)
        if counted:
            if progress:
                progress(len(shapes), len(shapes))
            yield shape
            continue
        if progress:
            progress(done, len(shapes))
        done += 1
        add(shape, planner.interval(shape), counted=True)


def choose(planner: Planner, device: Device, wish: Wish, progress: Progress | None = None) -> Draft:
    """What to build.

    Raises:
        ScheduleError: Nothing fits, or nothing that fits is fast enough; the sentence says what is short.
    """
    if wish.array is not None:
        made = draft(planner, planner.plan(wish.array))
        require_fit(resources(made, planner.numbers, device), device, 1.0, wish.array)
        return made
    shapes = candidates(planner)
    most_cycles = wish.clock_mhz * 1e6 / wish.fps if wish.fps else None
    for shape in ranked(planner, shapes, device, wish.budget, most_cycles, progress):
        plan = planner.plan(shape)
        if shortage(least_resources(planner, plan, device), device, wish.budget):
            continue  # without assembling its program
        made = draft(planner, plan)
        if not shortage(resources(made, planner.numbers, device), device, wish.budget):
            return made
    if most_cycles is not None:
        best = choose(
            planner, device, Wish(fps=None, budget=wish.budget, clock_mhz=wish.clock_mhz, array=None)
        )
        reached = wish.clock_mhz * 1e6 / best.plan.timing.cycles_per_frame
        raise ScheduleError(
            f"target '{device.name}': {wish.fps:,.0f} frames/s are out of reach, the fastest design within the "
            f"budget makes {reached:,.0f} ({best.plan.shape})",
            help="lower --fps, raise --budget or --clock-mhz, or choose a larger --target",
        )
    smallest = min(shapes, key=lambda shape: shape.macs)
    need = resources(draft(planner, planner.plan(smallest)), planner.numbers, device)
    require_fit(need, device, wish.budget, smallest)
    raise ScheduleError(
        f"target '{device.name}': no array shape fits within {wish.budget:.0%} of the device",
        help="raise --budget or choose a larger --target",
    )
