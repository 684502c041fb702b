"""First estimates of what a design takes from a device. Not synthesis results.

Basis: Yosys counts of small prototypes of the ternary cell (docs/hardware.md, 'Costs'): a portable column of
two rows and 32 lanes took 9.8 ALM and 29 registers a MAC at 8-bit activations; the gated cell alone 8.2-8.9,
4.8 and 2.9 ALM at 8, 4 and 2 bits, i.e. about A + 0.9; 12.6 LUT6 and 18.2 LUT4 at 8 bits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

from ternc.errors import ScheduleError
from ternc.numeric import ceil_div, clog2
from ternc.schedule.design import ArrayShape, BankedMemory, Resources
from ternc.schedule.lines import Lines
from ternc.schedule.placement import feature_memory, inner_layouts
from ternc.schedule.plan import Numbers, StagePlan, StagePlanner
from ternc.schedule.ports import differences, output_bits
from ternc.target.device import Device

LOGIC_FACTOR = {"ALM": 1.0, "LUT6": 12.6 / 8.8, "LUT4": 18.2 / 8.8}
"""Cost of the cell in other fabrics relative to the ALM, from the same prototypes at 8 bits."""

CONTROL_ALMS = 500
"""Sequencer and collector of an engine."""
PORT_ALMS = 60
"""An input or an output port, or the bookkeeping of a circular buffer."""
DOUBLING_ALMS = 4
"""Of an accumulator that can be doubled first."""


def logic_alms(shape: ArrayShape, numbers: Numbers, memories: Sequence[BankedMemory]) -> float:
    """Estimated logic of one engine that reads some memories, in ALMs."""
    cells = shape.macs * (numbers.act_bits + 1.8)
    if numbers.digits:  # a choice between an accumulator and its double
        cells += shape.rows * shape.cols * DOUBLING_ALMS
    alms = CONTROL_ALMS + cells
    for memory in memories:
        turn = clog2(shape.rows) + clog2(memory.parts)
        alms += shape.rows * memory.lanes * memory.bits * turn / 2
        if memory.cols % memory.lanes and memory.lanes % memory.cols:  # vectors are rotated into place
            alms += memory.pieces * memory.piece * memory.bits * clog2(memory.pieces) / 2
    if len(memories) > 1:
        alms += shape.rows * shape.lanes * numbers.act_bits * (len(memories) - 1) / 2
    requantiser = 46.5 + 12.0 * numbers.widths.threshold_levels
    return alms + shape.cols * requantiser + PORT_ALMS * len(memories)


def register_count(shape: ArrayShape, numbers: Numbers) -> int:
    """Estimated flip-flops: 29 a MAC at 8 bits, the columns' alignment, the control."""
    cells = shape.macs * 29 * numbers.act_bits / 8
    alignment = shape.cols * shape.cols / 2 * numbers.value_bits
    return ceil(cells + alignment + shape.cols * 120 + 1500)


def product_blocks(one: int, other: int, device: Device) -> int:
    """Multiplier blocks of one signed product of such widths."""
    a, b = device.dsp.operand_bits
    return min(ceil_div(one, a) * ceil_div(other, b), ceil_div(one, b) * ceil_div(other, a))


def dsp_count(shape: ArrayShape, numbers: Numbers, acc_bits: int, device: Device) -> int:
    """Multiplier blocks: one product of accumulator and multiplier per column; none where one side is tiny."""
    if numbers.widths.mul_bits <= 2:
        return 0
    return shape.cols * product_blocks(acc_bits + 1, numbers.widths.mul_bits, device)


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryShape:
    """One kind of RAM or ROM in the design and how many copies of it there are."""

    name: str
    depth_words: int
    width_bits: int
    copies: int


def banks(name: str, memory: BankedMemory, rows: int) -> MemoryShape:
    """The RAMs of a banked memory."""
    return MemoryShape(
        name=name,
        depth_words=memory.depth_words,
        width_bits=memory.piece * memory.bits,
        copies=rows * memory.pieces,
    )


def engine_memories(planner: StagePlanner, plan: StagePlan) -> list[MemoryShape]:
    """Every memory of an engine of more than a few words, but for its line buffers and its program."""
    numbers, shape = planner.numbers, plan.shape
    requant_bits = planner.nominal_sums.add_bits + numbers.widths.mul_bits + numbers.widths.code_bits + 3
    found = [
        MemoryShape(
            name="weights", depth_words=sum(plan.weight_words), width_bits=2 * shape.lanes, copies=shape.cols
        )
    ]
    if planner.stage.inner:
        places = inner_layouts(planner.stage, planner.walks, shape).values()
        depth = max(layout.base + layout.words for layout in places)
        found.append(banks("features", feature_memory(planner.stage, shape, depth), shape.rows))
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
    return found


