"""The verifier: every law that a Network keeps, checked before the first pass and after each.

What it finds is a bug of ternc, never of the user, hence `InternalError`: it names the layer or tensor and
the law.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ternc.network.analysis import accumulator_range, conv_size, hull, kernel, out_shape, pool_size
from ternc.network.check_ends import check_anomaly, check_output, check_prologue
from ternc.network.law import fail, require
from ternc.network.layers import IntRange, Linear, MultiplyShift, Network, Pool, Staircase, Tensor, Term

EXACT = 1 << 53  # magnitudes below are exact in float64, in which golden execution adds


def verify_network(network: Network) -> None:
    """Check every law.

    Raises:
        InternalError: With stage ``"network"``, naming the place and the law that does not hold.
    """
    place = f"network '{network.name}'"
    require(network.name.isidentifier(), place, "its name must be an identifier")
    require(len(network.layers) > 0, place, "it must have a layer")
    require(len(network.inputs) > 0, place, "it must have an input")
    require(bool(network.leaving), place, "it must have an output or an anomaly")
    require(isinstance(network.epilogue, bytes), place, "its epilogue must be bytes")
    _names(place, network)
    _order(place, network)
    _leaving(network)
    for tensor in network.tensors:
        _tensor(tensor)
    for layer in network.layers:
        _layer(layer, network)
    for prologue, tensor in zip(network.inputs, network.input_tensors, strict=True):
        check_prologue(prologue, tensor)
    for output in network.outputs:
        check_output(output, network)
    if network.anomaly is not None:
        check_anomaly(network.anomaly, network)


def _names(place: str, network: Network) -> None:
    for kind, names in (
        ("tensor", [t.name for t in network.tensors]),
        ("layer", [layer.name for layer in network.layers]),
        ("input", [prologue.name for prologue in network.inputs]),
        ("output", [output.name for output in network.outputs]),
    ):
        twice = sorted({name for name in names if names.count(name) > 1})
        require(not twice, place, f"{kind} names must be unique, but '{''.join(twice[:1])}' is not")


def _order(place: str, network: Network) -> None:
    """Tensors stand in the order of the inputs and layers, and nothing is read before it is written."""
    tensors = [t.name for t in network.tensors]
    inputs = len(network.inputs)
    targets = [layer.target for layer in network.layers]
    require(
        tensors[inputs:] == targets,
        place,
        f"tensors must be its {inputs} inputs and then the layers' targets {targets}",
    )
    for i, layer in enumerate(network.layers):
        require(len(layer.terms) > 0, f"layer '{layer.name}'", "it must have a term")
        for source in layer.sources:
            require(
                source in tensors[: inputs + i],
                f"layer '{layer.name}'",
                f"its source '{source}' must be written before it is read",
            )


def _leaving(network: Network) -> None:
    """Each tensor is read, or leaves once as a layer made it."""
    read = {name for layer in network.layers for name in layer.sources}
    made = {layer.target for layer in network.layers}
    names = [f"output '{output.name}'" for output in network.outputs] + ["anomaly"]
    for i, (place, name) in enumerate(zip(names, network.leaving, strict=False)):
        require(name in made, place, f"a layer must write its tensor '{name}'")
        require(name not in read, place, f"no layer must read its tensor '{name}'")
        require(name not in network.leaving[:i], place, f"its tensor '{name}' must not leave twice")
    for tensor in network.tensors:
        require(
            tensor.name in read or tensor.name in network.leaving,
            f"tensor '{tensor.name}'",
            "it must be read or leave",
        )
    for layer in network.layers:
        require(
            layer.activation is not None or layer.target in network.leaving,
            f"layer '{layer.name}'",
            f"raw sums must leave, but '{layer.target}' stays",
        )


def _tensor(tensor: Tensor) -> None:
    place = f"tensor '{tensor.name}'"
    require(min(tensor.channels, tensor.height, tensor.width) >= 1, place, "its shape must be at least 1")
    require(tensor.range.low <= 0 <= tensor.range.high, place, f"{_show(tensor.range)} must contain 0")
    require(
        max(-tensor.range.low, tensor.range.high) < EXACT,
        place,
        f"{_show(tensor.range)} must be exact in float64",
    )


def _show(r: IntRange) -> str:
    return f"range {r.low}..{r.high}"


def _layer(layer: Linear, network: Network) -> None:
    place = f"layer '{layer.name}'"
    sources = [network.tensor(term.source) for term in layer.terms]
    for term, source in zip(layer.terms, sources, strict=True):
        _term(place, term, source)
    size = conv_size(layer.terms[0], sources[0])
    for term, source in zip(layer.terms[1:], sources[1:], strict=True):
        first, found = (layer.channels, *size), (len(term.weights), *conv_size(term, source))
        require(
            first == found,
            place,
            f"its terms must have one shape, but '{layer.terms[0].source}' gives {first} and "
            f"'{source.name}' {found}",
        )
    if layer.pool is not None:
        _pool(place, layer.pool, size, layer.channels)
    target = network.tensor(layer.target)
    shape = (target.channels, target.height, target.width)
    expected = out_shape(layer, sources)
    require(shape == expected, place, f"its target must have shape {expected}, but has {shape}")

    acc = accumulator_range(layer, sources)
    reach = hull(acc)
    require(max(-reach.low, reach.high) < EXACT, place, f"its sums, {_show(reach)}, must be exact in float64")
    if layer.activation is not None:
        reach = _staircase(place, layer.activation, acc)
    require(
        target.range.low <= reach.low and reach.high <= target.range.high,
        place,
        f"its target's {_show(target.range)} must contain {_show(reach)}",
    )


def _term(place: str, term: Term, source: Tensor) -> None:
    place = f"{place}, source '{source.name}'"
    weights = term.weights
    require(
        weights.dtype == np.int32 and weights.ndim == 4 and weights.size > 0,
        place,
        "weights must be int32 [O, I, KH, KW]",
    )
    require(
        term.groups >= 1
        and weights.shape[1] * term.groups == source.channels
        and weights.shape[0] % term.groups == 0,
        place,
        f"{term.groups} groups of {weights.shape[1]} inputs must be the source's {source.channels} channels, "
        f"and divide the {weights.shape[0]} outputs",
    )
    for name, pair in (("stride", term.stride), ("dilation", term.dilation), ("upsample", term.upsample)):
        require(min(pair) >= 1, place, f"{name} {pair} must be at least 1")
    require(term.fill in ("copies", "zeros"), place, f"fill '{term.fill}' must be copies or zeros")
    size = conv_size(term, source)
    require(min(size) >= 1, place, f"its {kernel(term)} window must fit the map, but leaves {size}")


def _pool(place: str, pool: Pool, size: tuple[int, int], channels: int) -> None:
    require(
        min(*pool.kernel, *pool.stride, *pool.dilation) >= 1,
        place,
        "pool kernel, stride and dilation must be at least 1",
    )
    require(min(pool.padding) >= 0, place, f"pool padding {pool.padding} must not be negative")
    outputs = pool_size(pool, size)
    require(min(outputs) >= 1, place, f"its {pool.kernel} pool must fit the {size} map")
    require(len(pool.minimum) == channels, place, "pool.minimum must have one entry a channel")
    for axis in (0, 1):
        taps = np.arange(pool.kernel[axis]) * pool.dilation[axis] - pool.padding[axis]
        pixels = np.arange(outputs[axis])[:, None] * pool.stride[axis] + taps
        empty = np.flatnonzero(~((pixels >= 0) & (pixels < size[axis])).any(axis=1))
        if empty.size:
            what = ("row", "column")[axis]
            fail(place, f"each pool window must hold a pixel of the map, but not {what} {empty[0]}")


def _ends(acc: Sequence[IntRange]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Lows and highs, int64 ``[O, 1]``."""
    ends = np.array([(r.low, r.high) for r in acc], np.int64)
    return ends[:, :1], ends[:, 1:]


