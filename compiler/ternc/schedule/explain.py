"""Why a design is as it is: what sets its pace, what holds up each engine, what is scarce, what others would take."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ternc.numeric import ceil_div
from ternc.schedule.design import ArrayShape
from ternc.schedule.draft import Draft
from ternc.schedule.lines import Lines
from ternc.schedule.plan import LayerTiling
from ternc.schedule.refuse import haves
from ternc.schedule.search import Search, amounts
from ternc.schedule.timing import ROW_DISTANCE, shortest_pass
from ternc.schedule.wish import Wish
from ternc.target.device import Device

FASTER = 0.95
"""Of the cycles a frame: the better design that is looked at."""
_BOUND = 1.05
"""A layer that takes so many times the cycles of its taps is not bound by them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineLimit:
    """What one engine is held up by.

    Attributes:
        layer: Of its layers the one that takes the most cycles; cycles: of that layer; busy: of all of them.
        limit: Of the layer: ``"multiply-accumulates"``, ``"drain"`` (sums leave a column more slowly than they are
            made) or ``"rows"`` (rows start no faster).
        drain_cycles: In which the layer only waits for sums to leave.
    """

    engine: int
    layer: str
    cycles: int
    busy: int
    limit: str
    drain_cycles: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Scarce:
    """A resource: how much of it is used and allowed; share: used / allowed, 0 where nothing limits it."""

    unit: str
    used: int
    allowed: int | None
    share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Other:
    """Another design, by estimates.

    Attributes:
        what: Which one.
        cycles: A frame, at least; None where there is none.
        arrays: Of its engines.
        short: Resources of which it takes more than is allowed.
    """

    what: str
    cycles: int | None
    arrays: tuple[ArrayShape, ...] = ()
    short: tuple[Scarce, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """Why this design.

    Attributes:
        pace: What takes as many cycles as a frame, or most of them: ``"engine 2"``, ``"input 'x'"``, ``"output 'y'"``.
        pace_cycles: That it takes.
        scarce: Every resource, that with the largest share of what is allowed first.
        engines: What each waits for.
        others: A faster design and what it would need; one array for all layers; an engine for each layer.
    """

    pace: str
    pace_cycles: int
    scarce: tuple[Scarce, ...]
    engines: tuple[EngineLimit, ...]
    others: tuple[Other, ...]


def explain(made: Draft, device: Device, wish: Wish) -> Explanation:
    """Why a design is as it is."""
    search = Search(made.lines.network, device, wish)
    if any(shape.packed for shape in made.lines.shapes):
        search = search.with_packing()
    pace, cycles = _pace(made.lines)
    return Explanation(
        pace=pace,
        pace_cycles=cycles,
        scarce=_scarce(amounts(made, device), search),
        engines=tuple(_limit(made.lines, n) for n in range(len(made.engines))),
        others=tuple(_others(made, search)),
    )


def _pace(lines: Lines) -> tuple[str, int]:
    """(what, cycles) of the slowest part."""
    pipeline, network = lines.unsized, lines.network
    parts = [
        (f"input '{t.name}'", s.rows * s.beats)
        for t, s in zip(network.input_tensors, pipeline.streams, strict=True)
    ]
    parts += [
        (f"output '{o.tensor}'", p.rows * p.beats)
        for o, p in zip(network.outputs, pipeline.outputs, strict=True)
    ]
    parts += [(f"engine {n}", engine.busy) for n, engine in enumerate(pipeline.engines)]
    return max(parts, key=lambda part: part[1])


def _limit(lines: Lines, n: int) -> EngineLimit:
    """Of engine n."""
    planner, plan = lines.planners[n], lines.plans[n]
    k = int(np.argmax(plan.layer_cycles))
    tiling, row = planner.tilings[k], lines.unsized.engines[n].rows
    waits = _drain_cycles(tiling, plan.shape)
    cycles = plan.layer_cycles[k]
    if max(one.cycles for one in row) < ROW_DISTANCE:
        limit = "rows"
    elif cycles >= _BOUND * (cycles - waits):
        limit = "drain"
    else:
        limit = "multiply-accumulates"
    return EngineLimit(
        engine=n,
        layer=planner.stage.layers[k].name,
        cycles=cycles,
        busy=plan.busy_cycles,
        limit=limit,
        drain_cycles=waits,
    )


def _drain_cycles(tiling: LayerTiling, shape: ArrayShape) -> int:
    """Cycles of a frame in which a layer's passes have no taps left and wait for their sums to leave."""
    counts, floor = tiling.counts(shape), shortest_pass(shape)
    position = sum(
        often * int(np.maximum(floor - counts[live], 0).sum()) for live, often in tiling.classes.items()
    )
    return tiling.walk.vertical.steps * ceil_div(tiling.walk.horizontal.steps, shape.rows) * position


def _scarce(taken: NDArray[np.float64], search: Search) -> tuple[Scarce, ...]:
    """Resources by their shares of what is allowed."""
    units = [*(unit for unit, _ in haves(search.device)), "lanes"]
    found = [
        Scarce(
            unit=unit,
            used=int(np.ceil(used)),
            allowed=int(limit) if np.isfinite(limit) else None,
            share=round(float(used / limit), 4),
        )
        for unit, used, limit in zip(units, taken, search.allowed, strict=True)
    ]
    return tuple(sorted(found, key=lambda one: -one.share))


def _others(made: Draft, search: Search) -> list[Other]:
    """Designs beside the one that was taken."""
    cycles = made.lines.timing.cycles_per_frame
    ideal = search.cheapest(FASTER * cycles, np.ones(len(search.allowed)))
    what = f"{1 - FASTER:.0%} fewer cycles a frame"
    if ideal is None:
        found = [Other(what=what, cycles=None)]
    else:
        short = tuple(one for one in _scarce(ideal.amounts, search) if one.share > 1)
        if not short:  # by estimates
            exact = amounts(search.worked_out(ideal), search.device)
            short = tuple(one for one in _scarce(exact, search) if one.share > 1)
        arrays = tuple(shape for _, shape in ideal.engines)
        found = [Other(what=what, cycles=int(np.ceil(ideal.cycles)), arrays=arrays, short=short)]
    one = _one_array(search)
    if one is not None and len(made.engines) > 1:
        found.append(one)
    if len(made.engines) < search.count:
        each = search.with_engines(1).fastest()
        what = "an engine for each layer"
        if each is None:
            found.append(Other(what=what, cycles=None))
        else:
            arrays = tuple(shape for _, shape in each.engines)
            found.append(Other(what=what, cycles=int(np.ceil(each.cycles)), arrays=arrays))
    return found


def _one_array(search: Search) -> Other | None:
    """The fastest array for all layers that fits."""
    run = search.estimates.run(0, search.count)
    cycles, fits = run.cycles, np.isfinite(run.cycles) & (run.amounts <= search.allowed).all(axis=1)
    if not fits.any():
        return Other(what="one array for all layers", cycles=None)
    n = int(np.argmin(np.where(fits, cycles, np.inf)))
    return Other(what="one array for all layers", cycles=int(np.ceil(cycles[n])), arrays=(run.grid.at(n),))
