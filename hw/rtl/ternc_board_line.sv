// Writes one line of text with numbers in it, byte by byte. kind_i says which:
//
// | kind_i | line |
// | 0 | PASS a frames, b cycles |
// | 1 | FAIL port a frame b beat c |
// | 2 | STALL port a frame b beat c |
//
// Numbers are unsigned, decimal, without leading zeros; the line ends with a newline. kind_i and the numbers must hold from
// start_i, which is high for one cycle, to done_o, which is high for one cycle after the newline was taken.
//
// Throughput: a byte a cycle, and 34 to 43 cycles before the last digit of a number.
module ternc_board_line (
  input  logic        clk_i,
  input  logic        rst_ni,
  input  logic        start_i,
  output logic        done_o,
  input  logic [1:0]  kind_i,
  input  logic [31:0] a_i,
  input  logic [31:0] b_i,
  input  logic [31:0] c_i,
  output logic        valid_o,
  input  logic        ready_i,
  output logic [7:0]  data_o
);

  // a byte 0 stands for the next number; the first character is in the highest bits, lines end at their newline
  localparam int Chars = 30;
  localparam logic [7:0] Number = 8'd0, Newline = 8'd10;
  localparam logic [8*Chars-1:0] Pass = {"PASS ", Number, " frames, ", Number, " cycles", Newline, 48'd0};
  localparam logic [8*Chars-1:0] Fail = {"FAIL port ", Number, " frame ", Number, " beat ", Number, Newline, 24'd0};
  localparam logic [8*Chars-1:0] Stall = {"STALL port ", Number, " frame ", Number, " beat ", Number, Newline, 16'd0};

  typedef enum logic [1:0] {Idle, Text, Convert, Digits} state_e;
  state_e state_q;
  logic [8*Chars-1:0] text_q;
  logic [95:0] numbers_q;
  logic [39:0] digits_q, doubled;
  logic [4:0] step_q;
  logic [7:0] char;
  logic [3:0] digit;
  logic shown_q, show, last_digit, unused;

  assign char = text_q[8*Chars-1 -: 8];
  assign digit = digits_q[39:36];
  assign last_digit = step_q == 5'd9;
  assign show = shown_q || digit != '0 || last_digit;
  assign valid_o = (state_q == Text && char != Number) || (state_q == Digits && show);
  assign data_o = (state_q == Digits) ? {4'h3, digit} : char;

  // 32 bits are less than 5 * 10**9
  assign unused = doubled[39];

  // one step to decimal: a digit of 5 or more carries when it doubles
  for (genvar d = 0; d < 10; d++) begin : gen_digit
    assign doubled[4*d +: 4] = digits_q[4*d +: 4] + ((digits_q[4*d +: 4] >= 4'd5) ? 4'd3 : 4'd0);
  end

  always_ff @(posedge clk_i) begin
    done_o <= 1'b0;
    if (!rst_ni) begin
      state_q <= Idle;
    end else begin
      unique case (state_q)
        Idle: if (start_i) begin
          text_q <= (kind_i == 2'd0) ? Pass : (kind_i == 2'd1) ? Fail : Stall;
          numbers_q <= {a_i, b_i, c_i};
          state_q <= Text;
        end
        Text: if (char == Number) begin
          digits_q <= '0;
          step_q <= '0;
          state_q <= Convert;
        end else if (ready_i) begin
          text_q <= text_q << 8;
          done_o <= char == Newline;
          if (char == Newline) state_q <= Idle;
        end
        Convert: begin
          digits_q <= {doubled[38:0], numbers_q[95]};
          numbers_q <= numbers_q << 1;
          step_q <= step_q + 5'd1;
          shown_q <= 1'b0;
          if (step_q == 5'd31) state_q <= Digits;
        end
        Digits: if (!show || ready_i) begin
          digits_q <= digits_q << 4;
          step_q <= step_q + 5'd1;
          shown_q <= show;
          if (last_digit) begin
            text_q <= text_q << 8;
            state_q <= Text;
          end
        end
      endcase
    end
  end

endmodule
