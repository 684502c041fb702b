"""The HLS form of a build, ``hls/``: one core, generated structure and ROMs, a thin wrapper for each tool."""

from __future__ import annotations

from ternc.emit.env import render
from ternc.emit.hls.engine import engine_view, roms_view
from ternc.emit.hls.links import ends
from ternc.emit.hls.top import top_view
from ternc.resources import folder
from ternc.schedule.design import Design


def emit(design: Design) -> dict[str, bytes]:
    """Files of ``hls/`` by path below it."""
    links = ends(design)
    view = top_view(design, links)
    templates, kit = folder("templates") / "hls", folder("sim")
    files = {f"core/{path.name}": path.read_bytes() for path in sorted((templates / "core").glob("*.h"))}
    files["design/links.h"] = render("hls/links.h.j2", view)
    files["design/ends.h"] = render("hls/ends.h.j2", view)
    for number, name in enumerate(view.engines):
        files[f"design/{name}.h"] = render("hls/engine.h.j2", engine_view(design, number, links))
        files[f"design/rom/{name}.h"] = render("hls/rom.h.j2", roms_view(design, number))
    for name in ("vitis", "catapult", "sycl"):
        for path in sorted((templates / name).iterdir()):
            if path.suffix == ".j2":
                files[f"{name}/{path.stem}"] = render(f"hls/{name}/{path.name}", view)
            else:
                files[f"{name}/{path.name}"] = path.read_bytes()
    files["csim/ports.h"] = render("hls/ports.h.j2", view)
    files |= {
        f"csim/{path.relative_to(kit / 'hls').as_posix()}": path.read_bytes()
        for path in sorted((kit / "hls").rglob("*"))
        if path.is_file()
    }
    files["csim/npy.h"] = (kit / "npy.h").read_bytes()
    return files
