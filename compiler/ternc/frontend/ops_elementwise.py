"""Operators that act on each number alone: arithmetic with constants, batch-norm, clips, roundings, casts."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ternc.errors import ModelError
from ternc.frontend.fold import elem_dtype, make_dtype, type_range
from ternc.frontend.values import Array, Choice, Const, Node, Value, View
from ternc.frontend.walk import Walk, folds, handles
from ternc.network.steps import Add, Clamp, Divide, Multiply, Normalise, PerChannel, Round, Sign, Step

ACTIVATION = "part of an activation"
INFINITE = np.array([np.inf])


def sides(walk: Walk, node: Node) -> tuple[View, Const, bool]:
    """The computed and the constant operand of a binary operator, and whether the computed one is first."""
    first, second = walk.value(node, 0), walk.value(node, 1)
    match first, second:
        case View(), Const():
            return first, second, True
        case Const(), View():
            return second, first, False
        case View(), View():
            raise two_computed(walk, node)
        case _:
            raise walk.refuse(node, ": cannot compute with the result of ArgMax or TopK")


def two_computed(walk: Walk, node: Node) -> ModelError:
    """The refusal of arithmetic between two computed values (a residual connection)."""
    return walk.refuse(
        node,
        f": two computed operands ('{node.inputs[0]}' and '{node.inputs[1]}') are not supported yet",
        help="this version takes one operand from a constant",
    )


def useful(step: Step) -> tuple[Step, ...]:
    """The step, or nothing where it changes no number."""
    match step:
        case Add(addend=c) if np.all(c == 0):
            return ()
        case Multiply(factor=c) | Divide(divisor=c) if np.all(c == 1):
            return ()
        case _:
            return (step,)


def _nonzero(walk: Walk, node: Node, const: Const, values: PerChannel, what: str) -> PerChannel:
    if np.any(values == 0):
        raise walk.refuse(node, f", {what} '{const.name}': must not be 0, but is")
    return values


@handles("Add", "Sub", becomes=ACTIVATION)
def add(walk: Walk, node: Node) -> Value:
    """x + c, x - c, c - x."""
    view, const, first = sides(walk, node)
    values = walk.spread(node, view, const, "operand")
    if node.op == "Add":
        return walk.step(view, node.outputs[0], *useful(Add(addend=values)))
    if first:
        return walk.step(view, node.outputs[0], *useful(Add(addend=-values)))
    return walk.step(view, node.outputs[0], Multiply(factor=np.array([-1.0])), *useful(Add(addend=values)))


@handles("Mul", "Div", becomes=ACTIVATION)
def scale(walk: Walk, node: Node) -> Value:
    """x * c, x / c; c / x is refused."""
    view, const, first = sides(walk, node)
    values = walk.spread(node, view, const, "operand")
    if node.op == "Mul":
        return walk.step(view, node.outputs[0], *useful(Multiply(factor=values)))
    if not first:
        raise walk.refuse(node, f": a constant divided by a computed value ('{view.name}') is not supported")
    values = _nonzero(walk, node, const, values, "divisor")
    return walk.step(view, node.outputs[0], *useful(Divide(divisor=values)))


@handles("Neg", becomes=ACTIVATION)
def negate(walk: Walk, node: Node) -> Value:
    """-x."""
    return walk.step(walk.view(node), node.outputs[0], Multiply(factor=np.array([-1.0])))


@handles("Relu", becomes=ACTIVATION)
def relu(walk: Walk, node: Node) -> Value:
    """max(x, 0)."""
    return walk.step(walk.view(node), node.outputs[0], Clamp(low=np.zeros(1), high=INFINITE))


@handles("Round", "Floor", "Ceil", becomes=ACTIVATION)
def rounding(walk: Walk, node: Node) -> Value:
    """To an integer."""
    match node.op:
        case "Floor":
            step = Round(mode="floor")
        case "Ceil":
            step = Round(mode="ceil")
        case _:
            step = Round(mode="even")
    return walk.step(walk.view(node), node.outputs[0], step)


@handles("Sign", becomes=ACTIVATION)
def sign(walk: Walk, node: Node) -> Value:
    """-1, 0, +1."""
    return walk.step(walk.view(node), node.outputs[0], Sign(zero=0))


@handles("Clip", becomes=ACTIVATION)
def clip(walk: Walk, node: Node) -> Value:
    """Clip with attributes (opset < 11) or inputs, of floats or integers."""
    view = walk.view(node)
    bounds = [np.array([-np.inf]), INFINITE]
    for position, key in enumerate(("min", "max")):
        if key in node.attributes:
            bounds[position] = np.array([float(node.attributes[key])])
        const = walk.const(node, position + 1, f"{key} bound")
        if const is not None:
            bounds[position] = walk.spread(node, view, const, f"{key} bound", infinite=True)
    return walk.step(view, node.outputs[0], *_clamp(bounds[0], bounds[1]))


def _clamp(low: PerChannel, high: PerChannel) -> tuple[Step, ...]:
    largest = float(np.finfo(np.float32).max)
    low = np.where(low <= -largest, -np.inf, low)
    high = np.where(high >= largest, np.inf, high)
    if np.all(np.isinf(low) & (low < 0)) and np.all(np.isinf(high) & (high > 0)):
        return ()
    return (Clamp(low=low, high=high),)


@handles("Max", "Min", becomes=ACTIVATION)
def extreme(walk: Walk, node: Node) -> Value:
    """Max or Min of one computed value and constants: one side of a clip."""
    values = [walk.values[name] for name in node.inputs]
    views = [v for v in values if isinstance(v, View)]
    if len(views) != 1:
        raise walk.refuse(
            node, ": it must have exactly one computed operand", help="the others must be constants"
        )
    view = views[0]
    steps: list[Step] = []
    for const in (v for v in values if isinstance(v, Const)):
        bound = walk.spread(node, view, const, "bound", infinite=True)
        steps += _clamp(bound, INFINITE) if node.op == "Max" else _clamp(-INFINITE, bound)
    return walk.step(view, node.outputs[0], *steps)


@handles("BatchNormalization", becomes=ACTIVATION)
def batch_norm(walk: Walk, node: Node) -> Value:
    """Inference batch normalisation over axis 1."""
    view = walk.view(node)
    if node.attributes.get("training_mode", 0) and len(node.outputs) > 1 and any(node.outputs[1:]):
        raise walk.refuse(node, ": it must be in inference mode, but is in training mode")
    if view.index.ndim < 2:
        raise walk.refuse(
            node, f": its input must have a channel axis, but has shape {list(view.index.shape)}"
        )
    shape = [1] * view.index.ndim
    shape[1] = -1
    spread = []
    for position, what in enumerate(("gain", "bias", "mean", "variance"), start=1):
        const = walk.const(node, position, what)
        if const is None or const.array.size != view.index.shape[1]:
            raise walk.refuse(
                node, f": its {what} must have one number for each of {view.index.shape[1]} channels"
            )
        spread.append(walk.spread(node, view, replace(const, array=const.array.reshape(shape)), what))
    gain, bias, mean, variance = spread
    epsilon = float(np.float32(node.attributes.get("epsilon", 1e-5)))
    if np.any(variance + epsilon <= 0):
        raise walk.refuse(node, f", variance '{node.inputs[4]}': plus epsilon it must be above 0, but is not")
    step = Normalise(mean=mean, variance=variance, epsilon=epsilon, gain=gain, bias=bias)
    return walk.step(view, node.outputs[0], step)


@handles("Identity", "Dropout", becomes="nothing: it changes no number")
def identity(walk: Walk, node: Node) -> Value:
    """The same value (dropout in inference mode)."""
    match walk.value(node, 0):
        case View() as view:
            mode = walk.const(node, 2, "training mode") if node.op == "Dropout" else None
            if mode is not None and bool(np.any(mode.array)):
                raise walk.refuse(node, ": it must be in inference mode, but is in training mode")
            return replace(view, name=node.outputs[0])
        case Choice() as choice:
            return replace(choice, name=node.outputs[0])
        case _:
            return walk.view(node)


@handles("Cast", "CastLike", becomes="a change of type")
def cast(walk: Walk, node: Node) -> Value:
    """A change of type; towards integers it rounds towards zero."""
    first, second = walk.value(node, 0), walk.value(node, 1)
    if node.op == "CastLike":
        dtype = second.array.dtype.name if isinstance(second, Const) else getattr(second, "dtype", "float32")
    else:
        dtype = elem_dtype(int(node.attributes["to"]))
    if isinstance(first, Const):
        return Const(array=first.array.astype(make_dtype(dtype)), name=first.name)
    if isinstance(first, Choice):
        return replace(first, name=node.outputs[0], dtype=dtype)
    view = walk.view(node)
    if dtype == "bool":
        raise walk.refuse(node, f": casting the computed value '{view.name}' to bool is not supported")
    steps: tuple[Step, ...] = ()
    if type_range(dtype) is not None:
        steps = (Round(mode="toward_zero"),)
        low, high = type_range(dtype) or (0, 0)
        if high - low < 256:
            steps = (*steps, Clamp(low=np.array([float(low)]), high=np.array([float(high)])))
    return walk.step(view, node.outputs[0], *steps, dtype=dtype)


@folds("CastLike")
def fold_cast_like(walk: Walk, node: Node) -> Array:
    """A constant in the type of another one."""
    first, second = walk.value(node, 0), walk.value(node, 1)
    assert isinstance(first, Const)
    assert isinstance(second, Const)
    return first.array.astype(second.array.dtype)


@handles(
    "LeakyRelu", "PRelu", "Sigmoid", "Tanh", "HardSigmoid", "HardSwish", "Elu", "Selu", "Softplus", "Abs", "Exp",
    "Log", "Sqrt", "Pow", "Gelu", "Erf", "Reciprocal", "Softsign", "ThresholdedRelu", "Mish", "Swish", "Trunc",
    becomes="refused",
)  # fmt: skip
def later_activation(walk: Walk, node: Node) -> Value:
    """Activations without an exact step yet."""
    raise walk.refuse(
        node,
        ": this activation is not supported yet",
        help="use Relu, Clip or batch-norm in front of the quantiser",
    )


@handles("Softmax", "LogSoftmax", becomes="refused")
def softmax(walk: Walk, node: Node) -> Value:
    """Refused: it has no integer form."""
    raise walk.refuse(
        node,
        ": it has no integer form",
        help="end the network in its logits, or in ArgMax, and apply it on the host",
    )
