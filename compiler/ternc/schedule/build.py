"""Network to Design: the one sequence of the schedule stage."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields

from ternc.errors import InternalError
from ternc.network.analysis import accumulator_range, density, hull, macs, sources
from ternc.network.layers import Network
from ternc.numeric import address_bits, clog2, range_bits, signed_bits, unsigned_bits
from ternc.schedule.costs import resources
from ternc.schedule.design import (
    Array,
    BankedMemory,
    Design,
    Engine,
    Geometry,
    InputStream,
    LayerSchedule,
    LineBuffer,
    Outline,
    ToBuffer,
)
from ternc.schedule.images import requant_images, threshold_images, weight_images
from ternc.schedule.layout import Layout
from ternc.schedule.lines import Lines
from ternc.schedule.placement import feature_memory
from ternc.schedule.plan import StagePlan
from ternc.schedule.ports import input_bits, input_ports, output_buffer, output_ports, score_unit
from ternc.schedule.program import Program, assemble
from ternc.schedule.search import Wish, choose
from ternc.schedule.sums import Sums
from ternc.schedule.timing import dot_latency, flush_cycles
from ternc.schedule.words import place_image, program_images
from ternc.target.device import Device

Progress = Callable[[int, int], None]


def schedule(network: Network, device: Device, wish: Wish, progress: Progress | None = None) -> Design:
    """The design for ``network`` on ``device``.

    Raises:
        ScheduleError: None fits, or none is fast enough.
    """
    return design_of(choose(network, device, wish, progress), device, wish.clock_mhz)


def design_of(lines: Lines, device: Device, clock_mhz: float) -> Design:
    """The design of a finished schedule: programs and memory images."""
    network, plain = lines.network, outline(lines, device, clock_mhz)
    writers = {t.name: n for n, stage in enumerate(lines.stages) for t in stage.made}
    outputs = []
    for n, output in enumerate(network.outputs):
        maker = writers[output.tensor]
        cols, bits = lines.shapes[maker].cols, lines.planners[maker].numbers.value_bits
        outputs.append(output_buffer(network, output, lines.output_rows(n), cols, bits))
    score = None
    if network.anomaly is not None:
        maker, rows = writers[network.anomaly.tensor], lines.score_rows
        cols, bits = lines.shapes[maker].cols, lines.planners[maker].numbers.value_bits
        score = score_unit(network, rows.frame // rows.step, cols, bits)
    return Design(
        **{field.name: getattr(plain, field.name) for field in fields(plain)},
        engines=tuple(engine(lines, n) for n in range(len(lines.plans))),
        streams=streams(lines),
        buffers=tuple(outputs),
        score=score,
    )


def outline(lines: Lines, device: Device, clock_mhz: float) -> Outline:
    """The schedule alone."""
    network, writers = lines.network, {}
    for stage, shape in zip(lines.stages, lines.shapes, strict=True):
        writers.update({tensor.name: shape for tensor in stage.made})
    arrays = tuple(array(lines, n) for n in range(len(lines.plans)))
    return Outline(
        name=network.name,
        device=device.name,
        clock_mhz=clock_mhz,
        arrays=arrays,
        inputs=input_ports(network, lines.elements),
        outputs=output_ports(network, [writers[output.tensor].cols for output in network.outputs]),
        cycles_per_frame=lines.timing.cycles_per_frame,
        latency_cycles=lines.timing.latency_cycles,
        macs_per_frame=sum(layer.macs for one in arrays for layer in one.layers),
        resources=resources(lines, device),
    )


def array(lines: Lines, n: int) -> Array:
    """Engine n as the schedule sees it."""
    planner, plan = lines.planners[n], lines.plans[n]
    return Array(
        shape=plan.shape,
        layers=layer_schedules(lines, n, planner.sums(plan.shape)),
        buffers=tuple((tensor.name, lines.buffer_rows(n, tensor.name)) for tensor in planner.stage.inputs),
    )


def streams(lines: Lines) -> tuple[InputStream, ...]:
    """What stands behind each input port."""
    found = []
    for tensor, elements in zip(lines.network.input_tensors, lines.elements, strict=True):
        found.append(
            InputStream(
                bits=input_bits(tensor),
                offset=-tensor.range.low,
                lanes=elements,
                width=tensor.width,
                height=tensor.height,
                chunks=-(-tensor.channels // elements),
                links=tuple(link for link in lines.links_of(tensor.name) if isinstance(link, ToBuffer)),
            )
        )
    return tuple(found)


def engine(lines: Lines, n: int) -> Engine:
    """Engine n with its program and images."""
    planner, plan = lines.planners[n], lines.plans[n]
    layouts = lines.layouts(n)
    frames = {tensor.name: lines.buffer_rows(n, tensor.name).frame for tensor in planner.stage.inputs}
    links = lines.engine_links(n)
    bits = {
        tensor.name: sum(1 << i for i, (name, _) in enumerate(links) if name == tensor.name)
        for tensor in planner.stage.sent
    }
    program, sums = assemble(planner, plan.shape, layouts, frames, bits), planner.sums(plan.shape)
    check(lines, n, program)
    geometry = engine_geometry(lines, n, program, layouts, sums)
    numbers, shape = planner.numbers, plan.shape
    return Engine(
        geometry=geometry,
        layers=tuple(layer.name for layer in planner.stage.layers),
        programs=program_images(program, geometry, numbers.tables),
        places=tuple(
            place_image(k, layouts[buffer.tensor], buffer.width, address_bits(buffer.pitch_words))
            for k, buffer in enumerate(geometry.buffers)
        ),
        weights=weight_images(program.weights, shape),
        requant=requant_images(numbers.requant, sums, numbers.widths, geometry.tables, shape),
        thresholds=threshold_images(
            numbers.requant, sums, geometry.threshold_levels, geometry.acc_bits, shape
        ),
    )


def check(lines: Lines, n: int, program: Program) -> None:
    """InternalError where the program is not what the plan counted on."""
    plan = lines.plans[n]
    planned = lines.pipeline.engines[n].rows
    for made, wanted in zip(program.rows, planned, strict=True):
        same = (made.cycles, made.tail, made.needs, made.frees, made.takes)
        if same != (wanted.cycles, wanted.tail, wanted.needs, wanted.frees, wanted.takes):
            raise InternalError("schedule", "the program takes other cycles than the plan says")
    if (program.params, program.weight_words) != (plan.params, plan.weight_words):
        raise InternalError("schedule", "the program takes other memories than the plan says")


def layer_schedules(lines: Lines, n: int, sums: Sums) -> tuple[LayerSchedule, ...]:
    """What each layer of an engine costs."""
    planner, plan = lines.planners[n], lines.plans[n]
    network, found = lines.network, []
    for k, layer in enumerate(planner.stage.layers):
        read = sources(network, layer)
        accumulator = hull(accumulator_range(layer, read))
        count = macs(layer, read)
        found.append(
            LayerSchedule(
                name=layer.name,
                kind=layer.kind,
                macs=count,
                density=density(layer),
                digits=sums.layers[k].digits / sum(term.weights.size for term in layer.terms),
                taps=plan.weight_words[k],
                cycles=plan.layer_cycles[k],
                utilisation=count / (plan.layer_cycles[k] * plan.shape.macs),
                weight_bits=plan.weight_words[k] * plan.shape.cols * plan.shape.lanes * 2,
                activation_bits=max(range_bits(tensor.range.low, tensor.range.high) for tensor in read),
                accumulator_bits=signed_bits(accumulator.low, accumulator.high),
                requantiser=planner.numbers.requant[k].form,
            )
        )
    return tuple(found)


def engine_geometry(
    lines: Lines, n: int, program: Program, layouts: dict[str, Layout], sums: Sums
) -> Geometry:
    """Every parameter of an engine's modules."""
    planner, plan = lines.planners[n], lines.plans[n]
    numbers, shape, widths = planner.numbers, plan.shape, planner.numbers.widths
    buffers = tuple(line_buffer(lines, n, tensor.name, layouts) for tensor in planner.stage.inputs)
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
        terms=len(program.terms),
        digits=bool(program.taps[:, 7].any()),
        rd_bits=address_bits(max(memory.depth_words for memory in memories)),
        part_bits=address_bits(max(memory.parts for memory in memories)),
        wr_bits=address_bits(max(1, program.feature_words)),
        piece_bits=address_bits(features.pieces if features else 1),
        x_bits=x_bits(program, plan),
        y_bits=y_bits(program, buffers),
        tile_bits=address_bits(1 + max(one.tile for one in program.passes)),
        step_bits=address_bits(1 + max(one.step_row for one in program.passes)),
        count_bits=unsigned_bits(max(max(p.interval, p.tap_count) for p in program.passes)),
        dot_latency=dot_latency(shape.lanes),
        requant_latency=numbers.requant_latency,
        flush_cycles=flush_cycles(shape, numbers.requant_latency),
    )


