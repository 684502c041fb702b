// Turns the drained, requantised and aligned values of the columns into memory writes.
//
// Each pass announces itself on info_i and again, later, on last_i when its last tap enters column 0.
// StartDelay cycles after last_i the Rows pixels of the pass appear on value_i, one every DrainPeriod cycles:
// with last_i in cycle t, row r is sampled in cycle t + StartDelay + 3 + r*DrainPeriod.
// Latency from value_i to the write ports: 2 (pool, write register).
// A pixel outside the map (its x-map entry is not valid) is not written; a row that the pass's info does not take
// has no part in the pixel's window. to_output_i, to_score_i, out_base_i and plane_i are constant while values of
// a layer come. A layer for the score writes no memory: score_valid_o marks its vectors on done_value_o.
module ternc_collector #(
  parameter int Rows = 1,
  parameter int Cols = 1,
  parameter int ValueBits = 9,
  parameter int FeatureBits = 8,
  parameter int Outputs = 1,
  parameter int Slices = 1,
  parameter int SliceLanes = 1,
  parameter int DrainPeriod = 1,
  parameter int StartDelay = 1,
  parameter int InfoLog2 = 2,
  parameter int WrBits = 8,
  parameter int FeatureAddrBits = 8,
  parameter int OutputAddrBits = 8,
  parameter int BankBits = 1,
  parameter int SliceBits = 1,
  parameter int XmapDepth = 1,
  parameter XmapFile = "",
  parameter int XmapBits = (XmapDepth > 1) ? $clog2(XmapDepth) : 1,
  parameter int InfoBits = WrBits + XmapBits + SliceBits + 2 + Rows
) (
  input  logic                                     clk_i,
  input  logic                                     rst_ni,
  input  logic                                     info_valid_i,
  input  logic [InfoBits-1:0]                      info_i,
  input  logic                                     last_i,
  input  logic [Outputs-1:0]                       to_output_i,
  input  logic [Outputs*OutputAddrBits-1:0]        out_base_i,
  input  logic                                     to_score_i,
  input  logic [WrBits-1:0]                        plane_i,
  input  logic [Cols*ValueBits-1:0]                value_i,
  input  logic [Cols-1:0]                          min_i,
  output logic [Slices-1:0]                        feature_en_o,
  output logic [BankBits-1:0]                      feature_bank_o,
  output logic [FeatureAddrBits-1:0]               feature_addr_o,
  output logic [Slices*SliceLanes*FeatureBits-1:0] feature_data_o,
  output logic [Outputs-1:0]                       output_en_o,
  output logic [OutputAddrBits-1:0]                output_addr_o,
  output logic [Cols*ValueBits-1:0]                output_data_o,
  output logic                                     score_valid_o,
  output logic                                     done_valid_o,
  output logic [Cols*ValueBits-1:0]                done_value_o
);

  localparam int RowBits = (Rows > 1) ? $clog2(Rows) : 1;
  localparam int PeriodBits = (DrainPeriod > 1) ? $clog2(DrainPeriod) : 1;
  localparam int XmapWidth = 1 + BankBits + WrBits;
  localparam int StoreBits = (OutputAddrBits > WrBits) ? OutputAddrBits : WrBits;

  typedef struct packed {
    logic [Rows-1:0]      take;
    logic                 last_window;
    logic                 first_window;
    logic [SliceBits-1:0] slice;
    logic [XmapBits-1:0]  xmap;
    logic [WrBits-1:0]    addr;
  } info_t;

  // ---------------------------------------------------------------- when a pass's first pixel comes
  logic [StartDelay-1:0] start_q;
  logic start;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) start_q <= '0;
    else start_q <= StartDelay'({start_q, last_i});
  end
  assign start = start_q[StartDelay-1];

  logic [InfoBits-1:0] next_info;
  logic unused_valid, unused_full;
  ternc_fifo #(.Width(InfoBits), .DepthLog2(InfoLog2)) u_info (
    .clk_i(clk_i), .rst_ni(rst_ni), .push_i(info_valid_i), .data_i(info_i), .full_o(unused_full),
    .pop_i(start), .data_o(next_info), .valid_o(unused_valid)
  );

  info_t info_q;
  logic busy_q;
  logic [RowBits-1:0] row_q;
  logic [PeriodBits-1:0] period_q;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) busy_q <= 1'b0;
    else if (start) busy_q <= 1'b1;
    else if (row_q == RowBits'(Rows - 1) && period_q == PeriodBits'(DrainPeriod - 1)) busy_q <= 1'b0;
  end
  always_ff @(posedge clk_i) begin
    if (start) begin
      info_q <= next_info;
      row_q <= '0;
      period_q <= '0;
    end else if (period_q == PeriodBits'(DrainPeriod - 1)) begin
      period_q <= '0;
      row_q <= row_q + 1'b1;
    end else begin
      period_q <= period_q + 1'b1;
    end
  end

  // ---------------------------------------------------------------- pixel's place, pool
  logic [XmapWidth-1:0] xmap_word;
  logic [1:0] valid_q;
  logic [1+RowBits+InfoBits-1:0] at_value;
  logic take_v;
  logic [Rows-1:0] take;
  logic [RowBits-1:0] row_v;
  info_t info_v;
  ternc_rom #(.Width(XmapWidth), .Depth(XmapDepth), .InitFile(XmapFile)) u_xmap (
    .clk_i(clk_i), .addr_i(info_q.xmap + XmapBits'(row_q)), .data_o(xmap_word)
  );
  ternc_delay #(.Width(1 + RowBits + InfoBits), .Depth(2)) u_at (
    .clk_i(clk_i), .d_i({take[row_q], row_q, info_q}), .q_o(at_value)
  );
  assign take = info_q.take;
  assign {take_v, row_v, info_v} = at_value;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) valid_q <= '0;
    else valid_q <= {valid_q[0], busy_q && (period_q == 0)};
  end

  logic pool_valid;
  logic [RowBits-1:0] unused_row;
  logic [Cols*ValueBits-1:0] pool_value;
  ternc_pool #(.Rows(Rows), .Cols(Cols), .ValueBits(ValueBits)) u_pool (
    .clk_i(clk_i), .rst_ni(rst_ni), .valid_i(valid_q[1]), .row_i(row_v),
    .first_i(info_v.first_window), .last_i(info_v.last_window), .take_i(take_v), .value_i(value_i), .min_i(min_i),
    .valid_o(pool_valid), .row_o(unused_row), .value_o(pool_value)
  );

  logic [XmapWidth-1:0] place_q;
  logic [SliceBits-1:0] slice_q;
  logic [StoreBits-1:0] addr_q, base_q, base_d, addr;
  logic to_feature;
  always_comb begin
    base_d = '0;
    for (int n = 0; n < Outputs; n++) begin
      if (to_output_i[n]) base_d = StoreBits'(out_base_i[n*OutputAddrBits +: OutputAddrBits]);
    end
  end
  always_ff @(posedge clk_i) begin
    base_q <= base_d;
    place_q <= xmap_word;
    slice_q <= info_v.slice;
    addr_q <= StoreBits'(info_v.addr) + base_q;
  end

  logic unused_info;
  assign unused_info = ^{info_v, unused_valid, unused_full, unused_row};

  logic place_valid;
  logic [BankBits-1:0] place_bank;
  logic [WrBits-1:0] place_offset;
  assign {place_valid, place_bank, place_offset} = place_q;
  assign done_valid_o = pool_valid && place_valid;
  assign done_value_o = pool_value;
  assign score_valid_o = done_valid_o && to_score_i;
  assign addr = addr_q + StoreBits'(place_offset);
  assign to_feature = (to_output_i == '0) && !to_score_i;

  ternc_writer #(
    .Cols(Cols), .ValueBits(ValueBits), .FeatureBits(FeatureBits), .Outputs(Outputs), .Slices(Slices),
    .SliceLanes(SliceLanes), .Words(DrainPeriod), .WrBits(WrBits), .AddrBits(StoreBits),
    .FeatureAddrBits(FeatureAddrBits), .OutputAddrBits(OutputAddrBits), .BankBits(BankBits), .SliceBits(SliceBits)
  ) u_writer (
    .clk_i(clk_i), .rst_ni(rst_ni), .valid_i(done_valid_o), .value_i(pool_value), .bank_i(place_bank),
    .addr_i(addr), .slice_i(slice_q), .plane_i(plane_i),
    .to_feature_i(to_feature), .to_output_i(to_output_i), .feature_en_o(feature_en_o),
    .feature_bank_o(feature_bank_o), .feature_addr_o(feature_addr_o), .feature_data_o(feature_data_o),
    .output_en_o(output_en_o), .output_addr_o(output_addr_o), .output_data_o(output_data_o)
  );

endmodule
