"""Network to Design: the one sequence of the schedule stage."""

from __future__ import annotations

from ternc.errors import InternalError
from ternc.network.analysis import accumulator_range, density, hull, macs
from ternc.network.layers import Network
from ternc.numeric import address_bits, clog2, range_bits, signed_bits, unsigned_bits
from ternc.schedule.costs import resources
from ternc.schedule.design import Design, Engine, Geometry, LayerSchedule, Memory
from ternc.schedule.images import pack_word, requant_images, threshold_images, weight_images
from ternc.schedule.plan import Numbers, Plan, Planner, input_port, output_port
from ternc.schedule.program import Program, assemble
from ternc.schedule.search import Progress, Wish, choose
from ternc.schedule.timing import dot_latency, drain_period, flush_cycles, requant_latency
from ternc.target.device import Device


def schedule(network: Network, device: Device, wish: Wish, progress: Progress | None = None) -> Design:
    """The design for ``network`` on ``device`` (Raises ScheduleError when none fits)."""
    planner = Planner(network)
    plan = choose(planner, device, wish, progress)
    program = assemble(network, plan.shape)
    geometry = engine_geometry(network, planner.numbers, plan, program)
    for layer, cycles in zip(program.layers, plan.layer_cycles, strict=True):
        if layer.cycles + geometry.flush_cycles + 1 != cycles:
            raise InternalError("schedule", "the program takes other cycles than the plan says")
    source = [network.tensor(layer.source) for layer in network.layers]
    total_macs = sum(macs(layer, tensor) for layer, tensor in zip(network.layers, source, strict=True))
    engine = Engine(
        geometry=geometry,
        layers=layer_schedules(network, planner.numbers, plan, program),
        programs=program_images(program, geometry),
        weights=weight_images(program.weights, plan.shape),
        requant=requant_images(planner.numbers.requant, planner.numbers.widths, plan.shape),
        thresholds=threshold_images(
            planner.numbers.requant, geometry.threshold_levels, geometry.acc_bits, plan.shape
        ),
    )
    return Design(
        name=network.name,
        device=device.name,
        clock_mhz=wish.clock_mhz,
        engines=(engine,),
        input_port=input_port(network, planner.numbers, plan.shape),
        output_port=output_port(network, planner.numbers, plan.shape),
        cycles_per_frame=plan.timing.cycles_per_frame,
        latency_cycles=plan.timing.latency_cycles,
        macs_per_frame=total_macs,
        resources=resources(network, plan, planner.numbers, device),
    )


def layer_schedules(
    network: Network, numbers: Numbers, plan: Plan, program: Program
) -> tuple[LayerSchedule, ...]:
    """What each layer costs."""
    found = []
    for n, layer in enumerate(network.layers):
        source = network.tensor(layer.source)
        accumulator = hull(accumulator_range(layer, source))
        count = macs(layer, source)
        found.append(
            LayerSchedule(
                name=layer.name,
                kind=layer.kind,
                macs=count,
                density=density(layer),
                cycles=plan.layer_cycles[n],
                utilisation=count / (plan.layer_cycles[n] * plan.shape.macs),
                weight_bits=program.weight_words[n] * plan.shape.cols * plan.shape.lanes * 2,
                activation_bits=range_bits(source.range.low, source.range.high),
                accumulator_bits=signed_bits(accumulator.low, accumulator.high),
                requantiser=numbers.requant[n].form,
            )
        )
    return tuple(found)


