"""Network to Design: the one sequence of the schedule stage."""

from __future__ import annotations

from ternc.errors import InternalError
from ternc.network.analysis import accumulator_range, density, hull, macs, sources
from ternc.network.layers import Network
from ternc.numeric import address_bits, clog2, range_bits, signed_bits, unsigned_bits
from ternc.schedule.costs import resources
from ternc.schedule.design import (
    ArrayShape,
    Design,
    Engine,
    Geometry,
    InputBuffer,
    LayerSchedule,
    OutputBuffer,
)
from ternc.schedule.images import requant_images, threshold_images, weight_images
from ternc.schedule.plan import Numbers, Plan, Planner
from ternc.schedule.ports import input_ports, output_buffer, output_ports
from ternc.schedule.program import Program, assemble
from ternc.schedule.search import Progress, Wish, choose
from ternc.schedule.sums import Sums
from ternc.schedule.timing import dot_latency, drain_period, flush_cycles
from ternc.schedule.words import program_images
from ternc.target.device import Device


def schedule(network: Network, device: Device, wish: Wish, progress: Progress | None = None) -> Design:
    """The design for ``network`` on ``device`` (Raises ScheduleError when none fits)."""
    planner = Planner(network)
    plan = choose(planner, device, wish, progress)
    numbers, shape = planner.numbers, plan.shape
    program, sums = assemble(planner, shape), planner.sums(shape)
    geometry = engine_geometry(network, numbers, plan, program, sums)
    for layer, cycles in zip(program.layers, plan.layer_cycles, strict=True):
        if layer.cycles + geometry.flush_cycles + 1 != cycles:
            raise InternalError("schedule", "the program takes other cycles than the plan says")
    if (program.params, program.weight_words) != (plan.params, plan.weight_words):
        raise InternalError("schedule", "the program takes other memories than the plan says")
    engine = Engine(
        geometry=geometry,
        layers=layer_schedules(network, numbers, plan, sums),
        programs=program_images(program, geometry, numbers.tables),
        weights=weight_images(program.weights, shape),
        requant=requant_images(numbers.requant, sums, numbers.widths, shape),
        thresholds=threshold_images(
            numbers.requant, sums, geometry.threshold_levels, geometry.acc_bits, shape
        ),
    )
    return Design(
        name=network.name,
        device=device.name,
        clock_mhz=wish.clock_mhz,
        engines=(engine,),
        inputs=input_ports(network, numbers.input_bits, shape),
        outputs=output_ports(network, shape),
        cycles_per_frame=plan.timing.cycles_per_frame,
        latency_cycles=plan.timing.latency_cycles,
        macs_per_frame=sum(layer.macs for layer in engine.layers),
        resources=resources(planner, plan, device),
    )


def layer_schedules(network: Network, numbers: Numbers, plan: Plan, sums: Sums) -> tuple[LayerSchedule, ...]:
    """What each layer costs."""
    found = []
    for n, layer in enumerate(network.layers):
        read = sources(network, layer)
        accumulator = hull(accumulator_range(layer, read))
        count = macs(layer, read)
        found.append(
            LayerSchedule(
                name=layer.name,
                kind=layer.kind,
                macs=count,
                density=density(layer),
                digits=sums.layers[n].digits / sum(term.weights.size for term in layer.terms),
                taps=plan.weight_words[n],
                cycles=plan.layer_cycles[n],
                utilisation=count / (plan.layer_cycles[n] * plan.shape.macs),
                weight_bits=plan.weight_words[n] * plan.shape.cols * plan.shape.lanes * 2,
                activation_bits=max(range_bits(tensor.range.low, tensor.range.high) for tensor in read),
                accumulator_bits=signed_bits(accumulator.low, accumulator.high),
                requantiser=numbers.requant[n].form,
            )
        )
    return tuple(found)


def engine_geometry(network: Network, numbers: Numbers, plan: Plan, program: Program, sums: Sums) -> Geometry:
    """Every parameter of the engine's modules."""
    shape, widths = plan.shape, numbers.widths
    inputs, outputs = buffers(network, numbers, program, shape)
    q, limit, dy, shift = (program.taps[:, n] for n in (2, 3, 4, 6))
    furthest = max(
        int(abs(q).max()),
        int(limit.max()),
        max(layer.groups for layer in program.layers) * shape.rows,
    )
    steps = max(layer.rows for layer in program.layers)
    tallest = max(
        int(abs(dy).max()) + steps * max(1, *(term.y_stride for term in program.terms)),
        max(term.height for term in program.terms),
    )
    read_words = max(program.feature_words, *(2 * buffer.half_words for buffer in inputs))
    write_words = max(program.feature_words, *(buffer.half_words for buffer in outputs), 1)
    return Geometry(
        shape=shape,
        act_bits=numbers.act_bits,
        acc_bits=max(sums.acc_bits, numbers.act_bits + clog2(shape.lanes)),
        drain_period=drain_period(shape),
        slices=max(1, shape.lanes // shape.cols),
        slice_lanes=shape.cols if shape.cols <= shape.lanes else shape.lanes,
        inputs=inputs,
        outputs=outputs,
        score=numbers.score,
        feature_bits=numbers.feature_bits,
        feature_words=program.feature_words,
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
        digits=bool(shift.any()),
        rd_bits=address_bits(read_words),
        wr_bits=address_bits(write_words),
        x_bits=signed_bits(-2 * furthest, 2 * furthest),
        y_bits=signed_bits(-2 * tallest, 2 * tallest),
        count_bits=unsigned_bits(max(max(p.interval, p.tap_count) for p in program.passes)),
        dot_latency=dot_latency(shape.lanes),
        requant_latency=numbers.requant_latency,
        flush_cycles=flush_cycles(shape, numbers.requant_latency),
    )


def buffers(
    network: Network, numbers: Numbers, program: Program, shape: ArrayShape
) -> tuple[tuple[InputBuffer, ...], tuple[OutputBuffer, ...]]:
    """The memories of the input and output streams."""
    inputs = tuple(
        InputBuffer(
            bits=bits,
            offset=-tensor.range.low,
            lanes=min(tensor.channels, shape.lanes),
            width=tensor.width,
            height=tensor.height,
            stride=layout.stride,
            phase_words=layout.phase_words,
            plane_words=layout.plane,
            chunks=layout.lanes.chunks,
            half_words=layout.words,
        )
        for tensor, bits, layout in zip(
            network.input_tensors, numbers.input_bits, program.inputs, strict=True
        )
    )
    outputs = tuple(
        output_buffer(network, output, rows, shape)
        for output, rows in zip(network.outputs, program.output_rows, strict=True)
    )
    return inputs, outputs
