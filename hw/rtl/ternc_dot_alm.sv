// The dot product of Lanes unsigned codes with Lanes trits, in half an ALM for each bit of each adder.
//
// The same sum as ternc_dot, with the same throughput and latency (clog2(Lanes) cycles, a register after every level of
// adders), for Lanes of at least 3. The trits come recoded (ternc_pair_code): code_i and gate_i for each pair of lanes, gate_i
// a cycle later than the codes; single_i is the trit {neg, nz} of the last lane where Lanes is odd. The adders of the first
// level choose x, its complement or nothing of each lane, those of the second drop what comes of a pair of zeros.

module ternc_dot_alm #(
  parameter int Lanes = 8,
  parameter int ActBits = 8,
  parameter int Pairs = Lanes / 2,
  parameter int SumBits = ActBits + $clog2(Lanes)
) (
  input  logic                     clk_i,
  input  logic [Lanes*ActBits-1:0] act_i,
  input  logic [3*Pairs-1:0]       code_i,
  input  logic [Pairs-1:0]         gate_i,
  input  logic [1:0]               single_i,
  output logic [SumBits-1:0]       sum_o
);

  localparam int Latency = $clog2(Lanes);

  // By {x, code}: the halves are for x = 1 and x = 0, their bits for the codes 7 to 0.
  localparam logic [15:0] First  = {8'b00110100, 8'b11001000};
  localparam logic [15:0] Second = {8'b01010001, 8'b10100010};
  // By {x, 0, second's gate, first's gate}.
  localparam logic [15:0] FirstGate  = 16'haa00;
  localparam logic [15:0] SecondGate = 16'hcc00;

  // Levels and nodes as in ternc_dot.
  for (genvar l = 1; l <= Latency; l++) begin : gen_level
    localparam int InNodes  = (Lanes + (1 << (l - 1)) - 1) >> (l - 1);
    localparam int InBits   = ActBits + l - 1;
    localparam int OutNodes = (InNodes + 1) / 2;
    localparam int OutBits  = InBits + 1;
    logic [InNodes*InBits-1:0]   level_in;
    logic [OutNodes*OutBits-1:0] sum_q;
    if (l == 1) begin : gen_first
      assign level_in = act_i;
    end else begin : gen_next
      assign level_in = gen_level[l-1].sum_q;
    end
    for (genvar n = 0; n < OutNodes; n++) begin : gen_node
      logic [InBits-1:0]  a;
      logic [OutBits-1:0] sum;
      assign a = level_in[2*n*InBits +: InBits];
      if (2 * n + 1 == InNodes) begin : gen_pass
        logic [InBits-1:0] alone;
        if (l == 1) begin : gen_single
          assign alone = (a ^ {InBits{single_i[1]}}) & {InBits{single_i[0]}};
        end else if (l == 2 && 2 * n < Pairs) begin : gen_gated
          assign alone = a & {InBits{gate_i[2*n]}};
        end else begin : gen_plain
          assign alone = a;
        end
        assign sum = OutBits'(alone);
      end else begin : gen_two
        logic [InBits-1:0] b;
        assign b = level_in[(2*n+1)*InBits +: InBits];
        if (l == 1) begin : gen_pair
          ternc_alm_add #(.Bits(InBits), .MaskA(First), .MaskB(Second)) u_add (
            .sel_i(code_i[3*n +: 2]), .c_i({InBits{code_i[3*n+2]}}), .a_i(a), .b_i(b), .sum_o(sum)
          );
        end else if (l == 2) begin : gen_gates
          logic [1:0] gates;  // an odd lane has none
          assign gates = {(2 * n + 1 < Pairs) ? gate_i[(2 * n + 1 < Pairs) ? 2 * n + 1 : 0] : 1'b1, gate_i[2*n]};
          ternc_alm_add #(.Bits(InBits), .MaskA(FirstGate), .MaskB(SecondGate)) u_add (
            .sel_i(gates), .c_i({InBits{1'b0}}), .a_i(a), .b_i(b), .sum_o(sum)
          );
        end else begin : gen_add
          assign sum = OutBits'(a) + OutBits'(b);
        end
      end
      always_ff @(posedge clk_i) sum_q[n*OutBits +: OutBits] <= sum;
    end
  end

  assign sum_o = gen_level[Latency].sum_q;

  if (Lanes % 2 == 0) begin : gen_even
    logic unused_single;
    assign unused_single = ^single_i;
  end

`ifndef SYNTHESIS
  initial if (Lanes < 3) $fatal(1, "ternc_dot_alm: Lanes must be at least 3, not %0d", Lanes);
`endif

endmodule
