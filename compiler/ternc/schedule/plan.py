"""What a network takes on an array of a given shape: cycles and memory sizes, without any image."""

from __future__ import annotations

from dataclasses import dataclass

from ternc.network.layers import Network
from ternc.numeric import ceil_div, clog2, range_bits, signed_bits, unsigned_bits
from ternc.schedule.design import ArrayShape, StreamPort
from ternc.schedule.layout import Layout
from ternc.schedule.program import lanes_of, layer_axes, layouts
from ternc.schedule.requant import (
    LayerRequant,
    RequantWidths,
    argmax_keys,
    hardware_peak,
    layer_requant,
    uses_thresholds,
    widths,
)
from ternc.schedule.tiling import axes, tap_counts
from ternc.schedule.timing import FrameTiming, flush_cycles, frame_timing, shortest_pass


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Numbers:
    """Widths that follow from the network alone, whatever the array's shape.

    Attributes:
        act_bits: Codes in the array; input_bits and feature_bits in the two memories.
        acc_bits: Holds every reachable hardware accumulator value.
        out_bits: Signed width of a word's element in the output memory.
        value_bits: Signed width behind the requantiser, for codes and raw values.
    """

    act_bits: int
    input_bits: int
    feature_bits: int
    acc_bits: int
    out_bits: int
    value_bits: int
    requant: tuple[LayerRequant, ...]
    widths: RequantWidths


def network_numbers(network: Network) -> Numbers:
    """The widths of every value in an engine that runs ``network``."""
    first = network.input
    input_bits = max(
        range_bits(first.range.low, first.range.high), stream_bits(first.range.low, first.range.high)
    )
    feature_bits = max((range_bits(t.range.low, t.range.high) for t in network.tensors[1:-1]), default=1)
    act_bits = max(input_bits, feature_bits)
    prefer = uses_thresholds(network)
    requant = tuple(
        layer_requant(network, layer, act_bits=act_bits, prefer_thresholds=prefer) for layer in network.layers
    )
    peak = max(
        hardware_peak(
            layer, network.tensor(layer.source).range.high - network.tensor(layer.source).range.low, act_bits
        )
        for layer in network.layers
    )
    found = widths(list(requant))
    out_bits = output_bits(network)
    return Numbers(
        act_bits=act_bits,
        input_bits=input_bits,
        feature_bits=feature_bits,
        acc_bits=max(unsigned_bits(peak), act_bits),
        out_bits=out_bits,
        value_bits=max(found.code_bits + 1, feature_bits + 1, out_bits),
        requant=requant,
        widths=found,
    )


def stream_bits(low: int, high: int) -> int:
    """Width of a stream element that holds ``low .. high``: unsigned, or two's complement if low < 0."""
    return unsigned_bits(high) if low >= 0 else signed_bits(low, high)


def output_bits(network: Network) -> int:
    """Signed width of one element of the output memory: a code, a raw accumulator, or an argmax key."""
    last, keys = network.tensors[-1], argmax_keys(network)
    if network.layers[-1].activation is not None:
        low, high = 0, last.range.high - last.range.low
    else:
        low, high = last.range.low, last.range.high
    ends = [low, high]
    if keys is not None:
        ends = [int(k) * x + int(b) for k, b in keys.T for x in (low, high)]
    return signed_bits(min(ends), max(ends))


def input_port(network: Network, numbers: Numbers, shape: ArrayShape) -> StreamPort:
    """The stream that fills the input memory: one chunk of a pixel a beat."""
    tensor = network.input
    return StreamPort(
        channels=tensor.channels,
        height=tensor.height,
        width=tensor.width,
        elements_per_beat=min(tensor.channels, shape.lanes),
        element_bits=numbers.input_bits,
        signed=tensor.range.low < 0,
    )


def memory_port(network: Network, numbers: Numbers, shape: ArrayShape) -> StreamPort:
    """The stream that leaves the output memory: one tile of a pixel a beat, elements of whole bytes."""
    tensor = network.tensors[-1]
    bits = numbers.out_bits if network.output.argmax else stream_bits(tensor.range.low, tensor.range.high)
    return StreamPort(
        channels=tensor.channels,
        height=tensor.height,
        width=tensor.width,
        elements_per_beat=shape.cols,
        element_bits=bits if network.output.argmax else 8 * ceil_div(bits, 8),
        signed=tensor.range.low < 0,
    )


