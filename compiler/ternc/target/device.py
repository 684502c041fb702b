"""What a device offers, as plain numbers; each group says where its numbers come from."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Logic:
    """The device's own unit of logic.

    Attributes:
        unit: ``"ALM"``, ``"LUT6"``, ``"LUT4"`` ...
        count: How many the device has.
        source: Document that states it.
        fabric: What prices it (`ternc.target.fabric`), where that is not a fabric of the unit's name.
    """

    unit: str
    count: int
    source: str
    fabric: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """The array's cell.

    Attributes:
        form: ``"portable"``, ``"alm"``, ``"lut6"`` or ``"ccu2c"``: whose adders hold the ternary gates
            (docs/hardware.md).
        source: Why this one.
    """

    form: str
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Registers:
    """Flip-flops in the fabric."""

    count: int
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockRam:
    """One kind of memory block.

    Attributes:
        name: The vendor's name for it.
        count: Blocks in the device.
        bits: Capacity of one block.
        shapes: ``(depth_words, width_bits)`` that one block can take with one write and one read port,
            widest first; each holds at most ``bits``.
        source: Document that states them.
    """

    name: str
    count: int
    bits: int
    shapes: tuple[tuple[int, int], ...]
    source: str

    def blocks(self, *, depth_words: int, width_bits: int) -> int:
        """Blocks that a memory of this shape takes, in the best of the block's shapes.

        Args:
            depth_words: At least 1.
            width_bits: At least 1.
        """
        return min(-(-depth_words // depth) * -(-width_bits // width) for depth, width in self.shapes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dsp:
    """Hard multipliers.

    Attributes:
        name: The vendor's name for the block.
        count: Blocks in the device.
        operand_bits: Widths of the largest signed product that one block computes alone.
        source: Document that states them.
    """

    name: str
    count: int
    operand_bits: tuple[int, int]
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What to ask the vendor's tools for.

    Attributes:
        code: The whole order code: device, package, speed grade, temperature.
        source: Document that states it.
    """

    code: str
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """The clock assumed when the user names none: a plan, not a timing result."""

    mhz: float
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """A board with a device of the table.

    Attributes:
        name: What ``--target`` takes.
        device: Name of its device.
        part: The order code of the device on it.
        oscillator_mhz: What the board gives the logic without a PLL.
        source: Document that states both.
    """

    name: str
    title: str
    device: str
    part: str
    oscillator_mhz: float
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """One row of the device table.

    Attributes:
        name: What ``--target`` takes.
        title: What a person calls it.
        vendor, family: As the vendor's tools spell them.
        block_rams: The preferred kind first; at least one.
    """

    name: str
    title: str
    vendor: str
    family: str
    order: Order
    logic: Logic
    cell: Cell
    registers: Registers
    block_rams: tuple[BlockRam, ...]
    dsp: Dsp
    clock: Clock

    @property
    def fabric(self) -> str:
        """What prices its logic: `load_fabric` takes it."""
        return self.logic.fabric or self.logic.unit

    @property
    def block_ram(self) -> BlockRam:
        """The preferred kind of memory block."""
        return self.block_rams[0]
