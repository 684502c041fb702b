"""The streams of a design: names, elements, beats."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from ternc.network.analysis import accumulator_range, sources
from ternc.network.layers import Network, Output, Tensor
from ternc.numeric import ceil_div, range_bits, signed_bits, unsigned_bits
from ternc.schedule.bundles import ONE
from ternc.schedule.design import Bundles, OutputBuffer, Rows, ScoreUnit, StreamPort
from ternc.schedule.requant import argmax_keys
from ternc.schedule.stage import writer

PORT_BITS = 512
"""Widest TDATA that a choice of arrays leads to; arrays named by hand may have wider outputs."""
ANOMALY = "anomaly"
"""Value and port name of the anomaly's score and flag."""
LOAD = "load"
"""Port name of the stream that takes the images of a reloadable design."""


def port_names(prefix: str, values: Sequence[str], reserved: Sequence[str] = ()) -> tuple[str, ...]:
    """Signal prefixes of the ports of one kind: ``prefix`` where there is one, else ``prefix_<identifier>``.

    The identifier is the value's name with ``_`` for every other character; a name that is taken gets a number.
    """
    if len(values) == 1:
        return (prefix,)
    taken = set(reserved)
    found = []
    for value in values:
        stem = re.sub(r"[^A-Za-z0-9_]", "_", value)
        name, number = stem, 2
        while name.lower() in taken:
            name, number = f"{stem}_{number}", number + 1
        taken.add(name.lower())
        found.append(f"{prefix}_{name}")
    return tuple(found)


def stream_bits(low: int, high: int) -> int:
    """Width of a stream element that holds ``low .. high``: unsigned, or two's complement if low < 0."""
    return unsigned_bits(high) if low >= 0 else signed_bits(low, high)


def input_bits(tensor: Tensor) -> int:
    """Width of an input's codes and stream elements."""
    low, high = tensor.range.low, tensor.range.high
    return max(range_bits(low, high), stream_bits(low, high))


