"""Chooses the cut and the arrays: the smallest that reach a frame rate, or the fastest within the budget.

For an interval T the cheapest split is a dynamic program over the cuts: of every run of layers the cheapest array that
takes at most T cycles. The least T that fits is found by bisection. Resources are weighed against each other;
where one of them is short it is made to weigh more.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ternc.errors import ScheduleError
from ternc.network.layers import Network
from ternc.schedule.axes import Walk
from ternc.schedule.costs import require_fit, resources
from ternc.schedule.design import ArrayShape
from ternc.schedule.draft import Draft, draft
from ternc.schedule.estimate import RESOURCES, Estimates, Front
from ternc.schedule.lines import Lines, lines_of
from ternc.schedule.pinned import PinnedEngine, resolve
from ternc.schedule.plan import LayerTiling, StagePlanner
from ternc.schedule.stage import Stage, cut
from ternc.target.device import Device

Progress = Callable[[int, int], None]
Pinned = tuple[tuple[int, ArrayShape], ...]
"""Engines by the number of layers that each runs, and its array."""

_REWEIGHTS = 8
_BISECTIONS = 14
_TRIES = 10
_SHORTER = (1.0, 0.7, 0.4, 0.2, 0.05)
"""Parts of the interval that is asked for, for which designs are looked at."""
_TIGHTER = 0.97
_LEEWAY = 1.1
_REFINEMENTS = 40
_ROUNDING = 1 + 1e-12
"""So that the rate of a design, as a float, asks for its cycles."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What the user asked for.

    Attributes:
        fps: Frames per second to reach, or None for as many as the budget allows.
        budget: Share of the device that may be used, in (0, 1].
        clock_mhz: Clock of the design.
        lanes: Most rows x cols x lanes, summed over the arrays; None for as many as the budget allows.
        array: Instead of a choice: one array for all layers, or engines; or None.
        fit: Whether it must fit the device; without, ``lanes`` alone limits a choice.
    """

    fps: float | None
    budget: float
    clock_mhz: float
    lanes: int | None = None
    array: ArrayShape | tuple[PinnedEngine, ...] | None = None
    fit: bool = True


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Split:
    """A choice by estimates.

    Attributes:
        engines: The cut and the arrays.
        cycles: Of the slowest.
        cost: Weighed; shares: of each resource.
    """

    engines: Pinned
    cycles: float
    cost: float
    shares: NDArray[np.float64]

    @property
    def fits(self) -> bool:
        """Within the budget."""
        return bool((self.shares <= 1).all())


class Search:
    """Splits of one network."""

    def __init__(self, network: Network, device: Device, wish: Wish) -> None:
        self.network = network
        self.tilings: dict[tuple[int, Walk], LayerTiling] = {}
        self.estimates = Estimates(network, device)
        self.count = len(network.layers)
        self.allowed = self.limits = _allowed(device, wish)
        self._fronts: dict[tuple[int, int, bytes], Front] = {}

    def tighten(self, made: Draft, device: Device) -> bool:
        """Whether exact figures are above what is allowed; estimates then have to stay below less than that."""
        shares = _amounts(made, device) / self.allowed
        if (shares <= 1).all():
            return False
        self.limits = self.limits * np.where(shares > 1, _TIGHTER / np.maximum(shares, 1), 1)
        self._fronts.clear()
        return True

    def front(self, first: int, end: int, weights: NDArray[np.float64]) -> Front:
        """Of a run."""
        key = (first, end, weights.tobytes())
        if key not in self._fronts:
            self._fronts[key] = self.estimates.front(first, end, weights, self.limits)
        return self._fronts[key]

    def cheapest(self, most_cycles: float, weights: NDArray[np.float64]) -> Split | None:
        """The cheapest split of which no engine takes more cycles; None if there is none."""
        best: list[tuple[float, int, int]] = [
            (0.0, 0, 0)
        ]  # cost of the first n layers, last cut, point of its front
        for end in range(1, self.count + 1):
            found = (np.inf, 0, 0)
            for first in range(end):
                if best[first][0] == np.inf:
                    continue
                front = self.front(first, end, weights)
                n = front.best(most_cycles)
                if n is not None and best[first][0] + front.cost[n] < found[0]:
                    found = (best[first][0] + float(front.cost[n]), first, n)
            best.append(found)
        if best[-1][0] == np.inf:
            return None
        engines, end, cycles, shares = [], self.count, 0.0, np.zeros(len(RESOURCES))
        while end:
            _, first, n = best[end]
            front = self.front(first, end, weights)
            engines.append((end - first, front.grid.at(int(front.index[n]))))
            cycles, shares = max(cycles, float(front.cycles[n])), shares + front.shares[n]
            end = first
        return Split(engines=tuple(reversed(engines)), cycles=cycles, cost=best[-1][0], shares=shares)

    def fitting(self, most_cycles: float) -> Split | None:
        """A split within the budget that takes at most so many cycles."""
        weights = np.ones(len(RESOURCES))
        for _ in range(_REWEIGHTS):
            split = self.cheapest(most_cycles, weights)
            if split is None or split.fits:
                return split
            if split.cost / weights.sum() > 1:  # even the weighed sum does not fit, so no other split can
                return None
            weights = weights * np.where(split.shares > 1, np.maximum(split.shares, 1.2) ** 2, 1)
            weights = np.round(weights / weights.max(), 6)
        return None

    def refined(self, split: Split) -> Pinned:
        """The split's engines; where an estimate was too low, the cheapest array that really is fast enough."""
        found, first = [], 0
        for count, shape in split.engines:
            planner = StagePlanner(Stage(network=self.network, first=first, end=first + count), self.tilings)
            found.append((count, self._fast_enough(planner, shape, split.cycles)))
            first += count
        return tuple(found)

    def _fast_enough(self, planner: StagePlanner, shape: ArrayShape, most_cycles: float) -> ArrayShape:
        if sum(planner.layer_cycles(shape)) <= most_cycles:
            return shape
        grid, cycles, amounts = self.estimates.run(planner.stage.first, planner.stage.end)
        cost = np.where(cycles <= _LEEWAY * most_cycles, (amounts / self.limits).sum(axis=1), np.inf)
        likely = [grid.at(n) for n in np.argsort(cost)[:_REFINEMENTS].tolist()]
        return min(likely, key=lambda one: max(sum(planner.layer_cycles(one)), most_cycles))

    def fastest(self, progress: Progress | None = None) -> Split | None:
        """The split with the fewest cycles within the budget."""
        ones = np.ones(len(RESOURCES))
        whole = [self.front(n, n + 1, ones).cycles for n in range(self.count)]
        low = max(float(cycles[0]) for cycles in whole)
        high = 2 * sum(float(cycles[-1]) for cycles in whole)
        best = self.fitting(high)
        if best is None:
            return None
        high = best.cycles
        for n in range(_BISECTIONS):
            if progress:
                progress(n, _BISECTIONS)
            if high <= low * 1.002:
                break
            middle = (low * high) ** 0.5
            found = self.fitting(middle)
            if found is None:
                low = middle
            else:
                best, high = found, found.cycles
        return best


