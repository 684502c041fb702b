// Stands in for a generated top module in the tests of the simulation harness: adds an offset to every byte of
// its input stream, one register deep. mem/setup.hex has the offset and the fault: 0 none, 1 data moves while it
// waits, 2 valid falls, 3 TLAST early, 4 hangs in frame 1, 5 $fatal in frame 1, 6 a beat too many after frame 3,
// 7 a wrong value in frame 2, 8 an undefined bit in frame 1.
// Throughput: a beat a cycle. Latency: a beat accepted in cycle t is on offer in cycle t + 1.
module stand_in #(
  parameter int Bytes = `BYTES,
  parameter int Beats = `BEATS
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
  output logic               mon_0_valid_o,
  output logic [9*Bytes-1:0] mon_0_value_o
`endif
);
  logic [8*Bytes-1:0] data_q, sum;
  logic               valid_q, last_q;
  logic [31:0]        beat_q, frame_q;
  logic [7:0]         setup [0:1];
  logic [7:0]         offset, fault;
  logic               take;

  initial $readmemh("mem/setup.hex", setup);
  assign offset = setup[0];
  assign fault  = setup[1];

  always_comb begin
    sum = '0;
    for (int i = 0; i < Bytes; i++) sum[8*i+:8] = s_axis_tdata[8*i+:8] + offset;
    if (fault == 7 && frame_q == 2 && beat_q == 1) sum[7:0] = sum[7:0] ^ 8'h20;
    if (fault == 8 && frame_q == 1) sum[0] = 1'bx;
  end

  assign s_axis_tready = (!valid_q || m_axis_tready) && !(fault == 4 && frame_q == 1 && beat_q == 2);
  assign take          = s_axis_tvalid && s_axis_tready;
  assign m_axis_tdata  = data_q;
  assign m_axis_tvalid = valid_q;
  assign m_axis_tlast  = last_q;

  always_ff @(posedge clk_i) begin
    if (take) begin
      data_q <= sum;
      last_q <= (beat_q == Beats - 1) || (fault == 3 && beat_q == 0);
    end
    if (fault == 1 && valid_q && !m_axis_tready) data_q <= data_q + 1'b1;
    if (!rst_ni) begin
      valid_q <= 1'b0;
      beat_q  <= '0;
      frame_q <= '0;
    end else begin
      if (take) begin
        valid_q <= 1'b1;
        beat_q  <= (beat_q == Beats - 1) ? '0 : beat_q + 1;
        if (beat_q == Beats - 1) frame_q <= frame_q + 1;
      end else if (m_axis_tready || fault == 2) begin
        valid_q <= fault == 6 && frame_q == 3;
      end
`ifndef SYNTHESIS
      if (fault == 5 && frame_q == 1) $fatal(1, "stand_in: frame 1 is not wanted");
`endif
    end
  end

`ifdef TERNC_MONITOR
  always_ff @(posedge clk_i) begin
    mon_0_valid_o <= take && rst_ni;
    for (int i = 0; i < Bytes; i++) mon_0_value_o[9*i+:9] <= {1'b0, sum[8*i+:8]};
  end
`endif

  logic unused;
  assign unused = s_axis_tlast;
endmodule
