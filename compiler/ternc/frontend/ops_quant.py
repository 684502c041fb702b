"""Quantisers, on values and constants: QONNX Quant, BipolarQuant and Trunc, QuantizeLinear and DequantizeLinear."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from ternc.frontend import fold
from ternc.frontend.ops_elementwise import useful
from ternc.frontend.values import Array, Const, Node, Value, View, reals
from ternc.frontend.walk import Walk, element, folds, handles
from ternc.network.steps import Add, Clamp, Divide, Multiply, PerChannel, Round, Sign, Step, Thresholds

MODES: dict[str, Literal["even", "floor", "ceil", "toward_zero", "half_up", "half_down"]] = {
    "ROUND": "even",
    "HALF_EVEN": "even",
    "CEIL": "ceil",
    "FLOOR": "floor",
    "DOWN": "toward_zero",
    "HALF_UP": "half_up",
    "HALF_DOWN": "half_down",
}

INTEGERS = "quantise to integers of at most 8 bits; ternc has no floating-point types"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class QuantCodes:
    """The constants of a QONNX Quant; with ``bipolar`` the codes are -1 and +1 by sign."""

    scale: Const
    zero: Const
    low: float
    high: float
    mode: str
    bipolar: bool


def scale_of(walk: Walk, node: Node, position: int) -> Const:
    """A constant scale; refused where it is not above 0."""
    const = walk.const(node, position, "scale")
    if const is None:
        raise walk.refuse(node, ": it must have a scale, but has none")
    values = reals(const.array)
    bad = ~(np.isfinite(values) & (values > 0))
    if np.any(bad):
        at = np.argwhere(bad)[0].tolist()
        raise walk.refuse(
            node,
            f", scale '{const.name}': must be above 0, but {element(const, at)} is {values[tuple(at)]:g}",
        )
    return const


def bounds(bits: int, signed: bool, narrow: bool) -> tuple[int, int]:
    """The code range of QONNX's integer types."""
    count = 1 << (bits - 1 if signed else bits)
    return (-count + narrow, count - 1) if signed else (0, count - 1 - narrow)


def _bits(walk: Walk, node: Node, position: int) -> int:
    width = walk.const(node, position, "bit width")
    found = np.zeros(0) if width is None else np.unique(reals(width.array))
    if width is None or found.size != 1:
        raise walk.refuse(
            node,
            ": it must have one bit width for the whole tensor",
            help="quantise all channels with the same bit width",
        )
    bits = float(found[0])
    if not np.isfinite(bits) or bits != int(bits) or not 1 <= bits <= 32:
        raise walk.refuse(
            node, f", bit width '{width.name}': must be an integer from 1 to 32, but is {bits:g}"
        )
    return int(bits)


def _mode(walk: Walk, node: Node, default: str, low: float) -> str:
    """The rounding mode; away from zero only where nothing is below it, or where the operand is constant."""
    mode = str(node.attributes.get("rounding_mode", default)).upper()
    constant = bool(node.inputs) and isinstance(walk.values.get(node.inputs[0]), Const)
    if mode == "UP" and (low >= 0 or constant):
        return mode
    if mode not in MODES:
        raise walk.refuse(
            node,
            f": its rounding mode must be one of {', '.join(MODES)}, but is '{mode}'",
            help="train with ROUND; UP is read where no code is below 0 (signed=0)",
        )
    return mode


def _round(mode: str) -> Round:
    return Round(mode="ceil" if mode == "UP" else MODES[mode])


def quant_codes(walk: Walk, node: Node) -> QuantCodes:
    """Read and check a Quant node's constants."""
    scale = scale_of(walk, node, 1)
    zero = walk.const(node, 2, "zero point") or Const(array=np.zeros((), np.float32), name="0")
    walk.finite(node, zero, "zero point")
    bits = _bits(walk, node, 3)
    signed, narrow = bool(node.attributes.get("signed", 1)), bool(node.attributes.get("narrow", 0))
    low, high = bounds(bits, signed, narrow)
    mode = _mode(walk, node, "ROUND", low)
    return QuantCodes(scale=scale, zero=zero, low=low, high=high, mode=mode, bipolar=signed and bits == 1)


