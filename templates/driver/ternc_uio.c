/* AXI DMA in simple mode (AMD PG021): a transfer to the core carries a whole batch of frames; one from it ends with the
 * frame's TLAST, so that there is one for each frame. */
#define _POSIX_C_SOURCE 200809L
#include "ternc_uio.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define WINDOW 4096u                  /* bytes of registers that are mapped */
#define LONGEST ((1u << 26) - 1)      /* bytes of a transfer, with the length register of block_design.tcl */
#define PATIENCE_SECONDS 10           /* without any frame */
#define MOST_STREAMS 48
#define WORD_BYTES 4u                 /* of an image */

/* Offsets, to the core and from it. */
enum { TO_CORE = 0x00, FROM_CORE = 0x30, DMACR = 0x00, DMASR = 0x04, ADDRESS = 0x18, ADDRESS_HIGH = 0x1c, LENGTH = 0x28 };
enum { CR_RUN = 1, CR_RESET = 4, SR_IDLE = 2, SR_ERRORS = 0x70 };

#ifdef TERNC_UIO_ACCESS
#include TERNC_UIO_ACCESS /* a test's own fabric */
#else
static uint32_t peek(volatile uint32_t *registers, uint32_t offset) { return registers[offset / 4]; }
static void poke(volatile uint32_t *registers, uint32_t offset, uint32_t value) { registers[offset / 4] = value; }
#endif

typedef struct {
    volatile uint32_t *dma;
    uint8_t *buffer;
    uint64_t physical;
    size_t size, frame_bytes;
    uint32_t side; /* TO_CORE or FROM_CORE */
} stream;

typedef struct {
    volatile uint32_t *registers;
    uint32_t count; /* of those that carry frames */
    stream streams[MOST_STREAMS];
    int reloadable;
    stream images;
} uio;

static int read_register(void *self, uint32_t offset, uint32_t *value) {
    *value = peek(((uio *)self)->registers, offset);
    return 0;
}

static int write_register(void *self, uint32_t offset, uint32_t value) {
    poke(((uio *)self)->registers, offset, value);
    return 0;
}

/* ------------------------------------------------------------------------------------------------ transfers */

static void start(const stream *s, size_t offset, size_t bytes) {
    const uint64_t at = s->physical + offset;
    poke(s->dma, s->side + DMACR, CR_RUN);
    poke(s->dma, s->side + ADDRESS, (uint32_t)at);
    poke(s->dma, s->side + ADDRESS_HIGH, (uint32_t)(at >> 32));
    poke(s->dma, s->side + LENGTH, (uint32_t)bytes);
}

/* 1: the transfer has ended; 0: not yet; -1: the DMA reports an error. */
static int ended(const stream *s) {
    const uint32_t status = peek(s->dma, s->side + DMASR);
    if (status & SR_ERRORS) return ternc_fail("a DMA reports an error, status 0x%08x", (unsigned)status);
    return status & SR_IDLE ? 1 : 0;
}

static int reset_dma(const stream *s) {
    poke(s->dma, s->side + DMACR, CR_RESET);
    for (int n = 0; n < 100000; n++)
        if (!(peek(s->dma, s->side + DMACR) & CR_RESET)) return 0;
    return ternc_fail("a DMA does not leave its reset");
}

static void reset_all(uio *self) {
    for (uint32_t n = 0; n < self->count; n++) reset_dma(&self->streams[n]);
}

static time_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec;
}

/* One batch that fits the buffers. Each output waits for its own frames, so that none holds up another. */
static int run_batch(uio *self, uint32_t input_count, uint32_t frames) {
    uint32_t left = self->count - input_count, arrived[MOST_STREAMS] = {0};
    time_t last = now();
    for (uint32_t n = input_count; n < self->count; n++) start(&self->streams[n], 0, self->streams[n].frame_bytes);
    for (uint32_t n = 0; n < input_count; n++) start(&self->streams[n], 0, frames * self->streams[n].frame_bytes);
    while (left) {
        for (uint32_t n = input_count; n < self->count; n++) {
            const stream *s = &self->streams[n];
            int found;
            if (arrived[n] == frames) continue;
            found = ended(s);
            if (found < 0) return -1;
            if (!found) continue;
            last = now();
            if (++arrived[n] == frames) left--;
            else start(s, arrived[n] * s->frame_bytes, s->frame_bytes);
        }
        for (uint32_t n = 0; n < input_count; n++)
            if (ended(&self->streams[n]) < 0) return -1;
        if (now() - last > PATIENCE_SECONDS) return ternc_fail("no frame came for %d seconds", PATIENCE_SECONDS);
    }
    return 0;
}

