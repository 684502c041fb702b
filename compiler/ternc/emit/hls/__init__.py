"""The HLS form of a build, ``hls/``: one core, generated structure and ROMs, a thin wrapper for each tool."""

from __future__ import annotations

from pathlib import Path

from ternc.dialects import DIALECTS, Dialect
from ternc.emit.env import render
from ternc.emit.hls.engine import engine_view, roms_view
from ternc.emit.hls.links import ends
from ternc.emit.hls.top import TopView, top_view
from ternc.errors import ScheduleError
from ternc.resources import folder
from ternc.schedule.design import Design, Engine

_SHARED = {
    "README.md": "hls/README.md.j2",
    "Makefile": "hls/Makefile.j2",
    "design/links.h": "hls/links.h.j2",
    "design/ends.h": "hls/ends.h.j2",
    "csim/ports.h": "hls/ports.h.j2",
}


def emit(
    design: Design, dialects: tuple[Dialect, ...] = DIALECTS, layers: tuple[str, ...] = ()
) -> dict[str, bytes]:
    """Files of ``hls/`` by path below it, with the wrappers asked for.

    Args:
        design: What to write.
        dialects: Whose wrappers.
        layers: What the engines finish in the first frames of ``sim/vectors``, line by line, for the test bench.

    Raises:
        ScheduleError: A number of the design is wider than the core computes.
    """
    for number, engine in enumerate(design.engines):
        _check(number, engine)
    links = ends(design)
    view = top_view(design, links, dialects)
    templates, kit = folder("templates") / "hls", folder("sim")
    files = {f"core/{path.name}": path.read_bytes() for path in sorted((templates / "core").glob("*.h"))}
    files |= {name: render(template, view) for name, template in _SHARED.items()}
    for number, name in enumerate(view.engines):
        files[f"design/{name}.h"] = render("hls/engine.h.j2", engine_view(design, number, links))
        files[f"design/rom/{name}.h"] = render("hls/rom.h.j2", roms_view(design, number))
    for dialect in dialects:
        files |= _wrapper(templates, dialect, view)
    benches = [path for path in sorted((kit / "hls").rglob("*")) if path.is_file()]
    files |= {f"csim/{path.relative_to(kit / 'hls').as_posix()}": path.read_bytes() for path in benches}
    files["csim/layers.txt"] = "".join(f"{line}\n" for line in layers).encode()
    files["csim/npy.h"] = (kit / "npy.h").read_bytes()
    return files


def _wrapper(templates: Path, dialect: Dialect, view: TopView) -> dict[str, bytes]:
    """The files of one wrapper."""
    found = {}
    for path in sorted((templates / dialect).iterdir()):
        if path.suffix == ".j2":
            found[f"{dialect}/{path.stem}"] = render(f"hls/{dialect}/{path.name}", view)
        else:
            found[f"{dialect}/{path.name}"] = path.read_bytes()
    return found


_INDEX_BITS = 30
_SUM_BITS = 62
_PRODUCT_BITS = 128


def _check(number: int, engine: Engine) -> None:
    """ScheduleError where a number is wider than the core's arithmetic: int, long long, 128 bits."""
    g = engine.geometry
    widths = {
        "codes of {} bits": (g.act_bits, _INDEX_BITS),
        "addresses of {} bits": (max(g.rd_bits, g.wr_bits), _INDEX_BITS),
        "sums of {} bits": (g.acc_bits, _SUM_BITS),
        "values of {} bits": (g.value_bits, _SUM_BITS),
        "factors of {} bits": (g.mul_bits, _SUM_BITS),
        "addends of {} bits": (g.add_bits, 64),
        "products of {} bits": (max(g.acc_bits + 1 + g.mul_bits, g.add_bits) + 1, _PRODUCT_BITS),
    }
    for what, (bits, limit) in widths.items():
        if bits > limit:
            layers = ", ".join(engine.layers)
            raise ScheduleError(
                f"engine {number} ({layers}): the HLS form computes with at most {what.format(limit)}, not {bits}",
                help="build without it: --emit rtl",
            )
