// A memory of feature maps: Rows banks, read together for Rows neighbouring pixels; the vectors of Pixels pixels are
// written in one cycle.
//
// What is read is a chunk of Lanes codes, of which StoredLanes are stored and the others read as 0. Pixel x of a line
// lies in bank x mod Rows, so Rows neighbouring pixels lie in different banks, at one address or, past the bank that
// wraps, at the next. rd_rot_i is the bank of the first pixel: bank b reads rd_addr_i + (b < rd_rot_i), and row r of the
// answer is bank (r + rot) mod Rows. An address holds a wide word of Parts chunks, of which rd_part_i is read.
//
// What is written is a vector of Cols codes, whatever Cols and StoredLanes are: a wide word has Pieces RAMs of Piece
// codes, in the order of chunks and lanes, and piece k of the vector goes to RAM (wr_piece_i + k) mod Pieces, at
// wr_addr_i, or at wr_next_i where wr_piece_i + k is Pieces or more. wr_piece_i is a multiple of the greatest common
// divisor of Cols/Piece and Pieces: where Cols divides StoredLanes or the other way round nothing is left to rotate.
// Each of Pixels vectors has its own enable, bank and addresses (pixel 0 lowest), all the same piece; those that are
// written in one cycle go to different banks.
//
// Throughput: Pixels writes to a bank each and one read of all banks a cycle. Read latency: 3 cycles (2 of the RAM, 1 of the
// rotation). Codes are read as ActBits, zero-extended. Reading a word while it is written gives either value. There is
// no reset.

