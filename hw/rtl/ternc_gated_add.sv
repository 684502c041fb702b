// The sum of two codes, each gated by a trit {neg, nz}: the first adders of ternc_dot.
//
// A gated code is (x ^ {neg...}) & {nz...}. Latency: 0 cycles. The text at the end is the specification and serves every
// tool. Under TERNC_PRIMITIVES, Cell names a fabric whose own cells compute the same with less, which tools do not find by
// themselves: 2: LUT6_2 and CARRY4 of AMD's devices, one LUT a bit instead of two; 3: CCU2C of Lattice's ECP5, in which one of
// the two gates finds room.

module ternc_gated_add #(
  parameter int Bits = 8,
  parameter int Cell = 0
) (
  input  logic [Bits-1:0] a_i,
  input  logic [Bits-1:0] b_i,
  input  logic [1:0]      trit_a_i,
  input  logic [1:0]      trit_b_i,
  output logic [Bits:0]   sum_o
);

`ifdef TERNC_PRIMITIVES
  if (Cell == 2) begin : gen_lut6
    // O5 is the gated a, which generates the carry; O6 is O5 ^ the gated b. Both are O5 where nz of b, I5, is 0.
    localparam int Slices = (Bits + 3) / 4;
    logic [4*Slices-1:0] half, gated, sum, carry;
    for (genvar i = 0; i < 4 * Slices; i++) begin : gen_bit
      if (i < Bits) begin : gen_lut
        LUT6_2 #(.INIT(64'h609f9f60_60606060)) u_lut (
          .I0(a_i[i]), .I1(trit_a_i[1]), .I2(trit_a_i[0]), .I3(b_i[i]), .I4(trit_b_i[1]), .I5(trit_b_i[0]),
          .O5(gated[i]), .O6(half[i])
        );
      end else begin : gen_zero
        assign {half[i], gated[i]} = 2'b00;
      end
    end
    for (genvar i = 0; i < Slices; i++) begin : gen_slice
      logic carry_in;
      if (i == 0) begin : gen_first
        assign carry_in = 1'b0;
      end else begin : gen_next
        assign carry_in = carry[4*i-1];
      end
      CARRY4 u_carry (
        .CI(carry_in), .CYINIT(1'b0), .S(half[4*i +: 4]), .DI(gated[4*i +: 4]),
        .O(sum[4*i +: 4]), .CO(carry[4*i +: 4])
      );
    end
    assign sum_o = {carry[Bits-1], sum[Bits-1:0]};
  end else if (Cell == 3) begin : gen_ccu2c
    // A bit's half sum is a ^ ((b ^ neg) & nz); the lowest four bits of INIT are a, which generates the carry.
    localparam int Twos = (Bits + 2) / 2;
    logic [2*Twos-1:0] a, b, sum;
    logic [Twos:0]     carry;
    assign a = {{(2 * Twos - Bits){1'b0}}, (a_i ^ {Bits{trit_a_i[1]}}) & {Bits{trit_a_i[0]}}};
    assign b = {{(2 * Twos - Bits){trit_b_i[1]}}, b_i};
    assign carry[0] = 1'b0;
    for (genvar i = 0; i < Twos; i++) begin : gen_two
      CCU2C #(.INIT0(16'h9a6a), .INIT1(16'h9a6a), .INJECT1_0("NO"), .INJECT1_1("NO")) u_carry (
        .CIN(carry[i]), .COUT(carry[i+1]),
        .A0(a[2*i]), .B0(b[2*i]), .C0(trit_b_i[0]), .D0(trit_b_i[1]), .S0(sum[2*i]),
        .A1(a[2*i+1]), .B1(b[2*i+1]), .C1(trit_b_i[0]), .D1(trit_b_i[1]), .S1(sum[2*i+1])
      );
    end
    assign sum_o = sum[Bits:0];
  end else
`endif
  if (Cell >= 0) begin : gen_text
    logic [Bits-1:0] a, b;
    assign a = (a_i ^ {Bits{trit_a_i[1]}}) & {Bits{trit_a_i[0]}};
    assign b = (b_i ^ {Bits{trit_b_i[1]}}) & {Bits{trit_b_i[0]}};
    assign sum_o = (Bits + 1)'(a) + (Bits + 1)'(b);
  end

`ifndef SYNTHESIS
  initial if (Cell < 0 || Cell > 3) $fatal(1, "ternc_gated_add: Cell must be 0 to 3, not %0d", Cell);
`endif

endmodule
