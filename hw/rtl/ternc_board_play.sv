// Plays Frames frames of Beats beats each from a memory file ($readmemh, a beat a line) as an AXI4-Stream, once after each reset.
//
// Nothing is offered before start_i, which must stay up; whoever waits 6 cycles after reset with it gets an unbroken stream.
// Throughput: one beat a cycle. Latency: the first beat is on offer 4 cycles after reset, or with start_i. It ends silent.
module ternc_board_play #(
  parameter int Width = 8,
  parameter int Beats = 1,
  parameter int Frames = 1,
  parameter     InitFile = ""
) (
  input  logic             clk_i,
  input  logic             rst_ni,
  input  logic             start_i,
  output logic             valid_o,
  input  logic             ready_i,
  output logic [Width-1:0] data_o,
  output logic             last_o
);

  localparam int Depth = Beats * Frames;
  localparam int AddrBits = (Depth > 1) ? $clog2(Depth) : 1;

  logic [AddrBits-1:0] addr_q;
  logic [Width-1:0] word;
  logic [2:0] room_q;  // of the queue's four places, those that no read has taken
  logic [1:0] reading_q;
  logic read, move, stored, end_q, unused_full;

  assign read = room_q != '0 && !end_q;
  assign valid_o = stored && start_i;
  assign move = valid_o && ready_i;

  ternc_rom #(.Width(Width), .Depth(Depth), .InitFile(InitFile)) u_rom (.clk_i(clk_i), .addr_i(addr_q), .data_o(word), .load_i(41'd0));

  ternc_fifo #(.Width(Width), .DepthLog2(2)) u_queue (
    .clk_i(clk_i), .rst_ni(rst_ni), .push_i(reading_q[1]), .data_i(word), .full_o(unused_full),
    .pop_i(move), .data_o(data_o), .valid_o(stored)
  );

  ternc_last #(.Beats(Beats)) u_last (.clk_i(clk_i), .rst_ni(rst_ni), .move_i(move), .last_o(last_o));

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      addr_q <= '0;
      end_q <= 1'b0;
      room_q <= 3'd4;
      reading_q <= '0;
    end else begin
      reading_q <= {reading_q[0], read};
      room_q <= room_q + 3'(move) - 3'(read);
      if (read) begin
        end_q <= addr_q == AddrBits'(Depth - 1);
        addr_q <= addr_q + 1'b1;
      end
    end
  end

`ifndef SYNTHESIS
  initial begin
    if (Beats < 1) $fatal(1, "ternc_board_play: Beats must be at least 1, not %0d", Beats);
    if (Frames < 1) $fatal(1, "ternc_board_play: Frames must be at least 1, not %0d", Frames);
  end
`endif

endmodule
