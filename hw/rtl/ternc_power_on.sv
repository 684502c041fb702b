// A reset of its own for a board without one: rst_no is 0 in the first Cycles cycles after configuration, then 1 for ever.
//
// It starts from the initial value of its counter, which an FPGA loads with its bitstream.
module ternc_power_on #(
  parameter int Cycles = 15
) (
  input  logic clk_i,
  output logic rst_no
);

  localparam int CountBits = $clog2(Cycles + 1);
  logic [CountBits-1:0] count_q;

  assign rst_no = count_q == CountBits'(Cycles);

  initial count_q = '0;

  // not always_ff, whose variables may have no initial value
  always @(posedge clk_i) begin
    if (!rst_no) count_q <= count_q + 1'b1;
  end

`ifndef SYNTHESIS
  initial if (Cycles < 1) $fatal(1, "ternc_power_on: Cycles must be at least 1, not %0d", Cycles);
`endif

endmodule