def input_elements(tensor: Tensor) -> int:
    """Elements of an input's beat: a whole pixel, or equal parts of one where that is too wide for a port."""
    most = max(1, PORT_BITS // input_bits(tensor))
    return ceil_div(tensor.channels, ceil_div(tensor.channels, most))


def together(tensor: Tensor, pixels: int) -> bool:
    """Whether a beat of an input may hold so many pixels: equal parts of a row, no wider than a port."""
    return tensor.width % pixels == 0 and pixels * tensor.channels * input_bits(tensor) <= PORT_BITS


def element_bits(tensor: Tensor) -> int:
    """Width of an output stream's element: whole bytes."""
    return 8 * ceil_div(stream_bits(tensor.range.low, tensor.range.high), 8)


def output_bits(network: Network, output: Output) -> int:
    """Signed width of one element of an output memory: a code, a raw accumulator, or an argmax key."""
    tensor, keys = network.tensor(output.tensor), argmax_keys(network, output)
    if writer(network, output.tensor).activation is not None:
        low, high = 0, tensor.range.high - tensor.range.low
    else:
        low, high = tensor.range.low, tensor.range.high
    ends = [low, high]
    if keys is not None:
        ends = [int(k) * x + int(b) for k, b in keys.T for x in (low, high)]
    return signed_bits(min(ends), max(ends))


def output_buffer(
    network: Network,
    output: Output,
    rows: Rows,
    cols: int,
    element_bits: int,
    bundles: Bundles = ONE,
) -> OutputBuffer:
    """The memory of an output that an array of ``cols`` columns writes, ``element_bits`` wide each."""
    tensor = network.tensor(output.tensor)
    raw = writer(network, output.tensor).activation is None
    return OutputBuffer(
        rows=rows,
        bits=output_bits(network, output),
        offset=0 if raw or output.reduce else tensor.range.low,
        cols=cols,
        element_bits=element_bits,
        channels=tensor.channels,
        width=tensor.width,
        height=tensor.height,
        argmax=output.reduce is not None,
        bundles=bundles,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Differences:
    """What an anomaly's differences and scores can be: the signed width of one, the largest score of a frame."""

    bits: int
    most: int


def differences(network: Network) -> Differences:
    """Of a network with an anomaly."""
    anomaly = network.anomaly
    assert anomaly is not None
    tensor, layer = network.tensor(anomaly.tensor), writer(network, anomaly.tensor)
    sums = accumulator_range(layer, sources(network, layer))
    wires = zip(sums, anomaly.factor.tolist(), anomaly.offset.tolist(), strict=True)
    ends = [(factor * r.low + add, factor * r.high + add) for r, factor, add in wires]
    reach = [max(-low, high) for low, high in ends]
    squares = anomaly.measure == "squares"
    return Differences(
        bits=signed_bits(min(low for low, _ in ends), max(high for _, high in ends)),
        most=tensor.height * tensor.width * sum(r * r if squares else r for r in reach),
    )


def score_unit(network: Network, steps: int, cols: int, element_bits: int) -> ScoreUnit | None:
    """The anomaly's accumulator behind an array of ``cols`` columns, a frame in ``steps``; None without an anomaly."""
    anomaly = network.anomaly
    if anomaly is None:
        return None
    tensor, found = network.tensor(anomaly.tensor), differences(network)
    return ScoreUnit(
        cols=cols,
        element_bits=element_bits,
        frame_vectors=tensor.height * tensor.width * ceil_div(tensor.channels, cols),
        frame_steps=steps,
        value_bits=found.bits,
        score_bits=unsigned_bits(found.most),
        limit=max(-1, min(anomaly.limit, found.most)),
        squares=anomaly.measure == "squares",
    )


def input_ports(network: Network, elements: Sequence[int], pixels: Sequence[int]) -> tuple[StreamPort, ...]:
    """The streams that come in, with so many elements of each of so many pixels a beat."""
    names = port_names("s_axis", [prologue.name for prologue in network.inputs], reserved=(LOAD,))
    return tuple(
        StreamPort(
            name=name,
            value=prologue.name,
            tensor=tensor.name,
            channels=tensor.channels,
            height=tensor.height,
            width=tensor.width,
            elements_per_beat=count * together,
            element_bits=input_bits(tensor),
            signed=tensor.range.low < 0,
            pixels_per_beat=together,
        )
        for name, prologue, tensor, count, together in zip(
            names, network.inputs, network.input_tensors, elements, pixels, strict=True
        )
    )


def output_ports(network: Network, cols: Sequence[int], score: ScoreUnit | None) -> tuple[StreamPort, ...]:
    """The streams that leave: values from arrays of so many columns, channel indices, or score and flag."""
    names = port_names("m_axis", [output.name for output in network.outputs], reserved=(ANOMALY,))
    found = []
    for name, output, count in zip(names, network.outputs, cols, strict=True):
        tensor = network.tensor(output.tensor)
        if output.reduce:
            found.append(_index_port(name, output.name, tensor))
            continue
        found.append(
            StreamPort(
                name=name,
                value=output.name,
                tensor=tensor.name,
                channels=tensor.channels,
                height=tensor.height,
                width=tensor.width,
                elements_per_beat=count,
                element_bits=element_bits(tensor),
                signed=tensor.range.low < 0,
            )
        )
    if network.anomaly is not None and score is not None:
        found.append(_score_port(network.anomaly.tensor, score.score_bits))
    return tuple(found)


def _index_port(name: str, value: str, tensor: Tensor) -> StreamPort:
    return StreamPort(
        name=name,
        value=value,
        tensor=tensor.name,
        channels=1,
        height=tensor.height,
        width=tensor.width,
        elements_per_beat=1,
        element_bits=8 * ceil_div(unsigned_bits(tensor.channels - 1), 8),
        signed=False,
    )


def _score_port(tensor: str, score_bits: int) -> StreamPort:
    return StreamPort(
        name=f"m_axis_{ANOMALY}",
        value=ANOMALY,
        tensor=tensor,
        channels=2,
        height=1,
        width=1,
        elements_per_beat=2,
        element_bits=8 * ceil_div(score_bits, 8),
        signed=False,
    )
