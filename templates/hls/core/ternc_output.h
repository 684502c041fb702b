// Keeps the rows of one output in a circular buffer, written from a link, and sends them to a stream
// (hw/rtl/ternc_output.sv).
//
// A vector is one word of the buffer; the pixels of a bundle, which come in one beat, have a memory each. Rows leave in
// raster order, Tiles beats a pixel, or one with the index of the largest channel. A frame takes FrameRows rows of the
// buffer, of which the first Height are sent. One vector and one beat a cycle; a beat that the stream does not take yet
// waits, and vectors are accepted all the same.
#pragma once

#include "ternc_argmax.h"
#include "ternc_link.h"
#include "ternc_rows.h"

template <class O>
struct ternc_output {
    using Link = typename O::Link;
    using Value = ternc_sint<O::Bits>;
    using Beat = ternc_bits<O::StreamBits>;
    static constexpr int RowWords = O::Bundles * O::Tiles;
    static constexpr int StepBeats = RowWords * O::StepRows;
    static constexpr int CountBits = ternc_clog2(StepBeats + 1);

    TERNC_MEMORY Value memory[Link::Pixels][O::Capacity * RowWords][O::Cols] = {};
    ternc_rows<O> rows;
    ternc_argmax<O> argmax;
    ternc_uint<CountBits> count = 0;
    int sent_rows = 0, column = 0, tile = 0;    // of the frame, of the row, of the pixel
    bool waits = false, waits_last = false;     // a beat that is to be sent
    Beat beat = 0;

    ternc_output() {
        TERNC_PARTITION(memory, 1);
        TERNC_RESHAPE(memory, 3);
    }

    template <class Vectors, class Claims>
    void accept(Vectors& vectors, Claims& claims) {
        rows.tick(claims);
        if (ternc_int(count) == 0 && !rows.room()) return;
        ternc_vector<Link> vector;
        if (!ternc_try_read(vectors, vector)) return;
        if (ternc_int(count) == 0) rows.begin();
        const int row = ternc_int(rows.write_row) + ternc_int(vector.row);
        const int at = row * RowWords + ternc_int(vector.x) * O::Tiles + ternc_int(vector.tile);
        TERNC_UNROLL(p, Link::Pixels) {
            TERNC_UNROLL(c, O::Cols) memory[p][at][c] = ternc_signed<O::Bits>(vector.data[p][c]);
        }
        const int seen = ternc_int(count) + 1;
        count = ternc_uint<CountBits>(seen == StepBeats ? 0 : seen);
        if (seen == StepBeats) rows.arrive();
    }

    // the next word of the buffer, if it is there, becomes a beat
    void send() {
        if (waits || ternc_int(rows.have) <= sent_rows) return;
        int row = ternc_int(rows.read_row) + sent_rows;
        if (row >= O::Capacity) row %= O::Capacity;
        // bundle k * Phases + p has the columns (k * Pixels + i) * Phases + p
        const int pixel = column / O::Phases % Link::Pixels;
        const int bundle = column / (O::Phases * Link::Pixels) * O::Phases + column % O::Phases;
        const int at = row * RowWords + bundle * O::Tiles + tile;
        const bool pixel_end = tile == O::Tiles - 1, row_end = column == O::Width - 1 && pixel_end;
        const bool frame_end = row_end && sent_rows == O::Height - 1;
        if (!O::Argmax || tile == 0) beat = 0;
        TERNC_UNROLL(c, O::Cols) {
            const Value value = memory[pixel][at][c];
            if (O::Argmax) {
                argmax.look(tile, c, static_cast<long long>(value));
            } else if (tile * O::Cols + c < O::Channels) {
                ternc_put_bits<O::ElementBits>(beat, c * O::ElementBits,
                                               ternc_low<O::ElementBits>(static_cast<long long>(value) + O::Offset));
            }
        }
        if (O::Argmax && pixel_end) ternc_put_bits<O::ElementBits>(beat, 0, ternc_low<O::ElementBits>(argmax.index));
        waits = !O::Argmax || pixel_end;
        waits_last = frame_end;
        tile = pixel_end ? 0 : tile + 1;
        if (pixel_end) column = row_end ? 0 : column + 1;
        if (row_end) sent_rows = frame_end ? 0 : sent_rows + 1;
        if (row_end) rows.free(frame_end ? 1 + O::FrameRows - O::Height : 1);
        if (frame_end) rows.take();
    }

    // until a frame has left
    template <class Vectors, class Claims, class Stream>
    void frame(Vectors& vectors, Claims& claims, Stream& stream) {
        bool done = false;
        TERNC_PIPELINE
        while (!done) {
            TERNC_PIPELINE_BODY
            TERNC_DISTANCE(memory, 3)
            accept(vectors, claims);
            send();
            if (waits && ternc_try_send(stream, beat, waits_last)) {
                waits = false;
                done = waits_last;
            }
        }
    }
};
