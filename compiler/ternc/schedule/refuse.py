"""Why nothing could be chosen: which resource is short, by how much, what takes most of it, and what would do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import ceil, floor

import numpy as np

from ternc import target
from ternc.errors import ScheduleError
from ternc.schedule.costs import MEMORY_BITS, cell_logic, dsp_count, resources
from ternc.schedule.design import Resources
from ternc.schedule.draft import Draft, draft
from ternc.schedule.instances import registers
from ternc.schedule.search import Search, Split, with_packing
from ternc.schedule.terms import engine_terms
from ternc.schedule.wish import Wish
from ternc.target.device import Device

_LATENCIES = 4
"""Designs that are worked out to say which latency can be reached."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shortfall:
    """A resource of which a design takes more than it may.

    Attributes:
        unit: As the device calls it.
        needed, have: By the design, in the device; allowed: of these.
    """

    unit: str
    needed: int
    have: int
    allowed: int

    @property
    def factor(self) -> float:
        """Needed of allowed."""
        return self.needed / max(1, self.allowed)

    def __str__(self) -> str:
        more = f"{self.needed:,} {self.unit}, {self.needed - self.allowed:,} more than the"
        if self.allowed == self.have:
            return f"{more} {self.have:,} of the device"
        return f"{more} {self.allowed:,} that the budget allows of {self.have:,}"


def shortfalls(need: Resources, device: Device, budget: float) -> tuple[Shortfall, ...]:
    """Everything that is short, the resource that is exceeded by the largest factor first."""
    found = [
        Shortfall(unit=unit, needed=needed, have=have, allowed=floor(have * budget))
        for needed, (unit, have) in zip(_needs(need), haves(device), strict=True)
        if needed > have * budget
    ]
    return tuple(sorted(found, key=lambda one: -one.factor))


def _needs(need: Resources) -> tuple[int, ...]:
    return need.logic, need.registers, need.block_rams, need.dsps


def haves(device: Device) -> tuple[tuple[str, int], ...]:
    """(unit, count) of each resource, in the order of `ternc.schedule.estimate.RESOURCES`."""
    return (
        (device.logic.unit, device.logic.count),
        ("registers", device.registers.count),
        (device.block_ram.name, device.block_ram.count),
        (device.dsp.name, device.dsp.count),
    )


def require_fit(made: Draft, device: Device) -> None:
    """ScheduleError if a design that was named does not fit its device."""
    need = resources(made, device)
    short = shortfalls(need, device, 1.0)
    if not short:
        return
    fitting = (one.name for one in _others(device) if not shortfalls(resources(made, one), one, 1.0))
    packed = draft(with_packing(made.lines, device))
    pack = (
        ""
        if shortfalls(resources(packed, device), device, 1.0)
        else f"pack their weights ({_shapes(packed)}), "
    )
    raise ScheduleError(
        f"target '{device.name}': {_arrays(made)} would need an estimated {short[0]}"
        f"{_most(made, need, device, short[0].unit)}",
        help=f"{pack}name smaller arrays, leave --array out, or {_larger(next(fitting, None), 'they fit')}",
    )


def require_speed(made: Draft, wish: Wish) -> None:
    """ScheduleError if a design that was named misses the rate or the latency that is asked for as well."""
    timing = made.lines.timing
    if timing.cycles_per_frame > wish.most_cycles:
        raise ScheduleError(
            f"{_arrays(made)} would make {wish.rate(timing.cycles_per_frame):,.0f} frames/s, "
            f"not the {wish.fps:,.0f} of --fps",
            help="name larger arrays, or leave --array out so that they are chosen",
        )
    if timing.latency_cycles > wish.most_latency:
        raise ScheduleError(
            f"{_arrays(made)} would have a latency of {wish.microseconds(timing.latency_cycles):,.2f} us, "
            f"not the {wish.latency_us:,.2f} of --latency-us",
            help="name other arrays, or leave --array out so that they are chosen",
        )


