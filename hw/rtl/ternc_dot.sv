// The dot product of Lanes unsigned codes with Lanes trits.
//
// A trit is {neg, nz}; a lane contributes (code ^ {neg...}) & {nz...}, so a weight of -1 gives the one's
// complement 2**ActBits - 1 - code. The compiler takes the constant error out later (docs/hardware.md).
//
// Throughput: one result a cycle. Latency: max(1, clog2(Lanes)) cycles: the gates and the first adders,
// then one register after every level of adders. Under TERNC_FAST_SIM the whole sum comes from
// ternc_dots_fast and a delay line, the same to the cycle. It has no valid, no reset and no accumulator.

module ternc_dot #(
  parameter int Lanes = 8,
  parameter int ActBits = 8,
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

  logic [Lanes*ActBits-1:0] gated;
  for (genvar i = 0; i < Lanes; i++) begin : gen_lane
    assign gated[i*ActBits +: ActBits] =
        (act_i[i*ActBits +: ActBits] ^ {ActBits{weight_i[2*i+1]}}) & {ActBits{weight_i[2*i]}};
  end

  // Level l holds ceil(Lanes / 2**l) partial sums of ActBits + l bits. A partner is missing at the end of
  // a level of odd length: the last sum passes through the register alone.
  for (genvar l = 1; l <= Latency; l++) begin : gen_level
    localparam int InNodes  = (Lanes + (1 << (l - 1)) - 1) >> (l - 1);
    localparam int InBits   = ActBits + l - 1;
    localparam int OutNodes = (InNodes + 1) / 2;
    localparam int OutBits  = (InNodes > 1) ? InBits + 1 : InBits;
    logic [InNodes*InBits-1:0]   level_in;
    logic [OutNodes*OutBits-1:0] sum_q;
    if (l == 1) begin : gen_first
      assign level_in = gated;
    end else begin : gen_next
      assign level_in = gen_level[l-1].sum_q;
    end
    for (genvar n = 0; n < OutNodes; n++) begin : gen_node
      if (2 * n + 1 < InNodes) begin : gen_add
        always_ff @(posedge clk_i) begin
          sum_q[n*OutBits +: OutBits] <= OutBits'(level_in[2*n*InBits +: InBits])
                                       + OutBits'(level_in[(2*n+1)*InBits +: InBits]);
        end
      end else begin : gen_pass
        always_ff @(posedge clk_i) begin
          sum_q[n*OutBits +: OutBits] <= OutBits'(level_in[2*n*InBits +: InBits]);
        end
      end
    end
  end

  assign sum_o = gen_level[Latency].sum_q;

`endif

`ifndef SYNTHESIS
  initial begin
    if (Lanes < 1) $fatal(1, "ternc_dot: Lanes must be at least 1, not %0d", Lanes);
    if (ActBits < 1) $fatal(1, "ternc_dot: ActBits must be at least 1, not %0d", ActBits);
  end
`endif

endmodule
