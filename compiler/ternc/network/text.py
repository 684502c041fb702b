"""The stable text form of a Network: what it is, a few lines a layer. Equal networks give equal text."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import Any, assert_never

import numpy as np
from numpy.typing import NDArray

from ternc.network.analysis import accumulator_range, density, hull, kernel, macs
from ternc.network.layers import IntRange, Linear, Network, Output, Prologue, Staircase, Tensor
from ternc.network.steps import Add, Clamp, Divide, Multiply, Normalise, Round, Sign, Step


def network_text(network: Network) -> str:
    """The whole network, ending in a newline."""
    return "\n".join(_lines(network)) + "\n"


def checksum(array: NDArray[Any]) -> str:
    """First 12 hexadecimal digits of the SHA-256 of an array's shape and little-endian integers."""
    digest = hashlib.sha256(repr(array.shape).encode())
    digest.update(np.ascontiguousarray(array, array.dtype.newbyteorder("<")).tobytes())
    return digest.hexdigest()[:12]


def step_text(step: Step) -> str:
    """One step, for example ``"divide 0.125"`` or ``"add 64 values #c0ffee123456"``."""
    match step:
        case Add():
            return f"add {_constants(step.addend)}"
        case Multiply():
            return f"multiply {_constants(step.factor)}"
        case Divide():
            return f"divide {_constants(step.divisor)}"
        case Normalise():
            parts = " ".join(
                f"{name} {_constants(values)}"
                for name, values in (
                    ("mean", step.mean),
                    ("variance", step.variance),
                    ("gain", step.gain),
                    ("bias", step.bias),
                )
            )
            return f"normalise {parts} epsilon {step.epsilon!r}"
        case Clamp():
            return f"clamp {_constants(step.low)}..{_constants(step.high)}"
        case Round():
            return f"round {step.mode}"
        case Sign():
            return f"sign with {step.zero} at 0"
        case _:
            assert_never(step)


def _lines(network: Network) -> Iterator[str]:
    yield f"network {network.name}"
    yield from _prologue(network.prologue, network.input)
    for layer in network.layers:
        yield from _layer(layer, network.tensor(layer.source), network.tensor(layer.target))
    yield from _output(network.output)


def _prologue(prologue: Prologue, tensor: Tensor) -> Iterator[str]:
    origin = "declared" if prologue.declared else "quantised"
    yield f"input '{prologue.name}' {prologue.dtype}{list(prologue.shape)} -> {_tensor(tensor)}, {origin}"
    yield f"  real = {prologue.scale!r} * x + {prologue.offset!r}, gather {_order(prologue.gather)}"
    for step in prologue.steps:
        yield f"  {step_text(step)}"


def _layer(layer: Linear, source: Tensor, target: Tensor) -> Iterator[str]:
    acc = accumulator_range(layer, source)
    yield f"{layer.kind} '{layer.name}': {_tensor(source)} -> {_tensor(target)}"
    out, inner, height, width = layer.trits.shape
    yield (
        f"  trits {out}x{inner}x{height}x{width} #{checksum(layer.trits)}, density {density(layer):.4f}, "
        f"{macs(layer, source)} macs, accumulator {_range(hull(acc))}"
    )
    details = [
        text
        for text, shown in (
            (f"stride {_pair(layer.stride)}", layer.stride != (1, 1)),
            (f"padding {','.join(map(str, layer.padding))}", any(layer.padding)),
            (f"dilation {_pair(layer.dilation)}", layer.dilation != (1, 1)),
            (f"groups {layer.groups}", layer.groups != 1),
            (f"upsample {_pair(layer.upsample)}", layer.upsample != (1, 1)),
        )
        if shown
    ]
    if details:
        yield f"  window {_pair(kernel(layer))}, {', '.join(details)}"
    yield "  raw accumulators" if layer.activation is None else f"  {_staircase(layer.activation)}"
    if layer.activation is not None:
        yield from (f"    border: {line}" for line in layer.activation.borders)
    if layer.pool is not None:
        falling = sum(layer.pool.minimum)
        kind = "maximum" if not falling else f"maximum (minimum in {falling} channels)"
        yield f"  pool {kind} {_pair(layer.pool.kernel)}, stride {_pair(layer.pool.stride)}"


def _staircase(staircase: Staircase) -> str:
    steps = staircase.thresholds.shape[1]
    text = f"staircase {staircase.low}..{staircase.low + steps} #{checksum(staircase.thresholds)}, "
    form = staircase.form
    if form is None:
        return text + "thresholds"
    return (
        f"{text}multiply {form.multiplier.min()}..{form.multiplier.max()} #{checksum(form.multiplier)}, "
        f"add {form.addend.min()}..{form.addend.max()} #{checksum(form.addend)}, shift {form.shift}"
    )


def _output(output: Output) -> Iterator[str]:
    kind = f"{output.dtype}{list(output.shape)}"
    yield f"output '{output.name}' {kind} <- '{output.tensor}', gather {_order(output.gather)}"
    if output.keys is not None:
        yield f"  argmax over channels, keys #{checksum(output.keys)}"
    else:
        yield f"  real = {_constants(output.scale)} * x + {_constants(output.offset)}"


def _tensor(tensor: Tensor) -> str:
    return f"'{tensor.name}' {tensor.channels}x{tensor.height}x{tensor.width} {_range(tensor.range)}"


def _range(r: IntRange) -> str:
    return f"{r.low}..{r.high}"


def _pair(pair: Sequence[int]) -> str:
    return "x".join(map(str, pair))


def _constants(values: NDArray[np.float64]) -> str:
    if np.all(values == values.flat[0]):
        return repr(float(values.flat[0]))
    return f"{values.size} values {float(values.min())!r}..{float(values.max())!r} #{checksum(values)}"


def _order(gather: NDArray[np.int64]) -> str:
    return "in order" if np.array_equal(gather, np.arange(gather.size)) else f"#{checksum(gather)}"
