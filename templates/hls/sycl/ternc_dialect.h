// The core in the words of SYCL for FPGAs: ac_int, pipes, kernels, attributes.
//
// TERNC_FPGA is the namespace of the vendor's extension, TERNC_ATTRIBUTE one of its attributes: intel up to oneAPI
// 2025.0, altera in its successor (-DTERNC_ALTERA). Without synthesis (ternc_pragma.h) pragmas and attributes are left out.
#pragma once

#include <sycl/sycl.hpp>
#ifdef TERNC_ALTERA
#include <sycl/ext/altera/fpga_extensions.hpp>
#define TERNC_FPGA sycl::ext::altera
#define TERNC_ATTRIBUTE(text) [[altera::text]]
#else
#include <sycl/ext/intel/fpga_extensions.hpp>
#define TERNC_FPGA sycl::ext::intel
#define TERNC_ATTRIBUTE(text) [[intel::text]]
#endif

#include "ternc_plain.h"
#include "ternc_pragma.h"
#ifdef TERNC_FAST_SIM
#include "ternc_fast.h"
#else
#include "ternc_ac.h"
#endif

#define TERNC_ROM_CHUNK(bits) ternc_rom_chunk<bits>

#ifdef TERNC_SYNTHESIS
#define TERNC_PIPELINE TERNC_ATTRIBUTE(initiation_interval(1))
#define TERNC_MEMORY TERNC_ATTRIBUTE(fpga_memory)
#else
#define TERNC_PIPELINE
#define TERNC_MEMORY
#endif

// a loop that becomes hardware side by side
#define TERNC_UNROLL(i, count) TERNC_PRAGMA(unroll) for (int i = 0; i < (count); ++i)
// the compiler finds partitions and distances itself
#define TERNC_PIPELINE_BODY
#define TERNC_PARTITION(name, dimension)
#define TERNC_RESHAPE(name, dimension)
#define TERNC_DISTANCE(name, cycles)

// A pipe is a type; this is an object that stands for it.
template <class Pipe>
struct ternc_pipe {};

template <class Pipe>
inline auto ternc_read(ternc_pipe<Pipe>&) {
    return Pipe::read();
}
template <class Pipe, class T>
inline bool ternc_try_read(ternc_pipe<Pipe>&, T& value) {
    bool there = false;
    T found = Pipe::read(there);
    if (there) value = found;
    return there;
}
template <class Pipe, class T>
inline void ternc_write(ternc_pipe<Pipe>&, const T& value) {
    Pipe::write(value);
}
template <class Pipe, class T>
inline bool ternc_try_write(ternc_pipe<Pipe>&, const T& value) {
    bool taken = false;
    Pipe::write(value, taken);
    return taken;
}

// A port is a pipe of the host with sop and eop; TLAST is eop.
template <int W>
using ternc_axis = TERNC_FPGA::experimental::StreamingBeat<ternc_bits<W>, true, false>;

template <class Pipe, int W>
inline void ternc_receive(ternc_pipe<Pipe>&, ternc_bits<W>& data, bool& last) {
    const ternc_axis<W> beat = Pipe::read();
    data = beat.data;
    last = beat.eop;
}
template <class Pipe, int W>
inline void ternc_send(ternc_pipe<Pipe>&, const ternc_bits<W>& data, bool last) {
    Pipe::write(ternc_axis<W>(data, false, last));
}
template <class Pipe, int W>
inline bool ternc_try_send(ternc_pipe<Pipe>&, const ternc_bits<W>& data, bool last) {
    bool taken = false;
    Pipe::write(ternc_axis<W>(data, false, last), taken);
    return taken;
}

// The host's end of a port.
template <class Pipe>
struct ternc_host {
    sycl::queue& queue;
};

template <class Pipe, int W>
inline void ternc_send(ternc_host<Pipe>& host, const ternc_bits<W>& data, bool last) {
    Pipe::write(host.queue, ternc_axis<W>(data, false, last));
}
template <class Pipe, int W>
inline bool ternc_try_receive(ternc_host<Pipe>& host, ternc_bits<W>& data, bool& last) {
    bool there = false;
    const ternc_axis<W> beat = Pipe::read(host.queue, there);
    if (there) {
        data = beat.data;
        last = beat.eop;
    }
    return there;
}
