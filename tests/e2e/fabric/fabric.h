/* A model of AXI DMA in simple mode, for the UIO transport's test: what the registers do, word for word where the driver
 * looks at them. Each mapped block of registers says in its last word what it is: 0 the core, n the DMA of stream n - 1. The
 * streams end in a simulated board; one DMA more than there are streams is that of images. A transfer from the core that is not as long as a frame is an error, as is one whose
 * address lies outside the stream's buffer. */
#include <assert.h>

extern ternc_transport fabric_board;
extern const ternc_design *fabric_design;
extern const uint64_t fabric_address[];
extern uint8_t *fabric_buffer[];
extern size_t fabric_size;

static struct {
    uint8_t *queue; /* frames on their way, and how many bytes of them */
    size_t queued, length;
    uint32_t address[2], status;
    int running;
} fabric_streams[MOST_STREAMS];

static const ternc_port *fabric_port(uint32_t n) {
    const uint32_t inputs = fabric_design->input_count;
    return n < inputs ? &fabric_design->inputs[n] : &fabric_design->outputs[n - inputs];
}

/* Runs a frame through the board where every input has one, and gives finished frames to the transfers that wait. */
static void fabric_move(void) {
    const uint32_t inputs = fabric_design->input_count, all = inputs + fabric_design->output_count;
    const uint8_t *in[MOST_STREAMS];
    uint8_t *out[MOST_STREAMS];
    for (uint32_t n = 0; n < inputs; n++) {
        if (fabric_streams[n].queued < ternc_frame_bytes(fabric_port(n))) goto deliver;
        in[n] = fabric_streams[n].queue;
    }
    for (uint32_t n = inputs; n < all; n++) {
        const size_t size = ternc_frame_bytes(fabric_port(n));
        fabric_streams[n].queue = realloc(fabric_streams[n].queue, fabric_streams[n].queued + size);
        out[n - inputs] = fabric_streams[n].queue + fabric_streams[n].queued;
        fabric_streams[n].queued += size;
    }
    assert(fabric_board.run(fabric_board.self, fabric_design, 1, in, out) == 0);
    for (uint32_t n = 0; n < inputs; n++) {
        const size_t size = ternc_frame_bytes(fabric_port(n));
        fabric_streams[n].queued -= size;
        memmove(fabric_streams[n].queue, fabric_streams[n].queue + size, fabric_streams[n].queued);
        if (fabric_streams[n].queued == 0) fabric_streams[n].status |= SR_IDLE;
    }
deliver:
    for (uint32_t n = inputs; n < all; n++) {
        const size_t size = ternc_frame_bytes(fabric_port(n));
        if (fabric_streams[n].length == 0 || fabric_streams[n].queued < size) continue;
        memcpy(fabric_buffer[n] + (fabric_streams[n].address[0] - fabric_address[n]), fabric_streams[n].queue, size);
        fabric_streams[n].queued -= size;
        memmove(fabric_streams[n].queue, fabric_streams[n].queue + size, fabric_streams[n].queued);
        fabric_streams[n].length = 0;
        fabric_streams[n].status |= SR_IDLE;
    }
}

static uint32_t peek(volatile uint32_t *registers, uint32_t offset) {
    const uint32_t kind = registers[WINDOW / 4 - 1];
    uint32_t value = 0;
    if (kind == 0) {
        assert(fabric_board.read(fabric_board.self, offset, &value) == 0);
        return value;
    }
    fabric_move();
    return offset % FROM_CORE == DMASR ? fabric_streams[kind - 1].status : 0;
}

static void fabric_load(uint32_t n, uint32_t length) {
    const size_t begin = fabric_streams[n].address[0] - fabric_address[n];
    assert(fabric_streams[n].running && begin + length <= fabric_size);
    assert(fabric_board.load(fabric_board.self, fabric_buffer[n] + begin, length) == 0);
    fabric_streams[n].status |= SR_IDLE;
}

static void fabric_start(uint32_t n, uint32_t length) {
    const size_t begin = fabric_streams[n].address[0] - fabric_address[n], size = ternc_frame_bytes(fabric_port(n));
    const int to_core = n < fabric_design->input_count;
    fabric_streams[n].status &= ~(uint32_t)SR_IDLE;
    if (!fabric_streams[n].running || fabric_streams[n].address[1] || begin + length > fabric_size ||
        (to_core ? length % size : length != size)) {
        fabric_streams[n].status |= 0x40; /* a decode error */
        return;
    }
    fabric_streams[n].length = length;
    if (!to_core) return;
    fabric_streams[n].queue = realloc(fabric_streams[n].queue, fabric_streams[n].queued + length);
    memcpy(fabric_streams[n].queue + fabric_streams[n].queued, fabric_buffer[n] + begin, length);
    fabric_streams[n].queued += length;
}

static void poke(volatile uint32_t *registers, uint32_t offset, uint32_t value) {
    const uint32_t kind = registers[WINDOW / 4 - 1], n = kind - 1;
    if (kind == 0) {
        assert(fabric_board.write(fabric_board.self, offset, value) == 0);
        return;
    }
    const int images = n == fabric_design->input_count + fabric_design->output_count;
    assert((offset >= FROM_CORE) == (n >= fabric_design->input_count && !images));
    switch (offset % FROM_CORE) {
        case DMACR: fabric_streams[n].running = value & CR_RUN; break;
        case ADDRESS: fabric_streams[n].address[0] = value; break;
        case ADDRESS_HIGH: fabric_streams[n].address[1] = value; break;
        case LENGTH: images ? fabric_load(n, value) : fabric_start(n, value); break;
        default: assert(!"a register that the driver has no business with");
    }
}