@handles("Quant", "IntQuant", becomes="quantiser", elementwise=True)
def quant(walk: Walk, node: Node) -> Value:
    """``(clip(round(x / s + z)) - z) * s``."""
    view = walk.view(node)
    codes = quant_codes(walk, node)
    scale = walk.spread(node, view, codes.scale, "scale")
    zero = walk.spread(node, view, codes.zero, "zero point")
    bounds = Clamp(low=np.array([float(codes.low)]), high=np.array([float(codes.high)]))
    snap: tuple[Step, ...] = (_round(codes.mode), bounds)
    if codes.bipolar:
        snap = (Sign(zero=1),)
    return walk.step(
        view,
        node.outputs[0],
        *useful(Divide(divisor=scale)),
        *useful(Add(addend=zero)),
        *snap,
        *useful(Add(addend=-zero)),
        *useful(Multiply(factor=scale)),
    )


@folds("Quant", "IntQuant")
def fold_quant(walk: Walk, node: Node) -> Array:
    """Quant of a constant (a weight or a bias)."""
    x = _constant(walk, node)
    codes = quant_codes(walk, node)
    if codes.bipolar:
        shifted = x / codes.scale.array.astype(np.float32) + codes.zero.array.astype(np.float32)
        signs = np.where(shifted >= 0, np.float32(1), np.float32(-1)) - codes.zero.array.astype(np.float32)
        return np.asarray(signs * codes.scale.array, np.float32)
    return fold.quant(x, codes.scale.array, codes.zero.array, codes.low, codes.high, codes.mode)


@handles("BipolarQuant", becomes="quantiser", elementwise=True)
def bipolar(walk: Walk, node: Node) -> Value:
    """``+s`` where x >= 0, else ``-s``."""
    view = walk.view(node)
    scale = walk.spread(node, view, scale_of(walk, node, 1), "scale")
    return walk.step(view, node.outputs[0], Sign(zero=1), *useful(Multiply(factor=scale)))


@folds("BipolarQuant")
def fold_bipolar(walk: Walk, node: Node) -> Array:
    """BipolarQuant of a constant."""
    return fold.bipolar(_constant(walk, node), scale_of(walk, node, 1).array)


@handles("MultiThreshold", becomes="quantiser", elementwise=True)
def multi_threshold(walk: Walk, node: Node) -> Value:
    """``out_scale * (how many thresholds are at most x) + out_bias`` (FINN's streamlined activations)."""
    view = walk.view(node)
    const = threshold_list(walk, node)
    axis = threshold_axis(node, view.index.shape, len(const.array))
    shape = [1] * view.index.ndim
    shape[axis] = -1
    rows = np.arange(len(const.array), dtype=np.float64).reshape(shape)
    row = walk.spread(node, view, replace(const, array=rows), "thresholds").astype(np.int64)
    scale, bias = (np.array([float(v)]) for v in threshold_scale(node))
    return walk.step(
        view,
        node.outputs[0],
        Thresholds(values=reals(const.array)[row]),
        *useful(Multiply(factor=scale)),
        *useful(Add(addend=bias)),
    )


def threshold_list(walk: Walk, node: Node) -> Const:
    """The thresholds of a MultiThreshold, ``[C or 1, n]``."""
    const = walk.const(node, 1, "thresholds")
    if const is None or const.array.ndim != 2 or not const.array.size:
        raise walk.refuse(node, ": its thresholds must be a matrix, one row for each channel")
    walk.finite(node, const, "thresholds")
    falls = np.argwhere(np.diff(reals(const.array), axis=1) < 0)
    if falls.size:
        at = falls[0].tolist()
        raise walk.refuse(
            node,
            f", thresholds '{const.name}': must not fall along a row, but fall behind {element(const, at)}",
            help="sort each row: the order of thresholds means nothing",
        )
    return const


def threshold_axis(node: Node, shape: tuple[int, ...], channels: int) -> int:
    """The axis of the channels: by the layout's name, else the second one, or the last one of three (as qonnx does)."""
    layout = str(node.attributes.get("data_layout", ""))
    if "C" in layout and len(layout) == len(shape):
        return layout.index("C")
    last = len(shape) == 3 and channels in (1, shape[2])
    return 2 if last else 1


