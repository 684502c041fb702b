"""The size of a difference over integers: exact where it can be, else within the error that it states."""

from __future__ import annotations

from fractions import Fraction
from math import sqrt
from typing import Literal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ternc.network.layers import IntRange
from ternc.network.stairs.distance import FACTOR_BITS, MULTIPLIER_BITS, Distance, Operands, distance

SMALL = st.integers(-4, 4)
RANGES = st.tuples(SMALL, SMALL).map(lambda r: IntRange(low=min(r), high=max(r)))
REALS = st.floats(2**-7, 8.0, width=32).map(Fraction) | st.sampled_from([Fraction(1, 4), Fraction(3, 8)])
OFFSETS = st.floats(-3, 3, width=32).map(Fraction) | st.just(Fraction(0))


@st.composite
def operands(draw: st.DrawFn) -> Operands:
    channels = draw(st.integers(1, 2))
    p, q, o = ([draw(source) for _ in range(channels)] for source in (REALS, REALS, OFFSETS))
    a, b = ([draw(RANGES) for _ in range(channels)] for _ in range(2))
    return Operands(scales=(p, q), ranges=(a, b), offsets=o, pixels=draw(st.integers(1, 3)))


def pairs(given: Operands, c: int) -> list[tuple[int, int]]:
    a, b = (side[c] for side in given.ranges)
    return [(x, y) for x in range(a.low, a.high + 1) for y in range(b.low, b.high + 1)]


def sizes(given: Operands, found: Distance, c: int) -> tuple[list[Fraction], list[Fraction]]:
    """Of every pair of a channel, the real difference and the hardware's."""
    p, q, o = given.scales[0][c], given.scales[1][c], given.offsets[c]
    m, n = found.multipliers[:, c].tolist()
    k, add = int(found.factor[c]), int(found.offset[c])
    reached = pairs(given, c)
    return [p * a - q * b + o for a, b in reached], [
        found.unit * (k * (m * a - n * b) + add) for a, b in reached
    ]


@settings(deadline=None)
@given(operands(), st.sampled_from(["squares", "absolute"]), st.sampled_from([0.0, 1e-4, 0.02, 1.0]))
def test_no_difference_is_further_off_than_stated(
    given: Operands, measure: Literal["squares", "absolute"], most: float
) -> None:
    found = distance(given, measure, most)
    worst = []
    for c in range(len(given.offsets)):
        real, hardware = sizes(given, found, c)
        worst.append(float(max(abs(r - h) for r, h in zip(real, hardware, strict=True))))
    total = sum(w * w for w in worst) if measure == "squares" else sum(worst)
    reached = sqrt(total * given.pixels) if measure == "squares" else total * given.pixels
    assert reached <= found.error <= reached * (1 + 1e-9) + 1e-300
    assert found.error == 0 or reached > 0
    assert np.abs(found.multipliers).max() < 1 << MULTIPLIER_BITS
    assert found.factor.max() <= 1 << FACTOR_BITS


def one(p: float, q: float, o: float = 0.0, top: int = 100) -> Operands:
    reach = [IntRange(low=-top, high=top)]
    return Operands(
        scales=([Fraction(p)], [Fraction(q)]), ranges=(reach, reach), offsets=[Fraction(o)], pixels=4
    )


@pytest.mark.parametrize(
    ("given", "multipliers", "unit"),
    [
        (one(0.25, 0.25), [1, 1], Fraction(1, 4)),
        (one(0.75, 0.25, 0.125), [3, 1], Fraction(1, 8)),
        (one(0.5, 0.75, 1.25), [2, 3], Fraction(1, 4)),
    ],
)
def test_scales_of_a_simple_ratio_are_exact(given: Operands, multipliers: list[int], unit: Fraction) -> None:
    found = distance(given, "squares", 1e9)
    assert found.error == 0
    assert found.multipliers[:, 0].tolist() == multipliers
    assert found.unit == unit


def test_an_offset_between_the_units_is_as_fine_as_wanted() -> None:
    """0.3 at a unit of 0.25: the score was off by 25.7 of 40 when it was rounded to the unit."""
    for most in (1e-1, 1e-3, 1e-5):
        found = distance(one(0.25, 0.25, 0.3), "squares", most)
        assert 0 < found.error <= most
        assert float(found.unit * int(found.offset[0])) == pytest.approx(0.3, abs=most)
    coarse, fine = (distance(one(0.25, 0.25, 0.3), "squares", most) for most in (1e-1, 1e-5))
    assert coarse.factor[0] < fine.factor[0]


def test_what_is_close_enough_takes_the_smallest_multipliers() -> None:
    found = [distance(one(0.25, 0.0785398), "absolute", most) for most in (200.0, 2.0, 0.02)]
    assert [int(f.multipliers.max()) for f in found] == sorted({int(f.multipliers.max()) for f in found})
    assert all(f.error <= most for f, most in zip(found, (200.0, 2.0, 0.02), strict=True))


def test_what_cannot_be_had_is_the_best_there_is() -> None:
    found = distance(one(0.25, 0.0785398, top=100_000), "squares", 0.0)
    assert 0 < found.error < 1
