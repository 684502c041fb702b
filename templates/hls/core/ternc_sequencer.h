// Runs the program of one engine: rows of layers, passes, taps (hw/rtl/ternc_sequencer.sv, docs/program.md).
//
// Three parts, as in the RTL. A prefetcher reads the frame's row words ahead. A walker goes through each row's loops (groups
// of pixels x passes) and fetches pass words. Both are processes of their own, which hand words on through streams. The
// issuer stands in the engine's loop: it starts a row when the rows that it needs have arrived and all its links gave room,
// and then issues one tap a cycle without a bubble; a pass shorter than its interval waits first. Behind a row with `flush`
// come FlushCycles without a tap, so that every value is in the feature memory.
#pragma once

#include "ternc_rom.h"

template <class E>
struct ternc_row {
    ternc_uint<E::PassAddrBits> pass_start;
    ternc_uint<E::PassAddrBits + 1> pass_count;
    ternc_uint<E::XBits> groups;
    ternc_uint<E::YBits> row;
    ternc_uint<E::WrBits> write, plane;
    bool to_feature;
    ternc_uint<E::Links> links;
    ternc_uint<E::YBits> needs[E::Inputs], frees[E::Inputs];
    ternc_uint<E::Inputs> takes;
    bool flush, last;
};

template <class E>
struct ternc_pass {
    ternc_uint<E::TapAddrBits> tap;
    ternc_uint<E::CountBits> tap_count, interval;
    ternc_uint<E::WeightAddrBits> weight;
    ternc_uint<E::ParamBits> param;
    ternc_uint<E::WrBits> write;
    ternc_uint<E::XmapAddrBits> xmap;
    ternc_uint<E::TileBits> tile;
    ternc_uint<E::StepBits> step_row;
    ternc_uint<E::PieceBits> piece;
    ternc_uint<E::YBits> row_low, row_high;
    ternc_uint<E::XBits> x_low, x_high;
    bool first_window, last_window;
    // from the walker: the group of pixels, and whether it is the first or last pass of its row
    ternc_uint<E::XBits> group;
    bool row_first, row_last;
    ternc_row<E> row;
};

// Reads the row words of a frame.
template <class E>
struct ternc_prefetcher {
    template <class RowStream>
    void frame(RowStream& rows) {
        TERNC_PIPELINE
        for (int n = 0; n < E::RowDepth; ++n) {
            TERNC_PIPELINE_BODY
            ternc_write(rows, decode(n));
        }
    }

    static ternc_row<E> decode(int n) {
        constexpr int C = E::RowChunk;
        constexpr int Groups = 2 * E::PassAddrBits + 1, Row = Groups + E::XBits, Write = Row + E::YBits;
        constexpr int ToFeature = Write + 2 * E::WrBits, Needs = ToFeature + 1 + E::Links;
        constexpr int Frees = Needs + E::Inputs * E::YBits, Takes = Frees + E::Inputs * E::YBits;
        constexpr int Flush = Takes + E::Inputs;
        const auto& word = E::rows()[n];
        ternc_row<E> row;
        row.pass_start = ternc_field<0, E::PassAddrBits, C>(word);
        row.pass_count = ternc_field<E::PassAddrBits, E::PassAddrBits + 1, C>(word);
        row.groups = ternc_field<Groups, E::XBits, C>(word);
        row.row = ternc_field<Row, E::YBits, C>(word);
        row.write = ternc_field<Write, E::WrBits, C>(word);
        row.plane = ternc_field<Write + E::WrBits, E::WrBits, C>(word);
        row.to_feature = ternc_int(ternc_field<ToFeature, 1, C>(word)) != 0;
        row.links = ternc_field<ToFeature + 1, E::Links, C>(word);
        TERNC_UNROLL(k, E::Inputs) {
            row.needs[k] = ternc_field_at<E::YBits, C>(word, Needs + k * E::YBits);
            row.frees[k] = ternc_field_at<E::YBits, C>(word, Frees + k * E::YBits);
        }
        row.takes = ternc_field<Takes, E::Inputs, C>(word);
        row.flush = ternc_int(ternc_field<Flush, 1, C>(word)) != 0;
        row.last = ternc_int(ternc_field<Flush + 1, 1, C>(word)) != 0;
        return row;
    }
};

