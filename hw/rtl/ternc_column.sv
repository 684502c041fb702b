// One column of the systolic array: Rows ternary dot-product cells that share the weights of one output
// channel, their accumulators, and the register that drains them.
//
// Activations, first, last, shift, the channel's parameter number and the weight address arrive from the left
// neighbour and are handed on one cycle later. weight_i is sampled together with act_o: it is the ROM word
// of the weight_addr_i of two cycles before, so an address travels one cycle ahead of its activations.
// `first` loads the accumulators, other cycles add; `last` hands the Rows sums to the drain, which shows
// Drain of them a cycle: rows 0 .. Drain - 1, then the next ones. `shift` doubles the accumulators before they
// add: weights of several ternary digits are summed digit by digit, the highest first. With Digits = 0 there is
// no doubling and shift_i is not read.
//
// Throughput: one tap (Rows * Lanes products) a cycle. Latency: 1 cycle to the right; with last_i in cycle
// t, row r is element r mod Drain of sum_o in cycle t + max(1, clog2(Lanes)) + 3 + r / Drain. A last_i must not
// come earlier than Rows / Drain cycles after the one before. There is no valid and no stall: a cycle that
// must not count carries weights of 0 or lies between last and first. Sums wrap modulo 2**AccBits.
// Only first and last are reset.
//
// Cell: the fabric whose form of the cell is used, the same at the ports in every cycle: 0 portable, 1 ALM
// (ternc_dot_alm, ternc_alm_add), 2 LUT6 with CARRY4, 3 CCU2C (ternc_gated_add).
//
// With TERNC_FAST_SIM the dot products of all rows come from ternc_dots_fast and a delay line instead of the
// pipelined ternc_dot: the same at the ports in every cycle, and much faster in Verilator.

module ternc_column #(
  parameter int Rows = 4,
  parameter int Lanes = 8,
  parameter int ActBits = 8,
  parameter int AccBits = 20,
  parameter int ParamBits = 6,
  parameter int WeightAddrBits = 10,
  parameter int Digits = 0,
  parameter int Cell = 0,
  parameter int Drain = 1
) (
  input  logic                          clk_i,
  input  logic                          rst_ni,
  input  logic [Rows*Lanes*ActBits-1:0] act_i,
  input  logic                          first_i,
  input  logic                          last_i,
  input  logic                          shift_i,
  input  logic [ParamBits-1:0]          param_i,
  input  logic [WeightAddrBits-1:0]     weight_addr_i,
  output logic [Rows*Lanes*ActBits-1:0] act_o,
  output logic                          first_o,
  output logic                          last_o,
  output logic                          shift_o,
  output logic [ParamBits-1:0]          param_o,
  output logic [WeightAddrBits-1:0]     weight_addr_o,
  input  logic [2*Lanes-1:0]            weight_i,
  output logic [Drain*AccBits-1:0]      sum_o,
  output logic [ParamBits-1:0]          sum_param_o
);

  localparam int RowBits = Lanes * ActBits;
  localparam int DotBits = ActBits + $clog2(Lanes);
  localparam int DotLatency = (Lanes > 1) ? $clog2(Lanes) : 1;

  // The chain to the right neighbour, and first and last on their way to the accumulators and the drain.
  logic [Rows*RowBits-1:0]   act_q;
  logic [ParamBits-1:0]      param_q;
  logic [WeightAddrBits-1:0] weight_addr_q;
  logic [DotLatency:0]       first_q;
  logic [DotLatency+1:0]     last_q;

  always_ff @(posedge clk_i) begin
    act_q         <= act_i;
    param_q       <= param_i;
    weight_addr_q <= weight_addr_i;
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      first_q <= '0;
      last_q  <= '0;
    end else begin
      first_q <= {first_q[DotLatency-1:0], first_i};
      last_q  <= {last_q[DotLatency:0], last_i};
    end
  end

  assign act_o         = act_q;
  assign first_o       = first_q[0];
  assign last_o        = last_q[0];
  assign param_o       = param_q;
  assign weight_addr_o = weight_addr_q;

  // The dot products, DotLatency cycles after act_q and weight_i.
  logic [Rows*DotBits-1:0] dots;

