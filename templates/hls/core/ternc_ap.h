// Integers of ap_int.h: exactly W bits.
#pragma once

#include <ap_int.h>

template <int W>
using ternc_uint = ap_uint<W>;
template <int W>
using ternc_sint = ap_int<W>;
template <int W>
using ternc_bits = ap_uint<W>;

template <int W, class T>
inline ternc_uint<W> ternc_low(const T& x) {
    return ternc_uint<W>(x);
}

template <int W, class T>
inline ternc_sint<W> ternc_signed(const T& x) {
    return ternc_sint<W>(x);
}

template <class T>
inline int ternc_int(const T& x) {
    return static_cast<int>(x);
}

template <int N, int W>
inline ternc_uint<N> ternc_get_bits(const ternc_bits<W>& bits, int at) {
    return ternc_uint<N>(bits.range(at + N - 1, at));
}

template <int N, int W>
inline void ternc_put_bits(ternc_bits<W>& bits, int at, const ternc_uint<N>& value) {
    bits.range(at + N - 1, at) = value;
}
