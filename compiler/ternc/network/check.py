"""The verifier: every law that a Network keeps, checked before the first pass and after each.

What it finds is a bug of ternc, never of the user, hence `InternalError`: it names the layer or tensor and
the law.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import NoReturn

import numpy as np
from numpy.typing import NDArray

from ternc.errors import InternalError
from ternc.network.analysis import accumulator_range, conv_size, hull, kernel, out_shape
from ternc.network.evaluate import two_product, two_sum
from ternc.network.layers import (
    IntRange,
    Linear,
    MultiplyShift,
    Network,
    Output,
    Prologue,
    Staircase,
    Tensor,
)

KEY_LIMIT = 1 << 22  # channel-value pairs up to which every argmax key is compared


def verify_network(network: Network) -> None:
    """Check every law.

    Raises:
        InternalError: With stage ``"network"``, naming the place and the law that does not hold.
    """
    if not network.name.isidentifier():
        _fail(f"network '{network.name}'", "its name must be an identifier")
    _names(network)
    for tensor in network.tensors:
        _tensor(tensor)
    for layer, target in zip(network.layers, network.tensors[1:], strict=True):
        _layer(layer, network.tensor(layer.source), target)
    _prologue(network.prologue, network.input)
    _output(network.output, network)


def _fail(place: str, law: str) -> NoReturn:
    raise InternalError("network", f"{place}: {law}")


def _require(holds: bool | np.bool_, place: str, law: str) -> None:
    if not holds:
        _fail(place, law)


def _names(network: Network) -> None:
    place = f"network '{network.name}'"
    _require(len(network.layers) > 0, place, "it must have a layer")
    for kind, names in (
        ("tensor", [t.name for t in network.tensors]),
        ("layer", [layer.name for layer in network.layers]),
    ):
        twice = sorted({name for name in names if names.count(name) > 1})
        _require(not twice, place, f"{kind} names must be unique, but '{''.join(twice[:1])}' is not")
    tensors = [t.name for t in network.tensors]
    targets = [layer.target for layer in network.layers]
    _require(
        tensors[1:] == targets, place, f"tensors must be the input and then the layers' targets {targets}"
    )
    for i, layer in enumerate(network.layers):
        _require(
            layer.source in tensors[: i + 1],
            f"layer '{layer.name}'",
            f"its source '{layer.source}' must be written before it is read",
        )


def _tensor(tensor: Tensor) -> None:
    place = f"tensor '{tensor.name}'"
    _require(min(tensor.channels, tensor.height, tensor.width) >= 1, place, "its shape must be at least 1")
    _require(tensor.range.low <= 0 <= tensor.range.high, place, f"{_show(tensor.range)} must contain 0")


def _show(r: IntRange) -> str:
    return f"range {r.low}..{r.high}"


def _layer(layer: Linear, source: Tensor, target: Tensor) -> None:
    place = f"layer '{layer.name}'"
    trits = layer.trits
    _require(
        trits.dtype == np.int8 and trits.ndim == 4 and trits.size > 0,
        place,
        "trits must be int8 [O, I, KH, KW]",
    )
    _require(bool(np.all(np.abs(trits) <= 1)), place, "trits must be -1, 0 or +1")
    _require(
        layer.groups >= 1
        and trits.shape[1] * layer.groups == source.channels
        and trits.shape[0] % layer.groups == 0,
        place,
        f"{layer.groups} groups of {trits.shape[1]} inputs must be the source's {source.channels} channels, "
        f"and divide the {trits.shape[0]} outputs",
    )
    for name, pair in (("stride", layer.stride), ("dilation", layer.dilation), ("upsample", layer.upsample)):
        _require(min(pair) >= 1, place, f"{name} {pair} must be at least 1")
    _require(min(layer.padding) >= 0, place, f"padding {layer.padding} must be >= 0")
    size = conv_size(layer, source)
    _require(min(size) >= 1, place, f"its {kernel(layer)} window must fit the map, but leaves {size}")
    if layer.pool is not None:
        pool = layer.pool
        _require(min(*pool.kernel, *pool.stride) >= 1, place, "pool kernel and stride must be at least 1")
        fits = pool.kernel[0] <= size[0] and pool.kernel[1] <= size[1]
        _require(fits, place, f"its {pool.kernel} pool must fit the {size} map")
        _require(len(pool.minimum) == trits.shape[0], place, "pool.minimum must have one entry a channel")
    shape = (target.channels, target.height, target.width)
    expected = out_shape(layer, source)
    _require(shape == expected, place, f"its target must have shape {expected}, but has {shape}")

    acc = accumulator_range(layer, source)
    if layer.activation is None:
        reach = hull(acc)
    else:
        low, high = layer.activation.low, layer.activation.low + layer.activation.thresholds.shape[-1]
        reach = hull((IntRange(low=low, high=high),))
        _staircase(place, layer.activation, acc)
    _require(
        target.range == reach, place, f"its target must have {_show(reach)}, but has {_show(target.range)}"
    )


def _ends(acc: Sequence[IntRange]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Lows and highs, int64 ``[O, 1]``."""
    ends = np.array([(r.low, r.high) for r in acc], np.int64)
    return ends[:, :1], ends[:, 1:]


