"""Proofs with Yosys that small pipelined dot products equal their specification, for every input.

The pipelines have no feedback, so checking the cycle after they have filled, from any state, is a complete proof. Each
form of the cell is proved as text and, with TERNC_PRIMITIVES, as the fabric's own cells in Yosys' models of them. An
accumulator does have feedback: its proof is of one step, from any state.
"""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from rtl_bench import RTL

SPECIFICATION = """
  // A weight of +1 adds the code, -1 its one's complement, 0 nothing; neg does not matter where nz is 0.
  wire [2*{lanes}-1:0] weight;
  reg [{width}-1:0] total;
  integer i;
  genvar g;
  generate for (g = 0; g < {lanes}; g = g + 1) assign weight[2*g +: 2] = {{drawn[2*g+1] & drawn[2*g], drawn[2*g]}}; endgenerate
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
"""
DOT = """
  ternc_dot #(.Lanes({lanes}), .ActBits({bits}), .Cell({cell})) u_dot (
    .clk_i(clk), .act_i(act), .weight_i(weight), .sum_o(got)
  );
"""
DOT_ALM = """
  wire [3*({lanes}/2)-1:0] code;
  wire [({lanes}/2)-1:0] gate;
  ternc_pair_code #(.Pairs({lanes}/2)) u_code (
    .clk_i(clk), .weight_i(weight[4*({lanes}/2)-1:0]), .code_o(code), .gate_o(gate)
  );
  ternc_dot_alm #(.Lanes({lanes}), .ActBits({bits})) u_dot (
    .clk_i(clk), .act_i(act), .code_i(code), .gate_i(gate), .single_i(weight[2*{lanes}-1:2*{lanes}-2]), .sum_o(got)
  );
"""
CHECK = """
module check(input clk, input [{lanes}*{bits}-1:0] act, input [2*{lanes}-1:0] drawn, output ok);
{specification}{form}
  assign ok = want == got;
endmodule
"""
ACCUMULATE = """
module check(input [{bits}-1:0] acc, input [{bits}-1:0] dot, input double, input first, output ok);
  wire [{bits}-1:0] next;
  ternc_alm_add #(.Bits({bits}), .Carry(0), .MaskA(16'b0101_0001_0100_0000)) u_add (
    .sel_i({{double, first}}), .c_i(acc << 1), .a_i(acc), .b_i(dot), .sum_o(next)
  );
  wire [{bits}-1:0] kept = first ? 0 : double ? acc << 1 : acc;
  wire [{bits}-1:0] want = kept + dot;
  assign ok = want == next;
endmodule
"""
MODELS = {
    1: "+/intel_alm/common/alm_sim.v",
    2: "+/xilinx/cells_sim.v",
    3: "-DNO_INCLUDES +/lattice/common_sim.vh +/lattice/ccu2c_sim.vh",
}
"""Yosys' own models of the cells that each form names."""
PORTABLE, ALM, LUT6, CCU2C = range(4)
FILES = ("ternc_dot", "ternc_delay", "ternc_gated_add", "ternc_alm_add", "ternc_dot_alm", "ternc_pair_code")

PROVE = """
import sys
from pyosys import libyosys
design = libyosys.Design()
for command in sys.argv[1].split(";"):
    libyosys.run_pass(command, design)
"""


