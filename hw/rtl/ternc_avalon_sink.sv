// An Avalon-ST sink in front of an AXI4-Stream input: the same beats, bytes in the other order.
//
// Avalon-ST puts the first symbol, here a byte, into the most significant bits (firstSymbolInHighOrderBits, its default),
// AXI4-Stream into the least significant. endofpacket becomes last; startofpacket is not needed and not read. Ready latency
// 0, so ready and valid mean the same on both sides.
//
// Throughput: one beat a cycle. Latency: none, it is wires. A packet is a whole number of beats: there is no empty signal.
module ternc_avalon_sink #(
  parameter int Bytes = 1
) (
  // Avalon-ST
  input  logic               valid_i,
  output logic               ready_o,
  input  logic [8*Bytes-1:0] data_i,
  input  logic               startofpacket_i,
  input  logic               endofpacket_i,
  // AXI4-Stream
  output logic               valid_o,
  input  logic               ready_i,
  output logic [8*Bytes-1:0] data_o,
  output logic               last_o
);

  logic unused;

  assign valid_o = valid_i;
  assign ready_o = ready_i;
  assign last_o = endofpacket_i;
  assign unused = startofpacket_i;

  for (genvar b = 0; b < Bytes; b++) begin : gen_byte
    assign data_o[8*b +: 8] = data_i[8*(Bytes-1-b) +: 8];
  end

`ifndef SYNTHESIS
  initial if (Bytes < 1) $fatal(1, "ternc_avalon_sink: Bytes must be at least 1, not %0d", Bytes);
`endif

endmodule
