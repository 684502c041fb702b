"""Where each value of a tensor lies: banks, wide words, parts, lanes (docs/program.md, 'Layouts').

A word holds one chunk of one pixel's channels; a wide word holds as many words as one written vector can touch.
Pixels of a row are spread over ``banks`` so that any ``banks`` neighbours at the reader's stride lie in
different ones.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ternc.network.layers import Tensor
from ternc.numeric import ceil_div
from ternc.schedule.design import BankedMemory


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Addresses of a tensor in a banked memory: ``base + wide*plane + row*pitch + phase*phase_words + word``.

    Pixel x of a row is index ``x // stride`` of phase ``x % stride``; the index is word ``index // banks`` of
    bank ``index % banks``. Channel c is lane ``c % lanes`` of chunk ``c // lanes``, which is part ``chunk %
    parts`` of wide word ``chunk // parts``.

    Attributes:
        rows: Rows that the memory has for it: of a circular buffer all, of a map its own.
        wides: Wide words of a pixel.
    """

    banks: int
    stride: int
    width: int
    rows: int
    lanes: int
    parts: int
    pieces: int
    piece: int
    wides: int
    base: int = 0

    @classmethod
    def of(
        cls, tensor: Tensor, memory: BankedMemory, *, banks: int, stride: int, rows: int, base: int = 0
    ) -> Layout:
        """The layout of a tensor of which the memory has ``rows`` rows; the memory's depth does not matter."""
        tiles = ceil_div(tensor.channels, memory.cols)
        return cls(
            banks=banks,
            stride=stride,
            width=tensor.width,
            rows=rows,
            lanes=memory.lanes,
            parts=memory.parts,
            pieces=memory.pieces,
            piece=memory.piece,
            wides=ceil_div(tiles * memory.cols, memory.parts * memory.lanes),
            base=base,
        )

    def indices(self, phase: int) -> int:
        """Pixels of one row that belong to a phase."""
        return max(0, ceil_div(self.width - phase, self.stride))

    @property
    def phase_words(self) -> int:
        """Words that one phase of one row takes in each bank."""
        return ceil_div(self.indices(0), self.banks)

    @property
    def pitch(self) -> int:
        """Words from one row to the next."""
        return self.stride * self.phase_words

    @property
    def plane(self) -> int:
        """Words from one wide word of a pixel to the next."""
        return self.rows * self.pitch

    @property
    def words(self) -> int:
        """Words in each bank."""
        return self.wides * self.plane

    def place(self, x: int) -> tuple[int, int]:
        """(bank, word offset within the row) of pixel x."""
        index, phase = divmod(x, self.stride)
        return index % self.banks, phase * self.phase_words + index // self.banks

    def tile(self, t: int, cols: int) -> tuple[int, int]:
        """(word offset, piece) at which the vector of tile t begins."""
        wide, piece = divmod(t * (cols // self.piece), self.pieces)
        return wide * self.plane, piece

    def chunks(self, numbers: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """(word offset, part) of each of some chunks."""
        wide, part = np.divmod(numbers, self.parts)
        return self.base + wide * self.plane, part

    def column(self, dx: int) -> tuple[int, int, int, int]:
        """How to read pixels ``j * stride + dx`` of a row for ``banks`` neighbouring j at once.

        Returns:
            (offset, rotation, q, limit): word offset relative to the row and group of the first pixel; bank of
            its first index; first index relative to j; number of indices in the phase (docs/program.md).
        """
        q, phase = divmod(dx, self.stride)
        words, rotation = divmod(q, self.banks)
        return phase * self.phase_words + words, rotation, q, self.indices(phase)
