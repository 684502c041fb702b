"""What a network takes on an array of a given shape: cycles and widths, without any image."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ternc.network.layers import Network
from ternc.numeric import ceil_div, clog2, range_bits
from ternc.schedule.axes import Walks, walks
from ternc.schedule.design import ArrayShape, ScoreUnit
from ternc.schedule.digits import Marks
from ternc.schedule.placement import inner_tensors, lanes_of, readers
from ternc.schedule.ports import input_ports, memory_ports, output_bits, score_unit, stream_bits
from ternc.schedule.requant import (
    LayerRequant,
    RequantWidths,
    code_tables,
    layer_requant,
    uses_thresholds,
    widths,
)
from ternc.schedule.sums import Sums, TermDigits, executed_digits, gather, layer_sums, plain_digits
from ternc.schedule.tiling import (
    Live,
    TermWords,
    classes,
    recoders,
    tap_counts,
    term_marks,
    tile_marks,
    word_planes,
)
from ternc.schedule.timing import (
    OUTPUT_LATENCY,
    FrameTiming,
    InputLoad,
    OutputSend,
    flush_cycles,
    frame_timing,
    requant_latency,
    score_latency,
    shortest_pass,
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Numbers:
    """What follows from the network alone, whatever the array's shape.

    Attributes:
        act_bits: Codes in the array; input_bits and feature_bits in the memories.
        input_channels: Of each input.
        output_bits: Signed width of an element, of each output memory.
        value_bits: Signed width behind the requantiser, for codes, raw values and differences.
        tables: The code tables.
        digits: Some weights are wider than ternary.
    """

    act_bits: int
    input_channels: tuple[int, ...]
    input_bits: tuple[int, ...]
    feature_bits: int
    output_bits: tuple[int, ...]
    value_bits: int
    score: ScoreUnit | None
    requant: tuple[LayerRequant, ...]
    widths: RequantWidths
    tables: tuple[tuple[int, ...], ...]
    digits: bool

    @property
    def requant_latency(self) -> int:
        """Latency of a column's requantiser."""
        return requant_latency(self.widths.threshold_levels, len(self.tables))


