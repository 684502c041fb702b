"""The streams of a design: names, elements, beats."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ternc.network.analysis import accumulator_range, sources
from ternc.network.layers import Network, Output
from ternc.numeric import ceil_div, signed_bits, unsigned_bits
from ternc.schedule.design import ArrayShape, OutputBuffer, ScoreUnit, StreamPort
from ternc.schedule.placement import output_pitch, writer
from ternc.schedule.requant import argmax_keys

ANOMALY = "anomaly"
"""Value and port name of the anomaly's score and flag."""


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


def output_buffer(network: Network, output: Output, rows: int, shape: ArrayShape) -> OutputBuffer:
    """The memory of an output of which ``rows`` >= height rows are written."""
    tensor = network.tensor(output.tensor)
    raw = writer(network, output.tensor).activation is None
    return OutputBuffer(
        bits=output_bits(network, output),
        offset=0 if raw or output.reduce else tensor.range.low,
        channels=tensor.channels,
        pixels=tensor.height * tensor.width,
        half_words=output_pitch(tensor, shape) * rows,
        argmax=output.reduce is not None,
    )


def score_unit(network: Network) -> ScoreUnit | None:
    """The anomaly's accumulator."""
    anomaly = network.anomaly
    if anomaly is None:
        return None
    tensor, layer = network.tensor(anomaly.tensor), writer(network, anomaly.tensor)
    sums = accumulator_range(layer, sources(network, layer))
    wires = zip(sums, anomaly.factor.tolist(), anomaly.offset.tolist(), strict=True)
    ends = [(factor * r.low + add, factor * r.high + add) for r, factor, add in wires]
    reach = [max(-low, high) for low, high in ends]
    squares = anomaly.measure == "squares"
    most = tensor.height * tensor.width * sum(r * r if squares else r for r in reach)
    return ScoreUnit(
        value_bits=signed_bits(min(low for low, _ in ends), max(high for _, high in ends)),
        score_bits=unsigned_bits(most),
        limit=max(-1, min(anomaly.limit, most)),
        squares=squares,
    )


def input_ports(network: Network, input_bits: Sequence[int], shape: ArrayShape) -> tuple[StreamPort, ...]:
    """The streams that fill the input memories: one chunk of a pixel a beat."""
    names = port_names("s_axis", [prologue.name for prologue in network.inputs])
    return tuple(
        StreamPort(
            name=name,
            value=prologue.name,
            tensor=tensor.name,
            channels=tensor.channels,
            height=tensor.height,
            width=tensor.width,
            elements_per_beat=min(tensor.channels, shape.lanes),
            element_bits=bits,
            signed=tensor.range.low < 0,
        )
        for name, prologue, tensor, bits in zip(
            names, network.inputs, network.input_tensors, input_bits, strict=True
        )
    )


def memory_ports(network: Network, shape: ArrayShape) -> tuple[StreamPort, ...]:
    """The streams that leave the output memories: one tile of a pixel a beat, elements of whole bytes."""
    names = port_names("m_axis", [output.name for output in network.outputs], reserved=(ANOMALY,))
    found = []
    for name, output in zip(names, network.outputs, strict=True):
        tensor = network.tensor(output.tensor)
        bits = stream_bits(tensor.range.low, tensor.range.high)
        found.append(
            StreamPort(
                name=name,
                value=output.name,
                tensor=tensor.name,
                channels=tensor.channels,
                height=tensor.height,
                width=tensor.width,
                elements_per_beat=shape.cols,
                element_bits=output_bits(network, output) if output.reduce else 8 * ceil_div(bits, 8),
                signed=tensor.range.low < 0,
            )
        )
    return tuple(found)


def output_ports(network: Network, shape: ArrayShape) -> tuple[StreamPort, ...]:
    """The design's outputs: a memory's stream, one channel index a pixel behind an argmax, or score and flag."""
    found = []
    for port, output in zip(memory_ports(network, shape), network.outputs, strict=True):
        if output.reduce is None:
            found.append(port)
            continue
        found.append(
            StreamPort(
                name=port.name,
                value=port.value,
                tensor=port.tensor,
                channels=1,
                height=port.height,
                width=port.width,
                elements_per_beat=1,
                element_bits=8 * ceil_div(unsigned_bits(port.channels - 1), 8),
                signed=False,
            )
        )
    score = score_unit(network)
    if network.anomaly is not None and score is not None:
        found.append(
            StreamPort(
                name=f"m_axis_{ANOMALY}",
                value=ANOMALY,
                tensor=network.anomaly.tensor,
                channels=2,
                height=1,
                width=1,
                elements_per_beat=2,
                element_bits=8 * ceil_div(score.score_bits, 8),
                signed=False,
            )
        )
    return tuple(found)
