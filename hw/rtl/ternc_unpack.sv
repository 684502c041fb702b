// Unpacks the weight word of a column: five trits in eight bits become ten bits, {neg, nz} each.
//
// A pair (x, y) other than (-1, -1) has a code of three bits q: q[2] says that one of them is -1. If none is, q[0] and q[1] say that x
// and y are 1; if one is, q[1] says that it is y, and q[0] that the other is 1. A triple (a, b, c) has five bits: {c, q of (a, b)} with
// c as 0, 1 or 2 for -1, and {3, 0, c} where (a, b) has no code. So the bits [4:2] are never 7. Five trits (a, b, c, d, e) are
// {q of (d, e), triple}, and {triple[4:2], 7, triple[1:0]} where (d, e) has no code. What is left of the lanes has 2 bits for
// one trit, 4 for two, 5 for a triple, 7 for a triple and one. A word of zeros is zeros.
//
// Throughput: one word a cycle. Latency: 2 cycles: escapes, then digits. There is no reset.

module ternc_unpack #(
  parameter int Lanes = 8,
  parameter int Left = Lanes % 5,
  parameter int Bits = 8*(Lanes/5) + ((Left < 3) ? 2*Left : 2*Left - 1)
) (
  input  logic               clk_i,
  input  logic [Bits-1:0]    packed_i,
  output logic [2*Lanes-1:0] weight_o
);

  localparam int Fives = Lanes / 5;

  // {y, x} of a code, or (-1, -1)
  function automatic logic [3:0] two(input logic [2:0] q, input logic both);
    logic x, y;
    x = both | (q[2] & ~q[1]);
    y = both | (q[2] & q[1]);
    two = {y, y | (q[2] ? q[0] : q[1]), x, x | q[0]};
  endfunction

  // {c, b, a} of a code
  function automatic logic [5:0] three(input logic [4:0] t);
    logic both;
    logic [1:0] c;
    both = t[4] & t[3];
    c = both ? t[1:0] : t[4:3];
    three = {c[1], |c, two(t[2:0], both)};
  endfunction

  for (genvar n = 0; n < Fives; n++) begin : gen_five
    logic [7:0] code;
    logic [4:0] triple_q;
    logic [2:0] pair_q;
    logic [9:0] weight, weight_q;
    logic escape, escape_q;
    assign code = packed_i[8*n +: 8];
    assign escape = &code[4:2];
    assign weight = {two(pair_q, escape_q), three(triple_q)};
    always_ff @(posedge clk_i) begin
      escape_q <= escape;
      pair_q <= code[7:5];
      triple_q <= {escape ? code[7:5] : code[4:2], code[1:0]};
      weight_q <= weight;
    end
    assign weight_o[10*n +: 10] = weight_q;
  end

  if (Left >= 3) begin : gen_triple
    logic [4:0] triple_q;
    logic [5:0] weight, weight_q;
    assign weight = three(triple_q);
    always_ff @(posedge clk_i) begin
      triple_q <= packed_i[8*Fives +: 5];
      weight_q <= weight;
    end
    assign weight_o[10*Fives +: 6] = weight_q;
  end
  if (Left % 3 != 0) begin : gen_plain
    localparam int Plain = 2*(Left % 3);
    ternc_delay #(.Width(Plain), .Depth(2)) u_plain (
      .clk_i(clk_i), .d_i(packed_i[Bits-1 -: Plain]), .q_o(weight_o[2*Lanes-1 -: Plain])
    );
  end

`ifndef SYNTHESIS
  initial begin
    if (Lanes < 1) $fatal(1, "ternc_unpack: Lanes must be at least 1, not %0d", Lanes);
  end
`endif

endmodule