def threshold_scale(node: Node) -> tuple[np.float32, np.float32]:
    """(out_scale, out_bias) of a MultiThreshold."""
    given = node.attributes
    return np.float32(given.get("out_scale", 1.0)), np.float32(given.get("out_bias", 0.0))


@folds("MultiThreshold")
def fold_multi_threshold(walk: Walk, node: Node) -> Array:
    """MultiThreshold of a constant."""
    x, const = _constant(walk, node), threshold_list(walk, node)
    axis = threshold_axis(node, x.shape, len(const.array))
    moved = np.moveaxis(x, axis, -1)[..., None]
    counts = np.count_nonzero(moved >= const.array, axis=-1).astype(np.float32)
    scale, bias = threshold_scale(node)
    return np.asarray(np.moveaxis(counts, -1, axis) * scale + bias, np.float32)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TruncCodes:
    """The constants of a QONNX Trunc, whose result is ``(round(clip(round(x / s + z) / d)) - z') * s'``.

    Attributes:
        scale, zero: s and z.
        divisor: d, a power of two.
        low, high: Of the clip; infinite in version 1, which has none.
        mode: Of the outer rounding; the inner one is to the nearest, ties to even.
        out_zero, out_scale: z' and s'.
    """

    scale: Const
    zero: Const
    divisor: Const
    low: float
    high: float
    mode: str
    out_zero: Const
    out_scale: Const


def trunc_codes(walk: Walk, node: Node) -> TruncCodes:
    """Read and check a Trunc: version 1 has five inputs, version 2 six (an output scale, and a clip)."""
    scale = scale_of(walk, node, 1)
    zero = walk.const(node, 2, "zero point") or Const(array=np.zeros((), np.float32), name="0")
    walk.finite(node, zero, "zero point")
    if len(node.inputs) < 6:
        power = _bits(walk, node, 3) - _bits(walk, node, 4)
        return TruncCodes(
            scale=scale,
            zero=zero,
            divisor=Const(array=np.array(2.0**power), name="divisor"),
            low=-np.inf,
            high=np.inf,
            mode=_mode(walk, node, "FLOOR", -np.inf),
            out_zero=zero,
            out_scale=scale,
        )
    out_scale = scale_of(walk, node, 4)
    power_of_two = 2.0 ** np.round(np.log2(reals(out_scale.array) / reals(scale.array)))
    signed, narrow = bool(node.attributes.get("signed", 1)), bool(node.attributes.get("narrow", 0))
    low, high = bounds(_bits(walk, node, 5), signed, narrow)
    return TruncCodes(
        scale=scale,
        zero=zero,
        divisor=Const(array=power_of_two, name="divisor"),
        low=low,
        high=high,
        mode=_mode(walk, node, "FLOOR", low),
        out_zero=replace(zero, array=reals(zero.array) / power_of_two),
        out_scale=out_scale,
    )


@handles("Trunc", becomes="quantiser", elementwise=True)
def trunc(walk: Walk, node: Node) -> Value:
    """Drop the lowest bits of a quantised value (Brevitas' TruncAvgPool2d)."""
    view = walk.view(node)
    codes = trunc_codes(walk, node)
    scale, zero = (
        walk.spread(node, view, codes.scale, "scale"),
        walk.spread(node, view, codes.zero, "zero point"),
    )
    divisor = walk.spread(node, view, codes.divisor, "divisor")
    out_zero = walk.spread(node, view, codes.out_zero, "zero point")
    out_scale = walk.spread(node, view, codes.out_scale, "output scale")
    clip = (Clamp(low=np.array([codes.low]), high=np.array([codes.high])),) if np.isfinite(codes.high) else ()
    return walk.step(
        view,
        node.outputs[0],
        *useful(Divide(divisor=scale)),
        *useful(Add(addend=zero)),
        Round(mode="even"),
        *useful(Divide(divisor=divisor)),
        _round(codes.mode),
        *clip,
        *useful(Add(addend=-out_zero)),
        *useful(Multiply(factor=out_scale)),
    )


@folds("Trunc")
def fold_trunc(walk: Walk, node: Node) -> Array:
    """Trunc of a constant."""
    x, codes = _constant(walk, node), trunc_codes(walk, node)
    inner = np.rint(x / codes.scale.array.astype(np.float32) + codes.zero.array.astype(np.float32))
    outer = fold.round_like(np.clip(inner / codes.divisor.array, codes.low, codes.high), codes.mode)
    return np.asarray((outer - codes.out_zero.array) * codes.out_scale.array, np.float32)


