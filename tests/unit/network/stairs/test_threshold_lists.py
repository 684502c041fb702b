"""Lists of thresholds as a step: all evaluations agree, and the staircase is the one of brute force."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from ternc.network.layers import IntRange
from ternc.network.stairs.enclosure import enclose
from ternc.network.stairs.evaluate import plain, single
from ternc.network.stairs.exact import exact
from ternc.network.stairs.thresholds import derive
from ternc.network.steps import Multiply, Step, Thresholds
from ternc.network.text import step_text

RNG = np.random.default_rng(3)
ROWS = np.sort(RNG.integers(-40, 40, (3, 7)) / 4, axis=1)


@pytest.mark.parametrize("rows", [ROWS, ROWS[:1]])
def test_all_evaluations_count_thresholds_that_are_not_above(rows: np.ndarray) -> None:
    step = Thresholds(values=rows)
    values = np.concatenate([ROWS, RNG.uniform(-12, 12, (3, 20))], axis=1)
    counts = [[int(np.sum(rows[c % len(rows)] <= v)) for v in row] for c, row in enumerate(values)]
    np.testing.assert_array_equal(plain((step,), values), counts)
    np.testing.assert_array_equal(single((step,), values.astype(np.float32)), single((step,), values))
    low, high = enclose((step,), values)
    assert np.all((low <= counts) & (counts <= high))
    for c, row in enumerate(values):
        assert [exact((step,), c, Fraction(v)) for v in row] == counts[c]


@pytest.mark.parametrize("factor", [1.0, -0.75])
def test_staircase_is_that_of_brute_force(factor: float) -> None:
    steps: tuple[Step, ...] = (Multiply(factor=np.array([factor, 0.3, 1.0])), Thresholds(values=ROWS))
    ranges = [IntRange(low=-50, high=60)] * 3
    found = derive(steps, ranges, low=0, high=7)
    for c, r in enumerate(ranges):
        for acc in range(r.low, r.high + 1):
            at = -acc if found.falling[c] else acc
            assert np.sum(found.staircase.thresholds[c] <= at) == exact(steps, c, acc)
    assert found.falling.tolist() == [factor < 0, False, False]


def test_text() -> None:
    assert step_text(Thresholds(values=np.array([[0.5]]))) == "count thresholds 0.5"
    assert step_text(Thresholds(values=np.array([[0.5, 1.5]]))).startswith(
        "count thresholds 2 values 0.5..1.5 #"
    )


def test_equal_thresholds_jump_by_more_than_one() -> None:
    found = derive(
        (Thresholds(values=np.array([[2.0, 2.0, 5.0]])),), [IntRange(low=-9, high=9)], low=0, high=3
    )
    assert found.staircase.thresholds.tolist() == [[2, 2, 5]]
