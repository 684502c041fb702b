"""Checks what belongs to no vendor: the FuseSoC core, ``control/``, ``synth/`` and the board's ``ecp5/``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from ternc.handoff.build import Build, images_of
from ternc.handoff.elaborate import elaborate
from ternc.handoff.names import each_once, exactly

_LOAD, _LOADER = "s_axis_load", ("load_abort_i", "load_status_o")
"""Of a reloadable core: the stream that carries no frames, and what the registers drive and show."""
PINS = "ecp5/ulx3s.lpf"


def check(build: Build) -> Iterator[str]:
    """What is wrong, one sentence each, with the file in front."""
    yield from (f"{build.top}.core: {sentence}" for sentence in _core(build))
    for name in (f"synth/{build.top}.ys", f"ecp5/{build.top}_ulx3s.ys"):
        if name.startswith("synth") or (build.path / name).is_file():
            yield from (f"{name}: {sentence}" for sentence in _yosys(build.path / name))
    if (build.path / PINS).is_file():
        yield from (f"{PINS}: {sentence}" for sentence in _pins(build))
    yield from (f"control/{build.top}_control.sv: {sentence}" for sentence in _control(build))
    yield from (f"control/{build.top}_control_avalon.sv: {sentence}" for sentence in _avalon(build))


def _core(build: Build) -> Iterator[str]:
    text = (build.path / f"{build.top}.core").read_text()
    listed = re.findall(r"^ +- (rtl/\S+?):? *(?:\{copyto: (\S+)\})?$", text, re.MULTILINE)
    images = sorted({image for file in build.sources for image in images_of(file)})
    wanted = [str(file.relative_to(build.path)) for file in (*build.sources, *images)]
    yield from each_once("files", [name for name, _ in listed], wanted)
    for name, copy in listed:
        if copy and name != f"rtl/{copy}":
            yield f"{name} must be copied to {name.removeprefix('rtl/')}, not to {copy}"
    yield from exactly("the top module", re.findall(r"^ +toplevel: (\S+)$", text, re.MULTILINE), build.top)


def _yosys(script: Path) -> Iterator[str]:
    text = script.read_text()
    files = [script.parent / name for name in re.findall(r"^read_verilog -sv .* (\S+)$", text, re.MULTILINE)]
    tops = set(re.findall(r"-top (\S+)", text))
    if len(tops) != 1:
        yield f"it must have one top module, not {len(tops)}"
    for top in tops:
        yield from elaborate(top, files).said


def _pins(build: Build) -> Iterator[str]:
    """Every bit of every port of the board's top has one pin and one I/O standard, and no pin has two."""
    top = f"{build.top}_ulx3s"
    module = elaborate(top, (*build.sources, build.path / "ecp5" / f"{top}.sv"))
    yield from module.said
    text = (build.path / PINS).read_text()
    bits = [
        name if port.bits == 1 else f"{name}[{bit}]"
        for name, port in module.ports.items()
        for bit in range(port.bits)
    ]
    sites = re.findall(r'^LOCATE COMP "(\S+)" SITE "(\S+)";', text, re.MULTILINE)
    yield from each_once("pins", [name for name, _ in sites], bits)
    yield from each_once("I/O standards", re.findall(r'^IOBUF PORT "(\S+)"', text, re.MULTILINE), bits)
    for site in {site for _, site in sites if [other for _, other in sites].count(site) > 1}:
        yield f"pin {site} must have one port, not several"


def _control(build: Build) -> Iterator[str]:
    """The registers' wrapper: it elaborates, has every port of the core, and its description names every counter."""
    folder = build.path / "control"
    core = elaborate(build.top, build.sources)
    module = elaborate(f"{build.top}_control", (*build.sources, folder / f"{build.top}_control.sv"))
    yield from module.said
    for name, port in core.ports.items():
        if module.ports.get(name) != port and name not in _LOADER:
            yield f"port '{name}' must be as it is in {build.top}"
    text = (folder / f"{build.top}.rdl").read_text()
    streams = [name.removesuffix("_tvalid") for name in core.ports if name.endswith("_tvalid")]
    streams = [name for name in streams if name != _LOAD]
    yield from each_once("counters in the description", re.findall(r"STALLS_(\w+) @", text), streams)


def _avalon(build: Build) -> Iterator[str]:
    """The same with Avalon: it elaborates, and has a data port as wide as that of each of the core's streams."""
    core = elaborate(build.top, build.sources)
    file = build.path / "control" / f"{build.top}_control_avalon.sv"
    module = elaborate(f"{build.top}_control_avalon", (*build.sources, file))
    yield from module.said
    found = [(port.direction, port.bits) for name, port in module.ports.items() if name.endswith("_data")]
    wanted = [(port.direction, port.bits) for name, port in core.ports.items() if name.endswith("_tdata")]
    if sorted(found) != sorted(wanted):
        yield f"its streams must be as wide as those of {build.top}"
