// One level of the binary search for the number of thresholds that a sum has reached.
//
// The Levels bits of a code are found from the top, one per level. Level n looks up the threshold of the
// parameter set param_i and of the n bits known so far in its own ROM (outside, latency 2) and sets its bit
// if the sum is not below. A threshold has one bit more than a sum: all ones is never reached.
//
// Throughput: one sum a cycle. Latency: 3 cycles (2 of the ROM, 1 of the comparison). rom_addr_o is
// combinational; rom_data_i is sampled two cycles later. It has no valid and no reset. The bits of code_i
// below the top `Level` ones are passed on, except that its own is replaced.

module ternc_threshold_level #(
  parameter int AccBits = 20,
  parameter int ParamBits = 6,
  parameter int Level = 0,
  parameter int Levels = 2
) (
  input  logic                       clk_i,
  input  logic [AccBits-1:0]         sum_i,
  input  logic [ParamBits-1:0]       param_i,
  input  logic [Levels-1:0]          code_i,
  output logic [ParamBits+Level-1:0] rom_addr_o,
  input  logic [AccBits:0]           rom_data_i,
  output logic [AccBits-1:0]         sum_o,
  output logic [ParamBits-1:0]       param_o,
  output logic [Levels-1:0]          code_o
);

  localparam int Bit = Levels - 1 - Level;

  if (Level == 0) begin : gen_top
    assign rom_addr_o = param_i;
  end else begin : gen_below
    assign rom_addr_o = {param_i, code_i[Levels-1 -: Level]};
  end

  logic [AccBits-1:0]   sum_q2;
  logic [ParamBits-1:0] param_q2;
  logic [Levels-1:0]    code_q2;
  ternc_delay #(.Width(AccBits + ParamBits + Levels), .Depth(2)) u_wait (
    .clk_i (clk_i),
    .d_i({sum_i, param_i, code_i}),
    .q_o({sum_q2, param_q2, code_q2})
  );

  logic [AccBits+1:0] below;  // its highest bit: whether the sum is below the threshold
  assign below = {2'b00, sum_q2} - {1'b0, rom_data_i};

  always_ff @(posedge clk_i) begin
    sum_o       <= sum_q2;
    param_o     <= param_q2;
    code_o      <= code_q2;
    code_o[Bit] <= !below[AccBits+1];
  end

`ifndef SYNTHESIS
  initial begin
    if (Level < 0 || Level >= Levels) begin
      $fatal(1, "ternc_threshold_level: Level must be from 0 to %0d, not %0d", Levels - 1, Level);
    end
  end
`endif

endmodule
