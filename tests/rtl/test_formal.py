"""Proofs with Yosys that small pipelined dot products equal their specification, for every input.

The pipeline has no feedback, so checking the cycle after it has filled, from any state, is a complete proof.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from rtl_bench import RTL

CHECK = """
module check(input clk, input [{lanes}*{bits}-1:0] act, input [2*{lanes}-1:0] weight, output ok);
  // The specification: a weight of +1 adds the code, -1 its one's complement, 0 nothing.
  reg [{width}-1:0] total;
  integer i;
  always @* begin
    total = 0;
    for (i = 0; i < {lanes}; i = i + 1) begin
      case (weight[2*i +: 2])
        2'b01: total = total + act[i*{bits} +: {bits}];
        2'b11: total = total + (2**{bits} - 1 - act[i*{bits} +: {bits}]);
        default: total = total;
      endcase
    end
  end
  wire [{width}-1:0] want, got;
  ternc_delay #(.Width({width}), .Depth({latency})) u_late (.clk_i(clk), .d_i(total), .q_o(want));
  ternc_dot #(.Lanes({lanes}), .ActBits({bits})) u_dot (.clk_i(clk), .act_i(act), .weight_i(weight), .sum_o(got));
  assign ok = want == got;
endmodule
"""

PROVE = """
import sys
from pyosys import libyosys
design = libyosys.Design()
for command in sys.argv[1].split(";"):
    libyosys.run_pass(command, design)
"""


def proved(tmp_path: Path, dot: str, lanes: int, bits: int) -> bool:
    """Whether the SAT solver finds no input for which the dot product of this text is wrong."""
    if not os.environ.get("CI"):
        pytest.importorskip("pyosys")
    width, latency = bits + (lanes - 1).bit_length(), max(1, (lanes - 1).bit_length())
    (tmp_path / "dot.sv").write_text(dot)
    (tmp_path / "check.sv").write_text(CHECK.format(lanes=lanes, bits=bits, width=width, latency=latency))
    commands = [
        f"read_verilog -sv {tmp_path / 'check.sv'} {tmp_path / 'dot.sv'} {RTL / 'ternc_delay.sv'}",
        "hierarchy -check -top check",
        "proc",
        "flatten",
        "opt",
        f"sat -seq {latency + 1} -prove-skip {latency} -prove ok 1 -verify",
    ]
    done = subprocess.run(
        [sys.executable, "-c", PROVE, ";".join(commands)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    success = "SAT proof finished - no model found: SUCCESS!" in done.stdout
    assert success == (done.returncode == 0), done.stdout[-2000:]
    assert success or "model found: FAIL!" in done.stdout, done.stdout[-2000:]
    return success


@pytest.mark.parametrize(("lanes", "bits"), [(1, 3), (2, 8), (3, 3), (4, 2), (5, 2), (7, 1)])
def test_the_pipelined_dot_product_is_proved(tmp_path: Path, lanes: int, bits: int) -> None:
    assert proved(tmp_path, (RTL / "ternc_dot.sv").read_text(), lanes, bits)


@pytest.mark.parametrize(
    ("good", "broken"),
    [
        ("& {ActBits{weight_i[2*i]}};", "| {ActBits{weight_i[2*i]}};"),
        ("^ {ActBits{weight_i[2*i+1]}})", "^ {ActBits{weight_i[2*i]}})"),
        ("if (2 * n + 1 < InNodes)", "if (2 * n + 2 < InNodes)"),
    ],
    ids=["gate", "sign", "adder"],
)
def test_a_broken_dot_product_is_found(tmp_path: Path, good: str, broken: str) -> None:
    text = (RTL / "ternc_dot.sv").read_text()
    assert good in text
    assert not proved(tmp_path, text.replace(good, broken), 3, 3)
