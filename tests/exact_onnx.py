"""A few ONNX operators on fractions: what a small model means in real numbers, with no float anywhere.

Only what the tests of adversarial numbers use: stride 1, no padding. Square roots are correct to `ROOT_BITS` bits.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper

ROOT_BITS = 2000

Exact: TypeAlias = Any  # an object array of Fractions


_least: Any = np.frompyfunc(min, 2, 1)
_most: Any = np.frompyfunc(max, 2, 1)


def fractions(values: NDArray[Any]) -> Exact:
    """Exact fractions of an array of floats or integers."""
    flat = [Fraction(v) for v in values.astype(np.float64).ravel().tolist()]
    found = np.empty(len(flat), object)
    found[:] = flat
    return found.reshape(values.shape)


def _root(value: Fraction) -> Fraction:
    return Fraction(math.isqrt((value.numerator << (2 * ROOT_BITS)) // value.denominator), 1 << ROOT_BITS)


def _half_up(v: Fraction) -> int:
    return math.floor(abs(v) + Fraction(1, 2)) * (1 if v >= 0 else -1)


def _half_down(v: Fraction) -> int:
    return math.ceil(abs(v) - Fraction(1, 2)) * (1 if v >= 0 else -1)


ROUNDINGS: dict[str, Callable[[Fraction], int]] = {
    "ROUND": round,
    "FLOOR": math.floor,
    "CEIL": math.ceil,
    "DOWN": math.trunc,
    "HALF_UP": _half_up,
    "HALF_DOWN": _half_down,
}


def _each(function: Callable[[Fraction], Any], x: Exact) -> Exact:
    found = np.empty(x.size, object)
    found[:] = [Fraction(function(v)) for v in x.ravel()]
    return found.reshape(x.shape)


def _quantised(x: Exact, scale: Exact, zero: Exact, low: int, high: int, mode: str) -> Exact:
    codes = _each(ROUNDINGS[mode], x / scale + zero if mode != "ONNX" else x / scale)
    return _least(_most(codes, Fraction(low)), Fraction(high))


def _channels(values: Exact, rank: int, axis: int = 1) -> Exact:
    return values.reshape(*(-1 if i == axis else 1 for i in range(rank))) if values.size > 1 else values


def _conv(x: Exact, w: Exact) -> Exact:
    height, width = (x.shape[n] - w.shape[n] + 1 for n in (2, 3))
    found = np.empty((len(x), len(w), height, width), object)
    for i, j in np.ndindex(height, width):
        window = x[:, :, i : i + w.shape[2], j : j + w.shape[3]].reshape(len(x), -1)
        found[:, :, i, j] = window @ w.reshape(len(w), -1).T
    return found


PLAIN: dict[str, Callable[..., Exact]] = {
    "Relu": lambda x: _most(x, Fraction(0)),
    "PRelu": lambda x, slope: np.where(x < 0, x * slope, x),
    "Clip": lambda x, low, high: _least(_most(x, low), high),
    "Round": lambda x: _each(round, x),
    "BipolarQuant": lambda x, scale: _each(lambda v: 1 if v >= 0 else -1, x) * scale,
    "Add": np.add,
    "Sub": np.subtract,
    "Mul": np.multiply,
    "Div": np.true_divide,
}


def _node(node: onnx.NodeProto, given: list[Any], types: list[np.dtype[Any]]) -> Exact:
    attributes = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
    match node.op_type:
        case "Quant":
            x, scale, zero, bits = given
            mode, n = attributes["rounding_mode"].decode(), int(bits.ravel()[0])
            signed, narrow = attributes["signed"], attributes["narrow"]
            low = -(1 << (n - 1)) + narrow if signed else 0
            high = (1 << (n - 1)) - 1 if signed else (1 << n) - 1 - narrow
            return (_quantised(x, scale, zero, low, high, mode) - zero) * scale
        case "QuantizeLinear":
            x, scale, zero = given
            bounds, axis = np.iinfo(types[2]), attributes.get("axis", 1)
            codes = _each(round, x / _channels(scale, x.ndim, axis)) + _channels(zero, x.ndim, axis)
            return _least(_most(codes, Fraction(int(bounds.min))), Fraction(int(bounds.max)))
        case "DequantizeLinear":
            x, scale, *rest = given
            axis = attributes.get("axis", 1)
            zero = _channels(rest[0], x.ndim, axis) if rest else Fraction(0)
            return (x - zero) * _channels(scale, x.ndim, axis)
        case "Conv":
            found = _conv(given[0], given[1])
            return found + given[2].reshape(1, -1, 1, 1) if len(given) > 2 else found
        case "BatchNormalization":
            x, gain, bias, mean, variance = (given[0], *(v.reshape(1, -1, 1, 1) for v in given[1:]))
            epsilon = Fraction(float(np.float32(attributes.get("epsilon", 1e-5))))
            return (x - mean) / _each(_root, variance + epsilon) * gain + bias
        case "LeakyRelu":
            alpha = Fraction(float(np.float32(attributes["alpha"])))
            return np.where(given[0] < 0, given[0] * alpha, given[0])
        case "PRelu":
            return np.where(given[0] < 0, given[0] * given[1], given[0])
        case _:
            return PLAIN[node.op_type](*given)


def evaluate(path: Path, x: NDArray[Any]) -> Exact:
    """The only output of a model for its only input, in fractions."""
    graph = onnx.load(path).graph
    arrays = {one.name: numpy_helper.to_array(one) for one in graph.initializer}
    values: dict[str, Any] = {name: fractions(array) for name, array in arrays.items()}
    types = {name: array.dtype for name, array in arrays.items()}
    values[graph.input[0].name] = fractions(x)
    for node in graph.node:
        given = [values[name] for name in node.input]
        kinds = [types.get(name, np.dtype(np.float32)) for name in node.input]
        values[node.output[0]] = _node(node, given, kinds)
    return np.asarray(values[graph.output[0].name])
