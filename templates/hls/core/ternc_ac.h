// Integers of ac_int.h: exactly W bits.
#pragma once

#include <ac_int.h>

#include <type_traits>

template <int W>
using ternc_uint = ac_int<W, false>;
template <int W>
using ternc_sint = ac_int<W, true>;
template <int W>
using ternc_bits = ac_int<W, false>;

template <int W, class T>
inline ternc_uint<W> ternc_low(const T& x) {
    return ternc_uint<W>(x);
}

template <int W, class T>
inline ternc_sint<W> ternc_signed(const T& x) {
    return ternc_sint<W>(x);
}

template <class T, std::enable_if_t<std::is_integral<T>::value, int> = 0>
inline int ternc_int(T x) {
    return static_cast<int>(x);
}

template <int W, bool S>
inline int ternc_int(const ac_int<W, S>& x) {
    return x.to_int();
}

template <int N, int W>
inline ternc_uint<N> ternc_get_bits(const ac_int<W, false>& bits, int at) {
    return bits.template slc<N>(at);
}

template <int N, int W>
inline void ternc_put_bits(ac_int<W, false>& bits, int at, const ternc_uint<N>& value) {
    bits.set_slc(at, value);
}
