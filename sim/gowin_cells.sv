// Behaviour of the Gowin cells of a netlist that Yosys' own library (gowin/cells_sim.v) leaves empty: block memory and
// multipliers, as far as Yosys uses them. For simulating a synthesised netlist, not for synthesis.

`define TERNC_INITS(BITS) \
  parameter [BITS-1:0] \
    INIT_RAM_00 = 0, INIT_RAM_01 = 0, INIT_RAM_02 = 0, INIT_RAM_03 = 0, INIT_RAM_04 = 0, INIT_RAM_05 = 0, \
    INIT_RAM_06 = 0, INIT_RAM_07 = 0, INIT_RAM_08 = 0, INIT_RAM_09 = 0, INIT_RAM_0A = 0, INIT_RAM_0B = 0, \
    INIT_RAM_0C = 0, INIT_RAM_0D = 0, INIT_RAM_0E = 0, INIT_RAM_0F = 0, INIT_RAM_10 = 0, INIT_RAM_11 = 0, \
    INIT_RAM_12 = 0, INIT_RAM_13 = 0, INIT_RAM_14 = 0, INIT_RAM_15 = 0, INIT_RAM_16 = 0, INIT_RAM_17 = 0, \
    INIT_RAM_18 = 0, INIT_RAM_19 = 0, INIT_RAM_1A = 0, INIT_RAM_1B = 0, INIT_RAM_1C = 0, INIT_RAM_1D = 0, \
    INIT_RAM_1E = 0, INIT_RAM_1F = 0, INIT_RAM_20 = 0, INIT_RAM_21 = 0, INIT_RAM_22 = 0, INIT_RAM_23 = 0, \
    INIT_RAM_24 = 0, INIT_RAM_25 = 0, INIT_RAM_26 = 0, INIT_RAM_27 = 0, INIT_RAM_28 = 0, INIT_RAM_29 = 0, \
    INIT_RAM_2A = 0, INIT_RAM_2B = 0, INIT_RAM_2C = 0, INIT_RAM_2D = 0, INIT_RAM_2E = 0, INIT_RAM_2F = 0, \
    INIT_RAM_30 = 0, INIT_RAM_31 = 0, INIT_RAM_32 = 0, INIT_RAM_33 = 0, INIT_RAM_34 = 0, INIT_RAM_35 = 0, \
    INIT_RAM_36 = 0, INIT_RAM_37 = 0, INIT_RAM_38 = 0, INIT_RAM_39 = 0, INIT_RAM_3A = 0, INIT_RAM_3B = 0, \
    INIT_RAM_3C = 0, INIT_RAM_3D = 0, INIT_RAM_3E = 0, INIT_RAM_3F = 0
`define TERNC_INIT \
  { \
    INIT_RAM_3F, INIT_RAM_3E, INIT_RAM_3D, INIT_RAM_3C, INIT_RAM_3B, INIT_RAM_3A, INIT_RAM_39, INIT_RAM_38, \
    INIT_RAM_37, INIT_RAM_36, INIT_RAM_35, INIT_RAM_34, INIT_RAM_33, INIT_RAM_32, INIT_RAM_31, INIT_RAM_30, \
    INIT_RAM_2F, INIT_RAM_2E, INIT_RAM_2D, INIT_RAM_2C, INIT_RAM_2B, INIT_RAM_2A, INIT_RAM_29, INIT_RAM_28, \
    INIT_RAM_27, INIT_RAM_26, INIT_RAM_25, INIT_RAM_24, INIT_RAM_23, INIT_RAM_22, INIT_RAM_21, INIT_RAM_20, \
    INIT_RAM_1F, INIT_RAM_1E, INIT_RAM_1D, INIT_RAM_1C, INIT_RAM_1B, INIT_RAM_1A, INIT_RAM_19, INIT_RAM_18, \
    INIT_RAM_17, INIT_RAM_16, INIT_RAM_15, INIT_RAM_14, INIT_RAM_13, INIT_RAM_12, INIT_RAM_11, INIT_RAM_10, \
    INIT_RAM_0F, INIT_RAM_0E, INIT_RAM_0D, INIT_RAM_0C, INIT_RAM_0B, INIT_RAM_0A, INIT_RAM_09, INIT_RAM_08, \
    INIT_RAM_07, INIT_RAM_06, INIT_RAM_05, INIT_RAM_04, INIT_RAM_03, INIT_RAM_02, INIT_RAM_01, INIT_RAM_00 \
  }

