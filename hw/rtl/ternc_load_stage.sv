// A register in the load bus (ternc_rom), which shortens its way to the next memories.
//
// Throughput: one word a cycle. Latency: 1 cycle. It has no reset: a word that is on its way arrives. The highest bit, write,
// is 0 when the device is configured.
module ternc_load_stage #(
  parameter int LoadBits = 42
) (
  input  logic                clk_i,
  input  logic [LoadBits-1:0] load_i,
  output logic [LoadBits-1:0] load_o
);

  logic write_q;
  logic [LoadBits-2:0] word_q;

  assign load_o = {write_q, word_q};

  initial write_q = 1'b0;

  // not always_ff, whose variables may have no initial value
  always @(posedge clk_i) write_q <= load_i[LoadBits-1];
  always_ff @(posedge clk_i) word_q <= load_i[LoadBits-2:0];

endmodule
