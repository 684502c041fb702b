// Writes one pixel's vector of Cols values: to an output memory as one word (to_output_i has a bit for each), or
// to the feature memory as Words words of SliceLanes codes in successive cycles (one word into one of Slices
// slices where Words is 1). Without to_feature_i and to_output_i nothing is written.
//
// Latency 1 to the write ports; a vector is taken every Words cycles at most. It does not check codes: a value
// for the feature memory is in [0, 2^FeatureBits).
module ternc_writer #(
  parameter int Cols = 1,
  parameter int ValueBits = 9,
  parameter int FeatureBits = 8,
  parameter int Outputs = 1,
  parameter int Slices = 1,
  parameter int SliceLanes = 1,
  parameter int Words = 1,
  parameter int WrBits = 8,
  parameter int AddrBits = 8,
  parameter int FeatureAddrBits = 8,
  parameter int OutputAddrBits = 8,
  parameter int BankBits = 1,
  parameter int SliceBits = 1
) (
  input  logic                                     clk_i,
  input  logic                                     rst_ni,
  input  logic                                     valid_i,
  input  logic [Cols*ValueBits-1:0]                value_i,
  input  logic [BankBits-1:0]                      bank_i,
  input  logic [AddrBits-1:0]                      addr_i,
  input  logic [SliceBits-1:0]                     slice_i,
  input  logic [WrBits-1:0]                        plane_i,
  input  logic                                     to_feature_i,
  input  logic [Outputs-1:0]                       to_output_i,
  output logic [Slices-1:0]                        feature_en_o,
  output logic [BankBits-1:0]                      feature_bank_o,
  output logic [FeatureAddrBits-1:0]               feature_addr_o,
  output logic [Slices*SliceLanes*FeatureBits-1:0] feature_data_o,
  output logic [Outputs-1:0]                       output_en_o,
  output logic [OutputAddrBits-1:0]                output_addr_o,
  output logic [Cols*ValueBits-1:0]                output_data_o
);

  localparam int WordBits = SliceLanes * FeatureBits;

  // the vector's codes in the order of its words, zero-filled to whole words
  logic [Words*WordBits-1:0] codes;
  always_comb begin
    codes = '0;
    for (int c = 0; c < Cols; c++) codes[c*FeatureBits +: FeatureBits] = value_i[c*ValueBits +: FeatureBits];
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) output_en_o <= '0;
    else output_en_o <= valid_i ? to_output_i : '0;
  end
  always_ff @(posedge clk_i) begin
    output_addr_o <= OutputAddrBits'(addr_i);
    output_data_o <= value_i;
  end

  if (Words == 1) begin : gen_one
    logic unused_plane;
    assign unused_plane = ^plane_i;
    always_ff @(posedge clk_i) begin
      if (!rst_ni) feature_en_o <= '0;
      else for (int s = 0; s < Slices; s++) begin
        feature_en_o[s] <= valid_i && to_feature_i && (slice_i == SliceBits'(s));
      end
    end
    always_ff @(posedge clk_i) begin
      feature_bank_o <= bank_i;
      feature_addr_o <= FeatureAddrBits'(addr_i);
      feature_data_o <= {Slices{codes}};
    end
  end else begin : gen_many
    localparam int LeftBits = $clog2(Words);
    logic [LeftBits-1:0] left_q;
    logic [Words*WordBits-1:0] rest_q;
    logic unused_slice;
    assign unused_slice = ^{slice_i, plane_i};
    assign feature_data_o = rest_q[WordBits-1:0];
    always_ff @(posedge clk_i) begin
      if (!rst_ni) begin
        feature_en_o <= '0;
        left_q <= '0;
      end else if (valid_i && to_feature_i) begin
        feature_en_o <= 1'b1;
        left_q <= LeftBits'(Words - 1);
      end else begin
        feature_en_o <= left_q != 0;
        if (left_q != 0) left_q <= left_q - 1'b1;
      end
    end
    always_ff @(posedge clk_i) begin
      if (valid_i) begin
        feature_bank_o <= bank_i;
        feature_addr_o <= FeatureAddrBits'(addr_i);
        rest_q <= codes;
      end else begin
        feature_addr_o <= feature_addr_o + FeatureAddrBits'(plane_i);
        rest_q <= rest_q >> WordBits;
      end
    end
  end

endmodule
