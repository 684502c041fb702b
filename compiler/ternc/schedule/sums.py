"""How the hardware's accumulators differ from a layer's sums: corrections and widths.

They follow from the digits that are executed (docs/hardware.md, 'Numbers on the wires').
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ternc.network.layers import Linear, Term
from ternc.numeric import signed_bits, unsigned_bits
from ternc.schedule.requant import LayerRequant
from ternc.schedule.tiling import Live, TermWords

_BLOCK_WEIGHTS = 1 << 20  # weights whose digits are looked up at once


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LayerSums:
    """One layer.

    Attributes:
        fix: ``acc_hw - acc``, int64 ``[classes, O]``.
        peak: Largest value that the hardware accumulator can hold.
        digits: Non-zero digits of all weights.
    """

    fix: NDArray[np.int64]
    peak: int
    digits: int

    def addend(self, layer: LayerRequant) -> NDArray[np.int64]:
        """The layer's addends for the hardware's accumulator, int64 ``[classes, O]``."""
        return layer.addend - layer.multiplier * self.fix


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sums:
    """All layers of an engine.

    Attributes:
        acc_bits: Holds every reachable hardware accumulator value.
        add_bits: Signed width of every corrected addend, brought to the common shift.
    """

    layers: tuple[LayerSums, ...]
    acc_bits: int
    add_bits: int


def gather(layers: Sequence[LayerSums], requant: Sequence[LayerRequant], shift: int) -> Sums:
    """The widths that suit all layers."""
    ends = [0]
    for sums, layer in zip(layers, requant, strict=True):
        addend = sums.addend(layer)
        ends += [int(addend.min()) << (shift - layer.shift), int(addend.max()) << (shift - layer.shift)]
    return Sums(
        layers=tuple(layers),
        acc_bits=unsigned_bits(max(sums.peak for sums in layers)),
        add_bits=signed_bits(min(ends), max(ends)),
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TermDigits:
    """What the digits of one term's weights add up to.

    Attributes:
        negative: Absolute sum of the negative digits over the inputs, int64 ``[O, KH, KW]``.
        total: Sum of all of them, which is that of the weights.
        count: Number of non-zero digits.
    """

    negative: NDArray[np.int64]
    total: NDArray[np.int64]
    count: int


def plain_digits(term: Term) -> TermDigits:
    """As if a weight of -w were w times -1: what ternary weights are, and near what others are."""
    negative = -np.minimum(term.weights, 0).sum(axis=1, dtype=np.int64)
    total = term.weights.sum(axis=1, dtype=np.int64)
    return TermDigits(negative=negative, total=total, count=int(np.count_nonzero(term.weights)))


def executed_digits(part: TermWords, plain: TermDigits) -> TermDigits:
    """Those of the planes of each weight's word; ``plain`` are the term's `plain_digits`."""
    weights = part.term.weights
    if part.recoder.peak == 1:
        return plain
    negative = np.zeros((len(weights), *weights.shape[2:]), np.int64)
    count = 0
    step = max(1, _BLOCK_WEIGHTS // weights[0].size)
    for first in range(0, len(weights), step):
        block = slice(first, first + step)
        minus, digits = part.recoder.sums(np.moveaxis(weights[block], 1, 3), part.weight_planes(block))
        negative[block] = minus.sum(axis=3)
        count += int(digits.sum())
    return TermDigits(negative=negative, total=plain.total, count=count)


def layer_sums(
    layer: Linear,
    digits: Sequence[TermDigits],
    live: Sequence[Live],
    ranges: Sequence[tuple[int, int]],
    act_bits: int,
) -> LayerSums:
    """Of the classes ``live``; ``ranges`` are (low, high) of each term's source."""
    ones = (1 << act_bits) - 1
    fix = np.zeros((len(live), layer.channels), np.int64)
    peak = np.zeros_like(fix)
    for t, (found, (low, high)) in enumerate(zip(digits, ranges, strict=True)):
        for n, one in enumerate(live):
            ky, kx = np.array(one[t][0], int)[:, None], np.array(one[t][1], int)
            minus, sums = found.negative[:, ky, kx].sum(axis=(1, 2)), found.total[:, ky, kx].sum(axis=(1, 2))
            fix[n] += ones * minus - low * sums
            peak[n] += ones * minus + (high - low) * (sums + minus)
    return LayerSums(fix=fix, peak=int(peak.max()), digits=sum(found.count for found in digits))
