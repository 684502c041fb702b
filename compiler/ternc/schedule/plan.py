"""What a stage takes on an array of a given shape: cycles and widths, without any image."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ternc.errors import InternalError
from ternc.network.layers import Linear
from ternc.numeric import ceil_div, range_bits
from ternc.schedule.axes import Walk, Walks, walks
from ternc.schedule.design import ArrayShape
from ternc.schedule.digits import Marks
from ternc.schedule.ports import differences, input_bits, output_bits
from ternc.schedule.requant import (
    LayerRequant,
    RequantWidths,
    code_tables,
    layer_requant,
    uses_thresholds,
    widths,
)
from ternc.schedule.stage import Stage
from ternc.schedule.sums import Sums, TermDigits, executed_digits, gather, layer_sums, plain_digits
from ternc.schedule.tiling import (
    Live,
    TermWords,
    classes,
    joined_tiles,
    live_taps,
    recoders,
    tap_counts,
    term_marks,
    tile_marks,
    word_planes,
)
from ternc.schedule.timing import ROW_DISTANCE, flush_cycles, requant_latency, shortest_pass


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Numbers:
    """What follows from a stage alone, whatever its array's shape.

    Attributes:
        act_bits: Codes in the array; feature_bits in its feature memory.
        value_bits: Signed width behind the requantiser, for codes, raw values and differences.
        tables: The code tables.
        prefer_thresholds: It does without a multiplier.
    """

    act_bits: int
    feature_bits: int
    value_bits: int
    requant: tuple[LayerRequant, ...]
    widths: RequantWidths
    tables: tuple[tuple[int, ...], ...]
    prefer_thresholds: bool

    @property
    def requant_latency(self) -> int:
        """Latency of a column's requantiser."""
        return requant_latency(self.widths.threshold_levels, len(self.tables))


def stage_numbers(stage: Stage, *, prefer_thresholds: bool | None = None) -> Numbers:
    """The widths of every value in an engine that runs a stage; it decides itself on a multiplier unless it is told."""
    network = stage.network
    ports = {tensor.name for tensor in network.input_tensors}
    come = [input_bits(t) if t.name in ports else range_bits(t.range.low, t.range.high) for t in stage.inputs]
    feature_bits = max((range_bits(t.range.low, t.range.high) for t in stage.inner), default=1)
    tables = code_tables(network, stage.layers)
    prefer = uses_thresholds(stage.layers) if prefer_thresholds is None else prefer_thresholds
    requant = tuple(layer_requant(network, layer, tables, prefer_thresholds=prefer) for layer in stage.layers)
    found = widths(requant, tables)
    leaving = set(network.leaving)
    codes = [t for t in stage.made if t.name not in leaving]
    wires = [range_bits(t.range.low, t.range.high) + 1 for t in codes]
    wires += [output_bits(network, output) for output in stage.outputs]
    wires += [differences(network).bits] if stage.scored else []
    return Numbers(
        act_bits=max(*come, feature_bits),
        feature_bits=feature_bits,
        value_bits=max(found.code_bits + 1, *wires),
        requant=requant,
        widths=found,
        tables=tables,
        prefer_thresholds=prefer,
    )


