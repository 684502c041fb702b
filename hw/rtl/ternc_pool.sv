// The running maximum or minimum of each column's values, kept apart for each row of the array.
//
// A window of a row starts with the beat that has first_i and ends with the one that has last_i; windows of
// different rows may be interleaved in any way. The values are signed. min_i chooses the minimum, column
// by column. A beat without take_i does not take part: its values count as the lowest (for a minimum, the
// highest) there are. A window of one beat with take_i passes through.
//
// Throughput: one beat a cycle. Latency: 1 cycle; valid_o comes only with the last beat of a window. There
// is no back-pressure. Only valid_o is reset.

module ternc_pool #(
  parameter int Rows = 4,
  parameter int Cols = 4,
  parameter int ValueBits = 9,
  parameter int RowBits = (Rows > 1) ? $clog2(Rows) : 1
) (
  input  logic                      clk_i,
  input  logic                      rst_ni,
  input  logic                      valid_i,
  input  logic [RowBits-1:0]        row_i,
  input  logic                      first_i,
  input  logic                      last_i,
  input  logic                      take_i,
  input  logic [Cols*ValueBits-1:0] value_i,
  input  logic [Cols-1:0]           min_i,
  output logic                      valid_o,
  output logic [RowBits-1:0]        row_o,
  output logic [Cols*ValueBits-1:0] value_o
);

  logic [Cols*ValueBits-1:0] best_mem [0:Rows-1];
  logic [Cols*ValueBits-1:0] kept, best;

  assign kept = best_mem[row_i];

  for (genvar c = 0; c < Cols; c++) begin : gen_col
    logic signed [ValueBits-1:0] new_value, old_value;
    logic [ValueBits-1:0] started;
    assign new_value = value_i[c*ValueBits +: ValueBits];
    assign old_value = kept[c*ValueBits +: ValueBits];
    assign started = take_i ? new_value : {!min_i[c], {(ValueBits-1){min_i[c]}}};
    assign best[c*ValueBits +: ValueBits] =
        first_i ? started : (take_i && ((new_value < old_value) == min_i[c])) ? new_value : old_value;
  end

  always_ff @(posedge clk_i) begin
    if (valid_i) best_mem[row_i] <= best;
    row_o   <= row_i;
    value_o <= best;
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) valid_o <= 1'b0;
    else         valid_o <= valid_i & last_i;
  end

`ifndef SYNTHESIS
  initial begin
    if (Rows < 1) $fatal(1, "ternc_pool: Rows must be at least 1, not %0d", Rows);
    if (Cols < 1) $fatal(1, "ternc_pool: Cols must be at least 1, not %0d", Cols);
    if (ValueBits < 2) $fatal(1, "ternc_pool: ValueBits must be at least 2, not %0d", ValueBits);
  end
`endif

endmodule
