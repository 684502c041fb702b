// Runs the program of one engine: rows of layers, passes, taps (docs/program.md).
//
// A prefetcher reads row words ahead. A walker goes through each row's loops (pixel groups x passes) and fetches pass
// words. An issuer starts a row when the rows that it needs have arrived at the line buffers and all its links have
// room, and then issues one tap a cycle without a bubble; a row that may start follows the one before without a bubble,
// but at the earliest 3 cycles after that one started, so that what has arrived and what has room was looked at after
// its claims and takes. After a row with `flush` the next one waits FlushCycles, so that every value is in memory.
//
// A row that starts in cycle s, of N cycles: taps from s + 1 to s + N; claim_o and take_o in s + 1; base_i is sampled in
// s; free_o in s + N + 5. A tap names the term whose source it reads: row * y_stride + dy is the map's row y. Row y of
// the feature memory (source 0) is at y * pitch, that of line buffer k - 1 (source k) at (base + y) mod Capacity.
//
// Throughput: one tap a cycle. Latency, from the cycle in which a tap is issued: 8 to rd_addr_o, rd_rot_o and
// rd_part_o, 11 to mask_o, source_o and pad_o, 11 - WeightLead to weight_addr_o, 12 to first_o, last_o, shift_o and param_o; info_o comes
// 2 cycles after the issue of a pass's last tap. Nothing outside can stop a row that has started. load_i, LoadWidth and the numbers of
// the memories: see ternc_rom.
module ternc_sequencer #(
  parameter int Rows = 1,
  parameter int Inputs = 1,
  parameter int Links = 1,
  parameter int ActBits = 8,
  parameter int RdBits = 8,
  parameter int WrBits = 8,
  parameter int XBits = 8,
  parameter int YBits = 8,
  parameter int RotBits = 1,
  parameter int PartBits = 1,
  parameter int TileBits = 1,
  parameter int StepBits = 1,
  parameter int PieceBits = 1,
  parameter int ParamBits = 1,
  parameter int WeightAddrBits = 1,
  parameter int CountBits = 8,
  parameter int XmapBits = 8,
  parameter int RowDepth = 1,
  parameter int PassDepth = 1,
  parameter int TapDepth = 1,
  parameter int TermDepth = 1,
  parameter int FlushCycles = 1,
  parameter Capacities = 1,  // rows of each line buffer, YBits each, input 0 lowest
  parameter RowFile = "",
  parameter PassFile = "",
  parameter TapFile = "",
  parameter TermFile = "",
  parameter int Drain = 1,
  parameter int Cell = 0,
  parameter int WeightLead = 0,  // cycles by which words of weights are read earlier
  parameter int RowMemory = 0,
  parameter int PassMemory = 0,
  parameter int TapMemory = 0,
  parameter int TermMemory = 0,
  parameter int LoadWidth = 0,
  parameter int LoadBits = 41 + LoadWidth,
  parameter int SourceBits = $clog2(Inputs + 1),
  parameter int InfoBits = 2*WrBits + XmapBits + TileBits + StepBits + PieceBits + Links + Rows + 3
) (
  input  logic                      clk_i,
  input  logic                      rst_ni,
  // line buffers: rows of the frame that have arrived, buffer row of its row 0
  input  logic [Inputs*YBits-1:0]   have_i,
  input  logic [Inputs*YBits-1:0]   base_i,
  output logic [Inputs-1:0]         take_o,
  output logic [Inputs*YBits-1:0]   free_o,
  // keepers of the rows that are made
  input  logic [Links-1:0]          room_i,
  output logic [Links-1:0]          claim_o,
  // reads
  output logic [RdBits-1:0]         rd_addr_o,
  output logic [RotBits-1:0]        rd_rot_o,
  output logic [PartBits-1:0]       rd_part_o,
  output logic [Rows-1:0]           mask_o,
  output logic [SourceBits-1:0]     source_o,
  output logic [ActBits-1:0]        pad_o,
  // array
  output logic [WeightAddrBits-1:0] weight_addr_o,
  output logic                      first_o,
  output logic                      last_o,
  output logic                      shift_o,
  output logic [ParamBits-1:0]      param_o,
  // one per pass
  output logic                      info_valid_o,
  output logic [InfoBits-1:0]       info_o,
  input  logic [LoadBits-1:0]       load_i
);

  localparam int RowAddrBits = (RowDepth > 1) ? $clog2(RowDepth) : 1;
  localparam int PassAddrBits = (PassDepth > 1) ? $clog2(PassDepth) : 1;
  localparam int TapAddrBits = (TapDepth > 1) ? $clog2(TapDepth) : 1;
  localparam int TermAddrBits = (TermDepth > 1) ? $clog2(TermDepth) : 1;
  localparam int AheadLog2 = 2;  // rows ahead
  localparam int FifoLog2 = 3;   // passes ahead
  localparam int FlushBits = $clog2(FlushCycles + 1);
  localparam logic [Inputs*YBits-1:0] Caps = (Inputs*YBits)'(Capacities);

  // of a row word, what the issuer needs
  typedef struct packed {
    logic                    flush;
    logic [Inputs-1:0]       takes;
    logic [Inputs*YBits-1:0] frees;
    logic [Inputs*YBits-1:0] needs;
    logic [Links-1:0]        links;
    logic                    to_feature;
    logic [WrBits-1:0]       plane;
    logic [WrBits-1:0]       write;
    logic [YBits-1:0]        row;
  } row_t;

  // and what the walker needs
  typedef struct packed {
    logic [XBits-1:0]        groups;
    logic [PassAddrBits:0]   pass_count;
    logic [PassAddrBits-1:0] pass_start;
  } loop_t;

  typedef struct packed {
    logic                      last_window;
    logic                      first_window;
    logic [XBits-1:0]          x_high;
    logic [XBits-1:0]          x_low;
    logic [YBits-1:0]          row_high;
    logic [YBits-1:0]          row_low;
    logic [PieceBits-1:0]      piece;
    logic [StepBits-1:0]       step_row;
    logic [TileBits-1:0]       tile;
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
    logic [PartBits-1:0]     part;
    logic [RdBits-1:0]       offset;
  } tap_t;

  typedef struct packed {
    logic [SourceBits-1:0] source;
    logic [ActBits-1:0]    pad;
    logic [YBits-1:0]      height;
    logic [YBits-1:0]      y_stride;
    logic [RdBits-1:0]     pitch;
  } term_t;

  typedef struct packed {
    logic             last;  // pass of its row
    logic [XBits-1:0] group;
    logic [XBits-1:0] x;
  } place_t;

  // of the structures above, written out: Yosys does not know $bits of a type
  localparam int RowBits = 2 + Inputs + 2*Inputs*YBits + Links + 2*WrBits + YBits;
  localparam int LoopBits = XBits + 2*PassAddrBits + 1;
  localparam int RowWordBits = 1 + RowBits + LoopBits;  // and whether it is the frame's last
  localparam int PassBits = 2 + 2*XBits + 2*YBits + PieceBits + StepBits + TileBits + XmapBits + WrBits + ParamBits
                          + WeightAddrBits + 2*CountBits + TapAddrBits;
  localparam int TapBits = 1 + TermAddrBits + YBits + 2*XBits + RotBits + PartBits + RdBits;
  localparam int TermBits = SourceBits + ActBits + 2*YBits + RdBits;
  localparam int PlaceBits = 1 + 2*XBits;

  // ---------------------------------------------------------------- prefetcher
  // One word at a time, a word in 3 cycles: its flag says which is the next. Four rows are ahead of the one that was
  // started last at most, so that both queues have a place for each.
  logic [RowAddrBits-1:0] row_addr_q;
  logic [RowWordBits-1:0] row_word;
  logic [AheadLog2:0] row_credit_q;
  logic [1:0] asked_q;
  logic ask, last_row, start, row_pop, row_valid, row_full, loop_pop, loop_valid, loop_full;
  logic [RowBits-1:0] issue_word, next_word;
  logic [LoopBits-1:0] walk_word, loop_word;
  row_t next_row, next_q, cur_q;
  loop_t loop_d, loop_q;

  ternc_rom #(
    .Width(RowWordBits), .Depth(RowDepth), .InitFile(RowFile), .Memory(RowMemory), .LoadWidth(LoadWidth)
  ) u_rows (
    .clk_i(clk_i), .addr_i(row_addr_q), .data_o(row_word), .load_i(load_i)
  );
  assign {last_row, issue_word, walk_word} = row_word;
  assign ask = (row_credit_q != 0) && (asked_q == 2'b00);
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      asked_q <= 2'b00;
      row_credit_q <= {1'b1, {AheadLog2{1'b0}}};
      row_addr_q <= '0;
    end else begin
      asked_q <= {asked_q[0], ask};
      if (ask && !start) row_credit_q <= row_credit_q - 1'b1;
      else if (!ask && start) row_credit_q <= row_credit_q + 1'b1;
      if (asked_q[1]) row_addr_q <= last_row ? '0 : row_addr_q + 1'b1;
    end
  end

  ternc_fifo #(.Width(RowBits), .DepthLog2(AheadLog2)) u_row_fifo (
    .clk_i(clk_i), .rst_ni(rst_ni), .push_i(asked_q[1]), .data_i(issue_word), .full_o(row_full),
    .pop_i(row_pop), .data_o(next_word), .valid_o(row_valid)
  );
  ternc_fifo #(.Width(LoopBits), .DepthLog2(AheadLog2)) u_loop_fifo (
    .clk_i(clk_i), .rst_ni(rst_ni), .push_i(asked_q[1]), .data_i(walk_word), .full_o(loop_full),
    .pop_i(loop_pop), .data_o(loop_word), .valid_o(loop_valid)
  );
  assign next_row = next_word;
  assign loop_d = loop_word;

  // ---------------------------------------------------------------- walker
  logic walking_q, walk, walk_end, pass_pop;
  logic last_pass_q, last_group_q, credit_q;  // pass_left_q == 1, group_left_q == 1, pass_credit_q != 0, as registers
  logic [PassAddrBits-1:0] pass_addr_q;
  logic [PassAddrBits:0] pass_left_q;
  logic [XBits-1:0] group_left_q, x_q, group_q;
  logic [FifoLog2:0] pass_credit_q;
  logic [1:0] fetched_q;
  place_t place_d;
  logic [PlaceBits-1:0] place_word;
  logic [PassBits-1:0] pass_word;

  assign walk = walking_q && credit_q;
  assign walk_end = walk && last_pass_q && last_group_q;
  assign loop_pop = (!walking_q || walk_end) && loop_valid;
  assign place_d.last = last_pass_q && last_group_q;
  assign place_d.group = group_q;
  assign place_d.x = x_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      walking_q <= 1'b0;
      fetched_q <= 2'b00;
      pass_credit_q <= {1'b1, {FifoLog2{1'b0}}};
      credit_q <= 1'b1;
    end else begin
      walking_q <= loop_pop || (walking_q && !walk_end);
      fetched_q <= {fetched_q[0], walk};
      if (walk && !pass_pop) pass_credit_q <= pass_credit_q - 1'b1;
      else if (!walk && pass_pop) pass_credit_q <= pass_credit_q + 1'b1;
      credit_q <= pass_pop || (walk ? pass_credit_q != 1 : credit_q);
    end
  end

  always_ff @(posedge clk_i) begin
    if (loop_pop) begin
      loop_q <= loop_d;
      pass_addr_q <= loop_d.pass_start;
      pass_left_q <= loop_d.pass_count;
      group_left_q <= loop_d.groups;
      last_pass_q <= loop_d.pass_count == 1;
      last_group_q <= loop_d.groups == 1;
      group_q <= '0;
      x_q <= '0;
    end else if (walk) begin
      pass_addr_q <= last_pass_q ? loop_q.pass_start : pass_addr_q + 1'b1;
      pass_left_q <= last_pass_q ? loop_q.pass_count : pass_left_q - 1'b1;
      last_pass_q <= last_pass_q ? loop_q.pass_count == 1 : pass_left_q == 2;
      if (last_pass_q) begin
        last_group_q <= ({1'b0, group_left_q} == (XBits+1)'(2));
        group_left_q <= group_left_q - 1'b1;
        group_q <= group_q + 1'b1;
        x_q <= x_q + XBits'(Rows);
      end
    end
  end

  ternc_rom #(
    .Width(PassBits), .Depth(PassDepth), .InitFile(PassFile), .Memory(PassMemory), .LoadWidth(LoadWidth)
  ) u_passes (
    .clk_i(clk_i), .addr_i(pass_addr_q), .data_o(pass_word), .load_i(load_i)
  );
  ternc_delay #(.Width(PlaceBits), .Depth(2)) u_place (.clk_i(clk_i), .d_i(place_d), .q_o(place_word));

  // What the issuer would otherwise have to find out in the cycle in which it takes a pass: cycles before its first tap,
  // whether there are none, whether the pass takes a single cycle.
  logic pass_valid, pass_full, next_no_wait, next_single;
  logic [CountBits-1:0] wait_cycles, next_wait;
  logic [2+CountBits+PassBits+PlaceBits-1:0] next_pass_word;
  pass_t fetched_pass, next_pass;
  place_t next_place;
  assign fetched_pass = pass_word;
  assign wait_cycles = fetched_pass.interval - fetched_pass.tap_count;
  ternc_fifo #(.Width(2 + CountBits + PassBits + PlaceBits), .DepthLog2(FifoLog2)) u_pass_fifo (
    .clk_i(clk_i), .rst_ni(rst_ni), .push_i(fetched_q[1]),
    .data_i({fetched_pass.interval == fetched_pass.tap_count, fetched_pass.interval == 1, wait_cycles, place_word, pass_word}),
    .full_o(pass_full), .pop_i(pass_pop), .data_o(next_pass_word), .valid_o(pass_valid)
  );
  assign {next_no_wait, next_single, next_wait, next_place, next_pass} = next_pass_word;

  // ---------------------------------------------------------------- issuer
  logic next_valid_q, row_ok_q, run_q;
  pass_t pass_q;
  place_t place_q;
  logic [TapAddrBits-1:0] tap_q;
  logic [CountBits-1:0] wait_left_q, interval_left_q;
  logic [FlushBits-1:0] flush_left_q;
  logic [Inputs*YBits-1:0] base_q, frees_late;
  logic [Inputs-1:0] enough;
  logic [4:0] end_q;
  logic first_q, tap_last;
  // registers: what this cycle is, found out in the one before
  logic pass_end_q;   // a pass's last cycle
  logic row_end_q;    // a row's
  logic row_may_q;    // a row may start: nothing runs, or it ends without a flush
  logic tap_valid_q;  // a tap is issued
  logic flush_end, before_end;

  // The word that is looked at is loaded the cycle after a start: row_ok_q is set 3 cycles after one at the earliest.
  assign row_pop = row_valid && !next_valid_q;
  for (genvar n = 0; n < Inputs; n++) begin : gen_enough
    assign enough[n] = have_i[n*YBits +: YBits] >= next_q.needs[n*YBits +: YBits];
  end

  assign start = row_ok_q && pass_valid && row_may_q;
  assign pass_pop = start || (pass_end_q && !row_end_q);
  // a pass shorter than its interval waits first: last taps are then never closer than a drain takes
  assign tap_last = pass_end_q;
  assign before_end = run_q && ({1'b0, interval_left_q} == (CountBits+1)'(2));  // two cycles are left
  assign flush_end = (row_end_q && cur_q.flush) ? FlushCycles == 1 : {1'b0, flush_left_q} < (FlushBits+1)'(2);

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      next_valid_q <= 1'b0;
      row_ok_q <= 1'b0;
      run_q <= 1'b0;
      pass_end_q <= 1'b0;
      row_end_q <= 1'b0;
      row_may_q <= 1'b1;
      tap_valid_q <= 1'b0;
      flush_left_q <= '0;
      claim_o <= '0;
      take_o <= '0;
      end_q <= '0;
    end else begin
      next_valid_q <= !start && (next_valid_q || row_valid);
      row_ok_q <= !start && next_valid_q && (&enough) && ((next_q.links & ~room_i) == '0);
      run_q <= start || (run_q && !row_end_q);
      pass_end_q <= pass_pop ? next_single : before_end;
      row_end_q <= pass_pop ? next_single && next_place.last : before_end && place_q.last;
      if (start) row_may_q <= next_single && next_place.last && !next_q.flush;
      else if (pass_pop) row_may_q <= next_single && next_place.last && !cur_q.flush;
      else if (run_q && !row_end_q) row_may_q <= before_end && place_q.last && !cur_q.flush;
      else row_may_q <= flush_end;
      tap_valid_q <= pass_pop ? next_no_wait : !pass_end_q && (tap_valid_q || (run_q && wait_left_q == 1));
      if (row_end_q && cur_q.flush) flush_left_q <= FlushBits'(FlushCycles - 1);
      else if (flush_left_q != '0) flush_left_q <= flush_left_q - 1'b1;
      claim_o <= start ? next_q.links : '0;
      take_o <= start ? next_q.takes : '0;
      end_q <= {end_q[3:0], row_end_q};
    end
  end

  ternc_delay #(.Width(Inputs * YBits), .Depth(5)) u_frees (.clk_i(clk_i), .d_i(cur_q.frees), .q_o(frees_late));
  assign free_o = end_q[4] ? frees_late : '0;

  always_ff @(posedge clk_i) begin
    if (row_pop) next_q <= next_row;
    if (start) begin
      cur_q <= next_q;
      base_q <= base_i;
    end
    if (pass_pop) begin
      pass_q <= next_pass;
      place_q <= next_place;
      tap_q <= next_pass.tap;
      wait_left_q <= next_wait;
      interval_left_q <= next_pass.interval;
      first_q <= 1'b1;
    end else begin
      interval_left_q <= interval_left_q - 1'b1;
      wait_left_q <= wait_left_q - 1'b1;
      if (tap_valid_q) begin
        tap_q <= tap_q + 1'b1;
        pass_q.weight <= pass_q.weight + 1'b1;
        first_q <= 1'b0;
      end
    end
  end

`ifndef SYNTHESIS
  always @(posedge clk_i) begin
    if (rst_ni && pass_end_q && !row_end_q && !pass_valid) begin
      $fatal(1, "ternc_sequencer: a pass was not fetched in time");
    end
    if (rst_ni && ((asked_q[1] && (row_full || loop_full)) || (fetched_q[1] && pass_full))) begin
      $fatal(1, "ternc_sequencer: a queue is full");
    end
  end
`endif

  // ---------------------------------------------------------------- what the collector has to know
  // take: the rows whose pixel exists in this window of a pool
  localparam int KindBits = 2 + Links + 1 + PieceBits + StepBits + TileBits + XmapBits;
  logic signed [XBits:0] x_low_q, x_high_q;
  logic row_taken_q;
  logic [1:0] info_valid_q;
  logic [KindBits-1:0] kind_q, kind_q2;
  logic [WrBits-1:0] write_q, write_q2, next_write_q2, plane_q;
  logic [Rows-1:0] take_q2;

  always_ff @(posedge clk_i) begin
    x_low_q <= $signed({1'b0, pass_q.x_low}) - $signed({1'b0, place_q.x});
    x_high_q <= $signed({1'b0, pass_q.x_high}) - $signed({1'b0, place_q.x});
    row_taken_q <= (cur_q.row >= pass_q.row_low) && (cur_q.row < pass_q.row_high);
    kind_q <= {pass_q.last_window, pass_q.first_window, cur_q.links, cur_q.to_feature, pass_q.piece, pass_q.step_row,
               pass_q.tile, XmapBits'(pass_q.xmap + XmapBits'(place_q.x >> $clog2(Drain)))};
    write_q <= pass_q.write + cur_q.write;
    plane_q <= cur_q.plane;
    kind_q2 <= kind_q;
    write_q2 <= write_q;
    next_write_q2 <= write_q + plane_q;
    for (int r = 0; r < Rows; r++) begin
      take_q2[r] <= row_taken_q && ($signed((XBits+1)'(r)) >= x_low_q) && ($signed((XBits+1)'(r)) < x_high_q);
    end
  end
  always_ff @(posedge clk_i) begin
    if (!rst_ni) info_valid_q <= 2'b00;
    else info_valid_q <= {info_valid_q[0], tap_last};
  end
  assign info_valid_o = info_valid_q[1];
  assign info_o = {take_q2, kind_q2, next_write_q2, write_q2};

  // ---------------------------------------------------------------- tap to row of the map and of the buffer
  // _q3 to _q7: so many cycles after the issue
  logic [TapBits-1:0] tap_word;
  tap_t tap;
  logic [PlaceBits-1:0] at_word;
  place_t at;
  logic [TermBits-1:0] term_word_q3;
  term_t term_q3;
  logic [Inputs*YBits-1:0] base_q3;
  logic [YBits-1:0] row_q2, row_q3, dy_q3, dy_q4, scaled_q4, base, base_dy_q4, height_q5, z_q5, z_q6;
  logic [YBits-1:0] capacity, capacity_q5, kept, kept_q5;
  logic [YBits:0] beyond_q5;
  logic fold, fold_q5;
  logic [SourceBits-1:0] source_q3, source_q4;
  logic signed [YBits-1:0] y_q5;
  logic y_inside_q6;

  ternc_rom #(
    .Width(TapBits), .Depth(TapDepth), .InitFile(TapFile), .Memory(TapMemory), .LoadWidth(LoadWidth)
  ) u_taps (
    .clk_i(clk_i), .addr_i(tap_q), .data_o(tap_word), .load_i(load_i)
  );
  ternc_delay #(.Width(PlaceBits), .Depth(2)) u_at (.clk_i(clk_i), .d_i(place_q), .q_o(at_word));
  ternc_delay #(.Width(YBits), .Depth(2)) u_row (.clk_i(clk_i), .d_i(cur_q.row), .q_o(row_q2));
  ternc_delay #(.Width(Inputs * YBits), .Depth(3)) u_base (.clk_i(clk_i), .d_i(base_q), .q_o(base_q3));
  assign tap = tap_word;
  assign at = at_word;

  ternc_rom #(
    .Width(TermBits), .Depth(TermDepth), .InitFile(TermFile), .Latency(1), .Memory(TermMemory), .LoadWidth(LoadWidth)
  ) u_terms (
    .clk_i(clk_i), .addr_i(tap.term), .data_o(term_word_q3), .load_i(load_i)
  );
  assign term_q3 = term_word_q3;
  assign source_q3 = term_q3.source;

  // A capacity that is a power of two: the low bits. Another: less than two capacities, so one is taken away.
  always_comb begin
    base = '0;
    capacity = '0;
    kept = '1;
    fold = 1'b0;
    for (int n = 0; n < Inputs; n++) begin
      if (source_q3 == SourceBits'(n + 1)) base = base_q3[n*YBits +: YBits];
      if (source_q4 == SourceBits'(n + 1)) begin
        capacity = Caps[n*YBits +: YBits];
        fold = (Caps[n*YBits +: YBits] & (Caps[n*YBits +: YBits] - 1'b1)) != '0;
        kept = fold ? '1 : Caps[n*YBits +: YBits] - 1'b1;
      end
    end
  end
  assign beyond_q5 = {1'b0, z_q5} - {1'b0, capacity_q5};

  always_ff @(posedge clk_i) begin
    row_q3 <= row_q2;
    dy_q3 <= tap.dy;

    base_dy_q4 <= base + dy_q3;
    dy_q4 <= dy_q3;
    source_q4 <= source_q3;

    y_q5 <= $signed(scaled_q4 + dy_q4);
    z_q5 <= scaled_q4 + base_dy_q4;
    capacity_q5 <= capacity;
    kept_q5 <= kept;
    fold_q5 <= fold;

    y_inside_q6 <= (y_q5 >= 0) && (y_q5 < $signed(height_q5));
    z_q6 <= (fold_q5 && !beyond_q5[YBits]) ? beyond_q5[YBits-1:0] : z_q5 & kept_q5;
  end
  ternc_multiply #(.ABits(YBits), .BBits(YBits), .Bits(YBits), .Cell(Cell)) u_scaled (
    .clk_i(clk_i), .a_i(row_q3), .b_i(term_q3.y_stride), .product_o(scaled_q4)
  );
  ternc_delay #(.Width(YBits), .Depth(2)) u_height (.clk_i(clk_i), .d_i(term_q3.height), .q_o(height_q5));

  // ---------------------------------------------------------------- address, mask, and what the array needs
  logic [RdBits-1:0] offset_q3, offset_q7, pitch_q6, row_words_q7;
  logic signed [XBits-1:0] x_q3, x_q4, limit_q3;
  logic signed [XBits:0] room_q4;
  logic [Rows-1:0] x_inside_q6;
  // -x and the room are compared with row numbers: at first what is above a row number's bits, then the bits
  localparam int NearBits = (Rows > 1) ? $clog2(Rows) : 0;
  localparam logic [NearBits:0] Near = (NearBits + 1)'((1 << NearBits) - 1);
  logic [NearBits:0] x_low_q5, room_low_q5;
  logic x_there_q5, x_near_q5, room_there_q5, room_far_q5;
  logic unused_fields;
  assign unused_fields = ^{at.last, next_q, cur_q, loop_q, pass_q, fetched_pass, z_q6, row_full, loop_full, pass_full};

  always_ff @(posedge clk_i) begin
    offset_q3 <= tap.offset + RdBits'(at.group);
    x_q3 <= $signed(at.x + tap.q);
    limit_q3 <= $signed(tap.limit);
    x_q4 <= x_q3;
    room_q4 <= limit_q3 - x_q3;
    x_there_q5 <= !x_q4[XBits-1];
    x_near_q5 <= &(x_q4 >>> NearBits);
    x_low_q5 <= x_q4[NearBits:0] & Near;
    room_there_q5 <= !room_q4[XBits];
    room_far_q5 <= |(room_q4[XBits-1:0] >> NearBits);
    room_low_q5 <= room_q4[NearBits:0] & Near;
    for (int r = 0; r < Rows; r++) begin
      x_inside_q6[r] <= (x_there_q5 || (x_near_q5 && x_low_q5 + (NearBits+1)'(r) > Near))
                     && room_there_q5 && (room_far_q5 || room_low_q5 > (NearBits+1)'(r));
    end
    rd_addr_o <= row_words_q7 + offset_q7;
  end

  ternc_multiply #(.ABits(YBits), .BBits(RdBits), .Bits(RdBits), .Cell(Cell)) u_row_words (
    .clk_i(clk_i), .a_i(z_q6), .b_i(pitch_q6), .product_o(row_words_q7)
  );
  ternc_delay #(.Width(RdBits), .Depth(3)) u_pitch (.clk_i(clk_i), .d_i(term_q3.pitch), .q_o(pitch_q6));
  ternc_delay #(.Width(RdBits), .Depth(4)) u_offset (.clk_i(clk_i), .d_i(offset_q3), .q_o(offset_q7));
  ternc_delay #(.Width(RotBits + PartBits), .Depth(6)) u_rot (
    .clk_i(clk_i), .d_i({tap.rot, tap.part}), .q_o({rd_rot_o, rd_part_o})
  );
  ternc_delay #(.Width(Rows), .Depth(5)) u_mask (
    .clk_i(clk_i), .d_i(x_inside_q6 & {Rows{y_inside_q6}}), .q_o(mask_o)
  );
  ternc_delay #(.Width(SourceBits + ActBits), .Depth(8)) u_source (
    .clk_i(clk_i), .d_i({source_q3, term_q3.pad}), .q_o({source_o, pad_o})
  );
  ternc_delay #(.Width(1), .Depth(10)) u_shift (.clk_i(clk_i), .d_i(tap.shift), .q_o(shift_o));
  ternc_delay #(.Width(WeightAddrBits), .Depth(11 - WeightLead)) u_weight (
    .clk_i(clk_i), .d_i(pass_q.weight), .q_o(weight_addr_o)
  );
  ternc_delay #(.Width(ParamBits), .Depth(12)) u_param (.clk_i(clk_i), .d_i(pass_q.param), .q_o(param_o));

  logic [11:0] first_pipe_q, last_pipe_q;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      first_pipe_q <= '0;
      last_pipe_q <= '0;
    end else begin
      first_pipe_q <= {first_pipe_q[10:0], tap_valid_q && first_q};
      last_pipe_q <= {last_pipe_q[10:0], tap_last};
    end
  end
  assign first_o = first_pipe_q[11];
  assign last_o = last_pipe_q[11];

`ifndef SYNTHESIS
  initial begin
    if (Rows < 1) $fatal(1, "ternc_sequencer: Rows must be at least 1, not %0d", Rows);
    if (Drain < 1 || Rows % Drain != 0 || Drain != 1 << $clog2(Drain)) begin
      $fatal(1, "ternc_sequencer: Drain must be a power of two that divides Rows (%0d), not %0d", Rows, Drain);
    end
    if (Inputs < 1) $fatal(1, "ternc_sequencer: Inputs must be at least 1, not %0d", Inputs);
    if (Links < 1) $fatal(1, "ternc_sequencer: Links must be at least 1, not %0d", Links);
    if (Rows > (1 << (XBits - 1))) begin
      $fatal(1, "ternc_sequencer: XBits must be so many that a signed number holds %0d rows, not %0d", Rows, XBits);
    end
    if (WeightLead < 0 || WeightLead > 11) $fatal(1, "ternc_sequencer: WeightLead must be 0 to 11, not %0d", WeightLead);
    if (FlushCycles < 1) $fatal(1, "ternc_sequencer: FlushCycles must be at least 1, not %0d", FlushCycles);
  end
`endif

endmodule
