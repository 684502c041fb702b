// Puts a design's ports behind two shift registers, so that a design of any width fits on five pins.
//
// The inputs are the last Inputs bits that came on sdi_i. In a cycle with load_i the outputs are copied, and leave on sdo_o
// from then on, bit 0 first. Every port of the design is next to a register, and none can be removed: for measuring
// resources and clock rate of the design alone, not for using it.
module ternc_shell #(
  parameter int Inputs = 1,
  parameter int Outputs = 1
) (
  input  logic               clk_i,
  input  logic               sdi_i,
  input  logic               load_i,
  output logic               sdo_o,
  // the design
  output logic [Inputs-1:0]  inputs_o,
  input  logic [Outputs-1:0] outputs_i
);

  logic [Outputs-1:0] outputs_q, shift_q;
  logic load_q;

  assign sdo_o = shift_q[0];

  always_ff @(posedge clk_i) begin
    inputs_o <= Inputs'({inputs_o, sdi_i});
    load_q <= load_i;
    outputs_q <= outputs_i;
    shift_q <= load_q ? outputs_q : Outputs'({1'b0, shift_q} >> 1);
  end

`ifndef SYNTHESIS
  initial begin
    if (Inputs < 1) $fatal(1, "ternc_shell: Inputs must be at least 1, not %0d", Inputs);
    if (Outputs < 1) $fatal(1, "ternc_shell: Outputs must be at least 1, not %0d", Outputs);
  end
`endif

endmodule
