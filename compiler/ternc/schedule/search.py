"""Splits of a network by estimates: a cut and arrays, the cheapest within an interval or the fastest of all.

For an interval T the cheapest split is a dynamic program over the cuts: of every run of layers the cheapest array that
takes at most T cycles. The least T that fits is found by bisection. Resources are weighed against each other;
where one of them is short it is made to weigh more.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ternc.errors import InternalError
from ternc.network.layers import Network
from ternc.schedule.axes import Walk
from ternc.schedule.bundles import lowered
from ternc.schedule.costs import resources, worth_packing
from ternc.schedule.design import ArrayShape
from ternc.schedule.draft import Draft, draft
from ternc.schedule.estimate import RESOURCES, Estimates, Front, Run
from ternc.schedule.lines import Lines, lines_of
from ternc.schedule.plan import LayerTiling, StagePlanner
from ternc.schedule.stage import cut
from ternc.schedule.wish import Wish
from ternc.target.device import Device

Progress = Callable[[int, int], None]
Pinned = tuple[tuple[int, ArrayShape], ...]
"""Engines by the number of layers that each runs, and its array."""
Floats = NDArray[np.float64]

_REWEIGHTS = 8
_BISECTIONS = 14
_DESCENTS = 20
_CLOSE = 1.002
_TIGHTER = np.array([0.97, 0.97, 0.97, 0.97, 0.995])
"""Of each of `RESOURCES`, what is left of a limit that an exact figure was above; lanes are no estimates."""
_WELL_USED = 0.95
_SHORT = 0.8
"""Share of what is allowed of a resource from which it may be what limits a design."""
_LOOSEST = 1.5
_SLOWER = (1.005, 1.02, 1.05, 1.1, 1.2, 1.4)
_LEEWAYS = (1.1, 1.05, 1.02, 1.0, 0.98, 0.96, 0.93, 0.9, 0.85, 0.8)
"""Estimated cycles, as parts of what is allowed, of the shapes that are tried where an estimate was too low."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Split:
    """A choice by estimates.

    Attributes:
        engines: The cut and the arrays.
        cycles: Of the slowest.
        exposed: Of all engines, those in which the next one has to wait for the last rows: latency, about.
        cost: Weighed; shares: of what is allowed of each resource.
        places: Of each engine its run of layers and the number of its array in the run's grid.
    """

    engines: Pinned
    cycles: float
    exposed: float
    cost: float
    shares: Floats
    places: tuple[tuple[Run, int], ...]

    @property
    def amounts(self) -> Floats:
        """Of each resource."""
        return np.asarray(sum(run.amounts[n] for run, n in self.places))

    @property
    def fits(self) -> bool:
        """Within the budget."""
        return bool((self.shares <= 1).all())


