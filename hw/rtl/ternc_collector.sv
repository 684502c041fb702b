// Turns the drained, requantised and aligned values of the columns into vectors for the feature memory and for links.
//
// Each pass announces itself on info_i and again, later, on last_i when its last tap enters column 0. StartDelay cycles
// after last_i the Rows pixels of the pass appear on value_i, Drain a cycle: with last_i in cycle t, row r is sampled in
// cycle t + StartDelay + 3 + r / Drain, as vector r mod Drain. A pass's last_i comes Rows / Drain cycles after the one
// before at the earliest.
// What becomes of a pixel is in its pass's info: the feature memory (to_feature), links, both or none; its place there,
// its tile and its row within the step. The x-map adds the columns of the Drain pixels of a cycle: from bit 0 up x, for
// the links, and of each pixel offset, bank, valid. A pixel outside the map (not valid) goes nowhere; pixel 0 is valid
// if any is. A row that the info does not take has no part in its window.
//
// Throughput: Drain pixels a cycle. Latency from value_i: 1 to done_valid_o and done_value_o, which show every pixel, and 2
// to the feature memory's write ports and to the links. It does not wait: who reads a link has given room before. A value
// for the feature memory is in [0, 2^FeatureBits). load_i, LoadWidth and XmapMemory: see ternc_rom.
module ternc_collector #(
  parameter int Rows = 1,
  parameter int Cols = 1,
  parameter int ValueBits = 9,
  parameter int FeatureBits = 8,
  parameter int Links = 1,
  parameter int StartDelay = 1,
  parameter int InfoLog2 = 2,
  parameter int WrBits = 8,
  parameter int BankBits = 1,
  parameter int PieceBits = 1,
  parameter int TileBits = 1,
  parameter int StepBits = 1,
  parameter int LinkXBits = 1,
  parameter int XmapDepth = 1,
  parameter XmapFile = "",
  parameter int Drain = 1,
  parameter int XmapMemory = 0,
  parameter int LoadWidth = 0,
  parameter int LoadBits = 41 + LoadWidth,
  parameter int XmapBits = (XmapDepth > 1) ? $clog2(XmapDepth) : 1,
  parameter int InfoBits = 2*WrBits + XmapBits + TileBits + StepBits + PieceBits + Links + Rows + 3
) (
  input  logic                              clk_i,
  input  logic                              rst_ni,
  input  logic                              info_valid_i,
  input  logic [InfoBits-1:0]               info_i,
  input  logic                              last_i,
  input  logic [Drain*Cols*ValueBits-1:0]   value_i,
  input  logic [Cols-1:0]                   min_i,
  // feature memory
  output logic [Drain-1:0]                  feature_en_o,
  output logic [Drain*BankBits-1:0]         feature_bank_o,
  output logic [Drain*WrBits-1:0]           feature_addr_o,
  output logic [Drain*WrBits-1:0]           feature_next_o,
  output logic [PieceBits-1:0]              feature_piece_o,
  output logic [Drain*Cols*FeatureBits-1:0] feature_data_o,
  // links
  output logic [Links-1:0]                  link_valid_o,
  output logic [StepBits-1:0]               link_row_o,
  output logic [LinkXBits-1:0]              link_x_o,
  output logic [TileBits-1:0]               link_tile_o,
  output logic [Drain*Cols*ValueBits-1:0]   link_data_o,
  // every pixel
  output logic                              done_valid_o,
  output logic [Drain*Cols*ValueBits-1:0]   done_value_o,
  input  logic [LoadBits-1:0]               load_i
);

  localparam int Beats = Rows / Drain;  // of a pass
  localparam int RowBits = (Beats > 1) ? $clog2(Beats) : 1;
  localparam int PlaceBits = 1 + BankBits + WrBits;
  localparam int XmapWidth = Drain * PlaceBits + LinkXBits;
  localparam int VectorBits = Cols * ValueBits;

  typedef struct packed {
    logic [Rows-1:0]      take;
    logic                 last_window;
    logic                 first_window;
    logic [Links-1:0]     links;
    logic                 to_feature;
    logic [PieceBits-1:0] piece;
    logic [StepBits-1:0]  step_row;
    logic [TileBits-1:0]  tile;
    logic [XmapBits-1:0]  xmap;
    logic [WrBits-1:0]    next;
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
  always_ff @(posedge clk_i) begin
    if (!rst_ni) busy_q <= 1'b0;
    else if (start) busy_q <= 1'b1;
    else if (row_q == RowBits'(Beats - 1)) busy_q <= 1'b0;
  end
  always_ff @(posedge clk_i) begin
    if (start) begin
      info_q <= next_info;
      row_q <= '0;
    end else begin
      row_q <= row_q + 1'b1;
    end
  end

  // ---------------------------------------------------------------- pixels' places, pool
  logic [XmapWidth-1:0] xmap_word;
  logic [1:0] valid_q;
  logic [RowBits+InfoBits-1:0] at_value;
  logic [RowBits-1:0] row_v;
  info_t info_v;
  logic [Rows-1:0] take_v;
  logic [Drain-1:0] pool_valid, take_row;
  logic [Drain*RowBits-1:0] unused_row;
  logic [Drain*VectorBits-1:0] pool_value;

  ternc_rom #(
    .Width(XmapWidth), .Depth(XmapDepth), .InitFile(XmapFile), .Memory(XmapMemory), .LoadWidth(LoadWidth)
  ) u_xmap (
    .clk_i(clk_i), .addr_i(info_q.xmap + XmapBits'(row_q)), .data_o(xmap_word), .load_i(load_i)
  );
  ternc_delay #(.Width(RowBits + InfoBits), .Depth(2)) u_at (.clk_i(clk_i), .d_i({row_q, info_q}), .q_o(at_value));
  assign {row_v, info_v} = at_value;
  assign take_v = info_v.take;
  assign take_row = take_v[row_v*Drain +: Drain];
  always_ff @(posedge clk_i) begin
    if (!rst_ni) valid_q <= 2'b00;
    else valid_q <= {valid_q[0], busy_q};
  end

  for (genvar d = 0; d < Drain; d++) begin : gen_pool
    ternc_pool #(.Rows(Beats), .Cols(Cols), .ValueBits(ValueBits)) u_pool (
      .clk_i(clk_i), .rst_ni(rst_ni), .valid_i(valid_q[1]), .row_i(row_v), .first_i(info_v.first_window),
      .last_i(info_v.last_window), .take_i(take_row[d]), .value_i(value_i[d*VectorBits +: VectorBits]), .min_i(min_i),
      .valid_o(pool_valid[d]), .row_o(unused_row[d*RowBits +: RowBits]), .value_o(pool_value[d*VectorBits +: VectorBits])
    );
  end

  // ---------------------------------------------------------------- destinations
  logic to_feature_q;
  logic [Drain-1:0] place_valid_q, done;
  logic [LinkXBits-1:0] x_q;
  logic [PieceBits-1:0] piece_q;
  logic [TileBits-1:0] tile_q;
  logic [StepBits-1:0] step_row_q;
  logic [Links-1:0] links_q;

  always_ff @(posedge clk_i) begin
    to_feature_q <= info_v.to_feature;
    links_q <= info_v.links;
    piece_q <= info_v.piece;
    step_row_q <= info_v.step_row;
    x_q <= xmap_word[LinkXBits-1:0];
    tile_q <= info_v.tile;
  end
  assign done = pool_valid & place_valid_q;
  assign done_valid_o = done[0];
  assign done_value_o = pool_value;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      feature_en_o <= '0;
      link_valid_o <= '0;
    end else begin
      feature_en_o <= to_feature_q ? done : '0;
      link_valid_o <= done_valid_o ? links_q : '0;
    end
  end
  always_ff @(posedge clk_i) begin
    feature_piece_o <= piece_q;
    link_row_o <= step_row_q;
    link_x_o <= x_q;
    link_tile_o <= tile_q;
    link_data_o <= pool_value;
  end

  for (genvar d = 0; d < Drain; d++) begin : gen_place
    logic [BankBits-1:0] bank, bank_q;
    logic [WrBits-1:0] offset, addr_q, next_q;
    logic valid;
    assign {valid, bank, offset} = xmap_word[LinkXBits+d*PlaceBits +: PlaceBits];
    always_ff @(posedge clk_i) begin
      place_valid_q[d] <= valid;
      bank_q <= bank;
      addr_q <= info_v.addr + offset;
      next_q <= info_v.next + offset;
      feature_bank_o[d*BankBits +: BankBits] <= bank_q;
      feature_addr_o[d*WrBits +: WrBits] <= addr_q;
      feature_next_o[d*WrBits +: WrBits] <= next_q;
    end
    for (genvar c = 0; c < Cols; c++) begin : gen_code
      assign feature_data_o[(d*Cols+c)*FeatureBits +: FeatureBits] = link_data_o[(d*Cols+c)*ValueBits +: FeatureBits];
    end
  end

  logic unused;
  assign unused = ^{info_v, unused_valid, unused_full, unused_row};

`ifndef SYNTHESIS
  initial begin
    if (Drain < 1 || Rows % Drain != 0) $fatal(1, "ternc_collector: Drain (%0d) must divide Rows (%0d)", Drain, Rows);
    if (StartDelay < 1) $fatal(1, "ternc_collector: StartDelay must be at least 1, not %0d", StartDelay);
    if (FeatureBits > ValueBits) begin
      $fatal(1, "ternc_collector: FeatureBits must be at most ValueBits (%0d), not %0d", ValueBits, FeatureBits);
    end
  end
`endif

endmodule
