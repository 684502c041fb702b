// Runs a generated top module in an interpreting simulator, as sim/verilator_main.cpp does in Verilator.
// Slower, but undefined values (x) are seen. Set up by macros:
//
//   TERNC_TOP, TERNC_IN_BYTES, TERNC_IN_BEATS, TERNC_OUT_BYTES, TERNC_OUT_BEATS, TERNC_FRAMES, TERNC_WATCHDOG,
//   TERNC_STALLS (0 or 1), TERNC_SEED, TERNC_STRETCH, and with TERNC_MONITOR also TERNC_MON_BITS
//
// and by plusargs: +input=FILE (hex, one beat a line), +log=FILE. The log has one line per happening:
//
//   I cycle            an input beat was accepted
//   O cycle last hex   an output beat was accepted
//   M cycle hex        a vector on the monitor port
//   E cycle message    the run ends here
//
// Cycle 0 is the first one after reset.
`timescale 1ns/1ps

module ternc_bench;
  localparam int InBeats  = `TERNC_FRAMES * `TERNC_IN_BEATS;
  localparam int OutBeats = `TERNC_FRAMES * `TERNC_OUT_BEATS;
  localparam int QuietCycles = 64;

  reg clk = 1'b0, rst_n = 1'b0;
  reg [8*`TERNC_IN_BYTES-1:0] stimulus [0:InBeats-1];
  reg [8*`TERNC_IN_BYTES-1:0] in_data = 0;
  reg in_valid = 1'b0, in_last = 1'b0, out_ready = 1'b0;
  wire in_ready, out_valid, out_last;
  wire [8*`TERNC_OUT_BYTES-1:0] out_data;
`ifdef TERNC_MONITOR
  wire mon_valid;
  wire [`TERNC_MON_BITS-1:0] mon_value;
`endif

  `TERNC_TOP u_dut (
    .clk_i(clk), .rst_ni(rst_n),
    .s_axis_tdata(in_data), .s_axis_tvalid(in_valid), .s_axis_tready(in_ready), .s_axis_tlast(in_last),
    .m_axis_tdata(out_data), .m_axis_tvalid(out_valid), .m_axis_tready(out_ready), .m_axis_tlast(out_last)
`ifdef TERNC_MONITOR
    , .mon_valid_o(mon_valid), .mon_value_o(mon_value)
`endif
  );

  reg [8*1024-1:0] input_file, log_file;
  integer log;
  initial begin
    if (!$value$plusargs("input=%s", input_file)) $fatal(1, "ternc_bench: +input=FILE is needed");
    if (!$value$plusargs("log=%s", log_file)) $fatal(1, "ternc_bench: +log=FILE is needed");
    $readmemh(input_file, stimulus);
    log = $fopen(log_file, "w");
    forever #1 clk = !clk;
  end

  // Random stretches of 1 to TERNC_STRETCH cycles in which a side is blocked never, seldom, mostly or always.
  integer seed = `TERNC_SEED;
  integer in_left = 0, in_level = 0, out_left = 0, out_level = 0;
  reg in_blocked, out_blocked;

  function automatic integer new_level(input integer dice);
    case (dice & 3)
      0: new_level = 0;
      1: new_level = 4;
      2: new_level = 12;
      default: new_level = 16;
    endcase
  endfunction

  integer reset_left = 16, cycle = 0, sent = 0, taken = 0, idle = 0, quiet = 0;
  reg waiting = 1'b0, held_last = 1'b0;
  reg [8*`TERNC_OUT_BYTES-1:0] held_data = 0;

  // Everything is sampled before the edge's own assignments take effect, and driven after them.
  always @(posedge clk) begin
    in_blocked = 1'b0;
    out_blocked = 1'b0;
    if (`TERNC_STALLS) begin
      if (in_left == 0) begin
        in_level = new_level($random(seed));
        in_left = 1 + (($unsigned($random(seed)) % `TERNC_STRETCH) >> ($random(seed) & 7));
      end
      if (out_left == 0) begin
        out_level = new_level($random(seed));
        out_left = 1 + (($unsigned($random(seed)) % `TERNC_STRETCH) >> ($random(seed) & 7));
      end
      in_left = in_left - 1;
      out_left = out_left - 1;
      in_blocked = ($random(seed) & 15) < in_level;
      out_blocked = ($random(seed) & 15) < out_level;
    end
    if (reset_left != 0) begin
      reset_left = reset_left - 1;
      rst_n <= reset_left == 0;
      if (reset_left == 0) offer;
    end else begin
      observe;
      offer;
      cycle = cycle + 1;
    end
  end

  task offer;
    begin
      out_ready <= !out_blocked;
      if (!in_valid || in_ready === 1'b1 || cycle == 0 && sent == 0) begin
        in_valid <= sent < InBeats && !in_blocked;
        if (sent < InBeats && !in_blocked) begin
          in_data <= stimulus[sent];
          in_last <= (sent + 1) % `TERNC_IN_BEATS == 0;
          sent = sent + 1;
        end else begin
          in_data <= {(`TERNC_IN_BYTES + 3) / 4{$random(seed)}};
        end
      end
    end
  endtask

  task observe;
    begin
      idle = idle + (taken != OutBeats && (in_valid || sent == InBeats) && out_ready);
      if (in_valid && in_ready) begin
        $fdisplay(log, "I %0d", cycle);
        idle = 0;
      end
      if (in_ready === 1'bx || out_valid === 1'bx) stop("s_axis_tready or m_axis_tvalid is undefined");
      if (waiting && !out_valid) stop("m_axis_tvalid fell before m_axis_tready took the beat");
      if (waiting && out_data !== held_data) stop("m_axis_tdata changed before m_axis_tready took the beat");
      if (waiting && out_last !== held_last) stop("m_axis_tlast changed before m_axis_tready took the beat");
      waiting = out_valid && !out_ready;
      held_data = out_data;
      held_last = out_last;
      if (out_valid && taken == OutBeats) stop("a beat is on offer after the last frame");
      if (out_valid && out_ready) begin
        $fdisplay(log, "O %0d %b %h", cycle, out_last, out_data);
        taken = taken + 1;
        idle = 0;
      end
`ifdef TERNC_MONITOR
      if (mon_valid === 1'b1) $fdisplay(log, "M %0d %h", cycle, mon_value);
`endif
      if (idle > `TERNC_WATCHDOG) stop("nothing moved any more");
      if (taken == OutBeats) quiet = quiet + 1;
      if (quiet > QuietCycles) begin
        $fclose(log);
        $finish;
      end
    end
  endtask

  task stop(input [8*80-1:0] message);
    begin
      $fdisplay(log, "E %0d %0s", cycle, message);
      $fclose(log);
      $finish;
    end
  endtask
endmodule
