// Runs the program of one engine: layers, passes, taps (docs/program.md).
//
// A fetcher walks the loops (layer, output row, pixel group, pass) ahead of an issuer, which issues one tap a
// cycle without a bubble inside a layer. Between layers the issuer waits FlushCycles, so that every value of
// the layer is in memory before the next one reads it.
//
// A tap names the term whose source it reads: the term has the words of a row, the rows of a step and what
// stands for a pixel outside the map. Word and row are found by multiplying the number of the output row.
//
// Throughput: one tap a cycle. Latency, from the cycle in which a tap is issued: 5 to rd_addr_o and rd_rot_o,
// 8 to mask_o, source_o, pad_o and weight_addr_o, 9 to first_o, last_o, shift_o and param_o; info_o comes
// 2 cycles after the issue of a pass's last tap.
// It does not stall: once a layer has started, nothing outside can stop it.
module ternc_sequencer #(
  parameter int Rows = 1,
  parameter int Inputs = 1,
  parameter int Outputs = 1,
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
  parameter int TableBits = 1,
  parameter int LayerDepth = 1,
  parameter int PassDepth = 1,
  parameter int TapDepth = 1,
  parameter int TermDepth = 1,
  parameter int FlushCycles = 1,
  parameter LayerFile = "",
  parameter PassFile = "",
  parameter TapFile = "",
  parameter TermFile = "",
  parameter int SourceBits = $clog2(Inputs + 1),
  parameter int InfoBits = WrBits + XmapBits + SliceBits + 2 + Rows
) (
  input  logic                      clk_i,
  input  logic                      rst_ni,
  // input memories: a loaded half is there; its first word; the layer that reads it last is done
  input  logic [Inputs-1:0]         in_avail_i,
  input  logic [Inputs*RdBits-1:0]  in_base_i,
  output logic [Inputs-1:0]         in_release_o,
  // output memories and score: a half is free; its frame is complete
  input  logic [Outputs-1:0]        out_free_i,
  output logic [Outputs-1:0]        out_finish_o,
  input  logic                      score_free_i,
  output logic                      score_finish_o,
  // reads
  output logic [RdBits-1:0]         rd_addr_o,
  output logic [RotBits-1:0]        rd_rot_o,
  output logic [Rows-1:0]           mask_o,
  output logic [SourceBits-1:0]     source_o,
  output logic [ActBits-1:0]        pad_o,
  // array
  output logic [WeightAddrBits-1:0] weight_addr_o,
  output logic                      first_o,
  output logic                      last_o,
  output logic                      shift_o,
  output logic [ParamBits-1:0]      param_o,
  // constant while a layer runs
  output logic [Outputs-1:0]        to_output_o,
  output logic                      to_score_o,
  output logic                      use_table_o,
  output logic [TableBits-1:0]      table_o,
  output logic [WrBits-1:0]         plane_o,
  // one per pass
  output logic                      info_valid_o,
  output logic [InfoBits-1:0]       info_o
);

  localparam int LayerAddrBits = (LayerDepth > 1) ? $clog2(LayerDepth) : 1;
  localparam int PassAddrBits = (PassDepth > 1) ? $clog2(PassDepth) : 1;
  localparam int TapAddrBits = (TapDepth > 1) ? $clog2(TapDepth) : 1;
  localparam int TermAddrBits = (TermDepth > 1) ? $clog2(TermDepth) : 1;
  localparam int FifoLog2 = 3;
  localparam int FlushBits = $clog2(FlushCycles + 1);

  typedef struct packed {
    logic                    last_layer;
    logic [Inputs-1:0]       release_input;
    logic [Inputs-1:0]       wait_input;
    logic                    to_score;
    logic [Outputs-1:0]      to_output;
    logic                    use_table;
    logic [TableBits-1:0]    code_table;
    logic [WrBits-1:0]       plane;
    logic [WrBits-1:0]       row_step;
    logic [YBits-1:0]        rows;
    logic [XBits-1:0]        groups;
    logic [PassAddrBits:0]   pass_count;
    logic [PassAddrBits-1:0] pass_start;
  } layer_t;

  typedef struct packed {
    logic                      last_window;
    logic                      first_window;
    logic [XBits-1:0]          x_high;
    logic [XBits-1:0]          x_low;
    logic [YBits-1:0]          row_high;
    logic [YBits-1:0]          row_low;
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
    logic                    shift;
    logic [TermAddrBits-1:0] term;
    logic [YBits-1:0]        dy;
    logic [XBits-1:0]        limit;
    logic [XBits-1:0]        q;
    logic [RotBits-1:0]      rot;
    logic [RdBits-1:0]       offset;
  } tap_t;

  typedef struct packed {
    logic [SourceBits-1:0] source;
    logic [ActBits-1:0]    pad;
    logic [YBits-1:0]      height;
    logic [YBits-1:0]      y_stride;
    logic [RdBits-1:0]     y_step;
  } term_t;

  typedef struct packed {
    logic              last;
    logic [YBits-1:0]  row;
    logic [XBits-1:0]  group;
    logic [XBits-1:0]  x;
    logic [WrBits-1:0] write;
  } place_t;

  // of the structures above, written out: Yosys does not know $bits of a type
  localparam int LayerBits = 3 + 2*Inputs + Outputs + TableBits + 2*WrBits + YBits + XBits + 2*PassAddrBits + 1;
  localparam int PassBits = 2 + 2*XBits + 2*YBits + SliceBits + XmapBits + WrBits + ParamBits + WeightAddrBits
                          + 2*CountBits + TapAddrBits;
  localparam int TapBits = 1 + TermAddrBits + YBits + 2*XBits + RotBits + RdBits;
  localparam int TermBits = SourceBits + ActBits + 2*YBits + RdBits;
  localparam int PlaceBits = 1 + YBits + 2*XBits + WrBits;

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
  logic [YBits-1:0] row_left_q, row_q;
  logic [WrBits-1:0] write_q;
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
      row_q <= '0;
      write_q <= '0;
    end else if (issue) begin
      pass_addr_q <= last_pass ? layer_q.pass_start : pass_addr_q + 1'b1;
      pass_left_q <= last_pass ? layer_q.pass_count : pass_left_q - 1'b1;
      if (last_pass) begin
        group_left_q <= last_group ? layer_q.groups : group_left_q - 1'b1;
        group_q <= last_group ? '0 : group_q + 1'b1;
        x_q <= last_group ? '0 : x_q + XBits'(Rows);
        if (last_group) begin
          row_left_q <= row_left_q - 1'b1;
          row_q <= row_q + 1'b1;
          write_q <= write_q + layer_q.row_step;
        end
      end
    end
  end

  place_t place_d;
  logic [PlaceBits-1:0] place_word;
  logic [1:0] fetched_q;
  logic [PassBits-1:0] pass_word;
  assign place_d.last = last_pass && last_group && last_row;
  assign place_d.row = row_q;
  assign place_d.group = group_q;
  assign place_d.x = x_q;
  assign place_d.write = write_q;

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
  logic [Inputs*RdBits-1:0] in_base_q;
  logic first_q, start, pass_end, tap_valid, tap_last, done;

  assign start = (state_q == Idle) && layer_valid && pass_valid
               && ((next_layer.wait_input & ~in_avail_i) == '0) && ((next_layer.to_output & ~out_free_i) == '0)
               && (score_free_i || !next_layer.to_score);
  assign pass_end = (state_q == Run) && (interval_left_q == 1);
  assign layer_pop = start;
  assign pass_pop = start || (pass_end && !place_q.last);
  // a pass shorter than its interval waits first: last taps are then never closer than a drain takes
  assign tap_valid = (state_q == Run) && (interval_left_q == taps_left_q);
  assign tap_last = tap_valid && (taps_left_q == 1);
  assign done = (state_q == Flush) && (flush_left_q == 1);
  assign in_release_o = done ? cur_q.release_input : '0;
  assign out_finish_o = done ? cur_q.to_output : '0;
  assign score_finish_o = done && cur_q.to_score;
  assign to_output_o = cur_q.to_output;
  assign to_score_o = cur_q.to_score;
  assign use_table_o = cur_q.use_table;
  assign table_o = cur_q.code_table;
  assign plane_o = cur_q.plane;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) state_q <= Idle;
    else begin
      case (state_q)
        Idle: if (start) state_q <= Run;
        Run: if (pass_end && place_q.last) state_q <= Flush;
        default: if (done) state_q <= Idle;
      endcase
    end
  end

  always_ff @(posedge clk_i) begin
    if (start) begin
      cur_q <= next_layer;
      in_base_q <= in_base_i;
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

  // ---------------------------------------------------------------- what the collector has to know
  // take: the rows whose pixel exists in this window of a pool
  logic signed [XBits:0] x_low_q, x_high_q;
  logic row_taken_q;
  logic [1:0] info_valid_q;
  logic [InfoBits-Rows-1:0] info_q, info_q2;
  logic [Rows-1:0] take_q;

  always_ff @(posedge clk_i) begin
    x_low_q <= $signed({1'b0, pass_q.x_low}) - $signed({1'b0, place_q.x});
    x_high_q <= $signed({1'b0, pass_q.x_high}) - $signed({1'b0, place_q.x});
    row_taken_q <= (place_q.row >= pass_q.row_low) && (place_q.row < pass_q.row_high);
    info_q <= {pass_q.last_window, pass_q.first_window, pass_q.slice,
               XmapBits'(pass_q.xmap + XmapBits'(place_q.x)), WrBits'(pass_q.write + place_q.write)};
    info_q2 <= info_q;
    for (int r = 0; r < Rows; r++) begin
      take_q[r] <= row_taken_q && ($signed((XBits+1)'(r)) >= x_low_q) && ($signed((XBits+1)'(r)) < x_high_q);
    end
  end
  always_ff @(posedge clk_i) begin
    if (!rst_ni) info_valid_q <= 2'b00;
    else info_valid_q <= {info_valid_q[0], tap_last};
  end
  assign info_valid_o = info_valid_q[1];
  assign info_o = {take_q, info_q2};

  // ---------------------------------------------------------------- tap to address and mask
  // _q3 to _q6: so many cycles after the issue
  logic [TapBits-1:0] tap_word;
  tap_t tap;
  logic [PlaceBits-1:0] at_word;
  place_t at;
  logic [TermBits-1:0] term_mem [0:TermDepth-1];
  logic [TermBits-1:0] term_word_q3;
  term_t term_q3;
  logic [YBits-1:0] row_q3, y_q4, dy_q4, height_q5;
  logic [RdBits-1:0] offset_q3, offset_q4, row_words_q4, in_base_d;
  logic [SourceBits-1:0] source_q3;
  logic signed [XBits-1:0] x_q3, x_q4, limit_q3;
  logic signed [XBits:0] room_q4;
  logic signed [YBits-1:0] y_q5;
  logic y_inside_q6;
  logic [Rows-1:0] x_inside_q5, x_inside_q6;
  logic unused_at;

  ternc_rom #(.Width(TapBits), .Depth(TapDepth), .InitFile(TapFile)) u_taps (
    .clk_i(clk_i), .addr_i(tap_q), .data_o(tap_word)
  );
  ternc_delay #(.Width(PlaceBits), .Depth(2)) u_at (.clk_i(clk_i), .d_i(place_q), .q_o(at_word));
  assign tap = tap_word;
  assign at = at_word;
  assign unused_at = ^{at.last, at.write, unused_pass_full, layer_q, cur_q, pass_q};

  initial if (TermFile != "") $readmemh(TermFile, term_mem);
  assign term_q3 = term_word_q3;
  assign source_q3 = term_q3.source;

  always_comb begin
    in_base_d = '0;
    for (int n = 0; n < Inputs; n++) begin
      if (source_q3 == SourceBits'(n + 1)) in_base_d = in_base_q[n*RdBits +: RdBits];
    end
  end

  always_ff @(posedge clk_i) begin
    term_word_q3 <= term_mem[tap.term];
    row_q3 <= at.row;
    offset_q3 <= tap.offset + RdBits'(at.group);
    x_q3 <= $signed(at.x + tap.q);
    limit_q3 <= $signed(tap.limit);

    row_words_q4 <= RdBits'(row_q3) * term_q3.y_step;
    y_q4 <= row_q3 * term_q3.y_stride;
    offset_q4 <= offset_q3 + in_base_d;
    x_q4 <= x_q3;
    room_q4 <= limit_q3 - x_q3;

    rd_addr_o <= row_words_q4 + offset_q4;
    y_q5 <= $signed(y_q4 + dy_q4);
    for (int r = 0; r < Rows; r++) begin
      x_inside_q5[r] <= (x_q4 >= -$signed(XBits'(r))) && ($signed((XBits+1)'(r)) < room_q4);
    end

    y_inside_q6 <= (y_q5 >= 0) && (y_q5 < $signed(height_q5));
    x_inside_q6 <= x_inside_q5;
  end

  ternc_delay #(.Width(YBits), .Depth(2)) u_dy (.clk_i(clk_i), .d_i(tap.dy), .q_o(dy_q4));
  ternc_delay #(.Width(YBits), .Depth(2)) u_height (.clk_i(clk_i), .d_i(term_q3.height), .q_o(height_q5));
  ternc_delay #(.Width(RotBits), .Depth(3)) u_rot (.clk_i(clk_i), .d_i(tap.rot), .q_o(rd_rot_o));
  ternc_delay #(.Width(Rows), .Depth(2)) u_mask (
    .clk_i(clk_i), .d_i(x_inside_q6 & {Rows{y_inside_q6}}), .q_o(mask_o)
  );
  ternc_delay #(.Width(SourceBits + ActBits), .Depth(5)) u_source (
    .clk_i(clk_i), .d_i({source_q3, term_q3.pad}), .q_o({source_o, pad_o})
  );
  ternc_delay #(.Width(1), .Depth(7)) u_shift (.clk_i(clk_i), .d_i(tap.shift), .q_o(shift_o));
  ternc_delay #(.Width(WeightAddrBits), .Depth(8)) u_weight (
    .clk_i(clk_i), .d_i(pass_q.weight), .q_o(weight_addr_o)
  );
  ternc_delay #(.Width(ParamBits), .Depth(9)) u_param (.clk_i(clk_i), .d_i(pass_q.param), .q_o(param_o));

  logic [8:0] first_pipe_q, last_pipe_q;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      first_pipe_q <= '0;
      last_pipe_q <= '0;
    end else begin
      first_pipe_q <= {first_pipe_q[7:0], tap_valid && first_q};
      last_pipe_q <= {last_pipe_q[7:0], tap_last};
    end
  end
  assign first_o = first_pipe_q[8];
  assign last_o = last_pipe_q[8];

`ifndef SYNTHESIS
  initial begin
    if (Rows < 1) $fatal(1, "ternc_sequencer: Rows must be at least 1, not %0d", Rows);
    if (Inputs < 1) $fatal(1, "ternc_sequencer: Inputs must be at least 1, not %0d", Inputs);
    if (Outputs < 1) $fatal(1, "ternc_sequencer: Outputs must be at least 1, not %0d", Outputs);
    if (Rows > (1 << (XBits - 1))) begin
      $fatal(1, "ternc_sequencer: XBits must be so many that a signed number holds %0d rows, not %0d", Rows, XBits);
    end
    if (FlushCycles < 1) $fatal(1, "ternc_sequencer: FlushCycles must be at least 1, not %0d", FlushCycles);
  end
`endif

endmodule
