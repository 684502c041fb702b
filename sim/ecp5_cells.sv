// Behaviour of the ECP5 cells of a netlist that Yosys' own library (lattice/common_sim.vh, ccu2c_sim.vh) leaves empty:
// block memory and multiplier, as far as Yosys uses them. For simulating a synthesised netlist, not for synthesis.

// 18 kb: two ports of 1, 2, 4, 9 or 18 bits, or port A writes and port B reads 36. Word 18 i of the contents is bits
// [20 (i mod 16) +: 18] of INITVAL_(i / 16); a word of 1, 2 or 4 bits leaves each ninth bit alone. With 18 bits or more
// the lowest bits of the address are the enables of nine bits each. REGMODE OUTREG: what was read passes a register, with the
// enable OCE. A reset is synchronous.
module DP16KD (
  input DIA17, DIA16, DIA15, DIA14, DIA13, DIA12, DIA11, DIA10, DIA9, DIA8, DIA7, DIA6, DIA5, DIA4, DIA3, DIA2,
    DIA1, DIA0,
  input ADA13, ADA12, ADA11, ADA10, ADA9, ADA8, ADA7, ADA6, ADA5, ADA4, ADA3, ADA2, ADA1, ADA0,
  input CEA, OCEA, CLKA, WEA, RSTA, CSA2, CSA1, CSA0,
  output DOA17, DOA16, DOA15, DOA14, DOA13, DOA12, DOA11, DOA10, DOA9, DOA8, DOA7, DOA6, DOA5, DOA4, DOA3, DOA2,
    DOA1, DOA0,
  input DIB17, DIB16, DIB15, DIB14, DIB13, DIB12, DIB11, DIB10, DIB9, DIB8, DIB7, DIB6, DIB5, DIB4, DIB3, DIB2,
    DIB1, DIB0,
  input ADB13, ADB12, ADB11, ADB10, ADB9, ADB8, ADB7, ADB6, ADB5, ADB4, ADB3, ADB2, ADB1, ADB0,
  input CEB, OCEB, CLKB, WEB, RSTB, CSB2, CSB1, CSB0,
  output DOB17, DOB16, DOB15, DOB14, DOB13, DOB12, DOB11, DOB10, DOB9, DOB8, DOB7, DOB6, DOB5, DOB4, DOB3, DOB2,
    DOB1, DOB0
);

  parameter DATA_WIDTH_A = 18;
  parameter REGMODE_A = "NOREG";
  parameter CSDECODE_A = "0b000";
  parameter WRITEMODE_A = "NORMAL";
  parameter CLKAMUX = "CLKA";
  parameter DATA_WIDTH_B = 18;
  parameter REGMODE_B = "NOREG";
  parameter CSDECODE_B = "0b000";
  parameter WRITEMODE_B = "NORMAL";
  parameter CLKBMUX = "CLKB";
  parameter RESETMODE = "SYNC";
  parameter ASYNC_RESET_RELEASE = "SYNC";
  parameter GSR = "AUTO";
  parameter [319:0] INITVAL_00 = 320'd0;
  parameter [319:0] INITVAL_01 = 320'd0;
  parameter [319:0] INITVAL_02 = 320'd0;
  parameter [319:0] INITVAL_03 = 320'd0;
  parameter [319:0] INITVAL_04 = 320'd0;
  parameter [319:0] INITVAL_05 = 320'd0;
  parameter [319:0] INITVAL_06 = 320'd0;
  parameter [319:0] INITVAL_07 = 320'd0;
  parameter [319:0] INITVAL_08 = 320'd0;
  parameter [319:0] INITVAL_09 = 320'd0;
  parameter [319:0] INITVAL_0A = 320'd0;
  parameter [319:0] INITVAL_0B = 320'd0;
  parameter [319:0] INITVAL_0C = 320'd0;
  parameter [319:0] INITVAL_0D = 320'd0;
  parameter [319:0] INITVAL_0E = 320'd0;
  parameter [319:0] INITVAL_0F = 320'd0;
  parameter [319:0] INITVAL_10 = 320'd0;
  parameter [319:0] INITVAL_11 = 320'd0;
  parameter [319:0] INITVAL_12 = 320'd0;
  parameter [319:0] INITVAL_13 = 320'd0;
  parameter [319:0] INITVAL_14 = 320'd0;
  parameter [319:0] INITVAL_15 = 320'd0;
  parameter [319:0] INITVAL_16 = 320'd0;
  parameter [319:0] INITVAL_17 = 320'd0;
  parameter [319:0] INITVAL_18 = 320'd0;
  parameter [319:0] INITVAL_19 = 320'd0;
  parameter [319:0] INITVAL_1A = 320'd0;
  parameter [319:0] INITVAL_1B = 320'd0;
  parameter [319:0] INITVAL_1C = 320'd0;
  parameter [319:0] INITVAL_1D = 320'd0;
  parameter [319:0] INITVAL_1E = 320'd0;
  parameter [319:0] INITVAL_1F = 320'd0;
  parameter [319:0] INITVAL_20 = 320'd0;
  parameter [319:0] INITVAL_21 = 320'd0;
  parameter [319:0] INITVAL_22 = 320'd0;
  parameter [319:0] INITVAL_23 = 320'd0;
  parameter [319:0] INITVAL_24 = 320'd0;
  parameter [319:0] INITVAL_25 = 320'd0;
  parameter [319:0] INITVAL_26 = 320'd0;
  parameter [319:0] INITVAL_27 = 320'd0;
  parameter [319:0] INITVAL_28 = 320'd0;
  parameter [319:0] INITVAL_29 = 320'd0;
  parameter [319:0] INITVAL_2A = 320'd0;
  parameter [319:0] INITVAL_2B = 320'd0;
  parameter [319:0] INITVAL_2C = 320'd0;
  parameter [319:0] INITVAL_2D = 320'd0;
  parameter [319:0] INITVAL_2E = 320'd0;
  parameter [319:0] INITVAL_2F = 320'd0;
  parameter [319:0] INITVAL_30 = 320'd0;
  parameter [319:0] INITVAL_31 = 320'd0;
  parameter [319:0] INITVAL_32 = 320'd0;
  parameter [319:0] INITVAL_33 = 320'd0;
  parameter [319:0] INITVAL_34 = 320'd0;
  parameter [319:0] INITVAL_35 = 320'd0;
  parameter [319:0] INITVAL_36 = 320'd0;
  parameter [319:0] INITVAL_37 = 320'd0;
  parameter [319:0] INITVAL_38 = 320'd0;
  parameter [319:0] INITVAL_39 = 320'd0;
  parameter [319:0] INITVAL_3A = 320'd0;
  parameter [319:0] INITVAL_3B = 320'd0;
  parameter [319:0] INITVAL_3C = 320'd0;
  parameter [319:0] INITVAL_3D = 320'd0;
  parameter [319:0] INITVAL_3E = 320'd0;
  parameter [319:0] INITVAL_3F = 320'd0;

  reg [18431+36:0] mem;  // 36 bits more, which nobody writes: a word is always read as 36
  reg [35:0] a_q, b_q, a_old, b_old, a_out_q, b_out_q;
  integer i;

  wire [17:0] a_data = {DIA17, DIA16, DIA15, DIA14, DIA13, DIA12, DIA11, DIA10, DIA9, DIA8, DIA7, DIA6, DIA5,
    DIA4, DIA3, DIA2, DIA1, DIA0};
  wire [13:0] a_addr = {ADA13, ADA12, ADA11, ADA10, ADA9, ADA8, ADA7, ADA6, ADA5, ADA4, ADA3, ADA2, ADA1, ADA0};
  wire [17:0] b_data = {DIB17, DIB16, DIB15, DIB14, DIB13, DIB12, DIB11, DIB10, DIB9, DIB8, DIB7, DIB6, DIB5,
    DIB4, DIB3, DIB2, DIB1, DIB0};
  wire [13:0] b_addr = {ADB13, ADB12, ADB11, ADB10, ADB9, ADB8, ADB7, ADB6, ADB5, ADB4, ADB3, ADB2, ADB1, ADB0};
  wire [35:0] wide = {b_data, a_data};
  wire [35:0] a = REGMODE_A == "OUTREG" ? a_out_q : a_q;
  wire [35:0] b = REGMODE_B == "OUTREG" ? b_out_q : b_q;
  assign {DOA17, DOA16, DOA15, DOA14, DOA13, DOA12, DOA11, DOA10, DOA9, DOA8, DOA7, DOA6, DOA5, DOA4, DOA3, DOA2,
    DOA1, DOA0} = DATA_WIDTH_B == 36 ? b[17:0] : a[17:0];
  assign {DOB17, DOB16, DOB15, DOB14, DOB13, DOB12, DOB11, DOB10, DOB9, DOB8, DOB7, DOB6, DOB5, DOB4, DOB3, DOB2,
    DOB1, DOB0} = DATA_WIDTH_B == 36 ? b[35:18] : b[17:0];

  // lowest bit of the word at an address
  function integer place(input [13:0] addr, input integer width);
    case (width)
      36: place = 36 * addr[13:5];
      18: place = 18 * addr[13:4];
      9: place = 9 * addr[13:3];
      4: place = 9 * addr[13:3] + 4 * addr[2];
      2: place = 9 * addr[13:3] + 2 * addr[2:1];
      default: place = 9 * addr[13:3] + addr[2:0];
    endcase
  endfunction

  function [35:0] mask(input integer width);
    mask = (36'd1 << width) - 36'd1;
  endfunction

  initial begin
    a_q = 36'd0;
    b_q = 36'd0;
    a_out_q = 36'd0;
    b_out_q = 36'd0;
    for (i = 0; i < 16; i = i + 1) begin
      mem[18*(16*0+i) +: 18] = INITVAL_00[20*i +: 18];
      mem[18*(16*1+i) +: 18] = INITVAL_01[20*i +: 18];
      mem[18*(16*2+i) +: 18] = INITVAL_02[20*i +: 18];
      mem[18*(16*3+i) +: 18] = INITVAL_03[20*i +: 18];
      mem[18*(16*4+i) +: 18] = INITVAL_04[20*i +: 18];
      mem[18*(16*5+i) +: 18] = INITVAL_05[20*i +: 18];
      mem[18*(16*6+i) +: 18] = INITVAL_06[20*i +: 18];
      mem[18*(16*7+i) +: 18] = INITVAL_07[20*i +: 18];
      mem[18*(16*8+i) +: 18] = INITVAL_08[20*i +: 18];
      mem[18*(16*9+i) +: 18] = INITVAL_09[20*i +: 18];
      mem[18*(16*10+i) +: 18] = INITVAL_0A[20*i +: 18];
      mem[18*(16*11+i) +: 18] = INITVAL_0B[20*i +: 18];
      mem[18*(16*12+i) +: 18] = INITVAL_0C[20*i +: 18];
      mem[18*(16*13+i) +: 18] = INITVAL_0D[20*i +: 18];
      mem[18*(16*14+i) +: 18] = INITVAL_0E[20*i +: 18];
      mem[18*(16*15+i) +: 18] = INITVAL_0F[20*i +: 18];
      mem[18*(16*16+i) +: 18] = INITVAL_10[20*i +: 18];
      mem[18*(16*17+i) +: 18] = INITVAL_11[20*i +: 18];
      mem[18*(16*18+i) +: 18] = INITVAL_12[20*i +: 18];
      mem[18*(16*19+i) +: 18] = INITVAL_13[20*i +: 18];
      mem[18*(16*20+i) +: 18] = INITVAL_14[20*i +: 18];
      mem[18*(16*21+i) +: 18] = INITVAL_15[20*i +: 18];
      mem[18*(16*22+i) +: 18] = INITVAL_16[20*i +: 18];
      mem[18*(16*23+i) +: 18] = INITVAL_17[20*i +: 18];
      mem[18*(16*24+i) +: 18] = INITVAL_18[20*i +: 18];
      mem[18*(16*25+i) +: 18] = INITVAL_19[20*i +: 18];
      mem[18*(16*26+i) +: 18] = INITVAL_1A[20*i +: 18];
      mem[18*(16*27+i) +: 18] = INITVAL_1B[20*i +: 18];
      mem[18*(16*28+i) +: 18] = INITVAL_1C[20*i +: 18];
      mem[18*(16*29+i) +: 18] = INITVAL_1D[20*i +: 18];
      mem[18*(16*30+i) +: 18] = INITVAL_1E[20*i +: 18];
      mem[18*(16*31+i) +: 18] = INITVAL_1F[20*i +: 18];
      mem[18*(16*32+i) +: 18] = INITVAL_20[20*i +: 18];
      mem[18*(16*33+i) +: 18] = INITVAL_21[20*i +: 18];
      mem[18*(16*34+i) +: 18] = INITVAL_22[20*i +: 18];
      mem[18*(16*35+i) +: 18] = INITVAL_23[20*i +: 18];
      mem[18*(16*36+i) +: 18] = INITVAL_24[20*i +: 18];
      mem[18*(16*37+i) +: 18] = INITVAL_25[20*i +: 18];
      mem[18*(16*38+i) +: 18] = INITVAL_26[20*i +: 18];
      mem[18*(16*39+i) +: 18] = INITVAL_27[20*i +: 18];
      mem[18*(16*40+i) +: 18] = INITVAL_28[20*i +: 18];
      mem[18*(16*41+i) +: 18] = INITVAL_29[20*i +: 18];
      mem[18*(16*42+i) +: 18] = INITVAL_2A[20*i +: 18];
      mem[18*(16*43+i) +: 18] = INITVAL_2B[20*i +: 18];
      mem[18*(16*44+i) +: 18] = INITVAL_2C[20*i +: 18];
      mem[18*(16*45+i) +: 18] = INITVAL_2D[20*i +: 18];
      mem[18*(16*46+i) +: 18] = INITVAL_2E[20*i +: 18];
      mem[18*(16*47+i) +: 18] = INITVAL_2F[20*i +: 18];
      mem[18*(16*48+i) +: 18] = INITVAL_30[20*i +: 18];
      mem[18*(16*49+i) +: 18] = INITVAL_31[20*i +: 18];
      mem[18*(16*50+i) +: 18] = INITVAL_32[20*i +: 18];
      mem[18*(16*51+i) +: 18] = INITVAL_33[20*i +: 18];
      mem[18*(16*52+i) +: 18] = INITVAL_34[20*i +: 18];
      mem[18*(16*53+i) +: 18] = INITVAL_35[20*i +: 18];
      mem[18*(16*54+i) +: 18] = INITVAL_36[20*i +: 18];
      mem[18*(16*55+i) +: 18] = INITVAL_37[20*i +: 18];
      mem[18*(16*56+i) +: 18] = INITVAL_38[20*i +: 18];
      mem[18*(16*57+i) +: 18] = INITVAL_39[20*i +: 18];
      mem[18*(16*58+i) +: 18] = INITVAL_3A[20*i +: 18];
      mem[18*(16*59+i) +: 18] = INITVAL_3B[20*i +: 18];
      mem[18*(16*60+i) +: 18] = INITVAL_3C[20*i +: 18];
      mem[18*(16*61+i) +: 18] = INITVAL_3D[20*i +: 18];
      mem[18*(16*62+i) +: 18] = INITVAL_3E[20*i +: 18];
      mem[18*(16*63+i) +: 18] = INITVAL_3F[20*i +: 18];
    end
    if (CLKAMUX != "CLKA" || CLKBMUX != "CLKB" || (REGMODE_A != "NOREG" && REGMODE_A != "OUTREG")
      || (REGMODE_B != "NOREG" && REGMODE_B != "OUTREG")) begin
      $fatal(1, "DP16KD: is used in a way that this model does not know");
    end
  end

  always @(posedge CLKA) begin
    if (OCEA) a_out_q <= a_q;
    if (CEA) begin
      a_old = mem[place(a_addr, DATA_WIDTH_A) +: 36] & mask(DATA_WIDTH_A);
      if (WEA && DATA_WIDTH_A >= 18) begin
        for (int lane = 0; lane < DATA_WIDTH_A / 9; lane = lane + 1) begin
          if (a_addr[lane]) mem[place(a_addr, DATA_WIDTH_A) + 9*lane +: 9] <= wide[9*lane +: 9];
        end
      end else if (WEA) begin
        for (int bit_ = 0; bit_ < DATA_WIDTH_A; bit_ = bit_ + 1) begin
          mem[place(a_addr, DATA_WIDTH_A) + bit_] <= a_data[bit_];
        end
      end
      if (!WEA || WRITEMODE_A == "READBEFOREWRITE") a_q <= a_old;
      else if (WRITEMODE_A == "WRITETHROUGH") a_q <= wide & mask(DATA_WIDTH_A);
    end
    if (RSTA) a_q <= 36'd0;
    if (RSTA) a_out_q <= 36'd0;
    if (RSTA && RESETMODE != "SYNC") $fatal(1, "DP16KD: an asynchronous reset, which this model does not know");
  end

  always @(posedge CLKB) begin
    if (OCEB) b_out_q <= b_q;
    if (CEB) begin
      b_old = mem[place(b_addr, DATA_WIDTH_B) +: 36] & mask(DATA_WIDTH_B);
      if (WEB && DATA_WIDTH_B >= 18) begin
        for (int lane = 0; lane < DATA_WIDTH_B / 9; lane = lane + 1) begin
          if (b_addr[lane]) mem[place(b_addr, DATA_WIDTH_B) + 9*lane +: 9] <= b_data[9*(lane%2) +: 9];
        end
      end else if (WEB) begin
        for (int bit_ = 0; bit_ < DATA_WIDTH_B; bit_ = bit_ + 1) begin
          mem[place(b_addr, DATA_WIDTH_B) + bit_] <= b_data[bit_];
        end
      end
      if (!WEB || WRITEMODE_B == "READBEFOREWRITE") b_q <= b_old;
      else if (WRITEMODE_B == "WRITETHROUGH") b_q <= {18'd0, b_data} & mask(DATA_WIDTH_B);
    end
    if (RSTB) b_q <= 36'd0;
    if (RSTB) b_out_q <= 36'd0;
    if (RSTB && RESETMODE != "SYNC") $fatal(1, "DP16KD: an asynchronous reset, which this model does not know");
  end

endmodule

// 18 x 18 bits, each side signed or not; no registers, or one behind the product.
module MULT18X18D (
  input A17, A16, A15, A14, A13, A12, A11, A10, A9, A8, A7, A6, A5, A4, A3, A2, A1, A0,
  input B17, B16, B15, B14, B13, B12, B11, B10, B9, B8, B7, B6, B5, B4, B3, B2, B1, B0,
  input C17, C16, C15, C14, C13, C12, C11, C10, C9, C8, C7, C6, C5, C4, C3, C2, C1, C0,
  input SIGNEDA, SIGNEDB, SOURCEA, SOURCEB,
  input CLK3, CLK2, CLK1, CLK0, CE3, CE2, CE1, CE0, RST3, RST2, RST1, RST0,
  input SRIA17, SRIA16, SRIA15, SRIA14, SRIA13, SRIA12, SRIA11, SRIA10, SRIA9, SRIA8, SRIA7, SRIA6, SRIA5, SRIA4,
    SRIA3, SRIA2, SRIA1, SRIA0,
  input SRIB17, SRIB16, SRIB15, SRIB14, SRIB13, SRIB12, SRIB11, SRIB10, SRIB9, SRIB8, SRIB7, SRIB6, SRIB5, SRIB4,
    SRIB3, SRIB2, SRIB1, SRIB0,
  output SROA17, SROA16, SROA15, SROA14, SROA13, SROA12, SROA11, SROA10, SROA9, SROA8, SROA7, SROA6, SROA5, SROA4,
    SROA3, SROA2, SROA1, SROA0,
  output SROB17, SROB16, SROB15, SROB14, SROB13, SROB12, SROB11, SROB10, SROB9, SROB8, SROB7, SROB6, SROB5, SROB4,
    SROB3, SROB2, SROB1, SROB0,
  output ROA17, ROA16, ROA15, ROA14, ROA13, ROA12, ROA11, ROA10, ROA9, ROA8, ROA7, ROA6, ROA5, ROA4, ROA3, ROA2,
    ROA1, ROA0,
  output ROB17, ROB16, ROB15, ROB14, ROB13, ROB12, ROB11, ROB10, ROB9, ROB8, ROB7, ROB6, ROB5, ROB4, ROB3, ROB2,
    ROB1, ROB0,
  output ROC17, ROC16, ROC15, ROC14, ROC13, ROC12, ROC11, ROC10, ROC9, ROC8, ROC7, ROC6, ROC5, ROC4, ROC3, ROC2,
    ROC1, ROC0,
  output P35, P34, P33, P32, P31, P30, P29, P28, P27, P26, P25, P24, P23, P22, P21, P20, P19, P18, P17, P16, P15,
    P14, P13, P12, P11, P10, P9, P8, P7, P6, P5, P4, P3, P2, P1, P0,
  output SIGNEDP
);

  parameter REG_INPUTA_CLK = "NONE";
  parameter REG_INPUTB_CLK = "NONE";
  parameter REG_INPUTC_CLK = "NONE";
  parameter REG_PIPELINE_CLK = "NONE";
  parameter REG_OUTPUT_CLK = "NONE";
  parameter REG_OUTPUT_CE = "CE0";
  parameter REG_OUTPUT_RST = "RST0";

  wire [17:0] a = {A17, A16, A15, A14, A13, A12, A11, A10, A9, A8, A7, A6, A5, A4, A3, A2, A1, A0};
  wire [17:0] b = {B17, B16, B15, B14, B13, B12, B11, B10, B9, B8, B7, B6, B5, B4, B3, B2, B1, B0};
  wire signed [35:0] a_wide = {{18{SIGNEDA & a[17]}}, a};
  wire signed [35:0] b_wide = {{18{SIGNEDB & b[17]}}, b};
  reg signed [35:0] product_q;
  always @(posedge CLK0) begin
    if (CE0) product_q <= a_wide * b_wide;
    if (RST0) product_q <= 36'd0;
  end
  assign {P35, P34, P33, P32, P31, P30, P29, P28, P27, P26, P25, P24, P23, P22, P21, P20, P19, P18, P17, P16, P15,
    P14, P13, P12, P11, P10, P9, P8, P7, P6, P5, P4, P3, P2, P1, P0} = REG_OUTPUT_CLK == "NONE" ? a_wide * b_wide : product_q;

  initial begin
    if (REG_INPUTA_CLK != "NONE" || REG_INPUTB_CLK != "NONE" || REG_PIPELINE_CLK != "NONE"
      || (REG_OUTPUT_CLK != "NONE" && REG_OUTPUT_CLK != "CLK0") || REG_OUTPUT_CE != "CE0" || REG_OUTPUT_RST != "RST0") begin
      $fatal(1, "MULT18X18D: is used in a way that this model does not know");
    end
  end

endmodule
