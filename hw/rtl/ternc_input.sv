// Puts a stream's beats on links: one vector a beat, to all who keep the input's rows.
//
// A beat is Cols elements of one pixel, or whole pixels side by side, Cols elements in all, to each of which Offset is
// added (value to code); they come in raster order, the Chunks beats of a pixel in turn. A row has Bundles pixels, or bundles
// of as many pixels as a beat has, and is a step of the links. Each of Keepers readers says with room_i that a row fits;
// claim_o takes it from all of them, in the cycle in which the row's first beat is accepted. The stream's last flag is
// not needed and not read.
//
// Throughput: one beat a cycle, across rows while all keepers have room; inside a row it is always ready. Latency: 1 cycle to
// the links. After reset it is not ready for 16 cycles, so that the sequencers have fetched their first passes before a
// row comes. It does not count rows: a frame ends where its readers say.
module ternc_input #(
  parameter int Cols = 1,
  parameter int ElemBits = 8,
  parameter int Offset = 0,
  parameter int Bundles = 1,
  parameter int Chunks = 1,
  parameter int Keepers = 1,
  parameter int XBits = (Bundles > 1) ? $clog2(Bundles) : 1,
  parameter int TileBits = (Chunks > 1) ? $clog2(Chunks) : 1
) (
  input  logic                     clk_i,
  input  logic                     rst_ni,
  // stream
  input  logic                     valid_i,
  output logic                     ready_o,
  input  logic [Cols*ElemBits-1:0] data_i,
  // links
  input  logic [Keepers-1:0]       room_i,
  output logic                     claim_o,
  output logic                     link_valid_o,
  output logic [XBits-1:0]         link_x_o,
  output logic [TileBits-1:0]      link_tile_o,
  output logic [Cols*ElemBits-1:0] link_data_o
);

  logic [4:0] warm_q;
  logic [XBits-1:0] x_q;
  logic [TileBits-1:0] tile_q;
  logic inside_q, take, last_tile, last_x;

  assign ready_o = warm_q[4] && (inside_q || (&room_i));
  assign take = valid_i && ready_o;
  assign claim_o = take && !inside_q;
  assign last_tile = tile_q == TileBits'(Chunks - 1);
  assign last_x = x_q == XBits'(Bundles - 1);

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      warm_q <= 5'd0;
      inside_q <= 1'b0;
      x_q <= '0;
      tile_q <= '0;
      link_valid_o <= 1'b0;
    end else begin
      if (!warm_q[4]) warm_q <= warm_q + 5'd1;
      link_valid_o <= take;
      if (take) begin
        inside_q <= !(last_tile && last_x);
        tile_q <= last_tile ? '0 : tile_q + 1'b1;
        if (last_tile) x_q <= last_x ? '0 : x_q + 1'b1;
      end
    end
  end

  always_ff @(posedge clk_i) begin
    link_x_o <= x_q;
    link_tile_o <= tile_q;
    for (int c = 0; c < Cols; c++) begin
      link_data_o[c*ElemBits +: ElemBits] <= data_i[c*ElemBits +: ElemBits] + ElemBits'(Offset);
    end
  end

`ifndef SYNTHESIS
  initial begin
    if (Keepers < 1) $fatal(1, "ternc_input: Keepers must be at least 1, not %0d", Keepers);
    if (Bundles < 1 || Chunks < 1) $fatal(1, "ternc_input: Bundles (%0d) and Chunks (%0d) must be at least 1", Bundles, Chunks);
  end
`endif

endmodule
