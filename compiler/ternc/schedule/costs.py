"""First estimates of what a design takes from a device. Not synthesis results.

Basis: Yosys counts of small prototypes of the ternary cell (docs/hardware.md, 'Costs'): a portable column of
two rows and 32 lanes took 9.8 ALM and 29 registers a MAC at 8-bit activations; the gated cell alone 8.2-8.9,
4.8 and 2.9 ALM at 8, 4 and 2 bits, i.e. about A + 0.9; 12.6 LUT6 and 18.2 LUT4 at 8 bits. Memories and registers are
those that the modules instantiate (`ternc.schedule.instances`), before any tool moves or merges one.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil

from ternc.numeric import ceil_div, clog2
from ternc.schedule.design import ArrayShape, BankedMemory, Geometry, MemoryUse, Resources
from ternc.schedule.draft import Draft
from ternc.schedule.instances import MemoryShape, memories, registers
from ternc.schedule.plan import Numbers
from ternc.target.device import Device

LOGIC_FACTOR = {"ALM": 1.0, "LUT6": 12.6 / 8.8, "LUT4": 18.2 / 8.8}
"""Cost of the cell in other fabrics relative to the ALM, from the same prototypes at 8 bits."""

CONTROL_ALMS = 500
"""Sequencer and collector of an engine."""
PORT_ALMS = 60
"""An input or an output port, or the bookkeeping of a circular buffer."""
DOUBLING_ALMS = 4
"""Of an accumulator that can be doubled first."""
SMALL_MEMORY_BITS = 1024
"""Up to this a memory is assumed to be built from logic, not from a block."""
SHALLOW_WORDS = 64
"""Up to this a memory may be built from logic."""
MEMORY_BITS = {"ALM": 64, "LUT6": 64, "LUT4": 16}
"""Words of one bit that a unit of logic holds."""


def engine_logic(numbers: Numbers, g: Geometry) -> float:
    """Estimated logic of one engine, in ALMs, without memories that are built from logic."""
    read = [*(buffer.memory for buffer in g.buffers), *([g.features] if g.features else [])]
    return logic_alms(g.shape, numbers, read)


def logic_alms(shape: ArrayShape, numbers: Numbers, read: Sequence[BankedMemory]) -> float:
    """Estimated logic of one engine that reads some memories, in ALMs."""
    cells = shape.macs * (numbers.act_bits + 1.8)
    if numbers.digits:  # a choice between an accumulator and its double
        cells += shape.rows * shape.cols * DOUBLING_ALMS
    alms = CONTROL_ALMS + cells
    for memory in read:
        turn = clog2(shape.rows) + clog2(memory.parts)
        alms += shape.rows * memory.lanes * memory.bits * turn / 2
        if memory.cols % memory.lanes and memory.lanes % memory.cols:  # vectors are rotated into place
            alms += memory.pieces * memory.piece * memory.bits * clog2(memory.pieces) / 2
    if len(read) > 1:
        alms += shape.rows * shape.lanes * numbers.act_bits * (len(read) - 1) / 2
    requantiser = 46.5 + 12.0 * numbers.widths.threshold_levels
    alms += sum((memory.pixels - 1) * shape.rows * memory.cols * memory.bits / 2 for memory in read)
    return alms + shape.cols * shape.drain * requantiser + PORT_ALMS * len(read)


def product_blocks(one: int, other: int, device: Device) -> int:
    """Multiplier blocks of one signed product of such widths; none where one side is tiny."""
    if min(one, other) <= 2:
        return 0
    a, b = device.dsp.operand_bits
    return min(ceil_div(one, a) * ceil_div(other, b), ceil_div(one, b) * ceil_div(other, a))


def dsp_count(made: Draft, device: Device) -> int:
    """Multiplier blocks: a sequencer's two, a product of accumulator and multiplier a column, a square a column."""
    found = 0
    for engine in made.engines:
        g = engine.geometry
        found += g.shape.cols * g.shape.drain * product_blocks(g.acc_bits + 1, g.mul_bits, device)
        found += product_blocks(g.y_bits, g.y_bits, device) + product_blocks(g.rd_bits, g.rd_bits, device)
    if made.score and made.score.squares:
        bits = made.score.value_bits
        found += made.score.cols * product_blocks(bits, bits, device)
    return found


def resources(made: Draft, device: Device) -> Resources:
    """The estimate for a whole design on one device: its memories and registers are those that it instantiates."""
    lines, factor = made.lines, LOGIC_FACTOR[device.logic.unit]
    logic = factor * PORT_ALMS * (len(made.streams) + len(lines.network.leaving))
    for planner, engine in zip(lines.planners, made.engines, strict=True):
        logic += factor * engine_logic(planner.numbers, engine.geometry)
    flip_flops, used = sum(registers(made, device.cell.form).values()), []
    for memory in memories(made):
        blocks = block_count(memory, device)
        if not blocks:
            logic += distributed_units(memory, device)
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
        logic=ceil(logic),
        registers=flip_flops,
        block_rams=sum(memory.block_rams for memory in used),
        dsps=dsp_count(made, device),
        memories=tuple(used),
    )


def distributed_units(memory: MemoryShape, device: Device) -> int:
    """Units of logic that hold all copies of a memory."""
    return memory.copies * ceil_div(memory.depth_words, MEMORY_BITS[device.logic.unit]) * memory.width_bits


def block_count(memory: MemoryShape, device: Device) -> int:
    """Memory blocks of all copies of a memory; 0 where it is built from logic.

    It is where it has to be (queues, pools), where it has no more than `SMALL_MEMORY_BITS`, and where it is no deeper
    than `SHALLOW_WORDS` and takes a smaller share of the device's logic than of its blocks.
    """
    if memory.in_logic or memory.depth_words * memory.width_bits <= SMALL_MEMORY_BITS:
        return 0
    blocks = memory.copies * device.block_ram.blocks(
        depth_words=memory.depth_words, width_bits=memory.width_bits
    )
    share = distributed_units(memory, device) / device.logic.count
    if memory.depth_words <= SHALLOW_WORDS and share < blocks / device.block_ram.count:
        return 0
    return blocks
