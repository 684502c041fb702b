"""Integer maps to AXI4-Stream beats and back, as `StreamPort` defines them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from ternc.errors import DataError
from ternc.schedule.design import StreamPort

_CHUNK_ELEMENTS = 1 << 20
"""Elements whose bits are spread out at once: bounds the memory a long stream takes."""


def pack(port: StreamPort, maps: NDArray[np.int64]) -> NDArray[np.uint8]:
    """The beats that carry ``maps`` through ``port``.

    Args:
        port: The stream.
        maps: Integers ``[frames, channels, height, width]``.
    Returns:
        uint8 ``[frames, beats_per_frame, data_bytes]``; leftover bits are 0.
    Raises:
        DataError: A value does not fit the port's element, or the shape is not the port's.
    Law: ``unpack(port, pack(port, maps)) == maps``.
    """
    frames = _check_shape(port, maps.shape)
    _check_range(port, maps)
    beats = np.zeros((frames, port.beats_per_frame, port.data_bytes), np.uint8)
    slots = port.elements_per_pixel
    pixels = port.height * port.width
    word = _word_bytes(port.element_bits)
    for part in _chunks(frames, pixels * slots):
        count = part.stop - part.start
        words = np.zeros((count, pixels, slots), f"<u{word}")
        rows = maps[part].transpose(0, 2, 3, 1).reshape(count, pixels, port.channels)
        words[..., : port.channels] = rows.astype(np.int64).view(np.uint64)
        data = words.view(np.uint8).reshape(count, port.beats_per_frame, port.elements_per_beat, word)
        if port.element_bits != 8 * word:
            bits = np.unpackbits(data, axis=-1, bitorder="little")[..., : port.element_bits]
            data = np.packbits(bits.reshape(count, port.beats_per_frame, -1), axis=-1, bitorder="little")
        beats[part] = data.reshape(count, port.beats_per_frame, port.data_bytes)
    return beats


def pack_all(ports: Sequence[StreamPort], maps: Sequence[NDArray[np.int64]]) -> tuple[NDArray[np.uint8], ...]:
    """The beats of every port."""
    return tuple(pack(port, values) for port, values in zip(ports, maps, strict=True))


def unpack(port: StreamPort, beats: NDArray[np.uint8]) -> NDArray[np.int64]:
    """The maps that ``beats`` carry: the inverse of `pack`, whatever the leftover bits are.

    Args:
        port: The stream.
        beats: uint8 ``[frames, beats_per_frame, data_bytes]``.
    Returns:
        int64 ``[frames, channels, height, width]``.
    Raises:
        DataError: The shape is not the port's.
    """
    if beats.ndim != 3 or beats.shape[1:] != (port.beats_per_frame, port.data_bytes):
        raise DataError(
            f"beats of port '{port.name}' must have shape [frames, {port.beats_per_frame}, {port.data_bytes}], "
            f"but have {list(beats.shape)}"
        )
    frames = beats.shape[0]
    maps = np.empty((frames, port.channels, port.height, port.width), np.int64)
    slots = port.elements_per_pixel
    for part in _chunks(frames, port.height * port.width * slots):
        values = elements(beats[part], port.elements_per_beat, port.element_bits, signed=port.signed)
        pixels = values.reshape(-1, port.height, port.width, slots)[..., : port.channels]
        maps[part] = pixels.transpose(0, 3, 1, 2)
    return maps


def elements(words: NDArray[np.uint8], count: int, bits: int, *, signed: bool) -> NDArray[np.int64]:
    """Element i of each word = bits ``[i*bits +: bits]`` of its little-endian bytes.

    Args:
        words: uint8 ``[..., bytes]``.
        count: Elements a word.
        bits: Width of one, at most 64.
        signed: Two's complement.
    Returns:
        int64 ``[..., count]``.
    """
    word, unused = _word_bytes(bits), 64 - bits
    used = np.unpackbits(words, axis=-1, bitorder="little")[..., : count * bits]
    wide = np.zeros((*words.shape[:-1], count, 8 * word), np.uint8)
    wide[..., :bits] = used.reshape(*wide.shape[:-1], bits)
    codes = np.packbits(wide, axis=-1, bitorder="little").view(f"<u{word}")[..., 0].astype(np.uint64)
    values = codes.view(np.int64)
    return (values << unused) >> unused if signed else values


def _check_shape(port: StreamPort, shape: tuple[int, ...]) -> int:
    """The number of frames; DataError if the other axes are not the port's."""
    wanted = (port.channels, port.height, port.width)
    if len(shape) != 4 or shape[1:] != wanted:
        raise DataError(
            f"maps of port '{port.name}' must have shape [frames, {', '.join(map(str, wanted))}], "
            f"but have {list(shape)}"
        )
    return shape[0]


def _check_range(port: StreamPort, maps: NDArray[np.int64]) -> None:
    """DataError if a value needs more bits than an element has."""
    if maps.size == 0:
        return
    low = -(1 << (port.element_bits - 1)) if port.signed else 0
    high = (1 << (port.element_bits - port.signed)) - 1
    for value in (int(maps.min()), int(maps.max())):
        if not low <= value <= high:
            raise DataError(f"values of port '{port.name}' must lie in {low}..{high}, but one is {value}")


def _word_bytes(element_bits: int) -> int:
    """Bytes of the smallest machine word that holds an element."""
    return next(size for size in (1, 2, 4, 8) if 8 * size >= element_bits)


def _chunks(frames: int, elements: int) -> Iterator[slice]:
    """Ranges of frames that together hold about `_CHUNK_ELEMENTS` elements."""
    step = max(1, _CHUNK_ELEMENTS // max(1, elements))
    for start in range(0, frames, step):
        yield slice(start, min(start + step, frames))
