// What simulation uses with TERNC_FAST_SIM instead of ternc_dot and the packed weight words: every weight is two masks as
// wide as a code, so that a C++ compiler turns a dot product into vector instructions. The same sums.
#pragma once

#include <cstddef>
#include <vector>

#include "ternc_weight.h"

template <class Code, int Lanes>
struct ternc_masks {
    Code neg[Lanes], nz[Lanes];
};

template <int Lanes, int ActBits>
inline unsigned ternc_dot(const ternc_uint<ActBits> (&act)[Lanes], const ternc_masks<ternc_uint<ActBits>, Lanes>& weight) {
    unsigned sum = 0;
    for (int i = 0; i < Lanes; ++i) sum += static_cast<unsigned>((act[i] ^ weight.neg[i]) & weight.nz[i]);
    return sum;
}

template <class E>
struct ternc_weights_fast {
    using Code = ternc_uint<E::ActBits>;
    struct Word {
        ternc_masks<Code, E::Lanes> lane;
    };

    std::vector<Word> words;

    ternc_weights_fast() : words(static_cast<std::size_t>(E::Cols) * E::WeightDepth) {
        constexpr unsigned Peak = (1u << E::ActBits) - 1;
        for (int c = 0; c < E::Cols; ++c) {
            for (int address = 0; address < E::WeightDepth; ++address) {
                auto& lane = words[static_cast<std::size_t>(address) * E::Cols + static_cast<std::size_t>(c)].lane;
                for (int i = 0; i < E::Lanes; ++i) {
                    const unsigned trit = ternc_trit<E>(E::weights()[c][address], i);
                    lane.neg[i] = static_cast<Code>((trit & 2u) != 0 ? Peak : 0u);
                    lane.nz[i] = static_cast<Code>((trit & 1u) != 0 ? Peak : 0u);
                }
            }
        }
    }

    const Word& read(int c, int address) const {
        return words[static_cast<std::size_t>(address) * E::Cols + static_cast<std::size_t>(c)];
    }
};
