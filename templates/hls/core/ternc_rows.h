// Counts the rows of a circular buffer (hw/rtl/ternc_rows.sv).
//
// A step of StepRows rows arrives with its last vector, and the reader sees it ArriveCycles later. The reader takes
// whole frames and frees rows; for every step that became free a token leaves the link's claims, one a cycle.
#pragma once

#include "ternc_rom.h"

template <class B>
struct ternc_rows {
    static constexpr int ArriveCycles = 3;  // distance of a write from the first read that may want it
    static constexpr int CountBits = ternc_clog2(B::Capacity + B::FrameRows + 1);

    ternc_uint<CountBits> have = 0;  // rows of the reader's frame, and beyond, that have arrived
    ternc_uint<CountBits> used = 0;  // rows of steps that have begun to arrive and are not free again
    ternc_uint<CountBits> owed = 0;  // free rows whose claim was not given back yet
    ternc_uint<CountBits> write_row = 0;
    ternc_uint<CountBits> read_row = 0;
    bool coming[ArriveCycles] = {};

    ternc_rows() { TERNC_PARTITION(coming, 1); }

    // once a cycle, first of all
    template <class Claims>
    void tick(Claims& claims) {
        if (coming[ArriveCycles - 1]) have = ternc_uint<CountBits>(ternc_int(have) + B::StepRows);
        TERNC_UNROLL(k, ArriveCycles - 1) coming[ArriveCycles - 1 - k] = coming[ArriveCycles - 2 - k];
        coming[0] = false;
        if (ternc_int(owed) >= B::StepRows) {
            ternc_claim token;
            if (ternc_try_read(claims, token)) {
                owed = ternc_uint<CountBits>(ternc_int(owed) - B::StepRows);
                used = ternc_uint<CountBits>(ternc_int(used) - B::StepRows);
            }
        }
    }

    bool room() const { return ternc_int(used) + B::StepRows <= B::Capacity; }
    void begin() { used = ternc_uint<CountBits>(ternc_int(used) + B::StepRows); }

    // the step that is written is whole; the next one is written from now on
    void arrive() {
        coming[0] = true;
        const int next = ternc_int(write_row) + B::StepRows;
        write_row = ternc_uint<CountBits>(next == B::Capacity ? 0 : next);
    }

    // the reader's frame ends
    void take() {
        have = ternc_uint<CountBits>(ternc_int(have) - B::FrameRows);
        read_row = ternc_uint<CountBits>((ternc_int(read_row) + B::FrameRows) % B::Capacity);
    }

    void free(int rows) { owed = ternc_uint<CountBits>(ternc_int(owed) + rows); }
};
