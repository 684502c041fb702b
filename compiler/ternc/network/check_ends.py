"""The verifier's laws of a Network's ends: prologues, outputs and their argmax keys, the anomaly."""

from __future__ import annotations

import math
from dataclasses import fields
from fractions import Fraction
from typing import get_args

import ml_dtypes  # noqa: F401 - makes its types known to numpy
import numpy as np
from numpy.typing import NDArray

from ternc.network.analysis import accumulator_range, sources
from ternc.network.law import fail, require
from ternc.network.layers import Anomaly, IntRange, Measure, Network, Output, Prologue, Tensor
from ternc.network.stairs.evaluate import two_product, two_sum
from ternc.network.steps import Step, Thresholds, each_step

KEY_LIMIT = 1 << 22  # channel-value pairs up to which every argmax key is compared
SCORE_LIMIT = 1 << 62


def check_prologue(prologue: Prologue, tensor: Tensor) -> None:
    """The laws of an input; ``tensor`` is the one that stands at its place.

    Raises:
        InternalError: A law does not hold.
    """
    place = f"input '{prologue.name}'"
    require(
        prologue.tensor == tensor.name,
        place,
        f"it must fill the tensor at its place, '{tensor.name}', not '{prologue.tensor}'",
    )
    _dtype(place, prologue.dtype)
    size = tensor.channels * tensor.height * tensor.width
    _gather(place, prologue.gather, size, math.prod(prologue.shape))
    require(
        math.isfinite(prologue.scale) and math.isfinite(prologue.offset) and prologue.scale != 0,
        place,
        f"its grid must be finite and not 0, but is {prologue.scale} * x + {prologue.offset}",
    )
    for step in each_step(prologue.steps):
        _step(place, step, tensor.channels)


def _step(place: str, step: Step, channels: int) -> None:
    for field in fields(step):
        values = getattr(step, field.name)
        if isinstance(values, np.ndarray):
            more = ", n" if isinstance(step, Thresholds) else ""
            require(
                values.dtype == np.float64 and values.ndim == 1 + bool(more) and len(values) in (1, channels),
                place,
                f"{field.name} of {type(step).__name__} must be float64 [1{more}] or [{channels}{more}]",
            )


def check_output(output: Output, network: Network) -> None:
    """The laws of one output.

    Raises:
        InternalError: A law does not hold.
    """
    place = f"output '{output.name}'"
    tensor = network.tensor(output.tensor)
    _dtype(place, output.dtype)
    for name, values in (("scale", output.scale), ("offset", output.offset)):
        shape = (tensor.channels,)
        require(
            values.dtype == np.float64 and values.shape == shape,
            place,
            f"{name} must be float64 {list(shape)}",
        )
        require(bool(np.all(np.isfinite(values))), place, f"{name} must be finite")
    require(bool(np.all(output.scale > 0)), place, "scales must be positive")
    require(output.reduce in (None, "argmax"), place, f"it must be an argmax or none, not '{output.reduce}'")
    pixels = tensor.height * tensor.width
    top = pixels if output.reduce else pixels * tensor.channels
    _gather(place, output.gather, math.prod(output.shape), top)
    require(
        (output.reduce is None) == (output.keys is None),
        place,
        "it must have keys exactly where it is an argmax",
    )
    if output.keys is not None:
        _keys(place, output, output.keys, _reach(network, tensor))


def check_anomaly(anomaly: Anomaly, network: Network) -> None:
    """The laws of the reconstruction error.

    Raises:
        InternalError: A law does not hold.
    """
    place = "anomaly"
    layer = next(layer for layer in network.layers if layer.target == anomaly.tensor)
    require(layer.activation is None, place, f"its tensor '{anomaly.tensor}' must be raw sums")
    require(
        anomaly.measure in get_args(Measure), place, f"'{anomaly.measure}' must be one of {get_args(Measure)}"
    )
    require(math.isfinite(anomaly.unit) and anomaly.unit > 0, place, "its unit must be positive")
    require(0 <= anomaly.limit < SCORE_LIMIT, place, f"limit {anomaly.limit} must be 0 to 2^62 - 1")
    require(0 <= anomaly.error < math.inf, place, f"its error must be at least 0, not {anomaly.error}")
    tensor = network.tensor(anomaly.tensor)
    shape = (tensor.channels,)
    for name, values in (("factor", anomaly.factor), ("offset", anomaly.offset)):
        require(
            values.dtype == np.int64 and values.shape == shape, place, f"{name} must be int64 {list(shape)}"
        )
    require(bool(np.all(anomaly.factor >= 0)), place, "factors must be at least 0")
    reach = accumulator_range(layer, sources(network, layer))
    pairs = zip(anomaly.factor.tolist(), anomaly.offset.tolist(), reach, strict=True)
    errors = [max(abs(k * r.low + o), abs(k * r.high + o)) for k, o, r in pairs]
    power = 2 if anomaly.measure == "squares" else 1
    largest = sum(error**power for error in errors) * tensor.height * tensor.width
    require(largest < SCORE_LIMIT, place, f"its score may reach {largest}, beyond 62 bits")
    taken = [output.name for output in network.outputs if output.name in ("anomaly", "anomaly_score")]
    require(not taken, place, f"no output must be called '{''.join(taken[:1])}' next to it")


