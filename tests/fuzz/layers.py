"""Layers with weights: Conv, ConvTranspose, Gemm and MatMul with all their attributes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import prod, sqrt
from typing import Any

import numpy as np

from fuzz.net import LARGEST, Array, Net, Val
from fuzz.quantisers import Drawn, bias, drawn_weights, written_weights

WIDEST = 8
"""Most channels of a layer's output."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """A window along one axis, and how many outputs it gives."""

    kernel: int
    stride: int
    dilation: int
    before: int
    after: int
    out: int
    extra: int = 0


def linear(net: Net, x: Val) -> Val:
    """Any layer with weights that can read the value, which is quantised."""
    if x.rank == 2:
        return net.pick(gemm, matmul)(net, x)
    kind = net.pick(conv, conv, conv, conv_transpose, matmul)
    if kind is matmul:
        return matmul(net, channels_last(net, x))
    return kind(net, channels_first(net, x))


def channels_first(net: Net, x: Val) -> Val:
    """The value with its channels behind the batch, as convolutions and pools read it."""
    if x.axis in (None, 1) or x.rank == 2:
        return x
    net.note("Transpose to channels first")
    return _with_axis(net, x, [0, x.axis, *(i for i in range(1, x.rank) if i != x.axis)])


def channels_last(net: Net, x: Val) -> Val:
    """The value with its channels last, as a dense layer at each position reads it."""
    if x.axis in (None, x.rank - 1):
        return x
    net.note("Transpose to channels last")
    return _with_axis(net, x, [*(i for i in range(x.rank) if i != x.axis), x.axis])


def _with_axis(net: Net, x: Val, order: list[int]) -> Val:
    assert x.axis is not None
    name = net.w.node("Transpose", x.name, perm=order)
    return replace(
        x, name=name, shape=tuple(x.shape[i] for i in order), axis=order.index(x.axis), plain=False
    )


# ---- convolutions ---------------------------------------------------------------------------------------