// What all block memories have: two ports of words of 32, 16, 8, 4, 2 or 1 bits (Byte 8), or of 36, 18 or 9 (Byte 9), word i at
// bit i * width. An address counts bits, or of Byte 9 words of nine bits, eight apart; of a word of several bytes its lowest
// bits are the enables of the bytes. A port that writes shows what was there before (Mode 2), what it writes (1), or what it
// showed (0). Reading the word that the other port writes gives its old value.
module ternc_gowin_block #(
  parameter integer Byte = 8,
  parameter integer WidthA = 32,
  parameter integer WidthB = 32,
  parameter integer ModeA = 0,
  parameter integer ModeB = 0,
  parameter [2048*Byte-1:0] Init = 0
) (
  input a_clk, a_enable, a_write, a_clear, b_clk, b_enable, b_write, b_clear,
  input [13:0] a_addr, b_addr,
  input [4*Byte-1:0] a_di, b_di,
  output reg [4*Byte-1:0] a_do, b_do
);

  reg [2048*Byte-1:0] mem;
  integer i, j;

  // lowest bit of the word at an address
  function integer place(input [13:0] addr, input integer width);
    if (width < 8) place = addr - addr % width;
    else place = (addr / 8 - addr / 8 % (width / Byte)) * Byte;
  endfunction

  initial begin
    mem = Init;
    a_do = 0;
    b_do = 0;
  end

  always @(posedge a_clk) begin
    for (i = 0; i < WidthA; i = i + 1) begin
      if (a_enable && a_write && (WidthA <= Byte || a_addr[i / Byte])) mem[place(a_addr, WidthA) + i] <= a_di[i];
      if (a_clear) a_do[i] <= 1'b0;
      else if (a_enable && (!a_write || ModeA == 2)) a_do[i] <= mem[place(a_addr, WidthA) + i];
      else if (a_enable && ModeA == 1) a_do[i] <= a_di[i];
    end
  end

  always @(posedge b_clk) begin
    for (j = 0; j < WidthB; j = j + 1) begin
      if (b_enable && b_write && (WidthB <= Byte || b_addr[j / Byte])) mem[place(b_addr, WidthB) + j] <= b_di[j];
      if (b_clear) b_do[j] <= 1'b0;
      else if (b_enable && (!b_write || ModeB == 2)) b_do[j] <= mem[place(b_addr, WidthB) + j];
      else if (b_enable && ModeB == 1) b_do[j] <= b_di[j];
    end
  end

endmodule

// One port, 32 bits at most. Yosys uses no output register (READ_MODE 0) and no block select, here and below.
module SP #(
  parameter BIT_WIDTH = 32,
  parameter BLK_SEL = 3'b000,
  parameter READ_MODE = 1'b0,
  parameter RESET_MODE = "SYNC",
  parameter WRITE_MODE = 2'b00,
  `TERNC_INITS(256)
) (
  input CLK, CE, OCE, RESET, WRE,
  input [2:0] BLKSEL,
  input [13:0] AD,
  input [31:0] DI,
  output [31:0] DO
);
  wire [31:0] unused;
  ternc_gowin_block #(.Byte(8), .WidthA(BIT_WIDTH), .WidthB(BIT_WIDTH), .ModeA(WRITE_MODE), .Init(`TERNC_INIT)) block (
    .a_clk(CLK), .a_enable(CE), .a_write(WRE), .a_clear(RESET), .a_addr(AD), .a_di(DI), .a_do(DO),
    .b_clk(1'b0), .b_enable(1'b0), .b_write(1'b0), .b_clear(1'b0), .b_addr(14'd0), .b_di(32'd0), .b_do(unused)
  );
endmodule

