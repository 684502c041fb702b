"""Shapes, ranges and work of a layer."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ternc.network.analysis import (
    accumulator_range,
    conv_size,
    density,
    hull,
    macs,
    out_shape,
    phases,
    pool_size,
    sum_size,
    weight_bits,
)
from ternc.network.layers import IntRange, Linear, Pool, Tensor, Term

SOURCE = Tensor(name="in", channels=4, height=6, width=9, range=IntRange(low=-2, high=5))
WEIGHTS = np.zeros((6, 2, 3, 2), np.int32)
WEIGHTS[0, :, 0, 0] = 1
WEIGHTS[1, 0, :, 0] = -1
WEIGHTS[2, 0, 0] = (1, -1)
TERM = Term(
    source="in",
    weights=WEIGHTS,
    stride=(2, 3),
    padding=(1, 0, 2, 1),
    dilation=(2, 1),
    groups=2,
    upsample=(1, 2),
)
LAYER = Linear(
    name="conv",
    kind="conv",
    terms=(TERM,),
    target="out",
    pool=Pool(kernel=(2, 2), stride=(1, 2), minimum=(False,) * 6),
)
OTHER = Tensor(name="other", channels=1, height=3, width=6, range=IntRange(low=0, high=10))
SUM = replace(LAYER, terms=(TERM, Term(source="other", weights=np.full((6, 1, 1, 1), -3, np.int32))))


def test_conv_and_pool_sizes() -> None:
    # 6 + 3 = 9 rows, windows of 5, stride 2: 3; 18 + 1 = 19 columns, windows of 2, stride 3: 6
    assert conv_size(TERM, SOURCE) == sum_size(LAYER, (SOURCE,)) == (3, 6)
    assert out_shape(LAYER, (SOURCE,)) == (6, 2, 3)
    assert out_shape(SUM, (SOURCE, OTHER)) == (6, 2, 3)


def test_crops_make_a_map_smaller() -> None:
    # 6 - 1 + 2 = 7 rows; 18 - 2 - 1 = 15 columns
    assert conv_size(replace(TERM, padding=(-1, -2, 2, -1)), SOURCE) == (2, 5)


def test_pools_have_padding_and_dilation() -> None:
    pool = Pool(kernel=(3, 2), stride=(2, 1), minimum=(False,), padding=(1, 0, 2, 3), dilation=(2, 3))
    # 6 + 3 = 9 rows, windows of 5, stride 2: 3; 4 + 3 = 7 columns, windows of 4: 4
    assert pool_size(pool, (6, 4)) == (3, 4)


def test_accumulator_ranges_count_signs() -> None:
    found = accumulator_range(LAYER, (SOURCE,))
    assert found[:4] == (
        IntRange(low=-4, high=10),
        IntRange(low=-15, high=6),
        IntRange(low=-7, high=7),
        IntRange(low=0, high=0),
    )
    assert hull(found) == IntRange(low=-15, high=10)
    assert hull((IntRange(low=3, high=4),)) == IntRange(low=0, high=4)


def test_accumulator_ranges_add_terms_and_weigh_wide_weights() -> None:
    found = accumulator_range(SUM, (SOURCE, OTHER))
    assert found[:2] == (IntRange(low=-34, high=10), IntRange(low=-45, high=6))
    wide = replace(TERM, weights=WEIGHTS * 100 - 1)  # 0: 2 of 99, 10 of -1
    (first, *_) = accumulator_range(replace(LAYER, terms=(wide,)), (SOURCE,))
    assert first == IntRange(low=2 * 99 * -2 + 10 * -5, high=2 * 99 * 5 + 10 * 2)


def test_a_range_without_0_is_widened_for_padding() -> None:
    above = replace(SOURCE, range=IntRange(low=1, high=5))
    assert accumulator_range(LAYER, (above,))[0] == IntRange(low=0, high=10)


def test_ranges_do_not_overflow() -> None:
    huge = replace(SOURCE, range=IntRange(low=0, high=2**62))
    wide = replace(TERM, weights=np.full((6, 2, 3, 2), 2**31 - 1, np.int32))
    assert accumulator_range(replace(LAYER, terms=(wide,)), (huge,))[0].high == 12 * (2**31 - 1) * 2**62


TRANSPOSED = Term(
    source="in",
    weights=np.arange(1, 17, dtype=np.int32).reshape(1, 1, 4, 4),
    upsample=(2, 2),
    padding=(1, 1, 2, 2),
    fill="zeros",
)
ONE = Tensor(name="in", channels=1, height=3, width=5, range=IntRange(low=0, high=1))


def test_inserted_zeros_are_neither_work_nor_reach() -> None:
    layer = Linear(name="up", kind="conv", terms=(TRANSPOSED,), target="out")
    assert conv_size(TRANSPOSED, ONE) == (6, 10)
    # kernel 4, stride 2: each pixel meets each weight once
    assert macs(layer, (ONE,)) == 16 * 3 * 5
    # an output sees every second tap of every second row: at most 6 + 8 + 14 + 16
    assert accumulator_range(layer, (ONE,)) == (IntRange(low=0, high=44),)
    copies = replace(layer, terms=(replace(TRANSPOSED, fill="copies"),))
    assert macs(copies, (ONE,)) == 16 * 6 * 10
    assert accumulator_range(copies, (ONE,)) == (IntRange(low=0, high=136),)


def test_a_phase_without_taps_reaches_nothing() -> None:
    pixel = replace(TRANSPOSED, weights=np.ones((1, 1, 1, 1), np.int32), padding=(0, 0, 0, 0))
    layer = Linear(name="up", kind="conv", terms=(pixel,), target="out")
    assert macs(layer, (ONE,)) == 3 * 5
    assert [axis.taps for axis in phases(pixel)[0]] == [(0,), ()]


@pytest.mark.parametrize("stride", [1, 2, 3, 4])
@pytest.mark.parametrize("dilation", [1, 2, 3])
@pytest.mark.parametrize("factor", [1, 2, 3, 6])
@pytest.mark.parametrize("padding", [-3, 0, 1, 5])
def test_phases_list_the_pixels_that_are_read(stride: int, dilation: int, factor: int, padding: int) -> None:
    term = Term(
        source="in",
        weights=np.ones((1, 1, 5, 1), np.int32),
        stride=(stride, 1),
        dilation=(dilation, 1),
        upsample=(factor, 1),
        padding=(padding, 0, 0, 0),
        fill="zeros",
    )
    rows, _ = phases(term)
    for j in range(12):
        places = ((k, j * stride + k * dilation - padding) for k in range(5))
        expected = [(k, place // factor) for k, place in places if place % factor == 0]
        axis = rows[j % len(rows)]
        assert axis.period == len(rows)
        first = axis.start + j // len(rows) * axis.step
        assert [(k, first + t * axis.spacing) for t, k in enumerate(axis.taps)] == expected


def test_work_counts_zeros_and_outputs_in_front_of_the_pool() -> None:
    assert macs(LAYER, (SOURCE,)) == 6 * 2 * 3 * 2 * 3 * 6
    assert macs(SUM, (SOURCE, OTHER)) == 6 * 2 * 3 * 2 * 3 * 6 + 6 * 3 * 6
    assert density(LAYER) == 7 / 72
    assert density(SUM) == 13 / 78


@pytest.mark.parametrize(
    ("weight", "bits"), [(0, 2), (1, 2), (-1, 2), (2, 3), (-3, 3), (3, 3), (-8, 4), (127, 8), (-129, 9)]
)
def test_weight_bits_hold_the_widest_weight(weight: int, bits: int) -> None:
    widest = np.zeros((6, 1, 1, 1), np.int32)
    widest[3] = weight
    layer = replace(LAYER, terms=(TERM, replace(SUM.terms[1], weights=widest)))
    assert weight_bits(layer) == bits
