// Keeps, for each row of the array, the largest (or smallest) value of each column over a pool's windows
// (hw/rtl/ternc_pool.sv). A window of one passes the value through.
#pragma once

#include "ternc_rom.h"

template <class E>
struct ternc_pool {
    using Value = ternc_sint<E::ValueBits>;
    static constexpr long long End = 1ll << (E::ValueBits - 1);

    Value best[E::Rows][E::Cols] = {};

    ternc_pool() { TERNC_PARTITION(best, 2); }

    // `values` become the best since the window called first; without `take` they count as the worst there is.
    void window(int row, bool first, bool take, const bool (&minimum)[E::Cols], Value (&values)[E::Cols]) {
        TERNC_UNROLL(c, E::Cols) {
            const Value worst = minimum[c] ? Value(End - 1) : Value(-End);
            const Value value = take ? values[c] : worst;
            const Value before = first ? worst : best[row][c];
            const bool keep = minimum[c] ? before < value : before > value;
            values[c] = keep ? before : value;
            best[row][c] = values[c];
        }
    }
};
