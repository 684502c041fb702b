"""The formats in which a case's weights are stored."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from onnx_writer import QONNX, Dialect, Format, Writer, weights

BIAS_SCALE = np.float32(2.0**-6)


def stored(w: Writer, values: NDArray[np.float64], form: str, axis: int, dialect: Dialect, name: str) -> str:
    """Weights close to ``values``.

    Args:
        form: The format, in words: see `conformance.networks.forms`.
        axis: That of the output channels.
        name: Of the initialiser that holds them.
    """
    kind = form.removesuffix(" per channel").split(",")[0]
    others = tuple(i for i in range(values.ndim) if i != axis) if form.endswith("per channel") else None
    if kind == "two magnitudes":
        return w.const(_two_magnitudes(values, others), name)
    match kind:
        case "binary weights":
            codes, scale = np.where(values < 0, -1, 1), _scale(np.abs(values), np.ones(values.shape), others)
            bits = 2
        case "ternary weights":
            size = np.abs(values)
            kept = size > 0.5 * size.mean(axis=others, keepdims=True)
            codes, scale = np.where(kept, np.sign(values), 0), _scale(size, kept, others)
            bits = 2
        case _:
            bits = int(kind[0])
            high = 2 ** (bits - 1) - 1
            scale = np.asarray(np.abs(values).max(axis=others, initial=0.0) / high, np.float32)
            scale = np.where(scale == 0, np.float32(1), scale)
            codes = np.rint(values / _spread(scale, axis, values.ndim))
    f = Format(bits=bits, signed=True, scale=scale if scale.ndim else float(scale), axis=axis)
    return weights(w, codes.astype(np.int64), f, dialect, name=name)


def stored_bias(w: Writer, values: NDArray[np.float64], dialect: Dialect, name: str) -> str:
    """A bias through a quantiser of its own; a plain constant where the dialect has none for it."""
    codes = np.rint(values / BIAS_SCALE)
    match dialect:
        case "qonnx":
            real = w.const((codes * BIAS_SCALE).astype(np.float32), name)
            operands = (w.const(BIAS_SCALE), w.const(0.0), w.const(16.0))
            return w.node("Quant", real, *operands, domain=QONNX, signed=1, narrow=0, rounding_mode="ROUND")
        case "qcdq" | "qdq":
            zero = w.const(np.array(0, np.int32))
            return w.node(
                "DequantizeLinear", w.const(codes.astype(np.int32), name), w.const(BIAS_SCALE), zero
            )
        case "float":
            return w.const((codes * BIAS_SCALE).astype(np.float32), name)


def _two_magnitudes(values: NDArray[np.float64], others: tuple[int, ...] | None) -> NDArray[np.float32]:
    """Trained ternary quantisation: -Wn, 0 or +Wp."""
    size = np.abs(values)
    kept = size > 0.5 * size.mean(axis=others, keepdims=True)
    found = np.zeros(values.shape, np.float32)
    for sign in (-1, 1):
        chosen = kept & (np.sign(values) == sign)
        count = chosen.sum(axis=others, keepdims=True)
        mean = np.sum(size * chosen, axis=others, keepdims=True) / np.maximum(count, 1)
        found += (chosen * (sign * mean)).astype(np.float32)
    return found


def _scale(
    size: NDArray[np.float64], kept: NDArray[Any], others: tuple[int, ...] | None
) -> NDArray[np.float32]:
    """The mean of the weights that stay; 1 where none do."""
    count = np.sum(kept, axis=others)
    mean = np.sum(size * kept, axis=others) / np.maximum(count, 1)
    return np.asarray(np.where(count > 0, mean, 1.0), np.float32)


def _spread(scale: NDArray[np.float32], axis: int, rank: int) -> NDArray[np.float32]:
    return scale.reshape([-1 if i == axis else 1 for i in range(rank)]) if scale.ndim else scale
