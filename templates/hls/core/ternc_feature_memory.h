// A memory of feature maps: Rows banks, read together for Rows neighbouring pixels (hw/rtl/ternc_feature_memory.sv).
//
// A bank's word is a wide word of Parts chunks of StoredLanes codes, stored as Pieces RAMs of Piece codes each. Pixel x of
// a line lies in bank x mod Rows, so Rows neighbouring pixels lie in different banks, at one address or, in the banks
// below the rotation, the next. A vector of Cols codes begins at any piece; where it passes the end of a wide word it
// goes on at `next`. The Pixels vectors that are written in one cycle go to different banks.
#pragma once

#include "ternc_rom.h"

// M: StoredLanes, Cols, Pixels, CodeBits, Depth; Rows, Lanes and ActBits are those of the array.
template <class M, int Rows, int Lanes, int ActBits>
struct ternc_feature_memory {
    static constexpr int Piece = ternc_gcd(M::Cols, M::StoredLanes);
    static constexpr int Parts = (M::Cols + M::StoredLanes - 1) / M::StoredLanes;
    static constexpr int PartPieces = M::StoredLanes / Piece;
    static constexpr int Pieces = Parts * PartPieces;
    static constexpr int VectorPieces = M::Cols / Piece;

    TERNC_MEMORY ternc_uint<M::CodeBits> banks[Rows][Pieces][M::Depth][Piece];

    ternc_feature_memory() {
        TERNC_PARTITION(banks, 1);
        TERNC_PARTITION(banks, 2);
        TERNC_RESHAPE(banks, 4);
    }

    // One pixel's vector: element k * Piece of `codes` is the first of RAM (piece + k) mod Pieces.
    void write(int bank, int address, int next, int piece, const ternc_uint<M::CodeBits> (&codes)[M::Cols]) {
        TERNC_UNROLL(p, Pieces) {
            const int k = p >= piece ? p - piece : p + Pieces - piece;
            const int at = p >= piece ? address : next;
            if (k < VectorPieces && at < M::Depth) {
                TERNC_UNROLL(i, Piece) banks[bank][p][at][i] = codes[k * Piece + i];
            }
        }
    }

    // What row r of the array reads is in bank (r + rot) mod Rows, at `address` or, in the banks below rot, at `above`; a
    // row that is not in the mask gets `pad` in all lanes.
    void read(int address, int above, int rot, int part, const bool (&mask)[Rows], int pad,
              ternc_uint<ActBits> (&act)[Rows][Lanes]) const {
        ternc_uint<ActBits> words[Rows][Lanes];
        TERNC_PARTITION(words, 0);
        TERNC_UNROLL(b, Rows) {
            const bool behind = b < rot;
            const bool shown = mask[behind ? b + Rows - rot : b - rot];
            const int at = behind ? above : address;
            TERNC_UNROLL(l, Lanes) words[b][l] = ternc_uint<ActBits>(shown ? 0 : pad);
            if (shown) {
                TERNC_UNROLL(p, PartPieces) {
                    TERNC_UNROLL(i, Piece) {
                        words[b][p * Piece + i] = ternc_uint<ActBits>(banks[b][part * PartPieces + p][at][i]);
                    }
                }
            }
        }
        TERNC_UNROLL(r, Rows) {
            const int b = r + rot >= Rows ? r + rot - Rows : r + rot;
            TERNC_UNROLL(l, Lanes) act[r][l] = words[b][l];
        }
    }
};
