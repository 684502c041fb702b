/* A simulated board: the design's RTL with its registers in Verilator, in a process of its own. */
#ifndef TERNC_SIMULATION_H
#define TERNC_SIMULATION_H

#include "ternc.h"

#ifdef __cplusplus
extern "C" {
#endif

/* program: what `make device` built; rtl: the build's folder rtl/. */
int ternc_simulation(ternc_transport *transport, const char *program, const char *rtl);

#ifdef __cplusplus
}
#endif

#endif
