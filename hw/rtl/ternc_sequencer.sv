// Runs the program of one engine: layers, passes, taps (docs/program.md).
//
// A fetcher walks the loops (layer, output row, pixel group, pass) ahead of an issuer, which issues one tap a
// cycle without a bubble inside a layer. Between layers the issuer waits FlushCycles, so that every value of
// the layer is in memory before the next one reads it.
//
// Latency, from the cycle in which a tap is issued: 3 to rd_addr_o, 6 to mask_o and weight_addr_o,
// 7 to first_o, last_o and param_o; info_o comes with the issue of a pass's last tap.
// It does not stall: once a layer has started, nothing outside can stop it.
module ternc_sequencer #(
  parameter int Rows = 1,
  parameter int ActBits = 8,
  parameter int RdBits = 8,
  parameter int WrBits = 8,
  parameter int XBits = 8,
  parameter int YBits = 8,
  parameter int RotBits = 1,
  parameter int SliceBits = 1,
  parameter int ParamBits = 1,
  parameter int WeightAddrBits = 1,
  parameter int CountBits = 8,
  parameter int XmapBits = 8,
  parameter int LayerDepth = 1,
  parameter int PassDepth = 1,
  parameter int TapDepth = 1,
  parameter int InputHalfWords = 1,
  parameter int FlushCycles = 1,
  parameter LayerFile = "",
  parameter PassFile = "",
  parameter TapFile = "",
  parameter int InfoBits = WrBits + XmapBits + SliceBits + 2
) (
  input  logic                      clk_i,
  input  logic                      rst_ni,
  // input memory: a loaded half is there; which one; the layer that reads it last is done
  input  logic                      in_avail_i,
  input  logic                      in_half_i,
  output logic                      in_release_o,
  // output memory: a half is free; its frame is complete
  input  logic                      out_free_i,
  output logic                      out_finish_o,
  // reads
  output logic [RdBits-1:0]         rd_addr_o,
  output logic [RotBits-1:0]        rd_rot_o,
  output logic [Rows-1:0]           mask_o,
  // array
  output logic [WeightAddrBits-1:0] weight_addr_o,
  output logic                      first_o,
  output logic                      last_o,
  output logic [ParamBits-1:0]      param_o,
  // constant while a layer runs
  output logic                      from_input_o,
  output logic                      to_output_o,
  output logic [ActBits-1:0]        pad_o,
  output logic [WrBits-1:0]         plane_o,
  // one per pass, with its last tap
  output logic                      info_valid_o,
  output logic [InfoBits-1:0]       info_o
);

  localparam int LayerAddrBits = (LayerDepth > 1) ? $clog2(LayerDepth) : 1;
  localparam int PassAddrBits = (PassDepth > 1) ? $clog2(PassDepth) : 1;
  localparam int TapAddrBits = (TapDepth > 1) ? $clog2(TapDepth) : 1;
  localparam int FifoLog2 = 3;
  localparam int FlushBits = $clog2(FlushCycles + 1);

  typedef struct packed {
    logic                     last_layer;
    logic                     finish_output;
    logic                     wait_output;
    logic                     release_input;
    logic                     wait_input;
    logic                     to_output;
    logic                     from_input;
    logic [ActBits-1:0]       pad;
    logic [YBits-1:0]         height;
    logic [WrBits-1:0]        plane;
    logic [WrBits-1:0]        row_step;
    logic [YBits-1:0]         y_stride;
    logic [RdBits-1:0]        y_step;
    logic [YBits-1:0]         rows;
    logic [XBits-1:0]         groups;
    logic [PassAddrBits:0]    pass_count;
    logic [PassAddrBits-1:0]  pass_start;
  } layer_t;

  typedef struct packed {
    logic                      last_window;
    logic                      first_window;
    logic [SliceBits-1:0]      slice;
    logic [XmapBits-1:0]       xmap;
    logic [WrBits-1:0]         write;
    logic [ParamBits-1:0]      param;
    logic [WeightAddrBits-1:0] weight;
    logic [CountBits-1:0]      interval;
    logic [CountBits-1:0]      tap_count;
    logic [TapAddrBits-1:0]    tap;
  } pass_t;

  typedef struct packed {
    logic [YBits-1:0]   dy;
    logic [XBits-1:0]   limit;
    logic [XBits-1:0]   q;
    logic [RotBits-1:0] rot;
    logic [RdBits-1:0]  offset;
  } tap_t;

  typedef struct packed {
    logic              last;
    logic [RdBits-1:0] base;
    logic [YBits-1:0]  y;
    logic [XBits-1:0]  x;
    logic [WrBits-1:0] row;
  } place_t;

  // of the structures above, written out: Yosys does not know $bits of a type
  localparam int LayerBits = 7 + ActBits + 3*YBits + XBits + 2*WrBits + RdBits + 2*PassAddrBits + 1;
  localparam int PassBits = 2 + SliceBits + XmapBits + WrBits + ParamBits + WeightAddrBits + 2*CountBits + TapAddrBits;
  localparam int TapBits = YBits + 2*XBits + RotBits + RdBits;
  localparam int PlaceBits = 1 + RdBits + YBits + XBits + WrBits;

  // ---------------------------------------------------------------- fetcher
  typedef enum logic [1:0] {FetchWait, FetchLoad, FetchRun} fetch_e;
  fetch_e fetch_q;
  logic [1:0] wait_q;
  logic [LayerAddrBits-1:0] layer_addr_q;
  logic [LayerBits-1:0] layer_word;
  layer_t layer_d, layer_q;
  logic [PassAddrBits-1:0] pass_addr_q;
  logic [PassAddrBits:0] pass_left_q;
  logic [XBits-1:0] group_left_q, x_q, group_q;
  logic [YBits-1:0] row_left_q, y_q;
  logic [RdBits-1:0] y_base_q;
  logic [WrBits-1:0] row_q;
  logic [FifoLog2:0] credit_q;
  logic layer_full, layer_push, issue, last_pass, last_group, last_row;
  logic pass_pop;

  ternc_rom #(.Width(LayerBits), .Depth(LayerDepth), .InitFile(LayerFile)) u_layers (
    .clk_i(clk_i), .addr_i(layer_addr_q), .data_o(layer_word)
  );
  assign layer_d = layer_word;
  assign layer_push = (fetch_q == FetchLoad) && !layer_full;
  assign issue = (fetch_q == FetchRun) && (credit_q != 0);
  assign last_pass = pass_left_q == 1;
  assign last_group = group_left_q == 1;
  assign last_row = row_left_q == 1;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      fetch_q <= FetchWait;
      wait_q <= 2'd0;
      layer_addr_q <= '0;
    end else begin
      case (fetch_q)
        FetchWait: begin
          wait_q <= wait_q + 2'd1;
          if (wait_q == 2'd1) fetch_q <= FetchLoad;
        end
        FetchLoad: if (!layer_full) fetch_q <= FetchRun;
        default: if (issue && last_pass && last_group && last_row) begin
          fetch_q <= FetchWait;
          wait_q <= 2'd0;
          layer_addr_q <= layer_q.last_layer ? '0 : layer_addr_q + 1'b1;
        end
      endcase
    end
  end

  always_ff @(posedge clk_i) begin
    if (fetch_q == FetchLoad) begin
      layer_q <= layer_d;
      pass_addr_q <= layer_d.pass_start;
      pass_left_q <= layer_d.pass_count;
      group_left_q <= layer_d.groups;
      group_q <= '0;
      x_q <= '0;
      row_left_q <= layer_d.rows;
      y_q <= '0;
      y_base_q <= '0;
      row_q <= '0;
    end else if (issue) begin
      pass_addr_q <= last_pass ? layer_q.pass_start : pass_addr_q + 1'b1;
      pass_left_q <= last_pass ? layer_q.pass_count : pass_left_q - 1'b1;
      if (last_pass) begin
        group_left_q <= last_group ? layer_q.groups : group_left_q - 1'b1;
        group_q <= last_group ? '0 : group_q + 1'b1;
        x_q <= last_group ? '0 : x_q + XBits'(Rows);
        if (last_group) begin
          row_left_q <= row_left_q - 1'b1;
          y_q <= y_q + layer_q.y_stride;
          y_base_q <= y_base_q + layer_q.y_step;
          row_q <= row_q + layer_q.row_step;
        end
      end
    end
  end

  place_t place_d;
  logic [PlaceBits-1:0] place_word;
  logic [1:0] fetched_q;
  logic [PassBits-1:0] pass_word;
  assign place_d.last = last_pass && last_group && last_row;
  assign place_d.base = y_base_q + RdBits'(group_q);
  assign place_d.y = y_q;
  assign place_d.x = x_q;
  assign place_d.row = row_q;

  ternc_rom #(.Width(PassBits), .Depth(PassDepth), .InitFile(PassFile)) u_passes (
    .clk_i(clk_i), .addr_i(pass_addr_q), .data_o(pass_word)
  );
  ternc_delay #(.Width(PlaceBits), .Depth(2)) u_place (.clk_i(clk_i), .d_i(place_d), .q_o(place_word));

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      fetched_q <= 2'b00;
      credit_q <= {1'b1, {FifoLog2{1'b0}}};
    end else begin
      fetched_q <= {fetched_q[0], issue};
      if (issue && !pass_pop) credit_q <= credit_q - 1'b1;
      else if (!issue && pass_pop) credit_q <= credit_q + 1'b1;
    end
  end

  // ---------------------------------------------------------------- queues between the two
  logic layer_valid, pass_valid, layer_pop;
  logic [LayerBits-1:0] next_layer_word;
  logic [PassBits+PlaceBits-1:0] next_pass_word;
  logic unused_pass_full;
  layer_t next_layer;
  pass_t next_pass;
  place_t next_place;

  ternc_fifo #(.Width(LayerBits), .DepthLog2(1)) u_layer_fifo (
    .clk_i(clk_i), .rst_ni(rst_ni),
    .push_i(layer_push), .data_i(layer_word), .full_o(layer_full),
    .pop_i(layer_pop), .data_o(next_layer_word), .valid_o(layer_valid)
  );
  ternc_fifo #(.Width(PassBits + PlaceBits), .DepthLog2(FifoLog2)) u_pass_fifo (
    .clk_i(clk_i), .rst_ni(rst_ni),
    .push_i(fetched_q[1]), .data_i({place_word, pass_word}), .full_o(unused_pass_full),
    .pop_i(pass_pop), .data_o(next_pass_word), .valid_o(pass_valid)
  );
  assign next_layer = next_layer_word;
  assign {next_place, next_pass} = next_pass_word;

  // ---------------------------------------------------------------- issuer
  typedef enum logic [1:0] {Idle, Run, Flush} state_e;
  state_e state_q;
  layer_t cur_q;
  pass_t pass_q;
  place_t place_q;
  logic [TapAddrBits-1:0] tap_q;
  logic [CountBits-1:0] taps_left_q, interval_left_q;
  logic [FlushBits-1:0] flush_left_q;
  logic [RdBits-1:0] half_base_q;
  logic first_q, start, pass_end, tap_valid, tap_last;

  assign start = (state_q == Idle) && layer_valid && pass_valid
               && (in_avail_i || !next_layer.wait_input) && (out_free_i || !next_layer.wait_output);
  assign pass_end = (state_q == Run) && (interval_left_q == 1);
  assign layer_pop = start;
  assign pass_pop = start || (pass_end && !place_q.last);
  // a pass shorter than its interval waits first: last taps are then never closer than a drain takes
  assign tap_valid = (state_q == Run) && (interval_left_q == taps_left_q);
  assign tap_last = tap_valid && (taps_left_q == 1);
  assign in_release_o = (state_q == Flush) && (flush_left_q == 1) && cur_q.release_input;
  assign out_finish_o = (state_q == Flush) && (flush_left_q == 1) && cur_q.finish_output;
  assign from_input_o = cur_q.from_input;
  assign to_output_o = cur_q.to_output;
  assign pad_o = cur_q.pad;
  assign plane_o = cur_q.plane;
  assign info_valid_o = tap_last;
  assign info_o = {pass_q.last_window, pass_q.first_window, pass_q.slice,
                   XmapBits'(pass_q.xmap + XmapBits'(place_q.x)), WrBits'(pass_q.write + place_q.row)};

  always_ff @(posedge clk_i) begin
    if (!rst_ni) state_q <= Idle;
    else begin
      case (state_q)
        Idle: if (start) state_q <= Run;
        Run: if (pass_end && place_q.last) state_q <= Flush;
        default: if (flush_left_q == 1) state_q <= Idle;
      endcase
    end
  end

  always_ff @(posedge clk_i) begin
    if (start) begin
      cur_q <= next_layer;
      half_base_q <= (next_layer.from_input && in_half_i) ? RdBits'(InputHalfWords) : '0;
    end
    flush_left_q <= (state_q == Flush) ? flush_left_q - 1'b1 : FlushBits'(FlushCycles);
    if (pass_pop) begin
      pass_q <= next_pass;
      place_q <= next_place;
      tap_q <= next_pass.tap;
      taps_left_q <= next_pass.tap_count;
      interval_left_q <= next_pass.interval;
      first_q <= 1'b1;
    end else begin
      interval_left_q <= interval_left_q - 1'b1;
      if (tap_valid) begin
        tap_q <= tap_q + 1'b1;
        pass_q.weight <= pass_q.weight + 1'b1;
        taps_left_q <= taps_left_q - 1'b1;
        first_q <= 1'b0;
      end
    end
  end

