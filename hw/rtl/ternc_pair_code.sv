// Recodes pairs of trits for ternc_dot_alm, once for all rows of a column.
//
// Of the nine values of a pair (first, second), the eight that are not (0, 0) get a code of three bits: the first adder
// of a cell has room for three bits beside its two operands. The ninth is `gate` = 0, which the second adder applies.
//
//   code  0: (0, +)  1: (0, -)  2: (+, 0)  3: (-, 0)  4: (+, +)  5: (+, -)  6: (-, +)  7: (-, -)
//
// A trit is {neg, nz}, and neg is 0 where nz is. code_o has no latency, gate_o one cycle.

module ternc_pair_code #(
  parameter int Pairs = 4
) (
  input  logic               clk_i,
  input  logic [4*Pairs-1:0] weight_i,
  output logic [3*Pairs-1:0] code_o,
  output logic [Pairs-1:0]   gate_o
);

  for (genvar p = 0; p < Pairs; p++) begin : gen_pair
    logic neg_a, nz_a, neg_b, nz_b;
    assign {neg_b, nz_b, neg_a, nz_a} = weight_i[4*p +: 4];
    assign code_o[3*p +: 3] = {nz_a & nz_b, nz_b ? neg_a : nz_a, nz_b ? neg_b : neg_a};
    always_ff @(posedge clk_i) gate_o[p] <= nz_a | nz_b;
  end

endmodule
