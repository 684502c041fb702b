"""Operators that only move numbers, in the forms in which exporters write them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import prod
from typing import Any

import numpy as np

from fuzz.net import LARGEST, Net, Val

Move = Callable[[Net, Val], "Val | None"]
"""Draws the move of a value; None where it does not apply."""


def move(net: Net, x: Val) -> Val:
    """Any move that applies to the value; the value itself where the drawn one does not."""
    options = [m for ranks, moves in MOVES.items() if x.rank in ranks for m in moves]
    made = net.pick(*options)(net, x)
    return x if made is None else made


def flatten(net: Net, x: Val) -> Val:
    """To ``[1, K]``."""
    form = net.pick("Flatten", "Reshape", "computed shape")
    net.note(f"flatten by {form}")
    w, count = net.w, x.count
    if form == "Flatten":
        name = w.node("Flatten", x.name, **net.given(axis=1))
    elif form == "Reshape":
        tail = net.pick(-1, count) if not net.plan.dynamic else count
        name = net.w.reshape(
            x.name, net.pick(0, -1 if tail > 0 else 0, *(() if net.plan.dynamic else (1,))), tail
        )
    else:
        batch = w.node("Gather", w.node("Shape", x.name), w.const(np.array(0, np.int64)), axis=0)
        lead = net.axes("Unsqueeze", batch, [0], first=13)
        name = w.node("Reshape", x.name, w.node("Concat", lead, w.whole(-1), axis=0))
    axis = 1 if x.axis == 1 and x.count == x.shape[1] else None
    return net.moved(x, name, (1, count), axis=axis)


def unflatten(net: Net, x: Val) -> Val | None:
    """``[1, K]`` to a map."""
    count = x.shape[1]
    first = net.pick(*(n for n in range(1, min(count, 8) + 1) if count % n == 0))
    rest = count // first
    second = net.pick(*(n for n in range(1, min(rest, 12) + 1) if rest % n == 0))
    shape = net.pick((1, first, second, rest // second), (1, first, rest))
    net.note("Reshape to a map")
    axis = 1 if x.axis == 1 and first == count else None
    return net.moved(x, net.reshape(x, *shape), shape, axis=axis)


def reshape(net: Net, x: Val) -> Val | None:
    """Another shape of as many axes or another one: pixels joined, a row split, channels and rows joined."""
    _, channels, *spatial = x.shape
    options: list[tuple[int, ...]] = [(1, channels, prod(spatial))] if x.rank == 4 else []
    options += [(1, channels * spatial[0], *spatial[1:])] if len(spatial) == 2 else []
    options += [(1, channels, n, spatial[0] // n) for n in (1, 2, 3) if x.rank == 3 and spatial[0] % n == 0]
    shape = net.pick(*options)
    net.note("Reshape of a map")
    axis = 1 if x.axis == 1 and shape[1] == channels else None
    return net.moved(x, net.reshape(x, *shape), shape, axis=axis)


def transpose(net: Net, x: Val) -> Val:
    """Axes exchanged, but the batch."""
    order = [
        0,
        *net.pick(*(((2, 1),) if x.rank == 3 else ((1, 3, 2), (2, 3, 1), (3, 1, 2), (2, 1, 3), (3, 2, 1)))),
    ]
    net.note("Transpose")
    axis = order.index(x.axis) if x.axis is not None else None
    name = net.w.node("Transpose", x.name, perm=order)
    return net.moved(x, name, [x.shape[i] for i in order], axis=axis)


def squeeze(net: Net, x: Val) -> Val | None:
    """An axis of length 1 left out."""
    ones = [i for i in range(1, x.rank) if x.shape[i] == 1]
    if not ones or x.rank == 2:
        return None
    net.note("Squeeze")
    gone = net.pick(*ones)
    axis = None if x.axis is None or x.axis == gone else x.axis - (gone < x.axis)
    name = net.axes("Squeeze", x.name, [gone], first=13)
    return net.moved(x, name, [n for i, n in enumerate(x.shape) if i != gone], axis=axis)


def unsqueeze(net: Net, x: Val) -> Val:
    """A further axis of length 1."""
    net.note("Unsqueeze")
    at = net.whole(2, x.rank)
    axis = None if x.axis is None else x.axis + (at <= x.axis)
    name = net.axes("Unsqueeze", x.name, [at], first=13)
    return net.moved(x, name, [*x.shape[:at], 1, *x.shape[at:]], axis=axis)


def slice_(net: Net, x: Val) -> Val | None:
    """A part of one axis, also every second element."""
    axis = net.whole(1, x.rank - 1)
    length = x.shape[axis]
    if length < 2:
        return None
    begin = net.whole(0, length - 1)
    end = net.whole(begin + 1, length)
    step = net.pick(1, 1, 2) if net.opset >= 10 else 1
    net.note("Slice", *(["Slice with steps"] if step > 1 else []))
    count = -(-(end - begin) // step)
    first, last = net.pick((begin, end), (begin - length, end if end < length else 2**31 - 1))
    if net.opset < 10:
        name = net.w.node("Slice", x.name, starts=[first], ends=[last], axes=[axis])
    else:
        operands = [net.w.whole(first), net.w.whole(last), net.w.whole(net.pick(axis, axis - x.rank))]
        name = net.w.node("Slice", x.name, *operands, *([net.w.whole(step)] if step > 1 else []))
    return _cut(net, x, name, axis, count)


def _cut(net: Net, x: Val, name: str, axis: int, count: int) -> Val:
    """A part of an axis; channels that are parted are no longer the layer's."""
    shape = [count if i == axis else n for i, n in enumerate(x.shape)]
    return net.moved(x, name, shape, axis=x.axis)


