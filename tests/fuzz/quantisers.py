"""Quantisers of activations, weights and biases, in every dialect and with every attribute."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from fuzz.net import Array, Net, Val, dialects_of
from onnx_writer import QONNX, Dialect, Format, clip, quantised, weights

FINN = "finn.custom_op.general"


def quantiser(net: Net, x: Val, *, plain: bool = False, like: Val | None = None, always: bool = False) -> Val:
    """The value quantised.

    Args:
        plain: With one scale, in the graph's own dialect: as residual connections and inputs have it.
        like: A value beside it, whose scale it may share.
        always: It does share it.
    """
    dialect = net.plan.acts if plain or net.chance(85) else _any_dialect(net)
    if net.plan.counted and not always and not net.chance(10):
        return _thresholds(net, x)
    special = (
        None if plain else net.pick(None, None, None, None, None, "bipolar", "steps", "thresholds", "wraps")
    )
    if special == "bipolar" and dialect == "qonnx":
        return _bipolar(net, x)
    if special == "thresholds" and dialect == "qonnx":
        return _thresholds(net, x)
    if special == "steps" and dialect == "float":
        return _steps(net, x)
    if special == "wraps" and dialect == "float" and (x.plain or x.finite) and not x.padded:
        return _wrapping(net, x)
    f = _format(net, x, dialect, plain=plain)
    if like is not None and like.scale is not None and (always or net.chance(40)):
        f = replace(f, scale=like.scale)
    net.note(f"quantiser {dialect}", f"quantiser of {f.bits} bits", "signed" if f.signed else "unsigned")
    name = _quant(net, x, f) if dialect == "qonnx" else _written(net, x, f, dialect)
    scale = float(f.scale) if isinstance(f.scale, float) else None
    reach = float(np.max(f.scale)) * max(f.high - f.zero, f.zero - f.low)
    each = scale is None
    made = replace(
        x, name=name, size=min(x.size, reach), codes=True, scale=scale, finite=True, plain=False, each=each
    )
    return (
        _truncated(net, made, f) if dialect == "qonnx" and not plain and not each and net.chance(10) else made
    )


def _any_dialect(net: Net) -> Dialect:
    net.note("another dialect inside")
    return net.pick(*dialects_of(net.opset))


def _bits(net: Net, dialect: Dialect, signed: bool) -> int:
    if dialect == "qdq":  # what saturates is the type
        types = [8, *([4] if net.opset >= 21 else []), *([2] if net.opset >= 25 else [])]
        return net.pick(*types)
    widths = [4, 2, 3, 8, 5, 6, *([] if signed else [1])]
    return net.pick(*widths)


def _format(net: Net, x: Val, dialect: Dialect, *, plain: bool) -> Format:
    signed = net.pick(True, False)
    bits = _bits(net, dialect, signed)
    f = Format(bits=bits, signed=signed)
    zero = 0
    if not plain and bits > 1 and net.chance(20):
        zero = f.low + net.whole(1, f.high - f.low - 1)
        net.note("zero point")
    scale: Any = net.near(x.size * 2 / max(f.high - zero, zero - f.low))
    axis = 1
    per_axis = dialect in ("qonnx", "float") or net.opset >= 13
    if not plain and per_axis and x.axis is not None and x.channels > 1 and net.chance(10):
        scale, axis = net.scales(x.channels, scale, net.random(), distinct=3), x.axis
        net.note("activation scales per channel")
    return Format(bits=bits, signed=signed, scale=scale, zero=zero, axis=axis)


def _written(net: Net, x: Val, f: Format, dialect: Dialect) -> str:
    """The common form of the dialect, or one of its variants."""
    if dialect == "qcdq" and f.bits > 2 and net.chance(15):
        return _narrow_clip(net, x, f)
    return quantised(net.w, x.name, f, dialect, rank=x.rank, opset=net.opset)


def _narrow_clip(net: Net, x: Val, f: Format) -> str:
    """QuantizeLinear, a Clip to fewer codes than the type has, DequantizeLinear."""
    net.note("narrow clip")
    scale = np.asarray(f.scale, np.float32)
    zero = net.w.const(np.full(scale.shape, f.zero, f.container))
    axis: dict[str, Any] = {"axis": f.axis} if scale.ndim else {}
    v = net.w.node("QuantizeLinear", x.name, net.w.const(scale), zero, **axis)
    v = clip(net.w, v, f.container.type(f.low + 1), f.container.type(f.high - 1), max(net.opset, 11))
    return net.w.node("DequantizeLinear", v, net.w.const(scale), zero, **axis)


def _quant(net: Net, x: Val, f: Format) -> str:
    """QONNX's Quant."""
    scale = np.asarray(f.scale, np.float32)
    spread = scale.reshape([-1 if i == f.axis else 1 for i in range(x.rank)]) if scale.ndim else scale
    mode = net.pick("ROUND", "ROUND", "ROUND", "FLOOR", "CEIL", "round")
    narrow = f.bits > 1 and net.chance(15)
    net.note(*(["narrow"] if narrow else []), *(["rounding " + mode] if mode != "ROUND" else []))
    operands = (net.w.const(spread), net.w.const(float(f.zero)), net.w.const(float(f.bits)))
    attributes: dict[str, Any] = {"signed": int(f.signed), "narrow": int(narrow), "rounding_mode": mode}
    return net.w.node("Quant", x.name, *operands, domain=QONNX, **attributes)


