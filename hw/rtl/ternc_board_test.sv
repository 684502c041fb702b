// Runs a design on a board against stored frames, and says over a serial line and on two LEDs whether it is right.
//
// The streams are ternc_board_play's at the design's inputs and ternc_board_check's at its outputs. Each run: rst_no low for 16 cycles,
// 16 cycles to read ahead, start_o until every check is done, one is wrong, or no beat moved on any stream for Timeout cycles;
// then the line of ternc_board_line, with the frames and the cycles from the first beat on any stream to the last, both counted, or
// with the port, the frame and the beat that is wrong or does not come. The LEDs keep the last run's outcome. The next run starts
// after Pause cycles, or with button_i.
//
// It cannot say what was wrong in a beat, and it does not look at the design while it pauses.
module ternc_board_test #(
  parameter int Streams = 2,
  parameter int Outputs = 1,
  parameter int Frames = 1,
  parameter int Timeout = 65536,
  parameter int Pause = 25000000,
  parameter int Divisor = 217
) (
  input  logic                  clk_i,
  input  logic                  rst_ni,
  input  logic                  button_i,
  output logic                  tx_o,
  output logic                  pass_o,
  output logic                  fail_o,
  // the design, its players and its checks
  output logic                  rst_no,
  output logic                  start_o,
  input  logic [Streams-1:0]    valid_i,
  input  logic [Streams-1:0]    ready_i,
  input  logic [Outputs-1:0]    done_i,
  input  logic [Outputs-1:0]    wrong_i,
  input  logic [32*Outputs-1:0] frame_i,
  input  logic [32*Outputs-1:0] beat_i
);

  typedef enum logic [2:0] {Reset, Ahead, Run, Line, Rest} state_e;
  state_e state_q;
  logic [31:0] time_q, cycles_q, a_q, b_q, c_q, port, frame, beat;
  logic [1:0] kind_q;
  logic moved, begun_q, finished, wrong, stalled, button, line_start_q, line_done, byte_valid, byte_ready;
  logic [7:0] byte_data;

  assign moved = (valid_i & ready_i) != '0;
  assign finished = done_i == '1;
  assign wrong = wrong_i != '0;
  assign stalled = time_q == Timeout;

  ternc_delay #(.Width(1), .Depth(2)) u_button (.clk_i(clk_i), .d_i(button_i), .q_o(button));

  ternc_board_line u_line (
    .clk_i(clk_i), .rst_ni(rst_ni), .start_i(line_start_q), .done_o(line_done), .kind_i(kind_q), .a_i(a_q), .b_i(b_q), .c_i(c_q),
    .valid_o(byte_valid), .ready_i(byte_ready), .data_o(byte_data)
  );

  ternc_uart_tx #(.Divisor(Divisor)) u_uart (
    .clk_i(clk_i), .rst_ni(rst_ni), .valid_i(byte_valid), .ready_o(byte_ready), .data_i(byte_data), .tx_o(tx_o)
  );

  // the first port that is wrong, or that still waits
  always_comb begin
    port = '0;
    frame = '0;
    beat = '0;
    for (int p = Outputs - 1; p >= 0; p--) begin
      if (wrong ? wrong_i[p] : !done_i[p]) begin
        port = p;
        frame = frame_i[32*p +: 32];
        beat = beat_i[32*p +: 32];
      end
    end
  end

  always_ff @(posedge clk_i) begin
    line_start_q <= 1'b0;
    time_q <= time_q + 1;
    if (!rst_ni) begin
      state_q <= Reset;
      time_q <= '0;
      rst_no <= 1'b0;
      start_o <= 1'b0;
      pass_o <= 1'b0;
      fail_o <= 1'b0;
    end else begin
      unique case (state_q)
        Reset: if (time_q == 15) begin
          rst_no <= 1'b1;
          time_q <= '0;
          state_q <= Ahead;
        end
        Ahead: if (time_q == 15) begin
          start_o <= 1'b1;
          begun_q <= 1'b0;
          cycles_q <= '0;
          time_q <= '0;
          state_q <= Run;
        end
        Run: begin
          begun_q <= begun_q || moved;
          if (moved) time_q <= '0;
          if (begun_q || moved) cycles_q <= cycles_q + 1;
          if (wrong || finished || stalled) begin
            kind_q <= finished ? 2'd0 : wrong ? 2'd1 : 2'd2;
            {a_q, b_q, c_q} <= finished ? {Frames, cycles_q, 32'd0} : {port, frame, beat};
            pass_o <= finished;
            fail_o <= !finished;
            line_start_q <= 1'b1;
            state_q <= Line;
          end
        end
        Line: if (line_done) begin
          time_q <= '0;
          state_q <= Rest;
        end
        Rest: if (button || time_q == Pause) begin
          rst_no <= 1'b0;
          start_o <= 1'b0;
          time_q <= '0;
          state_q <= Reset;
        end
        default: state_q <= Reset;
      endcase
    end
  end

`ifndef SYNTHESIS
  initial begin
    if (Outputs < 1) $fatal(1, "ternc_board_test: Outputs must be at least 1, not %0d", Outputs);
    if (Streams <= Outputs) $fatal(1, "ternc_board_test: Streams must be more than Outputs, %0d, but is %0d", Outputs, Streams);
    if (Timeout < 1) $fatal(1, "ternc_board_test: Timeout must be at least 1, not %0d", Timeout);
    if (Pause < 1) $fatal(1, "ternc_board_test: Pause must be at least 1, not %0d", Pause);
  end
`endif

endmodule
