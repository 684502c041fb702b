// Links: how finished values go from where they are made (ternc_collector, ternc_input) to a keeper (ternc_line_buffer,
// ternc_output, ternc_score).
//
// A link is two streams from the maker to the keeper. `vectors` carries a vector of Cols elements of each of Pixels
// neighbouring pixels a cycle. `claims` stands for the RTL's claim and room: the maker puts a token there before it makes
// a step of rows, the keeper takes one away when a step's rows are free again. The stream is as deep as the keeper has
// steps, so there is room for a step exactly where the stream is not full, and a vector that was claimed for is always
// accepted. Both streams point forwards: nothing in the graph of processes is a loop.
#pragma once

#include "ternc_dialect.h"

// What a link carries in one cycle; L has the numbers of the link.
template <class L>
struct ternc_vector {
    ternc_uint<L::StepBits> row;                      // within the step
    ternc_uint<L::XBits> x;                           // number of the bundle: with one pixel, its column
    ternc_uint<L::TileBits> tile;                     // number of the vector within its pixel
    typename L::Element data[L::Pixels][L::Cols];
};

using ternc_claim = ternc_uint<1>;
