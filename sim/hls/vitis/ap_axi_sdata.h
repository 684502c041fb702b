// A stand-in for the vendor's ap_axi_sdata.h in C simulation with a plain C++ compiler: the fields of an AXI4-Stream beat
// that the wrapper uses.
#pragma once

template <int W, int User, int Id, int Dest>
struct ap_axiu {
    ternc_bits<W> data;
    ternc_bits<(W + 7) / 8> keep, strb;
    ternc_uint<1> last;
};