def proved(
    tmp_path: Path, check: str, cell: int, latency: int, primitives: bool, broken: Mapping[str, str]
) -> bool:
    """Whether the SAT solver finds no input for which ``ok`` is 0, of modules some of which have another text."""
    if not os.environ.get("CI"):
        pytest.importorskip("pyosys")
    (tmp_path / "check.sv").write_text(check)
    texts = {name: (RTL / f"{name}.sv").read_text() for name in FILES} | dict(broken)
    for name, text in texts.items():
        (tmp_path / f"{name}.sv").write_text(text)
    files = " ".join(str(tmp_path / f"{name}.sv") for name in ("check", *texts))
    commands = [
        f"read_verilog -sv {'-DTERNC_PRIMITIVES' if primitives else ''} {files}",
        *([f"read_verilog {MODELS[cell]}"] if primitives else []),
        "hierarchy -check -top check",
        "proc",
        "flatten",
        "opt",
        f"sat {f'-seq {latency + 1} -prove-skip {latency}' if latency else ''} -prove ok 1 -verify",
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


def dot_proved(
    tmp_path: Path,
    cell: int,
    lanes: int,
    bits: int,
    *,
    primitives: bool,
    broken: Mapping[str, str] | None = None,
) -> bool:
    """The same of the dot product in the form of a fabric."""
    latency = max(1, (lanes - 1).bit_length())
    numbers = {
        "lanes": lanes, "bits": bits, "cell": cell, "latency": latency, "width": bits + (lanes - 1).bit_length(),
    }  # fmt: skip
    form = (DOT_ALM if cell == ALM else DOT).format(**numbers)
    check = CHECK.format(**numbers, specification=SPECIFICATION.format(**numbers), form=form)
    return proved(tmp_path, check, cell, latency, primitives, broken or {})


@pytest.mark.parametrize(("lanes", "bits"), [(1, 3), (2, 8), (3, 3), (4, 2), (5, 2), (7, 1)])
def test_the_pipelined_dot_product_is_proved(tmp_path: Path, lanes: int, bits: int) -> None:
    assert dot_proved(tmp_path, PORTABLE, lanes, bits, primitives=False)


@pytest.mark.parametrize(("lanes", "bits"), [(3, 3), (4, 2), (6, 2), (7, 1)])
@pytest.mark.parametrize("primitives", [False, True], ids=["text", "primitives"])
def test_the_form_for_alms_is_proved(tmp_path: Path, lanes: int, bits: int, primitives: bool) -> None:
    assert dot_proved(tmp_path, ALM, lanes, bits, primitives=primitives)


@pytest.mark.parametrize(("lanes", "bits"), [(2, 1), (2, 4), (2, 8), (2, 9), (3, 3), (5, 2)])
@pytest.mark.parametrize("cell", [LUT6, CCU2C], ids=["lut6", "ccu2c"])
def test_the_forms_of_lookup_tables_and_carry_chains_are_proved(
    tmp_path: Path, cell: int, lanes: int, bits: int
) -> None:
    assert dot_proved(tmp_path, cell, lanes, bits, primitives=True)


def test_the_accumulator_for_alms_is_proved(tmp_path: Path) -> None:
    assert proved(tmp_path, ACCUMULATE.format(bits=9), ALM, 0, True, {})
    column = (RTL / "ternc_column.sv").read_text()
    assert "Kept = 16'b0101_0001_0100_0000;" in column
    assert ".sel_i({double, first_q[DotLatency]}), .c_i(twice), .a_i(acc_q), .b_i(dot)" in column
    assert "assign twice = AccBits'({acc_q, 1'b0});" in column


@pytest.mark.parametrize(
    ("cell", "file", "good", "broken"),
    [
        (PORTABLE, "ternc_gated_add", "& {Bits{trit_b_i[0]}};\n    assign sum_o", "| {Bits{trit_b_i[0]}};\n    assign sum_o"),
        (PORTABLE, "ternc_dot", "^ {InBits{weight_i[2*Lanes-1]}}", "^ {InBits{weight_i[2*Lanes-2]}}"),
        (PORTABLE, "ternc_dot", "if (2 * n + 1 == InNodes)", "if (2 * n + 2 == InNodes)"),
        (ALM, "ternc_pair_code", "nz_b ? neg_a : nz_a", "nz_b ? nz_a : neg_a"),
        (ALM, "ternc_pair_code", "nz_a | nz_b", "nz_a"),
        (ALM, "ternc_dot_alm", "8'b00110100", "8'b00110101"),
        (ALM, "ternc_dot_alm", "8'b10100010", "8'b10100011"),
        (ALM, "ternc_dot_alm", "FirstGate  = 16'haa00", "FirstGate  = 16'hff00"),
        (ALM, "ternc_dot_alm", "single_i[1]", "single_i[0]"),
        (ALM, "ternc_alm_add", ".LUT1(~MaskB)", ".LUT1(MaskB)"),
        (ALM, "ternc_alm_add", ".LUT1(16'hffff)", ".LUT1(16'h0000)"),
        (LUT6, "ternc_gated_add", "64'h609f9f60_60606060", "64'h609f9f90_60606060"),
        (LUT6, "ternc_gated_add", "64'h609f9f60_60606060", "64'h609f9f60_60606061"),
        (LUT6, "ternc_gated_add", "{carry[Bits-1],", "{carry[0],"),
        (CCU2C, "ternc_gated_add", ".INIT1(16'h9a6a)", ".INIT1(16'h9a6b)"),
        (CCU2C, "ternc_gated_add", ".C1(trit_b_i[0])", ".C1(trit_a_i[0])"),
    ],
)  # fmt: skip
def test_a_broken_dot_product_is_found(tmp_path: Path, cell: int, file: str, good: str, broken: str) -> None:
    text = (RTL / f"{file}.sv").read_text()
    assert good in text
    mutant = {file: text.replace(good, broken)}
    assert not dot_proved(tmp_path, cell, 3, 3, primitives=cell != PORTABLE, broken=mutant)