// Goes through the loops of each row, groups and within them passes.
template <class E>
struct ternc_walker {
    template <class RowStream, class PassStream>
    void frame(RowStream& rows, PassStream& passes) {
        ternc_row<E> row = {};
        int groups_left = 0, passes_left = 0, group = 0;
        bool done = false;
        TERNC_PIPELINE
        while (!done) {
            TERNC_PIPELINE_BODY
            const bool row_first = groups_left == 0;
            if (row_first) {
                row = ternc_read(rows);
                groups_left = ternc_int(row.groups);
                passes_left = ternc_int(row.pass_count);
                group = 0;
            }
            const int number = ternc_int(row.pass_count) - passes_left;
            ternc_pass<E> pass = decode(ternc_int(row.pass_start) + number);
            pass.group = ternc_uint<E::XBits>(group);
            pass.row_first = row_first;
            pass.row_last = passes_left == 1 && groups_left == 1;
            pass.row = row;
            ternc_write(passes, pass);
            done = pass.row_last && row.last;
            if (passes_left == 1) {
                passes_left = ternc_int(row.pass_count);
                --groups_left;
                ++group;
            } else {
                --passes_left;
            }
        }
    }

    static ternc_pass<E> decode(int n) {
        constexpr int C = E::PassChunk;
        constexpr int Count = E::TapAddrBits, Weight = Count + 2 * E::CountBits, Param = Weight + E::WeightAddrBits;
        constexpr int Write = Param + E::ParamBits, Xmap = Write + E::WrBits, Tile = Xmap + E::XmapAddrBits;
        constexpr int StepRow = Tile + E::TileBits, Piece = StepRow + E::StepBits, RowLow = Piece + E::PieceBits;
        constexpr int XLow = RowLow + 2 * E::YBits, First = XLow + 2 * E::XBits;
        const auto& word = E::passes()[n];
        ternc_pass<E> pass;
        pass.tap = ternc_field<0, E::TapAddrBits, C>(word);
        pass.tap_count = ternc_field<Count, E::CountBits, C>(word);
        pass.interval = ternc_field<Count + E::CountBits, E::CountBits, C>(word);
        pass.weight = ternc_field<Weight, E::WeightAddrBits, C>(word);
        pass.param = ternc_field<Param, E::ParamBits, C>(word);
        pass.write = ternc_field<Write, E::WrBits, C>(word);
        pass.xmap = ternc_field<Xmap, E::XmapAddrBits, C>(word);
        pass.tile = ternc_field<Tile, E::TileBits, C>(word);
        pass.step_row = ternc_field<StepRow, E::StepBits, C>(word);
        pass.piece = ternc_field<Piece, E::PieceBits, C>(word);
        pass.row_low = ternc_field<RowLow, E::YBits, C>(word);
        pass.row_high = ternc_field<RowLow + E::YBits, E::YBits, C>(word);
        pass.x_low = ternc_field<XLow, E::XBits, C>(word);
        pass.x_high = ternc_field<XLow + E::XBits, E::XBits, C>(word);
        pass.first_window = ternc_int(ternc_field<First, 1, C>(word)) != 0;
        pass.last_window = ternc_int(ternc_field<First + 1, 1, C>(word)) != 0;
        return pass;
    }
};

// One tap on its way into the array.
template <class E>
struct ternc_tap {
    bool valid = false;                         // there is a tap in this cycle
    bool first = false, last = false;           // of its pass
    bool shift = false;
    int source = 0;                             // 0: the feature memory, k: line buffer k - 1
    int address = 0, above = 0;                 // a word, and in the banks below `rot` the one above it
    int rot = 0, part = 0;                      // the bank that the array's row 0 reads, the chunk of the wide word
    bool mask[E::Rows] = {};                    // rows that read inside the map; the others get `pad`
    int pad = 0;
    int weight = 0;
};

template <class E>
struct ternc_issuer {
    ternc_pass<E> pass = {};                    // that runs, or waits for its row to start
    bool active = false, waiting = false;       // there is such a pass; its row has not started
    bool begins = false, ends = false;          // in this cycle a row starts; its last tap is issued
    bool frame_end = false;                     // the frame's last tap was issued
    ternc_uint<E::CountBits> taps_left = 0, interval_left = 0;
    ternc_uint<ternc_clog2(E::FlushCycles + 1)> flush_left = 0;
    int base[E::Inputs] = {};                   // buffer row of each source's row 0, as the row found it

    ternc_issuer() { TERNC_PARTITION(base, 1); }

