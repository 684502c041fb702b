"""Memory images as C++ arrays: words cut into chunks that a plain integer holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ternc.errors import InternalError
from ternc.numeric import ceil_div
from ternc.schedule.design import Memory

_CHUNK_BITS = 64
_LINE_WORDS = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Rom:
    """An array of one image, or of one for each column.

    Attributes:
        name: Of the array; accessor, chunk_name: how the engine's parameters call it and its chunks' width.
        chunk_bits: Bits of a chunk; chunk k of a word has its bits ``[k * chunk_bits, (k + 1) * chunk_bits)``.
        chunks: Of a word.
        memories: The image, or those of the columns, all of one shape.
        by_column: Whether it is an array of columns.
    """

    name: str
    accessor: str
    chunk_name: str
    chunk_bits: int
    chunks: int
    memories: tuple[Memory, ...]
    by_column: bool

    @property
    def dimensions(self) -> str:
        """In C++: columns if there are any, words, chunks."""
        columns = f"[{len(self.memories)}]" if self.by_column else ""
        return f"{columns}[{len(self.memories[0].words)}][{self.chunks}]"

    @property
    def text(self) -> str:
        """The initialiser, line by line."""
        found = [_words(memory, self.chunk_bits, self.chunks) for memory in self.memories]
        if not self.by_column:
            return found[0]
        return "".join(f"// column {c}\n{{\n{words}}},\n" for c, words in enumerate(found))


def rom(name: str, memory: Memory, *, accessor: str = "", chunk_name: str = "") -> Rom:
    """The array of one image: ``[words][chunks]``."""
    chunk, count = chunks(memory.width_bits)
    return Rom(
        name=name,
        accessor=accessor,
        chunk_name=chunk_name,
        chunk_bits=chunk,
        chunks=count,
        memories=(memory,),
        by_column=False,
    )


def column_rom(
    name: str, memories: Sequence[Memory], *, granule: int = 1, accessor: str = "", chunk_name: str = ""
) -> Rom:
    """The array of a column's image each: ``[columns][words][chunks]``; no chunk cuts a granule of so many bits."""
    first = memories[0]
    chunk, count = chunks(first.width_bits, granule)
    for memory in memories:
        if (memory.width_bits, len(memory.words)) != (first.width_bits, len(first.words)):
            raise InternalError("emit", f"the image {memory.name} has another shape than {first.name}")
    return Rom(
        name=name,
        accessor=accessor,
        chunk_name=chunk_name,
        chunk_bits=chunk,
        chunks=count,
        memories=tuple(memories),
        by_column=True,
    )


def chunks(width_bits: int, granule: int = 1) -> tuple[int, int]:
    """(bits of a chunk, chunks of a word): as few as 64 bits allow, as equal as whole granules allow."""
    granules = ceil_div(width_bits, granule)
    count = ceil_div(granules, _CHUNK_BITS // granule)
    return ceil_div(granules, count) * granule, count


def _words(memory: Memory, chunk: int, count: int) -> str:
    """The words' initialisers, several a line."""
    size = ceil_div(chunk * count, 8)
    data = b"".join(word.to_bytes(size, "little") for word in memory.words)
    values = _cut(np.frombuffer(data, np.uint8).reshape(len(memory.words), size), chunk, count)
    word = "{" + ",".join(["0x%xull" if chunk > 32 else "0x%x"] * count) + "},"
    starts = range(0, len(values), _LINE_WORDS)
    lines = [values[at : at + _LINE_WORDS] for at in starts]
    return "".join((word * len(line) + "\n") % tuple(line.ravel().tolist()) for line in lines)


def _cut(words: NDArray[np.uint8], chunk: int, count: int) -> NDArray[np.uint64]:
    """uint64 ``[words, count]`` of little-endian bytes."""
    if chunk == _CHUNK_BITS:
        return words[:, : 8 * count].copy().view("<u8")
    bits = np.unpackbits(words, axis=1, bitorder="little")[:, : chunk * count]
    wide = np.zeros((len(words), count, _CHUNK_BITS), np.uint8)
    wide[:, :, :chunk] = bits.reshape(len(words), count, chunk)
    return np.packbits(wide, axis=2, bitorder="little").view("<u8")[:, :, 0]