def too_large(search: Search, wish: Wish) -> ScheduleError:
    """Not even the design that takes least of what is short fits."""
    search = search.with_budget(wish.budget)
    device, made = search.device, search.worked_out(search.smallest())
    need = resources(made, device)
    short = shortfalls(need, device, wish.budget)
    if not short:
        return ScheduleError(
            f"target '{device.name}': no design was found within {wish.budget:.0%} of the device",
            help="raise --budget or --lanes, or choose a larger --target",
        )
    ways, share = list[str](), max(one.needed / max(1, one.have) for one in short)
    if share <= 1:
        ways.append(f"raise --budget to {ceil(share * 100) / 100:.2f}")
    other = _device_for(search, wish, np.inf)
    if other or not ways:
        ways.append(_larger(other, "a design fits"))
    return ScheduleError(
        f"target '{device.name}': the smallest design found, {_arrays(made)}, would need an estimated {short[0]}"
        f"{_most(made, need, device, short[0].unit)}",
        help=_ways(ways),
    )


def too_slow(search: Search, fastest: Draft, wish: Wish) -> ScheduleError:
    """The rate that the fastest design reaches is below the one that is asked for."""
    reached, most = wish.rate(fastest.lines.timing.cycles_per_frame), wish.most_cycles
    ways = [f"lower --fps to {floor(reached * 10) / 10:.1f}"]
    ideal = search.cheapest(most, np.ones(len(search.limits)))
    if ideal is None:
        cycles, layer = search.slowest()
        lack = f"layer '{layer}' takes {cycles:,.0f} cycles on the largest array that is looked at"
    else:
        lack = f"they would need about {_excess(ideal, search)}"
        if search.with_budget(1.0).fitting(most) is not None:
            ways.append("raise --budget")
        other = _device_for(search, wish, most)
        ways += [_larger(other, "an estimate reaches it")] if other else []
    return ScheduleError(
        f"target '{search.device.name}': {wish.fps:,.0f} frames/s are out of reach: {lack}; "
        f"the fastest design within the budget makes {reached:,.0f} ({_shapes(fastest)})",
        help=_ways(ways),
    )


def too_late(search: Search, splits: Sequence[Split], wish: Wish) -> ScheduleError:
    """No design of the ladders has the latency that is asked for."""
    reachable = [split for split in splits if split.cycles <= wish.most_cycles]
    reachable.sort(key=lambda split: split.exposed + split.cycles)
    made = [search.worked_out(split) for split in reachable[:_LATENCIES]]
    found = [(one.lines.timing.latency_cycles, one) for one in made if search.fits(one)]
    beside = "" if wish.fps is None else f" at {wish.fps:,.0f} frames/s"
    if not found:
        return ScheduleError(
            f"target '{search.device.name}': no design was found with a latency of {wish.latency_us:,.2f} us{beside}",
            help="raise --latency-us or --budget, or choose a larger --target",
        )
    cycles, best = min(found, key=lambda one: one[0])
    reached = wish.microseconds(cycles)
    return ScheduleError(
        f"target '{search.device.name}': a latency of {wish.latency_us:,.2f} us{beside} is out of reach: the lowest "
        f"one found within the budget is {reached:,.2f} us ({_shapes(best)})",
        help=f"raise --latency-us to {ceil(reached * 100) / 100:.2f}, raise --budget or --clock-mhz, "
        "or choose a larger --target",
    )


def _excess(split: Split, search: Search) -> str:
    """Of which resource a split takes more than is allowed, the worst one."""
    n = int(split.shares.argmax())
    needed, limit = split.amounts[n], search.allowed[n]
    if n == len(split.shares) - 1:
        return f"{needed:,.0f} lanes, --lanes allows {limit:,.0f}"
    unit, have = haves(search.device)[n]
    return f"{needed:,.0f} {unit}, of which the budget allows {floor(limit):,} of {have:,}"


