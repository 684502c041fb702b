// Adds up the squares (or the absolute values) of all differences of a frame, and says if it is too much
// (hw/rtl/ternc_score.sv). Vectors count wherever they lie. The claims of a frame are given back when its score has left.
#pragma once

#include "ternc_link.h"
#include "ternc_rom.h"

template <class S>
struct ternc_score {
    using Link = typename S::Link;

    template <class Vectors, class Claims, class Stream>
    void frame(Vectors& vectors, Claims& claims, Stream& stream) {
        unsigned long long score = 0;
        TERNC_PIPELINE
        for (int n = 0; n < S::FrameVectors; ++n) {
            TERNC_PIPELINE_BODY
            const ternc_vector<Link> vector = ternc_read(vectors);
            TERNC_UNROLL(p, Link::Pixels) {
                TERNC_UNROLL(c, Link::Cols) {
                    const long long difference = static_cast<long long>(ternc_signed<S::ValueBits>(vector.data[p][c]));
                    const long long part = S::Squares ? difference * difference : difference < 0 ? -difference : difference;
                    score += static_cast<unsigned long long>(part);
                }
            }
        }
        ternc_bits<S::StreamBits> beat = 0;
        const bool over = S::Limit < 0 || score > static_cast<unsigned long long>(S::Limit);
        ternc_put_bits<S::ElementBits>(beat, 0, ternc_low<S::ElementBits>(score));
        ternc_put_bits<S::ElementBits>(beat, S::ElementBits, ternc_low<S::ElementBits>(over ? 1 : 0));
        ternc_send(stream, beat, true);
        for (int n = 0; n < S::FrameSteps; ++n) ternc_read(claims);
    }
};