def line_buffer(lines: Lines, n: int, tensor: str, layouts: dict[str, Layout]) -> LineBuffer:
    """The line buffer of engine n for a tensor."""
    layout, memory = layouts[tensor], lines.buffer_memory(n, tensor)
    source = lines.sources[tensor]
    return LineBuffer(
        tensor=tensor,
        rows=lines.buffer_rows(n, tensor),
        memory=BankedMemory(cols=memory.cols, lanes=memory.lanes, bits=memory.bits, depth_words=layout.words),
        element_bits=source.element_bits,
        width=layout.width,
        tiles=-(-lines.network.tensor(tensor).channels // memory.cols),
        stride=layout.stride,
        pitch_words=layout.pitch,
        plane_words=layout.plane,
    )


def x_bits(program: Program, plan: StagePlan) -> int:
    """Width of the program's positions along x."""
    q, limit = program.taps[:, 3], program.taps[:, 4]
    furthest = max(
        int(abs(q).max()),
        int(limit.max()),
        max(row.groups for row in program.rows) * plan.shape.rows,
        max(place.x for place in program.xmap),
    )
    return signed_bits(-2 * furthest, 2 * furthest)


def y_bits(program: Program, buffers: tuple[LineBuffer, ...]) -> int:
    """Width of the program's rows: of outputs, of sources, of circular buffers."""
    steps = 1 + max(row.row for row in program.rows)
    tallest = max(
        int(abs(program.taps[:, 5]).max()) + steps * max(1, *(term.y_stride for term in program.terms)),
        max(term.height for term in program.terms),
        *(buffer.rows.capacity + buffer.rows.frame for buffer in buffers),
    )
    return signed_bits(-2 * tallest, 2 * tallest)
