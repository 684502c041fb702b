"""The synthesisable part of a build: generated top, module library, memory images, file list."""

from __future__ import annotations

from ternc.emit.env import render
from ternc.emit.top import top_view
from ternc.resources import folder
from ternc.schedule.design import Design, Memory


def emit(design: Design) -> dict[str, bytes]:
    """Files of ``rtl/`` by path below it."""
    (engine,) = design.engines
    library = sorted(path for path in (folder("hw") / "rtl").glob("*.sv"))
    files = {path.name: path.read_bytes() for path in library}
    files[f"{design.name}.sv"] = render("rtl/top.sv.j2", top_view(design, engine))
    files["files.f"] = "".join(
        f"{name}\n" for name in [path.name for path in library] + [f"{design.name}.sv"]
    ).encode()
    images = [
        *engine.programs,
        *engine.weights,
        *engine.requant,
        *(m for column in engine.thresholds for m in column),
    ]
    for memory in images:
        files[f"mem/{memory.name}.hex"] = hex_image(memory)
    return files


def hex_image(memory: Memory) -> bytes:
    """The text that $readmemh reads: one word a line."""
    digits = -(-memory.width_bits // 4)
    return "".join(f"{word:0{digits}x}\n" for word in memory.words).encode()
