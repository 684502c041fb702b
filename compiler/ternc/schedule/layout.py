"""Where each value of a tensor lies: banks, wide words, parts, lanes (docs/program.md, 'Layouts').

A word holds one chunk of one pixel's channels; a wide word holds as many words as one written vector can touch.
Pixels of a row are spread over ``banks`` so that any ``banks`` neighbours at the reader's stride lie in
different ones.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ternc.errors import ScheduleError
from ternc.network.layers import Tensor
from ternc.numeric import ceil_div
from ternc.schedule.bundles import ONE, bundle_skew
from ternc.schedule.design import BankedMemory, Bundles


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Addresses of a tensor in a banked memory: ``base + wide*plane + row*pitch + phase*phase_words + word``.

    Pixel x of a row is index ``x // stride`` of phase ``x % stride``; with the phase's shift added, the index is word
    ``index // banks`` of bank ``index % banks``. The shifts, ``phase * skew % banks``, are such that the pixels of a
    bundle, which are written at once, lie in different banks. Channel c is lane ``c % lanes`` of chunk ``c // lanes``,
    which is part ``chunk % parts`` of wide word ``chunk // parts``.

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
    skew: int = 0

    @classmethod
    def of(
        cls,
        tensor: Tensor,
        memory: BankedMemory,
        *,
        banks: int,
        stride: int,
        rows: int,
        base: int = 0,
        bundles: Bundles = ONE,
    ) -> Layout:
        """The layout of a tensor of which the memory has ``rows`` rows; the memory's depth does not matter.

        Raises:
            ScheduleError: The pixels of a bundle cannot lie in different banks.
        """
        tiles = ceil_div(tensor.channels, memory.cols)
        skew = bundle_skew(tensor.width, bundles, banks=banks, stride=stride)
        if skew is None:
            raise ScheduleError(
                f"tensor '{tensor.name}': {bundles.pixels} of its pixels are made per clock, which must lie in "
                f"different ones of the {banks} banks (rows of the array) that its reader has, but cannot",
                help="lower the drain of the array that makes it, or give the array that reads it more rows",
            )
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
            skew=skew,
        )

    def indices(self, phase: int) -> int:
        """Pixels of one row that belong to a phase."""
        return max(0, ceil_div(self.width - phase, self.stride))

    @property
    def phase_words(self) -> int:
        """Words that one phase of one row takes in each bank."""
        if not self.skew:
            return ceil_div(self.indices(0), self.banks)
        return max(
            ceil_div(self.indices(phase) + self.shift(phase), self.banks)
            for phase in range(min(self.stride, self.width))
        )

    def shift(self, phase: int) -> int:
        """Banks by which a phase begins later."""
        return phase * self.skew % self.banks

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
        index += self.shift(phase)
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
        words, rotation = divmod(q + self.shift(phase), self.banks)
        return phase * self.phase_words + words, rotation, q, self.indices(phase)
