"""Checks what belongs to no vendor: the FuseSoC core, ``control/`` and ``synth/``."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ternc.handoff.build import Build, images_of
from ternc.handoff.elaborate import elaborate
from ternc.handoff.names import each_once, exactly


def check(build: Build) -> Iterator[str]:
    """What is wrong, one sentence each, with the file in front."""
    yield from (f"{build.top}.core: {sentence}" for sentence in _core(build))
    yield from (f"synth/{build.top}.ys: {sentence}" for sentence in _yosys(build))
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


def _yosys(build: Build) -> Iterator[str]:
    folder = build.path / "synth"
    text = (folder / f"{build.top}.ys").read_text()
    files = [folder / name for name in re.findall(r"^read_verilog -sv .* (\S+)$", text, re.MULTILINE)]
    tops = set(re.findall(r"-top (\S+)", text))
    if len(tops) != 1:
        yield f"it must have one top module, not {len(tops)}"
    for top in tops:
        yield from elaborate(top, files).said


def _control(build: Build) -> Iterator[str]:
    """The registers' wrapper: it elaborates, has every port of the core, and its description names every counter."""
    folder = build.path / "control"
    core = elaborate(build.top, build.sources)
    module = elaborate(f"{build.top}_control", (*build.sources, folder / f"{build.top}_control.sv"))
    yield from module.said
    for name, port in core.ports.items():
        if module.ports.get(name) != port:
            yield f"port '{name}' must be as it is in {build.top}"
    text = (folder / f"{build.top}.rdl").read_text()
    streams = [name.removesuffix("_tvalid") for name in core.ports if name.endswith("_tvalid")]
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
