/* A card behind PCIe: not written. What a transport for one has to do, for whoever has the card and its driver.
 *
 * The functions of ternc_transport (ternc.h), for example over the character devices of AMD's XDMA driver or the resource
 * files of sysfs:
 *
 *   read, write   a 32-bit access to the core's registers: mmap the BAR that leads to its AXI4-Lite (or Avalon-MM) port,
 *                 for example /sys/bus/pci/devices/0000:01:00.0/resource0, and add the port's address in it
 *   run           for each input one transfer of all frames into the core (XDMA: write() to /dev/xdma0_h2c_N), for each
 *                 output one read() of as many bytes as the frames have (/dev/xdma0_c2h_N). The core's streams hold back
 *                 without losing a beat, but all outputs must be read at the same time: a thread for each stream, or
 *                 poll(). Where the DMA ends a transfer at TLAST there is one read for each frame
 *   load          of a reloadable design one transfer of the whole image, whose last beat has TLAST
 *   close         unmap and close
 *
 * ternc_uio.c is an example of the whole: it differs in how a transfer is started and awaited.
 */
#ifndef TERNC_PCIE_H
#define TERNC_PCIE_H

#include "ternc.h"

/* Fails with a sentence that says so. */
int ternc_pcie(ternc_transport *transport, const ternc_design *design, const char *device);

#endif
