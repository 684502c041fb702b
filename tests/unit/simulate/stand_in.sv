// Stands in for a generated top module in the tests of the simulation harness: adds one to every byte of
// its input stream, one register deep. `Fault` breaks one rule, `DIGEST` makes the text unique per test.
// Throughput: a beat a cycle. Latency: a beat accepted in cycle t is on offer in cycle t + 1.
module stand_in #(
  parameter int Bytes = `BYTES,
  parameter int Beats = `BEATS,
  parameter int Fault = `FAULT  // 1 data moves, 2 valid falls, 3 TLAST early, 4 hangs, 5 $fatal, 6 extra beat, 7 wrong
) (
  input  logic               clk_i,
  input  logic               rst_ni,
  input  logic [8*Bytes-1:0] s_axis_tdata,
  input  logic               s_axis_tvalid,
  output logic               s_axis_tready,
  input  logic               s_axis_tlast,
  output logic [8*Bytes-1:0] m_axis_tdata,
  output logic               m_axis_tvalid,
  input  logic               m_axis_tready,
  output logic               m_axis_tlast
`ifdef TERNC_MONITOR
  ,
  output logic               mon_valid_o,
  output logic [9*Bytes-1:0] mon_value_o
`endif
);
  logic [8*Bytes-1:0] data_q, sum;
  logic               valid_q, last_q;
  logic [31:0]        beat_q, frame_q;
  logic [7:0]         offset [0:1];
  logic               take;

  initial $readmemh("mem/offset.hex", offset);

  always_comb begin
    sum = '0;
    for (int i = 0; i < Bytes; i++) sum[8*i+:8] = s_axis_tdata[8*i+:8] + offset[0];
    if (Fault == 7 && frame_q == 2 && beat_q == 1) sum[7:0] = sum[7:0] ^ 8'h20;
  end

  assign s_axis_tready = (!valid_q || m_axis_tready) && !(Fault == 4 && frame_q == 1 && beat_q == 2);
  assign take          = s_axis_tvalid && s_axis_tready;
  assign m_axis_tdata  = data_q;
  assign m_axis_tvalid = valid_q;
  assign m_axis_tlast  = last_q;

  always_ff @(posedge clk_i) begin
    if (take) begin
      data_q <= sum;
      last_q <= (beat_q == Beats - 1) || (Fault == 3 && beat_q == 0);
    end
    if (Fault == 1 && valid_q && !m_axis_tready) data_q <= data_q + 1'b1;
    if (!rst_ni) begin
      valid_q <= 1'b0;
      beat_q  <= '0;
      frame_q <= '0;
    end else begin
      if (take) begin
        valid_q <= 1'b1;
        beat_q  <= (beat_q == Beats - 1) ? '0 : beat_q + 1;
        if (beat_q == Beats - 1) frame_q <= frame_q + 1;
      end else if (m_axis_tready || Fault == 2) begin
        valid_q <= Fault == 6 && frame_q == 3;
      end
`ifndef SYNTHESIS
      if (Fault == 5 && frame_q == 1) $fatal(1, "stand_in: frame 1 is not wanted");
`endif
    end
  end

`ifdef TERNC_MONITOR
  always_ff @(posedge clk_i) begin
    mon_valid_o <= take && rst_ni;
    for (int i = 0; i < Bytes; i++) mon_value_o[9*i+:9] <= {1'b0, sum[8*i+:8]};
  end
`endif

  logic unused;
  assign unused = &{1'b0, s_axis_tlast, offset[1]};
endmodule
