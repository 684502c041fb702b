"""The estimate is a sum over what the emitted design instantiates: Yosys elaborates it and finds the same."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ternc
from ternc.emit import rtl
from ternc.pipeline import Build
from ternc.schedule.draft import Draft, EngineDraft
from ternc.schedule.instances import MemoryShape, memories, registers
from unit.frontend.onnx_models import Graph
from zoo import MODELS, chained, compiled, pinned, shape

RUN = """
import sys
from pyosys import libyosys
design = libyosys.Design()
for command in sys.argv[1].split(";"):
    libyosys.run_pass(command, design)
"""
FLIP_FLOPS = {"$dff", "$sdff", "$dffe", "$sdffe", "$sdffce", "$aldff", "$adff"}
TEMPORARY = ("$memwr$", "$fordecl_block$", "$bitselwrite$", "$lookahead")
"""What Yosys makes registers of while it reads clocked blocks, although nothing reads them: a write port's operands, loop
variables, parts of an assignment to a bit."""


def elaborated(build: Build, folder: Path) -> tuple[Counter[tuple[int, int]], int]:
    """(depth, width) of every memory of the design, and its flip-flops."""
    rtl = build.path / "rtl"
    sources = " ".join((rtl / "files.f").read_text().split())
    script = [
        f"read_verilog -sv -DSYNTHESIS {sources}", f"hierarchy -check -top {build.design.name}", "proc",
        "memory_collect", "flatten", f"write_json {folder / 'net.json'}",
    ]  # fmt: skip
    run = subprocess.run(
        [sys.executable, "-c", RUN, ";".join(script)], cwd=rtl, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stdout[-2000:] + run.stderr[-2000:]
    module = json.loads((folder / "net.json").read_text())["modules"][build.design.name]
    made = {
        b
        for name, net in module["netnames"].items()
        if any(t in name for t in TEMPORARY)
        for b in net["bits"]
    }
    cells = [cell for cell in module["cells"].values() if made.isdisjoint(cell["connections"].get("Q", ()))]

    def number(cell: dict[str, Any], name: str) -> int:
        return int(str(cell["parameters"][name]), 2)

    found = [cell for cell in cells if cell["type"].startswith("$mem")]
    flops = sum(number(cell, "WIDTH") for cell in cells if cell["type"] in FLIP_FLOPS)
    return Counter((number(cell, "SIZE"), number(cell, "WIDTH")) for cell in found), flops


def draft(build: Build) -> Draft:
    """Of the finished design, whose programs are not needed any more."""
    design = build.design
    nothing: Any = None
    engines = tuple(
        EngineDraft(layouts={}, program=nothing, sums=nothing, geometry=engine.geometry)
        for engine in design.engines
    )
    return Draft(
        lines=nothing,
        engines=engines,
        streams=design.streams,
        outputs=design.buffers,
        score=design.score,
        reloadable=design.reloadable,
    )


def listed(build: Build) -> tuple[MemoryShape, ...]:
    return memories(draft(build))


def two_by_two(folder: Path) -> Path:
    """Two inputs, a table, digits, a pool; a map of sums and a class for each pixel."""
    graph = Graph(3)
    left = graph.node(
        "Conv", graph.quant("left", 0.25, 4), graph.const(graph.trits(4, 2, 3, 3)), pads=[1] * 4
    )
    right = graph.node(
        "Conv", graph.quant("right", 0.5, 3), graph.const(graph.trits(4, 3, 3, 3)), pads=[1] * 4
    )
    joined = graph.node("Concat", graph.quant(left, 0.5, 3), graph.quant(right, 0.5, 3), axis=1)
    wide = graph.const(np.float32(graph.rng.integers(-7, 8, (6, 8, 3, 3)) * 0.125))
    body = graph.node("HardSwish", graph.quant(graph.node("Conv", joined, wide, pads=[1] * 4), 0.5, 4))
    body = graph.quant(body, 0.25, 4)
    sums = graph.node("Conv", body, graph.const(graph.trits(5, 6, 3, 3)))
    best = graph.node("ArgMax", graph.node("Conv", body, graph.const(graph.trits(7, 6, 1, 1))), axis=1)
    return graph.save(folder / "two.onnx", {"left": [1, 2, 4, 4], "right": [1, 3, 4, 4]}, [sums, best])


def many(folder: Path) -> Build:
    import onnx

    model = two_by_two(folder)
    proto = onnx.load(model)
    proto.graph.output[1].type.tensor_type.elem_type = onnx.TensorProto.INT64
    onnx.save(proto, model)
    engines = [(2, "2x7x3"), (1, "3x4x5"), (2, "1x3x8")]
    return ternc.compile(model, out=folder / "build", array=pinned(folder, engines))


def detector(folder: Path) -> Build:
    model = MODELS / "ecg_ae_conv1d" / "ecg_ae_conv1d.qonnx.onnx"
    engines = [(3, "3x2x4"), (4, "2x5x3")]
    return ternc.compile(model, out=folder / "build", array=pinned(folder, engines), anomaly=1.0)


def thresholds(folder: Path) -> Build:
    return compiled("digits_cnn.qonnx", folder / "build", "1x5x8")


def chain(folder: Path) -> Build:
    return chained("digits_cnn.qonnx", folder, [(1, "3x4x5"), (1, "2x6x4p"), (1, "1x3x8p")])


def drained(folder: Path) -> Build:
    """Several sums a clock, of two pixels or four, to tables, pools and outputs; two or four pixels a beat."""
    engines = [(2, "4x7x3/2"), (1, "4x4x5/2"), (2, "4x3x8/4")]
    return ternc.compile(two_by_two(folder), out=folder / "build", array=pinned(folder, engines))


def drained_input(folder: Path) -> Build:
    """Four pixels a beat."""
    graph = Graph(3)
    sums = graph.node("Conv", graph.quant("x", 0.25, 4), graph.const(graph.trits(3, 2, 1, 1)))
    model = graph.save(folder / "wide.onnx", {"x": [1, 2, 8, 16]}, [graph.quant(sums, 0.5, 3)])
    build = ternc.compile(model, out=folder / "build", array=shape("16x3x2/4"))
    assert build.design.inputs[0].pixels_per_beat == 4
    return build


def drained_thresholds(folder: Path) -> Build:
    return compiled("digits_cnn.qonnx", folder / "build", "4x5x8/4")


def reloadable(build: Build) -> Build:
    """The same with a stream for images."""
    design = replace(build.design, reloadable=True)
    for name, data in rtl.emit(design).items():
        (build.path / "rtl" / name).write_bytes(data)
    return replace(build, design=design)


def reloadable_detector(folder: Path) -> Build:
    return reloadable(detector(folder))


def reloadable_thresholds(folder: Path) -> Build:
    return reloadable(drained_thresholds(folder))


DESIGNS = {
    "reloadable detector": reloadable_detector,
    "reloadable thresholds": reloadable_thresholds,
    "drained": drained,
    "drained input": drained_input,
    "drained thresholds": drained_thresholds,
    "several ends": many,
    "outlier detector": detector,
    "thresholds": thresholds,
    "chain": chain,
}


@pytest.mark.parametrize("design", DESIGNS)
def test_every_memory_and_every_register_of_the_emitted_design_is_counted(
    design: str, tmp_path: Path
) -> None:
    if not os.environ.get("CI"):
        pytest.importorskip("pyosys")
    build = DESIGNS[design](tmp_path)
    found, flops = elaborated(build, tmp_path)
    expected: Counter[tuple[int, int]] = Counter()
    for memory in listed(build):
        expected[memory.depth_words, memory.width_bits] += memory.copies
    assert found == expected
    stages = sum(m.copies * m.read_registers * m.width_bits for m in listed(build))
    assert flops == sum(registers(draft(build), build.design.cell).values()) + stages
    if build.design.reloadable:  # the estimate that it has is that of the plain design
        return
    used = build.design.resources
    assert [(m.name, m.depth_words, m.width_bits, m.copies) for m in used.memories] == [
        (m.name, m.depth_words, m.width_bits, m.copies) for m in listed(build)
    ]
    assert used.block_rams == sum(m.block_rams for m in used.memories)
    in_logic = {m.name for m in used.memories if not m.block_rams}
    stages = sum(m.copies * m.read_registers * m.width_bits for m in listed(build) if m.name in in_logic)
    assert used.registers == sum(registers(draft(build), build.design.cell).values()) + stages


def test_every_rom_that_the_top_instantiates_is_in_the_estimate(tmp_path: Path) -> None:
    """From the generated text alone: each memory file, its depth and width."""
    build = many(tmp_path)
    text = "".join(path.read_text() for path in (build.path / "rtl").glob(f"{build.design.name}*.sv"))
    counted = Counter[tuple[int, int]]()
    for memory in build.design.resources.memories:
        counted[memory.depth_words, memory.width_bits] += memory.copies
    roms = re.findall(
        r"ternc_rom #\(\.Width\((\d+)\), \.Depth\((\d+)\), \.InitFile\(\"mem/(\w+)\.mem\"\)\)", text
    )
    assert len(roms) == text.count("ternc_rom #(") > 10
    for (width, depth), often in Counter((int(w), int(d)) for w, d, _ in roms).items():
        assert counted[depth, width] >= often
    for image in sorted((build.path / "rtl" / "mem").glob("*.mem")):
        depth = len(image.read_text().split())
        assert any(d == depth for d, _ in counted), image.name
