// Chooses the memory that a layer reads and puts the padding code into rows outside the map.
//
// One vector a cycle, latency 1. Codes narrower than ActBits are extended with zeros.
module ternc_operand #(
  parameter int Rows = 1,
  parameter int Lanes = 1,
  parameter int ActBits = 8,
  parameter int InputBits = 8,
  parameter int FeatureBits = 8
) (
  input  logic                              clk_i,
  input  logic                              from_input_i,
  input  logic [ActBits-1:0]                pad_i,
  input  logic [Rows-1:0]                   mask_i,
  input  logic [Rows*Lanes*InputBits-1:0]   input_i,
  input  logic [Rows*Lanes*FeatureBits-1:0] feature_i,
  output logic [Rows*Lanes*ActBits-1:0]     act_o
);

  always_ff @(posedge clk_i) begin
    for (int r = 0; r < Rows; r++) begin
      for (int l = 0; l < Lanes; l++) begin
        act_o[(r*Lanes+l)*ActBits +: ActBits] <=
            !mask_i[r] ? pad_i
          : from_input_i ? ActBits'(input_i[(r*Lanes+l)*InputBits +: InputBits])
          : ActBits'(feature_i[(r*Lanes+l)*FeatureBits +: FeatureBits]);
      end
    end
  end

endmodule