// One port, 36 bits at most. Yosys uses no output register (READ_MODE 0) and no block select, here and below.
module SPX9 #(
  parameter BIT_WIDTH = 36,
  parameter BLK_SEL = 3'b000,
  parameter READ_MODE = 1'b0,
  parameter RESET_MODE = "SYNC",
  parameter WRITE_MODE = 2'b00,
  `TERNC_INITS(288)
) (
  input CLK, CE, OCE, RESET, WRE,
  input [2:0] BLKSEL,
  input [13:0] AD,
  input [35:0] DI,
  output [35:0] DO
);
  wire [35:0] unused;
  ternc_gowin_block #(.Byte(9), .WidthA(BIT_WIDTH), .WidthB(BIT_WIDTH), .ModeA(WRITE_MODE), .Init(`TERNC_INIT)) block (
    .a_clk(CLK), .a_enable(CE), .a_write(WRE), .a_clear(RESET), .a_addr(AD), .a_di(DI), .a_do(DO),
    .b_clk(1'b0), .b_enable(1'b0), .b_write(1'b0), .b_clear(1'b0), .b_addr(14'd0), .b_di(36'd0), .b_do(unused)
  );
endmodule

// Port A writes and port B reads, 32 bits at most.
module SDPB #(
  parameter BIT_WIDTH_0 = 32,
  parameter BIT_WIDTH_1 = 32,
  parameter BLK_SEL_0 = 3'b000,
  parameter BLK_SEL_1 = 3'b000,
  parameter READ_MODE = 1'b0,
  parameter RESET_MODE = "SYNC",
  `TERNC_INITS(256)
) (
  input CLKA, CEA, RESETA, CLKB, CEB, OCE, RESETB,
  input [2:0] BLKSELA, BLKSELB,
  input [13:0] ADA, ADB,
  input [31:0] DI,
  output [31:0] DO
);
  wire [31:0] unused;
  ternc_gowin_block #(.Byte(8), .WidthA(BIT_WIDTH_0), .WidthB(BIT_WIDTH_1), .Init(`TERNC_INIT)) block (
    .a_clk(CLKA), .a_enable(CEA), .a_write(1'b1), .a_clear(1'b0), .a_addr(ADA), .a_di(DI), .a_do(unused),
    .b_clk(CLKB), .b_enable(CEB), .b_write(1'b0), .b_clear(RESETB), .b_addr(ADB), .b_di(32'd0), .b_do(DO)
  );
endmodule

// Port A writes and port B reads, 36 bits at most.
module SDPX9B #(
  parameter BIT_WIDTH_0 = 36,
  parameter BIT_WIDTH_1 = 36,
  parameter BLK_SEL_0 = 3'b000,
  parameter BLK_SEL_1 = 3'b000,
  parameter READ_MODE = 1'b0,
  parameter RESET_MODE = "SYNC",
  `TERNC_INITS(288)
) (
  input CLKA, CEA, RESETA, CLKB, CEB, OCE, RESETB,
  input [2:0] BLKSELA, BLKSELB,
  input [13:0] ADA, ADB,
  input [35:0] DI,
  output [35:0] DO
);
  wire [35:0] unused;
  ternc_gowin_block #(.Byte(9), .WidthA(BIT_WIDTH_0), .WidthB(BIT_WIDTH_1), .Init(`TERNC_INIT)) block (
    .a_clk(CLKA), .a_enable(CEA), .a_write(1'b1), .a_clear(1'b0), .a_addr(ADA), .a_di(DI), .a_do(unused),
    .b_clk(CLKB), .b_enable(CEB), .b_write(1'b0), .b_clear(RESETB), .b_addr(ADB), .b_di(36'd0), .b_do(DO)
  );
endmodule

