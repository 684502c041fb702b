"""Layers on integers: ConvInteger, MatMulInteger, QLinearConv and QLinearMatMul."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from ternc.frontend import fold
from ternc.frontend.filled import filled
from ternc.frontend.ops_elementwise import useful
from ternc.frontend.ops_linear import convolution, product
from ternc.frontend.ops_quant import scale_of
from ternc.frontend.values import NOTHING, Computed, Const, Joined, Node, Value, View, reals
from ternc.frontend.walk import Walk, handles
from ternc.network.steps import Add, Clamp, Divide, Multiply, Round


@dataclass(frozen=True, slots=True, kw_only=True)
class Operands:
    """Input positions of an integer layer: its value, the weights, and their zero points."""

    value: int
    value_zero: int
    weight: int
    weight_zero: int


PLAIN = Operands(value=0, value_zero=2, weight=1, weight_zero=3)
QUANTISED = Operands(value=0, value_zero=2, weight=3, weight_zero=5)
OPERANDS = {
    "ConvInteger": PLAIN,
    "MatMulInteger": PLAIN,
    "QLinearConv": QUANTISED,
    "QLinearMatMul": QUANTISED,
}


def integer_weights(walk: Walk, node: Node) -> Const:
    """The weights minus their zero point, one number or one for each output channel."""
    places = OPERANDS[node.op]
    const = walk.const(node, places.weight, "weight")
    zero = walk.const(node, places.weight_zero, "weight's zero point")
    if const is None:
        raise walk.refuse(node, ": it must have a weight, but has none")
    if zero is None:
        return const
    axis = 0 if node.op.endswith(("Conv", "ConvInteger")) else const.array.ndim - 1
    if zero.array.size not in (1, const.array.shape[axis]):
        raise walk.refuse(
            node,
            f", zero point '{zero.name}': must be one number, or one for each of {const.array.shape[axis]} channels",
        )
    shift = fold.along(reals(zero.array).ravel(), const.array.shape, axis)
    return replace(const, array=reals(const.array) - shift)


def _centred(walk: Walk, node: Node) -> Computed:
    """The integer input minus its zero point."""
    places = OPERANDS[node.op]
    value = walk.computed(node, places.value)
    if fold.type_range(value.dtype) is None:
        raise walk.refuse(node, f" reads '{value.name}': it must be integers, but is {value.dtype}")
    zero = walk.const(node, places.value_zero, "zero point")
    if zero is None:
        return value
    if zero.array.size != 1:
        raise walk.refuse(node, f", zero point '{zero.name}': must be one number for the whole input")
    shift = int(zero.array.ravel()[0])
    if np.any(value.index == NOTHING) and value.fill != shift:
        value = filled(walk.build, value, walk.where(node))
    steps = useful(Add(addend=np.array([-float(shift)])))

    def moved(view: View) -> View:
        return replace(view, steps=(*view.steps, *steps), fill=Fraction(0))

    if isinstance(value, Joined):
        return replace(value, parts=tuple(moved(part) for part in value.parts))
    return moved(value)


@handles("ConvInteger", becomes="convolution layer", fills=True)
def conv_integer(walk: Walk, node: Node) -> Value:
    """A convolution of integers, without a scale."""
    view = convolution(walk, node, _centred(walk, node), integer_weights(walk, node), None)
    return replace(view, dtype="int32")


@handles("MatMulInteger", becomes="dense layer", fills=True)
def matmul_integer(walk: Walk, node: Node) -> Value:
    """A product of integers, without a scale."""
    view = product(walk, node, _centred(walk, node), integer_weights(walk, node))
    return replace(view, dtype="int32")


@handles("QLinearConv", becomes="convolution layer", fills=True)
def qlinear_conv(walk: Walk, node: Node) -> Value:
    """``saturate(round((conv(x - zx, w - zw) + b) * sx * sw / sy) + zy)``."""
    bias = walk.const(node, 8, "bias")
    view = convolution(walk, node, _centred(walk, node), integer_weights(walk, node), bias)
    return _requantised(walk, node, view, channel_axis=1)


@handles("QLinearMatMul", becomes="dense layer", fills=True)
def qlinear_matmul(walk: Walk, node: Node) -> Value:
    """``saturate(round((x - zx) @ (w - zw) * sx * sw / sy) + zy)``."""
    view = product(walk, node, _centred(walk, node), integer_weights(walk, node))
    return _requantised(walk, node, view, channel_axis=-1)


def _requantised(walk: Walk, node: Node, view: View, *, channel_axis: int) -> View:
    """Integer sums as the output's codes."""
    shape = view.index.shape
    given, weight, made = (scale_of(walk, node, position) for position in (1, 4, 6))
    zero = walk.const(node, 7, "zero point")
    dtype = "uint8" if zero is None else zero.array.dtype.name
    bounds = fold.type_range(dtype)
    if bounds is None or given.array.size != 1 or made.array.size != 1:
        raise walk.refuse(
            node, f": it must have one input scale and one output scale of integers, but makes {dtype}"
        )
    weight = replace(weight, array=fold.along(weight.array.ravel(), shape, channel_axis))
    shift = np.zeros(1) if zero is None else reals(zero.array).reshape(-1)[:1]
    return walk.step(
        view,
        node.outputs[0],
        *useful(Multiply(factor=reals(given.array).reshape(1))),
        *useful(Multiply(factor=walk.spread(node, view, weight, "weight's scale"))),
        *useful(Divide(divisor=reals(made.array).reshape(1))),
        Round(mode="even"),
        *useful(Add(addend=shift)),
        Clamp(low=np.array([float(bounds[0])]), high=np.array([float(bounds[1])])),
        dtype=dtype,
    )
