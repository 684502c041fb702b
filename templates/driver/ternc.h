/* Runs a design of ternc from a host program in C: frames of integers in, frames of integers out.
 *
 * A design says what its streams carry (ternc_design, generated), a transport says how to get there: a simulated board
 * (ternc_simulation.h), AXI DMAs behind Linux' UIO (ternc_uio.h), or one of your own. Functions that can fail return 0,
 * or -1 with the reason in ternc_error().
 */
#ifndef TERNC_H
#define TERNC_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* One stream. A frame is a map of pixels in raster order, channels last: element i of a beat is bits
 * [i * element_bits +: element_bits] of its bytes, little-endian. A pixel has elements_per_pixel places, of which the first
 * `channels` are used. */
typedef struct {
    const char *name;  /* of the port */
    const char *value; /* of the ONNX graph */
    uint32_t channels, height, width;
    uint32_t elements_per_pixel, elements_per_beat, element_bits;
    int is_signed;
    uint32_t beats, bytes; /* of a frame; of a beat */
} ternc_port;

typedef struct {
    const char *name;
    uint32_t version; /* of ternc: major << 16 | minor << 8 | patch */
    uint32_t hash[4]; /* of RTL and memory images, lowest word first */
    uint32_t structure; /* what images for this hardware say of it, its low word; 0: not reloadable */
    uint32_t input_count, output_count;
    const ternc_port *inputs, *outputs;
} ternc_design;

/* How to reach a device. `run` moves whole frames: of each input `frames * beats * bytes` bytes in, of each output as
 * many as it has out, and returns when the last one is there. `load` moves one packet of 32-bit words, little-endian, to the
 * stream for images; NULL where a transport has none. `self` is handed to each function. */
typedef struct {
    void *self;
    int (*read)(void *self, uint32_t offset, uint32_t *value);
    int (*write)(void *self, uint32_t offset, uint32_t value);
    int (*run)(void *self, const ternc_design *design, uint32_t frames, const uint8_t *const *inputs,
               uint8_t *const *outputs);
    void (*close)(void *self);
    int (*load)(void *self, const uint8_t *image, size_t bytes);
} ternc_transport;

typedef struct {
    const ternc_design *design;
    ternc_transport transport;
} ternc_device;

/* Of STATUS and the counters; stalls are those of all inputs, then of all outputs. */
typedef struct {
    int busy, done;
    uint32_t frames;
    uint64_t cycles;
    uint32_t stalls[48];
    int held;             /* in reset, until a whole image has come */
    uint32_t load_error;  /* of the last image: 0 none, 1 not an image, 2 for other hardware, 3 cut short, 4 too long, 5 CRC */
} ternc_status;

/* Takes the transport over and checks that the design at its other end is this one, or its hardware waiting for an image. On
 * failure the transport is closed. */
int ternc_open(ternc_device *device, const ternc_design *design, ternc_transport transport);
void ternc_close(ternc_device *device);

/* Packed beats in and out: inputs[i] has frames * ternc_frame_bytes(&design->inputs[i]) bytes, outputs likewise. */
int ternc_run(ternc_device *device, uint32_t frames, const uint8_t *const *inputs, uint8_t *const *outputs);

/* Makes another network of a reloadable core: `image` is the file reload/NAME.bin of the build that `design` is of. On success the
 * device is of that design. After a failure half-way the core stays in reset until an image has come whole. */
int ternc_load(ternc_device *device, const ternc_design *design, const uint8_t *image, size_t bytes);

/* Puts the core into reset and out again: all counters are 0 and the streams begin a frame. */
int ternc_reset(ternc_device *device);
int ternc_get_status(ternc_device *device, ternc_status *status);

size_t ternc_frame_bytes(const ternc_port *port);
size_t ternc_frame_values(const ternc_port *port);

/* One frame's integers [channels][height][width] to its beats, and back. A value that does not fit is an error. */
int ternc_pack(const ternc_port *port, const int64_t *values, uint8_t *beats);
void ternc_unpack(const ternc_port *port, const uint8_t *beats, int64_t *values);

/* Why the last call of this thread that failed did. */
const char *ternc_error(void);

/* For transports: remembers the reason, as printf does; returns -1. */
int ternc_fail(const char *format, ...);

#ifdef __cplusplus
}
#endif

#endif
