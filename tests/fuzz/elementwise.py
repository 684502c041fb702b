"""What stands between a layer and its quantiser: batch normalisation, constants, activations, maxima."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from fuzz.net import Net, Val
from onnx_writer import clip


def elementwise(net: Net, x: Val) -> Val:
    """An operator on each number alone."""
    kind = net.pick(activation, activation, constant, batch_norm)
    if kind is batch_norm and (x.axis != 1):
        kind = constant
    return kind(net, x)


def batch_norm(net: Net, x: Val) -> Val:
    """BatchNormalization over axis 1, with gains of both signs."""
    net.note("BatchNormalization")
    rng, count = net.random(), x.shape[1]
    gain = net.scales(count, 1.0, rng)
    if net.chance(30):
        net.note("BatchNormalization of both signs")
        gain *= rng.choice([-1, 1], count)
    beta, mean = net.constants(count, 1.0, rng), net.constants(count, x.size, rng)
    epsilon, variance = net.pick(1e-5, 1e-3), net.scales(count, x.size**2, rng)
    if not net.plan.arbitrary:  # the root of the sum is a power of two, exactly
        squares = 4.0 ** np.round(np.log(variance) / np.log(4))
        epsilon = float(squares.min() / 4)
        variance = (squares - epsilon).astype(np.float32)
    operands = [net.w.const(np.asarray(v, np.float32)) for v in (gain, beta, mean, variance)]
    y = net.node(x, "BatchNormalization", *operands, epsilon=epsilon)
    return replace(y, size=1.5, finite=False)


CONSTANTS = ("Add", "Mul", "Sub", "Div", "from", "Neg", "Max", "Min")


def constant(net: Net, x: Val) -> Val:
    """Add, Sub, Mul, Div, Neg, Max or Min with a constant."""
    op = net.pick(*CONSTANTS)
    net.note(f"constant {op}")
    if op == "Neg":
        return net.node(x, "Neg")
    rng = net.random()
    each = op not in ("Max", "Min") and net.per_channel(x)
    count = x.channels if each else 1
    if op in ("Mul", "Div"):
        values = net.scales(count, net.pick(1.0, 4.0, 0.25), rng)
        if net.chance(25):
            net.note(f"constant {op} of both signs")
            values *= rng.choice([-1, 1], count)
        size = (
            x.size * float(np.mean(np.abs(values)))
            if op == "Mul"
            else x.size / float(np.mean(np.abs(values)))
        )
    else:
        values, size = net.constants(count, x.size, rng), x.size * 1.4
    if each:
        net.note("constants per channel")
        operand = net.spread(x, values)
    else:
        operand = net.w.const(values.reshape(net.pick((), (1,))))
    order = [x.name, operand]
    if op == "from" or (op in ("Add", "Mul", "Max", "Min") and net.chance(25)):
        order.reverse()
    made = net.w.node("Sub" if op == "from" else op, *order)
    return replace(x, name=made, size=size, codes=False, scale=None)


# ---- activations ----------------------------------------------------------------------------------------

Maker = Callable[[Net, Val], str]


def _plain(op: str, **attributes: Any) -> Maker:
    return lambda net, x: net.w.node(op, x.name, **attributes)


def _clipped(net: Net, x: Val) -> str:
    top = net.near(x.size)
    low, high = net.pick((0.0, top), (-top, top), (-top, 2 * top), (0.0, None), (None, top))
    if net.opset < 11:
        bounds: dict[str, Any] = {k: v for k, v in (("min", low), ("max", high)) if v is not None}
        return net.w.node("Clip", x.name, **bounds)
    if low is None or high is None:
        given = [
            net.w.const(low) if low is not None else "",
            *([net.w.const(high)] if high is not None else []),
        ]
        return net.w.node("Clip", x.name, *given)
    return clip(net.w, x.name, np.float32(low), np.float32(high), net.opset)


def _slope(net: Net) -> float:
    return net.pick(0.25, 0.125) if not net.plan.arbitrary else net.pick(0.1, 0.01, 0.3)


def _leaky(net: Net, x: Val) -> str:
    return net.w.node("LeakyRelu", x.name, alpha=_slope(net))


def _prelu(net: Net, x: Val) -> str:
    if not net.per_channel(x) or x.axis is None:
        return net.w.node("PRelu", x.name, net.w.const(np.array([_slope(net)], np.float32)))
    net.note("PRelu per channel")
    slopes = np.asarray(net.scales(x.channels, _slope(net), net.random()), np.float32)
    return net.w.node("PRelu", x.name, net.w.const(slopes.reshape(-1, *[1] * (x.rank - 1 - x.axis))))


def _hard_sigmoid(net: Net, x: Val) -> str:
    given = net.given(alpha=0.25, beta=0.5)
    return net.w.node("HardSigmoid", x.name, **given)


def _elu(net: Net, x: Val) -> str:
    return net.w.node("Elu", x.name, **net.given(alpha=0.5))


def _celu(net: Net, x: Val) -> str:
    return net.w.node("Celu", x.name, **net.given(alpha=0.5))


def _thresholded(net: Net, x: Val) -> str:
    return net.w.node("ThresholdedRelu", x.name, alpha=net.near(x.size / 2))


def _squashed(op: str) -> Maker:
    """A gate whose operand is brought to the interesting part of the function first."""

    def make(net: Net, x: Val) -> str:
        share = net.w.node("Mul", x.name, net.w.const(net.near(2.0 / x.size)))
        return net.w.node(op, share)

    return make


def _swish(net: Net, x: Val) -> str:
    if net.opset >= 24 and net.chance(50):
        return net.w.node("Swish", x.name, **net.given(alpha=1.5))
    return net.w.node("Mul", x.name, net.w.node("Sigmoid", x.name))


def _hard_swish(net: Net, x: Val) -> str:
    if net.opset >= 14 and net.chance(50):
        return net.w.node("HardSwish", x.name)
    six = clip(net.w, net.w.node("Add", x.name, net.w.const(3.0)), np.float32(0), np.float32(6), net.opset)
    return net.w.node("Mul", x.name, net.w.node("Div", six, net.w.const(6.0)))


def _gelu(net: Net, x: Val) -> str:
    if net.opset >= 20 and net.chance(60):
        return net.w.node("Gelu", x.name, **net.given(approximate="tanh"))
    w = net.w
    erf = w.node("Erf", w.node("Div", x.name, w.const(float(np.float32(2**0.5)))))
    return w.node("Mul", w.node("Mul", x.name, w.node("Add", erf, w.const(1.0))), w.const(0.5))


def _mish(net: Net, x: Val) -> str:
    if net.opset >= 18 and net.chance(50):
        return net.w.node("Mish", x.name)
    return net.w.node("Mul", x.name, net.w.node("Tanh", net.w.node("Softplus", x.name)))


RISING: dict[str, tuple[Maker, int]] = {
    "Relu": (_plain("Relu"), 9),
    "Clip": (_clipped, 9),
    "LeakyRelu": (_leaky, 9),
    "PRelu": (_prelu, 9),
    "Sigmoid": (_squashed("Sigmoid"), 9),
    "HardSigmoid": (_hard_sigmoid, 9),
    "Tanh": (_squashed("Tanh"), 9),
    "Elu": (_elu, 9),
    "Celu": (_celu, 12),
    "Selu": (_plain("Selu"), 9),
    "Softplus": (_plain("Softplus"), 9),
    "Softsign": (_plain("Softsign"), 9),
    "ThresholdedRelu": (_thresholded, 10),
    "Sign": (_plain("Sign"), 9),
    "Erf": (_squashed("Erf"), 9),
}
"""Monotone activations: how each is written, and from which operator set on."""

TURNING: dict[str, tuple[Maker, int]] = {
    "HardSwish": (_hard_swish, 9),
    "Swish": (_swish, 9),
    "Gelu": (_gelu, 9),
    "Mish": (_mish, 9),
    "Abs": (_plain("Abs"), 9),
}
"""Activations that turn."""

SATURATING = {"Sigmoid", "Tanh", "HardSigmoid", "Softsign", "Sign", "Erf"}


def activation(net: Net, x: Val, *, turning: bool | None = None) -> Val:
    """An activation function.

    Args:
        turning: Whether it turns; None: it may where the value takes few numbers.
    """
    names = list(TURNING if turning else RISING)
    if turning is None and (x.finite or (x.plain and net.chance(15))):
        names += TURNING
    table = {**RISING, **TURNING}
    options = [n for n in names if net.opset >= table[n][1]]
    name = net.pick(*options)
    net.note(name)
    made = table[name][0](net, x)
    size = 1.0 if name in SATURATING else x.size
    return replace(x, name=made, size=size, codes=False, scale=None)