// Two ports that write and read, 16 bits at most.
module DPB #(
  parameter BIT_WIDTH_0 = 16,
  parameter BIT_WIDTH_1 = 16,
  parameter BLK_SEL_0 = 3'b000,
  parameter BLK_SEL_1 = 3'b000,
  parameter READ_MODE0 = 1'b0,
  parameter READ_MODE1 = 1'b0,
  parameter RESET_MODE = "SYNC",
  parameter WRITE_MODE0 = 2'b00,
  parameter WRITE_MODE1 = 2'b00,
  `TERNC_INITS(256)
) (
  input CLKA, CEA, OCEA, RESETA, WREA, CLKB, CEB, OCEB, RESETB, WREB,
  input [2:0] BLKSELA, BLKSELB,
  input [13:0] ADA, ADB,
  input [15:0] DIA, DIB,
  output [15:0] DOA, DOB
);
  wire [15:0] unused_a, unused_b;
  ternc_gowin_block #(
    .Byte(8), .WidthA(BIT_WIDTH_0), .WidthB(BIT_WIDTH_1), .ModeA(WRITE_MODE0), .ModeB(WRITE_MODE1), .Init(`TERNC_INIT)
  ) block (
    .a_clk(CLKA), .a_enable(CEA), .a_write(WREA), .a_clear(RESETA), .a_addr(ADA), .a_di({16'd0, DIA}), .a_do({unused_a, DOA}),
    .b_clk(CLKB), .b_enable(CEB), .b_write(WREB), .b_clear(RESETB), .b_addr(ADB), .b_di({16'd0, DIB}), .b_do({unused_b, DOB})
  );
endmodule

// Two ports that write and read, 18 bits at most.
module DPX9B #(
  parameter BIT_WIDTH_0 = 18,
  parameter BIT_WIDTH_1 = 18,
  parameter BLK_SEL_0 = 3'b000,
  parameter BLK_SEL_1 = 3'b000,
  parameter READ_MODE0 = 1'b0,
  parameter READ_MODE1 = 1'b0,
  parameter RESET_MODE = "SYNC",
  parameter WRITE_MODE0 = 2'b00,
  parameter WRITE_MODE1 = 2'b00,
  `TERNC_INITS(288)
) (
  input CLKA, CEA, OCEA, RESETA, WREA, CLKB, CEB, OCEB, RESETB, WREB,
  input [2:0] BLKSELA, BLKSELB,
  input [13:0] ADA, ADB,
  input [17:0] DIA, DIB,
  output [17:0] DOA, DOB
);
  wire [17:0] unused_a, unused_b;
  ternc_gowin_block #(
    .Byte(9), .WidthA(BIT_WIDTH_0), .WidthB(BIT_WIDTH_1), .ModeA(WRITE_MODE0), .ModeB(WRITE_MODE1), .Init(`TERNC_INIT)
  ) block (
    .a_clk(CLKA), .a_enable(CEA), .a_write(WREA), .a_clear(RESETA), .a_addr(ADA), .a_di({18'd0, DIA}), .a_do({unused_a, DOA}),
    .b_clk(CLKB), .b_enable(CEB), .b_write(WREB), .b_clear(RESETB), .b_addr(ADB), .b_di({18'd0, DIB}), .b_do({unused_b, DOB})
  );
endmodule

// Signed where ASIGN and BSIGN say so; Yosys uses no register and no shift chain.
module MULT9X9 (
  input [8:0] A, B, SIA, SIB,
  input ASIGN, BSIGN, ASEL, BSEL, CE, CLK, RESET,
  output [17:0] DOUT,
  output [8:0] SOA, SOB
);
  wire signed [9:0] a = {ASIGN & A[8], A};
  wire signed [9:0] b = {BSIGN & B[8], B};
  wire signed [19:0] product = a * b;
  assign DOUT = product[17:0];
  assign SOA = A;
  assign SOB = B;
endmodule

// Signed where ASIGN and BSIGN say so; Yosys uses no register and no shift chain.
module MULT18X18 (
  input [17:0] A, B, SIA, SIB,
  input ASIGN, BSIGN, ASEL, BSEL, CE, CLK, RESET,
  output [35:0] DOUT,
  output [17:0] SOA, SOB
);
  wire signed [18:0] a = {ASIGN & A[17], A};
  wire signed [18:0] b = {BSIGN & B[17], B};
  wire signed [37:0] product = a * b;
  assign DOUT = product[35:0];
  assign SOA = A;
  assign SOB = B;
endmodule
