"""Random small networks that obey every law of the verifier.

`networks()` draws them, `Knobs` says of what kind they may be. What they mean is in `meaning.py`, computed slowly from the
docstrings of `ternc.network.layers` alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import gcd, prod
from typing import Literal

import numpy as np
from hypothesis import strategies as st

from ternc.network.analysis import accumulator_range, conv_size, hull, out_shape, pool_size
from ternc.network.layers import (
    Anomaly,
    IntRange,
    Linear,
    Network,
    Output,
    Pool,
    Prologue,
    Staircase,
    Tensor,
    Term,
    Weights,
)

Pair = tuple[int, int]
Padding = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Knobs:
    """What random networks may contain; the default is everything, small enough for an RTL simulation.

    Attributes:
        layers, inputs, outputs: Most of each, at least 1 (an anomaly comes on top of the outputs).
        terms: Most terms of a layer; the last layer may have more, for it reads whatever nobody read so far.
        channels, size: Largest number of channels; largest height and width of a map (also in front of a pool).
        weight_bits: Widest weights; 2 leaves ternary ones only.
        groups, strides, dilations, crops: Whether terms have them.
        copies, zeros: Whether terms enlarge their source with them.
        pools: Whether layers have pools; padded_pools: also with padding and dilation.
        tables: Whether staircases have tables.
        thresholds: Largest number of steps of a staircase.
        input_ranges: Ranges of inputs to choose from.
        raw, argmax, anomaly: Whether outputs may be raw sums, an argmax; whether there may be an anomaly.
        permuted: Whether gathers reorder.
    """

    layers: int = 4
    inputs: int = 2
    outputs: int = 3
    terms: int = 3
    channels: int = 9
    size: int = 9
    weight_bits: int = 8
    groups: bool = True
    strides: bool = True
    dilations: bool = True
    crops: bool = True
    copies: bool = True
    zeros: bool = True
    pools: bool = True
    padded_pools: bool = True
    tables: bool = True
    thresholds: int = 400
    input_ranges: tuple[Pair, ...] = ((0, 1), (-1, 1), (0, 3), (-8, 7), (-128, 127), (0, 255))
    raw: bool = True
    argmax: bool = True
    anomaly: bool = True
    permuted: bool = True


CHAIN = Knobs(
    inputs=1, outputs=1, terms=1, weight_bits=2, crops=False, zeros=False, padded_pools=False, tables=False,
    anomaly=False,
)  # fmt: skip
"""One ternary layer behind the other, without the rarer kinds of window."""

STEPS = ((0, 1), (0, 3), (-1, 2), (-4, 12), (0, 15), (-300, 400))  # (low, steps) of staircases


def staircase(rng: np.random.Generator, ranges: Sequence[IntRange], low: int, steps: int) -> Staircase:
    """Thresholds anywhere in each channel's clipped range, often equal to each other."""
    rows = [np.sort(rng.integers(r.low, r.high + 2, steps)) for r in ranges]
    return Staircase(thresholds=np.array(rows, np.int64).reshape(len(ranges), steps), low=low)


def codes_of(activation: Staircase) -> IntRange:
    """The codes that a staircase can give, and 0."""
    steps = activation.thresholds.shape[1]
    table = activation.table
    low, high = (
        (activation.low, activation.low + steps) if table is None else (int(table.min()), int(table.max()))
    )
    return IntRange(low=min(low, 0), high=max(high, 0))


def target_of(layer: Linear, sources: Sequence[Tensor]) -> Tensor:
    """The tensor that a layer writes."""
    channels, height, width = out_shape(layer, sources)
    found = (
        hull(accumulator_range(layer, sources)) if layer.activation is None else codes_of(layer.activation)
    )
    return Tensor(name=layer.target, channels=channels, height=height, width=width, range=found)


def tensors_of(inputs: Sequence[Tensor], layers: Sequence[Linear]) -> tuple[Tensor, ...]:
    """The inputs, then each layer's target."""
    found = {tensor.name: tensor for tensor in inputs}
    for layer in layers:
        found[layer.target] = target_of(layer, [found[term.source] for term in layer.terms])
    return tuple(found.values())


def prologue_of(tensor: Tensor, name: str) -> Prologue:
    """Integers that are declared, in the tensor's own order."""
    shape = (tensor.channels, tensor.height, tensor.width)
    return Prologue(
        name=name,
        tensor=tensor.name,
        shape=shape,
        dtype="float32",
        steps=(),
        gather=np.arange(prod(shape)),
        scale=1.0,
        offset=0.0,
        declared=True,
    )


