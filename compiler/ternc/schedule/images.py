"""Bits of the memory images: fields to words, digits to weight words, requantiser words, threshold trees, tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from ternc.errors import InternalError
from ternc.numeric import address_bits
from ternc.schedule.design import ArrayShape, Geometry, Memory
from ternc.schedule.requant import LayerRequant, param_order
from ternc.schedule.sums import Sums


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


def pack_rows(values: NDArray[np.int64], widths: Sequence[int]) -> tuple[int, ...]:
    """`pack_word` of every row of int64 ``[n, fields]``.

    Raises:
        InternalError: A value does not fit its field.
    """
    columns = []
    for column, width in zip(values.T, widths, strict=True):
        wrong = column[(column < -(1 << (width - 1))) | (column >= 1 << width)]
        if wrong.size:
            raise InternalError("schedule", f"the value {wrong[0]} does not fit a field of {width} bits")
        columns.append((column[:, None] >> np.arange(width) & 1).astype(np.uint8))
    packed = np.packbits(np.concatenate(columns, axis=1), axis=1, bitorder="little")
    return tuple(int.from_bytes(row.tobytes(), "little") for row in packed)


def weight_images(weights: NDArray[np.int8], shape: ArrayShape) -> tuple[Memory, ...]:
    """One image per column from digits int8 ``[depth, cols, lanes]``."""
    bits = packed_bits(weights) if shape.packed else plain_bits(weights)
    words = np.packbits(bits, axis=-1, bitorder="little")
    return tuple(
        Memory(
            name=f"weights_{c}",
            width_bits=shape.weight_bits,
            words=tuple(int.from_bytes(row.tobytes(), "little") for row in words[:, c]),
        )
        for c in range(shape.cols)
    )


def plain_bits(weights: NDArray[np.int8]) -> NDArray[np.uint8]:
    """Digits ``[..., lanes]`` as bits ``[..., 2 * lanes]``: {neg, nz} each, nz at the lower place."""
    return np.stack([weights != 0, weights < 0], axis=-1).reshape(*weights.shape[:-1], -1).astype(np.uint8)


def packed_bits(weights: NDArray[np.int8]) -> NDArray[np.uint8]:
    """Digits ``[..., lanes]`` as the bits of `ArrayShape.weight_bits`, lowest first (hw/rtl/ternc_unpack.sv).

    Five digits in eight bits, three in five, what is then left plain.
    """
    lanes = weights.shape[-1]
    fives, left = lanes // 5, lanes % 5
    groups = weights[..., : 5 * fives].reshape(*weights.shape[:-1], fives, 5)
    rest = weights[..., 5 * fives :]
    found = [_bits(_five(groups), 8)]
    if left >= 3:
        found.append(_bits(_triple(rest[..., None, :3]), 5))
    found.append(plain_bits(rest[..., 3 if left >= 3 else 0 :]))
    return np.concatenate(found, axis=-1)


def _bits(codes: NDArray[np.uint8], width: int) -> NDArray[np.uint8]:
    """Codes ``[..., n]`` as bits ``[..., n * width]``."""
    bits = codes[..., None] >> np.arange(width, dtype=np.uint8) & 1
    return bits.reshape(*codes.shape[:-1], -1).astype(np.uint8)


def _five(trits: NDArray[np.int8]) -> NDArray[np.uint8]:
    """The code of five digits, the last axis."""
    triple, pair = _triple(trits[..., :3]), _pair(trits[..., 3:])
    escape = triple >> 2 << 5 | 7 << 2 | triple & 3
    return np.where((trits[..., 3:] < 0).all(axis=-1), escape, pair << 5 | triple).astype(np.uint8)


def _triple(trits: NDArray[np.int8]) -> NDArray[np.uint8]:
    """The code of three digits."""
    pair, last = _pair(trits[..., :2]), np.where(trits[..., 2] < 0, 2, trits[..., 2])
    return np.where((trits[..., :2] < 0).all(axis=-1), 3 << 3 | last, last << 3 | pair).astype(np.uint8)


def _pair(trits: NDArray[np.int8]) -> NDArray[np.uint8]:
    """The code of two digits; of (-1, -1) anything."""
    x, y = trits[..., 0], trits[..., 1]
    negative, other = (x < 0) | (y < 0), np.where(y < 0, x, y)
    signed = 4 | (y < 0) << 1 | (other > 0)
    return np.where(negative, signed, (y > 0) << 1 | (x > 0)).astype(np.uint8)


def requant_bits(g: Geometry) -> int:
    """Of a requantiser's word."""
    table = 1 + address_bits(g.tables) if g.tables else 0
    return g.add_bits + g.mul_bits + g.code_bits + 3 + table


def requant_images(layers: Sequence[LayerRequant], sums: Sums, g: Geometry) -> tuple[Memory, ...]:
    """One image per column: a word for each (layer, class, tile), fields as in docs/hardware.md, ternc_requant.

    In engines with code tables the table's use and number follow. A column without a channel has factor and addend 0,
    so that its value is 0.
    """
    cols = g.shape.cols
    words: list[list[int]] = [[] for _ in range(cols)]
    for n in param_order(layers):
        layer = layers[n]
        up = g.shift - layer.shift
        channels = len(layer.multiplier)
        flags = [(layer.limit, g.code_bits), (layer.form == "raw", 1), (layer.form == "thresholds", 1)]
        table = [(layer.table is not None, 1), (layer.table or 0, address_bits(g.tables))] if g.tables else []
        for addend in sums.layers[n].addend(layer):
            for first in range(0, channels, cols):
                for c in range(cols):
                    o, real = min(first + c, channels - 1), first + c < channels
                    add, mul = (int(addend[o]), int(layer.multiplier[o])) if real else (0, 0)
                    factors = [(add << up, g.add_bits), (mul << up, g.mul_bits)]
                    words[c].append(pack_word([*factors, *flags, (layer.minimum[o], 1), *table]))
    return tuple(
        Memory(name=f"requant_{c}", width_bits=requant_bits(g), words=tuple(column))
        for c, column in enumerate(words)
    )


def threshold_images(
    layers: Sequence[LayerRequant],
    sums: Sums,
    levels: int,
    acc_bits: int,
    shape: ArrayShape,
) -> tuple[tuple[Memory, ...], ...]:
    """Per column and level: word ``(param << level) | prefix`` is the threshold that the search compares with.

    Of the parameters that use thresholds, which are the first ones (`param_order`).
    """
    if not levels:
        return ()
    never = (1 << (acc_bits + 1)) - 1
    # one [cols, 2^levels - 1] sorted list per param; none where hardware for thresholds runs a network without
    trees: list[NDArray[np.int64]] = []
    for n in param_order(layers):
        thresholds = layers[n].thresholds
        if thresholds is None:
            break
        channels, limit = thresholds.shape
        for fix in sums.layers[n].fix:
            for first in range(0, channels, shape.cols):
                tree = np.full((shape.cols, (1 << levels) - 1), never, dtype=np.int64)
                rows = np.arange(first, min(first + shape.cols, channels))
                tree[: len(rows), :limit] = np.clip(thresholds[rows] + fix[rows, None], 0, never)
                trees.append(tree)
    stacked = np.array(trees, np.int64).reshape(-1, shape.cols, (1 << levels) - 1)
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


def table_image(tables: Sequence[Sequence[int]], code_bits: int) -> Memory:
    """Word ``(table << code_bits) | level`` is the code; levels that a table does not have hold 0."""
    words: list[int] = []
    for table in tables:
        words += [*table, *[0] * ((1 << code_bits) - len(table))]
    return Memory(name="tables", width_bits=code_bits, words=tuple(words))
