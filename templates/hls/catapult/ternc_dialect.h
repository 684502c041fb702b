// The core in the words of Catapult: ac_int, ac_channel, pragmas; memories and partitions are in directives.tcl.
// Without synthesis (ternc_pragma.h) the pragmas are left out, and a ROM is of plain integers.
#pragma once

#include "ternc_pragma.h"
#ifdef TERNC_FAST_SIM
#include "ternc_fast.h"
#else
#include "ternc_ac.h"
#endif

#include <ac_channel.h>

#ifdef TERNC_SYNTHESIS
#define TERNC_ROM_CHUNK(bits) ac_int<bits, false>
#else
#include "ternc_plain.h"
#define TERNC_ROM_CHUNK(bits) ternc_rom_chunk<bits>
#endif

// a loop that becomes hardware side by side
#define TERNC_UNROLL(i, count) TERNC_PRAGMA(hls_unroll yes) for (int i = 0; i < (count); ++i)
// a loop with one iteration a cycle: in front of it, and first in its body
#define TERNC_PIPELINE TERNC_PRAGMA(hls_pipeline_init_interval 1)
#define TERNC_PIPELINE_BODY
// what directives.tcl says
#define TERNC_PARTITION(name, dimension)
#define TERNC_RESHAPE(name, dimension)
#define TERNC_DISTANCE(name, cycles)
#define TERNC_MEMORY

// a beat of AXI4-Stream
template <int W>
struct ternc_axis {
    ternc_bits<W> data;
    bool last;
};

template <class T>
inline T ternc_read(ac_channel<T>& stream) {
    return stream.read();
}
template <class T>
inline bool ternc_try_read(ac_channel<T>& stream, T& value) {
    return stream.nb_read(value);
}
template <class T>
inline void ternc_write(ac_channel<T>& stream, const T& value) {
    stream.write(value);
}
template <class T>
inline bool ternc_try_write(ac_channel<T>& stream, T value) {
    return stream.nb_write(value);
}

template <int W>
inline void ternc_receive(ac_channel<ternc_axis<W>>& stream, ternc_bits<W>& data, bool& last) {
    const ternc_axis<W> beat = stream.read();
    data = beat.data;
    last = beat.last;
}
template <int W>
inline bool ternc_try_receive(ac_channel<ternc_axis<W>>& stream, ternc_bits<W>& data, bool& last) {
    ternc_axis<W> beat;
    if (!stream.nb_read(beat)) return false;
    data = beat.data;
    last = beat.last;
    return true;
}
template <int W>
inline void ternc_send(ac_channel<ternc_axis<W>>& stream, const ternc_bits<W>& data, bool last) {
    stream.write(ternc_axis<W>{data, last});
}
template <int W>
inline bool ternc_try_send(ac_channel<ternc_axis<W>>& stream, const ternc_bits<W>& data, bool last) {
    ternc_axis<W> beat{data, last};
    return stream.nb_write(beat);
}
