"""The synthesisable part of a build: generated modules, module library, memory images, file list."""

from __future__ import annotations

from ternc.emit.engine import engine_view, image_path
from ternc.emit.env import render
from ternc.emit.links import buses
from ternc.emit.top import module_name, top_view
from ternc.resources import folder
from ternc.schedule.design import Design, Engine, Memory


def emit(design: Design) -> dict[str, bytes]:
    """Files of ``rtl/`` by path below it."""
    wires = buses(design)
    library = sorted(path for path in (folder("hw") / "rtl").glob("*.sv"))
    modules = {path.name: path.read_bytes() for path in library}
    for number in range(len(design.engines)):
        view = engine_view(design, number, wires)
        modules[f"{module_name(design, number)}.sv"] = render("rtl/engine.sv.j2", view)
    modules[f"{design.name}.sv"] = render("rtl/top.sv.j2", top_view(design, wires))
    images = {
        image_path(number, memory): hex_image(memory)
        for number, engine in enumerate(design.engines)
        for memory in _memories(engine)
    }
    return {**modules, "files.f": "".join(f"{name}\n" for name in modules).encode(), **images}


def _memories(engine: Engine) -> tuple[Memory, ...]:
    """All ROM images of an engine."""
    thresholds = (memory for column in engine.thresholds for memory in column)
    return (*engine.programs, *engine.places, *engine.weights, *engine.requant, *thresholds)


def hex_image(memory: Memory) -> bytes:
    """The text that $readmemh reads: one word a line."""
    digits = -(-memory.width_bits // 4)
    return "".join(f"{word:0{digits}x}\n" for word in memory.words).encode()
