"""The Avalon-ST wrapper in simulation: a host that keeps to Avalon's byte order gets the golden outputs."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from ternc.pipeline import Build
from ternc.simulate import verilator
from ternc.simulate.model import Dut
from ternc.simulate.opened import open_build
from zoo import compiled

# First symbol in the most significant bits, as Avalon-ST has it: the least significant byte of the driver's stream. A
# packet mark in the wrong place inverts the data.
HOST = """
module avalon_host (
  input  logic clk_i, rst_ni,
  input  logic [IN-1:0] s_axis_tdata, input logic s_axis_tvalid, s_axis_tlast, output logic s_axis_tready,
  output logic [OUT-1:0] m_axis_tdata, output logic m_axis_tvalid, m_axis_tlast, input logic m_axis_tready
);
  logic first_q, start;
  logic [OUT-1:0] data;
  TOP_avalon u_top (
    .clk_i(clk_i), .rst_ni(rst_ni),
    .asi_data({<<8{s_axis_tdata}}), .asi_valid(s_axis_tvalid), .asi_ready(s_axis_tready),
    .asi_startofpacket(1'b0), .asi_endofpacket(s_axis_tlast),
    .aso_data(data), .aso_valid(m_axis_tvalid), .aso_ready(m_axis_tready),
    .aso_startofpacket(start), .aso_endofpacket(m_axis_tlast)
  );
  assign m_axis_tdata = {<<8{data}} ^ {OUT{start != first_q}};
  always_ff @(posedge clk_i) begin
    if (!rst_ni) first_q <= 1'b1;
    else if (m_axis_tvalid && m_axis_tready) first_q <= m_axis_tlast;
  end
endmodule
"""


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Build:
    """Beats of 32 bytes in, of 4 out."""
    return compiled("digits_brevitas_mlp.qcdq_legacy", tmp_path_factory.mktemp("avalon") / "build", "1x4x16")


def hosted(build: Build, folder: Path) -> Dut:
    """The wrapper of a build behind a host with the ports of the core."""
    dut = open_build(build.path).dut
    rtl = folder / "rtl"
    shutil.copytree(dut.rtl, rtl)
    shutil.copy(build.path / "quartus" / f"{dut.top}_avalon.sv", rtl)
    sizes = {"IN": 8 * dut.inputs[0].data_bytes, "OUT": 8 * dut.outputs[0].data_bytes, "TOP": dut.top}
    text = HOST
    for name, value in sizes.items():
        text = text.replace(name, str(value))
    (rtl / "avalon_host.sv").write_text(text)
    with (rtl / "files.f").open("a") as files:
        files.write(f"{dut.top}_avalon.sv\navalon_host.sv\n")
    return Dut(
        rtl=rtl,
        top="avalon_host",
        inputs=dut.inputs,
        outputs=dut.outputs,
        monitors=(),
        watchdog_cycles=dut.watchdog_cycles,
        stretch_cycles=dut.stretch_cycles,
        quick=True,
    )


def test_a_host_with_avalons_byte_order_gets_the_golden_outputs(build: Build, tmp_path: Path) -> None:
    dut = hosted(build, tmp_path)
    assert (dut.inputs[0].data_bytes, dut.outputs[0].data_bytes) == (32, 4)
    vectors = build.path / "sim" / "vectors"
    sent, expected = (np.load(vectors / f"{name}.npy") for name in ("s_axis", "m_axis"))
    found = verilator.run(dut, [sent], stalls=3)
    assert not found.stopped
    np.testing.assert_array_equal(found.beats[0], expected)