class Search:
    """Splits of one network.

    Attributes:
        longest: Layers of an engine, at most.
    """

    def __init__(
        self, network: Network, device: Device, wish: Wish, estimates: Estimates | None = None
    ) -> None:
        self.network = network
        self.device = device
        self.wish = wish
        self.estimates = estimates or Estimates(network, device)
        self.tilings = {} if wish.reloadable else self.estimates.tilings
        self.count = len(network.layers)
        self.longest = self.count
        self.allowed = self.limits = allowed(device, wish)
        self._fronts: dict[tuple[int, int, bytes], Front] = {}

    def with_budget(self, budget: float) -> Search:
        """The same search with another budget."""
        return Search(self.network, self.device, replace(self.wish, budget=budget), self.estimates)

    def with_engines(self, longest: int) -> Search:
        """The same search for engines of at most so many layers each."""
        other = Search(self.network, self.device, self.wish, self.estimates)
        other.longest = longest
        return other

    def with_all_limits(self) -> Search:
        """The same search before any limit was tightened."""
        return Search(self.network, self.device, self.wish, self.estimates)

    def with_packing(self) -> Search:
        """The same search for arrays whose weights are packed where that is worth its logic."""
        return Search(self.network, self.device, self.wish, self.estimates.with_packing())

    def worked_out(self, split: Split) -> Draft:
        """The design of a split, by exact cycles; as estimated if only that fits."""
        lines = self.lines(split)
        made = draft(lines)
        if self.fits(made):
            return made
        plain = self._built(self._with_drains(split.engines))
        if plain.shapes == lines.shapes:
            return made
        estimated = draft(plain)
        return estimated if self.fits(estimated) else made

    def lines(self, split: Split) -> Lines:
        """A split's stages: as estimated or, if that keeps the cap on lanes and is faster, refined."""
        plain = self._built(self._with_drains(split.engines))
        if plain.unsized.least_interval <= split.cycles:
            return plain
        refined = self._built(self.refined(split))
        within = sum(shape.macs for shape in refined.shapes) <= self.allowed[-1]
        faster = refined.unsized.least_interval < plain.unsized.least_interval
        return refined if within and faster else plain

    def _built(self, engines: Pinned) -> Lines:
        lines = built(self.network, engines, self.tilings, reloadable=self.wish.reloadable)
        return with_packing(lines, self.device) if self.estimates.packing else lines

    def nearby(self, split: Split) -> Split:
        """Of a split and some slower ones the one that is fastest by exact cycles, where estimates were too low."""
        best, cycles = split, self.lines(split).unsized.least_interval
        for slower in _SLOWER:
            if cycles <= slower * split.cycles:
                break
            other = self.fitting(slower * split.cycles)
            found = np.inf if other is None else self.lines(other).unsized.least_interval
            if other is not None and found < cycles:
                best, cycles = other, int(found)
        return best

    def fits(self, made: Draft) -> bool:
        """Whether exact figures are within what is allowed."""
        return bool((amounts(made, self.device) <= self.allowed).all())

    def is_short_of_memory(self, made: Draft) -> bool:
        """Whether blocks of memory are what a design has least left of."""
        shares = amounts(made, self.device) / self.allowed
        return int(shares.argmax()) == RESOURCES.index("block_rams") and shares.max() > _SHORT

    def tighten(self, made: Draft) -> None:
        """Where exact figures are above what is allowed, estimates have to stay below less than that."""
        shares = amounts(made, self.device) / self.allowed
        self._limit(self.limits * np.where(shares > 1, _TIGHTER / np.maximum(shares, 1), 1))

    def loosen(self, split: Split, made: Draft) -> bool:
        """Whether exact figures are so far below what is allowed, and below estimates, that those may go higher."""
        taken = amounts(made, self.device)
        if (taken / self.allowed).max() > _WELL_USED:
            return False
        factor = np.clip(split.amounts / np.maximum(taken, 1), 1, _LOOSEST)
        self._limit(np.maximum(self.limits, self.allowed * factor))
        return bool((factor > 1).any())

    def _limit(self, limits: Floats) -> None:
        self.limits = limits
        self._fronts.clear()

    def front(self, first: int, end: int, weights: Floats, most_cycles: float = np.inf) -> Front:
        """Of a run, at least up to so many cycles."""
        prices = weights / self.limits
        key = (first, end, prices.tobytes())
        known = self._fronts.get(key)
        if known is None or known.most_cycles < most_cycles:
            known = self.estimates.front(first, end, prices, most_cycles)
            self._fronts[key] = known
        return known

    def cheapest(self, most_cycles: float, weights: Floats, per_cycle: float = 0.0) -> Split | None:
        """The cheapest split of which no engine takes more cycles; None if there is none.

        Args:
            most_cycles: Of every engine.
            weights: Of the shares of what is allowed of each resource.
            per_cycle: What a cycle of latency costs on top.
        """
        # Of the first n layers: their price, the last cut, and the point of its front.
        best: list[tuple[float, int, int]] = [(0.0, 0, 0)]
        for end in range(1, self.count + 1):
            found = (np.inf, 0, 0)
            for first in range(max(0, end - self.longest), end):
                if best[first][0] == np.inf or self.estimates.speeds(first, end).least_cycles > most_cycles:
                    continue
                front = self.front(first, end, weights, most_cycles)
                late = per_cycle * self.estimates.exposed(first, end) if per_cycle else 0.0
                n, price = front.best(most_cycles, late)
                if best[first][0] + price < found[0]:
                    found = (best[first][0] + price, first, n)
            best.append(found)
        return None if best[-1][0] == np.inf else self._traced(best, most_cycles, weights)

    def _traced(self, best: list[tuple[float, int, int]], most_cycles: float, weights: Floats) -> Split:
        """The split that a table of best cuts leads to."""
        engines, places, end = list[tuple[int, ArrayShape]](), list[tuple[Run, int]](), self.count
        cycles, exposed, cost, taken = 0.0, 0.0, 0.0, np.zeros(len(RESOURCES))
        while end:
            _, first, n = best[end]
            front = self.front(first, end, weights, most_cycles)
            run, index = front.run, int(front.index[n])
            engines.append((end - first, run.grid.at(index)))
            places.append((run, index))
            cycles, cost = max(cycles, float(front.cycles[n])), cost + float(front.cost[n])
            exposed += self.estimates.exposed(first, end) * float(front.cycles[n])
            taken, end = taken + run.taken(index, self.limits), first
        return Split(
            engines=tuple(reversed(engines)),
            cycles=cycles,
            exposed=exposed,
            cost=cost,
            shares=taken / self.limits,
            places=tuple(places),
        )

    def fitting(self, most_cycles: float, *, haste: float = 0.0) -> Split | None:
        """A split within the budget that takes at most so many cycles.

        Args:
            most_cycles: Of every engine.
            haste: What ``most_cycles`` of latency cost, in costs of the cheapest split.
        """
        weights = np.ones(len(RESOURCES))
        for _ in range(_REWEIGHTS):
            split = self.cheapest(most_cycles, weights)
            if split is not None and haste and split.cost <= weights.sum():
                split = self.cheapest(most_cycles, weights, haste * split.cost / split.cycles)
            if split is None or split.fits:
                return split
            # Where even the weighed sum does not fit, no other split can.
            if split.cost > weights.sum() and not haste:
                return None
            weights = weights * np.where(split.shares > 1, np.maximum(split.shares, 1.2) ** 2, 1)
            weights = np.round(weights / weights.max(), 6)
        return None

    def smallest(self) -> Split:
        """Of the cheapest splits by some weights, the one whose scarcest resource is exceeded least."""
        weights = np.ones(len(RESOURCES))
        found = []
        for _ in range(_REWEIGHTS):
            split = self.cheapest(np.inf, weights)
            if split is None:
                raise InternalError("schedule", "no array can run a layer")
            found.append(split)
            weights = weights * np.where(split.shares > 1, np.maximum(split.shares, 1.2) ** 2, 1)
            weights = np.round(weights / weights.max(), 6)
        return min(found, key=lambda split: float(split.shares.max()))

    def refined(self, split: Split) -> Pinned:
        """The split's engines; where an estimate was too low, the cheapest array that really is fast enough.

        No array drains more than those that read its vectors can take.
        """
        found = []
        wanted = zip(
            self._planners(split.engines), split.engines, self._with_drains(split.engines), strict=True
        )
        for planner, (count, shape), (_, low) in wanted:
            found.append((count, self._fast_enough(planner, shape, low.drain, split.cycles)))
        return self._with_drains(tuple(found))  # a reader may have fewer rows now

    def _planners(self, engines: Pinned) -> list[StagePlanner]:
        stages = cut(self.network, [count for count, _ in engines])
        return [StagePlanner(stage, self.tilings, full=self.wish.reloadable) for stage in stages]

    def _with_drains(self, engines: Pinned) -> Pinned:
        """Engines with drains that their readers can take."""
        planners = self._planners(engines)
        shapes = lowered(
            [planner.stage for planner in planners],
            [planner.walks for planner in planners],
            [shape for _, shape in engines],
        )
        return tuple((count, shape) for (count, _), shape in zip(engines, shapes, strict=True))

    def _fast_enough(
        self, planner: StagePlanner, shape: ArrayShape, most_drain: int, most_cycles: float
    ) -> ArrayShape:
        if shape.drain <= most_drain and sum(planner.layer_cycles(shape)) <= most_cycles:
            return shape
        run, tried = self.estimates.run(planner.stage.first, planner.stage.end), dict[ArrayShape, int]()
        allowed = run.grid.drains_at_most(most_drain)
        cost = run.shares(self.limits)
        for leeway in _LEEWAYS:
            good = (run.cycles <= leeway * most_cycles) & allowed
            if not good.any():
                break
            likely = run.grid.at(int(np.argmin(np.where(good, cost, np.inf))))
            if likely not in tried:
                tried[likely] = sum(planner.layer_cycles(likely))
            if tried[likely] <= most_cycles:
                return likely
        return min(tried, key=lambda one: tried[one])

    def fastest(self, progress: Progress | None = None) -> Split | None:
        """The split with the fewest cycles within the budget."""
        low, _ = self.slowest()
        best = self.fitting(np.inf)
        for n in range(_BISECTIONS):
            if progress:
                progress(n, _BISECTIONS)
            if best is None or best.cycles <= low * _CLOSE:
                break
            middle = (low * best.cycles) ** 0.5
            found = self.fitting(middle)
            if found is None:
                low = middle
            else:
                best = found
        for _ in range(_DESCENTS):  # to the last cycle
            found = None if best is None else self.fitting(best.cycles * (1 - 1e-9))
            if found is None:
                break
            best = found
        return best

    def slowest(self) -> tuple[float, str]:
        """(cycles, name) of the layer that takes longest where each has the fastest of all arrays."""
        found = [self.estimates.speeds(n, n + 1).least_cycles for n in range(self.count)]
        n = int(np.argmax(found))
        return found[n], self.network.layers[n].name


