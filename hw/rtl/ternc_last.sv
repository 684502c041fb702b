// Marks every Beats-th beat of a stream: the last of a frame.
//
// last_o belongs to the beat that is valid now; move_i is high in the cycle in which it moves. No latency.
module ternc_last #(
  parameter int Beats = 1
) (
  input  logic clk_i,
  input  logic rst_ni,
  input  logic move_i,
  output logic last_o
);

  localparam int CountBits = $clog2(Beats + 1);
  logic [CountBits-1:0] count_q;

  assign last_o = count_q == CountBits'(Beats - 1);

  always_ff @(posedge clk_i) begin
    if (!rst_ni) count_q <= '0;
    else if (move_i) count_q <= last_o ? '0 : count_q + 1'b1;
  end

endmodule
