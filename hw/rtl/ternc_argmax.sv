// The index of the largest signed key among all channels of a pixel.
//
// A pixel is one or more beats of count_i valid keys each (1 to Cols); they are channels 0, 1, ... in order,
// the last beat has last_pixel_beat_i. Of equal keys the lower index wins.
//
// Throughput: one beat a cycle. Latency: clog2(Cols) + 1 cycles from the last beat to valid_o: a register
// after each level of the comparison tree, then the best of the beats so far. Everything stops while an
// answer waits for ready_i (so ready_o depends on ready_i in the same cycle). It does not output the key.

module ternc_argmax #(
  parameter int Cols = 4,
  parameter int ValueBits = 16,
  parameter int IndexBits = 8,
  parameter int CountBits = $clog2(Cols + 1)
) (
  input  logic                      clk_i,
  input  logic                      rst_ni,
  input  logic                      valid_i,
  output logic                      ready_o,
  input  logic                      last_pixel_beat_i,
  input  logic [Cols*ValueBits-1:0] data_i,
  input  logic [CountBits-1:0]      count_i,
  output logic                      valid_o,
  input  logic                      ready_i,
  output logic [IndexBits-1:0]      index_o
);

  localparam int Levels = $clog2(Cols);
  localparam int NodeBits = 1 + IndexBits + ValueBits;  // {present, index, key}

  logic step;
  assign step    = ready_i | ~valid_o;
  assign ready_o = step;

  // Number the keys.
  logic [IndexBits-1:0]     base_q;
  logic [Cols*NodeBits-1:0] leaves;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) base_q <= '0;
    else if (step && valid_i) base_q <= last_pixel_beat_i ? '0 : base_q + IndexBits'(count_i);
  end

  for (genvar c = 0; c < Cols; c++) begin : gen_leaf
    assign leaves[c*NodeBits +: NodeBits] = {
      count_i > CountBits'(c), base_q + IndexBits'(c), data_i[c*ValueBits +: ValueBits]
    };
  end

  // The tree: level l has ceil(Cols / 2**l) nodes.
  for (genvar l = 0; l <= Levels; l++) begin : gen_level
    localparam int Nodes = (Cols + (1 << l) - 1) >> l;
    logic [Nodes*NodeBits-1:0] node;
    logic valid, last;
    if (l == 0) begin : gen_input
      assign node  = leaves;
      assign valid = valid_i;
      assign last  = last_pixel_beat_i;
    end else begin : gen_stage
      localparam int Below = (Cols + (1 << (l - 1)) - 1) >> (l - 1);
      for (genvar n = 0; n < Nodes; n++) begin : gen_node
        logic [NodeBits-1:0] left, right, node_q;
        assign left = gen_level[l-1].node[2*n*NodeBits +: NodeBits];
        if (2 * n + 1 < Below) begin : gen_pair
          assign right = gen_level[l-1].node[(2*n+1)*NodeBits +: NodeBits];
        end else begin : gen_single
          assign right = '0;
        end
        // Present keys fill from the left, so a present right key has a present left neighbour.
        always_ff @(posedge clk_i) begin
          if (step) begin
            node_q <= (right[NodeBits-1]
                       && $signed(right[ValueBits-1:0]) > $signed(left[ValueBits-1:0])) ? right : left;
          end
        end
        assign node[n*NodeBits +: NodeBits] = node_q;
      end
      logic valid_q, last_q;
      always_ff @(posedge clk_i) begin
        if (!rst_ni)   valid_q <= 1'b0;
        else if (step) valid_q <= gen_level[l-1].valid;
      end
      always_ff @(posedge clk_i) if (step) last_q <= gen_level[l-1].last;
      assign valid = valid_q;
      assign last  = last_q;
    end
  end

  // The best of the pixel so far.
  logic [NodeBits-1:0]         winner;
  logic signed [ValueBits-1:0] key, key_q;
  logic                        beat, started_q, unused_present;

  assign winner = gen_level[Levels].node;
  assign unused_present = winner[NodeBits-1];
  assign key    = $signed(winner[ValueBits-1:0]);
  assign beat   = step & gen_level[Levels].valid;

  always_ff @(posedge clk_i) begin
    if (beat && (!started_q || key > key_q)) begin
      key_q   <= key;
      index_o <= winner[ValueBits +: IndexBits];
    end
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      started_q <= 1'b0;
      valid_o   <= 1'b0;
    end else if (step) begin
      if (beat) started_q <= ~gen_level[Levels].last;
      valid_o <= beat & gen_level[Levels].last;
    end
  end

`ifndef SYNTHESIS
  initial begin
    if (Cols < 1) $fatal(1, "ternc_argmax: Cols must be at least 1, not %0d", Cols);
  end
`endif

endmodule
