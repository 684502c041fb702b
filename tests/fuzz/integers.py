"""Layers on integers: QLinearConv, QLinearMatMul, ConvInteger and MatMulInteger, one behind the other."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import prod, sqrt
from typing import Any

import numpy as np
from onnx import TensorProto, numpy_helper

from fuzz import layers
from fuzz.net import LARGEST, Array, Net, Val

LONGEST = 3
"""Most of such layers in a row."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Codes:
    """A value's integers.

    Attributes:
        name: Of the integers; ``zero`` of their zero point.
        scale: What one is worth.
    """

    name: str
    zero: str
    scale: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Weights:
    """Stored weights; ``codes`` minus ``zero`` are -1, 0, 1, or of a few bits."""

    codes: Array
    zero: Array
    size: float


def codes_of(net: Net, x: Val) -> Codes | None:
    """The integers behind a value that DequantizeLinear makes of 8-bit ones with one scale; None for any other."""
    maker = next(node for node in net.w.nodes if x.name in node.output) if net.w.nodes else None
    if maker is None or maker.op_type != "DequantizeLinear":
        return None
    constants = {t.name: numpy_helper.to_array(t) for t in net.w.initialisers}
    scale, zero = (constants[name] for name in maker.input[1:3])
    if scale.ndim or zero.dtype not in (np.int8, np.uint8):
        return None
    return Codes(name=maker.input[0], zero=maker.input[2], scale=float(scale))


def layer(net: Net, x: Val, given: Codes) -> Val:
    """Some integer layers on a value of codes; real numbers, quantised or not."""
    for _ in range(net.whole(1, LONGEST)):
        form = net.pick("QLinear", "QLinear", "Integer")
        kind = net.pick("Conv", "MatMul") if x.rank > 2 else "MatMul"
        if kind == "MatMul" and x.rank > 2:
            break
        x, operands, attributes = (_conv if kind == "Conv" else _matmul)(net, x)
        if form == "Integer":
            return _plain(net, x, given, f"{kind}Integer", operands, attributes)
        x, given = _requantised(net, x, given, f"QLinear{kind}", operands, attributes)
    name = net.w.node("DequantizeLinear", given.name, net.w.const(given.scale), given.zero)
    return replace(
        x, name=name, codes=True, scale=given.scale, finite=True, plain=False, each=False, entry=False
    )


def _conv(net: Net, x: Val) -> tuple[Val, _Weights, dict[str, Any]]:
    axes = [layers.window(net, n) for n in x.spatial]
    split = layers.groups(net, "integer Conv", x.shape[1])
    most = max(1, min(layers.WIDEST, LARGEST // max(prod(a.out for a in axes), 1)) // split)
    count = split * net.whole(1, most)
    made = _weights(net, (count, x.shape[1] // split, *(a.kernel for a in axes)), count)
    attributes = {**layers.window_attributes(axes, "NOTSET"), "group": split}
    size = x.size * made.size * sqrt(made.codes.size / count)
    shape = (1, count, *(a.out for a in axes))
    return Val(name=x.name, shape=shape, size=size, plain=True), made, attributes


def _matmul(net: Net, x: Val) -> tuple[Val, _Weights, dict[str, Any]]:
    count = net.whole(1, layers.WIDEST)
    made = _weights(net, (x.shape[1], count), count)
    return Val(name=x.name, shape=(1, count), size=x.size * made.size * sqrt(x.shape[1])), made, {}


def _weights(net: Net, shape: tuple[int, ...], count: int) -> _Weights:
    rng, top = net.random(), net.pick(1, 1, 7)
    values = rng.integers(-top, top + 1, shape)
    stored, zero = net.pick((np.int8, 0), (np.uint8, 128), (np.int8, 3))
    net.note(f"weights {np.dtype(stored)} with zero point {zero}")
    zeros = np.full((count,) if net.chance(30) else (), zero, stored)
    size = float(np.sqrt(np.mean(values.astype(float) ** 2))) or 1.0
    return _Weights(codes=(values + zero).astype(stored), zero=zeros, size=size)


def _plain(net: Net, x: Val, given: Codes, op: str, made: _Weights, attributes: dict[str, Any]) -> Val:
    """Integer sums, which a Cast and a Mul make real."""
    net.note(op)
    v = net.w.node(op, given.name, net.w.const(made.codes), given.zero, net.w.const(made.zero), **attributes)
    v = net.w.node("Cast", v, to=TensorProto.FLOAT)
    scale = net.near(0.5)
    return replace(x, name=net.w.node("Mul", v, net.w.const(given.scale * scale)), size=x.size * scale)


def _requantised(
    net: Net, x: Val, given: Codes, op: str, made: _Weights, attributes: dict[str, Any]
) -> tuple[Val, Codes]:
    """Integers of a scale of their own."""
    net.note(op)
    each = op == "QLinearConv" and made.zero.ndim == 1
    weight: Any = net.scales(x.shape[1], 0.5, net.random()) if each else np.float32(net.near(0.5))
    size = x.size * 0.5
    kind, zero = net.pick((np.int8, 0), (np.uint8, 0), (np.uint8, 100), (np.int8, -20))
    scale, point = net.near(size / 50), net.w.const(np.array(zero, kind))
    weights_zero = (
        made.zero if made.zero.ndim == np.ndim(weight) else np.full(np.shape(weight), made.zero.flat[0])
    )
    operands = [
        *(given.name, net.w.const(given.scale), given.zero),
        *(net.w.const(made.codes), net.w.const(np.asarray(weight))),
        net.w.const(np.asarray(weights_zero, made.codes.dtype)),
        *(net.w.const(scale), point),
    ]
    if op == "QLinearConv" and net.chance(50):
        net.note("QLinearConv bias")
        unit = size / (given.scale * 0.5)
        operands.append(net.w.const(np.rint(net.random().normal(0, unit, x.shape[1])).astype(np.int32)))
    name = net.w.node(op, *operands, **attributes)
    return replace(x, name=name, size=min(size, scale * 128)), Codes(name=name, zero=point, scale=scale)