module ternc_feature_memory #(
  parameter int Rows = 4,
  parameter int Lanes = 8,
  parameter int StoredLanes = 8,
  parameter int Cols = 4,
  parameter int Piece = 4,
  parameter int CodeBits = 8,
  parameter int ActBits = CodeBits,
  parameter int Depth = 16,
  parameter int Pixels = 1,
  parameter int Parts = (Cols + StoredLanes - 1) / StoredLanes,
  parameter int Pieces = Parts * StoredLanes / Piece,
  parameter int AddrBits = (Depth > 1) ? $clog2(Depth) : 1,
  parameter int BankBits = (Rows > 1) ? $clog2(Rows) : 1,
  parameter int PieceBits = (Pieces > 1) ? $clog2(Pieces) : 1,
  parameter int PartBits = (Parts > 1) ? $clog2(Parts) : 1
) (
  input  logic                            clk_i,
  input  logic [Pixels-1:0]               wr_en_i,
  input  logic [Pixels*BankBits-1:0]      wr_bank_i,
  input  logic [Pixels*AddrBits-1:0]      wr_addr_i,
  input  logic [Pixels*AddrBits-1:0]      wr_next_i,
  input  logic [PieceBits-1:0]            wr_piece_i,
  input  logic [Pixels*Cols*CodeBits-1:0] wr_data_i,
  input  logic [AddrBits-1:0]             rd_addr_i,
  input  logic [BankBits-1:0]             rd_rot_i,
  input  logic [PartBits-1:0]             rd_part_i,
  output logic [Rows*Lanes*ActBits-1:0]   rd_data_o
);

  function automatic int common(input int a, input int b);
    common = 1;
    for (int d = 2; d <= a; d++) if (a % d == 0 && b % d == 0) common = d;
  endfunction

  localparam int VectorPieces = Cols / Piece;
  localparam int Grid = common(VectorPieces, Pieces);  // a vector begins at a multiple of it
  localparam int Turns = VectorPieces / Grid;          // pieces of a vector that one RAM may get
  localparam int PieceWidth = Piece * CodeBits;
  localparam int ChunkBits = StoredLanes * CodeBits;
  localparam int WideBits = Parts * ChunkBits;
  localparam int VectorBits = Cols * CodeBits;

  // ---------------------------------------------------------------- what each RAM of a wide word gets
  logic [Pieces-1:0] hit, wraps;
  logic [Pixels*WideBits-1:0] turned;  // the vector of each pixel
  for (genvar p = 0; p < Pieces; p++) begin : gen_piece
    logic [Turns-1:0] chosen, beyond;
    for (genvar j = 0; j < Turns; j++) begin : gen_turn
      localparam int Part = p % Grid + j * Grid;                    // of the vector
      localparam int Start = (p - Part + 2 * Pieces) % Pieces;  // the vector's first RAM
      assign chosen[j] = wr_piece_i == PieceBits'(Start);
      assign beyond[j] = chosen[j] && (Start > p);
      for (genvar i = 0; i < Pixels; i++) begin : gen_pixel
        logic [PieceWidth-1:0] others, codes;
        if (j == 0) begin : gen_first
          assign others = wr_data_i[i*VectorBits+Part*PieceWidth +: PieceWidth];
        end else begin : gen_other
          assign others = gen_turn[j-1].gen_pixel[i].codes;
        end
        assign codes = chosen[j] ? wr_data_i[i*VectorBits+Part*PieceWidth +: PieceWidth] : others;
        if (j == Turns - 1) begin : gen_last
          assign turned[i*WideBits+p*PieceWidth +: PieceWidth] = codes;
        end
      end
    end
    assign hit[p] = |chosen;
    assign wraps[p] = |beyond;
  end

  // ---------------------------------------------------------------- banks
  logic [Rows*WideBits-1:0] banks;
  for (genvar b = 0; b < Rows; b++) begin : gen_bank
    // the pixel that is written here, if one is
    logic [Pixels-1:0] here;
    for (genvar i = 0; i < Pixels; i++) begin : gen_pixel
      logic [AddrBits-1:0] other_addr, addr, other_next, next;
      logic [WideBits-1:0] other_codes, codes;
      assign here[i] = wr_en_i[i] && (wr_bank_i[i*BankBits +: BankBits] == BankBits'(b));
      if (i == 0) begin : gen_first
        assign other_addr = wr_addr_i[0 +: AddrBits];
        assign other_next = wr_next_i[0 +: AddrBits];
        assign other_codes = turned[0 +: WideBits];
      end else begin : gen_other
        assign other_addr = gen_pixel[i-1].addr;
        assign other_next = gen_pixel[i-1].next;
        assign other_codes = gen_pixel[i-1].codes;
      end
      assign addr = here[i] ? wr_addr_i[i*AddrBits +: AddrBits] : other_addr;
      assign next = here[i] ? wr_next_i[i*AddrBits +: AddrBits] : other_next;
      assign codes = here[i] ? turned[i*WideBits +: WideBits] : other_codes;
    end
    logic [AddrBits-1:0] rd_addr;
    if (b == Rows - 1) begin : gen_last  // no rotation is above the last bank
      assign rd_addr = rd_addr_i;
    end else begin : gen_other
      assign rd_addr = rd_addr_i + AddrBits'(rd_rot_i > BankBits'(b));
    end
    for (genvar p = 0; p < Pieces; p++) begin : gen_ram
      logic wr_en;
      logic [AddrBits-1:0] wr_addr;
      assign wr_en = hit[p] && (|here);
      assign wr_addr = wraps[p] ? gen_pixel[Pixels-1].next : gen_pixel[Pixels-1].addr;
      ternc_ram #(.Width(PieceWidth), .Depth(Depth)) u_ram (
        .clk_i(clk_i), .wr_en_i(wr_en), .wr_addr_i(wr_addr),
        .wr_data_i(gen_pixel[Pixels-1].codes[p*PieceWidth +: PieceWidth]),
        .rd_addr_i(rd_addr), .rd_data_o(banks[b*WideBits + p*PieceWidth +: PieceWidth])
      );
    end
  end

  // ---------------------------------------------------------------- rotation and part
  logic [BankBits-1:0] rot_q2;
  logic [PartBits-1:0] part_q2;
  ternc_delay #(.Width(BankBits + PartBits), .Depth(2)) u_late (
    .clk_i(clk_i), .d_i({rd_rot_i, rd_part_i}), .q_o({rot_q2, part_q2})
  );

  logic [Rows*ChunkBits-1:0] chunks;
  for (genvar b = 0; b < Rows; b++) begin : gen_chunk
    for (genvar k = 0; k < Parts; k++) begin : gen_part
      logic [ChunkBits-1:0] others, chunk;
      if (k == 0) begin : gen_first
        assign others = banks[b*WideBits +: ChunkBits];
      end else begin : gen_next
        assign others = gen_part[k-1].chunk;
      end
      assign chunk = (part_q2 == PartBits'(k)) ? banks[b*WideBits + k*ChunkBits +: ChunkBits] : others;
    end
    assign chunks[b*ChunkBits +: ChunkBits] = gen_part[Parts-1].chunk;
  end

  for (genvar r = 0; r < Rows; r++) begin : gen_row
    logic [ChunkBits-1:0] word, word_q;
    always_comb begin
      word = '0;
      for (int k = 0; k < Rows; k++) begin
        if (rot_q2 == BankBits'(k)) word = chunks[((r + k) % Rows)*ChunkBits +: ChunkBits];
      end
    end
    always_ff @(posedge clk_i) word_q <= word;
    for (genvar l = 0; l < Lanes; l++) begin : gen_lane
      if (l < StoredLanes) begin : gen_stored
        assign rd_data_o[(r*Lanes+l)*ActBits +: ActBits] = ActBits'(word_q[l*CodeBits +: CodeBits]);
      end else begin : gen_above
        assign rd_data_o[(r*Lanes+l)*ActBits +: ActBits] = '0;
      end
    end
  end

`ifndef SYNTHESIS
  if (Pixels > 1) begin : gen_check
    logic [Pixels-1:0] again;  // the bank of a pixel before it
    logic running_q;           // the first edge may come before the writer's reset
    initial running_q = 1'b0;
    always_comb begin
      again = '0;
      for (int i = 1; i < Pixels; i++) begin
        for (int k = 0; k < i; k++) begin
          if (wr_bank_i[i*BankBits +: BankBits] == wr_bank_i[k*BankBits +: BankBits]) again[i] = again[i] | (wr_en_i[i] & wr_en_i[k]);
        end
      end
    end
    always @(posedge clk_i) begin
      running_q <= 1'b1;
      if (running_q && again != '0) $fatal(1, "ternc_feature_memory: two pixels are written to one bank");
    end
  end

  initial begin
    if (Pixels < 1 || Pixels > Rows) begin
      $fatal(1, "ternc_feature_memory: Pixels must be from 1 to Rows (%0d), not %0d", Rows, Pixels);
    end
    if (Rows < 1) $fatal(1, "ternc_feature_memory: Rows must be at least 1, not %0d", Rows);
    if (StoredLanes > Lanes) begin
      $fatal(1, "ternc_feature_memory: StoredLanes must be at most Lanes (%0d), not %0d", Lanes, StoredLanes);
    end
    if (Cols % Piece != 0 || StoredLanes % Piece != 0) begin
      $fatal(1, "ternc_feature_memory: Piece (%0d) must divide Cols (%0d) and StoredLanes (%0d)", Piece, Cols, StoredLanes);
    end
    if (ActBits < CodeBits) begin
      $fatal(1, "ternc_feature_memory: ActBits must be at least CodeBits (%0d), not %0d", CodeBits, ActBits);
    end
  end
`endif

endmodule
