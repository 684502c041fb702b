"""Add, Sub, Mul and Div: with a constant a step, between computed values a layer of their own."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ternc.errors import ModelError
from ternc.frontend import spelled, straight
from ternc.frontend.access import Access, split
from ternc.frontend.build import Operand, absolute_sums, start, term_ranges
from ternc.frontend.grid import Rationals, affine, find_grid, rationals
from ternc.frontend.halves import ends_in_integers, halves
from ternc.frontend.ops_elementwise import ACTIVATION, useful
from ternc.frontend.ops_wrap import Wrap, wrap, wrapped
from ternc.frontend.reads import one_hot
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
    Value,
    View,
    map_shape,
    plain_index,
    real_dtype,
)
from ternc.frontend.walk import HostOnlyError, Walk, handles, together
from ternc.network.steps import Add, Divide, Multiply, Step

SUM = "layer of a sum"


@handles("Add", "Sub", "Sum", "Mean", becomes=SUM)
def add(walk: Walk, node: Node) -> Value:
    """Sums and differences of computed values and constants."""
    values = [walk.value(node, i) for i in range(len(node.inputs))]
    signs = [-1 if node.op == "Sub" and i == 1 else 1 for i in range(len(values))]
    computed = [(v, s) for v, s in zip(values, signs, strict=True) if isinstance(v, View | Joined)]
    constants = [(v, s) for v, s in zip(values, signs, strict=True) if isinstance(v, Const)]
    if node.op == "Sub" and node.inputs[0] == node.inputs[1] and computed:
        shape = computed[0][0].index.shape
        return Const(array=np.zeros(shape, computed[0][0].dtype), name=node.outputs[0])
    around = wrap(*values) if node.op == "Sub" else None
    if around is not None:
        walk.becomes[node.name] = ACTIVATION
        return _wrapped(walk, node, around)
    parts = _halves(walk, node, values, signs)
    if parts is not None:
        walk.becomes[node.name] = ACTIVATION
        return parts
    if len(computed) + len(constants) < len(values):
        raise walk.refuse(node, ": cannot compute with the result of ArgMax or TopK")
    activation = _activation(node, values) if node.op != "Sub" else None
    if activation is not None:
        walk.becomes[node.name] = ACTIVATION
        return activation
    alone = len(computed) == 1
    walk.becomes[node.name] = ACTIVATION if alone else SUM
    result = _negated(*computed[0], node.outputs[0]) if alone else summed(walk, node, computed)
    for const, sign in constants:
        result = each(node, result, partial(_shifted, walk, node, const, sign))
    if node.op == "Mean" and len(values) > 1:
        share = Divide(divisor=np.array([float(len(values))]))
        result = each(node, result, lambda view: walk.step(view, node.outputs[0], share))
    return result


def _wrapped(walk: Walk, node: Node, around: Wrap) -> View:
    """A value that wraps around, as steps; as a sum where it does so too often."""
    try:
        return wrapped(walk, node, around)
    except HostOnlyError as error:
        with suppress(ModelError):
            found = summed(walk, node, [(around.view, 1), (around.whole, -1)])
            walk.becomes[node.name] = SUM
            return found
        raise error


def _halves(walk: Walk, node: Node, values: list[Value | None], signs: list[int]) -> Value | None:
    """A sum of functions of one value: a choice, or an activation, in two parts; None where it is anything else.

    What could as well be a layer of a sum is one, unless the parts are together a quantiser.
    """
    if node.op == "Mean" or len(values) != 2:
        return None
    partial = next((v for v in values if isinstance(v, Partial)), None)
    constants = [v for v in values if isinstance(v, Const)]
    if constants and partial is None:
        return None
    if constants:
        assert partial is not None
        addend = Add(addend=walk.spread(node, partial.view, constants[0], "operand"))
        flip = [useful(Multiply(factor=np.array([float(s)]))) for s in signs]
        at = values.index(constants[0])
        addend = Add(addend=signs[at] * addend.addend)
        functions = straight.applied((*flip[1 - at], addend), partial.functions)
        return (
            None if functions is None else together(node.outputs[0], partial.view, functions, partial.reason)
        )
    found = halves(walk.build, *values)
    if found is None or not any(map(straight.bent, found.functions)):
        return None
    first, second = found.functions
    turned = straight.applied((Multiply(factor=np.array([float(signs[1])])),), second)
    assert turned is not None
    functions = straight.summed(first, turned)
    steps = as_steps(functions)
    if partial is None and (
        steps is None
        or (all(ends_in_integers(walk.build, v) for v in values) and not straight.flat(functions))
    ):
        return None
    reason = partial.reason if partial is not None else walk.refuse(node, ": it is no known activation")
    return together(node.outputs[0], found.view, functions, reason)


def _activation(node: Node, values: list[Value | None]) -> View | None:
    """The sum of two functions of one value, where it is part of an activation spelled out."""
    match values:
        case [View() as first, View() as second] if node.op != "Mean":
            count = spelled.common(first, second)
            found = None if count is None else spelled.total(first.steps[count:], second.steps[count:])
            steps = first.steps[:count]
            return None if found is None else replace(first, name=node.outputs[0], steps=(*steps, *found))
        case _:
            return None


@handles("Mul", "Div", becomes=ACTIVATION)
def scale(walk: Walk, node: Node) -> Value:
    """x * c, x / c, and products and quotients of two functions of the same value."""
    first, second = walk.value(node, 0), walk.value(node, 1)
    if isinstance(first, Const) and isinstance(second, View | Joined | Partial) and node.op == "Mul":
        first, second = second, first
    if isinstance(second, Const) and isinstance(first, View | Partial) and node.op == "Mul":
        nothing = _nothing(node, first, second)
        if nothing is not None:
            return nothing
    if isinstance(first, Partial) and isinstance(second, Const):
        return _scaled(walk, node, first, second)
    if isinstance(first, View | Partial) and isinstance(second, View | Partial):
        return _product(walk, node, first, second)
    if isinstance(first, Const) and isinstance(second, View) and node.op == "Div":
        turned = _reciprocal(walk, node, first, second)
        if turned is not None:
            return turned
    if not isinstance(first, View | Joined) or not isinstance(second, Const):
        name = second.name if second is not None else ""
        raise HostOnlyError(
            walk.refuse(
                node, f": a division by, or a product with, the computed value '{name}' is not supported"
            ).sentence
        )

    def scaled(view: View) -> View:
        values = walk.spread(node, view, second, "operand")
        if node.op == "Mul":
            return walk.step(view, node.outputs[0], *useful(Multiply(factor=values)))
        if np.any(values == 0):
            raise walk.refuse(node, f", divisor '{second.name}': must not be 0, but is")
        return walk.step(view, node.outputs[0], *useful(Divide(divisor=values)))

    return each(node, first, scaled)


def _reciprocal(walk: Walk, node: Node, const: Const, view: View) -> View | None:
    """A constant divided by a value, where that is a sigmoid spelled out."""
    turned = spelled.reciprocal(view.steps)
    if turned is None:
        return None
    factor = Multiply(factor=walk.spread(node, view, const, "operand"))
    return replace(view, name=node.outputs[0], steps=(*turned, *useful(factor)))


def _nothing(node: Node, value: View | Partial, factor: Const) -> Const | None:
    """A value times 0, which is a constant."""
    if not factor.array.size or np.any(factor.array) or factor.array.dtype.kind != "f":
        return None
    view = value if isinstance(value, View) else value.view
    shape = np.broadcast_shapes(view.index.shape, factor.array.shape)
    return Const(array=np.zeros(shape, factor.array.dtype), name=node.outputs[0])


def _scaled(walk: Walk, node: Node, value: Partial, factor: Const) -> View | Partial:
    """A part of an activation times, or divided by, a constant."""
    values = walk.spread(node, value.view, factor, "operand")
    if node.op == "Div" and np.any(values == 0):
        raise walk.refuse(node, f", divisor '{factor.name}': must not be 0, but is")
    step = Multiply(factor=values) if node.op == "Mul" else Divide(divisor=values)
    functions = straight.applied((step,), value.functions)
    assert functions is not None
    return together(node.outputs[0], value.view, functions, value.reason)


def each(node: Node, value: Computed, apply: Callable[[View], View]) -> Computed:
    """Apply a function of views to each part of a value."""
    if isinstance(value, View):
        return apply(value)
    return Joined(name=node.outputs[0], parts=tuple(apply(part) for part in value.parts))


def _negated(value: Computed, sign: int, name: str) -> Computed:
    flip: tuple[Step, ...] = (Multiply(factor=np.array([-1.0])),) if sign < 0 else ()
    if isinstance(value, View):
        return replace(value, name=name, steps=(*value.steps, *flip))
    parts = tuple(replace(part, name=name, steps=(*part.steps, *flip)) for part in value.parts)
    return Joined(name=name, parts=parts)


def _shifted(walk: Walk, node: Node, const: Const, sign: int, view: View) -> View:
    values = walk.spread(node, view, const, "operand")
    return walk.step(view, node.outputs[0], *useful(Add(addend=sign * values)))


def _product(walk: Walk, node: Node, first: View | Partial, second: View | Partial) -> View | Partial:
    """``f(x) * g(x)`` or ``f(x) / g(x)`` of one value x: an activation spelled out (x * sigmoid(x), a square ...).

    Raises:
        HostOnlyError: Two different values, or a product that is no known activation.
    """
    refusal = HostOnlyError(
        walk.refuse(
            node, f": a product of two computed values ('{first.name}' and '{second.name}') is not supported"
        ).sentence,
        help="an activation written as a product is known for Swish, HardSwish, Gelu, Mish and squares",
    )
    count = found = None
    if isinstance(first, View) and isinstance(second, View):
        count = spelled.common(first, second)
        combined = spelled.product if node.op == "Mul" else spelled.quotient
        found = None if count is None else combined(first.steps[count:], second.steps[count:])
    if found is None:
        parts = halves(walk.build, first, second) if node.op == "Mul" else None
        functions = None if parts is None else straight.multiplied(*parts.functions)
        if parts is None or functions is None or (walk.ends(node) and as_steps(functions) is None):
            raise refusal
        return together(node.outputs[0], parts.view, functions, refusal)
    assert isinstance(first, View)
    return replace(first, name=node.outputs[0], steps=(*first.steps[:count], *found))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Raw:
    """A layer's sums that nothing quantises, with an affine chain behind them."""

    view: View
    index: Index
    sign: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Codes:
    """A finished tensor."""

    operand: Operand
    index: Index
    sign: int


