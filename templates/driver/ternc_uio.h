/* A device in the same chip's fabric, from Linux: its registers and an AXI DMA for each stream through UIO, and a
 * physically contiguous buffer for each stream from the module u-dma-buf. The buffers are looked for in /dev and in
 * /sys/class/u-dma-buf, or in the folders that the environment's TERNC_DEV and TERNC_UDMABUF name. */
#ifndef TERNC_UIO_H
#define TERNC_UIO_H

#include "ternc.h"

#ifdef __cplusplus
extern "C" {
#endif

/* dma: the UIO device of the stream's AXI DMA (simple mode), such as "/dev/uio1".
 * buffer: the name of its u-dma-buf, such as "udmabuf0"; it holds at least one frame, better several. */
typedef struct {
    const char *dma, *buffer;
} ternc_uio_stream;

/* registers: the UIO device of the core's registers, such as "/dev/uio0"; streams: all inputs, then all
 * outputs, and of a reloadable design one more for images, whose buffer holds a whole one. */
int ternc_uio(ternc_transport *transport, const ternc_design *design, const char *registers,
              const ternc_uio_stream *streams);

#ifdef __cplusplus
}
#endif

#endif
