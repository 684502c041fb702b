// Chooses the memory that a tap reads: the feature memory or one of the line buffers (hw/rtl/ternc_operand.sv). Rows of the
// array that lie outside the map get the padding code; ternc_feature_memory puts it there.
#pragma once

#include "ternc_sequencer.h"

template <class E, class Memory>
inline void ternc_operand(int source, const Memory& memory, const ternc_tap<E>& tap,
                          ternc_uint<E::ActBits> (&act)[E::Rows][E::Lanes]) {
    if (tap.source == source) memory.read(tap.address, tap.above, tap.rot, tap.part, tap.mask, tap.pad, act);
}
