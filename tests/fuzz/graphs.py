"""Whole ONNX graphs as a hypothesis strategy: inputs, layers, connections between them, and ends.

A graph grows stage by stage. Each stage reads values that are quantised, adds a layer and what follows it, and leaves
a quantised value again, so that any stage can be left out: that is how failures shrink.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import onnx
from hypothesis import strategies as st
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from fuzz import elementwise, integers, layers, moves, pools
from fuzz.ends import finish
from fuzz.net import Net, Val, start
from fuzz.quantisers import FINN, drawn_weights, quantiser, written_weights

FRAMES = 8
STAGES = 5
"""Most stages of a graph."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Case:
    """A drawn network with frames to run it on.

    Attributes:
        inputs: float32 ``[FRAMES, ...]`` by graph input.
        features: What was drawn, how often.
    """

    model: onnx.ModelProto
    inputs: dict[str, NDArray[Any]]
    features: Counter[str]


@st.composite
def networks(draw: st.DrawFn) -> Case:
    """A network that ternc is meant to read."""
    net = start(draw)
    inputs = _inputs(net)
    for _ in range(STAGES):
        if not draw(_stage(net)):
            break
    finish(net)
    return Case(model=_model(net), inputs=inputs, features=net.features)


def _stage(net: Net) -> st.SearchStrategy[bool]:
    """One stage as a strategy, so that hypothesis can leave all of its choices out at once."""

    @st.composite
    def stage(draw: st.DrawFn) -> bool:
        if draw(st.integers(0, 99)) < 20:  # the end is what a choice shrinks to
            return False
        net.draw = draw
        kind = net.pick(layer, layer, layer, residual, joined, averaged, table, maxima, branch)
        kind(net)
        return True

    return stage()


# ---- inputs ---------------------------------------------------------------------------------------------


def _inputs(net: Net) -> dict[str, NDArray[Any]]:
    count = net.pick(1, 1, 1, 2)
    net.note(f"{count} inputs" if count > 1 else "one input")
    return {f"x{i}": _input(net, f"x{i}") for i in range(count)}