def split(net: Net, x: Val) -> Val | None:
    """Two or three parts; the others stay to be read later."""
    axis = net.whole(1, x.rank - 1)
    length = x.shape[axis]
    if length < 2:
        return None
    first = net.whole(1, length - 1)
    sizes = [first, length - first]
    equal = sizes[0] == sizes[1] and net.chance(50)
    net.note("Split", *(["Split into equal parts"] if equal else []))
    w = net.w
    if equal:
        more: dict[str, Any] = {"num_outputs": 2} if net.opset >= 18 else {}
        names = w.many("Split", x.name, outputs=2, axis=axis, **more)
    elif net.opset < 13:
        names = w.many("Split", x.name, outputs=2, axis=axis, split=sizes)
    else:
        names = w.many("Split", x.name, w.whole(*sizes), outputs=2, axis=axis)
    parts = [_cut(net, x, name, axis, n) for name, n in zip(names, sizes, strict=True)]
    if x.codes:
        net.live.append(parts[1])
    return parts[0]


def pad(net: Net, x: Val) -> Val | None:
    """A number around the map, or a part of it cut away."""
    if x.count * 2 > LARGEST:
        return None
    spatial = len(x.spatial)
    before, after = [0] * x.rank, [0] * x.rank
    for i in range(x.rank - spatial, x.rank):
        before[i], after[i] = net.whole(0, 2), net.whole(0, 1)
        if x.shape[i] > 2 and net.chance(15):
            net.note("Pad that crops")
            after[i] = -1
    if net.chance(15):
        net.note("Pad of channels")
        after[1] = net.whole(1, 2)
    shape = [b + n + a for b, n, a in zip(before, x.shape, after, strict=True)]
    if not any(before) and not any(after):
        return None
    net.note("Pad")
    value = 0.0
    if net.chance(40):
        net.note("Pad of another number")
        value = net.pick(1, -1, 2) * (x.scale if x.codes and x.scale else net.near(x.size))
    axis, padded = x.axis, shape[1] > x.shape[1] or any(n > 0 for n in (*before, *after))
    if net.opset < 11:
        more = {"value": value} if value else net.given(mode="constant", value=0.0)
        name = net.w.node("Pad", x.name, pads=[*before, *after], **more)
    elif net.opset >= 18 and net.chance(30):
        net.note("Pad with axes")
        axes = list(range(1, x.rank))
        pads = net.w.whole(*before[1:], *after[1:])
        name = net.w.node("Pad", x.name, pads, net.w.const(value), net.w.whole(*axes))
    else:
        operand = (net.w.const(value),) if value else net.pick((), (net.w.const(0.0),))
        name = net.w.node("Pad", x.name, net.w.whole(*before, *after), *operand)
    return replace(net.moved(x, name, shape, axis=axis), padded=padded or x.padded)


