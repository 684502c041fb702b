"""What golden execution refuses, and the widest arithmetic."""

from __future__ import annotations

import numpy as np
import pytest
from networks import assemble

from ternc.errors import DataError, InternalError
from ternc.network.golden import predict, run
from ternc.network.layers import IntRange, Linear, Staircase, Tensor

FIRST = Tensor(name="in", channels=2, height=1, width=3, range=IntRange(low=0, high=3))
LAYER = Linear(
    name="only",
    kind="dense",
    source="in",
    target="out",
    trits=np.ones((2, 2, 1, 3), np.int8),
    activation=None,
)


@pytest.mark.parametrize("execute", [run, predict])
@pytest.mark.parametrize(
    ("codes", "sentence"),
    [
        (np.zeros((1, 2, 3), int), "tensor 'in': codes must have shape [N, 2, 1, 3], but have [1, 2, 3]"),
        (np.zeros((1, 2, 1, 3)), "tensor 'in': codes must be integers, but are float64"),
        (np.full((1, 2, 1, 3), 4), "tensor 'in': codes must lie in 0..3, but reach from 4 to 4"),
        (np.full((1, 2, 1, 3), -1), "tensor 'in': codes must lie in 0..3, but reach from -1 to -1"),
    ],
)
def test_wrong_codes_are_refused(execute: object, codes: np.ndarray, sentence: str) -> None:
    assert callable(execute)
    with pytest.raises(DataError) as error:
        execute(assemble(FIRST, (LAYER,)), codes)
    assert str(error.value) == sentence


@pytest.mark.parametrize("bits", [23, 24, 25, 30, 49])
def test_accumulators_beyond_float32_stay_exact(bits: int) -> None:
    high = 2**bits - 1
    first = Tensor(name="in", channels=3, height=1, width=1, range=IntRange(low=-1, high=high))
    layer = Linear(
        name="wide",
        kind="dense",
        source="in",
        target="out",
        trits=np.array([[1, 1, 1], [1, 1, 0], [1, -1, 1]], np.int8).reshape(3, 3, 1, 1),
    )
    codes = np.array([[high, high, high], [high, -1, 1]]).reshape(2, 3, 1, 1)
    found = predict(assemble(first, (layer,)), codes).reshape(2, 3)
    assert found.tolist() == [[3 * high, 2 * high, high], [high, high - 1, high + 2]]


def test_a_long_staircase_is_searched_exactly() -> None:
    high = 2**26
    first = Tensor(name="in", channels=1, height=1, width=1, range=IntRange(low=0, high=high))
    thresholds = np.arange(1, 16, dtype=np.int64)[None, :] * (high // 16) + 1
    layer = Linear(
        name="long",
        kind="dense",
        source="in",
        target="out",
        trits=np.ones((1, 1, 1, 1), np.int8),
        activation=Staircase(thresholds=thresholds, low=-4),
    )
    codes = (thresholds[0] - np.arange(15) % 2).reshape(-1, 1, 1, 1)
    found = predict(assemble(first, (layer,)), codes).ravel()
    assert found.tolist() == [-4 + k + 1 - k % 2 for k in range(15)]


def test_sums_beyond_float64_are_a_bug() -> None:
    first = Tensor(name="in", channels=2, height=1, width=3, range=IntRange(low=0, high=2**52))
    with pytest.raises(
        InternalError, match="layer 'only' accumulates 27021597764222976, beyond exact float64"
    ):
        predict(assemble(first, (LAYER,)), np.zeros((1, 2, 1, 3), int))