def _truncated(net: Net, x: Val, f: Format) -> Val:
    """Without the lowest bits of its codes."""
    net.note("Trunc")
    assert isinstance(f.scale, float)
    bits = net.whole(1, f.bits)
    mode = net.pick("FLOOR", "ROUND", "CEIL")
    lead = [net.w.const(f.scale), net.w.const(float(f.zero)), net.w.const(float(f.bits))]
    if net.chance(50):
        name = net.w.node("Trunc", x.name, *lead, net.w.const(float(bits)), domain=QONNX, rounding_mode=mode)
        return replace(x, name=name, size=x.size / 2 ** (f.bits - bits))
    net.note("Trunc with an output scale")
    scale = float(f.scale * 2 ** (f.bits - bits))
    rest = [net.w.const(scale), net.w.const(float(bits))]
    attributes: dict[str, Any] = {"signed": int(f.signed), "narrow": 0, "rounding_mode": mode}
    name = net.w.node("Trunc", x.name, *lead, *rest, domain=QONNX, **attributes)
    return replace(x, name=name, scale=scale)


def _bipolar(net: Net, x: Val) -> Val:
    """One bit by sign."""
    net.note("BipolarQuant")
    scale = net.near(x.size)
    name = net.w.node("BipolarQuant", x.name, net.w.const(scale), domain=QONNX)
    return replace(x, name=name, size=scale, codes=True, scale=scale, finite=True, plain=False)


def _thresholds(net: Net, x: Val) -> Val:
    """FINN's MultiThreshold: it counts thresholds."""
    net.note("MultiThreshold")
    rng, steps = net.random(), net.whole(1, 7)
    count = x.channels if x.rank in (2, 4) and x.axis == 1 and net.chance(50) else 1
    rows = np.sort(np.stack([net.constants(steps, x.size, rng) for _ in range(count)]), axis=1)
    scale, bias = net.near(1.0), net.pick(0.0, -1.0)
    layout = {4: "NCHW", 2: "NC"}.get(x.rank, "")
    more: dict[str, Any] = {"data_layout": layout} if layout else {}
    name = net.w.node(
        "MultiThreshold", x.name, net.w.const(rows),
        domain=FINN, out_scale=scale, out_bias=bias * scale, out_dtype="UINT4", **more,
    )  # fmt: skip
    return replace(x, name=name, size=scale * steps / 2, codes=True, scale=scale, finite=True, plain=False)


