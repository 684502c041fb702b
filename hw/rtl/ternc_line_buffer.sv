// One input of an engine: keeps the rows of one map in a circular buffer, written from a link and read like a feature
// memory.
//
// A beat of the link has the vectors of Pixels neighbouring pixels of a row, the same tile of each; a row has Bundles
// such bundles of pixels, and x_i is the bundle's number: with Pixels = 1 the column. Of a vector's LinkCols elements
// the first Cols are kept, a code of each, its low CodeBits. The place ROM has for each bundle the bank and word offset
// of its pixels ({bank, offset}, offset lowest; with Pixels > 1 and valid, highest, for each, pixel 0 lowest). The tile
// says at which piece of which wide word a vector begins (a table of constants: tile * Cols / Piece divided by Pieces);
// its row within the step has a base from ternc_rows. The StepBeats-th beat of a step makes the step's rows arrive.
// claim_i, room_o, have_o, base_o, take_i, free_i are those of ternc_rows (base_o: buffer row of the frame's row 0).
//
// Throughput: one beat and one read a cycle. Latency: what is on the link in cycle v is written at the end of v + 3;
// with a step's last beat in cycle v have_o shows its rows from v + 3 on. Reads: 3 cycles. A claimed step is always
// accepted: there is no ready. load_i, LoadWidth and PlaceMemory: see ternc_rom.