`ifdef TERNC_FAST_SIM
  logic [Rows*DotBits-1:0] dots_now;
  ternc_dots_fast #(.Rows(Rows), .Lanes(Lanes), .ActBits(ActBits)) u_dots (
    .clk_i(clk_i), .act_i(act_q), .weight_i(weight_i), .dots_o(dots_now)
  );
  ternc_delay #(.Width(Rows * DotBits), .Depth(DotLatency - 1)) u_dots_delay (
    .clk_i(clk_i), .d_i(dots_now), .q_o(dots)
  );
`else
  if (Cell == 1 && Lanes > 2) begin : gen_alm_cells
    localparam int Pairs = Lanes / 2;
    logic [3*Pairs-1:0] code;
    logic [Pairs-1:0]   gate;
    ternc_pair_code #(.Pairs(Pairs)) u_code (
      .clk_i(clk_i), .weight_i(weight_i[4*Pairs-1:0]), .code_o(code), .gate_o(gate)
    );
    for (genvar r = 0; r < Rows; r++) begin : gen_cell
      ternc_dot_alm #(.Lanes(Lanes), .ActBits(ActBits)) u_dot (
        .clk_i   (clk_i),
        .act_i   (act_q[r*RowBits +: RowBits]),
        .code_i  (code),
        .gate_i  (gate),
        .single_i(weight_i[2*Lanes-1:2*Lanes-2]),
        .sum_o   (dots[r*DotBits +: DotBits])
      );
    end
  end else begin : gen_cells
    for (genvar r = 0; r < Rows; r++) begin : gen_cell
      ternc_dot #(.Lanes(Lanes), .ActBits(ActBits), .Cell(Cell)) u_dot (
        .clk_i   (clk_i),
        .act_i   (act_q[r*RowBits +: RowBits]),
        .weight_i(weight_i),
        .sum_o   (dots[r*DotBits +: DotBits])
      );
    end
  end
`endif

  // Doubling, as late as first.
  logic double;
  if (Digits != 0) begin : gen_shift
    logic [DotLatency:0] shift_q;
    always_ff @(posedge clk_i) shift_q <= {shift_q[DotLatency-1:0], shift_i};
    assign shift_o = shift_q[0];
    assign double  = shift_q[DotLatency];
  end else begin : gen_no_shift
    logic unused_shift;
    assign unused_shift = shift_i;
    assign shift_o = 1'b0;
    assign double  = 1'b0;
  end

  // Accumulate, then drain: the sums move Drain rows down every cycle, the lowest ones are the output.
  logic load;
  logic [ParamBits-1:0] param_late;

  assign load = last_q[DotLatency+1];

  ternc_delay #(.Width(ParamBits), .Depth(DotLatency + 1)) u_param_delay (
    .clk_i(clk_i), .d_i(param_q), .q_o(param_late)
  );

  always_ff @(posedge clk_i) if (load) sum_param_o <= param_late;

  // What is kept of the sum so far, by {acc, its double, double, first}: in an ALM the adder holds that choice too.
`ifdef TERNC_PRIMITIVES
  localparam logic [15:0] Kept = 16'b0101_0001_0100_0000;
  localparam int Merged = (Cell == 1) ? 1 : 0;
`else
  localparam logic [15:0] Kept = '0;
  localparam int Merged = 0;
`endif

  for (genvar r = 0; r < Rows; r++) begin : gen_row
    logic [AccBits-1:0] acc_q, twice, dot, next, drain_q, above;
    assign twice = AccBits'({acc_q, 1'b0});
    assign dot = AccBits'(dots[r*DotBits +: DotBits]);
    if (Merged != 0) begin : gen_merged
      ternc_alm_add #(.Bits(AccBits), .Carry(0), .MaskA(Kept)) u_add (
        .sel_i({double, first_q[DotLatency]}), .c_i(twice), .a_i(acc_q), .b_i(dot), .sum_o(next)
      );
    end else begin : gen_add
      logic [AccBits-1:0] kept;
      assign kept = first_q[DotLatency] ? '0 : double ? twice : acc_q;
      assign next = dot + kept;
    end
    always_ff @(posedge clk_i) begin
      acc_q <= next;
      drain_q <= load ? acc_q : above;
    end
    if (r + Drain >= Rows) begin : gen_top
      assign above = '0;
    end else begin : gen_inner
      assign above = gen_row[r+Drain].drain_q;
    end
    if (r < Drain) begin : gen_out
      assign sum_o[r*AccBits +: AccBits] = drain_q;
    end
  end

`ifndef SYNTHESIS
  initial begin
    if (Rows < 1) $fatal(1, "ternc_column: Rows must be at least 1, not %0d", Rows);
    if (Lanes < 1) $fatal(1, "ternc_column: Lanes must be at least 1, not %0d", Lanes);
    if (Cell < 0 || Cell > 3) $fatal(1, "ternc_column: Cell must be 0 to 3, not %0d", Cell);
    if (Drain < 1 || Rows % Drain != 0) $fatal(1, "ternc_column: Drain (%0d) must divide Rows (%0d)", Drain, Rows);
  end

  int busy_q;  // cycles until the drain is free again
  always @(posedge clk_i) begin
    if (!rst_ni) busy_q <= 0;
    else if (last_q[0]) busy_q <= Rows / Drain - 1;
    else if (busy_q > 0) busy_q <= busy_q - 1;
    if (rst_ni && last_q[0] && busy_q > 0) begin
      $fatal(1, "ternc_column: last came %0d cycles too early for the drain", busy_q);
    end
  end
`endif

endmodule
