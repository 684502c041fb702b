// Control of a design over AXI4-Lite: who it is, what it does, and a reset of its own.
//
// | offset | name | access | what |
// | 0x00 | ID | read | 0x54524e43, "TRNC" |
// | 0x04 | VERSION | read | the parameter Version |
// | 0x08 | STREAMS | read | number of streams, Inputs in bits 7:0, Outputs in 15:8 |
// | 0x0c | STRUCTURE | read | the parameter Structure |
// | 0x10..0x1c | HASH0..3 | read | the parameter Hash, lowest word first; of an image that was loaded its network's, 0 while it is half there |
// | 0x20 | CONTROL | read, write | bit 0: hold the design in reset, and clear all counters; bit 1: interrupt on a finished frame; bit 2: write 1
// to end an image that does not go on, reads 0 |
// | 0x24 | STATUS | read, write 1 to clear | bit 0: a beat has come in since a frame last ended (read only); bit 1: a frame has ended |
// | 0x28 | FRAMES | read | frames that have left on output 0 |
// | 0x30, 0x34 | CYCLES | read | cycles since reset; reading the low word keeps the high word for the next read |
// | 0x2c | LOAD | read | of ternc_loader: its state in bits 1:0, bit 2: held, its error in bits 5:3 |
// | 0x38 | LOAD_WORDS | read | of ternc_loader: words of the image that comes or came last |
// | 0x40 + 4 n | STALLS | read | cycles in which stream n had a beat that did not move, inputs first |
//
// Counters wrap. Write strobes are not read: a word is written whole. An address of none of these reads 0 and writes nothing, and
// both are answered OKAY. After CONTROL bit 0 falls the streams begin a frame anew; a beat that was on offer is lost.
//
// Throughput: a read or a write every two cycles. Latency: a read is answered one cycle after its address is taken.
module ternc_registers #(
  parameter int Inputs = 1,
  parameter int Outputs = 1,
  parameter logic [31:0] Version = 32'd0,
  parameter logic [127:0] Hash = 128'd0,
  parameter logic [31:0] Structure = 32'd0,
  parameter int Streams = Inputs + Outputs
) (
  input  logic               clk_i,
  input  logic               rst_ni,
  // AXI4-Lite
  input  logic [7:0]         awaddr_i,
  input  logic               awvalid_i,
  output logic               awready_o,
  input  logic [31:0]        wdata_i,
  input  logic               wvalid_i,
  output logic               wready_o,
  output logic [1:0]         bresp_o,
  output logic               bvalid_o,
  input  logic               bready_i,
  input  logic [7:0]         araddr_i,
  input  logic               arvalid_i,
  output logic               arready_o,
  output logic [31:0]        rdata_o,
  output logic [1:0]         rresp_o,
  output logic               rvalid_o,
  input  logic               rready_i,
  output logic               irq_o,
  // the design and its streams, inputs first
  output logic               rst_no,
  input  logic [Streams-1:0] valid_i,
  input  logic [Streams-1:0] ready_i,
  input  logic               last_i,
  // its loader; 0 where it has none
  input  logic [165:0]       load_status_i,
  output logic               load_abort_o
);

  logic write, read, soft_reset_q, enable_q, done_q, busy_q, frame_begin, frame_end;
  logic [31:0] frames_q, high_q, value;
  logic [5:0] read_index, write_index;
  logic [32*(16+Streams)-1:0] words;
  logic [63:0] cycles_q;
  logic [32*Streams-1:0] stalls_q;
  logic run_q, known_q, held;
  logic [127:0] hash;
  logic unused;

  assign rst_no = run_q && rst_ni;  // also before the first edge
  assign write = awvalid_i && wvalid_i && !bvalid_o;
  assign awready_o = write;
  assign wready_o = write;
  assign bresp_o = 2'b00;
  assign read = arvalid_i && !rvalid_o;
  assign arready_o = read;
  assign rresp_o = 2'b00;
  assign irq_o = enable_q && done_q;
  assign frame_begin = |(valid_i[Inputs-1:0] & ready_i[Inputs-1:0]);
  assign frame_end = valid_i[Inputs] && ready_i[Inputs] && last_i;
  assign unused = ^{awaddr_i[1:0], araddr_i[1:0], wdata_i[31:3]};

  // all registers, from the lowest address up
  assign read_index = araddr_i[7:2];
  assign write_index = awaddr_i[7:2];
  assign words = {
    stalls_q, 32'd0, load_status_i[37:6], high_q, cycles_q[31:0], {26'd0, load_status_i[5:0]}, frames_q,
    {30'd0, done_q, busy_q}, {30'd0, enable_q, soft_reset_q},
    hash, Structure, {16'd0, 8'(Outputs), 8'(Inputs)}, Version, 32'h54524e43
  };
  assign value = (32'(read_index) < 16 + Streams) ? words[32*read_index +: 32] : 32'd0;

  // what is loaded: other than what was synthesised from the first image on that was not refused
  assign held = load_status_i[2];
  assign hash = known_q ? load_status_i[165:38] : Hash;
  always_ff @(posedge clk_i) known_q <= held || (load_status_i[1:0] == 2'd2) || (known_q && (load_status_i[1:0] != 2'd0));

  // ---------------------------------------------------------------- bus
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      bvalid_o <= 1'b0;
      rvalid_o <= 1'b0;
      soft_reset_q <= 1'b0;
      enable_q <= 1'b0;
      load_abort_o <= 1'b0;
    end else begin
      if (write) bvalid_o <= 1'b1;
      else if (bready_i) bvalid_o <= 1'b0;
      if (read) rvalid_o <= 1'b1;
      else if (rready_i) rvalid_o <= 1'b0;
      if (write && write_index == 6'd8) {enable_q, soft_reset_q} <= wdata_i[1:0];
      load_abort_o <= write && (write_index == 6'd8) && wdata_i[2];
    end
  end

  always_ff @(posedge clk_i) begin
    if (read) rdata_o <= value;
    if (!rst_ni || soft_reset_q) high_q <= '0;
    else if (read && read_index == 6'd12) high_q <= cycles_q[63:32];
  end

  // ---------------------------------------------------------------- the design
  always_ff @(posedge clk_i) run_q <= rst_ni && !soft_reset_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni || soft_reset_q) begin
      done_q <= 1'b0;
      busy_q <= 1'b0;
      frames_q <= '0;
      cycles_q <= '0;
      stalls_q <= '0;
    end else begin
      if (frame_end) done_q <= 1'b1;
      else if (write && write_index == 6'd9 && wdata_i[1]) done_q <= 1'b0;
      if (held) busy_q <= 1'b0;
      else if (frame_begin) busy_q <= 1'b1;
      else if (frame_end) busy_q <= 1'b0;
      frames_q <= frames_q + 32'(frame_end);
      cycles_q <= cycles_q + 1'b1;
      for (int s = 0; s < Streams; s++) begin
        stalls_q[32*s +: 32] <= stalls_q[32*s +: 32] + 32'(valid_i[s] && !ready_i[s]);
      end
    end
  end

`ifndef SYNTHESIS
  initial begin
    if (Inputs < 1 || Outputs < 1) begin
      $fatal(1, "ternc_registers: Inputs (%0d) and Outputs (%0d) must be at least 1", Inputs, Outputs);
    end
    if (Streams > 48) $fatal(1, "ternc_registers: at most 48 streams have counters, not %0d", Streams);
  end
`endif

endmodule
