// Simulation only: the dot products of Rows rows of codes with one row of trits, without clock or latency.
//
// ternc_column uses it under TERNC_FAST_SIM; synthesis never does. It is the arithmetic a 64-bit processor
// is good at: a chunk of lanes side by side in a 64-bit word, gated by two masks that all rows share, and
// added up in fields of the word. One tap of a lane costs about one machine instruction.
//
// Masks: a chunk's trits are two bits each, side by side. Spreading moves the upper half of them up, then
// the upper half of each half, ..., until trit i stands at the bottom of field i; (x << Field) - x then fills
// each field with its bit.
// Sums: a fold adds each odd field to its even neighbour and doubles the width of the fields. ChunkFolds
// folds make the fields wide enough to add all chunks; the other folds leave one field, the sum.

module ternc_dots_fast #(
  parameter int Rows = 4,
  parameter int Lanes = 64,
  parameter int ActBits = 8,
  parameter int DotBits = ActBits + $clog2(Lanes)
) (
  input  logic                          clk_i,
  input  logic [Rows*Lanes*ActBits-1:0] act_i,
  input  logic [2*Lanes-1:0]            weight_i,
  output logic [Rows*DotBits-1:0]       dots_o
);

  localparam int Field = (ActBits > 1) ? ActBits : 2;
  localparam int Folds = $clog2(64 / Field + 1) - 1;  // floor(log2(64 / Field))
  localparam int ChunkLanes = 1 << Folds;
  localparam int ChunkBits = ChunkLanes * Field;
  localparam int Chunks = (Lanes + ChunkLanes - 1) / ChunkLanes;
  localparam int PadLanes = Chunks * ChunkLanes;

  // Six words; in word k the bits first, ..., first + count - 1 of every period are set, all times 2**k.
  function automatic logic [6*64-1:0] masks(input int first, input int count, input int period);
    for (int k = 0; k < 6; k++) begin
      for (int i = 0; i < 64; i++) begin
        masks[k*64+i] = (i % (period << k) >= (first << k)) && (i % (period << k) < ((first + count) << k));
      end
    end
  endfunction

  function automatic int chunk_folds(input int chunks);
    chunk_folds = 0;
    while ((((64'(chunks) << chunk_folds) * ((64'd1 << ActBits) - 64'd1))
            >> (Field << chunk_folds)) != 64'd0) chunk_folds = chunk_folds + 1;
  endfunction

  localparam int ChunkFolds = chunk_folds(Chunks);
  localparam logic [63:0]     Bottom = 64'(masks(0, 1, Field));       // the lowest bit of each field
  localparam logic [6*64-1:0] Stay   = masks(0, 2, 2 * Field);         // trits that spreading leaves in place
  localparam logic [6*64-1:0] Arrive = masks(Field, 2, 2 * Field);     // the place of those it moves
  localparam logic [6*64-1:0] Even   = masks(0, Field, 2 * Field);     // even fields after k folds

  // One C++ function for all columns, with real loops, keeps the simulator small and quick to build.
  function automatic logic [Rows*DotBits-1:0] dots(
    input logic [Rows*Lanes*ActBits-1:0] act,
    input logic [2*PadLanes-1:0]         trits
  );
    /*verilator no_inline_task*/
    logic [63:0] codes [0:Rows*Chunks-1];
    logic [63:0] nz [0:Chunks-1];
    logic [63:0] neg [0:Chunks-1];
    logic [63:0] x, sum;

    for (int c = 0; c < Chunks; c++) nz[c] = 64'(trits[c*2*ChunkLanes +: 2*ChunkLanes]);
    for (int r = 0; r < Rows; r++) begin
      for (int c = 0; c < Chunks; c++) codes[r*Chunks+c] = act[(r*Lanes+c*ChunkLanes)*ActBits +: ChunkBits];
    end
    /*verilator unroll_disable*/
    for (int c = 0; c < Chunks; c++) begin
      x = nz[c];
      for (int k = Folds - 1; k >= 0; k--) begin
        x = (x & Stay[k*64 +: 64]) | ((x << ((Field - 2) << k)) & Arrive[k*64 +: 64]);
      end
      nz[c]  = ((x & Bottom) << Field) - (x & Bottom);
      x = x >> 1;
      neg[c] = ((x & Bottom) << Field) - (x & Bottom);
    end
    for (int r = 0; r < Rows; r++) begin
      sum = '0;
      /*verilator unroll_disable*/
      for (int c = 0; c < Chunks; c++) begin
        x = (codes[r*Chunks+c] ^ neg[c]) & nz[c];
        for (int k = 0; k < ChunkFolds; k++) begin
          x = (x & Even[k*64 +: 64]) + ((x >> (Field << k)) & Even[k*64 +: 64]);
        end
        sum = sum + x;
      end
      for (int k = ChunkFolds; k < Folds; k++) begin
        sum = (sum & Even[k*64 +: 64]) + ((sum >> (Field << k)) & Even[k*64 +: 64]);
      end
      dots[r*DotBits +: DotBits] = sum[DotBits-1:0];
    end
  endfunction

  always_ff @(posedge clk_i) dots_o <= dots(act_i, (2 * PadLanes)'(weight_i));

endmodule