def _constant(walk: Walk, node: Node) -> Array:
    const = walk.const(node, 0, "input")
    assert const is not None
    walk.finite(node, const, "weight")
    return const.array


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LinearCodes:
    """Scale and zero point of QuantizeLinear or DequantizeLinear, shaped to broadcast against the value."""

    scale: Const
    zero: Const
    dtype: str


def linear_codes(walk: Walk, node: Node, shape: tuple[int, ...]) -> LinearCodes:
    """Read and check the constants of QuantizeLinear or DequantizeLinear on a value of the given shape."""
    scale = scale_of(walk, node, 1)
    zero = walk.const(node, 2, "zero point")
    declared = int(node.attributes.get("output_dtype", 0) or 0)
    dtype = "uint8" if zero is None else zero.array.dtype.name
    if zero is None and declared and node.op == "QuantizeLinear":
        dtype = fold.elem_dtype(declared)
    if node.op == "QuantizeLinear" and fold.type_range(dtype) is None:
        raise walk.refuse(node, f": its output must be integers, but is {dtype}", help=INTEGERS)
    if zero is None:
        zero = Const(array=np.zeros(scale.array.shape, np.int64), name="0")
    axis, block = int(node.attributes.get("axis", 1)), int(node.attributes.get("block_size", 0))
    placed = []
    for const in (scale, zero):
        if const.array.ndim == 1 and const.array.size > 1 and not -len(shape) <= axis < len(shape):
            raise walk.refuse(node, f": its axis must lie inside a value of {len(shape)} axes, but is {axis}")
        array = fold.along(const.array, shape, axis, block if const.array.ndim > 1 else 0)
        placed.append(replace(const, array=array))
    return LinearCodes(scale=placed[0], zero=placed[1], dtype=dtype)


@handles("QuantizeLinear", becomes="quantiser", elementwise=True)
def quantize_linear(walk: Walk, node: Node) -> Value:
    """``saturate(round(x / s) + z)``."""
    view = walk.view(node)
    given = linear_codes(walk, node, view.index.shape)
    low, high = fold.type_range(given.dtype) or (0, 0)
    scale, zero = _spread(walk, node, view, given)
    return walk.step(
        view,
        node.outputs[0],
        *useful(Divide(divisor=scale)),
        Round(mode="even"),
        *useful(Add(addend=zero)),
        Clamp(low=np.array([float(low)]), high=np.array([float(high)])),
        dtype=given.dtype,
    )


@handles("DequantizeLinear", becomes="the scale of a quantiser", elementwise=True)
def dequantize_linear(walk: Walk, node: Node) -> Value:
    """``(x - z) * s``."""
    view = walk.view(node)
    given = linear_codes(walk, node, view.index.shape)
    scale, zero = _spread(walk, node, view, given)
    steps = (*useful(Add(addend=-zero)), *useful(Multiply(factor=scale)))
    declared = int(node.attributes.get("output_dtype", 0) or 0)
    dtype = fold.elem_dtype(declared) if declared else given.scale.array.dtype.name
    return walk.step(view, node.outputs[0], *steps, dtype=dtype)


def _spread(walk: Walk, node: Node, view: View, given: LinearCodes) -> tuple[PerChannel, PerChannel]:
    return walk.spread(node, view, given.scale, "scale"), walk.spread(node, view, given.zero, "zero point")


@folds("QuantizeLinear")
def fold_quantize(walk: Walk, node: Node) -> Array:
    """QuantizeLinear of a constant."""
    x = _constant(walk, node)
    given = linear_codes(walk, node, x.shape)
    return fold.quantize_linear(x, given.scale.array, given.zero.array, given.dtype)


@folds("DequantizeLinear")
def fold_dequantize(walk: Walk, node: Node) -> Array:
    """DequantizeLinear of a constant."""
    x = _constant(walk, node)
    if fold.type_range(x.dtype.name) is None:
        raise walk.refuse(node, f": its input must be integers, but is {x.dtype.name}", help=INTEGERS)
    given = linear_codes(walk, node, x.shape)
    return fold.dequantize_linear(x, given.scale.array, given.zero.array)
