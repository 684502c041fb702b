// Replaces a level by its code: the last step of an activation that does not rise everywhere.
//
// A table has 2**CodeBits codes; the ROM holds Tables of them, one behind the other. With use_i the code is
// word {table_i, level}, the level being the low CodeBits of value_i; without it value_i passes. use_i, table_i and
// min_i belong to the value of the same cycle; min_i goes along with it.
//
// Throughput: one value a cycle. Latency: 2 cycles, the read register and the one behind the choice. It has no
// valid and no reset. load_i, LoadWidth and Memory: see ternc_rom.

module ternc_table #(
  parameter int CodeBits = 4,
  parameter int ValueBits = 8,
  parameter int Tables = 1,
  parameter     InitFile = "",
  parameter int Memory = 0,
  parameter int LoadWidth = 0,
  parameter int LoadBits = 41 + LoadWidth,
  parameter int TableBits = (Tables > 1) ? $clog2(Tables) : 1
) (
  input  logic                 clk_i,
  input  logic                 use_i,
  input  logic [TableBits-1:0] table_i,
  input  logic [ValueBits-1:0] value_i,
  input  logic                 min_i,
  output logic [ValueBits-1:0] value_o,
  output logic                 min_o,
  input  logic [LoadBits-1:0]  load_i
);

  localparam int Depth = Tables << CodeBits;
  localparam int AddrBits = $clog2(Depth);

  logic [CodeBits-1:0]  code_q;
  logic [ValueBits-1:0] value_q;
  logic [AddrBits-1:0]  addr;
  logic                 use_q, min_q;

  if (Tables > 1) begin : gen_tables
    assign addr = {table_i, value_i[CodeBits-1:0]};
  end else begin : gen_one
    logic unused_table;
    assign unused_table = ^table_i;
    assign addr = value_i[CodeBits-1:0];
  end

  ternc_rom #(
    .Width(CodeBits), .Depth(Depth), .InitFile(InitFile), .Latency(1), .Memory(Memory), .LoadWidth(LoadWidth)
  ) u_rom (
    .clk_i(clk_i), .addr_i(addr), .data_o(code_q), .load_i(load_i)
  );

  always_ff @(posedge clk_i) begin
    value_q <= value_i;
    use_q   <= use_i;
    min_q   <= min_i;
    value_o <= use_q ? ValueBits'(code_q) : value_q;
    min_o   <= min_q;
  end

`ifndef SYNTHESIS
  initial begin
    if (Tables < 1) $fatal(1, "ternc_table: Tables must be at least 1, not %0d", Tables);
    if (ValueBits <= CodeBits) begin
      $fatal(1, "ternc_table: ValueBits must be more than CodeBits (%0d), not %0d", CodeBits, ValueBits);
    end
  end
`endif

endmodule
