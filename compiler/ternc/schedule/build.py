"""Network to Design: the one sequence of the schedule stage."""

from __future__ import annotations

from ternc.errors import InternalError
from ternc.network.analysis import accumulator_range, density, hull, macs, sources
from ternc.network.layers import Network
from ternc.numeric import range_bits, signed_bits
from ternc.schedule.costs import resources
from ternc.schedule.design import Design, Engine, LayerSchedule
from ternc.schedule.images import requant_images, threshold_images, weight_images
from ternc.schedule.plan import Numbers, Plan, Planner
from ternc.schedule.ports import input_ports, output_ports
from ternc.schedule.search import Progress, Wish, choose
from ternc.schedule.sums import Sums
from ternc.schedule.words import program_images
from ternc.target.device import Device


def schedule(network: Network, device: Device, wish: Wish, progress: Progress | None = None) -> Design:
    """The design for ``network`` on ``device`` (Raises ScheduleError when none fits)."""
    planner = Planner(network)
    made = choose(planner, device, wish, progress)
    plan, program, sums, geometry = made.plan, made.program, made.sums, made.geometry
    numbers, shape = planner.numbers, plan.shape
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
        resources=resources(made, numbers, device),
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
