"""Operators that act on each number alone: activations, batch-norm, clips, roundings, casts."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ternc.frontend.fold import elem_dtype, make_dtype, type_range
from ternc.frontend.spelled import ONE, two_values
from ternc.frontend.values import Array, Choice, Comparison, Const, Node, Value, View
from ternc.frontend.walk import Walk, folds, handles
from ternc.network.steps import (
    Add,
    Clamp,
    Divide,
    Function,
    Multiply,
    Normalise,
    PerChannel,
    Round,
    Sign,
    Step,
)

ACTIVATION = "part of an activation"
INFINITE = np.array([np.inf])
INFERENCE = "export the model for inference (model.eval(), training=False)"


def useful(step: Step) -> tuple[Step, ...]:
    """The step, or nothing where it changes no number."""
    match step:
        case Add(addend=c) if np.all(c == 0):
            return ()
        case Multiply(factor=c) | Divide(divisor=c) if np.all(c == 1):
            return ()
        case _:
            return (step,)


@handles("Neg", becomes=ACTIVATION, elementwise=True)
def negate(walk: Walk, node: Node) -> Value:
    """-x."""
    return walk.step(walk.view(node), node.outputs[0], Multiply(factor=np.array([-1.0])))


@handles("Relu", becomes=ACTIVATION, elementwise=True)
def relu(walk: Walk, node: Node) -> Value:
    """max(x, 0)."""
    return walk.step(walk.view(node), node.outputs[0], Clamp(low=np.zeros(1), high=INFINITE))


@handles("Round", "Floor", "Ceil", becomes=ACTIVATION, elementwise=True)
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


@handles("Sign", becomes=ACTIVATION, elementwise=True)
def sign(walk: Walk, node: Node) -> Value:
    """-1, 0, +1."""
    return walk.step(walk.view(node), node.outputs[0], Sign(zero=0))


@handles("Clip", becomes=ACTIVATION, elementwise=True)
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
    return walk.step(view, node.outputs[0], *clamp(bounds[0], bounds[1]))


def clamp(low: PerChannel, high: PerChannel) -> tuple[Step, ...]:
    """A clip, or nothing where it changes no number; bounds beyond float32 count as infinite."""
    largest = float(np.finfo(np.float32).max)
    low = np.where(low <= -largest, -np.inf, low)
    high = np.where(high >= largest, np.inf, high)
    if np.all(np.isinf(low) & (low < 0)) and np.all(np.isinf(high) & (high > 0)):
        return ()
    return (Clamp(low=low, high=high),)


@handles("BatchNormalization", becomes=ACTIVATION, elementwise=True)
def batch_norm(walk: Walk, node: Node) -> Value:
    """Inference batch normalisation over axis 1."""
    view = walk.view(node)
    if node.attributes.get("training_mode", 0) and len(node.outputs) > 1 and any(node.outputs[1:]):
        raise walk.refuse(node, ": it must be in inference mode, but is in training mode", help=INFERENCE)
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


@handles("Identity", "Dropout", becomes="nothing: it changes no number", elementwise=True)
def identity(walk: Walk, node: Node) -> Value:
    """The same value (dropout in inference mode)."""
    match walk.value(node, 0):
        case View() as view:
            mode = walk.const(node, 2, "training mode") if node.op == "Dropout" else None
            if mode is not None and bool(np.any(mode.array)):
                raise walk.refuse(
                    node, ": it must be in inference mode, but is in training mode", help=INFERENCE
                )
            return replace(view, name=node.outputs[0])
        case Choice() as choice:
            return replace(choice, name=node.outputs[0])
        case _:
            return walk.view(node)


@handles("Cast", "CastLike", becomes="a change of type", elementwise=True)
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
    if isinstance(first, Comparison):
        return _truth(walk, node, first, dtype)
    view = walk.view(node)
    if dtype == "bool" or dtype.startswith(("float8", "float4")):
        raise walk.refuse(
            node,
            f": casting the computed value '{view.name}' to {dtype} is not supported",
            help="quantise it to integers of at most 8 bits",
        )
    steps: tuple[Step, ...] = ()
    if type_range(dtype) is not None:
        steps = (Round(mode="toward_zero"),)
        low, high = type_range(dtype) or (0, 0)
        if high - low < 256:
            steps = (*steps, Clamp(low=np.array([float(low)]), high=np.array([float(high)])))
    return walk.step(view, node.outputs[0], *steps, dtype=dtype)


def _truth(walk: Walk, node: Node, value: Comparison, dtype: str) -> Value:
    """A comparison as a number: 1 where it is true, else 0."""
    if dtype == "bool":
        return replace(value, name=node.outputs[0])
    below, above = (ONE, 1 - ONE) if value.below else (1 - ONE, ONE)
    steps = two_values(value.at, below, above, equal_is_below=value.below == value.equal)
    assert steps is not None
    return walk.step(value.view, node.outputs[0], *steps, dtype=dtype)


@folds("CastLike")
def fold_cast_like(walk: Walk, node: Node) -> Array:
    """A constant in the type of another one."""
    first, second = walk.value(node, 0), walk.value(node, 1)
    assert isinstance(first, Const)
    assert isinstance(second, Const)
    return first.array.astype(second.array.dtype)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Activation:
    """How an ONNX operator is one of `ternc.network.stairs.functions`.

    Attributes:
        kind: The function's name.
        constants: (ONNX attribute, ONNX default) of alpha, beta and gamma.
    """

    kind: str
    constants: tuple[tuple[str, float], ...] = ()


ACTIVATIONS = {
    "LeakyRelu": _Activation(kind="leaky", constants=(("alpha", 0.01),)),
    "Sigmoid": _Activation(kind="sigmoid"),
    "HardSigmoid": _Activation(kind="hard_sigmoid", constants=(("alpha", 0.2), ("beta", 0.5))),
    "Tanh": _Activation(kind="tanh"),
    "Elu": _Activation(kind="elu", constants=(("alpha", 1.0),)),
    "Celu": _Activation(kind="celu", constants=(("alpha", 1.0),)),
    "Selu": _Activation(
        kind="selu", constants=(("alpha", 1.67326319217681884765625), ("gamma", 1.05070102214813232421875))
    ),
    "Softplus": _Activation(kind="softplus"),
    "Softsign": _Activation(kind="softsign"),
    "ThresholdedRelu": _Activation(kind="thresholded_relu", constants=(("alpha", 1.0),)),
    "Exp": _Activation(kind="exp"),
    "Erf": _Activation(kind="erf"),
    "Abs": _Activation(kind="abs"),
    "HardSwish": _Activation(kind="hard_swish"),
    "Swish": _Activation(kind="silu", constants=(("alpha", 1.0),)),
    "Mish": _Activation(kind="mish"),
}
"""Another activation is one more line here and one in `ternc.network.stairs.functions`."""


@handles(*ACTIVATIONS, becomes=ACTIVATION, elementwise=True)
def activation(walk: Walk, node: Node) -> Value:
    """An activation function of one number."""
    found = ACTIVATIONS[node.op]
    given = [float(np.float32(node.attributes.get(name, default))) for name, default in found.constants]
    return walk.step(walk.view(node), node.outputs[0], function(found.kind, *given))


@handles("Gelu", becomes=ACTIVATION, elementwise=True)
def gelu(walk: Walk, node: Node) -> Value:
    """Gelu, exact or by tanh."""
    tanh = str(node.attributes.get("approximate", "none")) == "tanh"
    return walk.step(walk.view(node), node.outputs[0], function("gelu_tanh" if tanh else "gelu"))


@handles("PRelu", becomes=ACTIVATION, elementwise=True)
def prelu(walk: Walk, node: Node) -> Value:
    """Leaky ReLU with a slope for each channel."""
    view = walk.view(node)
    slope = walk.const(node, 1, "slope")
    if slope is None:
        raise walk.refuse(node, ": it must have a slope, but has none")
    step = Function(kind="leaky", alpha=walk.spread(node, view, slope, "slope"))
    return walk.step(view, node.outputs[0], step)


def function(kind: str, *constants: float) -> Function:
    """A function whose constants are the same for all channels."""
    names = ("alpha", "beta", "gamma")[: len(constants)]
    return Function(kind=kind, **{n: np.array([c]) for n, c in zip(names, constants, strict=True)})