def output_of(tensor: Tensor, name: str, *, argmax: bool = False) -> Output:
    """The integers themselves, or the index of the largest channel."""
    channels, pixels = tensor.channels, tensor.height * tensor.width
    keys = np.stack([np.full(channels, channels), np.arange(channels)[::-1]]).astype(np.int64)
    return Output(
        name=name,
        shape=(tensor.height, tensor.width) if argmax else (channels, tensor.height, tensor.width),
        dtype="int64" if argmax else "float32",
        tensor=tensor.name,
        scale=np.ones(channels),
        offset=np.zeros(channels),
        gather=np.arange(pixels if argmax else channels * pixels),
        reduce="argmax" if argmax else None,
        keys=keys if argmax else None,
    )


def assemble(
    inputs: Tensor | Sequence[Tensor],
    layers: Sequence[Linear],
    *,
    argmax: bool = False,
    anomaly: Anomaly | None = None,
) -> Network:
    """A network around layers: identity prologues ``x...``, an output ``y...`` of each tensor that nobody reads.

    With one input (output) it is called ``x`` (``y``), else ``x0``, ``x1``, ... With ``argmax`` every output is one. The
    anomaly's tensor is no output.
    """
    inputs = (inputs,) if isinstance(inputs, Tensor) else tuple(inputs)
    tensors = tensors_of(inputs, layers)
    read = {term.source for layer in layers for term in layer.terms}
    skipped = {anomaly.tensor} if anomaly else set()
    last = [t for t in tensors[len(inputs) :] if t.name not in read | skipped]

    def numbered(name: str, index: int, count: int) -> str:
        return name if count == 1 else f"{name}{index}"

    return Network(
        name="random",
        tensors=tensors,
        layers=tuple(layers),
        inputs=tuple(prologue_of(t, numbered("x", i, len(inputs))) for i, t in enumerate(inputs)),
        outputs=tuple(output_of(t, numbered("y", i, len(last)), argmax=argmax) for i, t in enumerate(last)),
        anomaly=anomaly,
    )


@st.composite
def networks(draw: st.DrawFn, knobs: Knobs = Knobs()) -> Network:
    """Any network that the knobs allow."""
    inputs = [draw(_inputs(knobs, i)) for i in range(draw(st.integers(1, knobs.inputs)))]
    if len(inputs) == 1:
        inputs = [replace(inputs[0], name="in")]
    count = draw(st.integers(1, knobs.layers))
    tensors, layers = list(inputs), list[Linear]()
    unread = [tensor.name for tensor in inputs]
    for i in range(count):
        chosen = [draw(st.sampled_from((tensors[-1], draw(st.sampled_from(tensors)))))]
        chosen += draw(st.lists(st.sampled_from(tensors), max_size=knobs.terms - 1))
        if i == count - 1:
            names = {tensor.name for tensor in chosen}
            left = [name for name in unread if name not in names]
            spare = draw(st.integers(0, knobs.outputs - 1))
            keep = [name for name in left if name not in {t.name for t in inputs}][:spare]
            chosen += [t for t in tensors if t.name in left and t.name not in keep]
        layer = draw(_layers(knobs, chosen, f"layer{i}"))
        layers.append(layer)
        tensors.append(target_of(layer, chosen))
        unread = [name for name in unread if name not in layer.sources] + [layer.target]
    anomaly = unread[-1] if knobs.anomaly and draw(st.integers(0, 3)) == 0 else None
    layers = [
        replace(layer, activation=None, pool=None if layer.target == anomaly else layer.pool)
        if layer.target == anomaly or (layer.target in unread and knobs.raw and draw(st.booleans()))
        else layer
        for layer in layers
    ]
    limit = draw(st.sampled_from((0, 3, 100, 100_000)))
    measure: Literal["squares", "absolute"] = draw(st.sampled_from(("squares", "absolute")))
    judge = None
    if anomaly:
        offset = np.array(draw(st.lists(st.integers(-9, 9), min_size=1, max_size=3)), np.int64)
        factor = np.array(draw(st.lists(st.integers(0, 5), min_size=1, max_size=3)), np.int64)
        judge = Anomaly(
            tensor=anomaly,
            factor=np.resize(factor, tensors[-1].channels),
            offset=np.resize(offset, tensors[-1].channels),
            measure=measure,
            unit=0.25,
            error=0.0,
            limit=limit,
        )
    network = assemble(inputs, layers, anomaly=judge)
    return replace(
        network,
        inputs=tuple(draw(_prologues(knobs, prologue)) for prologue in network.inputs),
        outputs=tuple(
            draw(_outputs(knobs, network.tensor(output.tensor), output.name)) for output in network.outputs
        ),
    )


