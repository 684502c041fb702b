/* The client of simulation/device.cpp, where the requests are described. */
#define _POSIX_C_SOURCE 200809L
#include "ternc_simulation.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct {
    pid_t process;
    FILE *to, *from;
} simulation;

static int give(simulation *self, const void *data, size_t size) {
    return fwrite(data, 1, size, self->to) == size ? 0 : ternc_fail("the simulated device has ended");
}

static int take(simulation *self, void *data, size_t size) {
    return fread(data, 1, size, self->from) == size ? 0 : ternc_fail("the simulated device has ended");
}

static int ask(simulation *self, uint32_t what, uint32_t first, uint32_t second) {
    const uint32_t request[3] = {what, first, second};
    return give(self, request, sizeof request);
}

static int answer(simulation *self, uint32_t *value) {
    uint32_t words[2];
    char why[400];
    if (fflush(self->to) || take(self, words, sizeof words)) return ternc_fail("the simulated device has ended");
    *value = words[1];
    if (words[0] == 0) return 0;
    for (uint32_t n = 0; n < words[1]; n++) {
        char c;
        if (take(self, &c, 1)) return -1;
        if (n < sizeof why - 1) why[n] = c;
    }
    why[words[1] < sizeof why ? words[1] : sizeof why - 1] = 0;
    return ternc_fail("the simulated device: %s", why);
}

static int read_register(void *self, uint32_t offset, uint32_t *value) {
    return ask(self, 'r', offset, 0) || answer(self, value) ? -1 : 0;
}

static int write_register(void *self, uint32_t offset, uint32_t value) {
    uint32_t nothing;
    return ask(self, 'w', offset, value) || answer(self, &nothing) ? -1 : 0;
}

static int run(void *self, const ternc_design *design, uint32_t frames, const uint8_t *const *inputs,
               uint8_t *const *outputs) {
    uint32_t done;
    if (ask(self, 'f', frames, 0)) return -1;
    for (uint32_t n = 0; n < design->input_count; n++)
        if (give(self, inputs[n], frames * ternc_frame_bytes(&design->inputs[n]))) return -1;
    if (answer(self, &done)) return -1;
    for (uint32_t n = 0; n < design->output_count; n++)
        if (take(self, outputs[n], frames * ternc_frame_bytes(&design->outputs[n]))) return -1;
    return 0;
}

static int load(void *self, const uint8_t *image, size_t bytes) {
    uint32_t done;
    return ask(self, 'l', (uint32_t)(bytes / 4), 0) || give(self, image, bytes) || answer(self, &done) ? -1 : 0;
}

static void close_simulation(void *given) {
    simulation *self = given;
    fclose(self->to);
    fclose(self->from);
    waitpid(self->process, NULL, 0);
    free(self);
}

int ternc_simulation(ternc_transport *transport, const char *program, const char *rtl) {
    int down[2], up[2];
    simulation *self;
    if (access(program, X_OK)) return ternc_fail("%s: %s (run 'make device')", program, strerror(errno));
    signal(SIGPIPE, SIG_IGN); /* a device that ends is an error of the call, not the host's end */
    self = malloc(sizeof *self);
    if (self == NULL || pipe(down) || pipe(up)) return ternc_fail("no pipe to %s: %s", program, strerror(errno));
    self->process = fork();
    if (self->process < 0) return ternc_fail("%s: %s", program, strerror(errno));
    if (self->process == 0) {
        dup2(down[0], 0);
        dup2(up[1], 1);
        close(down[0]), close(down[1]), close(up[0]), close(up[1]);
        execl(program, program, rtl, (char *)NULL);
        _exit(127);
    }
    close(down[0]), close(up[1]);
    self->to = fdopen(down[1], "wb");
    self->from = fdopen(up[0], "rb");
    *transport = (ternc_transport){self, read_register, write_register, run, close_simulation, load};
    return 0;
}