def _most(made: Draft, need: Resources, device: Device, unit: str) -> str:
    """Behind the sentence about a resource: what takes most of it, and how much."""
    if unit == device.block_ram.name:
        memory = max(need.memories, key=lambda one: one.block_rams)
        return f", {memory.block_rams:,} of them for {_memory(made, memory.name)}"
    alone = [replace(made, engines=(one,), streams=(), outputs=(), score=None) for one in made.engines]
    match unit:
        case "registers":
            taken = [sum(registers(one, device.cell.form).values()) for one in alone]
        case device.dsp.name:
            taken = [dsp_count(one, device) for one in alone]
        case _:
            taken = [
                ceil(target.load_fabric(device.fabric).logic(engine_terms(one.geometry, device.cell.form)))
                for one in made.engines
            ]
    n = int(np.argmax(taken))
    return f", {taken[n]:,} of them for engine {n} ({_layers(made, n)})"


def _memory(made: Draft, name: str) -> str:
    """A memory by its name, with the layers of its engine, or the one of them that fills most of it."""
    for n, plan in enumerate(made.lines.plans):
        if name == f"weights of engine {n}":
            layers = made.lines.stages[n].layers
            largest = layers[int(np.argmax(plan.weight_words))].name
            return f"the {name} ({'' if len(layers) == 1 else 'mostly of '}layer '{largest}')"
        if name.endswith(f"of engine {n}"):
            return f"the {name} ({_layers(made, n)})"
    return f"the {name}"


def _layers(made: Draft, n: int) -> str:
    layers = [layer.name for layer in made.lines.stages[n].layers]
    return f"layer '{layers[0]}'" if len(layers) == 1 else f"layers '{layers[0]}' to '{layers[-1]}'"


def _shapes(made: Draft) -> str:
    return ", ".join(map(str, made.lines.shapes))


def _arrays(made: Draft) -> str:
    return f"{'an array' if len(made.engines) == 1 else 'arrays'} of {_shapes(made)}"


def _others(device: Device) -> Iterator[Device]:
    """All other real devices of the table, the smallest first."""
    known = [target.load(name) for name in target.names()]
    real = [one for one in known if one.vendor != "none" and one.name != device.name]
    yield from sorted(real, key=lambda one: (one.logic.count / cell_logic(one), one.name))


def _device_for(search: Search, wish: Wish, most_cycles: float) -> str | None:
    """The smallest other device on which a split fits that estimates find, of at most so many cycles at this clock.

    With the clock that was asked for, or the other device's own where none was.
    """
    planned = search.device.clock.mhz
    bits = 2 * sum(int(np.count_nonzero(term.weights)) for one in search.network.layers for term in one.terms)
    for other in _others(search.device):
        room = other.block_ram.count * other.block_ram.bits
        room += other.logic.count * MEMORY_BITS[other.logic.unit]
        if bits > wish.budget * room or _within(other, search.device):
            continue
        factor = other.clock.mhz / planned if wish.clock_mhz == planned else 1.0
        there = Search(search.network, other, wish, search.estimates.on(other))
        split = there.fitting(most_cycles * factor)
        if split is not None and there.fits(there.worked_out(split)):
            return other.name
    return None


def _within(one: Device, other: Device) -> bool:
    """Whether a device has no more of anything than another."""
    size = [device.logic.count / cell_logic(device) for device in (one, other)]
    memory = [device.block_ram.count * device.block_ram.bits for device in (one, other)]
    return size[0] <= size[1] and memory[0] <= memory[1] and one.dsp.count <= other.dsp.count


def _ways(ways: Sequence[str]) -> str:
    """One or several ways out."""
    return ", or ".join(filter(None, [", ".join(ways[:-1]), ways[-1]]))


def _larger(name: str | None, what: str) -> str:
    """The way out over another device."""
    return (
        f"choose --target {name}, on which {what}"
        if name
        else f"there is no device in the table on which {what}"
    )