def zeros(net: Net, x: Val) -> Val | None:
    """Zeros behind the channels, as residual networks that widen have them, by a Concat with a constant."""
    if net.plan.dynamic or x.count * 2 > LARGEST:
        return None
    net.note("Concat with zeros")
    more = net.whole(1, 2)
    shape = [more if i == 1 else n for i, n in enumerate(x.shape)]
    name = net.w.node("Concat", x.name, net.w.const(np.zeros(shape, np.float32)), axis=1)
    shape = [x.shape[1] + more if i == 1 else n for i, n in enumerate(x.shape)]
    return replace(net.moved(x, name, shape, axis=x.axis), padded=True)


def resize(net: Net, x: Val) -> Val | None:
    """Resize to the nearest neighbour (Upsample in old operator sets), by whole factors or to a half."""
    factors = [net.pick(1, 2, 3) for _ in x.spatial]
    if x.count * prod(factors) > LARGEST:
        factors = [1] * len(factors)
    shrink = net.opset >= 11 and all(n % 2 == 0 for n in x.spatial) and net.chance(15)
    scales = [0.5] * len(factors) if shrink else [float(f) for f in factors]
    shape = [1, x.shape[1], *(int(n * s) for n, s in zip(x.spatial, scales, strict=True))]
    w, full = net.w, np.array([1.0, 1.0, *scales], np.float32)
    if net.opset < 11:
        net.note("Upsample")
        return net.moved(x, w.node("Upsample", x.name, w.const(full), mode="nearest"), shape, axis=x.axis)
    rule, nearest = net.pick(
        ("asymmetric", "floor"), ("half_pixel", "round_prefer_floor"), ("half_pixel", "round_prefer_ceil"),
        ("pytorch_half_pixel", "floor"), ("asymmetric", "ceil"), ("align_corners", "round_prefer_floor"),
    )  # fmt: skip
    net.note("Resize", f"Resize {rule} {nearest}", *(["Resize to a half"] if shrink else []))
    attributes: dict[str, Any] = {
        "mode": "nearest",
        "coordinate_transformation_mode": rule,
        "nearest_mode": nearest,
    }
    if net.chance(25):
        net.note("Resize to sizes")
        # roi and scales are absent, or empty where the operator set has them always
        empty = (
            ("", "")
            if net.opset >= 13
            else (w.const(np.zeros(0, np.float32)), w.const(np.zeros(0, np.float32)))
        )
        name = w.node("Resize", x.name, *empty, w.whole(*shape), **attributes)
    else:
        roi = "" if net.opset >= 13 else w.const(np.zeros(0, np.float32))
        name = w.node("Resize", x.name, roi, w.const(full), **attributes)
    return net.moved(x, name, shape, axis=x.axis)