def line_memories(lines: Lines, n: int) -> list[BankedMemory]:
    """The line buffers of engine n."""
    found = []
    for tensor, layout in lines.layouts(n).items():
        memory = lines.buffer_memory(n, tensor)
        found.append(
            BankedMemory(cols=memory.cols, lanes=memory.lanes, bits=memory.bits, depth_words=layout.words)
        )
    return found


def output_memories(lines: Lines) -> list[MemoryShape]:
    """The circular buffers of the outputs."""
    found = []
    for n, output in enumerate(lines.network.outputs):
        tensor, rows = lines.network.tensor(output.tensor), lines.output_rows(n)
        cols = next(
            plan.shape.cols
            for planner, plan in zip(lines.planners, lines.plans, strict=True)
            if any(made.name == tensor.name for made in planner.stage.made)
        )
        found.append(
            MemoryShape(
                name="output",
                depth_words=rows.capacity * tensor.width * ceil_div(tensor.channels, cols),
                width_bits=cols * output_bits(lines.network, output),
                copies=1,
            )
        )
    return found


SMALL_MEMORY_BITS = 1024
"""Below this a memory is assumed to be built from logic (about 64 bits a unit), not from a block."""


@dataclass(slots=True, kw_only=True)
class _Count:
    logic: float = 0.0
    registers: int = 0
    block_rams: int = 0
    dsps: int = 0

    def memory(self, memory: MemoryShape, device: Device) -> None:
        """Add one kind of memory."""
        if memory.depth_words * memory.width_bits <= SMALL_MEMORY_BITS:
            self.logic += memory.copies * ceil_div(memory.depth_words, 64) * memory.width_bits
        else:
            self.block_rams += memory.copies * device.block_ram.blocks(
                depth_words=memory.depth_words, width_bits=memory.width_bits
            )


def resources(lines: Lines, device: Device) -> Resources:
    """The estimate for a whole design on one device."""
    factor, found = LOGIC_FACTOR[device.logic.unit], _Count()
    for n, (planner, plan) in enumerate(zip(lines.planners, lines.plans, strict=True)):
        read = line_memories(lines, n)
        inner = [feature_memory(planner.stage, plan.shape)] if planner.stage.inner else []
        found.logic += factor * logic_alms(plan.shape, planner.numbers, [*read, *inner])
        found.registers += register_count(plan.shape, planner.numbers)
        found.dsps += dsp_count(plan.shape, planner.numbers, planner.nominal_sums.acc_bits, device)
        for memory in engine_memories(planner, plan):
            found.memory(memory, device)
        for banked in read:
            found.memory(banks("lines", banked, plan.shape.rows), device)
    for memory in output_memories(lines):
        found.memory(memory, device)
    found.logic += factor * PORT_ALMS * (len(lines.network.inputs) + len(lines.network.leaving))
    if lines.network.anomaly is not None:
        found.dsps += score_blocks(lines, device)
    return Resources(
        logic=ceil(found.logic),
        registers=found.registers,
        block_rams=found.block_rams,
        dsps=found.dsps,
    )


def score_blocks(lines: Lines, device: Device) -> int:
    """Multiplier blocks of the anomaly's squares: one for each column."""
    anomaly, bits = lines.network.anomaly, differences(lines.network).bits
    if anomaly is None or anomaly.measure != "squares" or bits <= 2:
        return 0
    cols = next(
        plan.shape.cols
        for planner, plan in zip(lines.planners, lines.plans, strict=True)
        if planner.stage.scored
    )
    return cols * product_blocks(bits, bits, device)


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


def require_fit(need: Resources, device: Device, budget: float, shapes: Sequence[ArrayShape]) -> None:
    """ScheduleError if the design does not fit."""
    lacking = shortage(need, device, budget)
    if lacking:
        arrays = f"an array of {shapes[0]}" if len(shapes) == 1 else f"arrays of {', '.join(map(str, shapes))}"
        raise ScheduleError(
            f"target '{device.name}': {arrays} would need an estimated {lacking}",
            help="choose a larger --target, raise --budget, or ask for less with --array",
        )
