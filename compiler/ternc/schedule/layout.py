"""Where each value of a tensor lies: banks, words, lanes (docs/program.md, 'Layouts').

A word holds one chunk of one pixel's channels. Pixels of a row are spread over ``rows`` banks so that any
``rows`` neighbours at the reader's stride lie in different banks.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ternc.network.layers import Tensor
from ternc.numeric import ceil_div
from ternc.schedule.design import ArrayShape


@dataclass(frozen=True, slots=True, kw_only=True)
class Lanes:
    """Which (chunk, lane) a channel occupies, as the tensor's writer leaves it.

    A writer with ``cols`` columns fills ``slices`` tiles into one word where ``cols <= lanes``, and ``words``
    words with one tile otherwise. The input port fills words without gaps.
    """

    chunks: int
    chunk: NDArray[np.int64]
    lane: NDArray[np.int64]

    @classmethod
    def of_port(cls, channels: int, lanes: int) -> Lanes:
        """Channels in order, ``lanes`` to a word."""
        channel = np.arange(channels)
        return cls(chunks=ceil_div(channels, lanes), chunk=channel // lanes, lane=channel % lanes)

    @classmethod
    def of_array(cls, channels: int, shape: ArrayShape) -> Lanes:
        """Channels as an array's collector writes them, tile by tile."""
        channel = np.arange(channels)
        tile, col = channel // shape.cols, channel % shape.cols
        if shape.cols <= shape.lanes:
            slices = shape.lanes // shape.cols
            chunk, lane = tile // slices, tile % slices * shape.cols + col
            chunks = int(chunk[-1]) + 1
        else:
            words = ceil_div(shape.cols, shape.lanes)
            chunk, lane = tile * words + col // shape.lanes, col % shape.lanes
            chunks = (int(tile[-1]) + 1) * words  # a tile is always written whole
        return cls(chunks=chunks, chunk=chunk, lane=lane)


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Addresses of a tensor in a banked memory: ``base + chunk*plane + y*pitch + phase*phase_words + word``.

    Pixel x of a row is index ``x // stride`` of phase ``x % stride``; the index is word ``index // banks`` of
    bank ``index % banks``.
    """

    banks: int
    stride: int
    width: int
    rows: int
    lanes: Lanes
    base: int = 0

    @classmethod
    def of(cls, tensor: Tensor, *, banks: int, stride: int, rows: int, lanes: Lanes, base: int = 0) -> Layout:
        """The layout of a tensor of which ``rows`` >= height rows are written."""
        return cls(banks=banks, stride=stride, width=tensor.width, rows=rows, lanes=lanes, base=base)

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
        """Words from one chunk to the next."""
        return self.rows * self.pitch

    @property
    def words(self) -> int:
        """Words in each bank."""
        return self.lanes.chunks * self.plane

    def place(self, x: int) -> tuple[int, int]:
        """(bank, word offset within the row) of pixel x."""
        index, phase = divmod(x, self.stride)
        return index % self.banks, phase * self.phase_words + index // self.banks

    def column(self, dx: int) -> tuple[int, int, int, int]:
        """How to read pixels ``j * stride + dx`` of a row for ``banks`` neighbouring j at once.

        Returns:
            (offset, rotation, q, limit): word offset relative to the row and group of the first pixel; bank of
            its first index; first index relative to j; number of indices in the phase (docs/program.md).
        """
        q, phase = divmod(dx, self.stride)
        words, rotation = divmod(q, self.banks)
        return phase * self.phase_words + words, rotation, q, self.indices(phase)
