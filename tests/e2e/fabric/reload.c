/* A device that becomes another network and back, through the UIO transport on the model in fabric.h.
 *
 *   reload DEVICE RTL_FOLDER UIO_FOLDER IMAGE VECTORS_FOLDER OTHER_IMAGE OTHER_VECTORS_FOLDER
 *
 * with files core, dma0 .. dma2, buffer0 .. buffer2 in UIO_FOLDER. Prints for each network the frames that are wrong.
 */
#define _POSIX_C_SOURCE 200809L
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include DESIGN_HEADER
#include "ternc_simulation.h"
#include "ternc_uio.h"

ternc_transport fabric_board;
const ternc_design *fabric_design = &DESIGN;
extern const ternc_design *other_design;
const uint64_t fabric_address[3] = {0x40000000u, 0x50000000u, 0x60000000u};
uint8_t *fabric_buffer[3];
size_t fabric_size;

static uint8_t *whole(const char *path, size_t *size) {
    struct stat found;
    const int file = open(path, O_RDWR);
    if (file < 0 || fstat(file, &found)) exit(3);
    *size = (size_t)found.st_size;
    return mmap(NULL, *size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
}

static uint8_t *port_frames(const char *folder, const ternc_port *port, size_t *size) {
    char path[512];
    snprintf(path, sizeof path, "%s/%s.npy", folder, port->name);
    uint8_t *data = whole(path, size) + 128;
    *size -= 128;
    return data;
}

static void expect(int good, const char *what) {
    if (good) return;
    fprintf(stderr, "%s: %s\n", what, ternc_error());
    exit(2);
}

static void runs(ternc_device *device, const char *vectors) {
    size_t in, out;
    const ternc_port *input = &device->design->inputs[0], *output = &device->design->outputs[0];
    const uint8_t *sent = port_frames(vectors, input, &in), *wanted = port_frames(vectors, output, &out);
    const uint32_t frames = (uint32_t)(in / ternc_frame_bytes(input));
    uint8_t *found = calloc(1, out);
    expect(ternc_run(device, frames, &sent, &found) == 0, "run");
    printf("%u frames, %d\n", (unsigned)frames, memcmp(found, wanted, out));
    free(found);
}

int main(int argc, char **argv) {
    const ternc_design *design = &DESIGN;
    char registers[512], dma[3][512];
    size_t size, other_size;
    ternc_transport transport;
    ternc_device device;
    ternc_status status;
    if (argc != 8) return 3;
    for (int n = 0; n < 3; n++) {
        char name[512];
        snprintf(name, sizeof name, "%s/buffer%d", argv[3], n);
        fabric_buffer[n] = whole(name, &fabric_size);
        snprintf(dma[n], sizeof dma[n], "%s/dma%d", argv[3], n);
    }
    snprintf(registers, sizeof registers, "%s/core", argv[3]);
    const ternc_uio_stream streams[3] = {{dma[0], "buffer0"}, {dma[1], "buffer1"}, {dma[2], "buffer2"}};
    uint8_t *image = whole(argv[4], &size), *other = whole(argv[6], &other_size);

    expect(ternc_simulation(&fabric_board, argv[1], argv[2]) == 0, "simulation");
    expect(ternc_uio(&transport, design, registers, streams) == 0, "uio");
    expect(ternc_open(&device, design, transport) == 0, "open");
    runs(&device, argv[5]);
    expect(ternc_load(&device, other_design, other, other_size) == 0, "load");
    runs(&device, argv[7]);
    expect(ternc_load(&device, design, other, other_size) == -1, "an image of another design");
    puts(ternc_error());
    expect(ternc_load(&device, design, image, size / 8 * 4) == -1, "half an image");
    puts(ternc_error());
    expect(ternc_get_status(&device, &status) == 0 && status.held && status.load_error == 3, "status");
    expect(ternc_load(&device, design, image, size) == 0, "load again");
    runs(&device, argv[5]);
    ternc_close(&device);
    return 0;
}
