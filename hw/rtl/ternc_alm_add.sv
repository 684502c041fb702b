// An adder whose operands pass through functions of four inputs a bit: half an ALM for each bit of the sum.
//
// Bit i of the two operands is MaskA[{a_i[i], c_i[i], sel_i}] and MaskB[{b_i[i], c_i[i], sel_i}]; with Carry = 1 the
// sum has one bit more than they, otherwise it wraps. Latency: 0 cycles.
//
// An ALM in arithmetic mode computes just this, twice: the sum of two functions that share three of their four inputs.
// The text is the specification, and what a tool fits into half an ALM a bit if it packs logic into the ALM's adders.
// Yosys does not: for it TERNC_PRIMITIVES names the cell, MISTRAL_ALUT_ARITH, which no other tool knows.

module ternc_alm_add #(
  parameter int Bits = 8,
  parameter int Carry = 1,
  parameter logic [15:0] MaskA = 16'hff00,
  parameter logic [15:0] MaskB = 16'hff00,
  parameter int SumBits = Bits + Carry
) (
  input  logic [1:0]         sel_i,
  input  logic [Bits-1:0]    c_i,
  input  logic [Bits-1:0]    a_i,
  input  logic [Bits-1:0]    b_i,
  output logic [SumBits-1:0] sum_o
);

`ifdef TERNC_PRIMITIVES

  // The cell adds the complement of its second function.
  logic [SumBits:0] carry;
  assign carry[0] = 1'b0;
  for (genvar i = 0; i < Bits; i++) begin : gen_bit
    MISTRAL_ALUT_ARITH #(.LUT0(MaskA), .LUT1(~MaskB)) u_bit (
      .A(sel_i[0]), .B(sel_i[1]), .C(c_i[i]), .D0(a_i[i]), .D1(b_i[i]), .CI(carry[i]), .SO(sum_o[i]), .CO(carry[i+1])
    );
  end
  if (Carry != 0) begin : gen_carry
    MISTRAL_ALUT_ARITH #(.LUT0(16'h0000), .LUT1(16'hffff)) u_bit (
      .A(1'b1), .B(1'b1), .C(1'b1), .D0(1'b1), .D1(1'b1), .CI(carry[Bits]), .SO(sum_o[Bits]), .CO(carry[SumBits])
    );
  end

`else

  logic [Bits-1:0] a, b;
  assign a = ({Bits{MaskA[{2'b11, sel_i}]}} & a_i & c_i) |
             ({Bits{MaskA[{2'b10, sel_i}]}} & a_i & ~c_i) |
             ({Bits{MaskA[{2'b01, sel_i}]}} & ~a_i & c_i) |
             ({Bits{MaskA[{2'b00, sel_i}]}} & ~a_i & ~c_i);
  assign b = ({Bits{MaskB[{2'b11, sel_i}]}} & b_i & c_i) |
             ({Bits{MaskB[{2'b10, sel_i}]}} & b_i & ~c_i) |
             ({Bits{MaskB[{2'b01, sel_i}]}} & ~b_i & c_i) |
             ({Bits{MaskB[{2'b00, sel_i}]}} & ~b_i & ~c_i);
  assign sum_o = SumBits'(a) + SumBits'(b);

`endif

endmodule
