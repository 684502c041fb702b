"""Cycles and resources of every run of layers on many array shapes at once, near enough to choose by.

The exact figures of the few designs that are chosen come from `ternc.schedule.lines`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from ternc.network.layers import Linear, Network
from ternc.numeric import ceil_div, range_bits
from ternc.schedule.axes import Walk
from ternc.schedule.costs import (
    MEMORY_BITS,
    SHALLOW_WORDS,
    SMALL_MEMORY_BITS,
    product_blocks,
    product_logic,
    unpack_logic,
)
from ternc.schedule.design import ArrayShape
from ternc.schedule.instances import adder_tree, unpack_registers
from ternc.schedule.plan import LayerTiling, StagePlanner
from ternc.schedule.ports import PORT_BITS, element_bits, input_elements, together
from ternc.schedule.reach import input_rows, least_rows
from ternc.schedule.stage import Stage
from ternc.schedule.terms import (
    Number,
    column_terms,
    memory_terms,
    operand_terms,
    requantiser_terms,
    threshold_terms,
    tree_bits,
)
from ternc.schedule.timing import ROW_DISTANCE, flush_cycles
from ternc.target import load_fabric
from ternc.target.device import BlockRam, Device

Floats: TypeAlias = NDArray[np.float64]

RESOURCES = ("logic", "registers", "block_rams", "dsps", "lanes")
"""The shares that a choice is weighed by; lanes are rows x cols x lanes of all arrays."""

PROGRAM_UNITS = 130
"""Logic, about, of the ROMs of a small program."""
SEQUENCER_PRODUCTS = 2
"""Multiplier blocks of a sequencer."""
SEQUENCER_REGISTERS = 1500
"""About, of an engine's sequencer, collector and line buffers."""
TAP_BITS = 36
"""About, of a tap's word."""
_ALL_WORDS = 0.999
"""Share of a tile's words from which none is taken to be zero."""
SEQUENCER_ALONE, COLLECTOR_ALONE = 870, 120
"""About, of these two, without vectors."""
POSITION_BITS = 8
"""About, of a position along x."""
COLUMN_FLAGS = 60
"""About, of a column's addresses, parameters and flags."""

_SAMPLE_WEIGHTS = 200_000
_MULTIPLES = ((4, 1), (6, 2), (10, 4), (1 << 30, 8))
"""(layers, multiple): arrays of so many layers have columns and lanes of such multiples."""
_MOST = {"rows": 64, "cols": 256, "lanes": 512}
_MOST_DRAIN = 8
_DRAINED_LAYERS = 2
"""Arrays of at most so many layers may drain more than one sum per clock: those of several are rarely held up."""


def sizes(dimensions: set[int], largest: int, multiple: int = 1) -> NDArray[np.int64]:
    """Sensible sizes for one side of an array: what divides a dimension into equal parts.

    Sizes above two multiples are rounded up to one, so that what one array writes fits the words that another reads.
    """
    found = {1}
    for size in dimensions:
        equal = {ceil_div(size, parts) for parts in range(1, size + 1)}
        found |= {n if n <= 2 * multiple else min(size, ceil_div(n, multiple) * multiple) for n in equal}
    return np.array(sorted(n for n in found if n <= largest), np.int64)


