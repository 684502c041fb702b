// The dot product of Lanes unsigned codes with Lanes trits.
//
// A trit is {neg, nz}; a lane contributes (code ^ {neg...}) & {nz...}, so a weight of -1 gives the one's
// complement 2**ActBits - 1 - code. The compiler takes the constant error out later (docs/hardware.md).
//
// Throughput: one result a cycle. Latency: max(1, clog2(Lanes)) cycles: the gates and the first adders,
// then one register after every level of adders. Under TERNC_FAST_SIM the whole sum comes from
// ternc_dots_fast and a delay line, the same to the cycle. It has no valid, no reset and no accumulator.
// Cell: the fabric whose form of the first adders is used (ternc_gated_add).

module ternc_dot #(
  parameter int Lanes = 8,
  parameter int ActBits = 8,
  parameter int Cell = 0,
  parameter int SumBits = ActBits + $clog2(Lanes)
) (
  input  logic                     clk_i,
  input  logic [Lanes*ActBits-1:0] act_i,
  input  logic [2*Lanes-1:0]       weight_i,
  output logic [SumBits-1:0]       sum_o
);

  localparam int Latency = (Lanes > 1) ? $clog2(Lanes) : 1;

`ifdef TERNC_FAST_SIM

  logic [SumBits-1:0] sum;
  ternc_dots_fast #(.Rows(1), .Lanes(Lanes), .ActBits(ActBits)) u_dots (
    .clk_i(clk_i), .act_i(act_i), .weight_i(weight_i), .dots_o(sum)
  );
  ternc_delay #(.Width(SumBits), .Depth(Latency - 1)) u_delay (.clk_i(clk_i), .d_i(sum), .q_o(sum_o));

`else

  // Level l holds ceil(Lanes / 2**l) partial sums of ActBits + l bits. A partner is missing at the end of
  // a level of odd length: the last sum passes through the register alone.
  for (genvar l = 1; l <= Latency; l++) begin : gen_level
    localparam int InNodes  = (Lanes + (1 << (l - 1)) - 1) >> (l - 1);
    localparam int InBits   = ActBits + l - 1;
    localparam int OutNodes = (InNodes + 1) / 2;
    localparam int OutBits  = (InNodes > 1) ? InBits + 1 : InBits;
    logic [InNodes*InBits-1:0]   level_in;
    logic [OutNodes*OutBits-1:0] sum, sum_q;
    if (l == 1) begin : gen_first
      assign level_in = act_i;
    end else begin : gen_next
      assign level_in = gen_level[l-1].sum_q;
    end
    for (genvar n = 0; n < OutNodes; n++) begin : gen_node
      if (2 * n + 1 == InNodes) begin : gen_pass
        logic [InBits-1:0] alone;
        if (l == 1) begin : gen_gate
          assign alone = (level_in[2*n*InBits +: InBits] ^ {InBits{weight_i[2*Lanes-1]}}) & {InBits{weight_i[2*Lanes-2]}};
        end else begin : gen_plain
          assign alone = level_in[2*n*InBits +: InBits];
        end
        assign sum[n*OutBits +: OutBits] = OutBits'(alone);
      end else if (l == 1) begin : gen_gates
        ternc_gated_add #(.Bits(InBits), .Cell(Cell)) u_add (
          .a_i(level_in[2*n*InBits +: InBits]), .b_i(level_in[(2*n+1)*InBits +: InBits]),
          .trit_a_i(weight_i[4*n +: 2]), .trit_b_i(weight_i[4*n+2 +: 2]), .sum_o(sum[n*OutBits +: OutBits])
        );
      end else begin : gen_add
        assign sum[n*OutBits +: OutBits] =
            OutBits'(level_in[2*n*InBits +: InBits]) + OutBits'(level_in[(2*n+1)*InBits +: InBits]);
      end
    end
    always_ff @(posedge clk_i) sum_q <= sum;
  end

  assign sum_o = gen_level[Latency].sum_q;

`endif

`ifndef SYNTHESIS
  initial begin
    if (Lanes < 1) $fatal(1, "ternc_dot: Lanes must be at least 1, not %0d", Lanes);
    if (ActBits < 1) $fatal(1, "ternc_dot: ActBits must be at least 1, not %0d", ActBits);
    if (Cell < 0 || Cell > 3) $fatal(1, "ternc_dot: Cell must be 0 to 3, not %0d", Cell);
  end
`endif

endmodule
