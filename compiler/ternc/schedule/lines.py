"""A network cut into stages, an array for each: what lies between them, and the exact cycles of the whole."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from ternc.network.layers import Network, Tensor
from ternc.numeric import ceil_div, clog2, range_bits
from ternc.schedule.bundles import made_bundles, takes
from ternc.schedule.capacity import sized, with_capacities
from ternc.schedule.cycles import (
    EngineCycles,
    OutputCycles,
    Pipeline,
    RowCycles,
    ScoreCycles,
    StreamCycles,
    frame_cycles,
)
from ternc.schedule.design import (
    ArrayShape,
    BankedMemory,
    Bundles,
    Link,
    Rows,
    ToBuffer,
    ToOutput,
    ToScore,
)
from ternc.schedule.layout import Layout
from ternc.schedule.placement import Source, buffer_layouts, buffer_memory
from ternc.schedule.plan import StagePlan, StagePlanner
from ternc.schedule.ports import input_bits, input_elements, together
from ternc.schedule.reach import input_rows, least_rows
from ternc.schedule.stage import Stage
from ternc.schedule.timing import SCORE_PIPELINE, TIMED_FRAMES, flush_cycles, link_latency


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameTiming:
    """Interval and latency of whole frames, in cycles, with no stalls at the ports."""

    cycles_per_frame: int
    latency_cycles: int


@dataclass(frozen=True, kw_only=True, eq=False)
class Lines:
    """Stages with their plans.

    Attributes:
        planners, plans: One for each engine, in the order of the layers.
        reloadable: Its hardware keeps room for other networks of the shape.
        hardware: Where the network is put onto hardware that there is, that: its streams and buffers are kept.
    """

    network: Network
    planners: tuple[StagePlanner, ...]
    plans: tuple[StagePlan, ...]
    reloadable: bool = False
    hardware: Lines | None = None

    @property
    def stages(self) -> tuple[Stage, ...]:
        """In the order of the layers."""
        return tuple(planner.stage for planner in self.planners)

    @property
    def shapes(self) -> tuple[ArrayShape, ...]:
        """Of each engine's array."""
        return tuple(plan.shape for plan in self.plans)

    @cached_property
    def elements(self) -> tuple[int, ...]:
        """Elements of a pixel in a beat of each input."""
        return tuple(map(input_elements, self.network.input_tensors))

    @cached_property
    def pixels(self) -> tuple[int, ...]:
        """Pixels of a beat of each input: as few as do not hold up the slowest array.

        More than one only where an array that reads the input drains as many, and where the banks of all that read it
        can take them.
        """
        if self.hardware is not None:
            return self.hardware.pixels
        pace = max(plan.busy_cycles for plan in self.plans)
        return tuple(self._pixels(tensor, pace) for tensor in self.network.input_tensors)

    def _pixels(self, tensor: Tensor, pace: int) -> int:
        readers = [
            n for n, stage in enumerate(self.stages) if tensor.name in {one.name for one in stage.inputs}
        ]
        most, found = max(self.shapes[n].drain for n in readers), 1
        while 2 * found <= most and tensor.height * tensor.width // found > pace:
            more = Bundles(pixels=2 * found)
            if not together(tensor, more.pixels) or not all(
                takes(self.stages[n], self.planners[n].walks, self.shapes[n], tensor.name, more)
                for n in readers
            ):
                break
            found = more.pixels
        return found

    @cached_property
    def sources(self) -> dict[str, Source]:
        """How each tensor that crosses a link comes."""
        found = {
            tensor.name: Source(
                cols=count,
                element_bits=input_bits(tensor),
                bits=input_bits(tensor),
                step=1,
                bundles=Bundles(pixels=pixels),
            )
            for tensor, count, pixels in zip(
                self.network.input_tensors, self.elements, self.pixels, strict=True
            )
        }
        for planner, shape in zip(self.planners, self.shapes, strict=True):
            bundles = made_bundles(planner.stage, planner.walks, shape)
            for tensor, walk in zip(planner.stage.made, planner.walks.layers, strict=True):
                found[tensor.name] = Source(
                    cols=shape.cols,
                    element_bits=planner.numbers.value_bits,
                    bits=range_bits(tensor.range.low, tensor.range.high),
                    step=walk.vertical.phases,
                    bundles=bundles[tensor.name],
                )
        return found

    def links_of(self, tensor: str) -> tuple[Link, ...]:
        """Where the vectors of a tensor go, in the order of the program's bits."""
        found: list[Link] = []
        for n, stage in enumerate(self.stages):
            names = [one.name for one in stage.inputs]
            if tensor in names:
                found.append(ToBuffer(engine=n, buffer=names.index(tensor)))
        found += [ToOutput(output=n) for n, o in enumerate(self.network.outputs) if o.tensor == tensor]
        if self.network.anomaly is not None and self.network.anomaly.tensor == tensor:
            found.append(ToScore())
        return tuple(found)

    def engine_links(self, n: int) -> tuple[tuple[str, Link], ...]:
        """The links of engine n with the tensor of each."""
        return tuple(
            (tensor.name, link) for tensor in self.stages[n].sent for link in self.links_of(tensor.name)
        )

    def buffer_memory(self, n: int, tensor: str) -> BankedMemory:
        """The memory of engine n for a tensor from outside, without its depth."""
        return buffer_memory(self.network.tensor(tensor), self.sources[tensor], self.plans[n].shape)

    def layouts(self, n: int) -> dict[str, Layout]:
        """The layout of every line buffer of engine n."""
        stage = self.stages[n]
        capacities = {tensor.name: self.buffer_rows(n, tensor.name).capacity for tensor in stage.inputs}
        return buffer_layouts(stage, self.planners[n].walks, self.plans[n].shape, self.sources, capacities)

    # ---- circular buffers ----------------------------------------------------------------------------------

    @cached_property
    def keepers(self) -> tuple[Link, ...]:
        """Every circular buffer: the engines' line buffers, the outputs, the score."""
        found: list[Link] = [
            ToBuffer(engine=n, buffer=k)
            for n, stage in enumerate(self.stages)
            for k in range(len(stage.inputs))
        ]
        found += [ToOutput(output=n) for n in range(len(self.network.outputs))]
        return (*found, ToScore()) if self.network.anomaly else tuple(found)

    def _tensor(self, keeper: Link) -> str:
        match keeper:
            case ToBuffer(engine=n, buffer=k):
                return self.stages[n].inputs[k].name
            case ToOutput(output=n):
                return self.network.outputs[n].tensor
            case ToScore():
                assert self.network.anomaly is not None
                return self.network.anomaly.tensor

    def _rows(self, keeper: Link) -> Rows:
        """Without its capacity, which is a frame's."""
        tensor = self._tensor(keeper)
        frame = self._frame_rows(tensor)
        return Rows(capacity=frame, frame=frame, step=self.sources[tensor].step)

    def rows_of(self, keeper: Link) -> Rows:
        """With its capacity."""
        return self.pipeline.keepers[self.keepers.index(keeper)]

    def buffer_rows(self, n: int, tensor: str) -> Rows:
        """Of engine n's line buffer for a tensor."""
        names = [one.name for one in self.stages[n].inputs]
        return self.rows_of(ToBuffer(engine=n, buffer=names.index(tensor)))

    def output_rows(self, n: int) -> Rows:
        """Of output n."""
        return self.rows_of(ToOutput(output=n))

    @property
    def score_rows(self) -> Rows:
        """Of the score, which keeps none."""
        return self.rows_of(ToScore())

    # ---- cycles --------------------------------------------------------------------------------------------

    @cached_property
    def pipeline(self) -> Pipeline:
        """Everything that takes part, with the capacities that it needs."""
        if self.hardware is not None:
            return with_capacities(self.unsized, [rows.capacity for rows in self.hardware.pipeline.keepers])
        least = []
        for keeper in self.keepers:
            step = self._rows(keeper).step
            if isinstance(keeper, ToBuffer):
                rows = self.unsized.engines[keeper.engine].rows
                needs = [row.needs[keeper.buffer] for row in rows]
                least.append(least_rows(needs, [row.frees[keeper.buffer] for row in rows], step))
            else:
                least.append(step)
        return sized(self.unsized, least)

    @property
    def least_latency(self) -> int:
        """Cycles of one frame alone where every circular buffer holds a frame: no capacities can be faster."""
        return frame_cycles(self.unsized, 1).ends[0] + 1

    @cached_property
    def unsized(self) -> Pipeline:
        """Everything that takes part, with room for a frame in every circular buffer."""
        return Pipeline(
            streams=tuple(
                StreamCycles(
                    rows=tensor.height,
                    beats=tensor.width * ceil_div(tensor.channels, count) // pixels,
                    keepers=self._numbers(tensor.name),
                )
                for tensor, count, pixels in zip(
                    self.network.input_tensors, self.elements, self.pixels, strict=True
                )
            ),
            engines=tuple(self._engine_cycles(n) for n in range(len(self.planners))),
            outputs=tuple(self._output_cycles(n) for n in range(len(self.network.outputs))),
            score=self._score_cycles(),
            keepers=tuple(self._rows(keeper) for keeper in self.keepers),
        )

    @cached_property
    def timing(self) -> FrameTiming:
        """Of whole frames."""
        found = frame_cycles(self.pipeline, TIMED_FRAMES)
        return FrameTiming(cycles_per_frame=found.interval, latency_cycles=found.ends[0] + 1)

    def _numbers(self, tensor: str) -> tuple[int, ...]:
        return tuple(self.keepers.index(link) for link in self.links_of(tensor))

    def _engine_cycles(self, n: int) -> EngineCycles:
        planner, shape = self.planners[n], self.plans[n].shape
        flush = flush_cycles(shape, planner.numbers.requant_latency)
        found = []
        for k, (layer, tiling) in enumerate(zip(planner.stage.layers, planner.tilings, strict=True)):
            cycles, tail = tiling.row(shape)
            reads = [
                input_rows(planner.stage, k, tiling.walk, tensor, self._frame_rows(tensor.name))
                for tensor in planner.stage.inputs
            ]
            count = tiling.walk.vertical.steps
            keepers = self._numbers(layer.target)
            for r in range(count):
                last = r == count - 1
                found.append(
                    RowCycles(
                        cycles=cycles,
                        tail=tail,
                        needs=tuple(one.needs[r] for one in reads),
                        frees=tuple(one.frees[r] for one in reads),
                        takes=tuple(one.takes and last for one in reads),
                        keepers=keepers,
                        flush=flush if last and planner.flushes(k) else 0,
                    )
                )
        return EngineCycles(
            rows=tuple(found),
            buffers=tuple(
                self.keepers.index(ToBuffer(engine=n, buffer=k)) for k in range(len(planner.stage.inputs))
            ),
            link_latency=link_latency(shape, planner.numbers.requant_latency),
        )

    def _frame_rows(self, tensor: str) -> int:
        """Of a circular buffer: the map's height in whole steps."""
        step = self.sources[tensor].step
        return ceil_div(self.network.tensor(tensor).height, step) * step

    def _maker_shape(self, tensor: str) -> ArrayShape:
        return next(
            shape
            for stage, shape in zip(self.stages, self.shapes, strict=True)
            if any(made.name == tensor for made in stage.made)
        )

    def _output_cycles(self, n: int) -> OutputCycles:
        output = self.network.outputs[n]
        tensor, shape = self.network.tensor(output.tensor), self._maker_shape(output.tensor)
        return OutputCycles(
            keeper=self.keepers.index(ToOutput(output=n)),
            rows=tensor.height,
            beats=tensor.width * ceil_div(tensor.channels, shape.cols),
            delay=argmax_latency(shape) if output.reduce else 0,
        )

    def _score_cycles(self) -> ScoreCycles | None:
        if self.network.anomaly is None:
            return None
        rows, shape = self._rows(ToScore()), self._maker_shape(self.network.anomaly.tensor)
        return ScoreCycles(
            keeper=self.keepers.index(ToScore()),
            steps=rows.frame // rows.step,
            latency=SCORE_PIPELINE + clog2(shape.cols),
        )


def argmax_latency(shape: ArrayShape) -> int:
    """Cycles that an on-chip argmax (ternc_argmax) adds between the last beat of a frame and its index."""
    return clog2(shape.cols) + 1


def lines_of(
    network: Network,
    planners: Sequence[StagePlanner],
    shapes: Sequence[ArrayShape],
    *,
    reloadable: bool = False,
    hardware: Lines | None = None,
) -> Lines:
    """Stages on arrays of the given shapes."""
    plans = tuple(planner.plan(shape) for planner, shape in zip(planners, shapes, strict=True))
    return Lines(
        network=network, planners=tuple(planners), plans=plans, reloadable=reloadable, hardware=hardware
    )