@dataclass(frozen=True, kw_only=True, eq=False)
class Grid:
    """Array shapes: every combination of some rows, cols and lanes, as axes 0, 1 and 2.

    Attributes:
        drains: Sums that a column drains per clock, one for each of ``rows``, among which a number may be repeated.
    """

    rows: NDArray[np.int64]
    cols: NDArray[np.int64]
    lanes: NDArray[np.int64]
    drains: NDArray[np.int64]

    @classmethod
    def of(cls, network: Network, layers: Sequence[Linear], walks: Sequence[Walk]) -> Grid:
        """Shapes worth a look for some layers: each side divides a dimension of one of them."""
        read = {name for layer in layers for name in layer.sources}
        multiple = next(multiple for most, multiple in _MULTIPLES if len(layers) <= most)
        rows = sizes({walk.horizontal.steps for walk in walks}, _MOST["rows"], 1)
        return cls(
            rows=rows,
            drains=np.ones_like(rows),
            cols=sizes({layer.channels for layer in layers}, _MOST["cols"], multiple),
            lanes=sizes({network.tensor(name).channels for name in read}, _MOST["lanes"], multiple),
        )

    def drained(self, least_words: float) -> Grid:
        """The grid with more than one sum drained per clock as well, where fewer could be too slow.

        Args:
            least_words: The shortest pass, in cycles; a drain that takes no longer is fast enough.
        """
        found = {(int(rows), 1) for rows in self.rows}
        for rows in self.rows.tolist():
            drain = 2
            while drain <= _MOST_DRAIN and drain * least_words < 2 * rows:
                found.add((ceil_div(rows, drain) * drain, drain))
                drain *= 2
        rows, drains = np.array(sorted(found), np.int64).T
        return replace(self, rows=rows, drains=drains)

    def drains_at_most(self, drain: int) -> NDArray[np.bool_]:
        """Flat: the shapes that drain no more."""
        return np.broadcast_to((self.drains <= drain)[:, None, None], self.shape).ravel()

    @property
    def drain_cycles(self) -> Floats:
        """Cycles in which the sums of a pass leave, to be broadcast."""
        return (self.rows // self.drains).astype(np.float64)[:, None, None]

    @property
    def drain(self) -> Floats:
        """Sums that leave a column per clock, to be broadcast."""
        return self.drains.astype(np.float64)[:, None, None]

    @property
    def shape(self) -> tuple[int, int, int]:
        """Of an array over the grid."""
        return len(self.rows), len(self.cols), len(self.lanes)

    @cached_property
    def sides(self) -> tuple[Floats, Floats, Floats]:
        """Rows, cols and lanes, to be broadcast."""
        rows, cols, lanes = (side.astype(np.float64) for side in (self.rows, self.cols, self.lanes))
        return rows[:, None, None], cols[None, :, None], lanes[None, None, :]

    def at(self, index: int) -> ArrayShape:
        """The shape at a flat index."""
        r, c, k = np.unravel_index(index, self.shape)
        return ArrayShape(
            rows=int(self.rows[r]),
            cols=int(self.cols[c]),
            lanes=int(self.lanes[k]),
            drain=int(self.drains[r]),
        )


class LayerEstimate:
    """One layer on any grid."""

    def __init__(self, tiling: LayerTiling) -> None:
        self.tiling = tiling
        self.inputs = max(term.weights.shape[1] * term.groups for term in tiling.layer.terms)

    @cached_property
    def _density(self) -> tuple[Floats, Floats, Floats]:
        """(log2 cols, log2 lanes, table): weight words that are executed at a position, per chunk of inputs."""
        layer = self.tiling.layer
        per_output = sum(term.weights[0].size for term in layer.terms)
        sample = _sampled(self.tiling, max(1, _SAMPLE_WEIGHTS // per_output))
        wide = _powers(min(sample.layer.channels, _MOST["cols"]))
        deep = _powers(min(self.inputs, _MOST["lanes"]))
        table = np.zeros((len(wide), len(deep)))
        for i, cols in enumerate(wide):
            for j, lanes in enumerate(deep):
                counts = sample.counts(ArrayShape(rows=1, cols=cols, lanes=lanes))
                often = sum(sample.classes.values())
                total = sum(float(counts[live].mean()) * n for live, n in sample.classes.items())
                table[i, j] = total / often / ceil_div(self.inputs, lanes)
        return np.log2(wide), np.log2(deep), table

    @cached_property
    def _words(self) -> Floats:
        """`words` for every number of cols and lanes that a grid may have, from 1 on."""
        x, y, table = self._density
        # The last chunk may have few inputs: the density is that of chunks of the average number.
        chunks = -(-self.inputs // np.arange(1, _MOST["lanes"] + 1))
        cols = np.log2(np.arange(1, _MOST["cols"] + 1))
        density = _between(x, y, table, cols, np.log2(self.inputs / chunks))
        return np.asarray(np.maximum(1.0, density * chunks))

    def words(self, grid: Grid) -> Floats:
        """Weight words of a tile that are executed at one position, on average: ``[1, cols, lanes]``."""
        return self._words[np.ix_(grid.cols - 1, grid.lanes - 1)][None]

    def cycles(self, grid: Grid, words: Floats) -> Floats:
        """Of a frame, ``[rows, cols, lanes]``."""
        walk, (rows, cols, _) = self.tiling.walk, grid.sides
        found = np.maximum(words, grid.drain_cycles)
        found *= np.ceil(self.tiling.layer.channels / cols) * sum(self.tiling.classes.values())
        found *= np.ceil(walk.horizontal.steps / rows)
        np.maximum(found, ROW_DISTANCE, out=found)
        found *= walk.vertical.steps
        return found

    def weight_words(self, grid: Grid, words: Floats) -> Floats:
        """Of each column's weight memory, ``[1, cols, lanes]``."""
        tiles = np.ceil(self.tiling.layer.channels / grid.sides[1])
        return np.asarray(tiles * len(self.tiling.classes) * words)

    def tap_words(self, grid: Grid, words: Floats) -> Floats:
        """Of the engine's taps, ``[1, cols, lanes]``: tiles without a zero word share one list."""
        tiles = np.ceil(self.tiling.layer.channels / grid.sides[1])
        lists = np.where(words >= _ALL_WORDS * self.all_words(grid), 1, tiles)
        return np.asarray(lists * sum(self.tiling.classes.values()) * words)

    def all_words(self, grid: Grid) -> Floats:
        """Weight words of a tile, those of zeros included, ``[1, 1, lanes]``."""
        layer, lanes = self.tiling.layer, grid.sides[2]
        inputs = [(term.weights.shape[1] * term.groups, term.weights[0, 0].size) for term in layer.terms]
        return np.asarray(sum(np.ceil(channels / lanes) * window for channels, window in inputs))


def _sampled(tiling: LayerTiling, outputs: int) -> LayerTiling:
    """The tiling of some of a layer's output channels: runs from its start, middle and end, which may differ."""
    layer = tiling.layer
    if outputs >= layer.channels or any(term.groups > 1 for term in layer.terms):
        return tiling
    run = ceil_div(outputs, 3)
    starts = (0, (layer.channels - run) // 2, layer.channels - run)
    kept = np.unique(np.concatenate([np.arange(start, start + run) for start in starts]))
    terms = tuple(replace(term, weights=term.weights[kept]) for term in layer.terms)
    return LayerTiling(replace(layer, terms=terms), tiling.walk)


def _powers(largest: int) -> list[int]:
    """1, 2, 4 ... up to the largest, and that."""
    return sorted({*(1 << n for n in range(largest.bit_length()) if 1 << n <= largest), largest})


def _between(x: Floats, y: Floats, table: Floats, at_x: Floats, at_y: Floats) -> Floats:
    """The table ``[x, y]`` at other places, linear between its own and constant beyond."""
    rows = np.stack([np.interp(at_y, y, row) for row in table])
    return np.stack([np.interp(at_x, x, column) for column in rows.T], axis=1)


class Speeds:
    """How fast some layers are as one engine, on all shapes of a grid, flat; whatever the device.

    Attributes:
        grid: The shapes.
        words: Of each layer's tiles (`LayerEstimate.words`).
        cycles: Of a frame, ``[n]``; infinite for a shape that cannot be built.
    """

    def __init__(self, grid: Grid, words: Sequence[Floats], cycles: Floats) -> None:
        self.grid = grid
        self.words = words
        self.cycles = cycles
        order = np.argsort(cycles, kind="stable")
        self._order = order[: int(np.isfinite(cycles).sum())]
        self._rising = cycles[self._order]

    @property
    def least_cycles(self) -> float:
        """Of the fastest shape."""
        return float(self._rising[0]) if self._rising.size else np.inf

    def fast(self, most_cycles: float) -> NDArray[np.int64]:
        """The shapes that take at most so many cycles, by rising cycles."""
        return self._order[: int(np.searchsorted(self._rising, most_cycles, side="right"))]


class Run:
    """Some layers as one engine, on all shapes of a grid, flat. What they take is worked out once somebody asks.

    Attributes:
        speeds, grid, cycles: As in `Speeds`.
    """

    def __init__(self, speeds: Speeds, amounts: Callable[[], Sequence[Floats]]) -> None:
        self.speeds, self.grid, self.cycles = speeds, speeds.grid, speeds.cycles
        self._amounts = amounts

    @cached_property
    def _columns(self) -> Floats:
        """``[resources, n]``."""
        found = np.empty((len(RESOURCES), *self.grid.shape))
        for column, part in zip(found, self._amounts(), strict=True):
            column[:] = part
        return found.reshape(len(RESOURCES), -1)

    @property
    def amounts(self) -> Floats:
        """What each shape takes of each of `RESOURCES`: ``[n, resources]``."""
        return self._columns.T

    @cached_property
    def lanes(self) -> Floats:
        """The last of the ``amounts``."""
        rows, cols, lanes = self.grid.sides
        return (rows * cols * lanes).ravel()

    def cost(self, shapes: NDArray[np.int64], prices: Floats) -> Floats:
        """Of some shapes where one of each resource costs so much."""
        priced = np.flatnonzero(prices).tolist()
        if len(priced) * len(shapes) > len(self.cycles):  # most of them: all, in the order in which they lie
            whole = np.zeros(len(self.cycles))
            for n in priced:
                whole += self._column(n) * prices[n]
            return whole[shapes]
        found = np.zeros(len(shapes))
        for n in priced:
            found += self._column(n)[shapes] * prices[n]
        return found

    def shares(self, limits: Floats) -> Floats:
        """Of each shape what it takes of each resource's limit, added up."""
        found = np.zeros(len(self.cycles))
        for n in np.flatnonzero(limits < np.inf).tolist():
            found += self._column(n) / limits[n]
        return found

    def taken(self, shape: int, limits: Floats) -> Floats:
        """What a shape takes of each resource that has a limit; 0 of the others."""
        limited = np.flatnonzero(limits < np.inf)
        found = np.zeros(len(limits))
        found[limited] = [self._column(n)[shape] for n in limited.tolist()]
        return found

    def _column(self, n: int) -> Floats:
        return self.lanes if n == len(RESOURCES) - 1 else self._columns[n]


@dataclass(frozen=True, kw_only=True, eq=False)
class Front:
    """The shapes of one run of layers that nothing beats: more cycles, less cost.

    Attributes:
        run: The layers.
        most_cycles: Up to which the front is known.
        cycles: Rising; cost: falling; index: flat, in the grid.
    """

    run: Run
    most_cycles: float
    cycles: Floats
    cost: Floats
    index: NDArray[np.int64]

    def best(self, most_cycles: float, per_cycle: float = 0.0) -> tuple[int, float]:
        """(number, price) of the cheapest that takes at most so many cycles, each of which costs so much on top.

        The price is infinite where there is none.
        """
        n = int(np.searchsorted(self.cycles, most_cycles, side="right")) - 1
        if n < 0:
            return n, np.inf
        if per_cycle:
            prices = self.cost[: n + 1] + per_cycle * self.cycles[: n + 1]
            n = int(prices.argmin())
            return n, float(prices[n])
        return n, float(self.cost[n])


@dataclass(frozen=True, kw_only=True, eq=False)
class Held:
    """What memories take: units of logic and read registers, or blocks."""

    logic: Floats
    registers: Floats
    blocks: Floats


class Estimates:
    """All runs of layers of one network on one device."""

    def __init__(self, network: Network, device: Device) -> None:
        self.network, self.device = network, device
        self.tilings: dict[tuple[int, Walk], LayerTiling] = {}
        count = len(network.layers)
        self.single = [
            StagePlanner(Stage(network=network, first=n, end=n + 1), self.tilings) for n in range(count)
        ]
        self.layers = [LayerEstimate(one.tilings[0]) for one in self.single]
        self._speeds: dict[tuple[int, int], Speeds] = {}
        self._exposed: dict[int, float] = {}
        self.runs: dict[tuple[int, int], Run] = {}
        self.packing = False

    def on(self, device: Device) -> Estimates:
        """The same for another device."""
        other = copy(self)
        other.device, other.runs = device, {}
        return other

    def with_packing(self) -> Estimates:
        """The same for arrays whose weights are packed where that is worth its logic."""
        other = self.on(self.device)
        other.packing = True
        return other

    def run(self, first: int, end: int) -> Run:
        """Layers ``first .. end - 1``."""
        key = (first, end)
        if key not in self.runs:
            stage = Stage(network=self.network, first=first, end=end)
            speeds = self.speeds(first, end)
            self.runs[key] = Run(speeds, lambda: self._amounts(stage, speeds.grid, speeds.words))
        return self.runs[key]

    def speeds(self, first: int, end: int) -> Speeds:
        """Of layers ``first .. end - 1``."""
        key = (first, end)
        if key not in self._speeds:
            self._speeds[key] = self._evaluate(first, end)
        return self._speeds[key]

    def front(self, first: int, end: int, prices: Floats, most_cycles: float = np.inf) -> Front:
        """The run's best shapes of at most so many cycles where one of each resource costs so much."""
        run = self.run(first, end)
        order = run.speeds.fast(most_cycles)
        cost = run.cost(order, prices)
        lowest = np.minimum.accumulate(cost)
        better = np.nonzero(np.diff(lowest, prepend=np.inf) < 0)[0]
        cycles = run.cycles[order[better]]
        last = np.nonzero(np.diff(cycles, append=np.inf) > 0)[0]  # of those with equal cycles
        kept = better[last]
        return Front(
            run=run, most_cycles=most_cycles, cycles=cycles[last], cost=cost[kept], index=order[kept]
        )

    def exposed(self, first: int, end: int) -> float:
        """Share of a run's cycles that come behind the last row of its inputs: its part of the latency, about."""
        if end > first + 1:
            return 1.0
        if first not in self._exposed:
            stage, walk = self.single[first].stage, self.single[first].walks.layers[0]
            needs = [(t.height, input_rows(stage, 0, walk, t, t.height).needs) for t in stage.inputs]
            late = [any(rows[r] >= height for height, rows in needs) for r in range(walk.vertical.steps)]
            self._exposed[first] = sum(late) / len(late)
        return self._exposed[first]

    def _evaluate(self, first: int, end: int) -> Speeds:
        singles, stage = self.single[first:end], Stage(network=self.network, first=first, end=end)
        grid = Grid.of(self.network, stage.layers, [one.walks.layers[0] for one in singles])
        layers = self.layers[first:end]
        words = [layer.words(grid) for layer in layers]
        if len(layers) <= _DRAINED_LAYERS and not stage.scored:
            grid = grid.drained(min(float(own.min()) for own in words))
        latency = max(one.numbers.requant_latency for one in singles)
        flush = flush_cycles(ArrayShape(rows=1, cols=1, lanes=16), latency)
        cycles = (end - first - 1) * (flush + grid.drain_cycles + grid.sides[1])
        for layer, own in zip(layers, words, strict=True):
            cycles = cycles + layer.cycles(grid, own)
        cycles = np.maximum(cycles, self._ends(stage, grid))
        return Speeds(grid, words, np.broadcast_to(cycles, grid.shape).ravel())

    def _amounts(self, stage: Stage, grid: Grid, words: Sequence[Floats]) -> tuple[Floats, ...]:
        """Of each of `RESOURCES`, to be broadcast; ``words`` are those of each layer's tiles."""
        rows, cols, lanes = grid.sides
        singles = self.single[stage.first : stage.end]
        numbers = [one.numbers for one in singles]
        held = self._memories(stage, grid, singles, words)
        registers = self._registers(stage, grid, singles) + held.registers
        multiplier = max(one.widths.mul_bits for one in numbers)
        acc_bits = max(one.nominal_sums.acc_bits for one in singles)
        copies, sequencer = cols * grid.drain, SEQUENCER_PRODUCTS if self.device.dsp.count else 0
        products = copies * product_blocks(acc_bits + 1, multiplier, self.device) + sequencer
        logic = self._logic(stage, grid, singles) + held.logic + PROGRAM_UNITS
        logic = logic + copies * product_logic(acc_bits + 1, multiplier, self.device)
        return logic, registers, held.blocks, products, rows * cols * lanes

    def _logic(self, stage: Stage, grid: Grid, singles: Sequence[StagePlanner]) -> Floats:
        """Logic but for memories."""
        (rows, cols, lanes), numbers = grid.sides, [one.numbers for one in singles]
        act_bits = max(one.act_bits for one in numbers)
        acc_bits = max(one.nominal_sums.acc_bits for one in singles)
        value_bits = max(one.value_bits for one in numbers)
        mul_bits = max(one.widths.mul_bits for one in numbers)
        levels = max(one.widths.threshold_levels for one in numbers)
        added, passed = np.array([tree_bits(int(n), act_bits) for n in grid.lanes], np.float64).T
        tree = (added[None, None, :], passed[None, None, :])
        digits = any(one.digits for one in singles)
        read = [*stage.inputs, *stage.inner[:1]]
        form = self.device.cell.form
        terms: dict[str, dict[str, Number]] = {
            "ternc_column": column_terms(
                form, rows, cols, lanes, grid.drain, tree, act_bits, acc_bits, digits
            ),
            "ternc_requant": requantiser_terms(cols * grid.drain, acc_bits, mul_bits, value_bits),
            "ternc_threshold_level": threshold_terms(cols * grid.drain * levels, acc_bits),
            "ternc_operand": operand_terms(rows, lanes, act_bits, len(read)),
            "ternc_sequencer": {"registers": SEQUENCER_ALONE, "bits of positions": rows * POSITION_BITS},
            "ternc_collector": {
                "registers": COLLECTOR_ALONE + cols * grid.drain * value_bits,
                "bits of vectors": cols * grid.drain * value_bits,
            },
        }
        fabric = load_fabric(self.device.fabric)
        ports = {tensor.name for tensor in self.network.input_tensors}
        found = fabric.logic(terms)
        for tensor in read:
            words, bits = np.minimum(lanes, tensor.channels), range_bits(tensor.range.low, tensor.range.high)
            beat = input_elements(tensor) if tensor.name in ports else 0
            parts = np.maximum(1, np.ceil(beat / words))
            terms = {
                "ternc_feature_memory": memory_terms(rows, words, bits, parts, 1, 0),
                "ternc_delay": {"bits of links": beat * bits},
                "ternc_input": {"bits of offsets": beat * bits},
            }
            found = found + fabric.logic(terms)
        return np.asarray(found)

    def _ends(self, stage: Stage, grid: Grid) -> Floats:
        """Beats of a frame at the network's ends that belong to a stage."""
        _, cols, _ = grid.sides
        found: Floats = np.ones((1, 1, 1))
        inputs = {tensor.name for tensor in self.network.input_tensors}
        leaving = set(self.network.leaving)
        for tensor in stage.inputs:
            if tensor.name in inputs:
                beats = ceil_div(tensor.channels, input_elements(tensor))
                pixels = max(n for n in grid.drains.tolist() if n == 1 or together(tensor, n))
                pace = tensor.height * tensor.width * beats / np.minimum(grid.drain, pixels)
                found = np.maximum(found, pace)
        for tensor in stage.made:
            if tensor.name in leaving:
                found = np.maximum(found, tensor.height * tensor.width * np.ceil(tensor.channels / cols))
                found = np.where((cols > 1) & (cols * element_bits(tensor) > PORT_BITS), np.inf, found)
        return found

    def _registers(self, stage: Stage, grid: Grid, singles: Sequence[StagePlanner]) -> Floats:
        """Flip-flops but for those at the read ports of memories (`ternc.schedule.instances`)."""
        rows, cols, lanes = grid.sides
        numbers = [one.numbers for one in singles]
        act_bits = max(one.act_bits for one in numbers)
        acc_bits = max(one.nominal_sums.acc_bits for one in singles)
        add_bits = max(one.nominal_sums.add_bits for one in singles)
        value_bits = max(one.value_bits for one in numbers)
        widths = [one.widths for one in numbers]
        product = acc_bits + 1 + max(one.mul_bits for one in widths)
        levels = max(one.threshold_levels for one in widths)
        trees = np.array([adder_tree(int(n), act_bits) for n in grid.lanes], np.float64)[None, None, :]
        cells = rows * cols * (lanes * act_bits + trees + 2 * acc_bits) + rows * lanes * act_bits
        requantiser = 2 * acc_bits + product + 2 * max(product, add_bits) + 2 * value_bits
        requantiser += 3 * levels * (acc_bits + 2 * value_bits)
        found = (
            cells
            + cols * COLUMN_FLAGS
            + cols * grid.drain * (requantiser + 2 * value_bits)
            + cols * cols / 2 * (grid.drain * value_bits + 1)
        )
        for tensor in (*stage.inputs, *stage.inner[:1]):
            bits = range_bits(tensor.range.low, tensor.range.high)
            found = found + rows * np.minimum(lanes, tensor.channels) * bits
        return np.asarray(found + SEQUENCER_REGISTERS)

    def _memories(
        self, stage: Stage, grid: Grid, singles: Sequence[StagePlanner], words: Sequence[Floats]
    ) -> Held:
        """A run's memories; ``words`` are those of each layer's tiles (`LayerEstimate.words`)."""
        rows, cols, lanes = grid.sides
        layers = self.layers[stage.first : stage.end]
        params = np.asarray(
            sum(np.ceil(one.tiling.layer.channels / cols) * len(one.tiling.classes) for one in layers)
        )
        stored = np.asarray(
            sum(layer.weight_words(grid, own) for layer, own in zip(layers, words, strict=True))
        )
        taps = np.asarray(sum(layer.tap_words(grid, own) for layer, own in zip(layers, words, strict=True)))
        widths = [one.numbers.widths for one in singles]
        acc_bits = max(one.nominal_sums.acc_bits for one in singles)
        word_bits = max(one.nominal_sums.add_bits for one in singles) + max(one.mul_bits for one in widths)
        word_bits += max(one.code_bits for one in widths) + 3
        levels = max(one.threshold_levels for one in widths)
        parts = [self._held(np.ones(1), taps, np.asarray(TAP_BITS)), self._weights(grid, stored)]
        parts += [self._held(cols, params, np.asarray(word_bits))]
        for n in range(levels):
            copies = cols * grid.drain if n else cols
            parts.append(self._held(copies, params * (1 << n), np.asarray(acc_bits + 1)))
        for tensor in stage.inputs:
            bits = range_bits(tensor.range.low, tensor.range.high)
            depth = self._buffer_rows(stage, tensor.name) * np.ceil(tensor.width / rows)
            depth = depth * np.ceil(tensor.channels / lanes)
            parts.append(self._held(rows, depth, np.minimum(lanes, tensor.channels) * bits))
        if stage.inner:
            bits = max(range_bits(t.range.low, t.range.high) for t in stage.inner)
            depths = [t.height * np.ceil(t.width / rows) * np.ceil(t.channels / lanes) for t in stage.inner]
            depth = depths[0]
            for one, other in pairwise(depths):
                depth = np.maximum(depth, one + other)
            parts.append(self._held(rows, depth, lanes * bits))
        return Held(
            logic=np.asarray(sum(part.logic for part in parts)),
            registers=np.asarray(sum(part.registers for part in parts)),
            blocks=np.asarray(sum(part.blocks for part in parts)),
        )

    def _held(self, copies: Floats, depth: Floats, width: Floats) -> Held:
        """Memories of one shape, by the rule of `ternc.schedule.costs.block_count`."""
        blocks = copies * _blocks(self.device.block_ram, depth, width)
        units = copies * np.ceil(depth / MEMORY_BITS[self.device.logic.unit]) * width
        cheaper = units / self.device.logic.count < blocks / self.device.block_ram.count
        inside = (depth * width <= SMALL_MEMORY_BITS) | ((depth <= SHALLOW_WORDS) & cheaper)
        return Held(
            logic=np.where(inside, units, 0),
            registers=np.where(inside, 2 * copies * width, 0),
            blocks=np.where(inside, 0, blocks),
        )

    def _weights(self, grid: Grid, depth: Floats) -> Held:
        """Memories of weights; packed by the rule of `ternc.schedule.costs.worth_packing`, if any are."""
        _, cols, lanes = grid.sides
        plain = self._held(cols, depth, 2 * lanes)
        if not self.packing:
            return plain
        words = [ArrayShape(rows=1, cols=1, lanes=n, packed=True).weight_bits for n in grid.lanes.tolist()]
        packed = self._held(cols, depth, np.array(words, np.float64))
        registers = cols * np.array([unpack_registers(n) for n in grid.lanes.tolist()], np.float64)
        logic = unpack_logic(cols, lanes, self.device)
        worth = self._share(packed) + logic / self.device.logic.count < self._share(plain)
        return Held(
            logic=np.where(worth, packed.logic + logic, plain.logic),
            registers=np.where(worth, packed.registers + registers, plain.registers),
            blocks=np.where(worth, packed.blocks, plain.blocks),
        )

    def _share(self, held: Held) -> Floats:
        """Of the device."""
        return held.logic / self.device.logic.count + held.blocks / self.device.block_ram.count

    def _buffer_rows(self, stage: Stage, tensor: str) -> int:
        """Rows of a line buffer, about: what one row step needs and one more, or nearly two frames."""
        found = self.network.tensor(tensor)
        if len(stage.readers(tensor)) == 1 == len(stage.layers):
            layer = stage.first
            rows = input_rows(stage, 0, self.single[layer].walks.layers[0], found, found.height)
            need = 1 + least_rows(rows.needs, rows.frees, 1)
            return min(1 << (need - 1).bit_length(), max(need, found.height))
        return 2 * found.height


def _blocks(ram: BlockRam, depth: Floats, width: Floats) -> Floats:
    """Blocks that memories take, each in the best of the block's shapes."""
    found = [np.ceil(depth / words) * np.ceil(width / bits) for words, bits in ram.shapes]
    return np.asarray(np.minimum.reduce(np.broadcast_arrays(*found)))