def _steps(net: Net, x: Val) -> Val:
    """Rounding and clipping written out, in any order and in any rounding mode."""
    net.note("quantiser spelled out")
    unit = net.near(x.size / 4)
    low, high = net.pick((-4.0, 3.0), (0.0, 7.0), (-1.0, 1.0))
    v = net.w.node("Div", x.name, net.w.const(unit))
    rounding = net.pick("Round", "Floor", "Ceil")
    first = net.pick("round", "clip")
    for what in (first, {"round": "clip", "clip": "round"}[first]):
        if what == "round":
            v = net.w.node(rounding, v)
        elif net.pick("clip", "min and max") == "clip":
            v = clip(net.w, v, np.float32(low), np.float32(high), net.opset)
        else:
            v = net.w.node("Min", net.w.node("Max", v, net.w.const(low)), net.w.const(high))
    back = net.pick(1.0, 1.0, -1.0) * unit
    v = net.w.node("Mul", v, net.w.const(back))
    reach = max(-low, high) * unit
    return replace(
        x,
        name=v,
        size=min(x.size, reach),
        codes=True,
        scale=back if back > 0 else None,
        finite=True,
        plain=False,
    )


def _wrapping(net: Net, x: Val) -> Val:
    """HGQ's overflow mode WRAP: what does not fit into the bits is cut off."""
    net.note("quantiser that wraps around")
    period, signed = net.pick(4, 8, 16), net.pick(True, False)
    unit, w = net.near(x.size * 4 / period), net.w
    v = w.node(net.pick("Round", "Floor"), w.node("Div", x.name, w.const(unit)))
    v = w.node("Add", v, w.const(period / 2)) if signed else v
    whole = w.node("Floor", w.node("Div", v, w.const(float(period))))
    v = w.node("Sub", v, w.node("Mul", whole, w.const(float(period))))
    v = w.node("Sub", v, w.const(period / 2)) if signed else v
    v = w.node("Mul", v, w.const(unit))
    reach = period * unit / (2 if signed else 1)
    return replace(x, name=v, size=min(x.size, reach), codes=True, scale=unit, finite=True, plain=False)


# ---- weights --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Drawn:
    """Weights of a layer before they are written.

    Attributes:
        codes: int64, in the operator's own layout.
        scale: float32: one number or one for each output channel.
        axis: Of the output channels.
        bits: Of the codes.
    """

    codes: Array
    scale: Array
    axis: int
    bits: int

    @property
    def spread(self) -> Array:
        """The scale in a shape that broadcasts against the codes."""
        if not self.scale.ndim:
            return self.scale
        return self.scale.reshape([-1 if i == self.axis else 1 for i in range(self.codes.ndim)])

    @property
    def real(self) -> Array:
        """What they are worth, float32."""
        return np.asarray(self.codes * self.spread, np.float32)

    @property
    def size(self) -> float:
        """Their root mean square."""
        return float(np.sqrt(np.mean(self.real.astype(float) ** 2)))


GRIDS = ("ternary", "ternary", "binary", "integers")
KINDS = (*GRIDS, "ttq", "few")


def drawn_weights(net: Net, shape: tuple[int, ...], axis: int, *, per_channel: bool = True) -> Drawn | Array:
    """Weights of some kind: integers with a scale, or reals of two or a few magnitudes (float32).

    The last layer, whose sums leave the chip as they are, has weights of one scale in each channel.

    Args:
        axis: Of the output channels.
        per_channel: Whether each may have a scale of its own.
    """
    last = net.last and net.plan.arbitrary
    rng, kind = net.random(), net.pick(*(GRIDS if last else KINDS))
    scale: Any = np.float32(net.near(0.5))
    if per_channel and shape[axis] > 1 and net.chance(45):
        net.note("weight scales per channel")
        scale = net.scales(shape[axis], float(scale), rng)
    bits = 2
    if kind == "integers":
        bits = net.whole(3, 8)
        codes = rng.integers(-(2 ** (bits - 1)) + 1, 2 ** (bits - 1), shape)
        scale = np.asarray(scale / 2 ** (bits - 2), np.float32)
    elif kind == "binary":
        codes = rng.integers(0, 2, shape) * 2 - 1
    else:
        sparse = net.pick(0.4, 0.1, 0.8)
        codes = rng.choice([-1, 0, 1], shape, p=[(1 - sparse) / 2, sparse, (1 - sparse) / 2])
    if not np.any(codes):
        codes.flat[0] = 1
    net.note(f"weights {kind}" if kind != "integers" else f"weights of {bits} bits")
    made = Drawn(codes=codes.astype(np.int64), scale=np.asarray(scale), axis=axis, bits=bits)
    if kind == "ttq":
        lower = net.pick(0.5, 0.75, 1.5) if not net.plan.arbitrary else net.whole(300, 1700) / 1000
        return np.asarray(np.where(codes < 0, made.real * np.float32(lower), made.real), np.float32)
    if kind == "few":
        levels = np.array([1.0, 0.5, 2.0] if not net.plan.arbitrary else [1.0, 0.37, 1.83], np.float32)
        return np.asarray(made.real * levels[rng.integers(0, net.whole(2, 3), shape)], np.float32)
    return made


