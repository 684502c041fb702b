/* What is the same for every transport: see ternc.h. The registers are those of ternc_registers.sv. */
#include "ternc.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum {
    REG_ID = 0x00,
    REG_VERSION = 0x04,
    REG_STREAMS = 0x08,
    REG_STRUCTURE = 0x0c,
    REG_HASH = 0x10,
    REG_CONTROL = 0x20,
    REG_STATUS = 0x24,
    REG_FRAMES = 0x28,
    REG_LOAD = 0x2c,
    REG_CYCLES_LOW = 0x30,
    REG_CYCLES_HIGH = 0x34,
    REG_LOAD_WORDS = 0x38,
    REG_STALLS = 0x40
};
enum { CONTROL_ABORT = 4, LOAD_STATE = 3, LOAD_COMING = 1, LOAD_HELD = 4, LOAD_ERROR_AT = 3 };
#define TERNC_ID 0x54524e43u

static _Thread_local char reason[512] = "nothing has failed";

const char *ternc_error(void) { return reason; }

int ternc_fail(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(reason, sizeof reason, format, arguments);
    va_end(arguments);
    return -1;
}

size_t ternc_frame_bytes(const ternc_port *port) { return (size_t)port->beats * port->bytes; }

size_t ternc_frame_values(const ternc_port *port) { return (size_t)port->channels * port->height * port->width; }

static int read_register(ternc_device *device, uint32_t offset, uint32_t *value) {
    return device->transport.read(device->transport.self, offset, value);
}

/* Whether the device is this hardware and waits for an image, so that it runs no network at all. */
static int waits(ternc_device *device) {
    uint32_t structure, load;
    if (read_register(device, REG_STRUCTURE, &structure) || read_register(device, REG_LOAD, &load)) return 0;
    return structure != 0 && structure == device->design->structure && (load & LOAD_HELD);
}

static int check_network(ternc_device *device) {
    const ternc_design *design = device->design;
    uint32_t value;
    for (uint32_t word = 0; word < 4; word++) {
        if (read_register(device, REG_HASH + 4 * word, &value)) return -1;
        if (value != design->hash[word])
            return ternc_fail("the device runs another design than '%s': its HASH%u is 0x%08x, not 0x%08x", design->name,
                              (unsigned)word, (unsigned)value, (unsigned)design->hash[word]);
    }
    return 0;
}

static int check(ternc_device *device) {
    const ternc_design *design = device->design;
    uint32_t value;
    if (read_register(device, REG_ID, &value)) return -1;
    if (value != TERNC_ID) return ternc_fail("register 0 holds 0x%08x: this is no design of ternc", (unsigned)value);
    if (read_register(device, REG_STREAMS, &value)) return -1;
    if (value != (design->input_count | design->output_count << 8))
        return ternc_fail("the device has %u inputs and %u outputs, not those of '%s'", (unsigned)value & 255u,
                          (unsigned)value >> 8, design->name);
    return waits(device) ? 0 : check_network(device);
}

int ternc_open(ternc_device *device, const ternc_design *design, ternc_transport transport) {
    device->design = design;
    device->transport = transport;
    if (check(device) == 0) return 0;
    ternc_close(device);
    return -1;
}

void ternc_close(ternc_device *device) { device->transport.close(device->transport.self); }

int ternc_run(ternc_device *device, uint32_t frames, const uint8_t *const *inputs, uint8_t *const *outputs) {
    if (frames == 0) return 0;
    return device->transport.run(device->transport.self, device->design, frames, inputs, outputs);
}

/* ------------------------------------------------------------------------------------------------ images */

