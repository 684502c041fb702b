"""``sim/gowin_cells.sv``: what Yosys makes of memories and products behaves as they do."""

from __future__ import annotations

import importlib.util
import os
import random
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ternc.resources import folder
from ternc.synth import nextpnr
from ternc.synth.netlist import cells

YOSYS = "import sys; from pyosys import libyosys as y; y.run_pass('script ' + sys.argv[1], y.Design())"
MEMORY = """
module dut (input clk, we, re, input [ABITS-1:0] wa, ra, input [WIDTH-1:0] d, output reg [WIDTH-1:0] q);
  reg [WIDTH-1:0] mem [0:(1<<ABITS)-1];
  initial $readmemh("init.mem", mem);
  initial q = 0;
  BODY
endmodule
"""
ROM = "always @(posedge clk) if (re) q <= mem[ra];"
ONE_PORT = "always @(posedge clk) if (we) mem[ra] <= d; else if (re) q <= mem[ra];"
TWO_PORTS = "always @(posedge clk) begin if (we) mem[wa] <= d; if (re) q <= mem[ra]; end"
PRODUCT = """
module dut (input clk, we, re, input [ABITS-1:0] wa, ra, input [WIDTH-1:0] d, output reg [WIDTH-1:0] q);
  BODY
endmodule
"""
SIGNED = "always @(posedge clk) q <= $signed(wa) * $signed(ra);"
UNSIGNED = "always @(posedge clk) q <= wa * ra;"
BENCH = """
`timescale 1ns / 1ps
module bench;
  reg clk = 0, we, re;
  reg [ABITS-1:0] wa, ra;
  reg [WIDTH-1:0] d;
  wire [WIDTH-1:0] q, wanted;
  integer n, wrong = 0;
  dut u_dut (.clk(clk), .we(we), .re(re), .wa(wa), .ra(ra), .d(d), .q(q));
  right u_right (.clk(clk), .we(we), .re(re), .wa(wa), .ra(ra), .d(d), .q(wanted));
  initial begin
    for (n = 0; n < 1000; n = n + 1) begin
      we = $random; re = $random; d = {$random, $random};
      wa = $random; ra = $random & (n[0] ? -1 : 15);
      if (n % 3 == 0) wa = $random & 15;
      #1 clk = 1;
      #1 clk = 0;
      if (q !== wanted) wrong = wrong + 1;
    end
    $display("wrong %0d", wrong);
  end
endmodule
"""


@pytest.mark.parametrize(
    ("text", "body", "abits", "width", "cell"),
    [
        (MEMORY, ROM, 10, 18, "SPX9"),
        (MEMORY, ROM, 12, 4, "SP"),
        (MEMORY, ONE_PORT, 9, 36, "SPX9"),
        (MEMORY, ONE_PORT, 13, 2, "SP"),
        (MEMORY, TWO_PORTS, 9, 36, "SDPX9B"),
        (MEMORY, TWO_PORTS, 11, 9, "DPX9B"),
        (MEMORY, TWO_PORTS, 12, 4, "DPB"),
        (PRODUCT, SIGNED, 9, 18, "MULT9X9"),
        (PRODUCT, SIGNED, 17, 34, "MULT18X18"),
        (PRODUCT, UNSIGNED, 16, 32, "MULT18X18"),
    ],
)
def test_a_cell_behaves_as_what_it_was_made_of(
    text: str, body: str, abits: int, width: int, cell: str, tmp_path: Path
) -> None:
    missing = importlib.util.find_spec("pyosys") is None or not shutil.which("iverilog")
    if missing and not os.environ.get("CI"):
        pytest.skip("pyosys or Icarus is not installed")
    source = text.replace("BODY", body).replace("ABITS", str(abits)).replace("WIDTH", str(width))
    (tmp_path / "dut.sv").write_text(source)
    (tmp_path / "right.sv").write_text(source.replace("module dut", "module right"))
    (tmp_path / "bench.v").write_text(BENCH.replace("ABITS", str(abits)).replace("WIDTH", str(width)))
    words = random.Random(abits)
    (tmp_path / "init.mem").write_text("".join(f"{words.getrandbits(width):x}\n" for _ in range(1 << abits)))
    script = "read_verilog -sv dut.sv\nsynth_gowin -family gw2a -noiopads -top dut\nwrite_verilog -noattr netlist.v\n"
    (tmp_path / "dut.ys").write_text(script)
    subprocess.run([sys.executable, "-c", YOSYS, "dut.ys"], cwd=tmp_path, check=True, capture_output=True)
    assert re.search(rf"^  {cell} (#\(|\S)", (tmp_path / "netlist.v").read_text(), re.MULTILINE)
    cells(nextpnr.FLOWS["GW2A"], tmp_path)
    assert (folder("sim") / "gowin_cells.sv").read_text() == (tmp_path / "cells.sv").read_text()
    names = ["cells_sim.v", "cells.sv", "netlist.v", "right.sv", "bench.v"]
    subprocess.run(
        ["iverilog", "-g2012", "-gno-specify", "-s", "bench", "-o", "bench", *names],
        cwd=tmp_path, check=True, capture_output=True,
    )  # fmt: skip
    told = subprocess.run(["vvp", "-n", "bench"], cwd=tmp_path, check=True, capture_output=True, text=True)
    assert told.stdout.split() == ["wrong", "0"]
