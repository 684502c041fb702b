// Sends bytes over a serial line, 8N1: a start bit 0, the data from bit 0 up, a stop bit 1; each lasts Divisor cycles.
//
// Throughput: a byte every 10 * Divisor + 1 cycles. Latency: the start bit begins in the cycle after a byte was taken. The line
// comes from a register and rests at 1. No parity, no flow control, and it does not receive.
module ternc_uart_tx #(
  parameter int Divisor = 217
) (
  input  logic       clk_i,
  input  logic       rst_ni,
  input  logic       valid_i,
  output logic       ready_o,
  input  logic [7:0] data_i,
  output logic       tx_o
);

  localparam int TimeBits = $clog2(Divisor + 1);
  logic [9:0] bits_q;
  logic [3:0] left_q;
  logic [TimeBits-1:0] time_q;

  assign ready_o = left_q == '0;
  assign tx_o = bits_q[0];

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      bits_q <= '1;
      left_q <= '0;
      time_q <= '0;
    end else if (ready_o) begin
      if (valid_i) begin
        bits_q <= {1'b1, data_i, 1'b0};
        left_q <= 4'd10;
        time_q <= TimeBits'(Divisor - 1);
      end
    end else if (time_q != '0) begin
      time_q <= time_q - 1'b1;
    end else begin
      bits_q <= {1'b1, bits_q[9:1]};
      left_q <= left_q - 4'd1;
      time_q <= TimeBits'(Divisor - 1);
    end
  end

`ifndef SYNTHESIS
  initial if (Divisor < 1) $fatal(1, "ternc_uart_tx: Divisor must be at least 1, not %0d", Divisor);
`endif

endmodule
