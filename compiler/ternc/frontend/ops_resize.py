"""Resize and Upsample: every output pixel is one input pixel, so they only move numbers."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import floor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ternc.frontend.ops_shape import ARRANGE
from ternc.frontend.values import Index, Node, Value, require_size
from ternc.frontend.walk import Walk, handles

FIRST_WITH_RULES = 11
"""The operator set from which on Resize says how coordinates are computed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Axis:
    """How one axis is resized: from ``length`` to ``out`` pixels, nominally ``scale`` times as many."""

    length: int
    out: int
    scale: Fraction


@handles("Resize", "Upsample", becomes=ARRANGE)
def resize(walk: Walk, node: Node) -> Value:
    """Nearest neighbours, by any factor and any coordinate rule but tf_crop_and_resize.

    See the operator's definition in ONNX.
    """
    computed = walk.computed(node)
    mode = str(node.attributes.get("mode", "nearest"))
    if mode != "nearest":
        raise walk.refuse(
            node,
            f": its mode must be nearest, but is {mode}",
            help="export with mode='nearest', or enlarge with a ConvTranspose of constant weights",
        )
    places = [_places(walk, node, axis) for axis in _axes(walk, node, computed.index.shape)]

    def resized(index: Index) -> Index:
        return index[np.ix_(*places)]

    return walk.arranged(computed, node.outputs[0], resized)


def _axes(walk: Walk, node: Node, shape: tuple[int, ...]) -> list[_Axis]:
    """Every axis of the value, from scales or sizes."""
    old = node.op == "Upsample" or walk.graph.opset < FIRST_WITH_RULES
    scales = walk.const(node, 1 if old else 2, "scales")
    sizes = None if old else walk.const(node, 3, "sizes")
    given: list[Any] | None = node.attributes.get("scales")
    if scales is not None and scales.array.size:
        given = scales.array.ravel().tolist()
    rank = len(shape)
    wanted = None
    if sizes is not None and sizes.array.size:
        wanted = [int(v) for v in sizes.array.ravel()]
    count = len(wanted or given or [])
    chosen = [int(a) % rank for a in node.attributes.get("axes", range(rank - count, rank))]
    if not count or len(chosen) != count:
        raise walk.refuse(
            node,
            f": its scales or sizes must be constant, one for each of {len(chosen)} axes, but there are {count}",
            help="export with fixed sizes",
        )
    found = [_Axis(length=n, out=n, scale=Fraction(1)) for n in shape]
    ratios = [Fraction(w, shape[a]) for w, a in zip(wanted or (), chosen, strict=False)]
    policy = str(node.attributes.get("keep_aspect_ratio_policy", "stretch"))
    if wanted and policy != "stretch":
        common = min(ratios) if policy == "not_larger" else max(ratios)
        ratios = [common] * count
        wanted = [floor(common * shape[a] + Fraction(1, 2)) for a in chosen]
    for i, axis in enumerate(chosen):
        scale = ratios[i] if wanted else Fraction(float(given[i])) if given else Fraction(1)
        out = wanted[i] if wanted else floor(np.float32(shape[axis]) * np.float32(scale))
        found[axis] = _Axis(length=shape[axis], out=out, scale=scale)
    require_size(axis.out for axis in found)
    if any(axis.out < 1 or axis.scale <= 0 for axis in found):
        shown = [axis.out for axis in found]
        raise walk.refuse(
            node, f": each size must be at least 1, but they are {shown}", help="export with larger scales"
        )
    return found


def _places(walk: Walk, node: Node, axis: _Axis) -> Index:
    """The input pixel that each output pixel of an axis reads.

    Raises:
        ModelError: The rule is not known, or float32 (in which onnxruntime computes coordinates) and exact arithmetic
            disagree about a pixel.
    """
    if axis.out == axis.length and axis.scale == 1:
        return np.arange(axis.length)
    if node.op == "Upsample" or walk.graph.opset < FIRST_WITH_RULES:
        if axis.scale < 1:
            raise walk.refuse(
                node,
                f": in operator set {walk.graph.opset} it must enlarge, but its factor is {float(axis.scale):g}",
                help=f"export with operator set {FIRST_WITH_RULES} or later, which says what shrinking means",
            )
        rule, nearest = "asymmetric", "floor"
    else:
        rule = str(node.attributes.get("coordinate_transformation_mode", "half_pixel"))
        nearest = str(node.attributes.get("nearest_mode", "round_prefer_floor"))
    exact = [_coordinate(rule, axis, i) for i in range(axis.out)]
    if None in exact:
        raise walk.refuse(
            node,
            f": its coordinate_transformation_mode must be another one than {rule}",
            help="export with coordinate_transformation_mode='asymmetric' and nearest_mode='floor'",
        )
    places = np.array([_nearest(nearest, x) for x in exact if x is not None], np.int64)
    rounded = _rounded(rule, axis)
    half = Fraction(1, 2)
    single = [_nearest(nearest, Fraction(float(x))) for x in rounded]
    if single != places.tolist():
        at = next(i for i, (a, b) in enumerate(zip(single, places.tolist(), strict=True)) if a != b)
        raise walk.refuse(
            node,
            f": output pixel {at} of {axis.out} lies so close to the middle between two input pixels that float32 and "
            f"exact arithmetic choose different ones ({float(rounded[at]):.9g}, {float(exact[at] or half):.9g})",
            help="export with coordinate_transformation_mode='asymmetric' and nearest_mode='floor'",
        )
    return np.clip(places, 0, axis.length - 1)


def _coordinate(rule: str, axis: _Axis, i: int) -> Fraction | None:
    """Where output pixel i lies in the input; None for an unknown rule."""
    half = Fraction(1, 2)
    match rule:
        case "asymmetric":
            return i / axis.scale
        case "half_pixel":
            return (i + half) / axis.scale - half
        case "pytorch_half_pixel":
            return (i + half) / axis.scale - half if axis.out > 1 else Fraction(0)
        case "half_pixel_symmetric":
            adjustment = axis.out / (axis.scale * axis.length)
            return Fraction(axis.length, 2) * (1 - adjustment) + (i + half) / axis.scale - half
        case "align_corners":
            return Fraction(i * (axis.length - 1), axis.out - 1) if axis.out > 1 else Fraction(0)
        case "tf_half_pixel_for_nn":
            return (i + half) / axis.scale
        case _:
            return None


def _rounded(rule: str, axis: _Axis) -> NDArray[np.float32]:
    """The same coordinates as onnxruntime computes them, in float32."""
    i = np.arange(axis.out, dtype=np.float32)
    scale, half = np.float32(axis.scale), np.float32(0.5)
    match rule:
        case "asymmetric":
            return i / scale
        case "align_corners":
            return i * np.float32(axis.length - 1) / np.float32(max(axis.out - 1, 1))
        case "tf_half_pixel_for_nn":
            return (i + half) / scale
        case "half_pixel_symmetric":
            adjustment = np.float32(axis.out) / (scale * np.float32(axis.length))
            offset = np.float32(axis.length) / np.float32(2) * (np.float32(1) - adjustment)
            return offset + (i + half) / scale - half
        case "pytorch_half_pixel" if axis.out == 1:
            return np.zeros(1, np.float32)
        case _:
            return (i + half) / scale - half


def _nearest(mode: str, x: Fraction) -> int:
    """A coordinate as an input pixel."""
    half = Fraction(1, 2)
    match mode:
        case "floor":
            return floor(x)
        case "ceil":
            return -floor(-x)
        case "round_prefer_ceil":
            return floor(x + half)
        case _:
            return -floor(-(x - half))
