"""The network's ends: raw sums, codes, the largest channel, what the host computes, and several of them."""

from __future__ import annotations

from typing import Any

import numpy as np
from onnx import TensorProto

from fuzz import elementwise, layers
from fuzz.net import Net, Val


def finish(net: Net) -> None:
    """Give the latest value away, through a last layer or as it is, and sometimes others too."""
    x = net.live[-1]
    form = net.pick("codes", "raw sums", "ArgMax", "TopK", "Softmax", "activation")
    if form != "codes" and not (x.each and net.plan.arbitrary):
        net.last = True
        x = layers.linear(net, x) if x.rank <= 4 else x
        if net.chance(30):
            x = (
                elementwise.constant(net, x)
                if net.chance(50) or x.axis != 1
                else elementwise.batch_norm(net, x)
            )
    net.note(f"end {form}")
    match form:
        case "ArgMax":
            _arg_max(net, x)
        case "TopK":
            _top_k(net, x)
        case "Softmax":
            op = net.pick("Softmax", "LogSoftmax") if net.chance(70) else "Sigmoid"
            axis: dict[str, Any] = {"axis": net.pick(1, -1)} if op != "Sigmoid" else {}
            net.w.output(net.w.node(op, x.name, **axis), "y")
        case "activation":
            net.w.output(elementwise.activation(net, x, turning=net.pick(False, True)).name, "y")
        case _:
            net.w.output(x.name, "y")
    others = [v for v in net.live[:-1] if v.name not in net.read]
    if form != "codes" and net.chance(15):
        others.append(net.live[-1])
    for number, other in enumerate(others):
        net.w.output(other.name, f"z{number}")
    net.note("several outputs" if others else "one output")


def _arg_max(net: Net, x: Val) -> None:
    axis = net.pick(1, -1) if net.opset >= 11 else 1
    keep = net.pick(1, 0)
    last = net.opset >= 12 and net.chance(10)
    more: dict[str, Any] = {"select_last_index": 1} if last else {}
    name = net.w.node("ArgMax", x.name, axis=axis, keepdims=keep, **more)
    net.w.output(name, "y", TensorProto.INT64)


def _top_k(net: Net, x: Val) -> None:
    axis = net.pick(-1, 1) if net.opset >= 11 else 1
    k = net.pick(1, min(2, x.shape[axis]))
    more: dict[str, Any] = {"largest": net.pick(1, 0)} if net.opset >= 11 else {}
    if net.opset < 10:
        names = net.w.many("TopK", x.name, outputs=2, axis=axis, k=k)
    else:
        names = net.w.many("TopK", x.name, net.w.const(np.array([k], np.int64)), outputs=2, axis=axis, **more)
    net.note(f"TopK of {k}")
    if net.chance(60):
        net.w.output(names[0], "y_values")
    net.w.output(names[1], "y", TensorProto.INT64)
