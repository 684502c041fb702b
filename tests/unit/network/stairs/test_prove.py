"""The proof of a staircase: it passes what is right, names what is broken, and counts what weights leave open."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from ternc.errors import InternalError
from ternc.network.layers import IntRange, Proof
from ternc.network.stairs import prove as module
from ternc.network.stairs.combine import Combined, integer_form
from ternc.network.stairs.prove import prove, prove_sums
from ternc.network.stairs.search import thresholds
from ternc.network.stairs.thresholds import Derivation, derive
from ternc.network.steps import Clamp, Divide, Function, Multiply, Round, Step


def one(*values: float) -> NDArray[np.float64]:
    return np.array(values, np.float32).astype(np.float64)


def quantiser(scale: float, low: float, high: float) -> tuple[Step, ...]:
    return (Divide(divisor=one(scale)), Round(mode="even"), Clamp(low=one(low), high=one(high)))


RELU = (Multiply(factor=one(0.3, -0.7)), Clamp(low=one(0), high=one(np.inf)), *quantiser(1.0, 0, 7))
SILU = (Function(kind="silu", alpha=one(1)), *quantiser(0.25, -2, 12))
SMALL = (IntRange(low=-30, high=40),) * 2
WIDE = (IntRange(low=-30_000, high=40_000),) * 2
CASES = {
    "monotone": (RELU, SMALL, 0, 7, "every"),
    "monotone, wide": (RELU, WIDE, 0, 7, "ends"),
    "with a turn": (SILU, SMALL, -2, 12, "every"),
    "with a turn, wide": (SILU, WIDE, -2, 12, "ends"),
}


@pytest.mark.parametrize("case", CASES)
def test_what_is_derived_is_proved(case: str) -> None:
    steps, acc, low, high, method = CASES[case]
    proof = derive(steps, acc, low=low, high=high).staircase.proof
    assert proof is not None
    assert (proof.method, proof.unsettled, proof.codes) == (method, 0, 0)
    assert proof.values == sum(r.high - r.low + 1 for r in acc)
    assert (proof.examined == proof.values) == (method == "every")


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("by", [-1, 1])
def test_any_threshold_moved_by_one_is_found(case: str, by: int) -> None:
    steps, acc, low, high, _ = CASES[case]
    found = derive(steps, acc, low=low, high=high)
    right = found.staircase.thresholds
    moved = 0
    for place in np.ndindex(*right.shape):
        wrong = right.copy()
        wrong[place] += by
        r = acc[place[0]]
        low_end, high_end = (-r.high, -r.low) if found.falling[place[0]] else (r.low, r.high)
        if np.any(np.diff(wrong, axis=1) < 0) or not low_end < max(right[place], wrong[place]) <= high_end:
            continue  # no staircase any more, or the same function
        moved += 1
        with pytest.raises(InternalError, match=f"channel {place[0]} must have the code"):
            prove(replace(found.staircase, thresholds=wrong), steps, acc, found.falling)
    assert moved >= 5


def test_a_wrong_table_or_sign_is_found() -> None:
    steps, acc, low, high, _ = CASES["with a turn, wide"]
    found = derive(steps, acc, low=low, high=high)
    table = found.staircase.table
    assert table is not None
    for level in range(len(table)):
        wrong = table.copy()
        wrong[level] += 1
        with pytest.raises(InternalError, match="its staircase has"):
            prove(replace(found.staircase, table=wrong), steps, acc, found.falling)
    steps, acc, low, high, _ = CASES["monotone, wide"]
    found = derive(steps, acc, low=low, high=high)
    assert found.falling.tolist() == [False, True]
    with pytest.raises(InternalError, match="channel 1 must have the code"):
        prove(found.staircase, steps, acc, ~found.falling[::-1] & False)


def test_a_search_that_goes_wrong_stops_the_derivation(monkeypatch: pytest.MonkeyPatch) -> None:
    search = thresholds

    def one_late(rows: Any, levels: Any) -> Any:
        found = search(rows, levels)
        found[0, 3] += 1
        return found

    monkeypatch.setattr("ternc.network.stairs.thresholds.thresholds", one_late)
    for case in ("monotone", "monotone, wide"):
        steps, acc, low, high, _ = CASES[case]
        with pytest.raises(
            InternalError, match="ternc has a bug in its thresholds stage: channel 0 must have"
        ):
            derive(steps, acc, low=low, high=high)


def loose(deviation: float, acc: tuple[IntRange, ...] = (IntRange(low=0, high=70),)) -> Proof:
    """Of ``round(sum / 10)``, whose borders are ties at 5, 15, ... 65."""
    found = derive(quantiser(10.0, 0, 7), acc, low=0, high=7, deviation=np.array([deviation]))
    assert found.staircase.proof is not None
    return found.staircase.proof


def test_sums_that_a_deviation_reaches_are_counted() -> None:
    assert (loose(0.0).unsettled, loose(0.0).codes) == (0, 0)
    assert (loose(1e-9).unsettled, loose(1e-9).codes) == (7, 1)  # the ties themselves
    assert (loose(1.0).unsettled, loose(1.0).codes) == (21, 1)
    assert (loose(0.999).unsettled, loose(0.999).codes) == (7, 1)
    assert loose(10.5).codes == 2


def test_sums_that_a_deviation_reaches_are_counted_at_ends_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "EVERY", 0)
    assert loose(0.0).method == "ends"
    assert (loose(0.0).unsettled, loose(1e-9).unsettled, loose(0.999).unsettled) == (0, 7, 7)
    assert loose(1.0).unsettled >= 21  # not fewer than there are


def sums(wide: int, **options: Any) -> tuple[Combined, Any]:
    """A sum of two scales, each channel of ``2 * wide + 1`` by 16 values; its arguments for `prove_sums`."""
    scales = [[Fraction(float(np.float32(s))) for s in row] for row in ((0.37, 0.11), (0.23, -0.6))]
    ranges = [[IntRange(low=-wide, high=wide)] * 2, [IntRange(low=0, high=15)] * 2]
    found = integer_form(scales, ranges, quantiser(1.0, 0, 7), low=0, high=7, **options)
    return found, (quantiser(1.0, 0, 7), scales, ranges)


def test_sums_of_scales_are_proved_tuple_by_tuple() -> None:
    found, given = sums(20)
    assert found.staircase.proof == Proof(values=2 * 41 * 16, examined=2 * 41 * 16, method="every")
    caught = 0
    for c, k in np.ndindex(2, 7):
        for by in (-1, 1):
            wrong = found.staircase.thresholds.copy()
            wrong[c, k] += by
            steps, scales, ranges = given
            try:
                prove_sums(
                    replace(found.staircase, thresholds=wrong), steps, scales, ranges, found.multipliers
                )
            except InternalError as error:
                caught += f"channel {c} must have the code" in str(error)
    assert caught >= 14  # of two neighbours of a threshold, at most one is no sum of any tuple
    assert found.multipliers.min() < 0


def test_many_tuples_are_left_to_the_order() -> None:
    found, _ = sums(2000)
    assert found.staircase.proof == Proof(values=2 * 4001 * 16, examined=0, method="order")


@pytest.mark.parametrize(("deviation", "codes"), [(1e-9, 0), (0.013, 1), (0.6, 2)])
def test_tuples_that_a_deviation_reaches_are_counted_border_by_border(deviation: float, codes: int) -> None:
    found, _ = sums(2000, deviation=np.array([0.0, deviation]))
    values = np.float32(0.11) * np.arange(-2000.0, 2001.0)[:, None] + np.float32(-0.6) * np.arange(16.0)
    borders = np.arange(7) + 0.5
    near = sum(int(np.count_nonzero(np.abs(values - border) <= deviation)) for border in borders)
    assert found.staircase.proof is not None
    assert (found.staircase.proof.unsettled, found.staircase.proof.codes) == (near, codes)


def test_a_deviation_of_a_sum_of_scales_is_counted() -> None:
    found, _ = sums(20, deviation=np.array([1e-9, 0.0]))
    assert found.staircase.proof is not None
    assert (found.staircase.proof.unsettled, found.staircase.proof.codes) == (0, 0)
    found, _ = sums(20, deviation=np.array([0.04, 0.0]))
    assert found.staircase.proof is not None
    assert found.staircase.proof.unsettled > 0
    assert found.staircase.proof.codes == 1


def test_a_derivation_carries_its_proof() -> None:
    found = derive(RELU, SMALL, low=0, high=7)
    assert isinstance(found, Derivation)
    again = prove(replace(found.staircase, proof=None), RELU, SMALL, found.falling)
    assert again.proof == found.staircase.proof
