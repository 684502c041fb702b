"""A schedule with its programs and all its widths: what a design is made of, before any memory image."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ternc.errors import InternalError
from ternc.numeric import address_bits, clog2, signed_bits, unsigned_bits
from ternc.schedule.bundles import require_one_drained
from ternc.schedule.design import (
    Depths,
    Geometry,
    InputStream,
    LineBuffer,
    OutputBuffer,
    ScoreUnit,
    ToBuffer,
)
from ternc.schedule.layout import Layout
from ternc.schedule.lines import Lines
from ternc.schedule.placement import feature_memory
from ternc.schedule.plan import StagePlan
from ternc.schedule.ports import input_bits, output_buffer, score_unit
from ternc.schedule.program import Program, assemble
from ternc.schedule.room import roomy
from ternc.schedule.sums import Sums
from ternc.schedule.timing import dot_latency, flush_cycles


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class EngineDraft:
    """One engine, worked out.

    Attributes:
        layouts: Of its line buffers, by tensor.
        sums: Corrections and widths of its accumulators.
        geometry: Every parameter of its modules.
    """

    layouts: dict[str, Layout]
    program: Program
    sums: Sums
    geometry: Geometry


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Draft:
    """The whole design.

    Attributes:
        lines: The schedule; the other attributes are those of `Design`.
    """

    lines: Lines
    engines: tuple[EngineDraft, ...]
    streams: tuple[InputStream, ...]
    outputs: tuple[OutputBuffer, ...]
    score: ScoreUnit | None
    reloadable: bool


def draft(lines: Lines) -> Draft:
    """Assemble the programs of a schedule."""
    network = lines.network
    require_one_drained(network, lines.stages, lines.shapes)
    makers = {
        tensor.name: (plan.shape.cols, planner.numbers.value_bits)
        for planner, plan in zip(lines.planners, lines.plans, strict=True)
        for tensor in planner.stage.made
    }
    score = None
    if network.anomaly is not None:
        rows = lines.score_rows
        score = score_unit(network, rows.frame // rows.step, *makers[network.anomaly.tensor])
    return Draft(
        lines=lines,
        engines=tuple(_engine(lines, n) for n in range(len(lines.plans))),
        streams=_streams(lines),
        outputs=tuple(
            output_buffer(
                network,
                output,
                lines.output_rows(n),
                *makers[output.tensor],
                lines.sources[output.tensor].bundles,
            )
            for n, output in enumerate(network.outputs)
        ),
        score=score,
        reloadable=lines.reloadable,
    )


def _engine(lines: Lines, n: int) -> EngineDraft:
    planner, plan = lines.planners[n], lines.plans[n]
    layouts = lines.layouts(n)
    frames = {tensor.name: lines.buffer_rows(n, tensor.name).frame for tensor in planner.stage.inputs}
    links = lines.engine_links(n)
    bits = {
        tensor.name: sum(1 << i for i, (name, _) in enumerate(links) if name == tensor.name)
        for tensor in planner.stage.sent
    }
    program, sums = assemble(planner, plan.shape, layouts, frames, bits), planner.sums(plan.shape)
    _check(lines, n, program)
    geometry = _geometry(lines, n, program, layouts, sums)
    if lines.reloadable and lines.hardware is None:
        geometry = roomy(geometry, planner, program)
    return EngineDraft(layouts=layouts, program=program, sums=sums, geometry=geometry)


def _check(lines: Lines, n: int, program: Program) -> None:
    """InternalError where the program is not what the plan counted on."""
    plan = lines.plans[n]
    planned = lines.pipeline.engines[n].rows
    for made, wanted in zip(program.rows, planned, strict=True):
        same = (made.cycles, made.tail, made.needs, made.frees, made.takes)
        if same != (wanted.cycles, wanted.tail, wanted.needs, wanted.frees, wanted.takes):
            raise InternalError("schedule", "the program takes other cycles than the plan says")
    if (program.params, program.weight_words) != (plan.params, plan.weight_words):
        raise InternalError("schedule", "the program takes other memories than the plan says")


def _streams(lines: Lines) -> tuple[InputStream, ...]:
    """What stands behind each input port."""
    found = []
    for tensor, elements, pixels in zip(
        lines.network.input_tensors, lines.elements, lines.pixels, strict=True
    ):
        found.append(
            InputStream(
                bits=input_bits(tensor),
                offset=-tensor.range.low,
                lanes=elements,
                width=tensor.width,
                height=tensor.height,
                chunks=-(-tensor.channels // elements),
                links=tuple(link for link in lines.links_of(tensor.name) if isinstance(link, ToBuffer)),
                pixels=pixels,
            )
        )
    return tuple(found)


def _geometry(lines: Lines, n: int, program: Program, layouts: dict[str, Layout], sums: Sums) -> Geometry:
    """Every parameter of an engine's modules."""
    planner, plan = lines.planners[n], lines.plans[n]
    numbers, shape, widths = planner.numbers, plan.shape, planner.numbers.widths
    buffers = tuple(_line_buffer(lines, n, tensor.name, layouts) for tensor in planner.stage.inputs)
    features = feature_memory(planner.stage, shape, program.feature_words) if planner.stage.inner else None
    memories = [*(buffer.memory for buffer in buffers), *([features] if features else [])]
    return Geometry(
        shape=shape,
        act_bits=numbers.act_bits,
        acc_bits=max(sums.acc_bits, numbers.act_bits + clog2(shape.lanes)),
        features=features,
        buffers=buffers,
        links=tuple(link for _, link in lines.engine_links(n)),
        value_bits=numbers.value_bits,
        mul_bits=widths.mul_bits,
        add_bits=sums.add_bits,
        shift=widths.shift,
        code_bits=widths.code_bits,
        threshold_levels=widths.threshold_levels,
        tables=len(numbers.tables),
        params=program.params,
        threshold_params=plan.threshold_params,
        depths=Depths(
            rows=len(program.rows),
            passes=len(program.passes),
            taps=len(program.taps),
            terms=len(program.terms),
            xmap=len(program.xmap),
            weights=sum(program.weight_words),
        ),
        digits=bool(program.taps[:, 7].any()),
        rd_bits=address_bits(max(memory.depth_words for memory in memories)),
        part_bits=address_bits(max(memory.parts for memory in memories)),
        wr_bits=address_bits(max(1, program.feature_words)),
        piece_bits=address_bits(features.pieces if features else 1),
        x_bits=_x_bits(program, plan),
        y_bits=_y_bits(program, buffers),
        tile_bits=address_bits(1 + max(one.tile for one in program.passes)),
        step_bits=address_bits(1 + max(one.step_row for one in program.passes)),
        count_bits=unsigned_bits(max(max(p.interval, p.tap_count) for p in program.passes)),
        dot_latency=dot_latency(shape.lanes),
        requant_latency=numbers.requant_latency,
        flush_cycles=flush_cycles(shape, numbers.requant_latency),
    )