def allowed(device: Device, wish: Wish) -> Floats:
    """How much of each of `RESOURCES` a design may take."""
    budget = wish.budget if wish.fit else np.inf
    return np.array([*(budget * count for count in counts(device)), wish.lanes or np.inf])


def counts(device: Device) -> tuple[int, ...]:
    """How much of each of `RESOURCES` but lanes the device has; at least one."""
    have = (device.logic.count, device.registers.count, device.block_ram.count, device.dsp.count)
    return tuple(max(1, count) for count in have)


def amounts(made: Draft, device: Device) -> Floats:
    """What a design takes of each of `RESOURCES`."""
    need, lanes = resources(made, device), sum(shape.macs for shape in made.lines.shapes)
    return np.array([need.logic, need.registers, need.block_rams, need.dsps, lanes], np.float64)


def built(
    network: Network,
    engines: Pinned,
    tilings: dict[tuple[int, Walk], LayerTiling] | None = None,
    *,
    reloadable: bool = False,
) -> Lines:
    """The stages of a cut with their exact plans."""
    known = {} if tilings is None else tilings
    stages = cut(network, [count for count, _ in engines])
    planners = [StagePlanner(stage, known, full=reloadable) for stage in stages]
    return lines_of(network, planners, [shape for _, shape in engines], reloadable=reloadable)


def with_packing(lines: Lines, device: Device) -> Lines:
    """The same stages, their weights packed where that is worth its logic."""
    plans = (
        replace(plan, shape=replace(plan.shape, packed=True))
        if worth_packing(plan.shape, sum(plan.weight_words), device)
        else plan
        for plan in lines.plans
    )
    return replace(lines, plans=tuple(plans))
