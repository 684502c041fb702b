// Integers for fast simulation (TERNC_FAST_SIM): the smallest plain ones that hold W bits, instead of a vendor's types.
#pragma once

#include <cstddef>
#include <cstdint>

#include "ternc_plain.h"

template <int W>
using ternc_uint = typename ternc_plain<W>::Unsigned;
template <int W>
using ternc_sint = typename ternc_plain<W>::Signed;

// the low W bits of a number
template <int W, class T>
inline ternc_uint<W> ternc_low(T x) {
    static_assert(W <= 64, "at most 64 bits");
    constexpr unsigned long long Mask = ~0ull >> (64 - W);
    return static_cast<ternc_uint<W>>(static_cast<unsigned long long>(x) & Mask);
}

// the same, read as two's complement
template <int W, class T>
inline ternc_sint<W> ternc_signed(T x) {
    constexpr unsigned long long Sign = 1ull << (W - 1);
    const unsigned long long low = static_cast<unsigned long long>(ternc_low<W>(x));
    return static_cast<ternc_sint<W>>(static_cast<long long>((low ^ Sign) - Sign));
}

template <class T>
inline int ternc_int(T x) {
    return static_cast<int>(x);
}

// A stream's word of W bits, as bytes.
template <int W>
struct ternc_bits {
    static constexpr int Bytes = (W + 7) / 8;
    std::uint8_t byte[static_cast<std::size_t>(Bytes)] = {};
    ternc_bits(int low = 0) { byte[0] = static_cast<std::uint8_t>(low); }
};

template <int N, int W>
inline ternc_uint<N> ternc_get_bits(const ternc_bits<W>& bits, int at) {
    unsigned long long found = 0;
    for (int i = 0; i * 8 < at % 8 + N; ++i) {
        const unsigned long long byte = bits.byte[at / 8 + i];
        const int shift = 8 * i - at % 8;
        found |= shift >= 0 ? byte << shift : byte >> -shift;
    }
    return ternc_low<N>(found);
}

template <int N, int W>
inline void ternc_put_bits(ternc_bits<W>& bits, int at, ternc_uint<N> value) {
    for (int i = 0; i < N; ++i) {
        const unsigned bit = static_cast<unsigned>((static_cast<unsigned long long>(value) >> i) & 1);
        const unsigned old = bits.byte[(at + i) / 8], place = static_cast<unsigned>((at + i) % 8);
        bits.byte[(at + i) / 8] = static_cast<std::uint8_t>((old & ~(1u << place)) | bit << place);
    }
}