def written_weights(net: Net, made: Drawn | Array) -> str:
    """The weights as the graph's dialect stores them; reals as a plain constant."""
    if not isinstance(made, Drawn):
        return net.w.const(made)
    dialect = net.plan.weights
    if made.scale.ndim and net.opset < 13 and dialect in ("qcdq", "qdq"):
        dialect = "float"
    hidden = dialect in ("qonnx", "qcdq") and net.chance(30)
    net.note(f"weights as {dialect}", *(["hidden weights"] if hidden else []))
    if hidden:
        return _hidden(net, made, dialect)
    if dialect == "float" and made.scale.ndim and not net.plan.kept and net.chance(40):
        net.note("folded gain with signs")
        signs = net.random().choice([-1, 1], made.scale.shape)
        made = replace(made, scale=np.asarray(made.scale * signs, np.float32))
    f = Format(bits=made.bits, signed=True, scale=made.scale, axis=made.axis)
    return weights(net.w, made.codes, f, dialect, opset=net.opset)


def _hidden(net: Net, made: Drawn, dialect: Dialect) -> str:
    """Float weights that only their quantiser makes integers."""
    noise = net.random().uniform(-0.4, 0.4, made.codes.shape)
    real = np.asarray((made.codes + noise) * made.spread, np.float32)
    w, scale = net.w, made.scale
    if dialect == "qonnx":
        operands = (w.const(made.spread), w.const(0.0), w.const(float(made.bits)))
        return w.node(
            "Quant", w.const(real), *operands, domain=QONNX, signed=1, narrow=1, rounding_mode="ROUND"
        )
    zero = w.const(np.zeros(scale.shape, np.int8))
    axis: dict[str, Any] = {"axis": made.axis} if scale.ndim else {}
    v = w.node("QuantizeLinear", w.const(real), w.const(scale), zero, **axis)
    top = 2 ** (made.bits - 1) - 1
    v = clip(w, v, np.int8(-top), np.int8(top), max(net.opset, 11))
    return w.node("DequantizeLinear", v, w.const(scale), zero, **axis)


def bias(net: Net, count: int, size: float, made: Drawn | Array, x: Val) -> str:
    """A bias ``[count]``: float, or integers in units of the product of the scales."""
    rng = net.random()
    scale = made.scale if isinstance(made, Drawn) else np.ones(2)
    exact = x.scale is not None and scale.ndim == 0 and net.chance(40)
    if not exact:
        net.note("bias float")
        return net.w.const(net.constants(count, size, rng))
    assert x.scale is not None
    unit = np.float32(np.float32(x.scale) * np.float32(scale))
    codes = np.rint(rng.normal(0, max(size / float(unit), 1.0), count))
    dialect = net.plan.weights
    net.note(f"bias quantised {dialect}")
    if dialect == "qonnx":
        operands = (net.w.const(unit), net.w.const(0.0), net.w.const(16.0))
        real = net.w.const((codes * unit).astype(np.float32))
        return net.w.node("Quant", real, *operands, domain=QONNX, signed=1, narrow=0, rounding_mode="ROUND")
    if dialect == "float":
        return net.w.const((codes * unit).astype(np.float32))
    return net.w.node("DequantizeLinear", net.w.const(codes.astype(np.int32)), net.w.const(unit))
