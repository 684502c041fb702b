// The running maximum or minimum of each column's values, kept apart for each row of the array.
//
// A window of a row starts with the beat that has first_i and ends with the one that has last_i. Beats come for the rows
// in turn, 0 to Rows - 1 and again from 0 (after a reset from 0, with new windows): so a row's best value so far is read
// a beat ahead. The values are signed. min_i chooses the minimum, column by column. A beat without take_i does not take
// part: its values count as the lowest (for a minimum, the highest) there are. A window of one beat with take_i passes
// through.
//
// Throughput: one beat a cycle. Latency: 1 cycle; valid_o comes only with the last beat of a window, and the
// other outputs keep theirs until the next beat. There is no back-pressure. Only valid_o is reset.

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

  logic [Cols*ValueBits-1:0] kept_q, best;

  for (genvar c = 0; c < Cols; c++) begin : gen_col
    logic [ValueBits-1:0] new_value, old_value, started;
    logic [ValueBits:0] lower;  // its highest bit: whether the new value is lower; both values with their sign upside down
    logic better;
    assign new_value = value_i[c*ValueBits +: ValueBits];
    assign old_value = kept_q[c*ValueBits +: ValueBits];
    assign lower = {1'b0, ~new_value[ValueBits-1], new_value[ValueBits-2:0]}
                 - {1'b0, ~old_value[ValueBits-1], old_value[ValueBits-2:0]};
    assign better = first_i || (take_i && (lower[ValueBits] == min_i[c]));
    assign started = take_i ? new_value : {!min_i[c], {(ValueBits-1){min_i[c]}}};
    assign best[c*ValueBits +: ValueBits] = better ? started : old_value;
  end

  always_ff @(posedge clk_i) begin
    if (valid_i) begin
      row_o   <= row_i;
      value_o <= best;
    end
  end

  // What the next beat's row keeps: of one row or two it is what the output has; of more it is in a memory, into which a
  // beat's best values are written from the output, a cycle later.
  if (Rows == 1) begin : gen_one
    assign kept_q = value_o;
  end else if (Rows == 2) begin : gen_two
    always_ff @(posedge clk_i) if (valid_i) kept_q <= value_o;
  end else begin : gen_more
    logic [Cols*ValueBits-1:0] best_mem [0:Rows-1];
    logic [RowBits-1:0] next_row;
    logic write_q;
    assign next_row = (row_i == RowBits'(Rows - 1)) ? '0 : row_i + 1'b1;
    always_ff @(posedge clk_i) begin
      write_q <= valid_i;
      if (write_q) best_mem[row_o] <= value_o;
      if (valid_i) kept_q <= best_mem[next_row];
    end
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
