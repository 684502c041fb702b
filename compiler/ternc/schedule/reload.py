"""A network on the hardware of another one of its shape: the same arrays, streams and buffers, other memory images."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields, replace
from typing import Any

from ternc.errors import ScheduleError
from ternc.network.layers import Linear, Network, Pool, Tensor, Term
from ternc.numeric import signed_bits
from ternc.schedule.choose import choose
from ternc.schedule.design import ArrayShape, Depths, Geometry, ScoreUnit
from ternc.schedule.draft import Draft, draft
from ternc.schedule.lines import lines_of
from ternc.schedule.plan import Numbers, StagePlanner, stage_numbers
from ternc.schedule.room import densest, has_table, is_path, within
from ternc.schedule.search import Progress, built
from ternc.schedule.stage import Stage, cut
from ternc.schedule.wish import Wish
from ternc.target.device import Device

ELSE = "compile it on its own, or compile the network with the larger need with --reloadable and reload the other"


def choose_reloadable(
    network: Network, device: Device, wish: Wish, progress: Progress | None = None
) -> Draft:
    """The network on hardware with room for every network of its shape.

    Raises:
        ScheduleError: The hardware does not fit; it has to have room for every weight.
    """
    made = choose(densest(network), device, replace(wish, reloadable=True), progress)
    return onto(network, made)


def room_for(network: Network, engines: Sequence[tuple[int, ArrayShape]]) -> Draft:
    """The hardware that `choose_reloadable` made for a network, from the layers and the array of each engine."""
    return draft(built(densest(network), tuple(engines), reloadable=True))


def onto(network: Network, room: Draft) -> Draft:
    """A network on hardware of its shape.

    Args:
        network: Behind all passes.
        room: A draft of the densest network (`ternc.schedule.room`).
    Raises:
        ScheduleError: The network has another shape, or needs more than there is; all that it lacks is named.
    """
    wide = room.lines.network
    lacks = list(differences_of_shape(network, wide))
    if lacks:
        raise _refused(lacks[:1])
    named = {ours.name: theirs.range for ours, theirs in zip(network.tensors, wide.tensors, strict=True)}
    known = replace(network, tensors=within(network.tensors, named))
    planners = []
    stages = cut(known, [len(stage.layers) for stage in room.lines.stages])
    for stage, wider in zip(stages, room.lines.planners, strict=True):
        own = stage_numbers(stage, prefer_thresholds=wider.numbers.prefer_thresholds)
        lacks += list(_numbers_lack(stage, own, wider.numbers))
        planners.append(StagePlanner(stage, {}, _with_room(own, wider.numbers)))
    if lacks:
        raise _refused(lacks)
    made = draft(lines_of(known, planners, room.lines.shapes, reloadable=True, hardware=room.lines))
    engines = []
    for n, (engine, there) in enumerate(zip(made.engines, room.engines, strict=True)):
        names = [layer.name for layer in made.lines.stages[n].layers]
        lacks += [f"{_of(names)} {lack}" for lack in _geometry_lacks(engine.geometry, there.geometry)]
        engines.append(replace(engine, geometry=there.geometry))
    for ours, theirs in zip(made.outputs, room.outputs, strict=True):
        if ours.bits > theirs.bits:
            lacks.append(f"an output needs {ours.bits} bits, and there are {theirs.bits}")
    score = _score(made.score, room.score, lacks)
    if lacks:
        raise _refused(lacks)
    return replace(made, engines=tuple(engines), streams=room.streams, outputs=room.outputs, score=score)


def _refused(lacks: Sequence[str]) -> ScheduleError:
    return ScheduleError(f"the network does not fit this hardware: {'; '.join(lacks)}", help=ELSE)


def _of(names: Sequence[str]) -> str:
    return f"layer '{names[0]}'" if len(names) == 1 else f"layers '{names[0]}' to '{names[-1]}'"


# ---- the shape -------------------------------------------------------------------------------------------


def differences_of_shape(ours: Network, theirs: Network) -> Iterator[str]:
    """In what a network differs from the shape of another, sentence by sentence; none where it has that shape."""
    if len(ours.layers) != len(theirs.layers):
        yield f"it has {len(ours.layers)} layers, not {len(theirs.layers)}"
        return
    if len(ours.inputs) != len(theirs.inputs):
        yield f"it has {len(ours.inputs)} inputs, not {len(theirs.inputs)}"
        return
    number = {tensor.name: n for n, tensor in enumerate(theirs.tensors)}
    own = {tensor.name: n for n, tensor in enumerate(ours.tensors)}
    for tensor, other in zip(ours.input_tensors, theirs.input_tensors, strict=True):
        yield from _told(f"input '{tensor.name}' has", _map(tensor), _map(other))
    for mine, wide in zip(ours.layers, theirs.layers, strict=True):
        here = f"layer '{mine.name}' has"
        yield from _told(here, _layer(ours, mine, own), _layer(theirs, wide, number))
        yield from _told(here, _target(ours, mine), _target(theirs, wide))
        low, high = ours.tensor(mine.target).range.low, ours.tensor(mine.target).range.high
        reach = theirs.tensor(wide.target).range
        if mine.activation and (low != reach.low or high > reach.high):
            yield f"{here} codes from {low} to {high}, not from {reach.low} to at most {reach.high}"
        for a, b in zip(mine.terms, wide.terms, strict=False):
            if is_path(b) and ((a.weights != 0) & (b.weights == 0)).any():
                yield f"{here} channels that come from other places"
    ends = [[own[o.tensor] for o in ours.outputs], [number[o.tensor] for o in theirs.outputs]]
    kinds = [[o.reduce for o in n.outputs] for n in (ours, theirs)]
    if ends[0] != ends[1] or kinds[0] != kinds[1] or (ours.anomaly is None) != (theirs.anomaly is None):
        yield "it has other outputs"
    if ours.anomaly and theirs.anomaly and ours.anomaly.measure != theirs.anomaly.measure:
        yield f"its anomaly is measured by {ours.anomaly.measure}, not by {theirs.anomaly.measure}"


def _told(here: str, ours: dict[str, Any], theirs: dict[str, Any]) -> Iterator[str]:
    for key, value in ours.items():
        if value != theirs.get(key):
            yield f"{here} {key} {value}, not {theirs.get(key)}"


def _map(tensor: Tensor) -> dict[str, Any]:
    return {
        "shape": (tensor.channels, tensor.height, tensor.width),
        "integers from": f"{tensor.range.low} to {tensor.range.high}",
    }


def _target(network: Network, layer: Linear) -> dict[str, Any]:
    tensor = network.tensor(layer.target)
    return {"output shape": (tensor.channels, tensor.height, tensor.width)}


def _layer(network: Network, layer: Linear, number: dict[str, int]) -> dict[str, Any]:
    found: dict[str, Any] = {"a number of sources of": len(layer.terms)}
    for n, term in enumerate(layer.terms):
        found |= {f"{key} of source {n}": value for key, value in _term(term, number).items()}
    found |= {f"pool {key}": value for key, value in _pool(layer.pool).items()}
    found["quantised outputs:"] = layer.activation is not None
    found["a code table:"] = layer.activation is not None and has_table(
        network.tensor(layer.target).range, layer.activation
    )
    return found


def _term(term: Term, number: dict[str, int]) -> dict[str, Any]:
    return {"map number": number[term.source], "weights' shape": term.weights.shape} | {
        field.name: getattr(term, field.name)
        for field in fields(term)
        if field.name not in ("source", "weights")
    }


def _pool(pool: Pool | None) -> dict[str, Any]:
    if pool is None:
        return {"kernel": None}
    return {name: getattr(pool, name) for name in ("kernel", "stride", "padding", "dilation")}


# ---- the numbers -----------------------------------------------------------------------------------------


def _with_room(own: Numbers, room: Numbers) -> Numbers:
    """A stage's own parameters in the widths that the hardware has."""
    empty = ((),) * max(0, len(room.tables) - len(own.tables))
    return replace(room, requant=own.requant, tables=(*own.tables, *empty))


