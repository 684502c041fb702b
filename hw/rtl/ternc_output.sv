// Keeps the rows of one output in a circular buffer, written from a link, and sends them to a stream.
//
// A vector is one word of the buffer: the low ValueBits of each of Cols elements of WriteBits. A beat of the link has
// the vectors of Pixels pixels, each in a memory of its own, at the same address. x_i is the number of such a bundle of
// pixels: bundle k * Phases + p has the columns (k * Pixels + i) * Phases + p, i = 0 .. Pixels - 1, as far as the map
// has them; with Pixels = 1 it is the column. Rows leave in raster order, Chunks beats a pixel. A frame takes FrameRows
// rows of the buffer, of which the first Height are sent; the spare ones, fewer than a step, are freed with the last
// that is sent. count_o is the number of valid elements of a beat, pixel_last_o marks a pixel's last beat, last_o a
// frame's. A row is free again when its last word is read, room_o shows it in the next cycle.
//
// Throughput: one beat of the link and one of the stream a cycle while ready_i, without a bubble between rows and
// frames that are there. Latency: with a step's last beat on the link in cycle v, its first row's first beat is valid
// in v + 6 (unless earlier ones wait). A claimed step is always accepted: there is no ready on the link.
module ternc_output #(
  parameter int Cols = 1,
  parameter int Channels = 1,
  parameter int Width = 1,
  parameter int Height = 1,
  parameter int StepRows = 1,
  parameter int Capacity = 2,
  parameter int FrameRows = 1,
  parameter int WriteBits = 8,
  parameter int ValueBits = 8,
  parameter int ElemBits = 8,
  parameter int Offset = 0,
  parameter int XBits = 1,
  parameter int TileBits = 1,
  parameter int StepBits = 1,
  parameter int Pixels = 1,
  parameter int Phases = 1,
  parameter int CountBits = $clog2(Cols + 1)
) (
  input  logic                      clk_i,
  input  logic                      rst_ni,
  // link
  input  logic                      claim_i,
  output logic                      room_o,
  input  logic                      valid_i,
  input  logic [StepBits-1:0]       row_i,
  input  logic [XBits-1:0]          x_i,
  input  logic [TileBits-1:0]       tile_i,
  input  logic [Pixels*Cols*WriteBits-1:0] data_i,
  // stream
  output logic                      valid_o,
  input  logic                      ready_i,
  output logic [Cols*ElemBits-1:0]  data_o,
  output logic [CountBits-1:0]      count_o,
  output logic                      pixel_last_o,
  output logic                      last_o
);

  localparam int Chunks = (Channels + Cols - 1) / Cols;
  localparam int Tail = Channels - (Chunks - 1) * Cols;
  localparam int RowBeats = Width * Chunks;  // of the stream
  localparam int Spare = FrameRows - Height;
  // Of a row's bundles, whole ones and then what is left: the words, and the word of the last pixel's last beat
  localparam int Whole = (Width - 1) / (Pixels * Phases);
  localparam int Rest = Width - Whole * Pixels * Phases;
  localparam int Bundles = Whole * Phases + ((Rest < Phases) ? Rest : Phases);
  localparam int RowWords = Bundles * Chunks;
  localparam int LastWord = (Whole * Phases + (Rest - 1) % Phases) * Chunks + Chunks - 1;
  localparam int Depth = Capacity * RowWords;
  localparam int RowJump = RowWords - LastWord;               // from there to the next row
  localparam int FrameJump = RowJump + Spare * RowWords;
  localparam int AddrBits = (Depth > 1) ? $clog2(Depth) : 1;
  localparam int RowBits = $clog2(Capacity + FrameRows + 1);
  localparam int VectorBits = $clog2(RowWords * StepRows + 1);
  localparam int WordBits = $clog2(RowBeats + 1);
  localparam int ChunkBits = $clog2(Chunks + 1);
  localparam int FifoLog2 = 3;
  localparam int VectorWidth = Cols * ValueBits;

  // ---------------------------------------------------------------- writes
  // word: row's base + bundle * Chunks + tile
  logic [VectorBits-1:0] vector_q;
  logic last_vector, step_end;
  logic [1:0] step_end_q;
  logic [StepRows*AddrBits-1:0] write_base;
  logic [AddrBits-1:0] base, column_q1, rest_q1, wr_addr_q2;
  logic [1:0] valid_q;
  logic [Pixels*VectorWidth-1:0] codes, codes_q2;
  logic unused_link;

  assign last_vector = vector_q == VectorBits'(RowWords * StepRows - 1);
  assign step_end = valid_i && last_vector;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      vector_q <= '0;
      step_end_q <= 2'b00;
      valid_q <= 2'b00;
    end else begin
      if (valid_i) vector_q <= last_vector ? '0 : vector_q + 1'b1;
      step_end_q <= {step_end_q[0], step_end};
      valid_q <= {valid_q[0], valid_i};
    end
  end

  always_comb begin
    base = '0;
    for (int r = 0; r < StepRows; r++) begin
      if (StepRows == 1 || row_i == StepBits'(r)) base = write_base[r*AddrBits +: AddrBits];
    end
    for (int c = 0; c < Pixels * Cols; c++) codes[c*ValueBits +: ValueBits] = data_i[c*WriteBits +: ValueBits];
  end
  always_ff @(posedge clk_i) begin
    column_q1 <= AddrBits'(x_i) * AddrBits'(Chunks);
    rest_q1 <= base + AddrBits'(tile_i);
    wr_addr_q2 <= column_q1 + rest_q1;
  end
  ternc_delay #(.Width(Pixels * VectorWidth), .Depth(2)) u_codes (.clk_i(clk_i), .d_i(codes), .q_o(codes_q2));
  assign unused_link = ^{row_i, x_i, tile_i, data_i};

  // ---------------------------------------------------------------- reads
  logic read, row_end, frame_end, move;
  logic [1:0] read_q;
  logic [RowBits-1:0] have, y_q, free, unused_read_row;
  logic [WordBits-1:0] word_q;
  logic [ChunkBits-1:0] chunk_q;
  logic [AddrBits-1:0] rd_addr_q, move_by;
  logic [FifoLog2:0] credit_q;
  logic last_word, last_y, last_chunk, last_addr;

  assign read = (have > y_q) && (credit_q != 0);
  assign last_word = word_q == WordBits'(RowBeats - 1);
  assign last_y = y_q == RowBits'(Height - 1);
  assign last_chunk = chunk_q == ChunkBits'(Chunks - 1);
  assign row_end = read && last_word;
  assign frame_end = row_end && last_y;
  assign free = !row_end ? '0 : last_y ? RowBits'(1 + Spare) : RowBits'(1);
  // with one pixel a bundle the last address is only reached by a row's last word
  assign last_addr = (Pixels == 1 || last_word)
      && (rd_addr_q == ((last_y && last_word) ? AddrBits'(Depth - FrameJump) : AddrBits'(Depth - RowJump)));

  ternc_rows #(
    .Capacity(Capacity), .FrameRows(FrameRows), .StepRows(StepRows), .Pitch(RowWords), .RowBits(RowBits),
    .BaseBits(AddrBits)
  ) u_rows (
    .clk_i(clk_i), .rst_ni(rst_ni), .claim_i(claim_i), .room_o(room_o), .advance_i(step_end),
    .write_base_o(write_base), .arrive_i(step_end_q[1]), .have_o(have), .take_i(frame_end), .free_i(free),
    .read_row_o(unused_read_row)
  );

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      y_q <= '0;
      word_q <= '0;
      chunk_q <= '0;
      rd_addr_q <= '0;
      read_q <= 2'b00;
      credit_q <= {1'b1, {FifoLog2{1'b0}}};
    end else begin
      if (read) begin
        word_q <= last_word ? '0 : word_q + 1'b1;
        chunk_q <= last_chunk ? '0 : chunk_q + 1'b1;
        if (last_word) y_q <= last_y ? '0 : y_q + 1'b1;
        if (last_addr) rd_addr_q <= '0;
        else rd_addr_q <= rd_addr_q + move_by;
      end
      read_q <= {read_q[0], read};
      if (read && !move) credit_q <= credit_q - 1'b1;
      else if (!read && move) credit_q <= credit_q + 1'b1;
    end
  end

  logic [Pixels*VectorWidth-1:0] rd_words;
  logic [VectorWidth-1:0] rd_word, value;
  logic [1:0] flags;
  logic unused_full;
  for (genvar i = 0; i < Pixels; i++) begin : gen_pixel
    ternc_ram #(.Width(VectorWidth), .Depth(Depth)) u_memory (
      .clk_i(clk_i), .wr_en_i(valid_q[1]), .wr_addr_i(wr_addr_q2), .wr_data_i(codes_q2[i*VectorWidth +: VectorWidth]),
      .rd_addr_i(rd_addr_q), .rd_data_o(rd_words[i*VectorWidth +: VectorWidth])
    );
  end

  // a bundle's pixels one after the other, each behind the phases of the one before
  if (Pixels == 1) begin : gen_one
    assign move_by = (last_y && last_word) ? AddrBits'(FrameJump) : AddrBits'(1);
    assign rd_word = rd_words;
  end else begin : gen_some
    localparam int PixelBits = $clog2(Pixels);
    localparam int PhaseBits = $clog2(Phases + 1);
    logic [PixelBits-1:0] pixel_q, pixel_q2;
    logic [PhaseBits-1:0] phase_q;
    logic last_phase, last_pixel;
    assign last_phase = phase_q == PhaseBits'(Phases - 1);
    assign last_pixel = pixel_q == PixelBits'(Pixels - 1);
    always_comb begin
      if (last_word)                                      move_by = last_y ? AddrBits'(FrameJump) : AddrBits'(RowJump);
      else if (last_chunk && last_phase && !last_pixel)   move_by = AddrBits'(1 - Phases * Chunks);
      else                                                move_by = AddrBits'(1);
    end
    always_ff @(posedge clk_i) begin
      if (!rst_ni) begin
        pixel_q <= '0;
        phase_q <= '0;
      end else if (read && last_word) begin
        pixel_q <= '0;
        phase_q <= '0;
      end else if (read && last_chunk) begin
        phase_q <= last_phase ? '0 : phase_q + 1'b1;
        if (last_phase) pixel_q <= last_pixel ? '0 : pixel_q + 1'b1;
      end
    end
    ternc_delay #(.Width(PixelBits), .Depth(2)) u_pixel (.clk_i(clk_i), .d_i(pixel_q), .q_o(pixel_q2));
    assign rd_word = rd_words[pixel_q2*VectorWidth +: VectorWidth];
  end
  ternc_delay #(.Width(2), .Depth(2)) u_flags (
    .clk_i(clk_i), .d_i({last_y && last_word, last_chunk}), .q_o(flags)
  );

  // ---------------------------------------------------------------- stream
  ternc_fifo #(.Width(VectorWidth + 2), .DepthLog2(FifoLog2)) u_fifo (
    .clk_i(clk_i), .rst_ni(rst_ni), .push_i(read_q[1]), .data_i({flags, rd_word}), .full_o(unused_full),
    .pop_i(move), .data_o({last_o, pixel_last_o, value}), .valid_o(valid_o)
  );
  assign move = valid_o && ready_i;
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
    if (Spare < 0 || Spare >= StepRows) begin
      $fatal(1, "ternc_output: FrameRows (%0d) must be Height (%0d) or more, by less than StepRows (%0d)", FrameRows,
             Height, StepRows);
    end
  end
`endif

endmodule
