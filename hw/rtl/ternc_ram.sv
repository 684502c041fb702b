// A memory with one write port and one read port.
//
// Throughput: one write and one read a cycle. Read latency: 2 cycles (the read register of the RAM block
// and its output register); a write is seen by reads of the next cycle on. Reading the address that is
// being written gives the old or the new word, and an address of Depth or more does not exist: users
// avoid both. Contents are undefined until written.

module ternc_ram #(
  parameter int Width = 8,
  parameter int Depth = 16,
  parameter int AddrBits = (Depth > 1) ? $clog2(Depth) : 1
) (
  input  logic                clk_i,
  input  logic                wr_en_i,
  input  logic [AddrBits-1:0] wr_addr_i,
  input  logic [Width-1:0]    wr_data_i,
  input  logic [AddrBits-1:0] rd_addr_i,
  output logic [Width-1:0]    rd_data_o
);

  (* ramstyle = "no_rw_check" *) logic [Width-1:0] mem [0:Depth-1];
  logic [Width-1:0] read_q, data_q;

  always_ff @(posedge clk_i) begin
    if (wr_en_i) mem[wr_addr_i] <= wr_data_i;
    read_q <= mem[rd_addr_i];
    data_q <= read_q;
  end

  assign rd_data_o = data_q;

`ifndef SYNTHESIS
  initial begin
    if (Width < 1) $fatal(1, "ternc_ram: Width must be at least 1, not %0d", Width);
    if (Depth < 1) $fatal(1, "ternc_ram: Depth must be at least 1, not %0d", Depth);
  end
`endif

endmodule