def _line_buffer(lines: Lines, n: int, tensor: str, layouts: dict[str, Layout]) -> LineBuffer:
    """The line buffer of engine n for a tensor."""
    layout, memory = layouts[tensor], lines.buffer_memory(n, tensor)
    source = lines.sources[tensor]
    return LineBuffer(
        tensor=tensor,
        rows=lines.buffer_rows(n, tensor),
        memory=replace(memory, depth_words=layout.words),
        element_bits=source.element_bits,
        width=layout.width,
        tiles=-(-lines.network.tensor(tensor).channels // memory.cols),
        stride=layout.stride,
        pitch_words=layout.pitch,
        plane_words=layout.plane,
        bundles=source.bundles,
    )


def _x_bits(program: Program, plan: StagePlan) -> int:
    """Width of the program's positions along x."""
    q, limit = program.taps[:, 3], program.taps[:, 4]
    furthest = max(
        int(abs(q).max()),
        int(limit.max()),
        max(row.groups for row in program.rows) * plan.shape.rows,
        max(spot.bundle for spot in program.xmap),
    )
    return signed_bits(-2 * furthest, 2 * furthest)


def _y_bits(program: Program, buffers: tuple[LineBuffer, ...]) -> int:
    """Width of the program's rows: of outputs, of sources, of circular buffers."""
    steps = 1 + max(row.row for row in program.rows)
    tallest = max(
        int(abs(program.taps[:, 5]).max()) + steps * max(1, *(term.y_stride for term in program.terms)),
        max(term.height for term in program.terms),
        *(buffer.rows.capacity + buffer.rows.frame for buffer in buffers),
    )
    return signed_bits(-2 * tallest, 2 * tallest)
