"""Max and Min: of a value and constants a clip, of functions of one value a function, of several values a pool.

The values stand in turn in the rows of one map, each in its own codes times an integer, on a grid that all of them
share. A max pool over so many rows as there are values takes the largest of each; the smallest is that of the negated
ones.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from math import prod

import numpy as np
from numpy.typing import NDArray

from ternc.errors import ModelError
from ternc.frontend import straight
from ternc.frontend.access import Access, split
from ternc.frontend.build import WIDEST_CODES, absolute_sums, signed, term_ranges
from ternc.frontend.grid import Rationals, ones, rationals
from ternc.frontend.halves import halves
from ternc.frontend.ops_elementwise import ACTIVATION, INFINITE, clamp, useful
from ternc.frontend.ops_sum import each, floats, of_channels
from ternc.frontend.reads import Window, copied, fits, one_hot
from ternc.frontend.settle import unit_of
from ternc.frontend.straight_steps import as_steps
from ternc.frontend.values import (
    NOTHING,
    Accumulator,
    Addend,
    Computed,
    Const,
    Index,
    Joined,
    Map,
    Node,
    Partial,
    PendingPool,
    Value,
    View,
    map_shape,
    plain_index,
)
from ternc.frontend.walk import HostOnlyError, Walk, handles, together
from ternc.network.layers import IntRange, Term
from ternc.network.steps import Add, Clamp, Multiply, Step


@handles("Max", "Min", becomes=ACTIVATION)
def extreme(walk: Walk, node: Node) -> Value:
    """The largest or smallest of several values, elementwise."""
    values = [walk.values[name] for name in dict.fromkeys(node.inputs)]
    computed = [v for v in values if isinstance(v, View | Joined | Partial)]
    constants = [v for v in values if isinstance(v, Const)]
    if len(computed) + len(constants) < len(values):
        raise walk.refuse(node, ": cannot compute with the result of ArgMax or TopK")
    result = computed[0]
    for other in computed[1:]:
        both = _of_one_value(walk, node, result, other)
        if both is None:
            break
        result = both
    else:
        computed = [result]
    if len(computed) > 1:
        whole = [v for v in computed if isinstance(v, View | Joined)]
        partial = next((v for v in computed if isinstance(v, Partial)), None)
        if partial is not None:
            raise partial.reason
        walk.becomes[node.name] = "pool over values side by side"
        result = _largest(walk, node, whole)
    for const in constants:
        result = _bounded(walk, node, result, const)
    return (
        result
        if isinstance(result, Partial)
        else each(node, result, lambda v: replace(v, name=node.outputs[0]))
    )


def _bounded(walk: Walk, node: Node, value: Computed | Partial, const: Const) -> Computed | Partial:
    """The value with a constant as one of its bounds."""

    def steps(view: View) -> tuple[Step, ...]:
        bound = walk.spread(node, view, const, "bound", infinite=True)
        return clamp(bound, INFINITE) if node.op == "Max" else clamp(-INFINITE, bound)

    if isinstance(value, Partial):
        functions = straight.applied(steps(value.view), value.functions)
        if functions is None:
            raise value.reason
        return together(node.outputs[0], value.view, functions, value.reason)
    return each(node, value, lambda view: walk.step(view, node.outputs[0], *steps(view)))


def _of_one_value(
    walk: Walk, node: Node, first: Computed | Partial, second: Computed | Partial
) -> View | Partial | None:
    """The larger (or smaller) one of two functions of one value: ``f + max(g - f, 0)``; None of two values."""
    found = halves(walk.build, first, second)
    if found is None:
        return None
    f, g = found.functions
    over = (
        (Clamp(low=np.zeros(1), high=INFINITE),)
        if node.op == "Max"
        else (Clamp(low=-INFINITE, high=np.zeros(1)),)
    )
    more = straight.applied(over, straight.summed(g, straight.negated(f)))
    functions = None if more is None else straight.summed(f, more)
    if functions is None or (as_steps(functions) is None and not isinstance(first, Partial)):
        return None
    reason = walk.refuse(node, ": it is no known activation")
    return together(node.outputs[0], found.view, functions, reason)


def _largest(walk: Walk, node: Node, values: list[Computed]) -> View:
    """Several values as rows in turn, and the pool over them.

    Raises:
        HostOnlyError: A value is not quantised, or they have no grid in common.
    """
    shape = np.broadcast_shapes(*(value.index.shape for value in values))
    size = map_shape(shape) or (prod(shape), 1, 1)
    rows = [
        row
        for turn, value in enumerate(values)
        for view in (value.parts if isinstance(value, Joined) else (value,))
        for row in _row(walk, node, view, _Turn(shape=shape, size=size, number=turn, count=len(values)))
    ]
    source, steps = _side_by_side(walk, node, rows, (size[0], size[1] * len(values), size[2]))
    flip: tuple[Step, ...] = (Multiply(factor=np.array([-1.0])),) if node.op == "Min" else ()
    pool = PendingPool(
        kernel=(len(values), 1),
        stride=(len(values), 1),
        padding=(0, 0, 0, 0),
        dilation=(1, 1),
        size=size[1:],
        before=len(steps) + len(flip),
    )
    return View(
        name=node.outputs[0],
        source=source,
        index=plain_index(size).reshape(shape),
        size=size,
        dtype=values[0].dtype,
        steps=(*steps, *flip, *flip),
        pool=pool,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Turn:
    """Which rows a value has.

    Attributes:
        shape, size: Of every value: of the ONNX value, and as a map.
        number, count: The how-manieth of how many.
    """

    shape: tuple[int, ...]
    size: Map
    number: int
    count: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Row:
    """A value, or part of one, in the rows of its turn.

    Attributes:
        terms: That copy its codes there.
        there: bool ``[C]``: its channels.
        scale, offset: What the codes stand for in each channel.
        factors: Steps whose product is the scale.
        snapped: As in `Operand`.
    """

    terms: tuple[Term, ...]
    there: NDArray[np.bool_]
    scale: Rationals
    offset: Rationals
    factors: tuple[Step, ...]
    snapped: float


def _row(walk: Walk, node: Node, view: View, turn: _Turn) -> list[_Row]:
    """One value; nothing where it has no elements."""
    try:
        operand = walk.build.operand(view, walk.where(node))
    except ModelError as error:
        raise HostOnlyError(error.sentence, help=error.help) from error
    channels, height, width = turn.size
    size = (channels, height * turn.count, width)
    own = np.broadcast_to(operand.index, turn.shape).reshape(turn.size)
    accesses = _accesses(own, turn, operand.size)
    if accesses is None:  # repeated or moved in a way that its turn cannot be combined with
        plain = split(own, operand.size)
        if plain is None:
            raise walk.refuse(
                node,
                f" reads '{view.name}' in an arrangement that is not made of straight lines",
                help="move the rearrangement to the network's input or output",
            )
        operand = copied(walk.build, operand, plain, turn.size, walk.where(node), view.name)
        own = operand.index.reshape(turn.size)
        accesses = _accesses(own, turn, operand.size)
        assert accesses is not None
    if not accesses:
        return []
    if np.any(operand.offset != 0) and NOTHING in own:
        raise walk.refuse(
            node,
            f" reads '{view.name}', which has an offset, beside zeros of a padding",
            help="choose the quantiser's scale so that 0 is one of its values",
        )
    scale, offset = (
        np.broadcast_to(of_channels(walk, node, values, accesses, channels), channels)
        for values in (operand.scale, operand.offset)
    )
    return [
        _Row(
            terms=one_hot(operand, accesses, size),
            there=np.isin(np.arange(channels), np.concatenate([access.channels for access in accesses])),
            scale=scale,
            offset=offset,
            factors=operand.factors,
            snapped=operand.snapped,
        )
    ]


def _accesses(own: Index, turn: _Turn, source: Map) -> tuple[Access, ...] | None:
    """How the rows of a turn reach a value whose index is ``own``; None where no terms do."""
    channels, height, width = turn.size
    index = np.full((channels, height * turn.count, width), NOTHING)
    index[:, turn.number :: turn.count] = own
    found = split(index, source)
    window = Window(size=index.shape[1:])
    return found if found is not None and fits(found, window, index.shape, source) else None


def _side_by_side(
    walk: Walk, node: Node, rows: list[_Row], size: Map
) -> tuple[Accumulator, tuple[Step, ...]]:
    """The map of all rows, and the steps to the real values.

    Its sums are codes on a grid that all rows share, where those are few enough; else real values that a quantiser has
    to follow, as behind a sum.
    """
    if not rows:
        raise walk.refuse(node, ": its output does not depend on the network's input")
    offset = _common_offset(walk, node, rows)
    found = _codes(walk, rows, size)
    if found is not None:
        addend, steps = found
        source = Accumulator(name=node.name, kind="extreme", addends=(addend,), size=size, codes=True)
        return source, (*steps, *useful(Add(addend=floats(offset))))
    addends = tuple(
        Addend(
            terms=row.terms,
            scale=row.scale * row.there,
            ranges=term_ranges(row.terms, walk.build.tensor),
            deviation=row.snapped * absolute_sums(row.terms),
        )
        for row in rows
    )
    source = Accumulator(name=node.name, kind="extreme", addends=addends, size=size)
    return source, useful(Add(addend=floats(offset)))


def _codes(walk: Walk, rows: list[_Row], size: Map) -> tuple[Addend, tuple[Step, ...]] | None:
    """The rows as codes of at most 8 bits on one grid, and the steps from there; None where there is none."""
    units = np.array(
        [unit_of([row.scale[c] for row in rows if row.there[c]]) for c in range(size[0])], object
    )
    steps: tuple[Step, ...] = (Multiply(factor=floats(units)),)
    if all(np.array_equal(row.scale, units) for row in rows):
        steps = rows[0].factors
    elif any(Fraction(float(unit)) != unit for unit in units):
        return None
    terms: list[Term] = []
    deviation = np.zeros(size[0])
    low, high = np.zeros(size[0], np.int64), np.zeros(size[0], np.int64)
    for row in rows:
        factor = np.where(row.there, row.scale / units, 0)
        if np.max(factor) >= WIDEST_CODES:
            return None
        made = signed(row.terms, factor.astype(np.int64))
        reach = term_ranges(made, walk.build.tensor)
        low = np.minimum(low, [r.low for r in reach])
        high = np.maximum(high, [r.high for r in reach])
        deviation = np.maximum(deviation, row.snapped * absolute_sums(made))
        terms += made
    if high.max() - low.min() >= WIDEST_CODES:
        return None
    ranges = tuple(IntRange(low=a, high=b) for a, b in zip(low.tolist(), high.tolist(), strict=True))
    return Addend(terms=tuple(terms), scale=ones(), ranges=ranges, deviation=deviation), steps


def _common_offset(walk: Walk, node: Node, rows: list[_Row]) -> Rationals:
    """The offset that all rows have in a channel.

    Raises:
        ModelError: They have several.
    """
    found = rationals(np.zeros(len(rows[0].there)))
    for c in range(len(found)):
        several = {row.offset[c] for row in rows if row.there[c]}
        if len(several) > 1:
            raise walk.refuse(
                node,
                ": its operands have zero points that are no whole numbers of steps, and not the same ones",
                help="choose the quantisers' scales so that 0 is one of their values",
            )
        found[c] = next(iter(several), Fraction(0))
    return found
