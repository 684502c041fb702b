"""Chooses the design: the fastest within the budget, the smallest that reaches a rate or a latency, or the one named.

The smallest is one of a ladder of designs that does not depend on what is asked for: for a row of intervals, each a
little longer than the one before, the cheapest split. What is asked for only says which of them count, so whoever asks
for less chooses from more of them, and never pays more.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from ternc.errors import ScheduleError
from ternc.network.layers import Network
from ternc.schedule import refuse
from ternc.schedule.design import ArrayShape
from ternc.schedule.draft import Draft, draft
from ternc.schedule.folding import Folding
from ternc.schedule.pinned import PinnedEngine, resolve
from ternc.schedule.search import Progress, Search, Split, amounts, built, counts
from ternc.schedule.wish import Wish
from ternc.target.device import Device

_TRIES = 10
_RUNG = 1.03
"""From one interval of the ladder to the next."""
_CHEAPER = 0.97
"""What a rung must cost at most, of the one before that was kept."""
_HASTES = (0.0, 0.3, 1.0, 4.0, 30.0)
"""What latency may cost on the ladder for short latencies (`Search.fitting`)."""
_HASTY_RUNG = 1.15
_STRIDE = 1.3
"""From one interval to the next where none near the limits fits."""
_HOPELESS = 1.5
"""Estimates so far above what is allowed are not so wrong that a design fits."""
_LEAST_PRICE = 0.75
"""Exact costs are not expected below this part of the estimated ones: no cheaper rung is looked for there."""
_SLACK = 1.3
"""Latencies may be less than estimated by this factor."""


def choose(network: Network, device: Device, wish: Wish, progress: Progress | None = None) -> Draft:
    """The stages and arrays to build, worked out.

    Raises:
        ScheduleError: Nothing fits, or nothing that fits is fast enough; the sentence says what is short, and what
            would do.
    """
    if wish.array is not None:
        return _named(network, device, wish)
    if wish.smallest:
        wish = replace(wish, fit=True)
    search, best = _fastest_of_forms(Search(network, device, wish), progress)
    if best is None:
        raise refuse.too_large(search, wish)
    return _smallest(search, best, wish) if wish.smallest else best


def cost(made: Draft, device: Device) -> float:
    """What the smallest design has least of: shares of the device's logic, registers, blocks and multipliers, added."""
    return float((amounts(made, device)[:-1] / counts(device)).sum())


def reaches(made: Draft, wish: Wish) -> bool:
    """Whether a design has the rate and the latency that are asked for."""
    timing = made.lines.timing
    return timing.cycles_per_frame <= wish.most_cycles and timing.latency_cycles <= wish.most_latency


def _fastest_of_forms(search: Search, progress: Progress | None) -> tuple[Search, Draft | None]:
    """(search, its fastest design): with packed weights if memory is short without, and if that helps."""
    best = _fastest(search, progress)
    if not search.wish.fit or (best is not None and not search.is_short_of_memory(best)):
        return search, best
    packing = search.with_packing()
    other = _fastest(packing, progress)
    if best is None:
        return packing, other
    if other is None or other.lines.timing.cycles_per_frame >= best.lines.timing.cycles_per_frame:
        return search, best
    return packing, other


def _fastest(search: Search, progress: Progress | None) -> Draft | None:
    """The design with the fewest cycles a frame within the budget that is found; None if none fits."""
    return _near_limits(search, progress) or _first_that_fits(search.with_all_limits())


def _first_that_fits(search: Search) -> Draft | None:
    """Of splits for longer and longer intervals the first one whose exact figures fit, in the end the smallest."""
    slowest = search.fitting(np.inf)
    cycles, _ = search.slowest()
    while slowest is not None and cycles < slowest.cycles:
        split = search.fitting(cycles)
        made = None if split is None else search.worked_out(split)
        if made is not None and search.fits(made):
            return made
        cycles *= _STRIDE
    smallest = search.smallest()
    made = None if smallest.shares.max() > _HOPELESS else search.worked_out(smallest)
    return made if made is not None and search.fits(made) else None


