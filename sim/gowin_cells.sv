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

// What all block memories have: one port writes and one reads, words of 32, 16, 8, 4, 2 or 1 bits (Byte 8), or of 36, 18 or 9
// (Byte 9), word i at bit i * width. An address counts words of one bit, or of Byte bits eight apart; of words of several bytes its lowest bits
// are the enables of the bytes. Reading the word that is written gives its old value.
module ternc_gowin_block #(
  parameter integer Byte = 8,
  parameter integer WriteWidth = 32,
  parameter integer ReadWidth = 32,
  parameter [2048*Byte-1:0] Init = 0
) (
  input write_clk,
  input write,
  input [13:0] write_addr,
  input [4*Byte-1:0] di,
  input read_clk,
  input read,
  input clear,
  input [13:0] read_addr,
  output [4*Byte-1:0] data
);

  localparam integer Bits = 2048 * Byte;

  reg [Bits-1:0] mem;
  reg [4*Byte-1:0] data_q;
  integer i;

  assign data = data_q;

  // lowest bit of the word at an address
  function integer place(input [13:0] addr, input integer width);
    if (width < 8) place = addr - addr % width;
    else place = (addr / 8 - addr / 8 % (width / Byte)) * Byte;
  endfunction

  initial begin
    mem = Init;
    data_q = 0;
  end

  always @(posedge write_clk)
    for (i = 0; i < WriteWidth; i = i + 1)
      if (write && (WriteWidth <= Byte || write_addr[i / Byte])) mem[place(write_addr, WriteWidth) + i] <= di[i];

  always @(posedge read_clk)
    if (clear) data_q <= 0;
    else if (read)
      for (i = 0; i < ReadWidth; i = i + 1) data_q[i] <= mem[place(read_addr, ReadWidth) + i];

endmodule

// One port, 32 bits at most. Yosys uses no output register (READ_MODE 0) and no block select.
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
  // a port that writes reads only where Yosys asks for the old word (2) or does not care (0)
  ternc_gowin_block #(.Byte(8), .WriteWidth(BIT_WIDTH), .ReadWidth(BIT_WIDTH), .Init(`TERNC_INIT)) block (
    .write_clk(CLK), .write(CE && WRE), .write_addr(AD), .di(DI),
    .read_clk(CLK), .read(CE && (!WRE || WRITE_MODE == 2)), .clear(RESET), .read_addr(AD), .data(DO)
  );
endmodule

// One port, 36 bits at most. Yosys uses no output register (READ_MODE 0) and no block select.
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
  // a port that writes reads only where Yosys asks for the old word (2) or does not care (0)
  ternc_gowin_block #(.Byte(9), .WriteWidth(BIT_WIDTH), .ReadWidth(BIT_WIDTH), .Init(`TERNC_INIT)) block (
    .write_clk(CLK), .write(CE && WRE), .write_addr(AD), .di(DI),
    .read_clk(CLK), .read(CE && (!WRE || WRITE_MODE == 2)), .clear(RESET), .read_addr(AD), .data(DO)
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
  ternc_gowin_block #(.Byte(8), .WriteWidth(BIT_WIDTH_0), .ReadWidth(BIT_WIDTH_1), .Init(`TERNC_INIT)) block (
    .write_clk(CLKA), .write(CEA), .write_addr(ADA), .di(DI),
    .read_clk(CLKB), .read(CEB), .clear(RESETB), .read_addr(ADB), .data(DO)
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
  ternc_gowin_block #(.Byte(9), .WriteWidth(BIT_WIDTH_0), .ReadWidth(BIT_WIDTH_1), .Init(`TERNC_INIT)) block (
    .write_clk(CLKA), .write(CEA), .write_addr(ADA), .di(DI),
    .read_clk(CLKB), .read(CEB), .clear(RESETB), .read_addr(ADB), .data(DO)
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
