// One column of the array: Rows ternary dot-product cells that share the weights of one output channel, their
// accumulators, and the register that drains them (hw/rtl/ternc_column.sv, ternc_dot.sv, ternc_dots_fast.sv).
//
// A weight is two bits {neg, nz}. A lane contributes its code, for -1 the code's one's complement: the difference is a
// constant of the channel, in the requantiser. `first` loads the accumulators, other taps add, with `shift` after doubling.
// `last` moves the sums into the drain, from where the collector takes them row by row while the next pass runs. In the
// RTL the columns hand activations from neighbour to neighbour; here the tool places the registers.
#pragma once

#include "ternc_weight.h"
#ifdef TERNC_FAST_SIM
#include "ternc_dots_fast.h"
#define TERNC_WEIGHTS ternc_weights_fast
#else
#define TERNC_WEIGHTS ternc_weights
#endif

// Sum over the lanes of trit x code.
template <int Lanes, int ActBits>
inline ternc_uint<ActBits + ternc_clog2(Lanes)> ternc_dot(const ternc_uint<ActBits> (&act)[Lanes],
                                                          const ternc_uint<2> (&weight)[Lanes]) {
    constexpr int DotBits = ActBits + ternc_clog2(Lanes);
    constexpr int Peak = (1 << ActBits) - 1;
    ternc_uint<DotBits> sum = 0;
    TERNC_UNROLL(i, Lanes) {
        const int trit = ternc_int(weight[i]), code = ternc_int(act[i]);
        const int gated = (trit & 1) == 0 ? 0 : (trit & 2) == 0 ? code : code ^ Peak;
        sum = ternc_uint<DotBits>(sum + ternc_uint<ActBits>(gated));
    }
    return sum;
}

// The weight words of a column: word `address` of column `c`.
template <class E>
struct ternc_weights {
    struct Word {
        ternc_uint<2> lane[E::Lanes];
    };

    Word read(int c, int address) const {
        Word word;
        TERNC_PARTITION(word.lane, 1);
        const auto& image = E::weights()[c][address];
        TERNC_UNROLL(i, E::Lanes) word.lane[i] = ternc_low<2>(ternc_trit<E>(image, i));
        return word;
    }
};

template <class E>
struct ternc_column {
    using Sum = ternc_uint<E::AccBits>;

    Sum acc[E::Rows] = {};
    Sum drain[E::Rows] = {};

    ternc_column() {
        TERNC_PARTITION(acc, 1);
        TERNC_PARTITION(drain, 1);
    }

    template <class Word>
    void tap(const ternc_uint<E::ActBits> (&act)[E::Rows][E::Lanes], const Word& weight, bool first, bool shift) {
        TERNC_UNROLL(r, E::Rows) {
            const Sum doubled = E::Digits && shift ? ternc_low<E::AccBits>(acc[r] << 1) : acc[r];
            const Sum kept = first ? Sum(0) : doubled;
            acc[r] = Sum(kept + Sum(ternc_dot<E::Lanes, E::ActBits>(act[r], weight.lane)));
        }
    }

    void last() {
        TERNC_UNROLL(r, E::Rows) drain[r] = acc[r];
    }
};