`ifndef SYNTHESIS
  always @(posedge clk_i) begin
    if (rst_ni && pass_end && !place_q.last && !pass_valid) begin
      $display("ternc_sequencer: a pass was not fetched in time");
      $fatal(1);
    end
  end
`endif

  // ---------------------------------------------------------------- tap to address and mask
  logic [TapBits-1:0] tap_word;
  tap_t tap;
  logic [PlaceBits-1:0] at_word;
  place_t at;
  logic signed [XBits-1:0] i0_q;
  logic signed [YBits-1:0] y_in_q;
  logic [XBits-1:0] limit_q;
  logic signed [YBits-1:0] height;
  logic [Rows-1:0] mask_d;
  logic unused_at;

  ternc_rom #(.Width(TapBits), .Depth(TapDepth), .InitFile(TapFile)) u_taps (
    .clk_i(clk_i), .addr_i(tap_q), .data_o(tap_word)
  );
  ternc_delay #(.Width(PlaceBits), .Depth(2)) u_at (.clk_i(clk_i), .d_i(place_q), .q_o(at_word));
  assign tap = tap_word;
  assign height = $signed(cur_q.height);
  assign at = at_word;
  assign unused_at = ^{at.last, at.row, unused_pass_full, layer_q, cur_q, pass_q};

  always_ff @(posedge clk_i) begin
    rd_addr_o <= at.base + tap.offset + half_base_q;
    rd_rot_o <= tap.rot;
    i0_q <= $signed(at.x + tap.q);
    y_in_q <= $signed(at.y + tap.dy);
    limit_q <= tap.limit;
  end

  always_comb begin
    for (int r = 0; r < Rows; r++) begin
      mask_d[r] = (y_in_q >= 0) && (y_in_q < height)
                && (i0_q + $signed(XBits'(r)) >= 0) && (i0_q + $signed(XBits'(r)) < $signed(limit_q));
    end
  end

  ternc_delay #(.Width(Rows), .Depth(3)) u_mask (.clk_i(clk_i), .d_i(mask_d), .q_o(mask_o));
  ternc_delay #(.Width(WeightAddrBits), .Depth(6)) u_weight (
    .clk_i(clk_i), .d_i(pass_q.weight), .q_o(weight_addr_o)
  );
  ternc_delay #(.Width(ParamBits), .Depth(7)) u_param (.clk_i(clk_i), .d_i(pass_q.param), .q_o(param_o));

  logic [6:0] first_pipe_q, last_pipe_q;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      first_pipe_q <= '0;
      last_pipe_q <= '0;
    end else begin
      first_pipe_q <= {first_pipe_q[5:0], tap_valid && first_q};
      last_pipe_q <= {last_pipe_q[5:0], tap_last};
    end
  end
  assign first_o = first_pipe_q[6];
  assign last_o = last_pipe_q[6];

endmodule
