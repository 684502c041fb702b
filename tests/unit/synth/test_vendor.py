"""Reports of Quartus and Vivado are read, and where their tool is missing the command to run is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from ternc.errors import ToolError
from ternc.handoff.build import Build
from ternc.synth import vendor
from ternc.synth.report import SynthesisReport, Used

# as Quartus Prime and Vivado lay their tables out; the numbers are made up
STA = """
+----------------------------------------------------+
; Slow 900mV 100C Model Fmax Summary                 ;
+------------+-----------------+------------+--------+
; Fmax       ; Restricted Fmax ; Clock Name ; Note   ;
+------------+-----------------+------------+--------+
; 351.25 MHz ; 345.0 MHz       ; clk        ;        ;
+------------+-----------------+------------+--------+
; Slow 900mV -40C Model Fmax Summary                 ;
; 362.01 MHz ; 362.01 MHz      ; clk        ;        ;
"""
FIT = """Fitter Status : Successful - Wed Jan  1 00:00:00 2020
Family : Arria 10
Logic utilization (in ALMs) : 12,345 / 427,200 ( 3 % )
Total registers : 45678
Total RAM Blocks : 12 / 2,713 ( < 1 % )
Total DSP Blocks : 3 / 1,518 ( < 1 % )
"""
TIMING = """
------------------------------------------------------------------------------------------------
| Design Timing Summary
------------------------------------------------------------------------------------------------

    WNS(ns)      TNS(ns)  TNS Failing Endpoints
    -------      -------  ---------------------
     -2.500        0.000                      0
"""
UTILISATION = """
+-------------------------+------+-------+------------+-----------+-------+
|        Site Type        | Used | Fixed | Prohibited | Available | Util% |
+-------------------------+------+-------+------------+-----------+-------+
| Slice LUTs*             | 1234 |     0 |          0 |     53200 |  2.32 |
|   LUT as Logic          | 1200 |     0 |          0 |     53200 |  2.26 |
| Slice Registers         | 2345 |     0 |          0 |    106400 |  2.20 |
| Block RAM Tile          |  1.5 |     0 |          0 |       140 |  1.07 |
| DSPs                    |    4 |     0 |          0 |       220 |  1.82 |
"""


def build(path: Path, name: str = "Intel") -> Build:
    return Build(
        path=path, top="net", vendor=name, family="", part="part", clock_mhz=100.0, sources=()
    )  # fmt: skip


def test_quartus_reports() -> None:
    assert vendor.quartus_fmax(STA) == 345.0
    assert vendor.quartus_resources(FIT) == (
        Used(name="Logic utilization (in ALMs)", used=12_345, available=427_200),
        Used(name="Total RAM Blocks", used=12, available=2_713),
        Used(name="Total DSP Blocks", used=3, available=1_518),
    )
    with pytest.raises(ToolError, match="no table of Fmax"):
        vendor.quartus_fmax(FIT)


def test_vivado_reports() -> None:
    assert vendor.vivado_fmax(TIMING, 10.0) == 80.0
    assert vendor.vivado_resources(UTILISATION) == (
        Used(name="Slice LUTs", used=1_234, available=53_200),
        Used(name="Slice Registers", used=2_345, available=106_400),
        Used(name="Block RAM Tile", used=2, available=140),
        Used(name="DSPs", used=4, available=220),
    )
    with pytest.raises(ToolError, match="states no slack"):
        vendor.vivado_fmax(UTILISATION, 10.0)


@pytest.mark.parametrize(
    ("name", "tool", "program", "where"),
    [
        ("Intel", "Quartus", "quartus_sh", "quartus/: sh build.sh"),
        ("AMD", "Vivado", "vivado", "vivado/: vivado -mode batch -source build.tcl"),
    ],
)
def test_a_missing_tool_is_named_with_what_to_run(
    name: str, tool: str, program: str, where: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(ToolError) as refusal:
        vendor.synthesise(build(tmp_path, name), vendor.FLOWS[name], lambda what: None)
    assert str(refusal.value) == (
        f"net is built for part, but {tool} ('{program}') is not on PATH\n"
        f"  help: copy the build to a machine with {tool} and run there, in its folder {where}"
    )


def test_a_tool_on_the_path_is_run_and_its_reports_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "quartus" / "output_files").mkdir(parents=True)
    (tmp_path / "quartus" / "build.sh").write_text("quartus_sh > ran.txt\n")
    (tmp_path / "quartus" / "output_files" / "net.sta.rpt").write_text(STA)
    (tmp_path / "quartus" / "output_files" / "net.fit.summary").write_text(FIT)
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin" / "quartus_sh"
    program.write_text("#!/bin/sh\necho ran\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
    steps: list[str] = []
    report = vendor.synthesise(build(tmp_path), vendor.FLOWS["Intel"], steps.append)
    assert (tmp_path / "quartus" / "ran.txt").read_text() == "ran\n"
    assert steps == ["running Quartus"]
    assert (report.fmax_mhz, report.reached, len(report.resources)) == (345.0, True, 3)
    assert report.bitstream == "quartus/output_files/net.sof"


def test_a_report_as_a_table() -> None:
    report = SynthesisReport(
        tools=("yosys",), part="LFE5U", seed=1, clock_mhz=100.0, fmax_mhz=87.26,
        resources=(Used(name="LUT4", used=1_500, available=24_288),), bitstream="synth/net.bit", frames=16,
    )  # fmt: skip
    assert report.to_table().to_text() == (
        "Synthesis for LFE5U\n\n"
        "resource   used  available  share\n"
        "--------  -----  ---------  -----\n"
        "LUT4      1,500     24,288  6.2 %\n\n"
        "routed: 87.3 MHz; the build plans with 100 MHz\n"
        "bitstream: synth/net.bit\n"
        "16 frames through the synthesised netlist: equal to the golden model\n"
    )
    assert not report.reached