def engine_geometry(network: Network, numbers: Numbers, plan: Plan, program: Program) -> Geometry:
    """Every parameter of the engine's modules."""
    shape, widths = plan.shape, numbers.widths
    last = network.tensors[-1]
    taps, layout = program.taps, program.input_layout
    furthest = max(
        max(abs(tap.q) for tap in taps),
        max(tap.limit for tap in taps),
        max(layer.groups for layer in program.layers) * shape.rows,
    )
    tallest = max(
        max(abs(tap.dy) for tap in taps) + max(layer.rows * layer.y_stride for layer in program.layers),
        max(layer.height for layer in program.layers),
    )
    read_words = max(2 * program.input_words, program.feature_words)
    write_words = max(program.feature_words, program.output_words)
    slices = max(1, shape.lanes // shape.cols)
    return Geometry(
        shape=shape,
        act_bits=numbers.act_bits,
        acc_bits=max(numbers.acc_bits, numbers.act_bits + clog2(shape.lanes)),
        drain_period=drain_period(shape),
        slices=slices,
        slice_lanes=shape.cols if shape.cols <= shape.lanes else shape.lanes,
        input_bits=numbers.input_bits,
        input_offset=-network.input.range.low,
        input_lanes=min(network.input.channels, shape.lanes),
        input_stride=layout.stride,
        input_phase_words=layout.phase_words,
        input_plane_words=layout.plane,
        input_chunks=layout.lanes.chunks,
        input_half_words=program.input_words,
        feature_bits=numbers.feature_bits,
        feature_words=program.feature_words,
        output_half_words=program.output_words,
        output_offset=0 if network.layers[-1].activation is None or network.output.argmax else last.range.low,
        output_channels=last.channels,
        out_bits=numbers.out_bits,
        value_bits=numbers.value_bits,
        mul_bits=widths.mul_bits,
        add_bits=widths.add_bits,
        shift=widths.shift,
        code_bits=widths.code_bits,
        threshold_levels=widths.threshold_levels,
        params=program.params,
        rd_bits=address_bits(read_words),
        wr_bits=address_bits(write_words),
        x_bits=signed_bits(-2 * furthest, 2 * furthest),
        y_bits=signed_bits(-2 * tallest, 2 * tallest),
        count_bits=unsigned_bits(max(max(p.interval, p.tap_count) for p in program.passes)),
        dot_latency=dot_latency(shape.lanes),
        requant_latency=requant_latency(widths.threshold_levels),
        flush_cycles=flush_cycles(shape, widths.threshold_levels),
        argmax=network.output.argmax,
    )


def program_images(program: Program, geometry: Geometry) -> tuple[Memory, ...]:
    """The sequencer's and collector's ROMs; field order as in hw/rtl/ternc_sequencer.sv, lowest bit first."""
    g = geometry
    wrap, write_wrap = (1 << g.rd_bits) - 1, (1 << g.wr_bits) - 1
    pass_bits, tap_bits = address_bits(len(program.passes)), address_bits(len(program.taps))
    xmap_bits = address_bits(len(program.xmap))
    weight_bits, param_bits = address_bits(len(program.weights)), address_bits(g.params)
    slice_bits, bank_bits = address_bits(g.slices), address_bits(g.shape.rows)
    layers = [
        (
            (layer.pass_start, pass_bits),
            (layer.pass_count, pass_bits + 1),
            (layer.groups, g.x_bits),
            (layer.rows, g.y_bits),
            (layer.y_step & wrap, g.rd_bits),
            (layer.y_stride, g.y_bits),
            (layer.row_step & write_wrap, g.wr_bits),
            (layer.plane & write_wrap, g.wr_bits),
            (layer.height, g.y_bits),
            (layer.pad, g.act_bits),
            (layer.from_input, 1),
            (layer.to_output, 1),
            (layer.wait_input, 1),
            (layer.release_input, 1),
            (layer.wait_output, 1),
            (layer.finish_output, 1),
            (layer.last_layer, 1),
        )
        for layer in program.layers
    ]
    passes = [
        (
            (p.tap, tap_bits),
            (p.tap_count, g.count_bits),
            (p.interval, g.count_bits),
            (p.weight, weight_bits),
            (p.param, param_bits),
            (p.write, g.wr_bits),
            (p.xmap, xmap_bits),
            (p.slice, slice_bits),
            (p.first_window, 1),
            (p.last_window, 1),
        )
        for p in program.passes
    ]
    taps = [
        (
            (tap.offset & wrap, g.rd_bits),
            (tap.rot, bank_bits),
            (tap.q, g.x_bits),
            (tap.limit, g.x_bits),
            (tap.dy, g.y_bits),
        )
        for tap in program.taps
    ]
    xmap = [((place.offset, g.wr_bits), (place.bank, bank_bits), (place.valid, 1)) for place in program.xmap]
    return tuple(
        Memory(
            name=name,
            width_bits=sum(width for _, width in fields[0]),
            words=tuple(pack_word(word) for word in fields),
        )
        for name, fields in (("layers", layers), ("passes", passes), ("taps", taps), ("xmap", xmap))
    )
