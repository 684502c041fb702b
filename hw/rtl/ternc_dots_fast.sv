// Simulation only: the dot products of Rows rows of codes with one row of trits.
//
// ternc_dot and ternc_column use it under TERNC_FAST_SIM; synthesis never does. Throughput: one result a
// cycle. Latency: 1 cycle. Under Verilator it is the arithmetic a 64-bit processor is good at, about one
// machine instruction for each product, in one C++ function that all instances share, so that arrays of
// thousands of lanes build and run fast. Elsewhere it is a plain loop.
//
// A chunk of lanes lies side by side in a 64-bit word. It is gated by two masks that all rows share, and the
// codes are added up inside the word:
// Masks: a chunk's trits are two bits each, side by side. Spreading moves the upper half of them up, then
// the upper half of each half, ..., until trit i stands at the bottom of field i; (x << ActBits) - x then
// fills each field's code with its bit.
// Sums: a fold adds each odd field to its even neighbour and doubles the width of the fields. ChunkFolds
// folds make the fields wide enough to add all chunks; the other folds leave one field, the sum.

`ifdef TERNC_FAST_SIM
`ifdef VERILATOR
`define TERNC_DOTS_CLASS
/* verilator lint_off DECLFILENAME */  // a helper of the module below, of no use elsewhere
class ternc_dots #(
  parameter int Rows = 4,
  parameter int Lanes = 64,
  parameter int ActBits = 8,
  parameter int DotBits = 14
);
  localparam int Field = (ActBits > 1) ? ActBits : 2;  // at least the width of a trit
  localparam int Fit = (64 / Field < Lanes) ? 64 / Field : Lanes;
  localparam int Folds = $clog2(Fit + 1) - 1;          // floor(log2(Fit))
  localparam int ChunkLanes = 1 << Folds;
  localparam int Chunks = (Lanes + ChunkLanes - 1) / ChunkLanes;

  // Six words; in word k the bits first, ..., first + count - 1 of every period are set, all times 2**k.
  static function automatic logic [6*64-1:0] masks(input int first, input int count, input int period);
    for (int k = 0; k < 6; k++) begin
      for (int i = 0; i < 64; i++) begin
        masks[k*64+i] = (i % (period << k) >= (first << k)) && (i % (period << k) < ((first + count) << k));
      end
    end
  endfunction

  static function automatic int chunk_folds(input int chunks);
    chunk_folds = 0;
    while ((((64'(chunks) << chunk_folds) * ((64'd1 << ActBits) - 64'd1))
            >> (Field << chunk_folds)) != 64'd0) chunk_folds = chunk_folds + 1;
  endfunction

  localparam int ChunkFolds = chunk_folds(Chunks);
  localparam logic [63:0]     Bottom = 64'(masks(0, 1, Field));    // the lowest bit of each field
  localparam logic [6*64-1:0] Stay   = masks(0, 2, 2 * Field);     // trits that spreading leaves in place
  localparam logic [6*64-1:0] Arrive = masks(Field, 2, 2 * Field); // the place of those it moves
  localparam logic [6*64-1:0] Even   = masks(0, Field, 2 * Field); // even fields after k folds

  static function automatic logic [Rows*DotBits-1:0] sums(
    input logic [Rows*Lanes*ActBits-1:0] act,
    input logic [2*Lanes-1:0]            weight
  );
    /* verilator no_inline_task */
    logic [2*Chunks*ChunkLanes-1:0] trits;
    logic [Rows*64-1:0] sum;
    logic [63:0] x, nz, neg;

    trits = (2 * Chunks * ChunkLanes)'(weight);  // no weights beyond the last lane
    sum = '0;
    for (int c = 0; c < Chunks; c++) begin
      x = 64'(trits[c*2*ChunkLanes +: 2*ChunkLanes]);
      for (int k = Folds - 1; k >= 0; k--) begin
        x = (x & Stay[k*64 +: 64]) | ((x << ((Field - 2) << k)) & Arrive[k*64 +: 64]);
      end
      nz  = ((x & Bottom) << ActBits) - (x & Bottom);
      x   = x >> 1;
      neg = ((x & Bottom) << ActBits) - (x & Bottom);
      for (int r = 0; r < Rows; r++) begin
        if (Field == ActBits && (c + 1) * ChunkLanes <= Lanes) begin
          x = 64'(act[(r*Lanes+c*ChunkLanes)*ActBits +: ChunkLanes*ActBits]);
        end else begin
          x = '0;
          for (int i = 0; i < ChunkLanes; i++) begin
            if (c * ChunkLanes + i < Lanes) x[i*Field +: ActBits] = act[(r*Lanes+c*ChunkLanes+i)*ActBits +: ActBits];
          end
        end
        x = (x ^ neg) & nz;
        for (int k = 0; k < ChunkFolds; k++) begin
          x = (x & Even[k*64 +: 64]) + ((x >> (Field << k)) & Even[k*64 +: 64]);
        end
        sum[r*64 +: 64] = sum[r*64 +: 64] + x;
      end
    end
    for (int r = 0; r < Rows; r++) begin
      x = sum[r*64 +: 64];
      for (int k = ChunkFolds; k < Folds; k++) begin
        x = (x & Even[k*64 +: 64]) + ((x >> (Field << k)) & Even[k*64 +: 64]);
      end
      sums[r*DotBits +: DotBits] = x[DotBits-1:0];
    end
  endfunction
endclass
/* verilator lint_on DECLFILENAME */
`endif
`endif

module ternc_dots_fast #(
  parameter int Rows = 4,
  parameter int Lanes = 8,
  parameter int ActBits = 8,
  parameter int DotBits = ActBits + $clog2(Lanes)
) (
  input  logic                          clk_i,
  input  logic [Rows*Lanes*ActBits-1:0] act_i,
  input  logic [2*Lanes-1:0]            weight_i,
  output logic [Rows*DotBits-1:0]       dots_o
);

`ifdef TERNC_DOTS_CLASS
  always_ff @(posedge clk_i) begin
    dots_o <= ternc_dots#(.Rows(Rows), .Lanes(Lanes), .ActBits(ActBits), .DotBits(DotBits))::sums(act_i, weight_i);
  end
`else
  logic [Rows*DotBits-1:0] dots;
  logic [ActBits-1:0]      gated;
  always @* begin
    dots = '0;
    for (int r = 0; r < Rows; r++) begin
      for (int i = 0; i < Lanes; i++) begin
        gated = (act_i[(r*Lanes+i)*ActBits +: ActBits] ^ {ActBits{weight_i[2*i+1]}}) & {ActBits{weight_i[2*i]}};
        dots[r*DotBits +: DotBits] = dots[r*DotBits +: DotBits] + DotBits'(gated);
      end
    end
  end
  always_ff @(posedge clk_i) dots_o <= dots;
`endif

`ifndef SYNTHESIS
  initial if (ActBits > 32) $fatal(1, "ternc_dots_fast: ActBits must be at most 32, not %0d", ActBits);
`endif

endmodule
