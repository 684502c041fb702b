"""The memories of a design as the generated modules name them."""

from __future__ import annotations

from dataclasses import dataclass

from ternc.schedule.design import Design, Memory
from ternc.schedule.loading import BUS_BITS, load_width, memories


@dataclass(frozen=True, slots=True, kw_only=True)
class RomView:
    """A memory image: where the module finds it, and its words.

    Attributes:
        number: Its number on the load bus.
        load_width: Bits of data there; 0 where the design is not reloadable.
    """

    file: str
    depth: int
    number: int
    load_width: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Roms:
    """All memories of a design by the name of their image."""

    views: dict[str, RomView]
    load_width: int

    @property
    def load_bits(self) -> int:
        """Width of the load bus (ternc_rom)."""
        return BUS_BITS + self.load_width

    def of(self, number: int, memory: Memory) -> RomView:
        """A memory of engine ``number``."""
        return self.views[f"e{number}_{memory.name}"]


def rom_views(design: Design) -> Roms:
    """Of a design."""
    width = load_width(design)
    views = {
        one.file: RomView(
            file=f"mem/{one.file}.mem", depth=one.depth_words, number=one.number, load_width=width
        )
        for one in memories(design)
    }
    return Roms(views=views, load_width=width)
