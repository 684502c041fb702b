"""Bits of the memory images: fields to words, trits to weight words, requantiser words, threshold trees."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from ternc.errors import InternalError
from ternc.schedule.design import ArrayShape, Memory
from ternc.schedule.requant import LayerRequant, RequantWidths


def pack_word(fields: Iterable[tuple[int, int]]) -> int:
    """Joins ``(value, width_bits)`` fields, the first at bit 0; negative values in two's complement.

    Raises:
        InternalError: A value does not fit its field.
    """
    word, at = 0, 0
    for value, width in fields:
        if not -(1 << (width - 1)) <= value < (1 << width):
            raise InternalError("schedule", f"the value {value} does not fit a field of {width} bits")
        word |= (value & ((1 << width) - 1)) << at
        at += width
    return word


def weight_images(weights: NDArray[np.int8], shape: ArrayShape) -> tuple[Memory, ...]:
    """One image per column from trits int8 ``[depth, cols, lanes]``; a trit is the two bits {neg, nz}."""
    codes = np.where(weights < 0, 3, weights).astype(np.uint8)
    bits = np.stack([codes & 1, codes >> 1], axis=-1).reshape(len(weights), shape.cols, 2 * shape.lanes)
    packed = np.packbits(bits, axis=-1, bitorder="little")
    return tuple(
        Memory(
            name=f"weights_{c}",
            width_bits=2 * shape.lanes,
            words=tuple(int.from_bytes(row.tobytes(), "little") for row in packed[:, c]),
        )
        for c in range(shape.cols)
    )


def requant_images(
    layers: Sequence[LayerRequant], widths: RequantWidths, shape: ArrayShape
) -> tuple[Memory, ...]:
    """One image per column: a word for each (layer, tile), fields as in docs/hardware.md, ternc_requant."""
    words: list[list[int]] = [[] for _ in range(shape.cols)]
    for layer in layers:
        up = widths.shift - layer.shift
        channels = len(layer.multiplier)
        for first in range(0, channels, shape.cols):
            for c in range(shape.cols):
                o = min(first + c, channels - 1)  # a column without a channel repeats the last one
                words[c].append(
                    pack_word(
                        (
                            (int(layer.addend[o]) << up, widths.add_bits),
                            (int(layer.multiplier[o]) << up, widths.mul_bits),
                            (layer.limit, widths.code_bits),
                            (layer.form == "raw", 1),
                            (layer.form == "thresholds", 1),
                            (layer.minimum[o], 1),
                        )
                    )
                )
    width = widths.add_bits + widths.mul_bits + widths.code_bits + 3
    return tuple(
        Memory(name=f"requant_{c}", width_bits=width, words=tuple(column)) for c, column in enumerate(words)
    )


def threshold_images(
    layers: Sequence[LayerRequant], levels: int, acc_bits: int, shape: ArrayShape
) -> tuple[tuple[Memory, ...], ...]:
    """Per column and level: word ``(param << level) | prefix`` is the threshold that the search compares with."""
    if not levels:
        return ()
    never = (1 << (acc_bits + 1)) - 1
    trees: list[NDArray[np.int64]] = []  # one [2^levels - 1] sorted list per (param, column)
    for layer in layers:
        channels = len(layer.multiplier)
        for first in range(0, channels, shape.cols):
            tree = np.full((shape.cols, (1 << levels) - 1), never, dtype=np.int64)
            if layer.thresholds is not None:
                rows = np.minimum(first + np.arange(shape.cols), channels - 1)
                tree[:, : layer.limit] = np.minimum(layer.thresholds[rows], never)
            trees.append(tree)
    stacked = np.stack(trees)  # [params, cols, 2^levels - 1]
    images = []
    for c in range(shape.cols):
        column = []
        for level in range(levels):
            prefix = np.arange(1 << level)
            candidate = (2 * prefix + 1) << (levels - 1 - level)
            words = stacked[:, c, candidate - 1].reshape(-1)
            column.append(
                Memory(name=f"thresholds_{c}_{level}", width_bits=acc_bits + 1, words=tuple(words.tolist()))
            )
        images.append(tuple(column))
    return tuple(images)
