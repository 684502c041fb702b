// Counts the rows of one circular buffer: how much is claimed by the writer, how much has arrived for the reader.
//
// Rows come in steps of StepRows. The writer claims a step (claim_i) only while room_o is set; when it has written
// the step's last word it moves on (advance_i) and announces the rows to the reader (arrive_i). The reader's frame
// takes FrameRows rows of the buffer: have_o counts those of its current frame, and beyond, that have arrived. When it
// needs no earlier row of the next frame to be counted it takes the frame (take_i): have_o falls by FrameRows and
// read_row_o, the buffer row of the frame's row 0, moves on. free_i rows (0: none) become free for new claims.
// write_base_o has, for each row of the step that is written, its buffer row * Pitch, row 0 lowest.
//
// Throughput: all inputs may come in every cycle. Latency: all outputs show an input's effect in the next cycle; room_o
// is a comparison with a constant behind the register. It does not hold data, and does not refuse a claim without room.

module ternc_rows #(
  parameter int Capacity = 4,
  parameter int FrameRows = 4,
  parameter int StepRows = 1,
  parameter int Pitch = 1,
  parameter int RowBits = 4,
  parameter int BaseBits = 2
) (
  input  logic                         clk_i,
  input  logic                         rst_ni,
  // writer
  input  logic                         claim_i,
  output logic                         room_o,
  input  logic                         advance_i,
  output logic [StepRows*BaseBits-1:0] write_base_o,
  // reader
  input  logic                         arrive_i,
  output logic [RowBits-1:0]           have_o,
  input  logic                         take_i,
  input  logic [RowBits-1:0]           free_i,
  output logic [RowBits-1:0]           read_row_o
);

  localparam int FrameMove = FrameRows % Capacity;

  logic [RowBits-1:0] used_q, change, claimed, part, carry;

  assign room_o = used_q <= RowBits'(Capacity - StepRows);

  // used_q + claimed - free_i with one addition: three operands become two, -free_i being ~free_i + 1
  assign claimed = claim_i ? RowBits'(StepRows) : '0;
  assign part = used_q ^ claimed ^ ~free_i;
  assign carry = (used_q & claimed) | (used_q & ~free_i) | (claimed & ~free_i);

  // the change of have_o: one of four constants
  always_comb begin
    case ({arrive_i, take_i})
      2'b10:   change = RowBits'(StepRows);
      2'b01:   change = RowBits'(-FrameRows);
      2'b11:   change = RowBits'(StepRows - FrameRows);
      default: change = '0;
    endcase
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      used_q <= '0;
      have_o <= '0;
    end else begin
      used_q <= part + RowBits'({carry, 1'b1});
      have_o <= have_o + change;
    end
  end

  if (FrameMove == 0) begin : gen_same_row
    assign read_row_o = '0;
  end else begin : gen_next_row
    always_ff @(posedge clk_i) begin
      if (!rst_ni) read_row_o <= '0;
      else if (take_i) begin
        read_row_o <= (read_row_o >= RowBits'(Capacity - FrameMove)) ? read_row_o - RowBits'(Capacity - FrameMove)
                                                                     : read_row_o + RowBits'(FrameMove);
      end
    end
  end

  // A step's rows never wrap apart: StepRows divides Capacity.
  for (genvar r = 0; r < StepRows; r++) begin : gen_base
    localparam int First = r * Pitch;
    localparam int Last = (Capacity - StepRows + r) * Pitch;
    logic [BaseBits-1:0] base_q;
    always_ff @(posedge clk_i) begin
      if (!rst_ni) base_q <= BaseBits'(First);
      else if (advance_i) base_q <= (base_q == BaseBits'(Last)) ? BaseBits'(First) : base_q + BaseBits'(StepRows * Pitch);
    end
    assign write_base_o[r*BaseBits +: BaseBits] = base_q;
  end

`ifndef SYNTHESIS
  initial begin
    if (StepRows < 1) $fatal(1, "ternc_rows: StepRows must be at least 1, not %0d", StepRows);
    if (Capacity % StepRows != 0 || FrameRows % StepRows != 0) begin
      $fatal(1, "ternc_rows: StepRows (%0d) must divide Capacity (%0d) and FrameRows (%0d)", StepRows, Capacity, FrameRows);
    end
    if (Capacity + FrameRows >= 1 << RowBits) begin
      $fatal(1, "ternc_rows: RowBits (%0d) must hold Capacity + FrameRows, which is %0d", RowBits, Capacity + FrameRows);
    end
    if (Capacity * Pitch > 1 << BaseBits) begin
      $fatal(1, "ternc_rows: BaseBits (%0d) must hold Capacity * Pitch words, which are %0d", BaseBits, Capacity * Pitch);
    end
  end

  always @(posedge clk_i) begin
    if (rst_ni) begin
      if (claim_i && !room_o) $fatal(1, "ternc_rows: a step was claimed where there is no room for it");
      if (free_i > used_q) $fatal(1, "ternc_rows: %0d rows were freed, %0d are used", free_i, used_q);
      if (take_i && have_o < RowBits'(FrameRows)) begin
        $fatal(1, "ternc_rows: a frame was taken of which %0d rows have arrived, not %0d", have_o, FrameRows);
      end
    end
  end
`endif

endmodule
