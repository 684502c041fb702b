// The low Bits bits of a product, behind a register; a_i is unsigned, b_i signed where Signed is not 0.
//
// Throughput: one product a cycle. Latency: 1 cycle. There is no reset. The text at the end is the specification and serves
// every tool: those of AMD and Intel put the register into the multiplier by themselves. Under TERNC_PRIMITIVES, Cell 3 is
// MULT18X18D of Lattice's ECP5 with its output register, for factors of 3 to 18 bits: Yosys leaves it outside.

module ternc_multiply #(
  parameter int ABits = 16,
  parameter int BBits = 16,
  parameter int Bits = 32,
  parameter int Signed = 0,
  parameter int Cell = 0
) (
  input  logic             clk_i,
  input  logic [ABits-1:0] a_i,
  input  logic [BBits-1:0] b_i,
  output logic [Bits-1:0]  product_o
);

`ifdef TERNC_PRIMITIVES
  if (Cell == 3 && ABits > 2 && BBits > 2 && ABits <= 18 && BBits <= 18) begin : gen_mult18
    logic [17:0] a, b;
    logic [35:0] p;
    assign a = 18'(a_i);
    assign b = (Signed != 0) ? 18'($signed(b_i)) : 18'(b_i);
    MULT18X18D #(.REG_OUTPUT_CLK("CLK0"), .REG_OUTPUT_CE("CE0"), .REG_OUTPUT_RST("RST0")) u_mult (
      .CLK0(clk_i), .CE0(1'b1), .RST0(1'b0), .SIGNEDA(1'b0), .SIGNEDB(Signed != 0), .SOURCEA(1'b0), .SOURCEB(1'b0),
      .A0(a[0]), .A1(a[1]), .A2(a[2]), .A3(a[3]), .A4(a[4]), .A5(a[5]),
      .A6(a[6]), .A7(a[7]), .A8(a[8]), .A9(a[9]), .A10(a[10]), .A11(a[11]),
      .A12(a[12]), .A13(a[13]), .A14(a[14]), .A15(a[15]), .A16(a[16]), .A17(a[17]),
      .B0(b[0]), .B1(b[1]), .B2(b[2]), .B3(b[3]), .B4(b[4]), .B5(b[5]),
      .B6(b[6]), .B7(b[7]), .B8(b[8]), .B9(b[9]), .B10(b[10]), .B11(b[11]),
      .B12(b[12]), .B13(b[13]), .B14(b[14]), .B15(b[15]), .B16(b[16]), .B17(b[17]),
      .P0(p[0]), .P1(p[1]), .P2(p[2]), .P3(p[3]), .P4(p[4]), .P5(p[5]),
      .P6(p[6]), .P7(p[7]), .P8(p[8]), .P9(p[9]), .P10(p[10]), .P11(p[11]),
      .P12(p[12]), .P13(p[13]), .P14(p[14]), .P15(p[15]), .P16(p[16]), .P17(p[17]),
      .P18(p[18]), .P19(p[19]), .P20(p[20]), .P21(p[21]), .P22(p[22]), .P23(p[23]),
      .P24(p[24]), .P25(p[25]), .P26(p[26]), .P27(p[27]), .P28(p[28]), .P29(p[29]),
      .P30(p[30]), .P31(p[31]), .P32(p[32]), .P33(p[33]), .P34(p[34]), .P35(p[35])
    );
    if (Signed != 0) begin : gen_signed
      assign product_o = Bits'($signed(p));
    end else begin : gen_unsigned
      assign product_o = Bits'(p);
    end
  end else
`endif
  if (Signed != 0) begin : gen_signed
    logic signed [ABits+BBits:0] product;
    assign product = $signed((ABits+BBits+1)'(a_i)) * (ABits+BBits+1)'($signed(b_i));
    always_ff @(posedge clk_i) product_o <= Bits'(product);
  end else begin : gen_unsigned
    always_ff @(posedge clk_i) product_o <= Bits'((ABits+BBits)'(a_i) * (ABits+BBits)'(b_i));
  end

`ifndef SYNTHESIS
  initial begin
    if (ABits < 1 || BBits < 1 || Bits < 1) $fatal(1, "ternc_multiply: ABits, BBits and Bits must be at least 1");
    if (Cell < 0 || Cell > 3) $fatal(1, "ternc_multiply: Cell must be 0 to 3, not %0d", Cell);
  end
`endif

endmodule
