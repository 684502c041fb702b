// An Avalon-ST source behind an AXI4-Stream output: the same beats, bytes in the other order.
//
// Avalon-ST puts the first symbol, here a byte, into the most significant bits (firstSymbolInHighOrderBits, its default),
// AXI4-Stream into the least significant. last becomes endofpacket; startofpacket marks the first beat after a reset and the
// one after each last. Ready latency 0, so ready and valid mean the same on both sides.
//
// Throughput: one beat a cycle. Latency: none. A packet is a whole number of beats: there is no empty signal.
module ternc_avalon_source #(
  parameter int Bytes = 1
) (
  input  logic               clk_i,
  input  logic               rst_ni,
  // AXI4-Stream
  input  logic               valid_i,
  output logic               ready_o,
  input  logic [8*Bytes-1:0] data_i,
  input  logic               last_i,
  // Avalon-ST
  output logic               valid_o,
  input  logic               ready_i,
  output logic [8*Bytes-1:0] data_o,
  output logic               startofpacket_o,
  output logic               endofpacket_o
);

  logic first_q;

  assign valid_o = valid_i;
  assign ready_o = ready_i;
  assign startofpacket_o = first_q;
  assign endofpacket_o = last_i;

  for (genvar b = 0; b < Bytes; b++) begin : gen_byte
    assign data_o[8*b +: 8] = data_i[8*(Bytes-1-b) +: 8];
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) first_q <= 1'b1;
    else if (valid_i && ready_i) first_q <= last_i;
  end

`ifndef SYNTHESIS
  initial if (Bytes < 1) $fatal(1, "ternc_avalon_source: Bytes must be at least 1, not %0d", Bytes);
`endif

endmodule
