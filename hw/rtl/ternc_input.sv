// Writes frames from a stream into the input memory: two halves, one loads while the other is read.
//
// A beat is one chunk of one pixel; pixels come in raster order, a pixel's chunks in turn. One beat a cycle
// while a half is free. A pixel x of a row lies in phase x % Stride at index x / Stride, the index in bank
// index % Rows: neighbours that are read together are never in one bank. Latency 1 to the write port; a frame
// is announced on avail_o in the cycle after its last beat, and base_o is the first word of its half. The
// stream's last flag is not needed and not read.
// After reset it is not ready for 16 cycles, so that the sequencer has fetched its first pass before a frame comes.
module ternc_input #(
  parameter int Rows = 1,
  parameter int Lanes = 1,
  parameter int ElemBits = 8,
  parameter int Offset = 0,
  parameter int Width = 1,
  parameter int Height = 1,
  parameter int Chunks = 1,
  parameter int Stride = 1,
  parameter int PhaseWords = 1,
  parameter int PlaneWords = 1,
  parameter int Depth = 2,
  parameter int AddrBits = (Depth > 1) ? $clog2(Depth) : 1,
  parameter int BankBits = (Rows > 1) ? $clog2(Rows) : 1
) (
  input  logic                      clk_i,
  input  logic                      rst_ni,
  input  logic                      valid_i,
  output logic                      ready_o,
  input  logic [Lanes*ElemBits-1:0] data_i,
  // to the memory
  output logic                      wr_en_o,
  output logic [BankBits-1:0]       wr_bank_o,
  output logic [AddrBits-1:0]       wr_addr_o,
  output logic [Lanes*ElemBits-1:0] wr_data_o,
  // to the sequencer
  output logic                      avail_o,
  output logic [AddrBits-1:0]       base_o,
  input  logic                      release_i
);

  localparam int ChunkBits = $clog2(Chunks + 1);
  localparam int XBits = $clog2(Width + 1);
  localparam int YBits = $clog2(Height + 1);
  localparam int PhaseBits = $clog2(Stride + 1);

  logic [1:0] full_q;
  logic wr_half_q, rd_half_q, take;
  logic [4:0] warm_q;
  logic [ChunkBits-1:0] chunk_q;
  logic [XBits-1:0] x_q;
  logic [YBits-1:0] y_q;
  logic [PhaseBits-1:0] phase_q;
  logic [BankBits-1:0] bank_q;
  // address = chunk plane + row + phase + index / Rows
  logic [AddrBits-1:0] plane_q, row_q, phase_base_q, word_q;
  logic last_chunk, last_x, last_y, last_phase, last_bank, last_beat;

  assign ready_o = warm_q[4] && !full_q[wr_half_q];
  assign take = valid_i && ready_o;
  assign avail_o = full_q[rd_half_q];
  assign base_o = rd_half_q ? AddrBits'(Depth / 2) : '0;
  assign last_chunk = chunk_q == ChunkBits'(Chunks - 1);
  assign last_x = x_q == XBits'(Width - 1);
  assign last_y = y_q == YBits'(Height - 1);
  assign last_phase = phase_q == PhaseBits'(Stride - 1);
  assign last_bank = bank_q == BankBits'(Rows - 1);
  assign last_beat = take && last_chunk && last_x && last_y;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      full_q <= 2'b00;
      wr_half_q <= 1'b0;
      rd_half_q <= 1'b0;
      warm_q <= 5'd0;
    end else begin
      if (!warm_q[4]) warm_q <= warm_q + 5'd1;
      if (last_beat) begin
        full_q[wr_half_q] <= 1'b1;
        wr_half_q <= !wr_half_q;
      end
      if (release_i) begin
        full_q[rd_half_q] <= 1'b0;
        rd_half_q <= !rd_half_q;
      end
    end
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      chunk_q <= '0;
      plane_q <= '0;
      x_q <= '0;
      phase_q <= '0;
      phase_base_q <= '0;
      bank_q <= '0;
      word_q <= '0;
      y_q <= '0;
      row_q <= '0;
    end else if (take) begin
      chunk_q <= last_chunk ? '0 : chunk_q + 1'b1;
      plane_q <= last_chunk ? '0 : plane_q + AddrBits'(PlaneWords);
      if (last_chunk) begin
        x_q <= last_x ? '0 : x_q + 1'b1;
        phase_q <= (last_phase || last_x) ? '0 : phase_q + 1'b1;
        phase_base_q <= (last_phase || last_x) ? '0 : phase_base_q + AddrBits'(PhaseWords);
        if (last_x) begin
          bank_q <= '0;
          word_q <= '0;
          y_q <= last_y ? '0 : y_q + 1'b1;
          row_q <= last_y ? '0 : row_q + AddrBits'(Stride * PhaseWords);
        end else if (last_phase) begin
          bank_q <= last_bank ? '0 : bank_q + 1'b1;
          if (last_bank) word_q <= word_q + 1'b1;
        end
      end
    end
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) wr_en_o <= 1'b0;
    else wr_en_o <= take;
  end
  always_ff @(posedge clk_i) begin
    wr_bank_o <= bank_q;
    wr_addr_o <= plane_q + row_q + phase_base_q + word_q + (wr_half_q ? AddrBits'(Depth / 2) : '0);
    for (int l = 0; l < Lanes; l++) begin
      wr_data_o[l*ElemBits +: ElemBits] <= data_i[l*ElemBits +: ElemBits] + ElemBits'(Offset);
    end
  end

endmodule
