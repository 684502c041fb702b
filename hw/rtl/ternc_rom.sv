// A read-only memory, filled from a file of hexadecimal words ($readmemh).
//
// Throughput: one read a cycle. Latency: 2 cycles (the read register of the RAM block and its output
// register). An empty InitFile leaves the contents undefined. An address of Depth or more reads an
// undefined word.

module ternc_rom #(
  parameter int Width = 8,
  parameter int Depth = 16,
  parameter     InitFile = "",
  parameter int AddrBits = (Depth > 1) ? $clog2(Depth) : 1
) (
  input  logic                clk_i,
  input  logic [AddrBits-1:0] addr_i,
  output logic [Width-1:0]    data_o
);

  logic [Width-1:0] mem [0:Depth-1];
  logic [Width-1:0] read_q, data_q;

  initial if (InitFile != "") $readmemh(InitFile, mem);

  always_ff @(posedge clk_i) begin
    read_q <= mem[addr_i];
    data_q <= read_q;
  end

  assign data_o = data_q;

`ifndef SYNTHESIS
  initial begin
    if (Width < 1) $fatal(1, "ternc_rom: Width must be at least 1, not %0d", Width);
    if (Depth < 1) $fatal(1, "ternc_rom: Depth must be at least 1, not %0d", Depth);
  end
`endif

endmodule