def _allowed(device: Device, wish: Wish) -> NDArray[np.float64]:
    """How much of each of `RESOURCES` a design may take."""
    have = (device.logic.count, device.registers.count, device.block_ram.count, max(1, device.dsp.count))
    budget = wish.budget if wish.fit else np.inf
    return np.array([*(budget * count for count in have), wish.lanes or np.inf])


def choose(network: Network, device: Device, wish: Wish, progress: Progress | None = None) -> Draft:
    """The stages and arrays to build, worked out.

    Raises:
        ScheduleError: Nothing fits, or nothing that fits is fast enough; the sentence says what is short.
    """
    if wish.array is not None:
        return _named(network, device, wish)
    if wish.fps is not None:
        return _smallest(network, device, wish, wish.clock_mhz * 1e6 / wish.fps * _ROUNDING, progress)
    search = Search(network, device, wish)
    for _ in range(_TRIES):
        split = search.fastest(progress)
        if split is None:
            break
        made = draft(built(network, search.refined(split), search.tilings))
        if not search.tighten(made, device):
            return made
    raise refusal(network, device, wish)


def _smallest(
    network: Network, device: Device, wish: Wish, most_cycles: float, progress: Progress | None
) -> Draft:
    """The design with the least sum of shares of the device, of some that take at most so many cycles a frame.

    Estimates are no exact order, so designs for shorter intervals are looked at as well.
    """
    search, found = Search(network, device, wish), list[Draft]()
    for number, shorter in enumerate(_SHORTER):
        if progress:
            progress(number, len(_SHORTER))
        target = most_cycles * shorter
        for _ in range(_TRIES):
            split = search.fitting(target)
            if split is None:
                break
            made = draft(built(network, search.refined(split), search.tilings))
            if search.tighten(made, device):
                continue
            cycles = made.lines.timing.cycles_per_frame
            if cycles <= most_cycles:
                found.append(made)
                break
            target *= 0.999 * most_cycles / cycles
    if found:
        whole = _allowed(device, replace(wish, budget=1.0, fit=True))
        return min(found, key=lambda made: float((_amounts(made, device) / whole)[:-1].sum()))
    best = choose(
        network, device, replace(wish, fps=None), progress
    )  # estimates may be too high for the fastest
    if best.lines.timing.cycles_per_frame <= most_cycles:
        return best
    raise _too_slow(best, device, wish)


