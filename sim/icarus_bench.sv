// The parts of a test bench for an interpreting simulator, which does what sim/verilator_main.cpp does in Verilator:
// slower, but undefined values (x) are seen. compiler/ternc/simulate/icarus.py writes the module `ternc_bench` that
// puts a source at every input stream of a design, a sink at every output stream, a monitor at every engine where
// the design shows what they finish, and one control.
//
// The log has one line per happening; inputs, outputs and engines are numbered from 0 in the order of the design:
//
//   I stream cycle            an input beat was accepted
//   O stream cycle last hex   an output beat was accepted
//   M engine cycle hex        an engine finished a vector
//   E cycle message           the run ends here
//
// Cycle 0 is the first one after reset. Every part samples at the rising edge and drives behind it.
`timescale 1ns/1ps

// Clock, reset, cycle count, and the end of the run: all frames out and quiet, or nothing moved for Watchdog cycles.
module ternc_bench_control #(
  parameter int Streams = 2,
  parameter int Outputs = 1,
  parameter int Watchdog = 1,
  parameter LogFile = ""
) (
  output reg                clk_o,
  output reg                rst_no,
  output wire               start_o,    // the reset ends with this edge
  output wire               run_o,
  output reg  [31:0]        log_o,
  output reg  [31:0]        cycle_o,
  input  wire [Streams-1:0] moved_i,
  input  wire [Streams-1:0] held_i,     // a stream's own side holds it back
  input  wire [Outputs-1:0] done_i
);
  localparam int QuietCycles = 64;
  integer reset_left = 16, idle = 0, quiet = 0;

  assign start_o = reset_left == 1;
  assign run_o   = reset_left == 0;

  initial begin
    log_o   = $fopen(LogFile, "w");
    clk_o   = 1'b0;
    rst_no  = 1'b0;
    cycle_o = 0;
    forever #1 clk_o = !clk_o;
  end

  always @(posedge clk_o) begin
    if (!run_o) reset_left <= reset_left - 1;
    rst_no <= start_o || run_o;
    if (run_o) begin
      cycle_o <= cycle_o + 1;
      idle = (|moved_i || &done_i) ? 0 : idle + !(|held_i);
      if (idle > Watchdog) begin
        $fdisplay(log_o, "E %0d nothing moved any more", cycle_o);
        $finish;
      end
      if (&done_i) quiet = quiet + 1;
      if (quiet > QuietCycles) $finish;
    end
  end
endmodule

// Logs the vectors that an engine finishes.
module ternc_bench_monitor #(
  parameter int Engine = 0,
  parameter int Bits = 1
) (
  input wire            clk_i,
  input wire            run_i,
  input wire [31:0]     log_i,
  input wire [31:0]     cycle_i,
  input wire            valid_i,
  input wire [Bits-1:0] value_i
);
  always @(posedge clk_i) begin
    if (run_i && valid_i === 1'b1) $fdisplay(log_i, "M %0d %0d %h", Engine, cycle_i, value_i);
  end
endmodule

// Random stretches of 1 to Stretch cycles in which a side is blocked never, seldom, mostly or always.
module ternc_bench_stalls #(
  parameter int Enabled = 0,
  parameter int Seed = 1,
  parameter int Stretch = 1
) (
  input  wire clk_i,
  output reg  blocked_o
);
  integer seed = Seed, left = 0, level = 0;

  initial blocked_o = 1'b0;
  always @(posedge clk_i) if (Enabled != 0) begin
    if (left == 0) begin
      case ($random(seed) & 3)
        0: level = 0;
        1: level = 4;
        2: level = 12;
        default: level = 16;
      endcase
      left = 1 + (($unsigned($random(seed)) % Stretch) >> ($random(seed) & 7));
    end
    left = left - 1;
    blocked_o <= ($random(seed) & 15) < level;
  end
endmodule

// Offers the beats of File (hex, one a line); once on offer a beat stays until it is taken.
module ternc_bench_source #(
  parameter int Stream = 0,
  parameter int Bytes = 1,
  parameter int BeatsPerFrame = 1,
  parameter int Frames = 1,
  parameter Name = "",
  parameter File = ""
) (
  input  wire               clk_i,
  input  wire               start_i,
  input  wire               run_i,
  input  wire [31:0]        log_i,
  input  wire [31:0]        cycle_i,
  input  wire               blocked_i,
  output wire               moved_o,
  output reg                held_o,
  output reg  [8*Bytes-1:0] tdata_o,
  output reg                tvalid_o,
  input  wire               tready_i,
  output reg                tlast_o
);
  localparam int Beats = BeatsPerFrame * Frames;
  reg [8*Bytes-1:0] stimulus [0:Beats-1];
  integer seed = Stream, sent = 0;

  assign moved_o = run_i && tvalid_o && tready_i === 1'b1;

  initial begin
    $readmemh(File, stimulus);
    tdata_o  = 0;
    tvalid_o = 1'b0;
    tlast_o  = 1'b0;
    held_o   = 1'b0;
  end

  always @(posedge clk_i) begin
    if (moved_o) $fdisplay(log_i, "I %0d %0d", Stream, cycle_i);
    if (run_i && tready_i === 1'bx) begin
      $fdisplay(log_i, "E %0d %0s_tready is undefined", cycle_i, Name);
      $finish;
    end
    if (start_i || moved_o || run_i && !tvalid_o) begin
      tvalid_o <= sent < Beats && !blocked_i;
      held_o   <= sent < Beats && blocked_i;
      if (sent < Beats && !blocked_i) begin
        tdata_o <= stimulus[sent];
        tlast_o <= (sent + 1) % BeatsPerFrame == 0;
        sent = sent + 1;
      end else begin
        tdata_o <= {(Bytes + 3) / 4{$random(seed)}};
      end
    end
  end
endmodule

// Takes beats, and ends the run where the stream breaks a rule.
module ternc_bench_sink #(
  parameter int Stream = 0,
  parameter int Bytes = 1,
  parameter int BeatsPerFrame = 1,
  parameter int Frames = 1,
  parameter Name = ""
) (
  input  wire               clk_i,
  input  wire               start_i,
  input  wire               run_i,
  input  wire [31:0]        log_i,
  input  wire [31:0]        cycle_i,
  input  wire               blocked_i,
  output wire               moved_o,
  output reg                held_o,
  output reg                done_o,
  input  wire [8*Bytes-1:0] tdata_i,
  input  wire               tvalid_i,
  output reg                tready_o,
  input  wire               tlast_i
);
  localparam int Beats = BeatsPerFrame * Frames;
  integer taken = 0;
  reg waiting = 1'b0, held_last = 1'b0;
  reg [8*Bytes-1:0] held_data = 0;

  assign moved_o = run_i && tvalid_i === 1'b1 && tready_o;

  initial begin
    tready_o = 1'b0;
    held_o   = 1'b0;
    done_o   = 1'b0;
  end

  always @(posedge clk_i) begin
    if (run_i) begin
      if (tvalid_i === 1'bx) stop("_tvalid is undefined");
      if (waiting && !tvalid_i) stop("_tvalid fell before it was taken");
      if (waiting && tdata_i !== held_data) stop("_tdata changed before it was taken");
      if (waiting && tlast_i !== held_last) stop("_tlast changed before it was taken");
      waiting   = tvalid_i && !tready_o;
      held_data = tdata_i;
      held_last = tlast_i;
      if (tvalid_i && taken == Beats) stop(": a beat is on offer after the last frame");
      if (moved_o) begin
        $fdisplay(log_i, "O %0d %0d %b %h", Stream, cycle_i, tlast_i, tdata_i);
        taken = taken + 1;
      end
    end
    if (start_i || run_i) begin
      tready_o <= !blocked_i;
      held_o   <= blocked_i && taken < Beats;
      done_o   <= taken == Beats;
    end
  end

  task stop(input [8*48-1:0] what);
    begin
      $fdisplay(log_i, "E %0d %0s%0s", cycle_i, Name, what);
      $finish;
    end
  endtask
endmodule