def window(net: Net, length: int) -> Axis:
    """Kernel, stride, dilation and pads of a plain convolution along an axis."""
    before, after = (net.whole(0, 2), net.whole(0, 2)) if net.chance(50) else (0, 0)
    room = length + before + after
    kernel = net.whole(1, min(4, room))
    dilation = net.whole(1, min(3, (room - 1) // (kernel - 1))) if kernel > 1 and net.chance(30) else 1
    stride = net.pick(1, 2, 3) if net.chance(40) else 1
    out = (room - (kernel - 1) * dilation - 1) // stride + 1
    return Axis(kernel=kernel, stride=stride, dilation=dilation, before=before, after=after, out=out)


def automatic(axis: Axis, length: int, auto: str) -> Axis:
    """The axis with auto_pad instead of pads."""
    if auto == "VALID":
        reach = (axis.kernel - 1) * axis.dilation + 1
        return replace(axis, before=0, after=0, out=(length - reach) // axis.stride + 1)
    out = -(-length // axis.stride)
    return replace(axis, before=0, after=0, dilation=1, out=out)  # onnxruntime has no dilation here


def window_attributes(axes: list[Axis], auto: str) -> dict[str, Any]:
    """The attributes that convolutions and pools share."""
    found: dict[str, Any] = {
        "kernel_shape": [a.kernel for a in axes],
        "strides": [a.stride for a in axes],
        "dilations": [a.dilation for a in axes],
    }
    if auto == "NOTSET":
        found["pads"] = [a.before for a in axes] + [a.after for a in axes]
    else:
        found["auto_pad"] = auto
    return found


def note_window(net: Net, op: str, axes: list[Axis], auto: str) -> None:
    """Count the attributes that differ from their defaults."""
    for name, used in {
        "stride": any(a.stride > 1 for a in axes),
        "dilation": any(a.dilation > 1 for a in axes),
        "pads": any(a.before or a.after for a in axes),
        "asymmetric pads": any(a.before != a.after for a in axes),
        "kernels not square": len({a.kernel for a in axes}) > 1,
        f"auto_pad {auto}": auto != "NOTSET",
    }.items():
        if used:
            net.note(f"{op} {name}")


def groups(net: Net, op: str, channels: int) -> int:
    """How many groups of input channels."""
    kind = net.pick("one", "one", "one", "depthwise", "groups")
    if channels == 1 or kind == "one":
        return 1
    if kind == "depthwise":
        net.note(f"{op} depthwise")
        return channels
    found = net.pick(*(n for n in range(1, channels + 1) if channels % n == 0))
    net.note(*([f"{op} groups"] if found > 1 else []))
    return found


def conv(net: Net, x: Val, *, same: bool = False) -> Val:
    """Conv, 1-D or 2-D.

    Args:
        same: So that the result has the shape of the value.
    """
    op = f"Conv {len(x.spatial)}-D"
    axes = [_same(net) if same else window(net, n) for n in x.spatial]
    axes = [replace(a, out=n) if same else a for a, n in zip(axes, x.spatial, strict=True)]
    auto = "NOTSET"
    if not same and net.chance(20):
        auto = net.pick("SAME_UPPER", "SAME_LOWER", "VALID")
        tried = [automatic(a, n, auto) for a, n in zip(axes, x.spatial, strict=True)]
        auto = auto if min(a.out for a in tried) > 0 else "NOTSET"
        axes = tried if auto != "NOTSET" else axes
    split = 1 if same else groups(net, op, x.shape[1])
    outputs = x.shape[1] if same else _outputs(net, split, prod(a.out for a in axes))
    net.note(op)
    note_window(net, op, axes, auto)
    made = drawn_weights(net, (outputs, x.shape[1] // split, *(a.kernel for a in axes)), 0)
    return _finished(net, x, "Conv", made, outputs, axes, {**window_attributes(axes, auto), "group": split})


def _same(net: Net) -> Axis:
    before = net.whole(0, 1)
    kernel, dilation = net.pick((1, 1), (3, 1), (2, 1), (2, 2))
    reach = (kernel - 1) * dilation
    before = min(before, reach)
    return Axis(kernel=kernel, stride=1, dilation=dilation, before=before, after=reach - before, out=1)


def _outputs(net: Net, split: int, pixels: int) -> int:
    """A number of output channels that the groups divide."""
    most = max(1, min(WIDEST, LARGEST // max(pixels, 1)) // split)
    return split * net.whole(1, most)


def _finished(
    net: Net, x: Val, op: str, made: Drawn | Array, outputs: int, axes: list[Axis], attributes: dict[str, Any]
) -> Val:
    """The node, with a bias or without."""
    real = made.real if isinstance(made, Drawn) else made
    fan_in = real.size / outputs
    size = x.size * float(np.sqrt(np.mean(real.astype(float) ** 2))) * sqrt(fan_in)
    operands = [written_weights(net, made)]
    if net.chance(40):
        operands.append(bias(net, outputs, size, made, x))
    if op == "Conv" and net.chance(25):
        for key, default in (("group", 1), ("strides", [1] * len(axes)), ("dilations", [1] * len(axes))):
            if attributes[key] == default:
                del attributes[key]
        net.note("attributes left out")
    name = net.w.node(op, x.name, *operands, **attributes)
    return Val(name=name, shape=(1, outputs, *(a.out for a in axes)), size=size, plain=True)


def conv_transpose(net: Net, x: Val) -> Val:
    """ConvTranspose, 1-D or 2-D."""
    op = f"ConvTranspose {len(x.spatial)}-D"
    channels = x.shape[1]
    split = groups(net, op, channels)
    axes = [_transposed(net, n) for n in x.spatial]
    pixels = prod(a.out for a in axes)
    each = net.whole(1, max(1, min(WIDEST, LARGEST // pixels) // split))
    attributes = {**window_attributes(axes, "NOTSET"), "group": split}
    if any(a.extra for a in axes):
        attributes["output_padding"] = [a.extra for a in axes]
        net.note(f"{op} output_padding")
    net.note(op)
    note_window(net, op, axes, "NOTSET")
    shape = (channels, each, *(a.kernel for a in axes))
    made = drawn_weights(net, shape, 1, per_channel=split == 1)
    if net.chance(10):
        net.note(f"{op} output_shape")
        attributes["output_shape"] = [a.out for a in axes]
        if not any(a.extra for a in axes):
            attributes["output_padding"] = [0] * len(axes)
        _pads_by_shape(net, x, axes, attributes)
    return _finished(net, x, "ConvTranspose", made, each * split, axes, attributes)


def _pads_by_shape(net: Net, x: Val, axes: list[Axis], attributes: dict[str, Any]) -> None:
    """Leave the pads to output_shape, with or without an auto_pad."""
    del attributes["pads"]
    auto = net.pick("", "SAME_UPPER", "SAME_LOWER")
    if auto:
        attributes["auto_pad"] = auto


def _transposed(net: Net, length: int) -> Axis:
    """Attributes along an axis of a transposed convolution that give one output pixel or more, and not too many."""
    kernel = net.whole(1, 4)
    stride = net.whole(1, 3 if length <= 4 else 2)
    dilation = net.pick(1, 2) if kernel > 1 and net.chance(20) else 1
    extra = net.whole(0, stride - 1) if stride > 1 and net.chance(30) else 0
    full = (length - 1) * stride + (kernel - 1) * dilation + 1 + extra
    before = net.whole(0, min(2, full - 1)) if net.chance(60) else 0
    after = net.whole(0, min(2, full - 1 - before)) if net.chance(60) else 0
    return Axis(
        kernel=kernel,
        stride=stride,
        dilation=dilation,
        before=before,
        after=after,
        extra=extra,
        out=full - before - after,
    )


# ---- dense layers ---------------------------------------------------------------------------------------


def gemm(net: Net, x: Val) -> Val:
    """Gemm with all flags."""
    net.note("Gemm")
    count, outputs = x.shape[1], net.whole(1, WIDEST)
    attributes: dict[str, Any] = {}
    turned = net.chance(60)
    made = drawn_weights(net, (outputs, count) if turned else (count, outputs), 0 if turned else 1)
    real = made.real if isinstance(made, Drawn) else made
    size = x.size * float(np.sqrt(np.mean(real.astype(float) ** 2))) * sqrt(count)
    for name, value in {"transB": 1 if turned else 0}.items():
        if value:
            attributes[name] = value
            net.note(f"Gemm {name}")
    first = x.name
    if not net.plan.dynamic and net.chance(10):
        net.note("Gemm transA")
        first = net.w.node("Transpose", first, perm=[1, 0])
        attributes["transA"] = 1
    if net.chance(15):
        net.note("Gemm alpha")
        attributes["alpha"] = net.near(1.0) * net.pick(1.0, -1.0)
        size *= abs(attributes["alpha"])
    operands = [written_weights(net, made)]
    if net.opset < 11 or net.chance(60):
        operands.append(_gemm_bias(net, x, made, outputs, size))
        if net.chance(15):
            net.note("Gemm beta")
            attributes["beta"] = net.near(1.0)
    name = net.w.node("Gemm", first, *operands, **attributes)
    return Val(name=name, shape=(1, outputs), size=size)


def _gemm_bias(net: Net, x: Val, made: Drawn | Array, outputs: int, size: float) -> str:
    form = net.pick("[O]", "[O]", "[1, O]", "one number")
    net.note(f"Gemm C {form}")
    if form == "[O]":
        return bias(net, outputs, size, made, x)
    numbers = net.constants(outputs if form == "[1, O]" else 1, size, net.random())
    return net.w.const(numbers.reshape(1, -1) if form == "[1, O]" else numbers.reshape(net.pick((1,), ())))


def matmul(net: Net, x: Val) -> Val:
    """MatMul of the last axis, at every position of those in front of it."""
    net.note(f"MatMul of {x.rank} axes")
    count, outputs = x.shape[-1], net.whole(1, max(1, min(WIDEST, LARGEST * x.shape[-1] // x.count)))
    turned = net.chance(40)
    made = drawn_weights(net, (outputs, count) if turned else (count, outputs), 0 if turned else 1)
    real = made.real if isinstance(made, Drawn) else made
    size = x.size * float(np.sqrt(np.mean(real.astype(float) ** 2))) * sqrt(count)
    second = written_weights(net, made)
    if turned:
        net.note("MatMul Transpose behind the weights")
        second = net.w.node("Transpose", second, perm=[1, 0])
    name = net.w.node("MatMul", x.name, second)
    result = Val(name=name, shape=(*x.shape[:-1], outputs), size=size, axis=x.rank - 1)
    if net.chance(40):
        net.note("MatMul bias")
        operands = [result.name, bias(net, outputs, size, made, x)]
        operands = operands[:: net.pick(1, -1)]
        result = replace(result, name=net.w.node("Add", *operands))
    return result
