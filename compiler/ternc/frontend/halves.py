"""Two functions of one value in one operator: what they make together, as steps or as part of an activation."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import takewhile

import numpy as np

from ternc.frontend import straight
from ternc.frontend.build import Builder, start
from ternc.frontend.grid import find_grid
from ternc.frontend.spelled import common
from ternc.frontend.straight import Functions, Pieces
from ternc.frontend.values import NOTHING, Accumulator, GraphInput, Partial, Value, View
from ternc.network.steps import Function, Round, Sign, Thresholds


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Halves:
    """Several values as functions of one view.

    Attributes:
        view: What they have in common.
        functions: Of each of them.
    """

    view: View
    functions: tuple[Functions, ...]


def halves(build: Builder, *values: Value | None) -> Halves | None:
    """The values as functions of what they have in common; None where there is nothing.

    Of a function with too many pieces (``floor(x)``), those are taken that the value can reach.
    """
    sides = [(v.view, v.functions) if isinstance(v, Partial) else (v, (Pieces(),)) for v in values]
    views = [view for view, _ in sides if isinstance(view, View)]
    if len(views) < len(sides):
        return None
    if any(
        np.any(view.index == NOTHING) for view in views
    ):  # what becomes of a padding's zeros is not looked at here
        return None
    counts = [common(views[0], view) for view in views[1:]]
    if any(count is None for count in counts):
        return None
    count = min((c for c in counts if c is not None), default=len(views[0].steps))
    functions = []
    for view, (_, on_top) in zip(views, sides, strict=True):
        made = straight.applied(view.steps[count:])
        if made is None:
            made = _reached(build, view, count)
        made = None if made is None else straight.over(on_top, made)
        if made is None:
            return None
        functions.append(made)
    first = views[0]
    dtype = next((v.dtype for v in views if "float" in v.dtype), first.dtype)
    return Halves(
        view=replace(first, steps=first.steps[:count], dtype=dtype, shared=any(v.shared for v in views)),
        functions=tuple(functions),
    )


def _bends(view: View) -> bool:
    """Whether a function stands behind the last rounding: half of something, as ``1 - |sign(x)|`` is."""
    behind = takewhile(lambda step: not isinstance(step, Round | Sign | Thresholds), reversed(view.steps))
    return any(isinstance(step, Function) for step in behind)


def _reached(build: Builder, view: View, count: int) -> Functions | None:
    """What a view's steps from ``count`` on are, on all numbers that those in front of them give."""
    reach = build.reach(replace(view, steps=view.steps[:count]))
    if reach is None:
        return None
    found = straight.applied(view.steps[count:], (straight.clipped(*reach),))
    return None if found is None else tuple(straight.inside(f, *reach) for f in found)


def ends_in_integers(build: Builder, value: Value | None) -> bool:
    """Whether a value can be finished as a tensor of integers, and looks like one: it ends in a quantiser."""
    match value:
        case View(source=GraphInput()) as view:
            return build.quantised(view)
        case View(source=Accumulator() as acc) as view:
            return find_grid(view.steps, start(acc)) is not None and not _bends(view)
        case View():
            return True
        case _:
            return False
