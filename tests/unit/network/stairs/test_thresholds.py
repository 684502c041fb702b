"""Thresholds on cases worked out by hand, and the sentences of what cannot be derived."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from ternc.errors import InternalError, ModelError
from ternc.network.layers import IntRange
from ternc.network.stairs.evaluate import RoundMode, round_floats
from ternc.network.stairs.exact import exact, round_exact
from ternc.network.stairs.profiles import Profile, assemble
from ternc.network.stairs.reals import root
from ternc.network.stairs.thresholds import derive, direction, image
from ternc.network.steps import Add, Clamp, Divide, Multiply, Normalise, Round, Sign, Step


def one(*values: float) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    return np.array(values, np.float32).astype(np.float64)


def quantiser(scale: float, high: float) -> tuple[Step, ...]:
    return (
        Clamp(low=one(0), high=one(np.inf)),
        Divide(divisor=one(scale)),
        Round(mode="even"),
        Clamp(low=one(0), high=one(high)),
    )


ACC = (IntRange(low=-20, high=20),)


def test_ties_go_to_even() -> None:
    # acc / 2: 1 -> 0.5 -> 0, 3 -> 1.5 -> 2, 5 -> 2.5 -> 2, 7 -> 3.5 -> 4
    found = derive(quantiser(2.0, 4), ACC, low=0, high=4)
    assert found.staircase.thresholds.tolist() == [[2, 3, 6, 7]]
    assert found.staircase.borders == ()
    assert not found.falling[0]


def test_a_falling_chain_is_expressed_for_the_negated_accumulator() -> None:
    steps = (Multiply(factor=one(-0.5)), Round(mode="floor"), Clamp(low=one(-1), high=one(1)))
    acc = (IntRange(low=-3, high=10),)
    found = derive(steps, acc, low=-1, high=1)
    assert found.falling.tolist() == [True]
    # -acc from -10 to 3: floor(x / 2) >= 0 from 0 on, >= 1 from 2 on
    assert found.staircase.thresholds.tolist() == [[0, 2]]
    assert found.staircase.low == -1


def test_constant_channels_never_fall() -> None:
    steps = (Multiply(factor=one(0.0, -1.0, -1.0)), Add(addend=one(1, 50, -50)), *quantiser(1.0, 3))
    acc = (IntRange(low=-5, high=5),) * 3
    found = derive(steps, acc, low=0, high=3)
    assert direction(steps, 3).tolist() == [0, -1, -1]
    assert found.falling.tolist() == [False, False, False]
    assert found.staircase.thresholds.tolist() == [[-5, 6, 6], [-5, -5, -5], [6, 6, 6]]


def test_a_border_next_to_an_integer_is_listed() -> None:
    # acc * 0.1f + 0.9f reaches 1.5 at 6.00000015: exactly, 6 is not enough; in float32 it is
    steps = (Multiply(factor=one(0.1)), Add(addend=one(0.9)), Round(mode="half_up"), *quantiser(1.0, 2))
    found = derive(steps, ACC, low=0, high=2)
    assert found.staircase.thresholds.tolist() == [[-3, 7]]
    assert len(found.staircase.borders) == 2
    assert found.staircase.borders[0].startswith("channel 0, step 0: border -3.9999997")
    assert found.staircase.borders[0].endswith("at accumulator -4")
    assert found.staircase.borders[1].startswith("channel 0, step 1: border 6.0000001")
    assert found.staircase.borders[1].endswith("at accumulator 6")


def test_a_border_just_below_an_integer_is_listed_too() -> None:
    steps = (Multiply(factor=one(-0.1)), Round(mode="half_up"), Clamp(low=one(0), high=one(1)))
    found = derive(steps, ACC, low=0, high=1)
    assert found.staircase.thresholds.tolist() == [[5]]
    assert found.falling.tolist() == [True]
    assert found.staircase.borders == (
        "channel 0, step 0: border -4.99999992549419514098473 at accumulator -5",
    )


def test_exact_ties_of_exact_floats_are_not_listed() -> None:
    assert derive(quantiser(0.5, 15), ACC, low=0, high=15).staircase.borders == ()


def test_sign_at_zero() -> None:
    for zero, thresholds in ((1, [-20, 0]), (0, [0, 1])):
        steps = (Sign(zero=1 if zero else 0),)
        found = derive(steps, ACC, low=-1, high=1)
        expected = [[0, 0]] if zero else [thresholds]
        assert found.staircase.thresholds.tolist() == expected


def test_values_outside_the_codes_are_a_bug() -> None:
    with pytest.raises(InternalError, match="channel 0 must end in integers from 0 to 3, but reaches 10"):
        derive(
            (Divide(divisor=one(2)), Round(mode="even"), Clamp(low=one(0), high=one(99))), ACC, low=0, high=3
        )
    with pytest.raises(InternalError, match=r"but reaches 0\.25"):
        derive((Multiply(factor=one(0)), Add(addend=one(0.25))), ACC, low=0, high=3)


def test_a_negative_variance_is_refused() -> None:
    bad = Normalise(mean=one(0), variance=one(1, -1), epsilon=0.0, gain=one(1), bias=one(0))
    steps = (bad, *quantiser(1.0, 3))
    with pytest.raises(ModelError) as error:
        derive(steps, ACC * 2, low=0, high=3)
    assert str(error.value) == (
        "batch normalisation: variance + epsilon must be positive, but channel 1 has -1"
    )
    with pytest.raises(ModelError, match="channel 1 has -1"):
        exact(steps, 1, 3)


def test_image_is_exact_and_knows_integers() -> None:
    found = image((Multiply(factor=one(-0.1)),), (IntRange(low=-2, high=5),))
    tenth = Fraction(float(np.float32(0.1)))
    assert (found.low, found.high, found.integral) == ((-5 * tenth,), (2 * tenth,), False)
    assert image((), ACC).integral
    assert image((Round(mode="even"), Add(addend=one(3)), Clamp(low=one(0), high=one(np.inf))), ACC).integral
    assert not image((Round(mode="even"), Add(addend=one(0.5))), ACC).integral
    assert not image((Clamp(low=one(0.5), high=one(np.inf)),), ACC).integral
    assert image((Multiply(factor=one(0.5)), Sign(zero=0), Divide(divisor=one(-1))), ACC).integral


def test_bits_that_float64_drops_still_decide() -> None:
    # acc + 0.5 + 2^-40 is never a tie, but float64 loses the last term on its way through 2^40
    lossy = (Add(addend=one(2.0**40)), Add(addend=one(2.0**-40)), Add(addend=one(-(2.0**40))))
    steps = (*lossy, Add(addend=one(0.5)), Round(mode="even"), Clamp(low=one(0), high=one(4)))
    found = derive(steps, ACC, low=0, high=4)
    assert found.staircase.thresholds.tolist() == [[0, 1, 2, 3]]
    assert len(found.staircase.borders) == 4
    down = (*lossy[:1], Add(addend=one(-(2.0**-40))), *lossy[2:], *steps[3:])
    assert derive(down, ACC, low=0, high=4).staircase.thresholds.tolist() == [[1, 2, 3, 4]]
    signs = (*lossy, Sign(zero=0))
    assert derive(signs, ACC, low=-1, high=1).staircase.thresholds.tolist() == [[0, 0]]


@pytest.mark.parametrize(
    ("mode", "rounded"),
    [
        ("even", [-2, -2, -2, -1, 0, 0, 0, 0, 0, 1, 2, 2, 2]),
        ("floor", [-3, -2, -2, -1, -1, -1, 0, 0, 0, 1, 1, 2, 2]),
        ("ceil", [-2, -2, -1, -1, 0, 0, 0, 1, 1, 1, 2, 2, 3]),
        ("toward_zero", [-2, -2, -1, -1, 0, 0, 0, 0, 0, 1, 1, 2, 2]),
        ("half_up", [-3, -2, -2, -1, -1, 0, 0, 0, 1, 1, 2, 2, 3]),
        ("half_down", [-2, -2, -1, -1, 0, 0, 0, 0, 0, 1, 1, 2, 2]),
    ],
)
def test_roundings(mode: RoundMode, rounded: list[int]) -> None:
    values = [-2.5, -2.0, -1.5, -1.0, -0.5, -0.25, 0.0, 0.25, 0.5, 1.0, 1.5, 2.0, 2.5]
    assert [int(round_exact(Fraction(v), mode)) for v in values] == rounded
    assert round_floats(np.array(values, np.float32), mode).tolist() == rounded
    assert round_floats(np.array(values, np.float64), mode).tolist() == rounded
    just_below_half = np.full(1, np.nextafter(0.5, 0))
    assert round_floats(just_below_half, mode).tolist() == [1.0 if mode == "ceil" else 0.0]


def test_exact_steps_one_by_one() -> None:
    third = Fraction(float(np.float32(1 / 3)))
    assert exact((Add(addend=one(1 / 3)),), 0, 2) == 2 + third
    assert exact((Multiply(factor=one(5, 1 / 3)),), 1, 2) == 2 * third
    assert exact((Divide(divisor=one(1 / 3)),), 1, 2) == 2 / third
    folded = Normalise(mean=one(1), variance=one(3), epsilon=1.0, gain=one(3), bias=one(1 / 3))
    assert exact((folded,), 0, 6) == Fraction(15, 2) + third
    assert [exact((Clamp(low=one(-1), high=one(2)),), 0, a) for a in (-5, 0, 5)] == [-1, 0, 2]
    assert [exact((Sign(zero=0),), 0, a) for a in (-5, 0, 5)] == [-1, 0, 1]
    assert [exact((Sign(zero=1),), 0, a) for a in (-5, 0, 5)] == [-1, 1, 1]


def test_square_roots() -> None:
    assert root(Fraction(9, 16), 64).low == root(Fraction(9, 16), 64).high == Fraction(3, 4)
    two = root(Fraction(2), 2048)
    assert two.low**2 < 2 < two.high**2
    assert two.high - two.low < Fraction(1, 2**2040)


def test_a_root_that_is_irrational_decides_close_borders() -> None:
    # (acc - 3) / sqrt(2) >= 0.5 rounds up from acc = 3.7071..., and 0 stays exactly on the border of floor
    steps = (
        Normalise(mean=one(3), variance=one(2), epsilon=0.0, gain=one(1), bias=one(1)),
        Round(mode="floor"),
        Clamp(low=one(0), high=one(2)),
    )
    # floor((acc - 3) / 1.414 + 1): >= 1 from 3 on (exactly 1 there), >= 2 from 4.414 on
    assert derive(steps, ACC, low=0, high=2).staircase.thresholds.tolist() == [[3, 5]]


def test_units_that_float64_rounds_still_decide() -> None:
    # Three times a third is 1, three times a little less is not, though both are the same float64.
    steps = (Round(mode="floor"), Clamp(low=one(0), high=one(2)))
    third = Fraction(1, 3)
    less = third - Fraction(1, 10**30)
    for unit, first in ((third, [3, 6]), (less, [4, 7])):
        found = derive(steps, (IntRange(low=0, high=8),), low=0, high=2, unit=[unit])
        assert found.staircase.thresholds.tolist() == [first]


def test_channels_with_different_codes_share_the_shortest_table() -> None:
    rising = Profile(starts=(0, 2, 5), codes=(0, 1, 3), last=9)
    valley = Profile(starts=(0, 1, 4), codes=(1, 0, 3), last=9)
    stairs = assemble([rising, valley], low=0, high=3, levels=8)
    assert stairs.table is not None
    assert len(stairs.table) == 4  # 0 1 3 and 1 0 3 inside one sequence
    for c, profile in enumerate((rising, valley)):
        for start, code in zip(profile.starts, profile.codes, strict=True):
            assert stairs.table[int(np.sum(start >= stairs.thresholds[c]))] == code
