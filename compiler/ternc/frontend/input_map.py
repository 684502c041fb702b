"""The network's input: from the ONNX array's axes to a map of channels and pixels."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal, TypeAlias

import numpy as np

from ternc.errors import ModelError
from ternc.frontend.grid import Rationals, affine
from ternc.frontend.values import NOTHING, GraphInput, Index, Map, View, pixels, plain_index
from ternc.network.steps import (
    Add,
    Branch,
    Clamp,
    Divide,
    Function,
    Multiply,
    Normalise,
    PerChannel,
    Round,
    Sign,
    Step,
    Thresholds,
)

Layout: TypeAlias = Literal["map", "flat"]
"""How a layer reads the input: [1, C, L] or [1, C, H, W] as a map, or all of it as one vector."""


def inverse(prefix: tuple[Step, ...]) -> tuple[Rationals, Rationals]:
    """Scale and offset of the ONNX input as a function of the code that the prefix makes of it."""
    found = affine(
        tuple(s for s in prefix if not isinstance(s, Round | Clamp | Sign | Thresholds | Function | Branch))
    )
    assert found is not None
    return 1 / found[0], -found[1] / found[0]


def layout_of(view: View, source: GraphInput, layout: Layout) -> tuple[Map, Index]:
    """Map of the input tensor, and for each of its values in (channel, y, x) order the ONNX element."""
    index = view.index
    whole = index.size == int(np.prod(source.shape)) and NOTHING not in index
    if not whole or np.bincount(index.ravel()).max() > 1:
        # a part of it, or enlarged: the whole, its axes in the reader's order
        index, layout = plain_index(source.shape).transpose(axes_of(index, source.shape)), "map"
    shape = index.shape
    if layout == "flat":
        flat = plain_index(source.shape)
        if len(source.shape) > 2:
            flat = np.moveaxis(flat, 1, -1)
        return (flat.size, 1, 1), flat.ravel()
    if len(shape) not in (2, 3, 4) or shape[0] != 1:  # the reader sees no map: the input's own axes
        index = plain_index(source.shape)
        shape = index.shape if len(index.shape) < 5 else (*index.shape[:3], int(np.prod(index.shape[3:])))
    if len(shape) == 2:
        return (index.size, 1, 1), index.ravel()
    size = (shape[1], 1, shape[2]) if len(shape) == 3 else (shape[1], shape[2], shape[3])
    return size, index.ravel()


def axes_of(index: Index, shape: tuple[int, ...]) -> tuple[int, ...]:
    """The order of the source's axes (of ``shape``) in a value that reads it through an index.

    It is the source's own order wherever an axis of the value runs along several axes of the source.
    """
    plain = tuple(range(len(shape)))
    if index.ndim != len(shape):
        return plain
    there = index != NOTHING
    places = np.stack(np.unravel_index(np.where(there, index, 0), shape))
    order: list[int] = []
    for axis in range(index.ndim):
        both = np.delete(there, 0, axis) & np.delete(there, -1, axis)
        moved = np.any(np.diff(places, axis=axis + 1)[:, both], axis=1)
        if np.count_nonzero(moved) > 1:
            return plain
        order.append(int(np.argmax(moved)) if np.any(moved) else -1)
    left = [axis for axis in plain if axis not in order]
    found = (
        tuple(left.pop(0) if axis < 0 else axis for axis in order) if order.count(-1) == len(left) else plain
    )
    return found if sorted(found) == list(plain) else plain


def by_channel(values: Rationals, order: Index, size: Map) -> Rationals | None:
    """Per-element constants of the ONNX input as per-channel ones; None where they differ inside a channel."""
    if values.size == 1:
        return values
    channel = order // pixels(size)
    out = np.empty(size[0], object)
    out[channel] = values
    return out if bool(np.all(out[channel] == values)) else None


def step_by_channel(step: Step, order: Index, size: Map, where: str) -> Step:
    """A step with per-element constants of the ONNX input as one with per-channel constants."""

    def place(values: PerChannel) -> PerChannel:
        if len(values) == 1:
            return values
        out = np.empty((size[0], *values.shape[1:]))
        out[order // pixels(size)] = values
        if not np.array_equal(out[order // pixels(size)], values):
            raise ModelError(
                f"{where} reads the network's input behind a constant that must be one number per channel, "
                "but differs inside a channel"
            )
        return out

    match step:
        case Add():
            return Add(addend=place(step.addend))
        case Multiply():
            return Multiply(factor=place(step.factor))
        case Divide():
            return Divide(divisor=place(step.divisor))
        case Clamp():
            return Clamp(low=place(step.low), high=place(step.high))
        case Normalise():
            return Normalise(
                mean=place(step.mean),
                variance=place(step.variance),
                epsilon=step.epsilon,
                gain=place(step.gain),
                bias=place(step.bias),
            )
        case Thresholds():
            return Thresholds(values=place(step.values))
        case Function():
            return replace(step, alpha=place(step.alpha), beta=place(step.beta), gamma=place(step.gamma))
        case Branch():
            inner: dict[str, Any] = {
                name: tuple(step_by_channel(s, order, size, where) for s in getattr(step, name))
                for name in ("test", "below", "above")
            }
            return replace(step, at=place(step.at), **inner)
        case _:
            return step
