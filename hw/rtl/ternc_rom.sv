// A memory that the design only reads, filled from a file of hexadecimal words ($readmemh).
//
// Throughput: one read a cycle. Latency: Latency cycles, 1 (the read register of the RAM block) or 2 (and its output
// register). An empty InitFile leaves the contents undefined. An address of Depth or more reads an undefined word.
//
// With LoadWidth > 0 it has a write port as well, on a load bus: from the highest bit down {write, memory [16], address [24],
// data [LoadWidth]}. It takes the words that are written to memory number Memory, a word a cycle, in the cycle in which they are on
// load_i; reading meanwhile gives anything. Without, load_i is not read.

module ternc_rom #(
  parameter int Width = 8,
  parameter int Depth = 16,
  parameter     InitFile = "",
  parameter int Latency = 2,
  parameter int Memory = 0,
  parameter int LoadWidth = 0,
  parameter int LoadBits = 41 + LoadWidth,
  parameter int AddrBits = (Depth > 1) ? $clog2(Depth) : 1
) (
  input  logic                clk_i,
  input  logic [AddrBits-1:0] addr_i,
  output logic [Width-1:0]    data_o,
  input  logic [LoadBits-1:0] load_i
);

  (* ramstyle = "no_rw_check" *) logic [Width-1:0] mem [0:Depth-1];
  logic [Width-1:0] read_q;

  initial if (InitFile != "") $readmemh(InitFile, mem);

  always_ff @(posedge clk_i) read_q <= mem[addr_i];

  if (Latency == 1) begin : gen_early
    assign data_o = read_q;
  end else begin : gen_late
    logic [Width-1:0] data_q;
    always_ff @(posedge clk_i) data_q <= read_q;
    assign data_o = data_q;
  end

  logic unused_load;
  assign unused_load = ^load_i;

  if (LoadWidth > 0) begin : gen_load
    logic mine;
    assign mine = load_i[LoadBits-1] && (load_i[LoadWidth+24 +: 16] == 16'(Memory));
    // not always_ff, whose variables may have no initial value
    always @(posedge clk_i) begin
      if (mine) mem[load_i[LoadWidth +: AddrBits]] <= load_i[Width-1:0];
    end
  end

`ifndef SYNTHESIS
  initial begin
    if (Width < 1) $fatal(1, "ternc_rom: Width must be at least 1, not %0d", Width);
    if (Depth < 1) $fatal(1, "ternc_rom: Depth must be at least 1, not %0d", Depth);
    if (Latency != 1 && Latency != 2) $fatal(1, "ternc_rom: Latency must be 1 or 2, not %0d", Latency);
    if (LoadWidth != 0 && LoadWidth < Width) begin
      $fatal(1, "ternc_rom: LoadWidth must be 0 or at least Width (%0d), not %0d", Width, LoadWidth);
    end
  end
`endif

endmodule
