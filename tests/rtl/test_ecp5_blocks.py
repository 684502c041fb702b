"""Which memories get the output registers of ECP5's block RAMs: those that end in a register, with nothing before it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from rtl_bench import RTL

from ternc.emit.bitstream import ecp5_blocks

READ = '.InitFile("image.mem")'
MEMORIES = {
    "read": (f"ternc_rom #(.Width(18), .Depth(1024), {READ})", "OUTREG"),
    "loaded": (f"ternc_rom #(.Width(18), .Depth(1024), .Memory(3), .LoadWidth(36), {READ})", "OUTREG"),
    "early": (f"ternc_rom #(.Width(18), .Depth(1024), .Latency(1), {READ})", "NOREG"),
    "in pieces": (f"ternc_rom #(.Width(18), .Depth(16000), {READ})", "NOREG"),  # among which it chooses
    "written": ("ternc_ram #(.Width(18), .Depth(1024))", "OUTREG"),
}
PORTS = {
    "ternc_rom": ".addr_i(address[$clog2({depth})-1:0]), .data_o(data), .load_i(load[{load}:0])",
    "ternc_ram": ".rd_addr_i(address[9:0]), .rd_data_o(data), .wr_en_i(load[0]), .wr_addr_i(load[10:1]), .wr_data_i(load[28:11])",
}
TOP = """
module top(input clk_i, input [13:0] address, input [76:0] load, output [17:0] data);
  {memory} u_memory (.clk_i(clk_i), {ports});
endmodule
"""
YOSYS = "import sys; from pyosys import libyosys as y; y.run_pass('script ' + sys.argv[1], y.Design())"


@pytest.mark.parametrize("kind", MEMORIES)
def test_a_memory_has_the_register_that_it_ends_in(kind: str, tmp_path: Path) -> None:
    memory, register = MEMORIES[kind]
    depth = 16000 if kind == "in pieces" else 1024
    ports = PORTS[memory.split()[0]].format(depth=depth, load=76 if kind == "loaded" else 40)
    (tmp_path / "top.sv").write_text(TOP.format(memory=memory, ports=ports))
    (tmp_path / "image.mem").write_text("".join(f"{7919 * n % (1 << 18):x}\n" for n in range(depth)))
    for name, text in ecp5_blocks().items():
        (tmp_path / name).write_bytes(text)
    sources = " ".join(str(RTL / f"{name}.sv") for name in PORTS)
    (tmp_path / "all.ys").write_text(
        f"read_verilog -sv -defer {sources} top.sv\nhierarchy -check -top top\n"
        "script ecp5_blocks.ys\nwrite_json out.json\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", YOSYS, "all.ys"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-2000:]
    modules = json.loads((tmp_path / "out.json").read_text())["modules"].values()
    blocks = [cell for one in modules for cell in one["cells"].values() if cell["type"] == "DP16KD"]
    assert {cell["parameters"]["REGMODE_B"] for cell in blocks} == {register}
