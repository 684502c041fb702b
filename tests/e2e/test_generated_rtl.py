"""Generated RTL as every reader sees it: Verilator without a warning, Icarus and Yosys without an error."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from rtl_bench import VERILATOR_ROOT, need
from test_lint import READ_BY_YOSYS

from ternc.pipeline import Build
from zoo import compiled

DESIGNS = {
    "thresholds": ("digits_cnn.qdq_int2", "3x4x9"),
    "multipliers, vectors of several words": ("ecg_ae_conv1d.qdq_folded", "2x7x3"),
    "one pixel, many lanes": ("TFC_2W2A", "1x8x56p"),
    "one of each": ("digits_brevitas_mlp.qcdq_legacy", "1x1x1"),
    "several sums at once": ("digits_cnn.qdq_int2", "4x3x5/2"),
}


@pytest.fixture(params=DESIGNS, ids=list(DESIGNS), scope="module")
def build(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Build:
    model, array = DESIGNS[request.param]
    return compiled(model, tmp_path_factory.mktemp("rtl") / "build", array)


def run(build: Build, command: list[str]) -> str:
    """Everything that a tool says about the design; it must succeed."""
    done = subprocess.run(
        command,
        cwd=build.path / "rtl",
        env={**os.environ, "VERILATOR_ROOT": str(VERILATOR_ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:]
    return done.stdout


def files(build: Build) -> list[str]:
    return (build.path / "rtl" / "files.f").read_text().split()


@pytest.mark.parametrize("defines", [[], ["TERNC_FAST_SIM", "TERNC_MONITOR"]], ids=["portable", "simulated"])
def test_verilator_has_nothing_to_say(build: Build, defines: list[str]) -> None:
    tool = [str(VERILATOR_ROOT / "bin" / "verilator"), "--lint-only", "-Wall", "--quiet"]
    said = run(
        build, [*tool, *(f"-D{name}" for name in defines), "--top-module", build.design.name, "-f", "files.f"]
    )
    assert not said


def test_icarus_has_nothing_to_say(build: Build) -> None:
    said = run(
        build,
        [
            need("iverilog"),
            "-g2012",
            "-t",
            "null",
            "-Wall",
            "-Wno-timescale",
            "-s",
            build.design.name,
            *files(build),
        ],
    )
    lines = [line for line in said.splitlines() if not line.startswith(tuple(library(build)))]
    assert not lines


def library(build: Build) -> list[str]:
    """The hand-written modules, which have their own lint test."""
    return [name for name in files(build) if name.startswith("ternc_")]


def test_yosys_reads_it_with_its_memories(build: Build) -> None:
    job = f"read_verilog -sv -defer {' '.join(files(build))};hierarchy -check -top {build.design.name};proc;check -assert"
    said = run(build, [sys.executable, "-u", "-c", READ_BY_YOSYS, job])
    assert "\nread " in said
    warnings = {line for line in said.splitlines() if "Warning" in line and "Replacing memory" not in line}
    assert not warnings


def test_generated_modules_are_structure_only(build: Build) -> None:
    generated = [name for name in files(build) if name not in library(build)]
    assert len(generated) == len(build.design.engines) + 1
    for name in generated:
        text = (build.path / "rtl" / name).read_text()
        assert "always" not in text
        assert "initial" not in text
