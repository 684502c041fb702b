"""What a design takes from a device: logic by a model of synthesis, the rest counted.

Logic is priced by module and term (`ternc.schedule.terms`, `ternc.target.fabric`; docs/hardware.md, 'Costs'). Memories
and registers are those that the modules instantiate (`ternc.schedule.instances`), before any tool moves or merges one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from math import ceil

from ternc.numeric import ceil_div
from ternc.schedule.design import ArrayShape, MemoryUse, Resources
from ternc.schedule.draft import Draft
from ternc.schedule.instances import MemoryShape, memories, registers
from ternc.schedule.terms import Number, column_terms, logic_terms, tree_bits, unpack_terms
from ternc.target import load_fabric
from ternc.target.device import Device

SMALL_MEMORY_BITS = 1024
"""Up to this a memory is assumed to be built from logic, not from a block."""
SHALLOW_WORDS = 64
"""Up to this a memory may be built from logic."""
MEMORY_BITS = {"ALM": 64, "LUT6": 64, "LUT4": 16, "CPE_LT": 4}
"""Words of one bit that a unit of logic holds."""


def cell_logic(device: Device) -> float:
    """Logic of an 8-bit multiply-accumulate, in columns of 4 rows and 32 lanes: a measure of devices."""
    form, rows, lanes, bits = device.cell.form, 4, 32, 8
    terms = column_terms(form, rows, 1, lanes, 1, tree_bits(lanes, bits), bits, 20, False)
    return float(load_fabric(device.fabric).logic({"ternc_column": terms})) / (rows * lanes)


def product_blocks(one: int, other: int, device: Device) -> int:
    """Multiplier blocks of one signed product of such widths; none where one side is tiny, or where there are none."""
    if min(one, other) <= 2 or not device.dsp.count:
        return 0
    a, b = device.dsp.operand_bits
    return min(ceil_div(one, a) * ceil_div(other, b), ceil_div(one, b) * ceil_div(other, a))


def product_logic(one: int, other: int, device: Device) -> float:
    """Logic of one signed product of such widths where the device has no multiplier blocks.

    That is GateMate, whose CPEs multiply two bits by two: nextpnr packs a ``CC_MULT`` of 8 x 8 to 24 x 18 bits into
    exactly so many halves of CPEs.
    """
    if device.dsp.count or min(one, other) <= 2:
        return 0.0
    wide, narrow = (bits + bits % 2 for bits in sorted((one, other), reverse=True))
    return wide * narrow / 2 + 2 * wide + 5.5 * narrow + 16


def dsp_count(made: Draft, device: Device) -> int:
    """Multiplier blocks of all products."""
    return sum(copies * product_blocks(one, other, device) for copies, one, other in _products(made))


def _products(made: Draft) -> Iterator[tuple[int, int, int]]:
    """Copies and widths: a sequencer's two, one of accumulator and multiplier a column, a square a column."""
    for engine in made.engines:
        g = engine.geometry
        yield g.shape.cols * g.shape.drain, g.acc_bits + 1, g.mul_bits
        yield 1, g.y_bits, g.y_bits
        yield 1, g.rd_bits, g.rd_bits
    if made.score and made.score.squares:
        yield made.score.cols, made.score.value_bits, made.score.value_bits


def resources(made: Draft, device: Device) -> Resources:
    """The estimate for a whole design on one device: its memories and registers are those that it instantiates."""
    logic = float(load_fabric(device.fabric).logic(logic_terms(made, device.cell.form)))
    logic += sum(copies * product_logic(one, other, device) for copies, one, other in _products(made))
    flip_flops, used = sum(registers(made, device.cell.form).values()), []
    for memory in memories(made):
        blocks = block_count(memory, device)
        if not blocks:
            # That of a memory in logic is part of its module's.
            logic += 0 if memory.in_logic else distributed_units(memory, device)
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


def worth_packing(shape: ArrayShape, depth_words: int, device: Device) -> bool:
    """Whether packed weights spare a larger share of the device's memory than their unpacking takes of its logic.

    Args:
        shape: The array.
        depth_words: Of its columns' weight memories.
    """
    plain, packed = (
        _weights_share(replace(shape, packed=form), depth_words, device) for form in (False, True)
    )
    return bool(packed + unpack_logic(shape.cols, shape.lanes, device) / device.logic.count < plain)


def unpack_logic(cols: Number, lanes: Number, device: Device) -> Number:
    """Logic that unpacks the weights of an array."""
    found: Number = load_fabric(device.fabric).logic({"ternc_unpack": unpack_terms(cols, lanes)})
    return found


def _weights_share(shape: ArrayShape, depth_words: int, device: Device) -> float:
    """Of the device, what an array's weight memories take."""
    memory = MemoryShape(
        name="weights", depth_words=depth_words, width_bits=shape.weight_bits, copies=shape.cols
    )
    blocks = block_count(memory, device)
    if blocks:
        return blocks / device.block_ram.count
    return distributed_units(memory, device) / device.logic.count
