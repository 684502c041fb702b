"""First estimates of what a design takes from a device. Not synthesis results.

Basis: Yosys counts of small prototypes of the ternary cell (docs/hardware.md, 'Costs'): a portable column of
two rows and 32 lanes took 9.8 ALM and 29 registers a MAC at 8-bit activations; the gated cell alone 8.2-8.9,
4.8 and 2.9 ALM at 8, 4 and 2 bits, i.e. about A + 0.9; 12.6 LUT6 and 18.2 LUT4 at 8 bits. Memories and registers are
those that the modules instantiate (`ternc.schedule.instances`), before any tool moves or merges one.
"""

from __future__ import annotations

from math import ceil

from ternc.errors import ScheduleError
from ternc.numeric import ceil_div, clog2
from ternc.schedule.design import ArrayShape, Geometry, MemoryUse, Resources
from ternc.schedule.draft import Draft
from ternc.schedule.instances import MemoryShape, array_registers, memories, registers
from ternc.schedule.placement import inner_tensors, layouts
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
SMALL_MEMORY_BITS = 1024
"""Up to this a memory is assumed to be built from logic, not from a block."""
MEMORY_BITS = {"ALM": 64, "LUT6": 64, "LUT4": 16}
"""Words of one bit that a unit of logic holds."""


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


def dsp_count(g: Geometry, device: Device) -> int:
    """Multiplier blocks: the sequencer's two; in each column a product of accumulator and multiplier, a square.

    None for products where one side is tiny.
    """

    def blocks(one: int, other: int) -> int:
        if min(one, other) <= 2:
            return 0
        a, b = device.dsp.operand_bits
        return min(ceil_div(one, a) * ceil_div(other, b), ceil_div(one, b) * ceil_div(other, a))

    scaling = blocks(g.acc_bits + 1, g.mul_bits)
    measure = blocks(g.score.value_bits, g.score.value_bits) if g.score and g.score.squares else 0
    return g.shape.cols * (scaling + measure) + blocks(g.y_bits, g.rd_bits) + blocks(g.y_bits, g.y_bits)


def resources(made: Draft, numbers: Numbers, device: Device) -> Resources:
    """The estimate for a design on a device: its memories and registers are those that it instantiates."""
    g = made.geometry
    logic = logic_units(g.shape, numbers, device)
    flip_flops = sum(registers(g, made.depths).values())
    used = []
    for memory in memories(g, made.depths):
        blocks = _blocks(memory, device)
        if not blocks:
            columns = ceil_div(memory.depth_words, MEMORY_BITS[device.logic.unit]) * memory.width_bits
            logic += memory.copies * columns
            flip_flops += memory.copies * memory.read_registers * memory.width_bits
        used.append(
            MemoryUse(
                name=memory.name,
                depth_words=memory.depth_words,
                width_bits=memory.width_bits,
                copies=memory.copies,
                block_rams=blocks,
            )
        )
    return Resources(
        logic=logic,
        registers=flip_flops,
        block_rams=sum(memory.block_rams for memory in used),
        dsps=dsp_count(g, device),
        memories=tuple(used),
    )


def _blocks(memory: MemoryShape, device: Device) -> int:
    """Memory blocks of all its copies; 0 where it is built from logic."""
    if memory.in_logic or memory.depth_words * memory.width_bits <= SMALL_MEMORY_BITS:
        return 0
    return memory.copies * device.block_ram.blocks(
        depth_words=memory.depth_words, width_bits=memory.width_bits
    )


def least_resources(planner: Planner, plan: Plan, device: Device) -> Resources:
    """At most `resources`, known without a program: the array, and the memories that hold most."""
    network, numbers, shape = planner.network, planner.numbers, plan.shape
    places = layouts(network, planner.walks, shape)
    features = max((places[t.name].base + places[t.name].words for t in inner_tensors(network)), default=1)
    slices = max(1, shape.lanes // shape.cols)
    feature_bits = min(shape.cols, shape.lanes) * numbers.feature_bits
    large = (
        (sum(plan.weight_words), 2 * shape.lanes, shape.cols),
        (features, feature_bits, shape.rows * slices),
    )
    shapes = (
        MemoryShape(name="", depth_words=depth, width_bits=width, copies=copies)
        for depth, width, copies in large
    )
    return Resources(
        logic=logic_units(shape, numbers, device),
        registers=array_registers(shape, numbers.act_bits),
        block_rams=sum(_blocks(one, device) for one in shapes),
        dsps=0,
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