def _dtype(place: str, name: str) -> None:
    try:
        known = np.dtype(name).name == name and np.dtype(name).kind in "fiubV"
    except TypeError:
        known = False
    require(known, place, f"'{name}' must be the name of a number type")


def _gather(place: str, gather: NDArray[np.int64], length: int, top: int) -> None:
    require(gather.dtype == np.int64 and gather.shape == (length,), place, f"gather must be int64 [{length}]")
    require(bool(np.all((gather >= 0) & (gather < top))), place, f"gather must index {top} values")


def _reach(network: Network, tensor: Tensor) -> tuple[IntRange, ...]:
    """Range of each channel of a layer's target."""
    layer = next(layer for layer in network.layers if layer.target == tensor.name)
    if layer.activation is None:
        return accumulator_range(layer, sources(network, layer))
    return (tensor.range,) * tensor.channels


def _keys(place: str, output: Output, keys: NDArray[np.int64], reach: tuple[IntRange, ...]) -> None:
    """Keys order all (channel, value) pairs as their reals do, and of equal reals the lower channel wins.

    Sorted by key, every two neighbours of different channels are compared, in float64 where that decides and
    in rationals where it does not. (Of ranges too wide for that, the part around 0.)
    """
    channels = len(reach)
    require(
        keys.dtype == np.int64 and keys.shape == (2, channels), place, f"keys must be int64 [2, {channels}]"
    )
    fixed = np.array([r.low == r.high for r in reach])  # a channel without weights has one value, and one key
    require(bool(np.all((keys[0] > 0) | fixed & (keys[0] == 0))), place, "key multipliers must be positive")
    widest = max(max(abs(r.low), abs(r.high)) for r in reach)
    largest = int(keys[0].max()) * widest + int(np.abs(keys[1]).max())
    require(largest < 2**62, place, f"keys reach {largest}, beyond 62 bits")
    if sum(r.high - r.low + 1 for r in reach) > KEY_LIMIT:
        reach = tuple(IntRange(low=max(r.low, -1000), high=min(r.high, 1000)) for r in reach)
    x = np.concatenate([np.arange(r.low, r.high + 1, dtype=np.int64) for r in reach])
    c = np.repeat(np.arange(channels), [r.high - r.low + 1 for r in reach])
    key = x * keys[0, c] + keys[1, c]
    order = np.argsort(key, kind="stable")
    key, x, c = key[order], x[order], c[order]
    require(bool(np.all(np.diff(key) > 0)), place, "keys must not tie")
    product, lost = two_product(x.astype(np.float64), output.scale[c])
    real, lost_too = two_sum(product, output.offset[c])
    slack = np.where(
        (lost == 0) & (lost_too == 0), 0.0, (np.abs(product) + np.abs(output.offset[c])) * 2.0**-50
    )
    rise = np.diff(real)
    decided = (c[1:] == c[:-1]) | (rise > slack[1:] + slack[:-1])
    decided |= (rise == 0) & (slack[1:] + slack[:-1] == 0) & (c[1:] < c[:-1])
    for i in np.flatnonzero(~decided):
        a, b = (_real(output, int(c[n]), int(x[n])) for n in (i, i + 1))
        if a > b or (a == b and c[i] < c[i + 1]):
            fail(place, f"keys must order the channels as their values do, but not {c[i]} and {c[i + 1]}")


def _real(output: Output, channel: int, x: int) -> Fraction:
    return Fraction(float(output.scale[channel])) * x + Fraction(float(output.offset[channel]))