def network_numbers(network: Network) -> Numbers:
    """The widths of every value in an engine that runs ``network``."""
    input_bits = tuple(
        max(range_bits(t.range.low, t.range.high), stream_bits(t.range.low, t.range.high))
        for t in network.input_tensors
    )
    feature_bits = max((range_bits(t.range.low, t.range.high) for t in inner_tensors(network)), default=1)
    prefer, tables, score = uses_thresholds(network), code_tables(network), score_unit(network)
    requant = tuple(layer_requant(network, layer, prefer_thresholds=prefer) for layer in network.layers)
    found = widths(requant, tables)
    leaving = tuple(output_bits(network, output) for output in network.outputs)
    return Numbers(
        act_bits=max(*input_bits, feature_bits),
        input_channels=tuple(tensor.channels for tensor in network.input_tensors),
        input_bits=input_bits,
        feature_bits=feature_bits,
        output_bits=leaving,
        value_bits=max(found.code_bits + 1, feature_bits + 1, *leaving, score.value_bits if score else 1),
        score=score,
        requant=requant,
        widths=found,
        tables=tables,
        digits=any(recoder.peak > 1 for layer in network.layers for recoder in recoders(layer)),
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Plan:
    """A network on one array shape.

    Attributes:
        layer_cycles: Cycles from each layer's start to the next one's.
        weight_words: Of each layer, over all tiles and classes.
        params: Words of a column's requantiser memory; the first threshold_params of them use thresholds.
    """

    shape: ArrayShape
    layer_cycles: tuple[int, ...]
    weight_words: tuple[int, ...]
    params: int
    threshold_params: int
    timing: FrameTiming


class LayerTiling:
    """The tiles of one layer for many shapes; keeps what does not depend on rows or lanes."""

    def __init__(self, network: Network, n: int, found: Walks) -> None:
        self.network = network
        self.layer = network.layers[n]
        self.walk = found.layers[n]
        self.classes = classes(self.walk)
        self.recoders = recoders(self.layer)
        self._marks: list[Marks] | None = None
        self._tile_marks: dict[int, list[Marks]] = {}
        self._counts: dict[tuple[int, int], dict[Live, NDArray[np.int64]]] = {}

    def words(self, shape: ArrayShape) -> tuple[TermWords, ...]:
        """What each term needs of the weight memory."""
        found = []
        for t, marks in enumerate(self._joined(shape.cols)):
            term, recoder = self.layer.terms[t], self.recoders[t]
            lanes = lanes_of(self.network, self.network.tensor(term.source), shape)
            planes = word_planes(recoder, marks, lanes)
            found.append(TermWords(term=term, recoder=recoder, cols=shape.cols, lanes=lanes, planes=planes))
        return tuple(found)

    def _joined(self, cols: int) -> list[Marks]:
        if cols not in self._tile_marks:
            if self._marks is None:
                self._marks = [
                    term_marks(term, recoder)
                    for term, recoder in zip(self.layer.terms, self.recoders, strict=True)
                ]
            self._tile_marks[cols] = [
                tile_marks(term, marks, cols)
                for term, marks in zip(self.layer.terms, self._marks, strict=True)
            ]
        return self._tile_marks[cols]

    def counts(self, shape: ArrayShape) -> dict[Live, NDArray[np.int64]]:
        """Taps of each tile, of each class."""
        key = (shape.cols, shape.lanes)
        if key not in self._counts:
            words = self.words(shape)
            self._counts[key] = {live: tap_counts(words, live) for live in self.classes}
        return self._counts[key]

    def positions(self, shape: ArrayShape) -> int:
        """Groups of output positions, each of which takes all passes once."""
        return self.walk.vertical.steps * ceil_div(self.walk.horizontal.steps, shape.rows)

    def intervals(self, shape: ArrayShape) -> int:
        """Cycles of all passes of all output positions (docs/program.md, 'Timing')."""
        counts, floor = self.counts(shape), shortest_pass(shape)
        once = sum(often * int(np.maximum(counts[live], floor).sum()) for live, often in self.classes.items())
        return self.positions(shape) * once

    def least_intervals(self, shape: ArrayShape) -> int:
        """At most `intervals`, without looking at how the weights lie in words."""
        floor = ceil_div(self.layer.channels, shape.cols) * shortest_pass(shape)
        word = shape.cols * shape.lanes
        once = sum(
            often * max(floor, ceil_div(self._digits[live], word)) for live, often in self.classes.items()
        )
        return self.positions(shape) * once

    @cached_property
    def _digits(self) -> dict[Live, int]:
        """Fewest non-zero digits of the weights of each class."""
        counts = [
            recoder.fewest_digits(term.weights)
            for term, recoder in zip(self.layer.terms, self.recoders, strict=True)
        ]
        return {
            live: sum(
                int(count[np.ix_(np.array(rows, int), np.array(columns, int))].sum())
                for count, (rows, columns) in zip(counts, live, strict=True)
            )
            for live in self.classes
        }


class Planner:
    """Plans of one network for many array shapes."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.numbers = network_numbers(network)
        self.walks = walks(network)
        self.tilings = tuple(LayerTiling(network, n, self.walks) for n in range(len(network.layers)))

    @cached_property
    def nominal_sums(self) -> Sums:
        """The widths of accumulators and addends but for how wide weights are recoded; good for estimates."""
        return self._gather([[plain_digits(term) for term in layer.terms] for layer in self.network.layers])

    def sums(self, shape: ArrayShape) -> Sums:
        """Corrections and widths of the digits that are executed."""
        return self._gather(
            [[executed_digits(part) for part in tiling.words(shape)] for tiling in self.tilings]
        )

    def _gather(self, digits: list[list[TermDigits]]) -> Sums:
        layers = []
        for tiling, found in zip(self.tilings, digits, strict=True):
            ranges = [self.network.tensor(term.source).range for term in tiling.layer.terms]
            layers.append(
                layer_sums(
                    tiling.layer,
                    found,
                    tuple(tiling.classes),
                    [(r.low, r.high) for r in ranges],
                    self.numbers.act_bits,
                )
            )
        return gather(layers, self.numbers.requant, self.numbers.widths.shift)

    def layer_cycles(self, shape: ArrayShape) -> tuple[int, ...]:
        """Cycles of each layer, start and flush included."""
        flush = flush_cycles(shape, self.numbers.requant_latency)
        return tuple(1 + tiling.intervals(shape) + flush for tiling in self.tilings)

    def least_interval(self, shape: ArrayShape) -> int:
        """At most `interval`, found without counting taps."""
        flush = flush_cycles(shape, self.numbers.requant_latency)
        cycles = tuple(1 + tiling.least_intervals(shape) + flush for tiling in self.tilings)
        return self.timing(shape, cycles).cycles_per_frame

    def timing(self, shape: ArrayShape, layer_cycles: tuple[int, ...]) -> FrameTiming:
        """Interval and latency of whole frames."""
        network = self.network
        inputs = [
            InputLoad(beats=port.beats_per_frame, first_reader=readers(network, port.tensor)[0])
            for port in input_ports(network, self.numbers.input_bits, shape)
        ]
        writers = {layer.target: n for n, layer in enumerate(network.layers)}
        outputs = [
            OutputSend(
                beats=port.beats_per_frame,
                start=OUTPUT_LATENCY,
                delay=argmax_latency(shape) if output.reduce else 0,
                writer=writers[port.tensor],
            )
            for port, output in zip(memory_ports(network, shape), network.outputs, strict=True)
        ]
        if network.anomaly:
            outputs.append(
                OutputSend(
                    beats=1, start=score_latency(shape), delay=0, writer=writers[network.anomaly.tensor]
                )
            )
        return frame_timing(layer_cycles, inputs, outputs)

    def interval(self, shape: ArrayShape) -> int:
        """Cycles per frame."""
        return self.timing(shape, self.layer_cycles(shape)).cycles_per_frame

    def plan(self, shape: ArrayShape) -> Plan:
        """The plan."""
        cycles = self.layer_cycles(shape)
        counts = [tiling.counts(shape) for tiling in self.tilings]
        params = [sum(one.size for one in found.values()) for found in counts]
        return Plan(
            shape=shape,
            layer_cycles=cycles,
            weight_words=tuple(sum(int(one.sum()) for one in found.values()) for found in counts),
            params=sum(params),
            threshold_params=sum(
                count
                for count, layer in zip(params, self.numbers.requant, strict=True)
                if layer.form == "thresholds"
            ),
            timing=self.timing(shape, cycles),
        )


def argmax_latency(shape: ArrayShape) -> int:
    """Cycles that an on-chip argmax (ternc_argmax) adds between the last beat of a frame and its index."""
    return clog2(shape.cols) + 1
