// The core in the words of Vitis HLS (and the older Vivado HLS): ap_int, hls::stream, AXI4-Stream, pragmas.
// Without synthesis (ternc_pragma.h) the pragmas are left out, and a ROM is of plain integers.
#pragma once

#include "ternc_pragma.h"
#ifdef TERNC_FAST_SIM
#include "ternc_fast.h"
#else
#include "ternc_ap.h"
#endif

#include <ap_axi_sdata.h>
#include <hls_stream.h>

#ifdef TERNC_SYNTHESIS
#define TERNC_ROM_CHUNK(bits) ap_uint<bits>
#else
#include "ternc_plain.h"
#define TERNC_ROM_CHUNK(bits) ternc_rom_chunk<bits>
#endif

// a loop that becomes hardware side by side: Vitis HLS unrolls every loop within a pipelined one
#define TERNC_UNROLL(i, count) for (int i = 0; i < (count); ++i)
// a loop with one iteration a cycle: in front of it, and first in its body
#define TERNC_PIPELINE
#define TERNC_PIPELINE_BODY TERNC_PRAGMA(HLS pipeline II = 1)
#define TERNC_PARTITION(name, dimension) TERNC_PRAGMA(HLS array_partition variable = name dim = dimension complete)
#define TERNC_RESHAPE(name, dimension) TERNC_PRAGMA(HLS array_reshape variable = name dim = dimension complete)
// what an iteration writes there is read `cycles` iterations later at the earliest
#define TERNC_DISTANCE(name, cycles) \
    TERNC_PRAGMA(HLS dependence variable = name type = inter direction = RAW distance = cycles true)
#define TERNC_MEMORY

// sides that AXI4-Stream has besides data and last: none; Vivado HLS wants one bit of each
#ifndef TERNC_AXIS_SIDE
#define TERNC_AXIS_SIDE 0
#endif
template <int W>
using ternc_axis = ap_axiu<W, TERNC_AXIS_SIDE, TERNC_AXIS_SIDE, TERNC_AXIS_SIDE>;

template <class T>
inline T ternc_read(hls::stream<T>& stream) {
    return stream.read();
}
template <class T>
inline bool ternc_try_read(hls::stream<T>& stream, T& value) {
    return stream.read_nb(value);
}
template <class T>
inline void ternc_write(hls::stream<T>& stream, const T& value) {
    stream.write(value);
}
template <class T>
inline bool ternc_try_write(hls::stream<T>& stream, const T& value) {
    return stream.write_nb(value);
}

template <int W>
inline ternc_axis<W> ternc_beat(const ternc_bits<W>& data, bool last) {
    ternc_axis<W> beat;
    beat.data = data;
    beat.keep = -1;
    beat.strb = -1;
    beat.last = last ? 1 : 0;
    return beat;
}
template <int W>
inline void ternc_receive(hls::stream<ternc_axis<W>>& stream, ternc_bits<W>& data, bool& last) {
    const ternc_axis<W> beat = stream.read();
    data = beat.data;
    last = beat.last != 0;
}
template <int W>
inline bool ternc_try_receive(hls::stream<ternc_axis<W>>& stream, ternc_bits<W>& data, bool& last) {
    ternc_axis<W> beat;
    if (!stream.read_nb(beat)) return false;
    data = beat.data;
    last = beat.last != 0;
    return true;
}
template <int W>
inline void ternc_send(hls::stream<ternc_axis<W>>& stream, const ternc_bits<W>& data, bool last) {
    stream.write(ternc_beat<W>(data, last));
}
template <int W>
inline bool ternc_try_send(hls::stream<ternc_axis<W>>& stream, const ternc_bits<W>& data, bool last) {
    return stream.write_nb(ternc_beat<W>(data, last));
}