def summed(walk: Walk, node: Node, given: list[tuple[Computed, int]]) -> View:
    """The sum of several computed values as the accumulator of one layer.

    A layer's sums that nothing quantises are taken over as they are; everything else is finished first and read
    through weights of 1.
    """
    shape = np.broadcast_shapes(*(value.index.shape for value, _ in given))
    shares = [
        _share(walk, node, part, sign, shape)
        for value, sign in given
        for part in (value.parts if isinstance(value, Joined) else (value,))
    ]
    size, place = _arrangement(shares, shape)
    addends: list[Addend] = []
    offset: NDArray[Any] = rationals(np.zeros(size[0]))
    for share in shares:
        index = np.full(int(np.prod(size)), NOTHING)
        index[place.ravel()] = share.index.ravel()
        made, moved = _addends(walk, node, share, index.reshape(size))
        addends += made
        offset = offset + moved
    if not addends:
        raise walk.refuse(node, ": its output does not depend on the network's input")
    steps: tuple[Step, ...] = useful(Add(addend=floats(offset)))
    acc = Accumulator(name=node.name, kind="sum", addends=tuple(addends), size=size)
    return View(
        name=node.outputs[0],
        source=acc,
        index=place,
        size=size,
        dtype=real_dtype(given[0][0].dtype),
        steps=steps,
    )


