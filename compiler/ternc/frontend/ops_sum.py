"""Add, Sub, Mul and Div: with a constant a step, between computed values a layer of their own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ternc.errors import ModelError
from ternc.frontend.access import Access, split
from ternc.frontend.build import Operand, start, term_ranges
from ternc.frontend.grid import Rationals, affine, find_grid, rationals
from ternc.frontend.ops_elementwise import ACTIVATION, function, useful
from ternc.frontend.reads import one_hot
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
    Value,
    View,
    map_shape,
    plain_index,
    real_dtype,
)
from ternc.frontend.walk import HostOnlyError, Walk, handles
from ternc.network.steps import Add, Clamp, Divide, Function, Multiply, Step

SUM = "layer of a sum"


@handles("Add", "Sub", "Sum", "Mean", becomes=SUM)
def add(walk: Walk, node: Node) -> Value:
    """Sums and differences of computed values and constants."""
    values = [walk.value(node, i) for i in range(len(node.inputs))]
    signs = [-1 if node.op == "Sub" and i == 1 else 1 for i in range(len(values))]
    computed = [(v, s) for v, s in zip(values, signs, strict=True) if isinstance(v, View | Joined)]
    constants = [(v, s) for v, s in zip(values, signs, strict=True) if isinstance(v, Const)]
    if len(computed) + len(constants) < len(values):
        raise walk.refuse(node, ": cannot compute with the result of ArgMax or TopK")
    alone = len(computed) == 1
    walk.becomes[node.name] = ACTIVATION if alone else SUM
    result = _negated(*computed[0], node.outputs[0]) if alone else summed(walk, node, computed)
    for const, sign in constants:
        result = _each(node, result, partial(_shifted, walk, node, const, sign))
    if node.op == "Mean" and len(values) > 1:
        share = Divide(divisor=np.array([float(len(values))]))
        result = _each(node, result, lambda view: walk.step(view, node.outputs[0], share))
    return result


@handles("Mul", "Div", becomes=ACTIVATION)
def scale(walk: Walk, node: Node) -> Value:
    """x * c, x / c, and products of two functions of the same value; c / x is refused."""
    first, second = walk.value(node, 0), walk.value(node, 1)
    if isinstance(first, Const) and isinstance(second, View | Joined) and node.op == "Mul":
        first, second = second, first
    if isinstance(first, View) and isinstance(second, View):
        return _product(walk, node, first, second)
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

    return _each(node, first, scaled)


def _each(node: Node, value: Computed, apply: Callable[[View], View]) -> Computed:
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


def _product(walk: Walk, node: Node, first: View, second: View) -> View:
    """``f(x) * g(x)`` of one value x: an activation spelled out (x * sigmoid(x), a gated ReLU, a square).

    Raises:
        HostOnlyError: Two different values, or a product that is no known activation.
    """
    refusal = HostOnlyError(
        walk.refuse(
            node, f": a product of two computed values ('{first.name}' and '{second.name}') is not supported"
        ).sentence,
        help="an activation written as a product is known for Swish, HardSwish, Gelu, Mish and squares",
    )
    same = (
        first.source is second.source
        and first.pool == second.pool
        and np.array_equal(first.index, second.index)
    )
    if not same or node.op == "Div":
        raise refusal
    long, short = (first, second) if len(first.steps) >= len(second.steps) else (second, first)
    common = len(short.steps)
    while common and any(a is not b for a, b in zip(long.steps[:common], short.steps[:common], strict=True)):
        common -= 1
    found = spelled(long.steps[common:], short.steps[common:])
    if found is None:
        raise refusal
    return replace(long, name=node.outputs[0], steps=(*long.steps[:common], *found))


def spelled(first: tuple[Step, ...], second: tuple[Step, ...]) -> tuple[Step, ...] | None:
    """The steps of a product of two functions of the same number, or None.

    Args:
        first, second: What is applied to the number on both sides.
    """
    match first, second:
        case (), ():
            return (function("square"),)
        case (Function(kind="sigmoid"),), ():
            return (function("silu", 1.0),)
        case (Multiply(factor=alpha), Function(kind="sigmoid")), () if alpha.size == 1:
            return (function("silu", float(alpha[0])),)
        case (Function(kind="softplus"), Function(kind="tanh")), ():
            return (function("mish"),)
        case (Function(kind="hard_sigmoid", alpha=a, beta=b),), () if _is(a, 1 / 6) and _is(b, 0.5):
            return (function("hard_swish"),)
        case (Add(addend=c), Clamp(low=low, high=high), Divide(divisor=d)), () if (
            _is(c, 3) and _is(low, 0) and _is(high, 6) and _is(d, 6)
        ):
            return (function("hard_swish"),)
        case (Add(addend=c), Clamp(low=low, high=high)), () if _is(c, 3) and _is(low, 0) and _is(high, 6):
            return (function("hard_swish"), Multiply(factor=np.array([6.0])))
        case (scale, Function(kind="erf"), Add(addend=one)), (*half,) if _is(one, 1) and _root_half(scale):
            match half:
                case []:
                    return (function("gelu"), Multiply(factor=np.array([2.0])))
                case [Multiply(factor=h)] if _is(h, 0.5):
                    return (function("gelu"),)
                case _:
                    return None
        case (scale, Function(kind="erf"), Add(addend=one), Multiply(factor=h)), () if (
            _is(one, 1) and _is(h, 0.5) and _root_half(scale)
        ):
            return (function("gelu"),)
        case _:
            return None


def _is(values: NDArray[np.float64], wanted: float) -> bool:
    return bool(np.all(np.abs(values - wanted) <= 1e-6 * max(1.0, abs(wanted))))


def _root_half(step: Step) -> bool:
    """Whether a step divides by the square root of 2."""
    match step:
        case Divide(divisor=d):
            return _is(d, 2**0.5)
        case Multiply(factor=m):
            return _is(m, 0.5**0.5)
        case _:
            return False


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
    steps: tuple[Step, ...] = useful(Add(addend=_floats(offset)))
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
            terms = one_hot(operand, accesses, (channels, index.shape[1], index.shape[2]))
            scale, offset = (
                _of_channels(walk, node, v, accesses, channels) for v in (operand.scale, operand.offset)
            )
            if np.any(offset != 0) and NOTHING in index:
                raise walk.refuse(
                    node, f" reads '{operand.tensor.name}', which has an offset, beside zeros of a padding"
                )
            ranges = term_ranges(terms, walk.build.tensor)
            return [Addend(terms=terms, scale=scale * sign, ranges=ranges)] if terms else [], offset * sign


def _of_channels(
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


def _floats(values: NDArray[Any]) -> NDArray[np.float64]:
    found = np.array([float(v) for v in values])
    return found[:1] if np.all(found == found[0]) else found
