// Turns the sums that the columns drain into vectors for the feature memory and for links (hw/rtl/ternc_collector.sv).
//
// The last tap of a pass hands over what is to become of it; then Drain of its rows a cycle are requantised, pooled
// and, with the last window of a pool, written. A pixel outside the map (not valid in the x-map) goes nowhere.
#pragma once

#include "ternc_column.h"
#include "ternc_link.h"
#include "ternc_pool.h"
#include "ternc_requant.h"
#include "ternc_sequencer.h"

// In C simulation with TERNC_MONITOR: told of every vector that an engine finishes, in order.
#ifdef TERNC_MONITOR
void ternc_monitor(int engine, const long long* values, int count);
#endif

// The vectors of one cycle.
template <class E>
struct ternc_finished {
    bool valid = false;                         // for links
    ternc_uint<E::Links> links = 0;             // which of them
    ternc_vector<typename E::Link> vector = {};
    bool to_feature[E::Drain] = {};             // for the feature memory: of each pixel
    int bank[E::Drain] = {}, address[E::Drain] = {};
    int plane = 0, piece = 0;

    bool on(int link) const { return valid && ((ternc_int(links) >> link) & 1) != 0; }
};

template <class E>
struct ternc_collector {
    using Value = ternc_sint<E::ValueBits>;
    static constexpr int Beats = E::Rows / E::Drain;

    ternc_pool<E> pool;
    ternc_pass<E> pass = {};                    // whose sums are in the drain
    ternc_uint<ternc_clog2(Beats + 1)> left = 0;

    bool busy() const { return ternc_int(left) != 0; }

    void last(const ternc_pass<E>& ended) {
        pass = ended;
        left = ternc_uint<ternc_clog2(Beats + 1)>(Beats);
    }

    // Drain rows of the pass in the drain, if there is one.
    ternc_finished<E> collect(const ternc_column<E> (&columns)[E::Cols]) {
        ternc_finished<E> found;
        if (!busy()) return found;
        const int beat = Beats - ternc_int(left);
        left = ternc_uint<ternc_clog2(Beats + 1)>(ternc_int(left) - 1);
        const int group = ternc_int(pass.group);
        const auto& places = E::xmap()[ternc_int(pass.xmap) + group * Beats + beat];
        found.links = pass.row.links;
        found.plane = ternc_int(pass.row.plane);
        found.piece = ternc_int(pass.piece);
        found.vector.row = pass.step_row;
        found.vector.tile = pass.tile;
        found.vector.x = ternc_field<0, E::XBits, E::XmapChunk>(places);
        TERNC_UNROLL(d, E::Drain) {
            const int row = beat * E::Drain + d;
            Value values[E::Cols];
            bool minimum[E::Cols];
            TERNC_PARTITION(values, 1);
            TERNC_PARTITION(minimum, 1);
            TERNC_UNROLL(c, E::Cols) {
                values[c] = ternc_requant<E>::value(c, ternc_int(pass.param), columns[c].drain[row], minimum[c]);
            }
            pool.window(row, pass.first_window, taken(group * E::Rows + row), minimum, values);
            place(places, d, values, found);
        }
        return found;
    }

    // whether the pixel of index x exists in this window of a pool
    bool taken(int x) const {
        const int row = ternc_int(pass.row.row);
        return ternc_int(pass.row_low) <= row && row < ternc_int(pass.row_high) && ternc_int(pass.x_low) <= x
            && x < ternc_int(pass.x_high);
    }

    // pixel d of the bundle: the x-map's word has offset, bank and valid of each
    template <class Places>
    void place(const Places& places, int d, const Value (&values)[E::Cols], ternc_finished<E>& found) const {
        constexpr int C = E::XmapChunk;
        const int at = E::XBits + d * (E::WrBits + E::BankBits + 1);
        const int offset = ternc_int(ternc_field_at<E::WrBits, C>(places, at));
        const bool valid = pass.last_window && ternc_int(ternc_field_at<1, C>(places, at + E::WrBits + E::BankBits)) != 0;
        found.valid = found.valid || valid;
        found.to_feature[d] = valid && pass.row.to_feature;
        found.bank[d] = ternc_int(ternc_field_at<E::BankBits, C>(places, at + E::WrBits));
        found.address[d] = ternc_int(pass.write) + ternc_int(pass.row.write) + offset;
        TERNC_UNROLL(c, E::Cols) found.vector.data[d][c] = values[c];
#ifdef TERNC_MONITOR
        if (valid) {
            long long shown[E::Cols];
            for (int c = 0; c < E::Cols; ++c) shown[c] = static_cast<long long>(values[c]);
            ternc_monitor(E::Number, shown, E::Cols);
        }
#endif
    }
};

// The finished vectors into the feature memory.
template <class E, class Memory>
inline void ternc_keep(Memory& memory, const ternc_finished<E>& found) {
    TERNC_UNROLL(d, E::Drain) {
        if (found.to_feature[d]) {
            ternc_uint<E::FeatureBits> codes[E::Cols];
            TERNC_PARTITION(codes, 1);
            TERNC_UNROLL(c, E::Cols) codes[c] = ternc_low<E::FeatureBits>(found.vector.data[d][c]);
            memory.write(found.bank[d], found.address[d], found.address[d] + found.plane, found.piece, codes);
        }
    }
}