module ternc_line_buffer #(
  parameter int Rows = 1,
  parameter int Lanes = 4,
  parameter int StoredLanes = 4,
  parameter int LinkCols = 4,
  parameter int Cols = LinkCols,
  parameter int Piece = 4,
  parameter int ElemBits = 8,
  parameter int CodeBits = 8,
  parameter int ActBits = 8,
  parameter int Capacity = 2,
  parameter int FrameRows = 4,
  parameter int StepRows = 1,
  parameter int Bundles = 4,
  parameter int Tiles = 1,
  parameter int Pitch = 4,
  parameter int Plane = Capacity * Pitch,
  parameter int Depth = 8,
  parameter int XBits = 2,
  parameter int TileBits = 1,
  parameter int StepBits = 1,
  parameter int RowBits = 4,
  parameter     PlaceFile = "",
  parameter int Pixels = 1,
  parameter int PlaceMemory = 0,
  parameter int LoadWidth = 0,
  parameter int LoadBits = 41 + LoadWidth,
  parameter int Parts = (Cols + StoredLanes - 1) / StoredLanes,
  parameter int AddrBits = (Depth > 1) ? $clog2(Depth) : 1,
  parameter int BankBits = (Rows > 1) ? $clog2(Rows) : 1,
  parameter int PartBits = (Parts > 1) ? $clog2(Parts) : 1
) (
  input  logic                          clk_i,
  input  logic                          rst_ni,
  // link
  input  logic                          claim_i,
  output logic                          room_o,
  input  logic                          valid_i,
  input  logic [StepBits-1:0]           row_i,
  input  logic [XBits-1:0]              x_i,
  input  logic [TileBits-1:0]           tile_i,
  input  logic [Pixels*LinkCols*ElemBits-1:0] data_i,
  // reader
  input  logic [AddrBits-1:0]           rd_addr_i,
  input  logic [BankBits-1:0]           rd_rot_i,
  input  logic [PartBits-1:0]           rd_part_i,
  output logic [Rows*Lanes*ActBits-1:0] rd_data_o,
  output logic [RowBits-1:0]            have_o,
  output logic [RowBits-1:0]            base_o,
  input  logic                          take_i,
  input  logic [RowBits-1:0]            free_i,
  input  logic [LoadBits-1:0]           load_i
);

  localparam int Pieces = Parts * StoredLanes / Piece;
  localparam int PieceBits = (Pieces > 1) ? $clog2(Pieces) : 1;
  localparam int StepBeats = Bundles * Tiles * StepRows;
  localparam int CountBits = $clog2(StepBeats + 1);
  localparam int BundleBits = (Bundles > 1) ? $clog2(Bundles) : 1;
  localparam int OffsetBits = (Pitch > 1) ? $clog2(Pitch) : 1;
  localparam int PlaceBits = BankBits + OffsetBits + ((Pixels > 1) ? 1 : 0);
  localparam int TileAddrBits = (Tiles > 1) ? $clog2(Tiles) : 1;
  localparam int StepRowBits = (StepRows > 1) ? $clog2(StepRows) : 1;
  localparam int StartBits = PieceBits + AddrBits;

  // {piece, word} at which each tile's vector begins
  function automatic logic [Tiles*StartBits-1:0] starts(input int tiles);
    starts = '0;
    for (int t = 0; t < tiles; t++) begin
      starts[t*StartBits +: StartBits] = {
        PieceBits'((t * (Cols / Piece)) % Pieces), AddrBits'((t * (Cols / Piece)) / Pieces * Plane)
      };
    end
  endfunction
  localparam logic [Tiles*StartBits-1:0] Starts = starts(Tiles);

  // ---------------------------------------------------------------- rows
  logic [CountBits-1:0] count_q;
  logic last, last_q1, last_q2;
  logic [StepRows*AddrBits-1:0] write_base;

  assign last = count_q == CountBits'(StepBeats - 1);
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      count_q <= '0;
      last_q1 <= 1'b0;
      last_q2 <= 1'b0;
    end else begin
      if (valid_i) count_q <= last ? '0 : count_q + 1'b1;
      last_q1 <= valid_i && last;
      last_q2 <= last_q1;
    end
  end

  ternc_rows #(
    .Capacity(Capacity), .FrameRows(FrameRows), .StepRows(StepRows), .Pitch(Pitch), .RowBits(RowBits), .BaseBits(AddrBits)
  ) u_rows (
    .clk_i(clk_i), .rst_ni(rst_ni), .claim_i(claim_i), .room_o(room_o), .advance_i(last_q1), .write_base_o(write_base),
    .arrive_i(last_q2), .have_o(have_o), .take_i(take_i), .free_i(free_i), .read_row_o(base_o)
  );

  // ---------------------------------------------------------------- a vector's place
  // _q1 to _q3: so many cycles after the link
  logic [Pixels*PlaceBits-1:0] place_q2;
  logic [StartBits-1:0] start;
  logic [AddrBits-1:0] word_q1, next_q1, base, start_q2, next_q2;
  logic [Pixels*AddrBits-1:0] addr_q3, next_q3;
  logic [Pixels*BankBits-1:0] bank_q3;
  logic [PieceBits-1:0] piece_q1, piece_q3;
  logic [StepRowBits-1:0] row_q1;
  logic [Pixels*Cols*CodeBits-1:0] codes, codes_q3;
  logic [Pixels-1:0] wr_en;
  logic [2:0] valid_q;
  logic unused_high;

  ternc_rom #(
    .Width(Pixels * PlaceBits), .Depth(Bundles), .InitFile(PlaceFile), .Memory(PlaceMemory), .LoadWidth(LoadWidth)
  ) u_places (
    .clk_i(clk_i), .addr_i(x_i[BundleBits-1:0]), .data_o(place_q2), .load_i(load_i)
  );
  assign start = Starts[tile_i[TileAddrBits-1:0]*StartBits +: StartBits];
  always_comb begin
    base = '0;
    for (int r = 0; r < StepRows; r++) begin
      if (StepRows == 1 || row_q1 == StepRowBits'(r)) base = write_base[r*AddrBits +: AddrBits];
    end
  end
  always_ff @(posedge clk_i) begin
    {piece_q1, word_q1} <= start;
    next_q1 <= start[AddrBits-1:0] + AddrBits'(Plane);
    row_q1 <= row_i[StepRowBits-1:0];
    start_q2 <= word_q1 + base;
    next_q2 <= next_q1 + base;
  end
  for (genvar i = 0; i < Pixels; i++) begin : gen_pixel
    logic [OffsetBits-1:0] offset;
    assign offset = place_q2[i*PlaceBits +: OffsetBits];
    always_ff @(posedge clk_i) begin
      bank_q3[i*BankBits +: BankBits] <= place_q2[i*PlaceBits+OffsetBits +: BankBits];
      addr_q3[i*AddrBits +: AddrBits] <= start_q2 + AddrBits'(offset);
      next_q3[i*AddrBits +: AddrBits] <= next_q2 + AddrBits'(offset);
    end
    if (Pixels > 1) begin : gen_some
      logic there_q3;
      always_ff @(posedge clk_i) there_q3 <= place_q2[i*PlaceBits+PlaceBits-1];
      assign wr_en[i] = valid_q[2] && there_q3;
    end else begin : gen_all
      assign wr_en[i] = valid_q[2];
    end
  end
  always_ff @(posedge clk_i) begin
    if (!rst_ni) valid_q <= 3'b000;
    else valid_q <= {valid_q[1:0], valid_i};
  end
  for (genvar i = 0; i < Pixels; i++) begin : gen_codes
    for (genvar c = 0; c < Cols; c++) begin : gen_code
      assign codes[(i*Cols+c)*CodeBits +: CodeBits] = data_i[(i*LinkCols+c)*ElemBits +: CodeBits];
    end
  end
  ternc_delay #(.Width(Pixels * Cols * CodeBits), .Depth(3)) u_codes (.clk_i(clk_i), .d_i(codes), .q_o(codes_q3));
  ternc_delay #(.Width(PieceBits), .Depth(2)) u_piece (.clk_i(clk_i), .d_i(piece_q1), .q_o(piece_q3));
  assign unused_high = ^{row_i, x_i, tile_i, data_i};

  ternc_feature_memory #(
    .Rows(Rows), .Lanes(Lanes), .StoredLanes(StoredLanes), .Cols(Cols), .Piece(Piece), .CodeBits(CodeBits),
    .ActBits(ActBits), .Depth(Depth), .Pixels(Pixels), .PartBits(PartBits)
  ) u_memory (
    .clk_i(clk_i), .wr_en_i(wr_en), .wr_bank_i(bank_q3), .wr_addr_i(addr_q3), .wr_next_i(next_q3),
    .wr_piece_i(piece_q3), .wr_data_i(codes_q3), .rd_addr_i(rd_addr_i), .rd_rot_i(rd_rot_i), .rd_part_i(rd_part_i),
    .rd_data_o(rd_data_o)
  );

`ifndef SYNTHESIS
  initial begin
    if (Cols > LinkCols) $fatal(1, "ternc_line_buffer: Cols must be at most LinkCols (%0d), not %0d", LinkCols, Cols);
  end
`endif

endmodule