static uint32_t image_word(const uint8_t *image, size_t n) {
    const uint8_t *at = image + 4 * n;
    return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

/* What the device can say, too, but half-way. */
static int check_image(ternc_device *device, const ternc_design *design, const uint8_t *image, size_t bytes) {
    uint32_t structure;
    if (bytes % 4 || bytes < 48 || image_word(image, 0) != 0x4c4e5254u || image_word(image, 1) != 1)
        return ternc_fail("this is no image of a network");
    for (uint32_t word = 0; word < 4; word++)
        if (image_word(image, 6 + word) != design->hash[word])
            return ternc_fail("the image is of another build than '%s'", design->name);
    if (read_register(device, REG_STRUCTURE, &structure)) return -1;
    if (structure == 0 || device->transport.load == NULL) return ternc_fail("the device is not reloadable");
    if (structure != image_word(image, 2))
        return ternc_fail("the image is for hardware %08x, and the device has %08x", (unsigned)image_word(image, 2),
                          (unsigned)structure);
    return 0;
}

/* Ends a packet that does not go on: the next word begins another. */
static int end_image(ternc_device *device) {
    const ternc_transport *to = &device->transport;
    uint32_t control;
    return to->read(to->self, REG_CONTROL, &control) || to->write(to->self, REG_CONTROL, control | CONTROL_ABORT) ? -1 : 0;
}

int ternc_load(ternc_device *device, const ternc_design *design, const uint8_t *image, size_t bytes) {
    static const char *const errors[] = {
        "", "the device says that it is not an image", "the device says that it is for other hardware",
        "the image ended early", "more came than the image says that it has", "the image was damaged on its way"};
    uint32_t load, words, error;
    if (check_image(device, design, image, bytes) || read_register(device, REG_LOAD, &load)) return -1;
    if ((load & LOAD_STATE) == LOAD_COMING && end_image(device)) return -1;
    if (device->transport.load(device->transport.self, image, bytes)) {
        end_image(device);
        return -1;
    }
    for (int tries = 0; tries < 1000; tries++) {
        if (read_register(device, REG_LOAD, &load) || read_register(device, REG_LOAD_WORDS, &words)) return -1;
        if ((load & LOAD_STATE) != LOAD_COMING) break;
    }
    if ((load & LOAD_STATE) == LOAD_COMING) {
        end_image(device);
        return ternc_fail("the device still waits for the image's end, after %u words", (unsigned)words);
    }
    error = load >> LOAD_ERROR_AT & 7u;
    if (error)
        return ternc_fail("%s (%u words came)%s", error < 6 ? errors[error] : "the loader has failed", (unsigned)words,
                          load & LOAD_HELD ? "; the core stays in reset until an image has come whole" : "");
    device->design = design;
    return check_network(device);
}

int ternc_reset(ternc_device *device) {
    const ternc_transport *to = &device->transport;
    uint32_t control;
    if (to->read(to->self, REG_CONTROL, &control)) return -1;
    if (to->write(to->self, REG_CONTROL, control | 1u)) return -1;
    return to->write(to->self, REG_CONTROL, control & ~1u);
}

int ternc_get_status(ternc_device *device, ternc_status *status) {
    const uint32_t streams = device->design->input_count + device->design->output_count;
    uint32_t value, low, high;
    memset(status, 0, sizeof *status);
    if (read_register(device, REG_STATUS, &value)) return -1;
    status->busy = (int)(value & 1u);
    status->done = (int)(value >> 1 & 1u);
    if (read_register(device, REG_FRAMES, &status->frames)) return -1;
    if (read_register(device, REG_CYCLES_LOW, &low) || read_register(device, REG_CYCLES_HIGH, &high)) return -1;
    status->cycles = (uint64_t)high << 32 | low;
    if (read_register(device, REG_LOAD, &value)) return -1;
    status->held = (value & LOAD_HELD) != 0;
    status->load_error = value >> LOAD_ERROR_AT & 7u;
    for (uint32_t n = 0; n < streams; n++)
        if (read_register(device, REG_STALLS + 4 * n, &status->stalls[n])) return -1;
    return 0;
}

/* ------------------------------------------------------------------------------------------------ beats */

/* The bit of the frame's bytes at which a pixel's element begins. */
static size_t place(const ternc_port *port, size_t pixel, uint32_t channel) {
    const size_t element = pixel * port->elements_per_pixel + channel;
    return element / port->elements_per_beat * port->bytes * 8 + element % port->elements_per_beat * port->element_bits;
}

int ternc_pack(const ternc_port *port, const int64_t *values, uint8_t *beats) {
    const size_t pixels = (size_t)port->height * port->width;
    const uint32_t magnitude = port->element_bits - (port->is_signed ? 1u : 0u);
    const int64_t high = magnitude >= 63 ? INT64_MAX : ((int64_t)1 << magnitude) - 1;
    const int64_t low = port->is_signed ? -high - 1 : 0;
    memset(beats, 0, ternc_frame_bytes(port));
    for (uint32_t channel = 0; channel < port->channels; channel++)
        for (size_t pixel = 0; pixel < pixels; pixel++) {
            const int64_t value = values[channel * pixels + pixel];
            if (value < low || value > high)
                return ternc_fail("values of %s must lie in %lld..%lld, but one is %lld", port->name, (long long)low,
                                  (long long)high, (long long)value);
            for (size_t at = place(port, pixel, channel), bit = 0; bit < port->element_bits; bit++, at++)
                beats[at / 8] |= (uint8_t)(((uint64_t)value >> bit & 1u) << (at % 8));
        }
    return 0;
}

void ternc_unpack(const ternc_port *port, const uint8_t *beats, int64_t *values) {
    const size_t pixels = (size_t)port->height * port->width;
    for (uint32_t channel = 0; channel < port->channels; channel++)
        for (size_t pixel = 0; pixel < pixels; pixel++) {
            uint64_t value = 0;
            uint32_t bit = 0;
            for (size_t at = place(port, pixel, channel); bit < port->element_bits; bit++, at++)
                value |= (uint64_t)(beats[at / 8] >> (at % 8) & 1u) << bit;
            if (port->is_signed && bit < 64 && value >> (bit - 1) & 1u) value |= ~(uint64_t)0 << bit;
            values[channel * pixels + pixel] = (int64_t)value;
        }
}
