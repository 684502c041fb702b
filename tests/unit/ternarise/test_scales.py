"""Scales of quantisers: the best of many for data, the data's own grid where it has one."""

from __future__ import annotations

import numpy as np
import pytest

from ternc.ternarise.scales import Samples, best_scale, grid_scale

RNG = np.random.default_rng(5)


def samples(values: np.ndarray, low: int = 0, high: int = 255) -> Samples:
    return Samples(values=np.asarray(values, np.float64), low=low, high=high)


@pytest.mark.parametrize(("low", "high"), [(0, 3), (0, 15), (-8, 7), (-128, 127)])
def test_no_other_scale_is_much_better(low: int, high: int) -> None:
    values = RNG.normal(size=4000)
    given = samples(np.maximum(values, 0) if low == 0 else values, low, high)
    found = best_scale([given])
    assert given.error(found) <= 1.03 * min(given.error(s) for s in np.geomspace(0.001, 5, 3000))


def test_few_levels_clip_and_many_do_not() -> None:
    values = np.abs(RNG.normal(size=4000))
    assert best_scale([samples(values, 0, 3)]) * 3 < 0.8 * values.max()
    assert best_scale([samples(values, 0, 255)]) * 255 > 0.9 * values.max()


def test_a_shared_scale_suits_all_that_share_it() -> None:
    group = [samples(np.abs(RNG.normal(size=3000))), samples(RNG.normal(size=3000), -128, 127)]
    found = best_scale(group)
    for other in np.geomspace(found / 4, found * 4, 200):
        assert sum(s.error(found) for s in group) <= 1.05 * sum(s.error(other) for s in group)


def test_tiny_changes_of_the_data_give_the_same_scale() -> None:
    values = RNG.normal(size=2000)
    assert best_scale([samples(values, -8, 7)]) == best_scale([samples(values * (1 + 1e-9), -8, 7)])


def test_values_that_are_all_zero_get_some_scale() -> None:
    assert best_scale([samples(np.zeros(5))]) == 1.0


def test_pixels_over_255_keep_their_grid() -> None:
    pixels = RNG.integers(0, 200, 500).astype(np.float32) / np.float32(255)
    assert grid_scale([samples(pixels)]) == np.float32(1 / 255)


def test_signed_codes_over_16_keep_their_grid() -> None:
    assert grid_scale([samples(RNG.integers(-100, 120, 900) / 16, -128, 127)]) == 1 / 16


@pytest.mark.parametrize(
    "values",
    [RNG.normal(size=300), RNG.normal(size=40), np.arange(300.0), np.zeros(4), np.array([3.0, 5.0, 11.5])],
    ids=["many", "few", "too wide", "zero", "no common step"],
)
def test_other_data_have_no_grid(values: np.ndarray) -> None:
    assert grid_scale([samples(values, -128, 127)]) is None
