// Turns the drained, requantised and aligned values of the columns into memory writes.
//
// Each pass announces itself on info_i with its last tap and again on last_i when that tap enters column 0.
// StartDelay cycles after last_i the Rows pixels of the pass appear on value_i, one every DrainPeriod cycles:
// with last_i in cycle t, row r is sampled in cycle t + StartDelay + 3 + r*DrainPeriod.
// Latency from value_i to the write ports: 2 (pool, write register).
// A pixel outside the map (its x-map entry is not valid) is not written.
module ternc_collector #(
  parameter int Rows = 1,
  parameter int Cols = 1,
  parameter int ValueBits = 9,
  parameter int FeatureBits = 8,
  parameter int OutBits = 9,
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
  parameter int OutputHalfWords = 1,
  parameter XmapFile = "",
  parameter int XmapBits = (XmapDepth > 1) ? $clog2(XmapDepth) : 1,
  parameter int InfoBits = WrBits + XmapBits + SliceBits + 2
) (
  input  logic                                     clk_i,
  input  logic                                     rst_ni,
  input  logic                                     info_valid_i,
  input  logic [InfoBits-1:0]                      info_i,
  input  logic                                     last_i,
  input  logic                                     to_output_i,
  input  logic                                     out_half_i,
  input  logic [WrBits-1:0]                        plane_i,
  input  logic [Cols*ValueBits-1:0]                value_i,
  input  logic [Cols-1:0]                          min_i,
  output logic [Slices-1:0]                        feature_en_o,
  output logic [BankBits-1:0]                      feature_bank_o,
  output logic [FeatureAddrBits-1:0]               feature_addr_o,
  output logic [Slices*SliceLanes*FeatureBits-1:0] feature_data_o,
  output logic                                     output_en_o,
  output logic [OutputAddrBits-1:0]                output_addr_o,
  output logic [Cols*OutBits-1:0]                  output_data_o,
  output logic                                     done_valid_o,
  output logic [Cols*ValueBits-1:0]                done_value_o
);

  localparam int RowBits = (Rows > 1) ? $clog2(Rows) : 1;
  localparam int PeriodBits = (DrainPeriod > 1) ? $clog2(DrainPeriod) : 1;
  localparam int XmapWidth = 1 + BankBits + WrBits;

  typedef struct packed {
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
  logic [RowBits+InfoBits-1:0] at_value;
  logic [RowBits-1:0] row_v;
  info_t info_v;
  ternc_rom #(.Width(XmapWidth), .Depth(XmapDepth), .InitFile(XmapFile)) u_xmap (
    .clk_i(clk_i), .addr_i(info_q.xmap + XmapBits'(row_q)), .data_o(xmap_word)
  );
  ternc_delay #(.Width(RowBits + InfoBits), .Depth(2)) u_at (
    .clk_i(clk_i), .d_i({row_q, info_q}), .q_o(at_value)
  );
  assign {row_v, info_v} = at_value;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) valid_q <= '0;
    else valid_q <= {valid_q[0], busy_q && (period_q == 0)};
  end

  logic pool_valid;
  logic [RowBits-1:0] unused_row;
  logic [Cols*ValueBits-1:0] pool_value;
  ternc_pool #(.Rows(Rows), .Cols(Cols), .ValueBits(ValueBits)) u_pool (
    .clk_i(clk_i), .rst_ni(rst_ni), .valid_i(valid_q[1]), .row_i(row_v),
    .first_i(info_v.first_window), .last_i(info_v.last_window), .value_i(value_i), .min_i(min_i),
    .valid_o(pool_valid), .row_o(unused_row), .value_o(pool_value)
  );

  logic [XmapWidth-1:0] place_q;
  logic [SliceBits-1:0] slice_q;
  logic [WrBits-1:0] addr_q;
  always_ff @(posedge clk_i) begin
    place_q <= xmap_word;
    slice_q <= info_v.slice;
    addr_q <= info_v.addr;
  end

  logic unused_info;
  assign unused_info = ^{info_v, unused_valid, unused_full, unused_row};

  logic place_valid;
  logic [BankBits-1:0] place_bank;
  logic [WrBits-1:0] place_offset;
  assign {place_valid, place_bank, place_offset} = place_q;
  assign done_valid_o = pool_valid && place_valid;
  assign done_value_o = pool_value;

  ternc_writer #(
    .Cols(Cols), .ValueBits(ValueBits), .FeatureBits(FeatureBits), .OutBits(OutBits), .Slices(Slices),
    .SliceLanes(SliceLanes), .Words(DrainPeriod), .WrBits(WrBits), .FeatureAddrBits(FeatureAddrBits),
    .OutputAddrBits(OutputAddrBits), .BankBits(BankBits), .SliceBits(SliceBits),
    .OutputHalfWords(OutputHalfWords)
  ) u_writer (
    .clk_i(clk_i), .rst_ni(rst_ni), .valid_i(done_valid_o), .value_i(pool_value), .bank_i(place_bank),
    .addr_i(addr_q + place_offset), .slice_i(slice_q), .plane_i(plane_i), .to_output_i(to_output_i),
    .out_half_i(out_half_i), .feature_en_o(feature_en_o), .feature_bank_o(feature_bank_o),
    .feature_addr_o(feature_addr_o), .feature_data_o(feature_data_o), .output_en_o(output_en_o),
    .output_addr_o(output_addr_o), .output_data_o(output_data_o)
  );

endmodule
