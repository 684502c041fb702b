// Memories filled at compile time: words of a fixed number of bits, cut into chunks of at most 64 bits.
//
// The images are those of the RTL's ternc_rom, word for word. A word of Width bits is ceil(Width / 64) chunks of equal
// size, the lowest first; ternc_field takes bits [At, At + W) out of one. In synthesis a chunk has exactly its bits
// (TERNC_ROM_CHUNK), in simulation it is a plain integer.
#pragma once

#include "ternc_dialect.h"

// ceil(log2(count)): bits that number `count` things
constexpr int ternc_clog2(int count) { return count <= 1 ? 0 : 1 + ternc_clog2((count + 1) / 2); }

// width of an address of a memory of `words` words
constexpr int ternc_address_bits(int words) { return words <= 2 ? 1 : ternc_clog2(words); }

constexpr int ternc_max(int a, int b) { return a > b ? a : b; }

constexpr int ternc_gcd(int a, int b) { return b == 0 ? a : ternc_gcd(b, a % b); }

// Bits [at, at + W) of a word of Count chunks of ChunkBits each, unsigned. `at` is a constant wherever this is inlined.
template <int W, int ChunkBits, class Chunk, int Count>
inline ternc_uint<W> ternc_field_at(const Chunk (&word)[Count], int at) {
    static_assert(W >= 1 && W <= 64, "a field has 1 to 64 bits");
    unsigned long long found = 0;
    TERNC_UNROLL(k, Count) {
        const int low = k * ChunkBits;
        const unsigned long long chunk = static_cast<unsigned long long>(word[k]);
        if (low >= at && low < at + W) found |= chunk << (low - at);
        if (low < at && low + ChunkBits > at) found |= chunk >> (at - low);
    }
    return ternc_low<W>(found);
}

template <int At, int W, int ChunkBits, class Chunk, int Count>
inline ternc_uint<W> ternc_field(const Chunk (&word)[Count]) {
    return ternc_field_at<W, ChunkBits>(word, At);
}

// The same field, two's complement.
template <int At, int W, int ChunkBits, class Chunk, int Count>
inline ternc_sint<W> ternc_signed_field(const Chunk (&word)[Count]) {
    return ternc_signed<W>(ternc_field_at<W, ChunkBits>(word, At));
}
