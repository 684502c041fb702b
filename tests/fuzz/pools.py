"""Pools: maxima join the layer in front of them, means and sums are layers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from fuzz.layers import Axis, note_window, window_attributes
from fuzz.net import Net, Val


def max_pool(net: Net, x: Val) -> Val:
    """MaxPool, GlobalMaxPool or ReduceMax; of codes the result is codes again."""
    kind = net.pick("window", "window", "window", "global", "ReduceMax")
    if kind == "global":
        net.note("GlobalMaxPool")
        shape = (*x.shape[:2], *[1] * len(x.spatial))
        return replace(x, name=net.w.node("GlobalMaxPool", x.name), shape=shape, plain=False)
    if kind == "ReduceMax":
        name, shape, axis = _reduced(net, x, "ReduceMax", first=18)
        return replace(x, name=name, shape=shape, axis=axis, plain=False)
    axes, up, auto = pooling(net, x, "MaxPool")
    more: dict[str, Any] = {"ceil_mode": 1} if up else {}
    attributes = window_attributes(axes, auto)
    if net.opset < 10 or all(a.dilation == 1 for a in axes):
        del attributes["dilations"]
    name = net.w.node("MaxPool", x.name, **attributes, **more)
    return replace(x, name=name, shape=(*x.shape[:2], *(a.out for a in axes)), plain=False)


def mean_pool(net: Net, x: Val) -> Val:
    """AveragePool, GlobalAveragePool, ReduceMean or ReduceSum of codes."""
    kind = net.pick("window", "window", "global", "ReduceMean", "ReduceSum")
    done = replace(x, codes=False, scale=None, finite=True)
    if kind == "global":
        net.note("GlobalAveragePool")
        shape = (*x.shape[:2], *[1] * len(x.spatial))
        return replace(done, name=net.w.node("GlobalAveragePool", x.name), shape=shape)
    if kind in ("ReduceMean", "ReduceSum"):
        first = 18 if kind == "ReduceMean" else 13
        name, shape, axis = _reduced(net, x, kind, first=first)
        size = x.size * (x.count / done.count if kind == "ReduceSum" else 1)
        return replace(done, name=name, shape=shape, axis=axis, size=size)
    axes, up, auto = pooling(net, x, "AveragePool")
    attributes = window_attributes(axes, auto)
    if net.opset < 19 or all(a.dilation == 1 for a in axes):
        del attributes["dilations"]
    if up:
        attributes["ceil_mode"] = 1
    if any(a.before or a.after for a in axes):
        attributes["count_include_pad"] = 1
        net.note("AveragePool count_include_pad")
    name = net.w.node("AveragePool", x.name, **attributes)
    return replace(done, name=name, shape=(*x.shape[:2], *(a.out for a in axes)))


def pooling(net: Net, x: Val, op: str) -> tuple[list[Axis], bool, str]:
    """Windows, ceil_mode and auto_pad of a pool."""
    mean = op == "AveragePool"
    auto = "VALID" if net.chance(8) else "NOTSET"
    if not mean and net.chance(10):
        auto = net.pick("SAME_UPPER", "SAME_LOWER")
    up = auto == "NOTSET" and net.opset >= 10 and net.chance(25)
    dilated = net.opset >= (19 if mean else 10) and auto == "NOTSET" and not up and net.chance(15)
    padded = auto == "NOTSET" and not (mean and up) and net.chance(35)
    axes = [_pool_axis(net, n, auto, padded=padded, up=up, dilated=dilated) for n in x.spatial]
    net.note(op, *([f"{op} ceil_mode"] if up else []))
    if any(a.kernel > a.stride for a in axes):
        net.note(f"{op} overlapping")
    note_window(net, op, axes, auto)
    return axes, up, auto


def _pool_axis(net: Net, length: int, auto: str, *, padded: bool, up: bool, dilated: bool) -> Axis:
    kernel, stride = net.whole(1, min(4, length)), net.whole(1, 3)
    dilation = 2 if dilated and (kernel - 1) * 2 < length else 1
    before = net.whole(0, min(2, kernel - 1)) if padded else 0
    after = net.whole(0, min(2, kernel - 1)) if padded else 0
    reach = (kernel - 1) * dilation + 1
    room = length + before + after - reach
    if auto.startswith("SAME"):
        stride = min(stride, kernel)  # onnxruntime fails on the negative pads of others
        return Axis(kernel=kernel, stride=stride, dilation=1, before=0, after=0, out=-(-length // stride))
    out = (-(-room // stride) if up else room // stride) + 1
    # A window in the padding alone, of which shape inference knows nothing.
    if up and (out - 1) * stride >= length + before:
        return Axis(kernel=kernel, stride=1, dilation=1, before=before, after=after, out=room + 1)
    return Axis(kernel=kernel, stride=stride, dilation=dilation, before=before, after=after, out=out)


def _reduced(net: Net, x: Val, op: str, *, first: int) -> tuple[str, tuple[int, ...], int | None]:
    """A reduction over some axes behind the channels, or the channels alone."""
    spatial = list(range(2, x.rank))
    options = [spatial, *([[a] for a in spatial] if len(spatial) > 1 else []), *([[1]] if x.codes else [])]
    axes = net.pick(*options)
    keep = net.pick(1, 0)
    net.note(op, *(["reduction of channels"] if axes == [1] else []))
    given = [a - x.rank for a in axes] if net.opset >= 11 and net.pick(False, True) else axes
    attributes: dict[str, Any] = {"keepdims": keep}
    name = net.axes(op, x.name, given, first=first, **attributes)
    shape = [1 if i in axes else n for i, n in enumerate(x.shape)]
    if keep:
        return name, tuple(shape), None if axes == [1] else x.axis
    left = [i for i in range(x.rank) if i not in axes]
    axis = left.index(x.axis) if x.axis in left else None
    return name, tuple(shape[i] for i in left), axis
