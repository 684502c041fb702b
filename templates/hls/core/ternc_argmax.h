// Largest key of a pixel to its channel index; of equal ones the lower (hw/rtl/ternc_argmax.sv).
#pragma once

#include "ternc_rom.h"

template <class O>
struct ternc_argmax {
    long long best = 0;
    int index = 0;

    // element c of vector `tile`
    void look(int tile, int c, long long key) {
        const int channel = tile * O::Cols + c;
        if (channel >= O::Channels) return;
        if (channel == 0 || key > best) {
            best = key;
            index = channel;
        }
    }
};