def _share(walk: Walk, node: Node, view: View, sign: int, shape: tuple[int, ...]) -> _Raw | _Codes:
    index = np.ascontiguousarray(np.broadcast_to(view.index, shape))
    acc = view.source
    if isinstance(acc, Accumulator) and view.pool is None and find_grid(view.steps, start(acc)) is None:
        whole = NOTHING not in index and index.size == int(np.prod(view.size))
        if whole and affine(view.steps) is not None and len(np.unique(index)) == index.size:
            return _Raw(view=view, index=index, sign=sign)
    try:
        operand = walk.build.operand(view, walk.where(node))
    except ModelError as error:
        raise HostOnlyError(error.sentence, help=error.help) from error
    index = np.ascontiguousarray(np.broadcast_to(operand.index, shape))
    return _Codes(operand=operand, index=index, sign=sign)


def _arrangement(shares: list[_Raw | _Codes], shape: tuple[int, ...]) -> tuple[Map, Index]:
    """The map of the sum, and for each ONNX element its place in it.

    It is that of the first operand which has each of its values once, sums before tensors: their order is given.
    """
    for kind in (_Raw, _Codes):
        for share in shares:
            if isinstance(share, kind):
                size = share.view.size if isinstance(share, _Raw) else share.operand.size
                flat = share.index.ravel()
                if (
                    NOTHING not in flat
                    and flat.size == int(np.prod(size))
                    and len(np.unique(flat)) == flat.size
                ):
                    return size, share.index
    size = map_shape(shape) or (int(np.prod(shape)), 1, 1)
    return size, plain_index(shape)


