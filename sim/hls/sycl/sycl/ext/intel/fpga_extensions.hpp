// Test code: the pipes of the shim (sycl/sycl.hpp).
#pragma once

#include "../../sycl.hpp"

namespace sycl {
namespace ext {
namespace intel {

template <class Id, class T, int Depth>
class pipe {
public:
    static T read() { return words().read(); }
    static T read(bool& there) {
        T found = T();
        there = words().read_nb(found);
        return found;
    }
    static void write(const T& value) { words().write(value); }
    static void write(const T& value, bool& taken) { taken = words().write_nb(value); }

private:
    static hls::stream<T>& words() {
        static hls::stream<T> found;
        return found;
    }
};

namespace experimental {

struct property {};
template <int Cycles>
constexpr property ready_latency{};
template <int Bits>
constexpr property bits_per_symbol{};
template <bool Used>
constexpr property uses_valid{};
template <bool Set>
constexpr property first_symbol_in_high_order_bits{};
constexpr property protocol_avalon_streaming_uses_ready{};

struct properties {
    template <class... Properties>
    explicit constexpr properties(Properties...) {}
};

template <class Data, bool Packets, bool Empty>
struct StreamingBeat {
    Data data = 0;
    bool sop = false, eop = false;
    StreamingBeat() = default;
    StreamingBeat(const Data& beat, bool start, bool end) : data(beat), sop(start), eop(end) {}
};

template <class Id, class T, int Depth, class Properties>
class pipe : public intel::pipe<Id, T, Depth> {
public:
    using intel::pipe<Id, T, Depth>::read;
    using intel::pipe<Id, T, Depth>::write;
    static void write(queue&, const T& value) { intel::pipe<Id, T, Depth>::write(value); }
    static T read(queue&, bool& there) { return intel::pipe<Id, T, Depth>::read(there); }
};

}  // namespace experimental
}  // namespace intel
}  // namespace ext
}  // namespace sycl
