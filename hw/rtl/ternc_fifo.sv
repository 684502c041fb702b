// A first-in first-out queue of 2**DepthLog2 words whose first word falls through.
//
// Throughput: one push and one pop a cycle. Latency: a word pushed in cycle t is on data_o in cycle t + 1
// at the earliest. A push while full_o and a pop while not valid_o are ignored, so `push_i`/`!full_o` and
// `valid_o`/`pop_i` are two ordinary valid/ready pairs. Full stays full in the cycle of a pop: there is
// no path from pop_i to full_o. It does not count its words for the outside.

module ternc_fifo #(
  parameter int Width = 8,
  parameter int DepthLog2 = 2
) (
  input  logic             clk_i,
  input  logic             rst_ni,
  input  logic             push_i,
  input  logic [Width-1:0] data_i,
  output logic             full_o,
  input  logic             pop_i,
  output logic [Width-1:0] data_o,
  output logic             valid_o
);

  // How many words there are, and whether there are any, both in registers: valid_o has no logic behind it.
  logic [Width-1:0] mem [0:(1 << DepthLog2)-1];
  logic [DepthLog2-1:0] wr_q, rd_q;
  logic [DepthLog2:0] used_q;
  logic push, pop, valid_q;

  assign full_o  = used_q[DepthLog2];
  assign valid_o = valid_q;
  assign push    = push_i & ~full_o;
  assign pop     = pop_i & valid_o;
  assign data_o  = mem[rd_q];

  always_ff @(posedge clk_i) begin
    if (push) mem[wr_q] <= data_i;
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      wr_q <= '0;
      rd_q <= '0;
      used_q <= '0;
      valid_q <= 1'b0;
    end else begin
      wr_q <= wr_q + DepthLog2'(push);
      rd_q <= rd_q + DepthLog2'(pop);
      if (push && !pop) used_q <= used_q + 1'b1;
      else if (!push && pop) used_q <= used_q - 1'b1;
      valid_q <= push || (valid_q && !(pop && used_q == 1));
    end
  end

`ifndef SYNTHESIS
  initial begin
    if (Width < 1) $fatal(1, "ternc_fifo: Width must be at least 1, not %0d", Width);
    if (DepthLog2 < 1) $fatal(1, "ternc_fifo: DepthLog2 must be at least 1, not %0d", DepthLog2);
  end
`endif

endmodule