    // first of all in a cycle: the next pass, if the one before is done
    template <class PassStream>
    void fetch(PassStream& passes) {
        begins = false;
        ends = false;
        if (active) return;
        if (ternc_int(flush_left) != 0) {
            flush_left = ternc_uint<ternc_clog2(E::FlushCycles + 1)>(ternc_int(flush_left) - 1);
        } else if (!frame_end && ternc_try_read(passes, pass)) {
            active = true;
            waiting = pass.row_first;
            taps_left = pass.tap_count;
            interval_left = pass.interval;
        }
    }

    bool row_waits() const { return active && waiting; }
    bool needs(int input, int have) const { return have >= ternc_int(pass.row.needs[input]); }
    bool wants(int link) const { return ((ternc_int(pass.row.links) >> link) & 1) != 0; }
    bool takes(int input) const { return begins && ((ternc_int(pass.row.takes) >> input) & 1) != 0; }
    int frees(int input) const { return ends ? ternc_int(pass.row.frees[input]) : 0; }

    // the row that waits starts
    void start(const int (&now)[E::Inputs]) {
        waiting = false;
        begins = true;
        TERNC_UNROLL(k, E::Inputs) base[k] = now[k];
    }

    // the cycle's tap
    ternc_tap<E> issue() {
        ternc_tap<E> tap;
        if (!active || waiting) return tap;
        if (ternc_int(interval_left) == ternc_int(taps_left)) {
            tap = decode(ternc_int(pass.tap_count) - ternc_int(taps_left));
            taps_left = ternc_uint<E::CountBits>(ternc_int(taps_left) - 1);
        }
        const int left = ternc_int(interval_left) - 1;
        interval_left = ternc_uint<E::CountBits>(left);
        if (left == 0) {
            active = false;
            if (pass.row_last) {
                ends = true;
                frame_end = pass.row.last;
                if (pass.row.flush) flush_left = ternc_uint<ternc_clog2(E::FlushCycles + 1)>(E::FlushCycles);
            }
        }
        return tap;
    }

    ternc_tap<E> decode(int k) const {
        constexpr int C = E::TapChunk;
        constexpr int Part = E::RdBits, Rot = Part + E::PartBits, Q = Rot + E::BankBits, Limit = Q + E::XBits;
        constexpr int Dy = Limit + E::XBits, Term = Dy + E::YBits, Shift = Term + E::TermAddrBits;
        const auto& word = E::taps()[ternc_int(pass.tap) + k];
        const auto& term = E::terms()[ternc_int(ternc_field<Term, E::TermAddrBits, C>(word))];
        constexpr int T = E::TermChunk;
        constexpr int YStride = E::RdBits, Height = YStride + E::YBits, Pad = Height + E::YBits, Source = Pad + E::ActBits;
        const int pitch = ternc_int(ternc_field<0, E::RdBits, T>(term));
        const int y_stride = ternc_int(ternc_field<YStride, E::YBits, T>(term));
        const int height = ternc_int(ternc_field<Height, E::YBits, T>(term));

        ternc_tap<E> tap;
        tap.valid = true;
        tap.first = k == 0;
        tap.last = k + 1 == ternc_int(pass.tap_count);
        tap.shift = ternc_int(ternc_field<Shift, 1, C>(word)) != 0;
        tap.source = ternc_int(ternc_field<Source, E::SourceBits, T>(term));
        tap.pad = ternc_int(ternc_field<Pad, E::ActBits, T>(term));
        tap.rot = ternc_int(ternc_field<Rot, E::BankBits, C>(word));
        tap.part = ternc_int(ternc_field<Part, E::PartBits, C>(word));
        tap.weight = ternc_int(pass.weight) + k;

        // row y of the map is row z of its memory; it begins at word z * pitch
        const int y = ternc_int(pass.row.row) * y_stride + ternc_int(ternc_signed_field<Dy, E::YBits, C>(word));
        const int z = tap.source == 0 ? y : E::wrap(tap.source - 1, base[tap.source == 0 ? 0 : tap.source - 1] + y);
        const int group = ternc_int(pass.group);
        const int address = z * pitch + group + ternc_int(ternc_field<0, E::RdBits, C>(word));
        tap.address = ternc_int(ternc_low<E::RdBits>(address));
        tap.above = ternc_int(ternc_low<E::RdBits>(address + 1));

        const int index = group * E::Rows + ternc_int(ternc_signed_field<Q, E::XBits, C>(word));
        const int limit = ternc_int(ternc_field<Limit, E::XBits, C>(word));
        TERNC_UNROLL(r, E::Rows) tap.mask[r] = y >= 0 && y < height && index + r >= 0 && index + r < limit;
        return tap;
    }
};
