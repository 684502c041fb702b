// A delay line: q_o is d_i of Depth cycles ago.
//
// Throughput: one word a cycle. Latency: Depth cycles; Depth 0 is a wire.
// It has no reset and no enable: what comes out of the first Depth cycles is undefined.

module ternc_delay #(
  parameter int Width = 8,
  parameter int Depth = 1
) (
  input  logic             clk_i,
  input  logic [Width-1:0] d_i,
  output logic [Width-1:0] q_o
);

  if (Depth == 0) begin : gen_wire
    logic unused_clk;
    assign unused_clk = clk_i;
    assign q_o = d_i;
  end else begin : gen_registers
    for (genvar s = 0; s < Depth; s++) begin : gen_stage
      logic [Width-1:0] word_q;
      if (s == 0) begin : gen_first
        always_ff @(posedge clk_i) word_q <= d_i;
      end else begin : gen_next
        always_ff @(posedge clk_i) word_q <= gen_stage[s-1].word_q;
      end
    end
    assign q_o = gen_stage[Depth-1].word_q;
  end

`ifndef SYNTHESIS
  initial begin
    if (Width < 1) $fatal(1, "ternc_delay: Width must be at least 1, not %0d", Width);
    if (Depth < 0) $fatal(1, "ternc_delay: Depth must be at least 0, not %0d", Depth);
  end
`endif

endmodule