def _addends(walk: Walk, node: Node, share: _Raw | _Codes, index: Index) -> tuple[list[Addend], NDArray[Any]]:
    """A share's addends and what its offset adds to each channel.

    Args:
        index: Of the sum's map: the place in the share's source of each element.
    """
    channels = len(index)
    match share:
        case _Raw(view=view, sign=sign):
            if not np.array_equal(index.ravel(), np.arange(index.size)):
                raise walk.refuse(
                    node,
                    f": '{view.name}', which nothing quantises, must keep its pixels in the order of the other operand",
                    help="quantise it, or remove the Reshape or Transpose in front",
                )
            found = affine(view.steps)
            assert found is not None
            assert isinstance(view.source, Accumulator)
            scale, offset = found
            made = [replace(a, scale=a.scale * scale * sign) for a in view.source.addends]
            return made, np.broadcast_to(offset * sign, channels)
        case _Codes(operand=operand, sign=sign):
            accesses = split(index, operand.size)
            if accesses is None:
                raise walk.refuse(
                    node,
                    f" reads '{operand.tensor.name}' in an arrangement that is not made of straight lines",
                    help="move the rearrangement to the network's input or output",
                )
            if not accesses:
                return [], rationals(np.zeros(channels))
            terms = one_hot(operand, accesses, (channels, index.shape[1], index.shape[2]))
            scale, offset = (
                of_channels(walk, node, v, accesses, channels) for v in (operand.scale, operand.offset)
            )
            if np.any(offset != 0) and NOTHING in index:
                raise walk.refuse(
                    node, f" reads '{operand.tensor.name}', which has an offset, beside zeros of a padding"
                )
            ranges = term_ranges(terms, walk.build.tensor)
            deviation = operand.snapped * absolute_sums(terms)
            addend = Addend(terms=terms, scale=scale * sign, ranges=ranges, deviation=deviation)
            return [addend], offset * sign


def of_channels(
    walk: Walk, node: Node, values: Rationals, accesses: tuple[Access, ...], channels: int
) -> Rationals:
    """A tensor's per-channel constants on the channels of the sum."""
    if values.size == 1:
        return values
    out = np.broadcast_to(values[:1], channels).copy()
    known: dict[int, Any] = {}
    for access in accesses:
        for channel, source in zip(access.channels.tolist(), access.sources.tolist(), strict=True):
            if known.setdefault(channel, values[source]) != values[source]:
                raise walk.refuse(node, ": it mixes values of different scales in one channel")
            out[channel] = values[source]
    return out


def floats(values: NDArray[Any]) -> NDArray[np.float64]:
    """Numbers in float64, one where all are the same."""
    found = np.array([float(v) for v in values])
    return found[:1] if np.all(found == found[0]) else found
