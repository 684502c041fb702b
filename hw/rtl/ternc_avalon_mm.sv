// The registers of ternc_registers for an Avalon-MM host: an agent with wait requests and one read under way.
//
// The address counts words (addressUnits WORDS, an agent's default): register 0x24 is word 9. Its bits 5:0 are bits 7:2 of the
// offset. There is no byteenable, as the registers read no write strobes: a word is written whole. A read or a write is taken in
// a cycle without waitrequest; during reset none is. Answers are all good, so there is no response.
//
// Throughput: a read every two cycles, a write every two cycles, a read right behind a write. Latency: readdatavalid one cycle
// after a read is taken. What it does not do: bursts, and a read and a write in the same cycle, which Avalon forbids.
module ternc_avalon_mm #(
  parameter int Inputs = 1,
  parameter int Outputs = 1,
  parameter logic [31:0] Version = 32'd0,
  parameter logic [127:0] Hash = 128'd0,
  parameter logic [31:0] Structure = 32'd0,
  parameter int Streams = Inputs + Outputs
) (
  input  logic               clk_i,
  input  logic               rst_ni,
  // Avalon-MM
  input  logic [5:0]         address_i,
  input  logic               read_i,
  input  logic               write_i,
  input  logic [31:0]        writedata_i,
  output logic [31:0]        readdata_o,
  output logic               readdatavalid_o,
  output logic               waitrequest_o,
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

  logic [7:0] offset;
  logic [1:0] bresp, rresp;
  logic read, write, awready, wready, bvalid, arready;
  logic unused;

  assign offset = {address_i, 2'b00};
  assign read = read_i && rst_ni;
  assign write = write_i && rst_ni;
  assign waitrequest_o = !(arready || awready);
  // the registers take an address and its data in one cycle, and an answer is taken in the cycle in which it comes
  assign unused = ^{wready, bvalid, bresp, rresp};

  ternc_registers #(
    .Inputs(Inputs), .Outputs(Outputs), .Version(Version), .Hash(Hash), .Structure(Structure), .Streams(Streams)
  ) u_registers (
    .clk_i(clk_i), .rst_ni(rst_ni), .irq_o(irq_o), .rst_no(rst_no),
    .awaddr_i(offset), .awvalid_i(write), .awready_o(awready),
    .wdata_i(writedata_i), .wvalid_i(write), .wready_o(wready),
    .bresp_o(bresp), .bvalid_o(bvalid), .bready_i(1'b1),
    .araddr_i(offset), .arvalid_i(read), .arready_o(arready),
    .rdata_o(readdata_o), .rresp_o(rresp), .rvalid_o(readdatavalid_o), .rready_i(1'b1),
    .valid_i(valid_i), .ready_i(ready_i), .last_i(last_i),
    .load_status_i(load_status_i), .load_abort_o(load_abort_o)
  );

endmodule