def _staircase(place: str, staircase: Staircase, acc: tuple[IntRange, ...]) -> None:
    t = staircase.thresholds
    _require(
        t.dtype == np.int64 and t.ndim == 2 and t.shape[0] == len(acc),
        place,
        "thresholds must be int64 [O, steps]",
    )
    _require(t.shape[1] >= 1, place, "its staircase must have a step")
    _require(bool(np.all(np.diff(t, axis=1) >= 0)), place, "thresholds must not fall")
    low, high = _ends(acc)
    _require(
        bool(np.all((t >= low) & (t <= high + 1))),
        place,
        "thresholds must be clipped to the accumulator's range",
    )
    if staircase.form is not None:
        _form(place, staircase.form, t, low, high)


def _form(
    place: str, form: MultiplyShift, t: NDArray[np.int64], low: NDArray[np.int64], high: NDArray[np.int64]
) -> None:
    """Equality with the thresholds on every accumulator in reach; `ternc.passes.realise` has the argument."""
    for name, values in (("multiplier", form.multiplier), ("addend", form.addend)):
        _require(values.dtype == np.int64 and values.shape == t.shape[:1], place, f"{name} must be int64 [O]")
    _require(0 <= form.shift <= 62, place, f"shift {form.shift} must be 0..62")
    _require(bool(np.all(form.multiplier >= 0)), place, "multipliers must not be negative")
    reach = int(max(np.abs(low).max(), np.abs(high).max())) + 1
    largest = int(form.multiplier.max()) * reach + int(np.abs(form.addend).max())
    _require(largest < 2**62, place, f"its multiply-shift form reaches {largest}, beyond 62 bits")
    m, b = form.multiplier[:, None], form.addend[:, None]
    levels = np.arange(1, t.shape[1] + 1)
    reached = (t * m + b) >> form.shift >= levels
    before = ((t - 1) * m + b) >> form.shift >= levels
    wrong = (~reached & (t <= high)) | (before & (t > low))
    if np.any(wrong):
        c, k = (int(i) for i in np.argwhere(wrong)[0])
        _fail(place, f"its multiply-shift form must equal the thresholds, but not at channel {c}, step {k}")


def _gather(place: str, gather: NDArray[np.int64], length: int, top: int) -> None:
    _require(
        gather.dtype == np.int64 and gather.shape == (length,), place, f"gather must be int64 [{length}]"
    )
    _require(bool(np.all((gather >= 0) & (gather < top))), place, f"gather must index {top} values")


def _prologue(prologue: Prologue, tensor: Tensor) -> None:
    place = f"input '{prologue.name}'"
    size = tensor.channels * tensor.height * tensor.width
    _gather(place, prologue.gather, size, math.prod(prologue.shape))


def _output(output: Output, network: Network) -> None:
    place = f"output '{output.name}'"
    last = network.tensors[-1]
    _require(
        output.tensor == last.name, place, f"it must be the last tensor '{last.name}', not '{output.tensor}'"
    )
    for name, values in (("scale", output.scale), ("offset", output.offset)):
        shape = (last.channels,)
        _require(
            values.dtype == np.float64 and values.shape == shape,
            place,
            f"{name} must be float64 {list(shape)}",
        )
        _require(bool(np.all(np.isfinite(values))), place, f"{name} must be finite")
    _require(bool(np.all(output.scale > 0)), place, "scales must be positive")
    pixels = last.height * last.width
    _gather(
        place, output.gather, math.prod(output.shape), pixels if output.argmax else pixels * last.channels
    )
    _require(
        output.argmax == (output.keys is not None), place, "it must have keys exactly where it is an argmax"
    )
    if output.keys is not None:
        _keys(place, output, output.keys, _reach(network))


def _reach(network: Network) -> tuple[IntRange, ...]:
    """Range of each channel of the last tensor."""
    layer, last = network.layers[-1], network.tensors[-1]
    if layer.activation is None:
        return accumulator_range(layer, network.tensor(layer.source))
    return (last.range,) * last.channels


def _keys(place: str, output: Output, keys: NDArray[np.int64], reach: tuple[IntRange, ...]) -> None:
    """Keys order all (channel, value) pairs as their reals do, and of equal reals the lower channel wins.

    Sorted by key, every two neighbours of different channels are compared, in float64 where that decides and
    in rationals where it does not. (Of ranges too wide for that, the part around 0.)
    """
    channels = len(reach)
    _require(
        keys.dtype == np.int64 and keys.shape == (2, channels), place, f"keys must be int64 [2, {channels}]"
    )
    _require(bool(np.all(keys[0] > 0)), place, "key multipliers must be positive")
    widest = max(max(abs(r.low), abs(r.high)) for r in reach)
    largest = int(keys[0].max()) * widest + int(np.abs(keys[1]).max())
    _require(largest < 2**62, place, f"keys reach {largest}, beyond 62 bits")
    if sum(r.high - r.low + 1 for r in reach) > KEY_LIMIT:
        reach = tuple(IntRange(low=max(r.low, -1000), high=min(r.high, 1000)) for r in reach)
    x = np.concatenate([np.arange(r.low, r.high + 1, dtype=np.int64) for r in reach])
    c = np.repeat(np.arange(channels), [r.high - r.low + 1 for r in reach])
    key = x * keys[0, c] + keys[1, c]
    order = np.argsort(key, kind="stable")
    key, x, c = key[order], x[order], c[order]
    _require(bool(np.all(np.diff(key) > 0)), place, "keys must not tie")
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
            _fail(place, f"keys must order the channels as their values do, but not {c[i]} and {c[i + 1]}")


def _real(output: Output, channel: int, x: int) -> Fraction:
    return Fraction(float(output.scale[channel])) * x + Fraction(float(output.offset[channel]))
