"""First estimates of what a design takes from a device. Not synthesis results.

Basis: Yosys counts of small prototypes of the ternary cell (docs/hardware.md, 'Costs'): a portable column of
two rows and 32 lanes took 9.8 ALM and 29 registers a MAC at 8-bit activations; the gated cell alone 8.2-8.9,
4.8 and 2.9 ALM at 8, 4 and 2 bits, i.e. about A + 0.9; 12.6 LUT6 and 18.2 LUT4 at 8 bits.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

from ternc.errors import ScheduleError
from ternc.numeric import ceil_div, clog2
from ternc.schedule.design import ArrayShape, Resources
from ternc.schedule.placement import inner_tensors, layouts, output_pitch
from ternc.schedule.plan import Numbers, Plan, Planner
from ternc.target.device import Device

LOGIC_FACTOR = {"ALM": 1.0, "LUT6": 12.6 / 8.8, "LUT4": 18.2 / 8.8}
"""Cost of the cell in other fabrics relative to the ALM, from the same prototypes at 8 bits."""

CONTROL_ALMS = 600
"""Sequencer, collector, one input and one output port."""
PORT_ALMS = 60
"""Every further port."""
DOUBLING_ALMS = 4
"""Of an accumulator that can be doubled first."""
TERM_BITS = 48
"""Of a word of the term ROM, about."""


def logic_units(shape: ArrayShape, numbers: Numbers, device: Device) -> int:
    """Estimated logic in the device's own unit."""
    cells = shape.macs * (numbers.act_bits + 1.8)
    if numbers.digits:  # a choice between an accumulator and its double
        cells += shape.rows * shape.cols * DOUBLING_ALMS
    rotators = shape.rows * shape.lanes * numbers.act_bits * clog2(shape.rows) / 2
    for channels, bits in zip(numbers.input_channels[1:], numbers.input_bits[1:], strict=True):
        rotators += shape.rows * min(channels, shape.lanes) * bits * (clog2(shape.rows) + 1) / 2
    requantiser = 46.5 + 12.0 * numbers.widths.threshold_levels
    ends = PORT_ALMS * (len(numbers.input_bits) + len(numbers.output_bits) - 2)
    score = shape.cols * 2 * numbers.score.value_bits + numbers.score.score_bits if numbers.score else 0
    alms = CONTROL_ALMS + cells + rotators + shape.cols * requantiser + max(0, ends) + score
    return ceil(alms * LOGIC_FACTOR[device.logic.unit])


def register_count(shape: ArrayShape, numbers: Numbers) -> int:
    """Estimated flip-flops: 29 a MAC at 8 bits, the columns' alignment, the control."""
    cells = shape.macs * 29 * numbers.act_bits / 8
    alignment = shape.cols * shape.cols / 2 * numbers.value_bits
    return ceil(cells + alignment + shape.cols * 120 + 1500)


def dsp_count(shape: ArrayShape, numbers: Numbers, acc_bits: int, device: Device) -> int:
    """Multiplier blocks: one product of accumulator and multiplier per column, one square per column for a score.

    None for products where one side is tiny.
    """

    def blocks(one: int, other: int) -> int:
        a, b = device.dsp.operand_bits
        return min(ceil_div(one, a) * ceil_div(other, b), ceil_div(one, b) * ceil_div(other, a))

    scaling = 0 if numbers.widths.mul_bits <= 2 else blocks(acc_bits + 1, numbers.widths.mul_bits)
    squares = numbers.score is not None and numbers.score.squares and numbers.score.value_bits > 2
    measure = blocks(numbers.score.value_bits, numbers.score.value_bits) if numbers.score and squares else 0
    return shape.cols * (scaling + measure)


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryShape:
    """One kind of RAM or ROM in the design and how many copies of it there are."""

    name: str
    depth_words: int
    width_bits: int
    copies: int


