// Turns an accumulator into a stored value: multiply, add, shift, clamp; or the same unclamped ("raw"); or a code found
// by comparing with thresholds; then a code table (hw/rtl/ternc_requant.sv, ternc_threshold_level.sv, ternc_table.sv).
#pragma once

#include "ternc_rom.h"

// One level of the binary search: a bit of the code more.
template <class E>
inline int ternc_threshold_level(int level, int c, int param, int code, ternc_uint<E::AccBits> sum) {
    const unsigned long long threshold = E::threshold(level, c, (param << level) | code);
    return 2 * code + (static_cast<unsigned long long>(sum) >= threshold ? 1 : 0);
}

// Level to code, where a staircase does not rise everywhere.
template <class E>
inline int ternc_table(int table, int level) {
    return E::table((table << E::CodeBits) | (level & ((1 << E::CodeBits) - 1)));
}

template <class E>
struct ternc_requant {
    using Value = ternc_sint<E::ValueBits>;
    static constexpr int ProductBits = E::AccBits + 1 + E::MulBits;
    static constexpr int PBits = ternc_max(ProductBits, E::AddBits) + 1;
    static constexpr int LimitAt = E::AddBits + E::MulBits;
    static constexpr int FlagsAt = LimitAt + E::CodeBits;

    // The value of column c's sum, and whether the pool keeps the minimum.
    static Value value(int c, int param, ternc_uint<E::AccBits> sum, bool& minimum) {
        constexpr int Chunk = E::RequantChunk;
        const auto& word = E::requant()[c][param];
        minimum = ternc_int(ternc_field<FlagsAt + 2, 1, Chunk>(word)) != 0;
        const bool raw = ternc_int(ternc_field<FlagsAt, 1, Chunk>(word)) != 0;
        const bool thresholds = ternc_int(ternc_field<FlagsAt + 1, 1, Chunk>(word)) != 0;
        Value found = 0;
        if (E::Levels > 0 && thresholds) {
            int code = 0;
            TERNC_UNROLL(level, E::Levels) code = ternc_threshold_level<E>(level, c, param, code, sum);
            found = Value(code);
        } else {
            using Wide = ternc_sint<PBits>;
            const Wide add = Wide(ternc_signed_field<0, E::AddBits, Chunk>(word));
            const Wide mul = Wide(ternc_signed_field<E::AddBits, E::MulBits, Chunk>(word));
            const Wide p = Wide(Wide(Wide(Wide(sum) * mul) + add) >> E::Shift);
            const int limit = ternc_int(ternc_field<LimitAt, E::CodeBits, Chunk>(word));
            found = raw ? ternc_signed<E::ValueBits>(p) : p < 0 ? Value(0) : p > limit ? Value(limit) : Value(p);
        }
        if (E::Tables > 0 && ternc_int(ternc_field<E::Tables ? FlagsAt + 3 : 0, 1, Chunk>(word)) != 0) {
            const int table = ternc_int(ternc_field<E::Tables ? FlagsAt + 4 : 0, E::TableBits, Chunk>(word));
            found = Value(ternc_table<E>(table, ternc_int(found)));
        }
        return found;
    }
};