def _numbers_lack(stage: Stage, own: Numbers, room: Numbers) -> Iterator[str]:
    """What is too narrow in the requantisers of an engine."""
    for layer, one in zip(stage.layers, own.requant, strict=True):
        here = f"layer '{layer.name}'"
        if one.form == "thresholds" and room.widths.threshold_levels == 0:
            yield f"{here} has steps without a multiply-shift form, which this hardware has no thresholds for"
        if one.shift > room.widths.shift:
            yield f"{here} needs a right shift of {one.shift}, and there are {room.widths.shift}"
            continue
        peak = int(one.multiplier.max(initial=0)) << (room.widths.shift - one.shift)
        low = int(one.multiplier.min(initial=0)) << (room.widths.shift - one.shift)
        if signed_bits(low, peak) > room.widths.mul_bits:
            yield f"{here} needs factors of {signed_bits(low, peak)} bits, and there are {room.widths.mul_bits}"
    pairs = (
        ("bits of a code", own.widths.code_bits, room.widths.code_bits),
        (
            "threshold levels of layers without a multiply-shift form",
            own.widths.threshold_levels,
            room.widths.threshold_levels,
        ),
        ("bits of an activation", own.act_bits, room.act_bits),
        ("bits of a value", own.value_bits, room.value_bits),
    )
    yield from (f"{_of([layer.name for layer in stage.layers])} {lack}" for lack in _lack(pairs))


def _lack(pairs: Iterable[tuple[str, int, int]]) -> Iterator[str]:
    for name, need, there in pairs:
        if need > there:
            yield f"needs {need:,} {name}, and there are {there:,}"


_NARROW = ("acc_bits", "add_bits", "tables", "threshold_params", "digits")
_FIELDS = (
    "rd_bits",
    "part_bits",
    "wr_bits",
    "piece_bits",
    "x_bits",
    "y_bits",
    "tile_bits",
    "step_bits",
    "count_bits",
)
_WORDS = {
    "acc_bits": "bits of a sum",
    "add_bits": "bits of an addend",
    "tables": "code tables",
    "threshold_params": "places for thresholds of layers without a multiply-shift form",
    "digits": "doublings for weights of several digits",
}


def _geometry_lacks(own: Geometry, room: Geometry) -> Iterator[str]:
    """What does not fit the modules of an engine."""
    yield from _lack((_WORDS[name], int(getattr(own, name)), int(getattr(room, name))) for name in _NARROW)
    yield from _lack(
        (f"words of its {field.name}", getattr(own.depths, field.name), getattr(room.depths, field.name))
        for field in fields(Depths)
    )
    yield from _lack((f"bits of {name[:-5]}", getattr(own, name), getattr(room, name)) for name in _FIELDS)


def _score(own: ScoreUnit | None, room: ScoreUnit | None, lacks: list[str]) -> ScoreUnit | None:
    """The accumulator that there is, with the network's own limit."""
    if own is None or room is None:
        return None
    if own.value_bits > room.value_bits or own.score_bits > room.score_bits:
        lacks.append(
            f"its differences need {own.value_bits} bits and their score {own.score_bits}, "
            f"and there are {room.value_bits} and {room.score_bits}"
        )
    return replace(room, limit=own.limit)