def memories(planner: Planner, plan: Plan) -> tuple[MemoryShape, ...]:
    """Every memory of more than a few words, but for the tap program, whose sharing the images decide."""
    network, numbers, shape = planner.network, planner.numbers, plan.shape
    places = layouts(network, planner.walks, shape)
    feature = [places[tensor.name] for tensor in inner_tensors(network)]
    requant_bits = planner.nominal_sums.add_bits + numbers.widths.mul_bits + numbers.widths.code_bits + 3
    found = [
        MemoryShape(
            name="weights", depth_words=sum(plan.weight_words), width_bits=2 * shape.lanes, copies=shape.cols
        )
    ]
    found += [
        MemoryShape(
            name="input",
            depth_words=2 * places[tensor.name].words,
            width_bits=min(tensor.channels, shape.lanes) * bits,
            copies=shape.rows,
        )
        for tensor, bits in zip(network.input_tensors, numbers.input_bits, strict=True)
    ]
    if feature:
        found.append(
            MemoryShape(
                name="features",
                depth_words=max(layout.base + layout.words for layout in feature),
                width_bits=shape.lanes * numbers.feature_bits,
                copies=shape.rows,
            )
        )
    found += [
        MemoryShape(
            name="output",
            depth_words=2 * output_pitch(network.tensor(output.tensor), shape) * places[output.tensor].rows,
            width_bits=shape.cols * bits,
            copies=1,
        )
        for output, bits in zip(network.outputs, numbers.output_bits, strict=True)
    ]
    found.append(
        MemoryShape(name="requantisers", depth_words=plan.params, width_bits=requant_bits, copies=shape.cols)
    )
    found += [
        MemoryShape(
            name="thresholds",
            depth_words=plan.threshold_params << level,
            width_bits=planner.nominal_sums.acc_bits + 1,
            copies=shape.cols,
        )
        for level in range(numbers.widths.threshold_levels)
    ]
    if numbers.tables:
        found.append(
            MemoryShape(
                name="tables",
                depth_words=len(numbers.tables) << numbers.widths.code_bits,
                width_bits=numbers.widths.code_bits,
                copies=shape.cols,
            )
        )
    found.append(
        MemoryShape(
            name="terms",
            depth_words=sum(len(layer.terms) for layer in network.layers),
            width_bits=TERM_BITS,
            copies=1,
        )
    )
    return tuple(found)


SMALL_MEMORY_BITS = 1024
"""Below this a memory is assumed to be built from logic (about 64 bits a unit), not from a block."""


def resources(planner: Planner, plan: Plan, device: Device) -> Resources:
    """The estimate for one plan on one device."""
    numbers = planner.numbers
    logic = logic_units(plan.shape, numbers, device)
    blocks = 0
    for memory in memories(planner, plan):
        if memory.depth_words * memory.width_bits <= SMALL_MEMORY_BITS or memory.name == "terms":
            logic += memory.copies * ceil_div(memory.depth_words, 64) * memory.width_bits
        else:
            blocks += memory.copies * device.block_ram.blocks(
                depth_words=memory.depth_words, width_bits=memory.width_bits
            )
    return Resources(
        logic=logic,
        registers=register_count(plan.shape, numbers),
        block_rams=blocks,
        dsps=dsp_count(plan.shape, numbers, planner.nominal_sums.acc_bits, device),
    )


def shortage(need: Resources, device: Device, budget: float) -> str:
    """What is short, as the rest of a sentence ('3,104 M20K, the device has 2,713'); empty if all fits."""
    for count, have, unit in (
        (need.logic, device.logic.count, device.logic.unit),
        (need.block_rams, device.block_ram.count, device.block_ram.name),
        (need.registers, device.registers.count, "registers"),
        (need.dsps, device.dsp.count, device.dsp.name),
    ):
        if count > have * budget:
            share = f" of which the budget allows {int(have * budget):,}" if budget < 1 else ""
            return f"{count:,} {unit}, the device has {have:,}{share}"
    return ""


def require_fit(need: Resources, device: Device, budget: float, shape: ArrayShape) -> None:
    """ScheduleError if the design does not fit."""
    lacking = shortage(need, device, budget)
    if lacking:
        raise ScheduleError(
            f"target '{device.name}': an array of {shape} needs an estimated {lacking}",
            help="choose a larger --target, raise --budget, or ask for less with --array",
        )
