// One input of an engine: keeps the rows of one map in a circular buffer, written from a link and read like a feature
// memory (hw/rtl/ternc_line_buffer.sv).
//
// The place of a pixel in its row, bank and word offset, is a word of the place ROM; the tile says at which piece of which
// wide word its vector begins. One vector of the link a cycle is accepted while a step fits.
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
    static constexpr int StepVectors = B::Width * B::Tiles * B::StepRows;

    Memory memory;
    ternc_rows<B> rows;
    ternc_uint<ternc_clog2(StepVectors + 1)> count = 0;  // vectors of the step that have come

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
        count = ternc_uint<ternc_clog2(StepVectors + 1)>(seen == StepVectors ? 0 : seen);
        if (seen == StepVectors) rows.arrive();
    }

    void put(const ternc_vector<Link>& vector) {
        const int first = ternc_int(vector.tile) * Memory::VectorPieces;
        const int row = ternc_int(rows.write_row) + ternc_int(vector.row);
        const int base = row * B::Pitch + first / Memory::Pieces * B::Plane;
        const auto& place = B::places()[ternc_int(vector.x)];
        TERNC_UNROLL(i, Link::Pixels) {
            ternc_uint<B::CodeBits> codes[Link::Cols];
            TERNC_PARTITION(codes, 1);
            TERNC_UNROLL(c, Link::Cols) codes[c] = ternc_low<B::CodeBits>(vector.data[i][c]);
            const int address = base + ternc_int(ternc_field<0, OffsetBits, B::PlaceChunk>(place));
            const int bank = ternc_int(ternc_field<OffsetBits, BankBits, B::PlaceChunk>(place));
            memory.write(bank, address, address + B::Plane, first % Memory::Pieces, codes);
        }
    }
};