def _near_limits(search: Search, progress: Progress | None) -> Draft | None:
    """The design with the fewest cycles a frame within the budget, where estimates and exact figures come together.

    Estimates that were too low are made up for by tighter limits until a design fits, those that were too high by
    looser ones as long as that helps.
    """
    best: Draft | None = None
    for _ in range(_TRIES):
        split = search.fastest(progress)
        if split is None:
            if best is not None:
                break
            split = search.smallest()
            if split.shares.max() > _HOPELESS:
                break
            made = search.worked_out(split)
            if not search.fits(made):
                break
        else:
            split = search.nearby(split)
            made = search.worked_out(split)
        if not search.fits(made):
            if best is not None:
                break
            search.tighten(made)
            continue
        if best is not None and made.lines.timing.cycles_per_frame >= best.lines.timing.cycles_per_frame:
            break
        best = made
        if split.cycles <= search.slowest()[0] or not search.loosen(split, made):
            break
    return best


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Rung:
    """One step of a ladder: a split, and its cost in shares of the device, estimated."""

    split: Split
    cost: float


def _ladder(search: Search, first: float, haste: float, step: float) -> Iterator[_Rung]:
    """From the fastest split to the cheapest; of neighbours that cost nearly the same only the first."""
    last = search.fitting(np.inf, haste=haste)
    end = 0.0 if last is None else last.cycles
    most, paid = first, np.inf
    while most < end * step:
        split = search.fitting(most, haste=haste)
        if split is not None:
            price = float((split.amounts[:-1] / counts(search.device)).sum())
            if price <= _CHEAPER * paid or haste:
                yield _Rung(split=split, cost=price)
                paid = min(paid, price)
        most *= step


def _smallest(search: Search, fastest: Draft, wish: Wish) -> Draft:
    """Of the ladders, and the fastest design, the one that costs least and reaches what is asked for."""
    if fastest.lines.timing.cycles_per_frame > wish.most_cycles:
        raise refuse.too_slow(search, fastest, wish)
    start = float(fastest.lines.pipeline.least_interval)
    rungs = list(_ladder(search, start, 0.0, _RUNG))
    if wish.latency_us is not None:
        rungs += [rung for haste in _HASTES for rung in _ladder(search, start, haste, _HASTY_RUNG)]
    best, paid = None, np.inf
    if reaches(fastest, wish):
        best, paid = fastest, cost(fastest, search.device)
    for rung in sorted(rungs, key=lambda rung: rung.cost):
        least = _LEAST_PRICE * rung.cost
        if least >= paid:
            break
        made = _worked_out(search, rung.split, wish)
        if made is not None:
            price = max(least, cost(made, search.device))
            best, paid = (made, price) if price < paid else (best, paid)
    if best is None:
        raise refuse.too_late(search, [rung.split for rung in rungs], wish)
    return best


def _worked_out(search: Search, split: Split, wish: Wish) -> Draft | None:
    """A split's design, if it fits and reaches what is asked for."""
    if split.cycles > wish.most_cycles or split.exposed > _SLACK * wish.most_latency:
        return None
    lines = search.lines(split)
    if wish.latency_us is not None and lines.least_latency > wish.most_latency:
        return None
    made = draft(lines)
    return made if reaches(made, wish) and search.fits(made) else None


def _named(network: Network, device: Device, wish: Wish) -> Draft:
    """The engines that the user named."""
    match wish.array:
        case ArrayShape():
            engines: tuple[PinnedEngine, ...] = (PinnedEngine(layers=len(network.layers), array=wish.array),)
        case Folding():
            engines = wish.array.engines(network)
        case _:
            engines = wish.array or ()
    taken = sum(engine.array.macs for engine in engines)
    if wish.lanes is not None and taken > wish.lanes:
        raise ScheduleError(
            f"the arrays named have rows x cols x lanes = {taken:,}, which is more than the {wish.lanes:,} of --lanes",
            help="name smaller arrays, or leave --lanes out",
        )
    made = draft(built(network, resolve(engines, network), reloadable=wish.reloadable))
    if wish.fit:
        refuse.require_fit(made, device)
    refuse.require_speed(made, wish)
    return made
