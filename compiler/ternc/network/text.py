"""The stable text form of a Network: what it is, a few lines a layer. Equal networks give equal text."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import Any, assert_never

import numpy as np
from numpy.typing import NDArray

from ternc.network.analysis import accumulator_range, density, hull, macs
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
)
from ternc.network.steps import (
    Add,
    Branch,
    Clamp,
    Divide,
    Function,
    Multiply,
    Normalise,
    Round,
    Sign,
    Step,
    Thresholds,
)
from ternc.numeric import signed_bits


def network_text(network: Network) -> str:
    """The whole network, ending in a newline."""
    return "\n".join(_lines(network)) + "\n"


def checksum(array: NDArray[Any]) -> str:
    """First 12 hexadecimal digits of the SHA-256 of an array's shape and little-endian integers."""
    little = np.ascontiguousarray(array, array.dtype.newbyteorder("<")).tobytes()
    return _digest(repr(array.shape).encode() + little)


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:12]


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
        case Thresholds():
            return f"count thresholds {_constants(step.values)}"
        case Function():
            constants = (("alpha", step.alpha), ("beta", step.beta), ("gamma", step.gamma))
            shown = [f" {name} {_constants(values)}" for name, values in constants if values.any()]
            return step.kind + "".join(shown)
        case Branch():
            test, below, above = (
                ", ".join(map(step_text, steps)) or "as it is"
                for steps in (step.test, step.below, step.above)
            )
            sign = "<=" if step.equal_is_below else "<"
            return f"if ({test}) {sign} {_constants(step.at)} then ({below}) else ({above})"
        case _:
            assert_never(step)


def _lines(network: Network) -> Iterator[str]:
    yield f"network {network.name}"
    for prologue, tensor in zip(network.inputs, network.input_tensors, strict=True):
        yield from _prologue(prologue, tensor)
    for layer in network.layers:
        yield from _layer(layer, network)
    for output in network.outputs:
        yield from _output(output)
    if network.anomaly is not None:
        yield from _anomaly(network.anomaly)
    if network.epilogue:
        yield f"epilogue on the host, {len(network.epilogue)} bytes #{_digest(network.epilogue)}"


def _prologue(prologue: Prologue, tensor: Tensor) -> Iterator[str]:
    origin = "declared" if prologue.declared else "quantised"
    yield f"input '{prologue.name}' {prologue.dtype}{list(prologue.shape)} -> {_tensor(tensor)}, {origin}"
    yield f"  real = {prologue.scale!r} * x + {prologue.offset!r}, gather {_order(prologue.gather)}"
    for step in prologue.steps:
        yield f"  {step_text(step)}"


def _layer(layer: Linear, network: Network) -> Iterator[str]:
    sources = [network.tensor(term.source) for term in layer.terms]
    yield f"{layer.kind} '{layer.name}' -> {_tensor(network.tensor(layer.target))}"
    for term, source in zip(layer.terms, sources, strict=True):
        yield f"  {_term(term, source)}"
    acc = hull(accumulator_range(layer, sources))
    yield f"  {macs(layer, sources)} macs, density {density(layer):.4f}, accumulator {_range(acc)}"
    yield "  raw accumulators" if layer.activation is None else f"  {_staircase(layer.activation)}"
    if layer.activation is not None:
        yield from (f"    border: {line}" for line in layer.activation.borders)
    if layer.pool is not None:
        yield f"  {_pool(layer.pool)}"


def _details(*shown: tuple[str, bool]) -> str:
    return "".join(f", {text}" for text, needed in shown if needed)


def _term(term: Term, source: Tensor) -> str:
    low, high = int(term.weights.min()), int(term.weights.max())
    kind = "ternary" if low >= -1 and high <= 1 else f"{signed_bits(low, high)}-bit"
    return (f"{_tensor(source)}: {kind} {_pair(term.weights.shape)} #{checksum(term.weights)}") + _details(
        (f"stride {_pair(term.stride)}", term.stride != (1, 1)),
        (f"padding {_ends(term.padding)}", any(term.padding)),
        (f"dilation {_pair(term.dilation)}", term.dilation != (1, 1)),
        (f"groups {term.groups}", term.groups != 1),
        (f"enlarged {_pair(term.upsample)} with {term.fill}", term.upsample != (1, 1)),
    )


def _pool(pool: Pool) -> str:
    falling = sum(pool.minimum)
    kind = "maximum" if not falling else f"maximum (minimum in {falling} channels)"
    return f"pool {kind} {_pair(pool.kernel)}, stride {_pair(pool.stride)}" + _details(
        (f"padding {_ends(pool.padding)}", any(pool.padding)),
        (f"dilation {_pair(pool.dilation)}", pool.dilation != (1, 1)),
    )


def _staircase(staircase: Staircase) -> str:
    steps = staircase.thresholds.shape[1]
    high = staircase.low + steps if staircase.table is None else int(staircase.table.max())
    text = f"staircase {staircase.low}..{high} #{checksum(staircase.thresholds)}, "
    if staircase.table is not None:
        text += f"table of {steps + 1} levels #{checksum(staircase.table)}, "
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


def _anomaly(anomaly: Anomaly) -> Iterator[str]:
    difference = f"{_constants(anomaly.factor)} * x + {_constants(anomaly.offset)}"
    size = f"({difference})^2" if anomaly.measure == "squares" else f"|{difference}|"
    yield f"anomaly <- '{anomaly.tensor}', score = sum of {size}, real error = {anomaly.unit!r} * score"
    yield f"  flag above {anomaly.limit}, error at most {anomaly.error!r}"


def _tensor(tensor: Tensor) -> str:
    return f"'{tensor.name}' {tensor.channels}x{tensor.height}x{tensor.width} {_range(tensor.range)}"


def _range(r: IntRange) -> str:
    return f"{r.low}..{r.high}"


def _ends(padding: Sequence[int]) -> str:
    return ",".join(map(str, padding))


def _pair(pair: Sequence[int]) -> str:
    return "x".join(map(str, pair))


def _constants(values: NDArray[np.float64] | NDArray[np.int64]) -> str:
    if np.all(values == values.flat[0]):
        return repr(values.flat[0].item())
    return f"{values.size} values {values.min().item()!r}..{values.max().item()!r} #{checksum(values)}"


def _order(gather: NDArray[np.int64]) -> str:
    return "in order" if np.array_equal(gather, np.arange(gather.size)) else f"#{checksum(gather)}"