static int run(void *given, const ternc_design *design, uint32_t frames, const uint8_t *const *inputs,
               uint8_t *const *outputs) {
    uio *self = given;
    size_t most = frames;
    for (uint32_t n = 0; n < self->count; n++) {
        const stream *s = &self->streams[n];
        const size_t room = n < design->input_count && s->size > LONGEST ? LONGEST : s->size;
        if (room / s->frame_bytes < most) most = room / s->frame_bytes;
    }
    for (uint32_t first = 0; first < frames; first += (uint32_t)most) {
        const uint32_t batch = frames - first < most ? frames - first : (uint32_t)most;
        for (uint32_t n = 0; n < design->input_count; n++) {
            const stream *s = &self->streams[n];
            memcpy(s->buffer, inputs[n] + first * s->frame_bytes, batch * s->frame_bytes);
        }
        if (run_batch(self, design->input_count, batch)) {
            reset_all(self);
            return -1;
        }
        for (uint32_t n = 0; n < design->output_count; n++) {
            const stream *s = &self->streams[design->input_count + n];
            memcpy(outputs[n] + first * s->frame_bytes, s->buffer, batch * s->frame_bytes);
        }
    }
    return 0;
}

/* One transfer, whose end is the packet's. */
static int load(void *given, const uint8_t *image, size_t bytes) {
    uio *self = given;
    const time_t begin = now();
    int found;
    if (!self->reloadable) return ternc_fail("the design is not reloadable");
    if (bytes > self->images.size || bytes > LONGEST)
        return ternc_fail("the buffer for images has %llu bytes, the image %llu", (unsigned long long)self->images.size,
                          (unsigned long long)bytes);
    memcpy(self->images.buffer, image, bytes);
    start(&self->images, 0, bytes);
    while ((found = ended(&self->images)) == 0)
        if (now() - begin > PATIENCE_SECONDS) found = ternc_fail("the image was not taken in %d seconds", PATIENCE_SECONDS);
    if (found < 0) reset_dma(&self->images);
    return found < 0 ? -1 : 0;
}

/* ------------------------------------------------------------------------------------------------ opening */

static void *map(const char *path, size_t size) {
    const int file = open(path, O_RDWR | O_SYNC);
    void *found;
    if (file < 0) {
        ternc_fail("%s: %s", path, strerror(errno));
        return NULL;
    }
    found = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    close(file);
    if (found != MAP_FAILED) return found;
    ternc_fail("%s: %s", path, strerror(errno));
    return NULL;
}

/* A number that u-dma-buf tells of a buffer. */
static int attribute(const char *buffer, const char *name, uint64_t *value) {
    char path[256], text[64];
    FILE *file;
    const char *folder = getenv("TERNC_UDMABUF") ? getenv("TERNC_UDMABUF") : "/sys/class/u-dma-buf";
    snprintf(path, sizeof path, "%s/%s/%s", folder, buffer, name);
    file = fopen(path, "r");
    if (file == NULL || fgets(text, sizeof text, file) == NULL) {
        if (file) fclose(file);
        return ternc_fail("%s: cannot be read", path);
    }
    fclose(file);
    *value = strtoull(text, NULL, 0);
    return 0;
}

static int open_stream(stream *s, const char *name, size_t frame_bytes, const ternc_uio_stream *names, uint32_t side) {
    char path[256];
    uint64_t size;
    const char *devices = getenv("TERNC_DEV") ? getenv("TERNC_DEV") : "/dev";
    s->side = side;
    s->frame_bytes = frame_bytes;
    if (attribute(names->buffer, "phys_addr", &s->physical) || attribute(names->buffer, "size", &size)) return -1;
    s->size = (size_t)size;
    if (s->size < s->frame_bytes || (side == TO_CORE && s->frame_bytes > LONGEST))
        return ternc_fail("%s has %llu bytes: a frame of %s has %llu", names->buffer, (unsigned long long)s->size,
                          name, (unsigned long long)s->frame_bytes);
    snprintf(path, sizeof path, "%s/%s", devices, names->buffer);
    s->buffer = map(path, s->size);
    s->dma = s->buffer == NULL ? NULL : map(names->dma, WINDOW);
    return s->dma == NULL ? -1 : reset_dma(s);
}

static void close_stream(const stream *s) {
    if (s->dma) munmap((void *)s->dma, WINDOW);
    if (s->buffer) munmap(s->buffer, s->size);
}

static void close_uio(void *given) {
    uio *self = given;
    for (uint32_t n = 0; n < self->count; n++) close_stream(&self->streams[n]);
    close_stream(&self->images);
    if (self->registers) munmap((void *)self->registers, WINDOW);
    free(self);
}

int ternc_uio(ternc_transport *transport, const ternc_design *design, const char *registers,
              const ternc_uio_stream *streams) {
    uio *self = calloc(1, sizeof *self);
    if (self == NULL) return ternc_fail("out of memory");
    self->count = design->input_count + design->output_count;
    self->registers = map(registers, WINDOW);
    if (self->registers == NULL) {
        close_uio(self);
        return -1;
    }
    for (uint32_t n = 0; n < self->count; n++) {
        const int to_core = n < design->input_count;
        const ternc_port *port = to_core ? &design->inputs[n] : &design->outputs[n - design->input_count];
        if (open_stream(&self->streams[n], port->name, ternc_frame_bytes(port), &streams[n], to_core ? TO_CORE : FROM_CORE)) {
            close_uio(self);
            return -1;
        }
    }
    self->reloadable = design->structure != 0;
    if (self->reloadable && open_stream(&self->images, "the images", WORD_BYTES, &streams[self->count], TO_CORE)) {
        close_uio(self);
        return -1;
    }
    *transport = (ternc_transport){self, read_register, write_register, run, close_uio, load};
    return 0;
}