class LayerTiling:
    """The tiles of one layer for many shapes; keeps what does not depend on rows or lanes.

    Where they are ``full``, every word that has weights counts with all the planes that weights of its bits can have,
    so that no other weights take more words.
    """

    def __init__(self, layer: Linear, walk: Walk, *, full: bool = False) -> None:
        self.layer = layer
        self.full = full
        self.walk = walk
        self.classes = classes(walk)
        self.recoders = recoders(self.layer)
        self._marks: list[Marks] | None = None
        self._tile_marks: dict[int, list[Marks]] = {}
        self._counts: dict[tuple[int, int], dict[Live, NDArray[np.int64]]] = {}

    @cached_property
    def plain_digits(self) -> list[TermDigits]:
        """Of each term, whatever the array."""
        return [plain_digits(term) for term in self.layer.terms]

    def words(self, shape: ArrayShape) -> tuple[TermWords, ...]:
        """What each term needs of the weight memory."""
        found = []
        for t, marks in enumerate(self._joined(shape.cols)):
            term, recoder = self.layer.terms[t], self.recoders[t]
            planes = word_planes(recoder, marks, shape.lanes)
            if self.full and recoder.peak > 1:
                planes = np.where(planes, (1 << recoder.planes) - 1, 0)
            found.append(
                TermWords(term=term, recoder=recoder, cols=shape.cols, lanes=shape.lanes, planes=planes)
            )
        return tuple(found)

    def _joined(self, cols: int) -> list[Marks]:
        if cols not in self._tile_marks:
            if self._marks is None:
                self._marks = [
                    term_marks(term, recoder)
                    for term, recoder in zip(self.layer.terms, self.recoders, strict=True)
                ]
            # narrower tiles of which whole ones make a tile are joined already
            narrower = max((known for known in self._tile_marks if cols % known == 0), default=1)
            self._tile_marks[cols] = [
                tile_marks(term, marks, cols)
                if narrower == 1 or term.groups > 1
                else joined_tiles(self._tile_marks[narrower][t], cols // narrower)
                for t, (term, marks) in enumerate(zip(self.layer.terms, self._marks, strict=True))
            ]
        return self._tile_marks[cols]

    def counts(self, shape: ArrayShape) -> dict[Live, NDArray[np.int64]]:
        """Taps of each tile, of each class."""
        key = (shape.cols, shape.lanes)
        if key not in self._counts:
            words = self.words(shape)
            self._counts[key] = {live: tap_counts(words, live) for live in self.classes}
        return self._counts[key]

    def position(self, shape: ArrayShape) -> int:
        """Cycles of all passes at one group of output positions (docs/program.md, 'Timing')."""
        counts, floor = self.counts(shape), shortest_pass(shape)
        return sum(often * int(np.maximum(counts[live], floor).sum()) for live, often in self.classes.items())

    def row(self, shape: ArrayShape) -> tuple[int, int]:
        """(cycles, tail) of one row step, as in `RowProgram`."""
        vertical, horizontal = self.walk.vertical, self.walk.horizontal
        counts, groups = self.counts(shape), ceil_div(horizontal.steps, shape.rows)
        cycles, floor = groups * self.position(shape), shortest_pass(shape)
        phase, behind = vertical.phases - 1, 0
        for phase_x in reversed(range(horizontal.phases)):
            first = (groups - 1) * shape.rows
            valid = ceil_div(horizontal.size - phase_x, horizontal.phases) - first
            if valid > 0:
                return cycles, cycles - behind + (min(valid, shape.rows) - 1) // shape.drain
            behind += sum(
                int(np.maximum(counts[live_taps(self.walk, (phase, phase_x), (y, x))], floor).sum())
                for y in range(vertical.windows)
                for x in range(horizontal.windows)
            )
        raise InternalError("schedule", f"layer '{self.layer.name}' has no pixel in its last group")

    def busy(self, shape: ArrayShape, position: int, flush: int) -> int:
        """Cycles of the layer's rows, whose positions take so many cycles each, and of a flush behind the last."""
        row = ceil_div(self.walk.horizontal.steps, shape.rows) * position
        last = row + flush if flush else max(ROW_DISTANCE, row)
        return (self.walk.vertical.steps - 1) * max(ROW_DISTANCE, row) + last


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StagePlan:
    """A stage on one array shape.

    Attributes:
        layer_cycles: Cycles from each layer's start to the next one's, if the engine never waits.
        weight_words: Of each layer, over all tiles and classes.
        params: Words of a column's requantiser memory; the first threshold_params of them use thresholds.
    """

    shape: ArrayShape
    layer_cycles: tuple[int, ...]
    weight_words: tuple[int, ...]
    params: int
    threshold_params: int

    @property
    def busy_cycles(self) -> int:
        """Cycles of a frame, if the engine never waits."""
        return sum(self.layer_cycles)


class StagePlanner:
    """Plans of one stage for many array shapes."""

    def __init__(
        self,
        stage: Stage,
        tilings: dict[tuple[int, Walk], LayerTiling],
        numbers: Numbers | None = None,
        *,
        full: bool = False,
    ) -> None:
        self.stage = stage
        self.numbers = stage_numbers(stage) if numbers is None else numbers
        self.walks: Walks = walks(stage)
        found = []
        for n, walk in enumerate(self.walks.layers):
            key = (stage.first + n, walk)
            if key not in tilings:
                tilings[key] = LayerTiling(stage.layers[n], walk, full=full)
            found.append(tilings[key])
        self.tilings = tuple(found)

    @property
    def digits(self) -> bool:
        """Whether some weights are wider than ternary."""
        return any(recoder.peak > 1 for tiling in self.tilings for recoder in tiling.recoders)

    def flushes(self, n: int) -> bool:
        """Whether the next layer waits until layer n's last value can be read."""
        return self.stage.layers[n].target in {tensor.name for tensor in self.stage.inner}

    @cached_property
    def nominal_sums(self) -> Sums:
        """The widths of accumulators and addends but for how wide weights are recoded; good for estimates."""
        return self._gather([tiling.plain_digits for tiling in self.tilings])

    def sums(self, shape: ArrayShape) -> Sums:
        """Corrections and widths of the digits that are executed."""
        return self._gather(
            [
                [
                    executed_digits(part, plain)
                    for part, plain in zip(tiling.words(shape), tiling.plain_digits, strict=True)
                ]
                for tiling in self.tilings
            ]
        )

    def _gather(self, digits: list[list[TermDigits]]) -> Sums:
        layers = []
        for tiling, found in zip(self.tilings, digits, strict=True):
            ranges = [self.stage.network.tensor(term.source).range for term in tiling.layer.terms]
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
        """Cycles of each layer, flush included."""
        flush = flush_cycles(shape, self.numbers.requant_latency)
        return tuple(
            tiling.busy(shape, tiling.position(shape), flush if self.flushes(n) else 0)
            for n, tiling in enumerate(self.tilings)
        )

    def plan(self, shape: ArrayShape) -> StagePlan:
        """The plan."""
        counts = [tiling.counts(shape) for tiling in self.tilings]
        params = [sum(one.size for one in found.values()) for found in counts]
        return StagePlan(
            shape=shape,
            layer_cycles=self.layer_cycles(shape),
            weight_words=tuple(sum(int(one.sum()) for one in found.values()) for found in counts),
            params=sum(params),
            threshold_params=sum(
                count
                for count, layer in zip(params, self.numbers.requant, strict=True)
                if layer.form == "thresholds"
            ),
        )
