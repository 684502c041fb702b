// Takes images of networks from a stream and writes them over the load bus (ternc_rom) into a design's memories.
//
// An image is a packet of 32-bit words: "TRNL", format 1, four words that name the hardware (Structure, lowest first), four that
// name the network, the number of records; of each record {memory, pieces} of 16 bits each, the number of words, and for each word its
// pieces of 32 bits, the most significant first; then the CRC-32 of all bytes before it, with last_i.
//
// The first ten words are looked at before anything happens: a packet of something else, or for other hardware, is swallowed and
// the network that runs goes on. From the tenth word on the design is held in reset until a whole image has come, with the right CRC
// and last_i in its place; after a failure it stays held, whatever rst_ni does, until the next whole image. abort_i (a pulse) and
// rst_ni end a packet in the middle: the next beat begins another.
//
// status_o from the highest bit down: hash [128] of the network that was loaded, 0 where none is; words [32] of the packet that
// comes or came last; error [3] of that packet: 0 none, 1 not an image, 2 for other hardware, 3 cut short, 4 too long, 5 CRC; held; state
// [2]: 0 as synthesised, 1 a packet is coming, 2 an image is loaded, 3 the last image failed half-way. It has power-on values and no
// reset.
//
// Throughput: a word of the stream in 5 cycles (the CRC takes a byte a cycle). Latency: 3 cycles from the last piece of a word to
// load_o, and from the CRC to rst_no. A write is on load_o at least 5 cycles before rst_no rises, so it stays ahead of the design's
// first reads if it passes the registers of a chain as fast as they do. A beat is not ready during reset, nor in a cycle with abort_i.
module ternc_loader #(
  parameter logic [127:0] Structure = 128'd0,
  parameter int LoadWidth = 8,
  parameter int LoadBits = 41 + LoadWidth
) (
  input  logic                clk_i,
  input  logic                rst_ni,
  // stream
  input  logic [31:0]         data_i,
  input  logic                valid_i,
  output logic                ready_o,
  input  logic                last_i,
  input  logic                abort_i,
  output logic [165:0]        status_o,
  // the design
  output logic                rst_no,
  output logic [LoadBits-1:0] load_o
);

  localparam logic [31:0] Magic = 32'h4c4e5254;
  localparam logic [31:0] Format = 32'd1;
  localparam int Pieces = (LoadWidth + 31) / 32;

  typedef enum logic [2:0] {Header, Records, Kind, Count, Piece, Crc, Swallow} phase_e;

  localparam logic [2:0] NoError = 3'd0, NoImage = 3'd1, OtherHardware = 3'd2, CutShort = 3'd3, TooLong = 3'd4, WrongCrc = 3'd5;

  // with power-on values and without reset
  logic [127:0] hash_q;
  logic [31:0] words_q;
  logic [2:0] error_q;
  logic held_q, loaded_q, active_q, write_q;

  phase_e phase_q;
  logic [3:0] step_q;  // one hot; none while a word is waited for
  logic [31:0] word_q, records_q, count_q, crc_q, next_crc, left_crc_q;
  logic last_q;
  logic [3:0] index_q;  // of a word of the header
  logic [127:0] new_hash_q;
  logic [15:0] memory_q, pieces_q, piece_q;
  logic [23:0] addr_q;
  logic [32*Pieces-1:0] data_q;
  logic match_q, empty_q, none_q, last_piece_q, last_word_q, last_record_q;
  logic take, begins, stop, fails;
  logic [2:0] failure;
  logic [31:0] expected;
  logic [1:0] state;
  logic unused;

  assign ready_o = rst_ni && !abort_i && (step_q == '0);
  assign take = valid_i && ready_o;
  assign begins = take && !active_q;
  assign stop = active_q && (abort_i || !rst_ni);
  assign rst_no = rst_ni && !held_q;
  assign state = active_q ? 2'd1 : held_q ? 2'd3 : loaded_q ? 2'd2 : 2'd0;
  assign status_o = {hash_q, words_q, error_q, held_q, state};
  assign load_o = {write_q, memory_q, addr_q, data_q[LoadWidth-1:0]};
  assign unused = ^data_q;

  // ---------------------------------------------------------------- a word, step by step
  // 0 to 3: its bytes go into the CRC; 0: it is compared with what is expected; 1: what it means; 2: a memory word that is
  // complete is on the bus
  always_ff @(posedge clk_i) begin
    if (take) begin
      word_q <= data_i;
      last_q <= last_i;
    end else begin
      word_q <= {word_q[7:0], word_q[31:8]};
    end
  end

  always @(posedge clk_i) begin
    if (!rst_ni || abort_i) step_q <= '0;
    else step_q <= {step_q[2:0], take};
  end

  // CRC-32 of a byte more, bit by bit from the lowest
  function automatic logic [31:0] crc_of(input logic [31:0] crc, input logic [7:0] data);
    crc_of = crc ^ {24'd0, data};
    for (int n = 0; n < 8; n++) crc_of = {1'b0, crc_of[31:1]} ^ (crc_of[0] ? 32'hedb88320 : 32'd0);
  endfunction

  assign next_crc = crc_of(crc_q, word_q[7:0]);
  always_ff @(posedge clk_i) begin
    if (begins) crc_q <= '1;
    else if (step_q != '0) crc_q <= next_crc;
    if (take) left_crc_q <= ~crc_q;
  end

  always_comb begin
    case (index_q)
      4'd0:    expected = Magic;
      4'd1:    expected = Format;
      4'd2:    expected = Structure[31:0];
      4'd3:    expected = Structure[63:32];
      4'd4:    expected = Structure[95:64];
      default: expected = Structure[127:96];
    endcase
    if (phase_q == Crc) expected = left_crc_q;
  end

  always_ff @(posedge clk_i) begin
    if (step_q[0]) begin
      match_q <= word_q == expected;
      empty_q <= (word_q == '0) || ((phase_q == Count) && none_q);
      last_piece_q <= piece_q == 16'd1;
      last_word_q <= count_q == 32'd1;
      last_record_q <= records_q == 32'd1;
    end
  end

  // ---------------------------------------------------------------- what a word means
  assign fails = failure != NoError;
  always_comb begin
    failure = NoError;
    if (phase_q == Header && index_q < 4'd2 && !match_q) failure = NoImage;
    else if (phase_q == Header && index_q < 4'd6 && !match_q) failure = OtherHardware;
    else if (phase_q != Crc && phase_q != Swallow && last_q) failure = CutShort;
    else if (phase_q == Crc && !last_q) failure = TooLong;
    else if (phase_q == Crc && !match_q) failure = WrongCrc;
  end

  always_ff @(posedge clk_i) begin
    if (begins) begin
      phase_q <= Header;
      index_q <= '0;
    end else if (step_q[1]) begin
      if (fails) begin
        phase_q <= Swallow;
      end else begin
        case (phase_q)
          Header: begin
            index_q <= index_q + 4'd1;
            if (index_q == 4'd9) phase_q <= Records;
          end
          Records: phase_q <= empty_q ? Crc : Kind;
          Kind: phase_q <= Count;
          Count: phase_q <= !empty_q ? Piece : last_record_q ? Crc : Kind;
          Piece: if (last_piece_q && last_word_q) phase_q <= last_record_q ? Crc : Kind;
          default: phase_q <= Swallow;
        endcase
      end
    end
  end

  // the word itself is in step 0, rotated by a byte in step 1
  always_ff @(posedge clk_i) begin
    if (step_q[0]) begin
      if (phase_q == Header) new_hash_q <= {word_q, new_hash_q[127:32]};
      if (phase_q == Kind) begin
        {memory_q, pieces_q} <= word_q;
        none_q <= word_q[15:0] == '0;
      end
      if (phase_q == Piece) data_q <= (32*Pieces)'({data_q, word_q});
    end
  end

  always_ff @(posedge clk_i) begin
    if (step_q[0] && phase_q == Records) records_q <= word_q;
    else if (step_q[1] && phase_q == Count && empty_q) records_q <= records_q - 32'd1;
    else if (step_q[1] && phase_q == Piece && last_piece_q && last_word_q) records_q <= records_q - 32'd1;
    if (step_q[0] && phase_q == Count) count_q <= word_q;
    else if (step_q[1] && phase_q == Piece && last_piece_q) count_q <= count_q - 32'd1;
    if (step_q[0] && phase_q == Count) piece_q <= pieces_q;
    else if (step_q[1] && phase_q == Piece) piece_q <= last_piece_q ? pieces_q : piece_q - 16'd1;
    if (step_q[0] && phase_q == Count) addr_q <= '0;
    else if (write_q) addr_q <= addr_q + 24'd1;
  end

  // ---------------------------------------------------------------- what outlives a reset
  initial begin
    hash_q = '0;
    words_q = '0;
    error_q = NoError;
    {held_q, loaded_q, active_q, write_q} = '0;
    step_q = '0;
  end

  // not always_ff, whose variables may have no initial value
  always @(posedge clk_i) begin
    write_q <= step_q[1] && !stop && !fails && (phase_q == Piece) && last_piece_q;
    if (take) words_q <= begins ? 32'd1 : words_q + 32'd1;
    if (begins) begin
      active_q <= 1'b1;
      error_q <= NoError;
    end else if (stop) begin
      active_q <= 1'b0;
      if (error_q == NoError) error_q <= CutShort;
    end else if (step_q[1]) begin
      if (last_q) active_q <= 1'b0;
      if (fails) error_q <= failure;
      if (phase_q == Header && index_q == 4'd9 && !fails) begin
        held_q <= 1'b1;
        hash_q <= '0;
      end
      if (phase_q == Crc && !fails) begin
        held_q <= 1'b0;
        loaded_q <= 1'b1;
        hash_q <= new_hash_q;
      end
    end
  end

`ifndef SYNTHESIS
  initial if (LoadWidth < 1) $fatal(1, "ternc_loader: LoadWidth must be at least 1, not %0d", LoadWidth);
`endif

endmodule
