// One input of an engine: keeps the rows of one map in a circular buffer, written from a link and read like a feature
// memory (hw/rtl/ternc_line_buffer.sv).
//
// The places of a bundle's pixels in their row, bank and word offset, are a word of the place ROM; the tile says at which
// piece of which wide word a vector begins. One beat of the link a cycle is accepted while a step fits.
#pragma once

#include "ternc_feature_memory.h"
#include "ternc_link.h"
#include "ternc_rows.h"

template <class B>
struct ternc_line_buffer {
    using Engine = typename B::Engine;
    using Link = typename B::Link;
    using Memory = ternc_feature_memory<B, Engine::Rows, Engine::Lanes, Engine::ActBits>;
    static constexpr int BankBits = ternc_address_bits(Engine::Rows);
    static constexpr int OffsetBits = ternc_address_bits(B::Pitch);
    static constexpr int StepBeats = B::Bundles * B::Tiles * B::StepRows;
    static constexpr int PlaceBits = OffsetBits + BankBits + (Link::Pixels > 1 ? 1 : 0);

    Memory memory;
    ternc_rows<B> rows;
    ternc_uint<ternc_clog2(StepBeats + 1)> count = 0;  // beats of the step that have come

    int have() const { return ternc_int(rows.have); }
    int base() const { return ternc_int(rows.read_row); }
    void take() { rows.take(); }
    void free(int freed) { rows.free(freed); }

    template <class Vectors, class Claims>
    void accept(Vectors& vectors, Claims& claims) {
        rows.tick(claims);
        if (ternc_int(count) == 0 && !rows.room()) return;
        ternc_vector<Link> vector;
        if (!ternc_try_read(vectors, vector)) return;
        if (ternc_int(count) == 0) rows.begin();
        put(vector);
        const int seen = ternc_int(count) + 1;
        count = ternc_uint<ternc_clog2(StepBeats + 1)>(seen == StepBeats ? 0 : seen);
        if (seen == StepBeats) rows.arrive();
    }

    void put(const ternc_vector<Link>& vector) {
        const int first = ternc_int(vector.tile) * Memory::VectorPieces;
        const int row = ternc_int(rows.write_row) + ternc_int(vector.row);
        const int base = row * B::Pitch + first / Memory::Pieces * B::Plane;
        const auto& place = B::places()[ternc_int(vector.x)];
        TERNC_UNROLL(i, Link::Pixels) {
            ternc_uint<B::CodeBits> codes[B::Cols];
            TERNC_PARTITION(codes, 1);
            TERNC_UNROLL(c, B::Cols) codes[c] = ternc_low<B::CodeBits>(vector.data[i][c]);
            const int at = i * PlaceBits;
            const int address = base + ternc_int(ternc_field_at<OffsetBits, B::PlaceChunk>(place, at));
            const int bank = ternc_int(ternc_field_at<BankBits, B::PlaceChunk>(place, at + OffsetBits));
            // with several pixels a bundle the highest bit says whether the map has this one
            const int there = at + OffsetBits + (Link::Pixels > 1 ? BankBits : 0);
            if (Link::Pixels == 1 || ternc_int(ternc_field_at<1, B::PlaceChunk>(place, there)) != 0) {
                memory.write(bank, address, address + B::Plane, first % Memory::Pieces, codes);
            }
        }
    }
};
