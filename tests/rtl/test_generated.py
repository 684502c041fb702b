"""Generated modules read without a word in Verilator, and without an error in Icarus, Yosys and slang."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import hand_designs
import pytest
from rtl_bench import VERILATOR_ROOT, need
from test_lint import READ_BY_YOSYS, call

from ternc.emit import handoff, rtl
from ternc.schedule.design import Chip, Design

pyslang = pytest.importorskip("pyslang") if not os.environ.get("CI") else __import__("pyslang")

DESIGNS = [
    hand_designs.branches,
    hand_designs.score,
    hand_designs.reloadable,
    hand_designs.reloadable_score,
]
DEFINES = [
    pytest.param([], id="synthesis"),
    pytest.param(["TERNC_FAST_SIM", "TERNC_MONITOR"], id="simulation"),
]


class Written:
    """A design's files on disk."""

    def __init__(self, design: Design, folder: Path) -> None:
        self.top = design.name
        for name, data in rtl.emit(design).items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        self.files = [folder / name for name in (folder / "files.f").read_text().split()]
        self.generated = [path for path in self.files if not path.name.startswith("ternc_")]


@pytest.fixture(scope="module", params=DESIGNS, ids=lambda make: make.__name__)
def written(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Written:
    return Written(request.param(), tmp_path_factory.mktemp("rtl"))


@pytest.mark.parametrize("defines", DEFINES)
def test_verilator_has_nothing_to_say(written: Written, defines: list[str]) -> None:
    tool = [str(VERILATOR_ROOT / "bin" / "verilator"), "--lint-only", "-Wall", "--quiet"]
    options = [*(f"-D{name}" for name in defines), "--top-module", written.top]
    code, said = call([*tool, *options, *map(str, written.files)], VERILATOR_ROOT=str(VERILATOR_ROOT))
    assert code == 0, said
    assert not said


@pytest.mark.parametrize("defines", DEFINES)
def test_icarus_has_nothing_to_say(written: Written, defines: list[str]) -> None:
    tool = [need("iverilog"), "-g2012", "-t", "null", "-Wall", "-Wno-timescale"]
    options = [*(f"-D{name}" for name in defines), "-s", written.top]
    code, said = call([*tool, *options, *map(str, written.files)])
    assert code == 0, said
    ours = tuple(map(str, written.generated))
    assert not [line for line in said.splitlines() if line.startswith(ours)]


def test_yosys_reads_it(written: Written) -> None:
    files = " ".join(map(str, written.files))
    job = f"read_verilog -sv -defer {files};hierarchy -check -top {written.top};proc;check -assert"
    code, said = call([sys.executable, "-u", "-c", READ_BY_YOSYS, job])
    assert code == 0, said[-3000:]
    assert "\nread " in said


@pytest.mark.parametrize("defines", DEFINES)
def test_slang_reads_it(written: Written, defines: list[str]) -> None:
    driver = pyslang.driver.Driver()
    driver.addStandardArgs()
    line = ["slang", "--top", written.top, *(f"-D{name}" for name in defines), *map(str, written.files)]
    assert driver.parseCommandLine(" ".join(line), pyslang.driver.CommandLineOptions())
    assert driver.processOptions()
    assert driver.parseAllSources()
    driver.reportCompilation(driver.createCompilation(), quiet=True)
    assert driver.reportDiagnostics(quiet=True)


WRAPPERS = [
    ("Intel", "quartus/NAME_avalon.sv"),
    ("Intel", "control/NAME_control.sv"),
    ("Intel", "control/NAME_control_avalon.sv"),
    ("AMD", "vivado/NAME_ip.v"),
    ("AMD", "vivado/NAME_control_ip.v"),
]


@pytest.mark.parametrize(("vendor", "wrapper"), WRAPPERS)
@pytest.mark.parametrize("make", DESIGNS)
def test_nobody_has_anything_to_say_of_a_wrapper(
    make: Callable[[], Design], vendor: str, wrapper: str, tmp_path: Path
) -> None:
    design = replace(make(), chip=Chip(vendor=vendor, family="", part=""))
    written = Written(design, tmp_path)
    paths = [wrapper.replace("NAME", design.name)]
    if paths[0].endswith("_control_ip.v"):
        paths.append(f"control/{design.name}_control.sv")
    extra = [tmp_path / Path(path).name for path in paths]
    for path, file in zip(paths, extra, strict=True):
        file.write_bytes(handoff.emit(design, rtl.emit(design))[path])
        assert "always" not in file.read_text()
    top, files = extra[0].stem, [str(file) for file in (*written.files, *extra)]
    tool = [str(VERILATOR_ROOT / "bin" / "verilator"), "--lint-only", "-Wall", "--quiet", "--top-module", top]
    assert call([*tool, *files], VERILATOR_ROOT=str(VERILATOR_ROOT)) == (0, "")
    code, said = call(
        [need("iverilog"), "-g2012", "-t", "null", "-Wall", "-Wno-timescale", "-s", top, *files]
    )
    assert code == 0, said
    assert not [line for line in said.splitlines() if line.startswith(tuple(map(str, extra)))]
    job = f"read_verilog -sv -defer {' '.join(files)};hierarchy -check -top {top};proc;check -assert"
    code, said = call([sys.executable, "-u", "-c", READ_BY_YOSYS, job])
    assert code == 0, said[-3000:]


def test_generated_modules_are_structure_only(written: Written) -> None:
    for path in written.generated:
        text = path.read_text()
        assert "always" not in text
        assert "initial" not in text