@st.composite
def _inputs(draw: st.DrawFn, knobs: Knobs, index: int) -> Tensor:
    low, high = draw(st.sampled_from(knobs.input_ranges))
    return Tensor(
        name=f"in{index}",
        channels=draw(st.integers(1, knobs.channels)),
        height=draw(st.integers(1, knobs.size)),
        width=draw(st.integers(1, knobs.size)),
        range=IntRange(low=low, high=high),
    )


@st.composite
def _prologues(draw: st.DrawFn, knobs: Knobs, prologue: Prologue) -> Prologue:
    if not knobs.permuted or draw(st.booleans()):
        return prologue
    gather = np.random.default_rng(draw(st.integers(0, 99))).permutation(prologue.gather)
    return replace(prologue, gather=gather, shape=(len(gather),))


@st.composite
def _outputs(draw: st.DrawFn, knobs: Knobs, tensor: Tensor, name: str) -> Output:
    output = output_of(tensor, name, argmax=knobs.argmax and draw(st.booleans()))
    rng = np.random.default_rng(draw(st.integers(0, 2**16)))
    channels = tensor.channels
    scale, offset = rng.integers(1, 4, channels), rng.integers(-9, 10, channels)
    if output.keys is not None and draw(st.booleans()):
        keys = np.stack([scale * channels, offset * channels + np.arange(channels)[::-1]])
        output = replace(output, scale=scale.astype(np.float64), offset=offset.astype(np.float64), keys=keys)
    if knobs.permuted and draw(st.booleans()):
        output = replace(output, gather=rng.permutation(output.gather), shape=(len(output.gather),))
    return output


