// Compares an AXI4-Stream with the frames of a memory file, as ternc_board_play reads it.
//
// Of a beat the low CareBits count, of every Period-th beat the low LastBits: a port leaves the rest over. A beat that differs, or
// whose last is not the frame's, stops it with wrong_o; frame_o and beat_o, both from 0, are then that beat's, and otherwise those
// of the next one. After all frames it is done, takes no more beats, and does not notice any.
//
// Throughput: one beat a cycle. Latency: done_o and wrong_o come in the cycle after the beat moved.
module ternc_board_check #(
  parameter int Width = 8,
  parameter int Beats = 1,
  parameter int Frames = 1,
  parameter int Period = 1,
  parameter int CareBits = Width,
  parameter int LastBits = Width,
  parameter     InitFile = ""
) (
  input  logic             clk_i,
  input  logic             rst_ni,
  input  logic             valid_i,
  output logic             ready_o,
  input  logic [Width-1:0] data_i,
  input  logic             last_i,
  output logic             done_o,
  output logic             wrong_o,
  output logic [31:0]      frame_o,
  output logic [31:0]      beat_o
);

  localparam logic [Width-1:0] Care = {Width{1'b1}} >> (Width - CareBits);
  localparam logic [Width-1:0] LastCare = {Width{1'b1}} >> (Width - LastBits);

  logic [Width-1:0] expected, care;
  logic known, move, last, period_end, differs;

  assign ready_o = known && !wrong_o;
  assign move = valid_i && ready_o;
  assign care = period_end ? LastCare : Care;
  assign differs = ((data_i ^ expected) & care) != '0 || last_i != last;
  assign done_o = frame_o == Frames;

  ternc_board_play #(.Width(Width), .Beats(Beats), .Frames(Frames), .InitFile(InitFile)) u_expected (
    .clk_i(clk_i), .rst_ni(rst_ni), .start_i(1'b1), .valid_o(known), .ready_i(move), .data_o(expected), .last_o(last)
  );

  ternc_last #(.Beats(Period)) u_period (.clk_i(clk_i), .rst_ni(rst_ni), .move_i(move), .last_o(period_end));

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      wrong_o <= 1'b0;
      frame_o <= '0;
      beat_o <= '0;
    end else if (move) begin
      if (differs) wrong_o <= 1'b1;
      else if (last) begin
        frame_o <= frame_o + 1;
        beat_o <= '0;
      end else beat_o <= beat_o + 1;
    end
  end

`ifndef SYNTHESIS
  initial begin
    if (Period < 1 || Beats % Period != 0) $fatal(1, "ternc_board_check: Period must divide Beats, %0d, but is %0d", Beats, Period);
    if (CareBits < 1 || CareBits > Width) $fatal(1, "ternc_board_check: CareBits must be 1 to %0d, not %0d", Width, CareBits);
    if (LastBits < 1 || LastBits > Width) $fatal(1, "ternc_board_check: LastBits must be 1 to %0d, not %0d", Width, LastBits);
  end
`endif

endmodule
