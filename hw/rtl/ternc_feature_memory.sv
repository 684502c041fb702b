// A memory of feature maps: Rows banks, read together for Rows neighbouring pixels.
//
// A word is Lanes codes. Pixel x of a line lies in bank x mod Rows, so Rows neighbouring pixels lie in
// different banks, at one address or, past the bank that wraps, at the next. rd_rot_i is the bank of the
// first pixel: bank b reads rd_addr_i + (b < rd_rot_i), and row r of the answer is bank (r + rot) mod Rows.
// A word is stored as Slices slices of SliceLanes codes, each with its own write enable; lanes above
// Slices * SliceLanes read as 0, and codes are read as ActBits, zero-extended.
//
// Throughput: one write to one bank and one read of all banks a cycle. Read latency: 3 cycles (2 of the
// RAM, 1 of the rotation). Reading a word while it is written gives either value. There is no reset.

module ternc_feature_memory #(
  parameter int Rows = 4,
  parameter int Lanes = 8,
  parameter int Slices = 2,
  parameter int SliceLanes = 4,
  parameter int CodeBits = 8,
  parameter int ActBits = CodeBits,
  parameter int Depth = 16,
  parameter int AddrBits = (Depth > 1) ? $clog2(Depth) : 1,
  parameter int RowBits = (Rows > 1) ? $clog2(Rows) : 1
) (
  input  logic                                  clk_i,
  input  logic [Slices-1:0]                     wr_en_i,
  input  logic [RowBits-1:0]                    wr_bank_i,
  input  logic [AddrBits-1:0]                   wr_addr_i,
  input  logic [Slices*SliceLanes*CodeBits-1:0] wr_data_i,
  input  logic [AddrBits-1:0]                   rd_addr_i,
  input  logic [RowBits-1:0]                    rd_rot_i,
  output logic [Rows*Lanes*ActBits-1:0]         rd_data_o
);

  localparam int SliceBits = SliceLanes * CodeBits;
  localparam int StoredBits = Slices * SliceBits;
  localparam int StoredLanes = Slices * SliceLanes;

  logic [Rows*StoredBits-1:0] banks;

  for (genvar b = 0; b < Rows; b++) begin : gen_bank
    logic [AddrBits-1:0] rd_addr;
    if (b == Rows - 1) begin : gen_last  // no rotation is above the last bank
      assign rd_addr = rd_addr_i;
    end else begin : gen_other
      assign rd_addr = rd_addr_i + AddrBits'(rd_rot_i > RowBits'(b));
    end
    for (genvar s = 0; s < Slices; s++) begin : gen_slice
      ternc_ram #(.Width(SliceBits), .Depth(Depth)) u_ram (
        .clk_i    (clk_i),
        .wr_en_i  (wr_en_i[s] & (wr_bank_i == RowBits'(b))),
        .wr_addr_i(wr_addr_i),
        .wr_data_i(wr_data_i[s*SliceBits +: SliceBits]),
        .rd_addr_i(rd_addr),
        .rd_data_o(banks[b*StoredBits + s*SliceBits +: SliceBits])
      );
    end
  end

  logic [RowBits-1:0] rot_q2;
  ternc_delay #(.Width(RowBits), .Depth(2)) u_rot (.clk_i(clk_i), .d_i(rd_rot_i), .q_o(rot_q2));

  for (genvar r = 0; r < Rows; r++) begin : gen_row
    logic [StoredBits-1:0] turned, word_q;
    always_comb begin
      turned = '0;
      for (int k = 0; k < Rows; k++) begin
        if (rot_q2 == RowBits'(k)) turned = banks[((r + k) % Rows)*StoredBits +: StoredBits];
      end
    end
    always_ff @(posedge clk_i) word_q <= turned;
    if (ActBits == CodeBits) begin : gen_same
      assign rd_data_o[r*Lanes*ActBits +: Lanes*ActBits] = (Lanes*ActBits)'(word_q);
    end else begin : gen_wider
      for (genvar l = 0; l < Lanes; l++) begin : gen_lane
        if (l < StoredLanes) begin : gen_stored
          assign rd_data_o[(r*Lanes+l)*ActBits +: ActBits] = ActBits'(word_q[l*CodeBits +: CodeBits]);
        end else begin : gen_above
          assign rd_data_o[(r*Lanes+l)*ActBits +: ActBits] = '0;
        end
      end
    end
  end

`ifndef SYNTHESIS
  initial begin
    if (Rows < 1) $fatal(1, "ternc_feature_memory: Rows must be at least 1, not %0d", Rows);
    if (Slices * SliceLanes > Lanes) begin
      $fatal(1, "ternc_feature_memory: %0d slices of %0d lanes must fit in Lanes, which is %0d",
             Slices, SliceLanes, Lanes);
    end
    if (ActBits < CodeBits) begin
      $fatal(1, "ternc_feature_memory: ActBits must be at least CodeBits (%0d), not %0d", CodeBits, ActBits);
    end
  end
`endif

endmodule
