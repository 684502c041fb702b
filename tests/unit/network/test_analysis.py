"""Shapes, ranges and work of a layer."""

from __future__ import annotations

import numpy as np

from ternc.network.analysis import accumulator_range, conv_size, density, hull, macs, out_shape
from ternc.network.layers import IntRange, Linear, Pool, Tensor

SOURCE = Tensor(name="in", channels=4, height=6, width=9, range=IntRange(low=-2, high=5))
TRITS = np.zeros((6, 2, 3, 2), np.int8)
TRITS[0, :, 0, 0] = 1
TRITS[1, 0, :, 0] = -1
TRITS[2, 0, 0] = (1, -1)
LAYER = Linear(
    name="conv",
    kind="conv",
    source="in",
    target="out",
    trits=TRITS,
    stride=(2, 3),
    padding=(1, 0, 2, 1),
    dilation=(2, 1),
    groups=2,
    upsample=(1, 2),
    pool=Pool(kernel=(2, 2), stride=(1, 2), minimum=(False,) * 6),
)


def test_conv_and_pool_sizes() -> None:
    # 6 + 3 = 9 rows, windows of 5, stride 2: 3; 18 + 1 = 19 columns, windows of 2, stride 3: 6
    assert conv_size(LAYER, SOURCE) == (3, 6)
    assert out_shape(LAYER, SOURCE) == (6, 2, 3)


def test_accumulator_ranges_count_signs() -> None:
    found = accumulator_range(LAYER, SOURCE)
    assert found[:4] == (
        IntRange(low=-4, high=10),
        IntRange(low=-15, high=6),
        IntRange(low=-7, high=7),
        IntRange(low=0, high=0),
    )
    assert hull(found) == IntRange(low=-15, high=10)
    assert hull((IntRange(low=3, high=4),)) == IntRange(low=0, high=4)


def test_work_counts_zeros_and_outputs_in_front_of_the_pool() -> None:
    assert macs(LAYER, SOURCE) == 6 * 2 * 3 * 2 * 3 * 6
    assert density(LAYER) == 7 / 72
