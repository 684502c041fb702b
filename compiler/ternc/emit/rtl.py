"""The synthesisable part of a build: generated modules, module library, memory images, file list."""

from __future__ import annotations

from ternc.emit.engine import engine_view
from ternc.emit.env import render
from ternc.emit.links import buses
from ternc.emit.reload import structure
from ternc.emit.roms import rom_views
from ternc.emit.top import module_name, top_view
from ternc.resources import folder
from ternc.schedule.design import Design, Memory
from ternc.schedule.loading import memories


def emit(design: Design) -> dict[str, bytes]:
    """Files of ``rtl/`` by path below it."""
    modules = sources(design, structure_hash(design))
    images = {f"mem/{one.file}.mem": hex_image(one.memory, one.depth_words) for one in memories(design)}
    return {**modules, "files.f": "".join(f"{name}\n" for name in modules).encode(), **images}


def structure_hash(design: Design) -> int:
    """What an image must say about the hardware of a reloadable design, 128 bits; 0 of another design."""
    return structure(sources(design, 0)) if design.reloadable else 0


def sources(design: Design, stated: int) -> dict[str, bytes]:
    """The modules in compile order, by file name; ``stated`` is the structure's hash in them."""
    wires, roms = buses(design), rom_views(design)
    library = sorted(path for path in (folder("hw") / "rtl").glob("*.sv"))
    modules = {path.name: path.read_bytes() for path in library}
    for number in range(len(design.engines)):
        view = engine_view(design, number, wires, roms)
        modules[f"{module_name(design, number)}.sv"] = render("rtl/engine.sv.j2", view)
    top = top_view(design, wires, roms, stated)
    modules[f"{design.name}.sv"] = render("rtl/top.sv.j2", top)
    return modules


def hex_image(memory: Memory, depth_words: int = 0) -> bytes:
    """The text that $readmemh reads: one word a line, filled up with zeros to a number of words."""
    digits = -(-memory.width_bits // 4)
    words = memory.words + (0,) * (depth_words - len(memory.words))
    return "".join(f"{word:0{digits}x}\n" for word in words).encode()
