// The trits of a weight word, {neg, nz} each: two bits a lane, or packed, five lanes in eight bits (hw/rtl/ternc_unpack.sv).
#pragma once

#include "ternc_rom.h"

// {neg, nz} of trit k of a pair's code q, or of (-1, -1).
inline unsigned ternc_trit_of_two(unsigned q, bool both, int k) {
    const bool negative = (q & 4u) != 0, second = (q & 2u) != 0;
    const unsigned neg = both || (negative && second == (k == 1)) ? 1u : 0u;
    const unsigned nz = neg | (negative ? q & 1u : q >> k & 1u);
    return neg << 1 | nz;
}

// {neg, nz} of trit k of a triple's code.
inline unsigned ternc_trit_of_three(unsigned triple, int k) {
    const bool both = triple >> 3 == 3;
    const unsigned third = both ? triple & 3u : triple >> 3;
    return k < 2 ? ternc_trit_of_two(triple & 7u, both, k) : (third >> 1) << 1 | (third != 0 ? 1u : 0u);
}

// {neg, nz} of lane i of an engine's weight word.
template <class E, class Image>
inline unsigned ternc_trit(const Image& image, int i) {
    // no group of lanes lies in two chunks
    constexpr int Group = E::Packed ? 8 : 2, GroupLanes = E::Packed ? 5 : 1, ChunkGroups = E::WeightChunk / Group;
    const int group = i / GroupLanes, k = i % GroupLanes, left = E::Lanes - group * GroupLanes;
    const unsigned long long chunk = static_cast<unsigned long long>(image[group / ChunkGroups]);
    const unsigned code = static_cast<unsigned>(chunk >> (Group * (group % ChunkGroups))) & ((1u << Group) - 1);
    if (!E::Packed) return code;
    if (left >= 5) {
        const bool escape = (code >> 2 & 7u) == 7u;
        const unsigned triple = escape ? code >> 5 << 2 | (code & 3u) : code & 31u;
        return k < 3 ? ternc_trit_of_three(triple, k) : ternc_trit_of_two(code >> 5, escape, k - 3);
    }
    if (left >= 3) return k < 3 ? ternc_trit_of_three(code & 31u, k) : code >> 5 & 3u;
    return code >> (2 * k) & 3u;
}
