// Chooses the memory that a tap reads and puts the padding code into rows outside the map.
//
// sources_i has the words of all memories side by side: source 0 is the feature memory, source k the memory of
// input k - 1. source_i, pad_i and mask_i belong to the same tap as the words.
//
// Throughput: one vector a cycle. Latency: 1 cycle. It has no valid and no reset; a source that does not exist
// gives the padding code.
module ternc_operand #(
  parameter int Rows = 1,
  parameter int Lanes = 1,
  parameter int ActBits = 8,
  parameter int Sources = 2,
  parameter int SourceBits = (Sources > 1) ? $clog2(Sources) : 1
) (
  input  logic                                  clk_i,
  input  logic [SourceBits-1:0]                 source_i,
  input  logic [ActBits-1:0]                    pad_i,
  input  logic [Rows-1:0]                       mask_i,
  input  logic [Sources*Rows*Lanes*ActBits-1:0] sources_i,
  output logic [Rows*Lanes*ActBits-1:0]         act_o
);

  localparam int RowBits = Lanes * ActBits;

  for (genvar r = 0; r < Rows; r++) begin : gen_row
    logic shown;
    assign shown = mask_i[r];
    for (genvar s = 0; s < Sources; s++) begin : gen_source
      logic [RowBits-1:0] others, codes;  // what the sources before this one give; what they and it give
      if (s == 0) begin : gen_none
        assign others = {Lanes{pad_i}};
      end else begin : gen_before
        assign others = gen_source[s-1].codes;
      end
      assign codes = (shown && source_i == SourceBits'(s)) ? sources_i[(s*Rows+r)*RowBits +: RowBits] : others;
    end
    always_ff @(posedge clk_i) act_o[r*RowBits +: RowBits] <= gen_source[Sources-1].codes;
  end

`ifndef SYNTHESIS
  initial begin
    if (Sources < 1) $fatal(1, "ternc_operand: Sources must be at least 1, not %0d", Sources);
  end
`endif

endmodule