def output_port(network: Network, numbers: Numbers, shape: ArrayShape) -> StreamPort:
    """The design's output: the memory's stream, or one channel index a pixel behind an argmax."""
    if not network.output.argmax:
        return memory_port(network, numbers, shape)
    tensor = network.tensors[-1]
    return StreamPort(
        channels=1,
        height=tensor.height,
        width=tensor.width,
        elements_per_beat=1,
        element_bits=8 * ceil_div(unsigned_bits(tensor.channels - 1), 8),
        signed=False,
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Plan:
    """A network on one array shape.

    Attributes:
        layer_cycles: Cycles from each layer's start to the next one's.
        taps: Weight words of each layer, over all tiles.
    """

    shape: ArrayShape
    layer_cycles: tuple[int, ...]
    taps: tuple[int, ...]
    timing: FrameTiming


class Planner:
    """Plans of one network for many array shapes; keeps what does not depend on the number of rows."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.numbers = network_numbers(network)
        self._counts: dict[tuple[int, int, int], tuple[int, ...]] = {}

    def counts(self, n: int, shape: ArrayShape) -> tuple[int, ...]:
        """Taps of each tile of layer n."""
        key = (n, shape.cols, shape.lanes)
        if key not in self._counts:
            layer = self.network.layers[n]
            lanes = lanes_of(self.network, self.network.tensor(layer.source), shape)
            found = tap_counts(layer, lanes, shape)
            self._counts[key] = tuple(found.tolist())
        return self._counts[key]

    def positions(self, n: int, shape: ArrayShape, layout: Layout | None = None) -> int:
        """How often layer n's tile list is executed: pixel groups x phases x windows."""
        layer = self.network.layers[n]
        target = self.network.tensor(layer.target)
        vertical, horizontal = layer_axes(layer, target, layout) if layout else axes(layer, target)
        groups = ceil_div(horizontal.steps, shape.rows)
        return (
            vertical.steps
            * groups
            * vertical.phases
            * horizontal.phases
            * vertical.windows
            * horizontal.windows
        )

    def layer_cycles(self, n: int, shape: ArrayShape, layout: Layout | None = None) -> int:
        """Cycles of layer n, start and flush included (docs/program.md, 'Timing')."""
        floor = shortest_pass(shape)
        once = sum(max(count, floor) for count in self.counts(n, shape))
        return (
            1
            + self.positions(n, shape, layout) * once
            + flush_cycles(shape, self.numbers.widths.threshold_levels)
        )

    def quick_interval(self, shape: ArrayShape) -> int:
        """The frame interval, but for layers that read a tensor stored at another reader's stride."""
        compute = sum(self.layer_cycles(n, shape) for n in range(len(self.network.layers)))
        beats = input_port(self.network, self.numbers, shape).beats_per_frame
        sent = memory_port(self.network, self.numbers, shape).beats_per_frame
        return frame_timing(compute, beats, sent).cycles_per_frame

    def plan(self, shape: ArrayShape) -> Plan:
        """The exact plan."""
        network = self.network
        places = layouts(network, shape)
        cycles = tuple(
            self.layer_cycles(n, shape, places[layer.source]) for n, layer in enumerate(network.layers)
        )
        timing = frame_timing(
            sum(cycles),
            input_port(network, self.numbers, shape).beats_per_frame,
            memory_port(network, self.numbers, shape).beats_per_frame,
            argmax_latency(network, shape),
        )
        return Plan(
            shape=shape,
            layer_cycles=cycles,
            taps=tuple(sum(self.counts(n, shape)) for n in range(len(network.layers))),
            timing=timing,
        )


def argmax_latency(network: Network, shape: ArrayShape) -> int:
    """Cycles that an on-chip argmax (ternc_argmax) adds between the last beat of a frame and its index."""
    return clog2(shape.cols) + 1 if network.output.argmax else 0