@st.composite
def _layers(draw: st.DrawFn, knobs: Knobs, sources: Sequence[Tensor], name: str) -> Linear:
    """Any layer with one term for each of these sources."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    out = draw(st.integers(1, knobs.channels))
    terms = [draw(_first_terms(knobs, sources[0], out, rng))]
    size = conv_size(terms[0], sources[0])
    terms += [draw(_fitting_terms(knobs, source, out, rng, size)) for source in sources[1:]]
    layer = Linear(name=name, kind="conv", terms=tuple(terms), target=f"{name}_out")
    low, steps = draw(st.sampled_from([pair for pair in STEPS if pair[1] <= knobs.thresholds]))
    stairs = staircase(rng, accumulator_range(layer, sources), low, steps)
    if knobs.tables and draw(st.integers(0, 3)) == 0:
        table = rng.integers(low, low + steps + 1, steps + 1).astype(np.int64)
        stairs = replace(stairs, table=table, low=int(table.min()))
    pool = draw(_pools(knobs, size, out, rng)) if knobs.pools and draw(st.booleans()) else None
    return replace(layer, activation=stairs, pool=pool)


@st.composite
def _windows(draw: st.DrawFn, knobs: Knobs, source: Tensor) -> tuple[Pair, Pair, Pair, bool]:
    """(kernel, dilation, upsample, zeros) of a term."""
    kernel = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    if draw(st.integers(0, 4)) == 0:
        kernel = min(source.height, 5), min(source.width, 5)
    dilation = (draw(st.integers(1, 2)), draw(st.integers(1, 2))) if knobs.dilations else (1, 1)
    zeros = knobs.zeros and draw(st.booleans())
    upsample = (1, 1)
    if (zeros or knobs.copies) and draw(st.booleans()):
        upsample = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    return kernel, dilation, upsample, zeros


@st.composite
def _first_terms(draw: st.DrawFn, knobs: Knobs, source: Tensor, out: int, rng: np.random.Generator) -> Term:
    kernel, dilation, upsample, zeros = draw(_windows(knobs, source))
    ends: list[tuple[int, int]] = []
    strides: list[int] = []
    for axis, length in enumerate((source.height, source.width)):
        reach = (kernel[axis] - 1) * dilation[axis] + 1
        low = -min(2, length * upsample[axis] - 1) if knobs.crops else 0
        before, after = draw(st.integers(low, 2)), draw(st.integers(0, 2))
        if knobs.crops and draw(st.integers(0, 3)) == 0:
            after = -min(after, length * upsample[axis] + before - 1)
        short = max(0, reach - (length * upsample[axis] + before + after))
        ends.append((before, after + short))
        free = length * upsample[axis] + before + after + short - reach
        smallest = free // knobs.size + 1  # keeps the map within the knob
        strides.append(max(smallest, draw(st.integers(1, 3)) if knobs.strides else 1))
    padding = ends[0][0], ends[1][0], ends[0][1], ends[1][1]
    return draw(
        _terms(knobs, source, out, rng, kernel, (strides[0], strides[1]), padding, dilation, upsample, zeros)
    )


@st.composite
def _fitting_terms(
    draw: st.DrawFn, knobs: Knobs, source: Tensor, out: int, rng: np.random.Generator, size: Pair
) -> Term:
    """A term of that output size: padding and crop make up for what its window leaves over."""
    kernel, dilation, upsample, zeros = draw(_windows(knobs, source))
    ends: list[tuple[int, int]] = []
    strides: list[int] = []
    for axis, length in enumerate((source.height, source.width)):
        stride = draw(st.integers(1, 3)) if knobs.strides else 1
        if not knobs.crops:  # the window must not leave too much
            kernel, upsample, stride = (1, 1), (1, 1), max(1, -(-length // size[axis]))
        needed = (size[axis] - 1) * stride + (kernel[axis] - 1) * dilation[axis] + 1
        extra = needed - length * upsample[axis]
        if extra > -stride:  # the window may leave up to a stride of pixels unread
            extra = max(extra, 0) + (draw(st.integers(0, stride - 1)) if extra >= 0 else 0)
        before = draw(st.integers(min(extra, 0), max(extra, 0)))
        ends.append((before, extra - before))
        strides.append(stride)
    padding = ends[0][0], ends[1][0], ends[0][1], ends[1][1]
    return draw(
        _terms(knobs, source, out, rng, kernel, (strides[0], strides[1]), padding, dilation, upsample, zeros)
    )


@st.composite
def _terms(
    draw: st.DrawFn,
    knobs: Knobs,
    source: Tensor,
    out: int,
    rng: np.random.Generator,
    kernel: Pair,
    stride: Pair,
    padding: Padding,
    dilation: Pair,
    upsample: Pair,
    zeros: bool,
) -> Term:
    common = gcd(source.channels, out)
    groups = (
        draw(st.sampled_from([g for g in range(1, common + 1) if common % g == 0])) if knobs.groups else 1
    )
    bits = draw(st.integers(2, knobs.weight_bits)) if draw(st.booleans()) else 2
    shape = (out, source.channels // groups, *kernel)
    return Term(
        source=source.name,
        weights=draw(_weights(shape, bits, rng)),
        stride=stride,
        padding=padding,
        dilation=dilation,
        groups=groups,
        upsample=upsample,
        fill="zeros" if zeros else "copies",
    )


@st.composite
def _weights(
    draw: st.DrawFn, shape: tuple[int, int, int, int], bits: int, rng: np.random.Generator
) -> Weights:
    """Dense or sparse ones, or a selection of channels (a residual, a part of a concatenation)."""
    half = 1 << (bits - 1)
    found = rng.integers(1 - half, half, shape)
    kind = draw(st.sampled_from(("dense", "sparse", "selection", "some channels")))
    if kind == "sparse":
        found *= rng.random(shape) < 0.2
    elif kind == "some channels":
        found *= rng.integers(0, 2, (shape[0], 1, 1, 1))
    elif kind == "selection":
        sign = draw(st.sampled_from((1, -1)))
        found[:] = 0
        rows = np.arange(shape[0])
        found[rows, (rows + draw(st.integers(0, 3))) % shape[1], shape[2] // 2, shape[3] // 2] = sign
    return found.astype(np.int32)


@st.composite
def _pools(draw: st.DrawFn, knobs: Knobs, size: Pair, out: int, rng: np.random.Generator) -> Pool:
    kernel = draw(st.integers(1, min(3, size[0]))), draw(st.integers(1, min(3, size[1])))
    stride = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    pool = Pool(kernel=kernel, stride=stride, minimum=tuple(bool(rng.integers(2)) for _ in range(out)))
    if not knobs.padded_pools or draw(st.booleans()):
        return pool
    kernel = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    dilation = draw(st.integers(1, 2)), draw(st.integers(1, 2))
    tops = [min(2, (kernel[axis] - 1) * dilation[axis]) for axis in (0, 1)]
    padding = tuple(draw(st.integers(0, tops[axis])) for axis in (0, 1, 0, 1))
    wider = replace(
        pool, kernel=kernel, dilation=dilation, padding=(padding[0], padding[1], padding[2], padding[3])
    )
    fits = max(pool_size(wider, size)) <= knobs.size and _every_window_has_a_pixel(wider, size)
    return wider if fits else pool


def _every_window_has_a_pixel(pool: Pool, size: Pair) -> bool:
    outputs = pool_size(pool, size)
    return min(outputs) >= 1 and all(
        any(
            0 <= j * pool.stride[axis] + k * pool.dilation[axis] - pool.padding[axis] < size[axis]
            for k in range(pool.kernel[axis])
        )
        for axis in (0, 1)
        for j in range(outputs[axis])
    )