def _input(net: Net, name: str) -> NDArray[Any]:
    """A graph input behind its quantiser, and frames of numbers for it."""
    rank = net.pick(4, 2, 3)
    net.note({4: "2-D input", 3: "1-D input", 2: "dense input"}[rank])
    shape = (
        1,
        net.whole(1, 6) if rank == 2 else net.whole(1, 4),
        *(net.whole(1, 6) for _ in range(rank - 2)),
    )
    size = net.near(1.0)
    last = rank > 2 and net.chance(15)
    outer = (1, *shape[2:], shape[1]) if last else shape
    batch = "batch" if net.plan.dynamic else 1
    net.w.inputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, [batch, *outer[1:]]))
    v = Val(name=name, shape=shape, size=size)
    if last:
        net.note("channels-last input")
        v = replace(v, name=net.w.node("Transpose", name, perm=[0, rank - 1, *range(1, rank - 1)]))
    if net.chance(12):
        net.note("scaled input")
        v = replace(v, name=net.w.node("Sub", net.w.node("Mul", v.name, net.w.const(2.0)), net.w.const(1.0)))
    quantised = quantiser(net, v, plain=net.chance(60))
    net.live.append(replace(quantised, entry=True))
    rng = net.random()
    on_steps = rng.integers(-16, 17, (FRAMES // 2, *outer[1:])) * (size / 8)
    anywhere = rng.normal(0, size, (FRAMES - FRAMES // 2, *outer[1:]))
    return np.asarray(np.concatenate([on_steps, anywhere]), np.float32)


# ---- stages ---------------------------------------------------------------------------------------------


def _arranged(net: Net, x: Val) -> Val:
    """The value, rearranged or not."""
    for _ in range(2):
        if x.each or not net.chance(30):
            break
        x = moves.move(net, x)
    return x


def _behind(net: Net, x: Val) -> Val:
    """What follows the sums of a layer, up to a quantiser."""
    for _ in range(4):
        kind = net.pick("quantiser", "elementwise", "elementwise", "pool", "move")
        if kind == "quantiser":
            break
        if kind == "elementwise":
            x = elementwise.elementwise(net, x)
        elif kind == "pool" and x.rank > 2 and x.plain:
            net.note("max pool of sums")
            x = pools.max_pool(net, x)
        elif kind == "move":
            net.note("move of sums")
            x = moves.move(net, x)
    return x


def _done(net: Net, x: Val) -> None:
    net.live.append(quantiser(net, x))


def layer(net: Net) -> None:
    """A layer with weights."""
    x = _arranged(net, net.any())
    given = integers.codes_of(net, x) if x.rank in (2, 3, 4) and x.axis == 1 else None
    if given is not None and net.chance(35):
        made = integers.layer(net, x, given)
        return net.live.append(made) if made.codes else _done(net, _behind(net, made))
    if x.rank <= 4:
        _done(net, _behind(net, layers.linear(net, x)))
    return None


def residual(net: Net) -> None:
    """A sum, difference, maximum or minimum of two values of one shape, whose scales have any ratio."""
    x = layers.channels_first(net, net.any())
    form = net.pick("codes", "sums", "two layers", "itself", "live")
    if x.rank == 2 or form == "live":
        others = [v for v in net.live if v.shape == x.shape and v.name != x.name]
        if not others:
            form = "codes"
        else:
            form, other = "live", net.reads(net.pick(*others))
    if form == "itself" and x.entry:
        form = "codes"
    if form == "live":
        first, second = x, other
    elif form == "itself":
        first, second = x, quantiser(net, elementwise.elementwise(net, x), plain=True, like=x)
    else:
        branch = _same_shape(net, x)
        second = (
            quantiser(net, elementwise.elementwise(net, branch), plain=True, like=x)
            if form == "codes"
            else branch
        )
        first = _same_shape(net, x) if form == "two layers" else x
    extremes = ["Max", "Min"] if first.codes and second.codes else []
    op = net.pick("Add", "Sub", "Sum", *extremes)
    net.note(f"residual {op}", f"residual of {form}", _ratio(first, second))
    names = [first.name, second.name][:: net.pick(1, -1)]
    total = Val(
        name=net.w.node(op, *names),
        shape=x.shape,
        size=first.size + second.size,
        axis=x.axis,
        padded=first.padded or second.padded,
    )
    _done(net, _behind(net, total))


def _same_shape(net: Net, x: Val) -> Val:
    """The sums of a layer with the shape of the value it reads."""
    if x.rank > 2:
        return layers.conv(net, x, same=True)
    count = x.shape[1]
    made = drawn_weights(net, (count, count), 1)
    name = net.w.node("MatMul", x.name, written_weights(net, made))
    return Val(name=name, shape=x.shape, size=x.size * count**0.5 / 2)


def _ratio(first: Val, second: Val) -> str:
    if first.scale is None or second.scale is None:
        return "scales of sums"
    ratio = first.scale / second.scale
    if ratio == 1:
        return "equal scales"
    return "scales in a ratio of a power of two" if np.log2(ratio) % 1 == 0 else "scales in any ratio"


def joined(net: Net) -> None:
    """A concatenation, along channels or an axis behind them, read by a layer."""
    x = net.any()
    if x.each:
        return layer(net)
    axis = net.pick(1, *range(1, x.rank))
    fits = [
        v
        for v in net.live
        if not v.each
        and (axis == 1 or (v.scale is not None and v.scale == x.scale))
        and v.rank == x.rank
        and all(a == b for i, (a, b) in enumerate(zip(v.shape, x.shape, strict=True)) if i != axis)
    ]
    # A tensor beside itself makes no lines.
    fits = fits if axis == 1 else [v for v in fits if v.name != x.name]
    if not fits and (x.entry or x.scale is None):
        return layer(net)
    if not x.entry and (not fits or (x.scale is not None and net.chance(40))):
        other = elementwise.elementwise(net, x)
        parts = [x, quantiser(net, other, plain=True, like=x, always=axis > 1)]
    else:
        parts = [x, net.reads(net.pick(*fits))]
    if axis == 1 and net.chance(15):
        parts.append(net.reads(net.pick(*fits)))
    net.note("Concat", f"Concat of {'channels' if axis == 1 else 'space'}")
    shape = [sum(v.shape[i] for v in parts) if i == axis else n for i, n in enumerate(x.shape)]
    name = net.w.node(
        "Concat", *(v.name for v in parts), axis=axis if net.opset < 11 else net.pick(axis, axis - x.rank)
    )
    value = Val(
        name=name,
        shape=tuple(shape),
        size=x.size,
        codes=True,
        axis=1 if axis == 1 or x.axis == 1 else None,
        finite=True,
        padded=any(v.padded for v in parts),
        each=len({v.scale for v in parts}) > 1,
    )
    if net.chance(20):
        return net.live.append(value)
    return _done(net, _behind(net, layers.linear(net, _arranged(net, value))) if value.rank <= 4 else value)


def averaged(net: Net) -> None:
    """A mean or sum over windows or whole axes."""
    x = layers.channels_first(net, net.any())
    if x.rank not in (3, 4):
        return layer(net)
    return _done(net, _behind(net, pools.mean_pool(net, x)))


def table(net: Net) -> None:
    """An activation on a quantised value, also one that turns."""
    x = net.any()
    if x.entry:
        return layer(net)
    y = elementwise.activation(net, x, turning=net.pick(True, False))
    net.note("activation of codes")
    return _done(net, elementwise.constant(net, y) if net.chance(20) else y)


def maxima(net: Net) -> None:
    """A max pool of codes, which are codes again."""
    x = layers.channels_first(net, net.any())
    if x.rank not in (3, 4):
        return layer(net)
    net.note("max pool of codes")
    return net.live.append(pools.max_pool(net, x))


def branch(net: Net) -> None:
    """A rearranged value beside the one it comes from."""
    x = net.any()
    net.live.append(x if x.each else _arranged(net, moves.move(net, x)))


# ---- the file -------------------------------------------------------------------------------------------


def _model(net: Net) -> onnx.ModelProto:
    """The model, its constants where the plan has them."""
    model = net.w.model(net.plan.opset, "drawn")
    if any(node.domain == FINN for node in model.graph.node):
        model.opset_import.append(helper.make_opsetid(FINN, 1))
    graph = model.graph
    if net.plan.stored == "nodes":
        made = [
            helper.make_node("Constant", [], [t.name], name=f"constant_{t.name}", value=t)
            for t in graph.initializer
        ]
        nodes = list(graph.node)
        del graph.node[:], graph.initializer[:]
        graph.node.extend([*made, *nodes])
    elif net.plan.stored == "inputs":
        for t in graph.initializer:
            array = numpy_helper.to_array(t)
            graph.input.append(helper.make_tensor_value_info(t.name, t.data_type, array.shape))
    return model
