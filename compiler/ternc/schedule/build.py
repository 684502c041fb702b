"""Network to Design: the one sequence of the schedule stage."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields

from ternc.network.analysis import accumulator_range, density, hull, macs, sources
from ternc.network.layers import Network
from ternc.numeric import range_bits, signed_bits
from ternc.schedule.choose import choose
from ternc.schedule.costs import resources
from ternc.schedule.design import Array, ArrayShape, Chip, Design, Engine, LayerSchedule, Outline
from ternc.schedule.draft import Draft
from ternc.schedule.images import requant_images, threshold_images, weight_images
from ternc.schedule.loading import check_loadable, memories
from ternc.schedule.ports import input_ports, output_ports
from ternc.schedule.program import weight_digits
from ternc.schedule.wish import Wish
from ternc.schedule.words import place_image, program_images
from ternc.target.device import Device

Progress = Callable[[int, int], None]


def schedule(network: Network, device: Device, wish: Wish, progress: Progress | None = None) -> Design:
    """The design for ``network`` on ``device``.

    Raises:
        ScheduleError: None fits, or none is fast enough.
    """
    return design_of(choose(network, device, wish, progress), device, wish.clock_mhz)


def design_of(made: Draft, device: Device, clock_mhz: float) -> Design:
    """The design of a finished schedule: programs and memory images.

    Raises:
        ScheduleError: It is reloadable, and an image cannot reach all of its memories.
    """
    plain = outline(made, device, clock_mhz)
    design = Design(
        **{field.name: getattr(plain, field.name) for field in fields(plain)},
        cell=device.cell.form,
        engines=tuple(engine(made, n) for n in range(len(made.engines))),
        streams=made.streams,
        buffers=made.outputs,
        score=made.score,
        reloadable=made.reloadable,
    )
    if design.reloadable:
        check_loadable(memories(design))
    return design


def outline(made: Draft, device: Device, clock_mhz: float) -> Outline:
    """The schedule alone."""
    lines, writers = made.lines, dict[str, ArrayShape]()
    network = lines.network
    for stage, shape in zip(lines.stages, lines.shapes, strict=True):
        writers.update({tensor.name: shape for tensor in stage.made})
    arrays = tuple(array(made, n) for n in range(len(made.engines)))
    return Outline(
        name=network.name,
        device=device.name,
        chip=Chip(vendor=device.vendor, family=device.family, part=device.order.code),
        clock_mhz=clock_mhz,
        arrays=arrays,
        inputs=input_ports(network, lines.elements, lines.pixels),
        outputs=output_ports(
            network, [writers[output.tensor].cols for output in network.outputs], made.score
        ),
        cycles_per_frame=lines.timing.cycles_per_frame,
        latency_cycles=lines.timing.latency_cycles,
        macs_per_frame=sum(layer.macs for one in arrays for layer in one.layers),
        resources=resources(made, device),
    )


def array(made: Draft, n: int) -> Array:
    """Engine n as the schedule sees it."""
    lines = made.lines
    planner, plan = lines.planners[n], lines.plans[n]
    return Array(
        shape=plan.shape,
        layers=layer_schedules(made, n),
        buffers=tuple((tensor.name, lines.buffer_rows(n, tensor.name)) for tensor in planner.stage.inputs),
    )


def engine(made: Draft, n: int) -> Engine:
    """Engine n with its program and images."""
    planner, own = made.lines.planners[n], made.engines[n]
    numbers, shape = planner.numbers, made.lines.plans[n].shape
    program, geometry, sums = own.program, own.geometry, own.sums
    return Engine(
        geometry=geometry,
        layers=tuple(layer.name for layer in planner.stage.layers),
        programs=program_images(program, geometry, numbers.tables),
        places=tuple(
            place_image(k, own.layouts[buffer.tensor], buffer) for k, buffer in enumerate(geometry.buffers)
        ),
        weights=weight_images(weight_digits(planner, shape, program), shape),
        requant=requant_images(numbers.requant, sums, geometry),
        thresholds=threshold_images(
            numbers.requant, sums, geometry.threshold_levels, geometry.acc_bits, shape
        ),
    )


def layer_schedules(made: Draft, n: int) -> tuple[LayerSchedule, ...]:
    """What each layer of an engine costs."""
    planner, plan, sums = made.lines.planners[n], made.lines.plans[n], made.engines[n].sums
    network, found = made.lines.network, list[LayerSchedule]()
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
                weight_bits=plan.weight_words[k] * plan.shape.cols * plan.shape.weight_bits,
                activation_bits=max(range_bits(tensor.range.low, tensor.range.high) for tensor in read),
                accumulator_bits=signed_bits(accumulator.low, accumulator.high),
                requantiser=planner.numbers.requant[k].form,
            )
        )
    return tuple(found)