def _amounts(made: Draft, device: Device) -> NDArray[np.float64]:
    """What a design takes of each of `RESOURCES`."""
    need, lanes = resources(made, device), sum(shape.macs for shape in made.lines.shapes)
    return np.array([need.logic, need.registers, need.block_rams, need.dsps, lanes], np.float64)


def _named(network: Network, device: Device, wish: Wish) -> Draft:
    """The engines that the user named."""
    if isinstance(wish.array, ArrayShape):
        engines: tuple[PinnedEngine, ...] = (PinnedEngine(layers=len(network.layers), array=wish.array),)
    else:
        engines = wish.array or ()
    taken = sum(engine.array.macs for engine in engines)
    if wish.lanes is not None and taken > wish.lanes:
        raise ScheduleError(
            f"the arrays named have rows x cols x lanes = {taken:,}, which is more than the {wish.lanes:,} of --lanes",
            help="name smaller arrays, or leave --lanes out",
        )
    made = draft(built(network, resolve(engines, network)))
    if wish.fit:
        require_fit(resources(made, device), device, 1.0, made.lines.shapes)
    return made


def built(
    network: Network, engines: Pinned, tilings: dict[tuple[int, Walk], LayerTiling] | None = None
) -> Lines:
    """The stages of a cut with their exact plans."""
    known = {} if tilings is None else tilings
    stages = cut(network, [count for count, _ in engines])
    planners = [StagePlanner(stage, known) for stage in stages]
    return lines_of(network, planners, [shape for _, shape in engines])


def _too_slow(best: Draft, device: Device, wish: Wish) -> ScheduleError:
    """The rate that the fastest design reaches is below the one that is wished for."""
    reached = wish.clock_mhz * 1e6 / best.lines.timing.cycles_per_frame
    return ScheduleError(
        f"target '{device.name}': {wish.fps:,.0f} frames/s are out of reach, the fastest design within the "
        f"budget makes {reached:,.0f} ({', '.join(map(str, best.lines.shapes))})",
        help="lower --fps, raise --budget or --clock-mhz, or choose a larger --target",
    )


def refusal(network: Network, device: Device, wish: Wish) -> ScheduleError:
    """Why nothing could be chosen."""
    smallest = draft(built(network, ((len(network.layers), ArrayShape(rows=1, cols=1, lanes=1)),)))
    try:
        require_fit(resources(smallest, device), device, wish.budget, smallest.lines.shapes)
    except ScheduleError as error:
        return error
    return ScheduleError(
        f"target '{device.name}': no array shape fits within {wish.budget:.0%} of the device",
        help="raise --budget or choose a larger --target",
    )
