// Adds up the squares (or the absolute values) of all differences of a frame, and says if it is too much.
//
// value_i has Cols elements of ValueBits; a difference is an element's low DiffBits, signed. Vectors come from a link,
// FrameVectors a frame in FrameSteps claimed steps; where in the frame a vector lies does not matter. One beat a frame
// follows on the stream: the score in its low ElemBits, above them an element that is 1 if score > limit_i, a signed
// number, and else 0.
// Scores wrap modulo 2**ScoreBits. Two frames are held: room_o is clear where a claim would begin a third, and set
// inside a frame that has begun.
//
// Throughput: one vector a cycle. Latency: clog2(Cols) + 4 cycles from a frame's last vector to valid_o: square, adder
// tree, sum, comparison, queue. Unused elements have to be 0. The stream's beat holds until ready_i.

module ternc_score #(
  parameter int Cols = 4,
  parameter int ValueBits = 12,
  parameter int DiffBits = 9,
  parameter int Squares = 1,
  parameter int ScoreBits = 24,
  parameter int ElemBits = 24,
  parameter int FrameVectors = 1,
  parameter int FrameSteps = 1
) (
  input  logic                      clk_i,
  input  logic                      rst_ni,
  input  logic [ScoreBits:0]        limit_i,  // always the same while it works
  // link
  input  logic                      claim_i,
  output logic                      room_o,
  input  logic                      valid_i,
  input  logic [Cols*ValueBits-1:0] value_i,
  // stream
  output logic                      valid_o,
  input  logic                      ready_i,
  output logic [2*ElemBits-1:0]     data_o
);

  localparam int Levels = $clog2(Cols);
  localparam int PartBits = (Squares != 0) ? 2 * DiffBits - 1 : DiffBits;
  localparam int SumBits = PartBits + Levels;

  // ---------------------------------------------------------------- where a frame begins and ends
  localparam int VectorBits = $clog2(FrameVectors + 1);
  localparam int StepBits = $clog2(FrameSteps + 1);
  logic [VectorBits-1:0] vector_q;
  logic [StepBits-1:0] step_q;
  logic last_vector, last_step, finish, begins;
  assign last_vector = vector_q == VectorBits'(FrameVectors - 1);
  assign last_step = step_q == StepBits'(FrameSteps - 1);
  assign finish = valid_i && last_vector;
  assign begins = claim_i && (step_q == '0);
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      vector_q <= '0;
      step_q <= '0;
    end else begin
      if (valid_i) vector_q <= last_vector ? '0 : vector_q + 1'b1;
      if (claim_i) step_q <= last_step ? '0 : step_q + 1'b1;
    end
  end

  // ---------------------------------------------------------------- parts of a vector, and their sum
  logic [Cols*PartBits-1:0] parts_q;
  for (genvar c = 0; c < Cols; c++) begin : gen_part
    logic signed [DiffBits-1:0] diff;
    logic [PartBits-1:0] part;
    assign diff = $signed(value_i[c*ValueBits +: DiffBits]);
    if (Squares != 0) begin : gen_square
      logic signed [2*DiffBits-1:0] wide, square;
      logic unused_sign;
      assign wide = (2*DiffBits)'(diff);
      assign square = wide * wide;
      assign unused_sign = square[2*DiffBits-1];
      assign part = square[PartBits-1:0];
    end else begin : gen_absolute
      assign part = diff < 0 ? -diff : diff;
    end
    always_ff @(posedge clk_i) parts_q[c*PartBits +: PartBits] <= part;
  end
  logic unused_value;
  assign unused_value = ^value_i;

  // level l has ceil(Cols / 2**l) partial sums of PartBits + l bits
  for (genvar l = 0; l <= Levels; l++) begin : gen_level
    localparam int Nodes = (Cols + (1 << l) - 1) >> l;
    localparam int Bits = PartBits + l;
    logic [Nodes*Bits-1:0] sums;
    if (l == 0) begin : gen_first
      assign sums = parts_q;
    end else begin : gen_next
      localparam int Below = (Cols + (1 << (l - 1)) - 1) >> (l - 1);
      for (genvar n = 0; n < Nodes; n++) begin : gen_node
        logic [Bits-1:0] sum_q;
        if (2 * n + 1 < Below) begin : gen_add
          always_ff @(posedge clk_i) begin
            sum_q <= Bits'(gen_level[l-1].sums[2*n*(Bits-1) +: Bits-1])
                   + Bits'(gen_level[l-1].sums[(2*n+1)*(Bits-1) +: Bits-1]);
          end
        end else begin : gen_pass
          always_ff @(posedge clk_i) sum_q <= Bits'(gen_level[l-1].sums[2*n*(Bits-1) +: Bits-1]);
        end
        assign sums[n*Bits +: Bits] = sum_q;
      end
    end
  end

  logic [Levels:0] valid_q, finish_q;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      valid_q <= '0;
      finish_q <= '0;
    end else begin
      valid_q <= (Levels+1)'({valid_q, valid_i});
      finish_q <= (Levels+1)'({finish_q, finish});
    end
  end

  // ---------------------------------------------------------------- sum of a frame
  logic [SumBits-1:0] sum;
  logic [ScoreBits-1:0] total_q, score_q;
  logic close_q, push_q, over_q, unused_sum;
  assign sum = gen_level[Levels].sums;
  assign unused_sum = ^sum;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      total_q <= '0;
      close_q <= 1'b0;
      push_q <= 1'b0;
    end else begin
      total_q <= (close_q ? '0 : total_q) + (valid_q[Levels] ? ScoreBits'(sum) : '0);
      close_q <= finish_q[Levels];
      push_q <= close_q;
    end
  end
  always_ff @(posedge clk_i) begin
    score_q <= total_q;
    over_q <= $signed({1'b0, total_q}) > $signed(limit_i);
  end

  // ---------------------------------------------------------------- two frames
  logic [1:0] held_q;
  logic unused_full, move, over;
  logic [ScoreBits-1:0] score;
  ternc_fifo #(.Width(1 + ScoreBits), .DepthLog2(1)) u_fifo (
    .clk_i(clk_i), .rst_ni(rst_ni), .push_i(push_q), .data_i({over_q, score_q}), .full_o(unused_full),
    .pop_i(move), .data_o({over, score}), .valid_o(valid_o)
  );
  assign move = valid_o && ready_i;
  assign room_o = (step_q != '0) || (held_q != 2'd2);
  assign data_o = {ElemBits'(over), ElemBits'(score)};
  always_ff @(posedge clk_i) begin
    if (!rst_ni) held_q <= 2'd0;
    else if (begins && !move) held_q <= held_q + 2'd1;
    else if (!begins && move) held_q <= held_q - 2'd1;
  end

`ifndef SYNTHESIS
  initial begin
    if (Cols < 1) $fatal(1, "ternc_score: Cols must be at least 1, not %0d", Cols);
    if (DiffBits > ValueBits) $fatal(1, "ternc_score: DiffBits must be at most ValueBits (%0d), not %0d", ValueBits, DiffBits);
    if (DiffBits < 1) $fatal(1, "ternc_score: DiffBits must be at least 1, not %0d", DiffBits);
    if (FrameVectors < 1 || FrameSteps < 1) begin
      $fatal(1, "ternc_score: FrameVectors (%0d) and FrameSteps (%0d) must be at least 1", FrameVectors, FrameSteps);
    end
    if (ElemBits < ScoreBits) $fatal(1, "ternc_score: ElemBits must be at least ScoreBits (%0d), not %0d", ScoreBits, ElemBits);
  end
`endif

endmodule
