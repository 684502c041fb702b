// An output memory and what sends its frames to a stream: two halves, one is sent while the other is written.
//
// The words of a frame are consecutive from base_o on, Chunks to a pixel. A word is the low ValueBits of each of
// Cols written elements of WriteBits. One beat a cycle while ready_i; the first beat is valid five cycles after
// finish_i (the pulse that hands a half over; its last word is written in the cycle after at the latest). The half
// is free again in the cycle after its last beat has moved. count_o is the number of valid elements,
// pixel_last_o marks a pixel's last beat.
module ternc_output #(
  parameter int Cols = 1,
  parameter int Channels = 1,
  parameter int Pixels = 1,
  parameter int WriteBits = 8,
  parameter int ValueBits = 8,
  parameter int ElemBits = 8,
  parameter int Offset = 0,
  parameter int Depth = 2,
  parameter int AddrBits = (Depth > 1) ? $clog2(Depth) : 1,
  parameter int CountBits = $clog2(Cols + 1)
) (
  input  logic                      clk_i,
  input  logic                      rst_ni,
  // from the sequencer; where the half that is written begins
  output logic                      free_o,
  output logic [AddrBits-1:0]       base_o,
  input  logic                      finish_i,
  // words
  input  logic                      wr_en_i,
  input  logic [AddrBits-1:0]       wr_addr_i,
  input  logic [Cols*WriteBits-1:0] wr_data_i,
  // stream
  output logic                      valid_o,
  input  logic                      ready_i,
  output logic [Cols*ElemBits-1:0]  data_o,
  output logic [CountBits-1:0]      count_o,
  output logic                      pixel_last_o,
  output logic                      last_o
);

  localparam int Chunks = (Channels + Cols - 1) / Cols;
  localparam int Beats = Pixels * Chunks;
  localparam int BeatBits = $clog2(Beats + 1);
  localparam int ChunkBits = $clog2(Chunks + 1);
  localparam int Tail = Channels - (Chunks - 1) * Cols;
  localparam int FifoLog2 = 3;

  logic [1:0] full_q;
  logic wr_half_q, rd_half_q, busy_q, read, move, done;
  logic [BeatBits-1:0] left_q;
  logic [ChunkBits-1:0] chunk_q;
  logic [AddrBits-1:0] addr_q;
  logic [FifoLog2:0] credit_q;
  logic [1:0] read_q;
  logic chunk_last;
  logic [1:0] flags;
  logic unused_full;

  assign free_o = !full_q[wr_half_q];
  assign base_o = wr_half_q ? AddrBits'(Depth / 2) : '0;
  assign read = busy_q && (left_q != 0) && (credit_q != 0);
  assign chunk_last = chunk_q == ChunkBits'(Chunks - 1);
  assign move = valid_o && ready_i;
  assign done = move && last_o;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      full_q <= 2'b00;
      wr_half_q <= 1'b0;
      rd_half_q <= 1'b0;
      busy_q <= 1'b0;
      read_q <= 2'b00;
      credit_q <= {1'b1, {FifoLog2{1'b0}}};
    end else begin
      if (finish_i) begin
        full_q[wr_half_q] <= 1'b1;
        wr_half_q <= !wr_half_q;
      end
      if (done) begin
        full_q[rd_half_q] <= 1'b0;
        rd_half_q <= !rd_half_q;
        busy_q <= 1'b0;
      end else if (full_q[rd_half_q]) begin
        busy_q <= 1'b1;
      end
      read_q <= {read_q[0], read};
      if (read && !move) credit_q <= credit_q - 1'b1;
      else if (!read && move) credit_q <= credit_q + 1'b1;
    end
  end

  always_ff @(posedge clk_i) begin
    if (!busy_q) begin
      left_q <= BeatBits'(Beats);
      chunk_q <= '0;
      addr_q <= rd_half_q ? AddrBits'(Depth / 2) : '0;
    end else if (read) begin
      left_q <= left_q - 1'b1;
      chunk_q <= chunk_last ? '0 : chunk_q + 1'b1;
      addr_q <= addr_q + 1'b1;
    end
  end

  logic [Cols*ValueBits-1:0] wr_word, rd_word;
  logic unused_wr;
  always_comb begin
    for (int c = 0; c < Cols; c++) wr_word[c*ValueBits +: ValueBits] = wr_data_i[c*WriteBits +: ValueBits];
  end
  assign unused_wr = ^wr_data_i;
  ternc_ram #(.Width(Cols * ValueBits), .Depth(Depth)) u_memory (
    .clk_i(clk_i), .wr_en_i(wr_en_i), .wr_addr_i(wr_addr_i), .wr_data_i(wr_word), .rd_addr_i(addr_q),
    .rd_data_o(rd_word)
  );

  ternc_delay #(.Width(2), .Depth(2)) u_flags (
    .clk_i(clk_i), .d_i({left_q == 1, chunk_last}), .q_o(flags)
  );

  logic [Cols*ValueBits-1:0] value;
  ternc_fifo #(.Width(Cols * ValueBits + 2), .DepthLog2(FifoLog2)) u_fifo (
    .clk_i(clk_i), .rst_ni(rst_ni), .push_i(read_q[1]), .data_i({flags, rd_word}), .full_o(unused_full),
    .pop_i(move), .data_o({last_o, pixel_last_o, value}), .valid_o(valid_o)
  );

  assign count_o = pixel_last_o ? CountBits'(Tail) : CountBits'(Cols);

  // elements above count_o are 0; a code becomes its value by adding Offset
  always_comb begin
    for (int c = 0; c < Cols; c++) begin
      data_o[c*ElemBits +: ElemBits] = (CountBits'(c) < count_o)
        ? ElemBits'($signed(value[c*ValueBits +: ValueBits])) + ElemBits'(Offset) : '0;
    end
  end

`ifndef SYNTHESIS
  initial begin
    if (WriteBits < ValueBits) begin
      $fatal(1, "ternc_output: WriteBits must be at least ValueBits (%0d), not %0d", ValueBits, WriteBits);
    end
    if (Depth < 2 * Beats) begin
      $fatal(1, "ternc_output: Depth must be at least two frames of %0d words, not %0d", Beats, Depth);
    end
  end
`endif

endmodule
