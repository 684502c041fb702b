/* The build's frames through the UIO transport, on the model in fabric.h.
 *
 *   host DEVICE RTL_FOLDER VECTORS_FOLDER UIO_FOLDER     with files core, dma0, dma1, buffer0, buffer1 there
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
const uint64_t fabric_address[2] = {0x40000000u, 0x50000000u};
uint8_t *fabric_buffer[2];
size_t fabric_size;

static uint8_t *whole(const char *folder, const char *name, const char *suffix, size_t *size) {
    char path[512];
    struct stat found;
    int file;
    snprintf(path, sizeof path, "%s/%s%s", folder, name, suffix);
    file = open(path, O_RDWR);
    if (file < 0 || fstat(file, &found)) exit(3);
    *size = (size_t)found.st_size;
    return mmap(NULL, *size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
}

int main(int argc, char **argv) {
    const ternc_design *design = &DESIGN;
    size_t size;
    char registers[512], dma[2][512];
    ternc_transport transport;
    ternc_device device;
    ternc_status status;
    if (argc != 5) return 3;
    for (int n = 0; n < 2; n++) {
        char name[16];
        snprintf(name, sizeof name, "buffer%d", n);
        fabric_buffer[n] = whole(argv[4], name, "", &fabric_size);
        snprintf(dma[n], sizeof dma[n], "%s/dma%d", argv[4], n);
    }
    snprintf(registers, sizeof registers, "%s/core", argv[4]);
    const ternc_uio_stream streams[2] = {{dma[0], "buffer0"}, {dma[1], "buffer1"}};

    if (ternc_simulation(&fabric_board, argv[1], argv[2]) || ternc_uio(&transport, design, registers, streams) ||
        ternc_open(&device, design, transport)) {
        fprintf(stderr, "%s\n", ternc_error());
        return 2;
    }
    const uint8_t *sent = whole(argv[3], design->inputs[0].name, ".npy", &size) + 128;
    const uint32_t frames = (uint32_t)((size - 128) / ternc_frame_bytes(&design->inputs[0]));
    const uint8_t *expected = whole(argv[3], design->outputs[0].name, ".npy", &size) + 128;
    uint8_t *found = calloc(1, size);
    if (ternc_run(&device, frames, &sent, &found) || ternc_get_status(&device, &status)) {
        fprintf(stderr, "%s\n", ternc_error());
        return 2;
    }
    printf("%u frames, %d\n", (unsigned)status.frames, memcmp(found, expected, size - 128));
    ternc_close(&device);
    return 0;
}