def space_to_depth(net: Net, x: Val) -> Val | None:
    """Pixels to channels: by the operator or as PyTorch writes pixel_unshuffle."""
    channels, (height, width) = x.shape[1], x.spatial
    blocks = [b for b in (2, 3) if height % b == 0 and width % b == 0]
    if not blocks:
        return None
    b = net.pick(*blocks)
    shape = (1, channels * b * b, height // b, width // b)
    if net.pick("operator", "spelled out") == "operator":
        net.note("SpaceToDepth")
        return net.moved(x, net.w.node("SpaceToDepth", x.name, blocksize=b), shape)
    net.note("SpaceToDepth spelled out")
    v = net.reshape(x, 1, channels, height // b, b, width // b, b)
    order = net.pick([0, 1, 3, 5, 2, 4], [0, 3, 5, 1, 2, 4])
    v = net.w.node("Transpose", v, perm=order)
    return net.moved(x, net.reshape(replace(x, name=v), *shape), shape)


def depth_to_space(net: Net, x: Val) -> Val | None:
    """Channels to pixels: DCR, CRD, or as Reshape, Transpose, Reshape."""
    channels, (height, width) = x.shape[1], x.spatial
    blocks = [b for b in (2, 3) if channels % (b * b) == 0]
    if not blocks:
        return None
    b = net.pick(*blocks)
    inner = channels // (b * b)
    shape = (1, inner, height * b, width * b)
    form = net.pick("DCR", "spelled out", *(["CRD"] if net.opset >= 11 else []))
    net.note(f"DepthToSpace {form}")
    if form != "spelled out":
        mode: dict[str, Any] = {"mode": form} if net.opset >= 11 else {}
        return net.moved(x, net.w.node("DepthToSpace", x.name, blocksize=b, **mode), shape)
    if net.pick("CRD", "DCR") == "CRD":
        v, order = net.reshape(x, 1, inner, b, b, height, width), [0, 1, 4, 2, 5, 3]
    else:
        v, order = net.reshape(x, 1, b, b, inner, height, width), [0, 3, 4, 1, 5, 2]
    v = net.w.node("Transpose", v, perm=order)
    return net.moved(x, net.reshape(replace(x, name=v), *shape), shape)


def shuffle(net: Net, x: Val) -> Val | None:
    """The channels in another order: a channel shuffle, or a Gather of some of them."""
    channels = x.shape[1]
    if channels < 2:
        return None
    groups = [g for g in (2, 3) if channels % g == 0 and channels > g]
    if groups and x.rank == 4 and net.chance(50):
        net.note("channel shuffle")
        g = net.pick(*groups)
        v = net.reshape(x, 1, g, channels // g, *x.spatial)
        v = net.w.node("Transpose", v, perm=[0, 2, 1, 3, 4])
        return net.moved(x, net.reshape(replace(x, name=v), *x.shape), x.shape)
    net.note("Gather of channels")
    chosen = net.random().permutation(channels)[: net.whole(1, channels)]
    name = net.w.node("Gather", x.name, net.w.const(chosen.astype(np.int64)), axis=1)
    return _cut(net, x, name, 1, len(chosen))


def repeat(net: Net, x: Val) -> Val | None:
    """Copies of the value: Tile, or Expand of an axis of length 1."""
    ones = [i for i in range(1, x.rank) if x.shape[i] == 1]
    if x.count * 3 > LARGEST:
        return None
    times = net.whole(2, 3)
    if ones and net.chance(60):
        net.note("Expand")
        at = net.pick(*ones)
        shape = [times if i == at else n for i, n in enumerate(x.shape)]
        axis = None if at == x.axis else x.axis
        return net.moved(x, net.w.node("Expand", x.name, net.w.whole(*shape)), shape, axis=axis)
    net.note("Tile")
    at = net.pick(1, 1, x.rank - 1)
    repeats = [times if i == at else 1 for i in range(x.rank)]
    shape = [n * t for n, t in zip(x.shape, repeats, strict=True)]
    return net.moved(x, net.w.node("Tile", x.name, net.w.whole(*repeats)), shape)


def idle(net: Net, x: Val) -> Val:
    """Operators that do nothing at inference."""
    op = net.pick("Identity", "Dropout")
    net.note(op)
    return replace(x, name=net.w.node(op, x.name))


def flat(net: Net, x: Val) -> Val | None:
    """To ``[1, K]``, if it is not."""
    return None if x.rank == 2 else flatten(net, x)


MOVES: dict[tuple[int, ...], tuple[Move, ...]] = {
    (2, 3, 4): (slice_, split, idle, shuffle),
    (2,): (unflatten, unflatten),
    (2, 3): (unsqueeze,),
    (3, 4): (pad, reshape, transpose, squeeze, flat, resize, zeros, repeat),
    (4,): (space_to_depth, depth_to_space) * 3,
}
"""The moves of values with so many axes."""
