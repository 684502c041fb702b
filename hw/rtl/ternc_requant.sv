// Turns an accumulator into a stored value: multiply, add, shift, clamp; or the same unclamped ("raw");
// or a code found elsewhere by comparing with thresholds.
//
// word_i belongs to the sum_i of two cycles ago (the parameter memory is read meanwhile); from bit 0:
// add (signed), mul (signed), limit, raw, thr, min, and where there are tables (ternc_table) use_table, table.
// With p = (sum * mul + add) >>> Shift, exact,
//   value_o = thr ? code_i : raw ? p's low ValueBits : p clamped to [0, limit]
// code_i is sampled by the last register: it belongs to the sum_i of 4 + ExtraDelay cycles ago.
//
// Throughput: one value a cycle. Latency: 5 + ExtraDelay cycles from sum_i to value_o, min_o, use_o and table_o: two
// waiting for the word, multiply, add, [ExtraDelay], select. It has no valid, no reset and does not round:
// a half is part of `add`.

module ternc_requant #(
  parameter int AccBits = 20,
  parameter int MulBits = 16,
  parameter int AddBits = 32,
  parameter int Shift = 16,
  parameter int CodeBits = 8,
  parameter int ValueBits = 20,
  parameter int ExtraDelay = 0,
  parameter int Tables = 0,
  parameter int Cell = 0,
  parameter int TableBits = (Tables > 1) ? $clog2(Tables) : 1,
  parameter int WordBits = AddBits + MulBits + CodeBits + 3 + ((Tables > 0) ? 1 + TableBits : 0)
) (
  input  logic                 clk_i,
  input  logic [AccBits-1:0]   sum_i,
  input  logic [WordBits-1:0]  word_i,
  input  logic [CodeBits-1:0]  code_i,
  output logic [ValueBits-1:0] value_o,
  output logic                 min_o,
  output logic                 use_o,
  output logic [TableBits-1:0] table_o
);

  localparam int ProductBits = AccBits + 1 + MulBits;
  localparam int PBits = ((ProductBits > AddBits) ? ProductBits : AddBits) + 1;
  localparam int ClampBits = ((PBits > CodeBits) ? PBits : CodeBits) + 2;
  localparam int FlagBits = CodeBits + 3;  // min, thr, raw, limit
  localparam int Within = (Shift < PBits) ? Shift : PBits - 1;  // a further shift leaves the sign as well

  // Wait for the word, then multiply.
  logic [AccBits-1:0]            sum_q2;
  logic [ProductBits-1:0]        product_q;
  ternc_delay #(.Width(AccBits), .Depth(2)) u_wait (.clk_i(clk_i), .d_i(sum_i), .q_o(sum_q2));
  ternc_multiply #(.ABits(AccBits), .BBits(MulBits), .Bits(ProductBits), .Signed(1), .Cell(Cell)) u_multiply (
    .clk_i(clk_i), .a_i(sum_q2), .b_i(word_i[AddBits +: MulBits]), .product_o(product_q)
  );

  // Add.
  logic signed [AddBits-1:0] add_q;
  logic signed [PBits-1:0]   p_q;
  logic [FlagBits-1:0]       flags_q, flags_q2;

  always_ff @(posedge clk_i) begin
    add_q     <= $signed(word_i[AddBits-1:0]);
    flags_q   <= word_i[AddBits+MulBits +: FlagBits];
    p_q       <= PBits'($signed(product_q)) + PBits'(add_q);
    flags_q2  <= flags_q;
  end

  // Shift and clamp (narrow before the extra delay), then choose.
  logic signed [ClampBits-1:0] shifted;
  logic [CodeBits-1:0]         limit;
  logic [CodeBits:0]           low_room;  // its highest bit: whether the code's bits alone are above the limit
  logic [ValueBits-1:0]        clamped, clamped_late;
  logic                        raw, negative, above, thr_late, min_late;

  assign shifted = ClampBits'(p_q >>> Within);
  assign limit   = flags_q2[CodeBits-1:0];
  assign low_room = {1'b0, limit} - {1'b0, shifted[CodeBits-1:0]};
  assign negative = shifted[ClampBits-1];
  assign above    = (|shifted[ClampBits-2:CodeBits]) || low_room[CodeBits];
  assign raw     = flags_q2[CodeBits];
  always_comb begin
    if (raw)           clamped = ValueBits'(shifted);
    else if (negative) clamped = '0;
    else if (above)    clamped = ValueBits'(limit);
    else               clamped = ValueBits'(shifted);
  end

  ternc_delay #(.Width(ValueBits + 2), .Depth(ExtraDelay)) u_extra (
    .clk_i (clk_i),
    .d_i({flags_q2[CodeBits+2 -: 2], clamped}),
    .q_o({min_late, thr_late, clamped_late})
  );

  always_ff @(posedge clk_i) begin
    value_o <= thr_late ? ValueBits'(code_i) : clamped_late;
    min_o   <= min_late;
  end

  // The table, as late as the value.
  if (Tables > 0) begin : gen_table
    ternc_delay #(.Width(1 + TableBits), .Depth(3 + ExtraDelay)) u_table (
      .clk_i(clk_i), .d_i({word_i[WordBits-1 -: TableBits], word_i[AddBits+MulBits+FlagBits]}), .q_o({table_o, use_o})
    );
  end else begin : gen_no_table
    assign use_o   = 1'b0;
    assign table_o = '0;
  end

`ifndef SYNTHESIS
  initial begin
    if (ValueBits <= CodeBits) begin
      $fatal(1, "ternc_requant: ValueBits must be more than CodeBits (%0d), not %0d", CodeBits, ValueBits);
    end
    if (Shift < 0) $fatal(1, "ternc_requant: Shift must be at least 0, not %0d", Shift);
    if (ExtraDelay < 0) $fatal(1, "ternc_requant: ExtraDelay must be at least 0, not %0d", ExtraDelay);
  end
`endif

endmodule
