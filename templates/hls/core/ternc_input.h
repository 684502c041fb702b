// Puts a stream's beats on links, to all who keep the input's rows (hw/rtl/ternc_input.sv).
//
// A beat is Cols elements of one pixel, or of each of Pixels neighbours, to each of which Offset is added (value to code);
// they come in raster order, a pixel's Chunks beats in turn. A row is a step of the links, claimed before its first beat.
#pragma once

#include "ternc_link.h"

template <class I>
struct ternc_input {
    using Link = typename I::Link;
    using Element = typename Link::Element;

    // one beat as a vector
    template <class Stream>
    static ternc_vector<Link> vector(Stream& stream, int x, int chunk) {
        ternc_bits<I::StreamBits> beat;
        bool last = false;
        ternc_receive(stream, beat, last);
        ternc_vector<Link> found;
        found.row = 0;
        found.x = ternc_uint<Link::XBits>(x);
        found.tile = ternc_uint<Link::TileBits>(chunk);
        TERNC_UNROLL(p, Link::Pixels) {
            TERNC_UNROLL(c, Link::Cols) {
                const int element = ternc_int(ternc_get_bits<I::Bits>(beat, (p * Link::Cols + c) * I::Bits));
                found.data[p][c] = Element(ternc_low<I::Bits>(element + I::Offset));
            }
        }
        return found;
    }
};