def _staircase(place: str, staircase: Staircase, acc: tuple[IntRange, ...]) -> IntRange:
    """Check it, and return the range of its codes."""
    t = staircase.thresholds
    require(
        t.dtype == np.int64 and t.ndim == 2 and t.shape[0] == len(acc),
        place,
        "thresholds must be int64 [O, steps]",
    )
    steps = t.shape[1]
    require(steps >= 1, place, "its staircase must have a step")
    require(bool(np.all(np.diff(t, axis=1) >= 0)), place, "thresholds must not fall")
    low, high = _ends(acc)
    require(
        bool(np.all((t >= low) & (t <= high + 1))),
        place,
        "thresholds must be clipped to the accumulator's range",
    )
    if staircase.form is not None:
        _form(place, staircase.form, t, low, high)
    table = staircase.table
    if table is None:
        return IntRange(low=staircase.low, high=staircase.low + steps)
    require(
        table.dtype == np.int64 and table.shape == (steps + 1,),
        place,
        f"its table must be int64 [{steps + 1}]",
    )
    lowest = int(table.min())
    require(
        staircase.low == lowest,
        place,
        f"low must be the table's lowest code {lowest}, but is {staircase.low}",
    )
    return IntRange(low=lowest, high=int(table.max()))


def _form(
    place: str, form: MultiplyShift, t: NDArray[np.int64], low: NDArray[np.int64], high: NDArray[np.int64]
) -> None:
    """Equality with the thresholds on every accumulator in reach; `ternc.passes.realise` has the argument."""
    for name, values in (("multiplier", form.multiplier), ("addend", form.addend)):
        require(values.dtype == np.int64 and values.shape == t.shape[:1], place, f"{name} must be int64 [O]")
    require(0 <= form.shift <= 62, place, f"shift {form.shift} must be 0..62")
    require(bool(np.all(form.multiplier >= 0)), place, "multipliers must not be negative")
    reach = int(max(np.abs(low).max(), np.abs(high).max())) + 1
    largest = int(form.multiplier.max()) * reach + int(np.abs(form.addend).max())
    require(largest < 2**62, place, f"its multiply-shift form reaches {largest}, beyond 62 bits")
    m, b = form.multiplier[:, None], form.addend[:, None]
    levels = np.arange(1, t.shape[1] + 1)
    reached = (t * m + b) >> form.shift >= levels
    before = ((t - 1) * m + b) >> form.shift >= levels
    wrong = (~reached & (t <= high)) | (before & (t > low))
    if np.any(wrong):
        c, k = (int(i) for i in np.argwhere(wrong)[0])
        fail(place, f"its multiply-shift form must equal the thresholds, but not at channel {c}, step {k}")
