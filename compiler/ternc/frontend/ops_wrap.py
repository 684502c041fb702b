"""Numbers that wrap around, ``v - k floor(v / k)``: HGQ's overflow mode WRAP, and Mod.

Between the least and the largest number that v can be, this is a function of a few straight pieces.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from ternc.frontend import spelled, straight
from ternc.frontend.build import known_codes
from ternc.frontend.grid import find_grid, rationals
from ternc.frontend.halves import halves
from ternc.frontend.ops_elementwise import ACTIVATION
from ternc.frontend.straight_steps import MOST_BRANCHES, as_steps
from ternc.frontend.values import Const, GraphInput, Node, Value, View, reals
from ternc.frontend.walk import HostOnlyError, Walk, handles
from ternc.network.steps import Clamp, Divide, Multiply, PerChannel, Round, Step

NEARLY = Fraction(1, 10**6)
"""A few roundings of float32, relative."""

SATURATE = "train with quantisers that saturate (HGQ: overflow_mode='SAT')"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Wrap:
    """``v - k floor(v / k)``, or with another rounding.

    Attributes:
        view: v.
        whole: ``k floor(v / k)``.
        period: k.
        floor: Whether it is that rounding.
    """

    view: View
    whole: View
    period: PerChannel
    floor: bool = True


def wrap(first: Value | None, second: Value | None) -> Wrap | None:
    """What ``first - second`` wraps around; None where it is anything else."""
    if not isinstance(first, View) or not isinstance(second, View):
        return None
    count = spelled.common(first, second)
    if count is None or count < len(first.steps):
        return None
    match second.steps[count:]:
        case (Divide(divisor=k), Round(mode="floor"), Multiply(factor=same)) if np.all(k == same):
            return Wrap(view=first, whole=second, period=k)
        case (Multiply(factor=k), Round(mode="floor"), Multiply(factor=same)) if np.all(k * same == 1):
            return Wrap(view=first, whole=second, period=same)
        case (Round(mode="floor"),):
            return Wrap(view=first, whole=second, period=np.ones(1))
        case _:
            return None


def wrapped(walk: Walk, node: Node, found: Wrap) -> View:
    """The value that wraps around, as steps.

    Raises:
        HostOnlyError: It wraps around too often.
        ModelError: It may be any number, or where it wraps around is float32's to say.
    """
    found = _stored(walk, node, found)
    reach = walk.build.reach(found.view)
    if reach is None:
        raise walk.refuse(
            node,
            f": it wraps '{found.view.name}' around, which is a float of any size",
            help="give --input-quant TYPE:SCALE with the integers that the input has, or " + SATURATE,
        )
    missed = _missed(found)
    if missed is not None:
        raise walk.refuse(
            node,
            f": it wraps '{found.view.name}' around at multiples of {float(missed[0]):.9g}, which its steps of "
            f"{float(missed[1]):.9g} only nearly meet",
            help="export its scales as exact powers of two: 0.25, not 0.24999999",
        )
    parts = halves(walk.build, found.view, found.whole)
    steps = None
    if parts is not None:
        steps = as_steps(straight.summed(parts.functions[0], straight.negated(parts.functions[1])))
    if parts is None or steps is None:
        low, high = (float(end) for end in reach)
        raise _refusal(
            walk,
            node,
            f": it wraps '{found.view.name}', which goes from {low:g} to {high:g}, around at multiples of "
            f"{float(np.min(np.abs(found.period))):g}, more than the {MOST_BRANCHES} times that are read",
            SATURATE,
        )
    return walk.step(parts.view, node.outputs[0], *steps, *_bounds(found))


def _stored(walk: Walk, node: Node, found: Wrap) -> Wrap:
    """What wraps around a float input whose integers --input-quant tells, on these integers as they come in."""
    source, build = found.view.source, walk.build
    if not isinstance(source, GraphInput) or source.range is not None or build.input_quant is None:
        return found
    known = build.operand(replace(found.view, steps=()), walk.where(node)).view(source.name)
    first, second = (
        replace(known, name=view.name, steps=(*known.steps, *view.steps))
        for view in (found.view, found.whole)
    )
    return replace(found, view=first, whole=second)


def _missed(found: Wrap) -> tuple[Fraction, Fraction] | None:
    """A period and a step of the value, of which the period is nearly a multiple but not quite; None as a rule."""
    grid = find_grid(found.view.steps, known_codes(found.view.source))
    if grid is None:
        return None
    for period, scale in np.broadcast(rationals(found.period), grid.scale):
        ratio = abs(period / scale)
        off = abs(ratio - round(ratio))
        if 0 < off <= NEARLY * max(1, ratio):
            return period, abs(scale)
    return None


def _bounds(found: Wrap) -> tuple[Step, ...]:
    """A clip of values of a grid to those below the period, which changes none of them but says how far they go."""
    grid = find_grid(found.view.steps, known_codes(found.view.source))
    if grid is None:
        return ()
    step, period = abs(grid.scale[0]), rationals(found.period)
    whole = all(v % step == 0 for v in (*period, *grid.offset)) and np.all(grid.scale % step == 0)
    if not (whole and found.floor) or np.any(found.period <= 0):
        return ()
    return (Clamp(low=np.zeros(1), high=np.array([float(max(period) - step)])),)


@handles("Mod", becomes=ACTIVATION, elementwise=True)
def modulo(walk: Walk, node: Node) -> Value:
    """The remainder of a value by a constant: with the sign of the constant, or with ``fmod`` that of the value."""
    view, const = walk.value(node, 0), walk.value(node, 1)
    if not isinstance(view, View) or not isinstance(const, Const):
        raise _refusal(
            walk,
            node,
            ": it must be the remainder of a computed value by a constant",
            "write it as Sub, Floor and Div by a constant, or move it behind the network's last layer",
        )
    if np.any(const.array == 0) or not np.all(np.isfinite(reals(const.array))):
        raise _refusal(
            walk,
            node,
            f", divisor '{const.name}': must be finite and not 0, but is not",
            "leave the node out: the remainder is the value itself, or NaN",
        )
    period = walk.spread(node, view, const, "divisor")
    floor = not node.attributes.get("fmod", 0)
    share = Divide(divisor=period), Round(mode="floor" if floor else "toward_zero"), Multiply(factor=period)
    whole = replace(view, name=node.outputs[0], steps=(*view.steps, *share))
    return wrapped(walk, node, Wrap(view=view, whole=whole, period=period, floor=floor))


def _refusal(walk: Walk, node: Node, text: str, help: str) -> HostOnlyError:
    return HostOnlyError(walk.refuse(node, text).sentence, help=help)
