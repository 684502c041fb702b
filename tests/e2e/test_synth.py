"""Builds for the families that open tools route; copied away from ternc they still synthesise."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ternc.emit import bitstream
from ternc.errors import ToolError
from ternc.handoff import build as builds
from ternc.pipeline import Build
from ternc.synth import netlist, nextpnr
from ternc.synth.programs import program
from ternc.synth.report import SynthesisReport
from ternc.synth.run import synthesise
from zoo import compiled

YOSYS = "import sys; from pyosys import libyosys as y; y.run_pass('script ' + sys.argv[1], y.Design())"


OTHERS = ("gw2a-18", "gatemate-a1")
"""Devices of the other families that open tools route."""


def small(folder: Path, target: str) -> Build:
    if importlib.util.find_spec("pyosys") is None and not os.environ.get("CI"):
        pytest.skip("pyosys is not installed")
    return compiled("digits_brevitas_mlp.qcdq_legacy", folder / "build", "1x1x1", target)


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Build:
    return small(tmp_path_factory.mktemp("ecp5"), "ecp5-25k")


@pytest.fixture(scope="module", params=OTHERS)
def other(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Build:
    return small(tmp_path_factory.mktemp(request.param), request.param)


def test_the_synthesised_netlist_is_the_golden_model(build: Build) -> None:
    netlist.check(builds.read(build.path), 16)


def test_a_netlist_of_another_family_is_the_golden_model(other: Build) -> None:
    netlist.check(builds.read(other.path), 16)


def test_a_fault_in_the_netlist_is_found(build: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    """The output's lowest bit upside down, in a stand-in netlist that passes the core's RTL on."""
    whole = builds.read(build.path)

    def faulty(build: builds.Build, folder: Path) -> None:
        text = "".join(path.read_text() for path in build.sources).replace(
            f"module {build.top} (", "module right ("
        )
        (folder / "mem").symlink_to(build.path / "rtl" / "mem")
        (folder / "netlist.v").write_text(text + WRONG.replace("TOP", build.top))

    monkeypatch.setattr(nextpnr, "netlist", faulty)
    with pytest.raises(
        ToolError, match="netlist differs from the golden model in 2 of 2 frames, first in frame 0"
    ):
        netlist.check(whole, 2)


WRONG = """
module TOP (
  input clk_i, rst_ni, input [255:0] s_axis_tdata, input s_axis_tvalid, output s_axis_tready, input s_axis_tlast,
  output [7:0] m_axis_tdata, output m_axis_tvalid, input m_axis_tready, output m_axis_tlast
);
  wire [7:0] data;
  assign m_axis_tdata = data ^ 8'd1;
  right u_right (
    .clk_i(clk_i), .rst_ni(rst_ni), .s_axis_tdata(s_axis_tdata), .s_axis_tvalid(s_axis_tvalid),
    .s_axis_tready(s_axis_tready), .s_axis_tlast(s_axis_tlast), .m_axis_tdata(data), .m_axis_tvalid(m_axis_tvalid),
    .m_axis_tready(m_axis_tready), .m_axis_tlast(m_axis_tlast)
  );
endmodule
"""


def test_a_copy_synthesises_without_ternc(build: Build, tmp_path: Path) -> None:
    shutil.copytree(build.path / "rtl", tmp_path / "copy" / "rtl")
    folder = tmp_path / "copy" / "synth"
    shutil.copytree(build.path / "synth", folder)
    plain = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, "-c", YOSYS, f"{build.design.name}.ys"],
        cwd=folder, env=plain, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-2000:]
    cells = json.loads((folder / "utilisation.json").read_text())["design"]["num_cells_by_type"]
    assert {"LUT4", "TRELLIS_FF", "DP16KD"} <= set(cells)
    written = json.loads((folder / f"{build.design.name}.json").read_text())
    used = written["modules"][f"{build.design.name}_shell"]["cells"]
    # those of a program memory in parts, between which something chooses, have none
    blocks = {
        cell["parameters"]["REGMODE_B"]
        for name, cell in used.items()
        if cell["type"] == "DP16KD" and "u_taps" not in name
    }
    assert blocks == {"OUTREG"}, "block RAMs have their output registers"
    products = {
        cell["parameters"].get("REG_OUTPUT_CLK") for cell in used.values() if cell["type"] == "MULT18X18D"
    }
    assert products == {"CLK0"}, "multipliers have theirs"


def test_to_a_bitstream(build: Build) -> None:
    """Part of `make ecp5`, which installs nextpnr."""
    report = routed(build)
    used = {one.name: one.used for one in report.resources}
    assert min(used["LUT4"], used["register"], used["EBR"]) > 0


def test_to_a_bitstream_of_another_family(other: Build) -> None:
    """Part of `make gowin`, which installs nextpnr."""
    report = routed(other)
    used = {one.name: one.used for one in report.resources}
    assert used["register"] > 2_000
    gowin = ("distributed RAM", "BSRAM", "MULT9X9")
    assert report.untimed == (gowin if other.design.chip.family == "GW2A" else ())
    assert ("not in that clock" in report.to_table().to_text()) == bool(report.untimed)
    assert {"GW2A": used.get("BSRAM"), "GateMate": used.get("RAM_HALF")}[other.design.chip.family]


def routed(build: Build) -> SynthesisReport:
    """The report of a build's own flow, which leaves a bitstream and the report."""
    family = bitstream.FAMILIES[build.design.chip.family]
    try:
        program((family.nextpnr, family.wheel_nextpnr), "")
    except ToolError as error:
        pytest.skip(str(error))
    report = synthesise(build.path)
    assert (build.path / report.bitstream).stat().st_size > 10_000
    assert report.fmax_mhz > 20
    stored = json.loads((build.path / "report" / "synthesis.json").read_text())
    assert stored["fmax_mhz"] == report.fmax_mhz
    return report
