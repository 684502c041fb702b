"""Integer forms of sums with real scales: every tuple on small ranges, and every pair of small multipliers."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from itertools import groupby, product

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from strategies import MODES

import mathematics
from ternc.network.layers import IntRange
from ternc.network.stairs.combine import Combined, integer_form
from ternc.network.stairs.evaluate import RoundMode
from ternc.network.stairs.exact import NoStaircase, round_exact
from ternc.network.stairs.lattice import simplest_between
from ternc.network.stairs.prove import staircase_codes
from ternc.network.steps import Clamp, Divide, Function, Round, Step

RATIOS = [
    Fraction(1, 3),
    Fraction(2, 3),
    Fraction(3, 7),
    Fraction(1, 8),
    Fraction(7, 5),
    Fraction(1),
    Fraction(5),
]
KINDS = {"relu": (), "leaky": (0.1,), "hard_swish": (), "abs": (), "square": (), "softsign": ()}
LOW, HIGH = -6, 9


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """``code = clamp(round(f(sum_j scales[j] * A[j]) / scale))`` of one channel."""

    kind: str
    scales: tuple[Fraction, ...]
    ranges: tuple[IntRange, ...]
    scale: Fraction
    mode: RoundMode

    @property
    def steps(self) -> tuple[Step, ...]:
        zero, one = np.zeros(1), np.array([float(self.scale)])
        first: Step = (
            Clamp(low=zero, high=np.array([np.inf]))
            if self.kind == "relu"
            else Function(kind=self.kind, alpha=np.array(KINDS[self.kind] or (0.0,)))
        )
        ends = Clamp(low=np.array([float(LOW)]), high=np.array([float(HIGH)]))
        return first, Divide(divisor=one), Round(mode=self.mode), ends

    def code(self, value: Fraction) -> int:
        """The exact code of a real sum, from fractions alone."""
        real = (
            max(value, Fraction(0))
            if self.kind == "relu"
            else mathematics.fraction(self.kind, value, *KINDS[self.kind])
        )
        return min(max(int(round_exact(real / self.scale, self.mode)), LOW), HIGH)

    def tuples(self) -> list[tuple[int, ...]]:
        return list(product(*(range(r.low, r.high + 1) for r in self.ranges)))

    def value(self, point: tuple[int, ...]) -> Fraction:
        return sum((s * a for s, a in zip(self.scales, point, strict=True)), Fraction(0))

    def found(self, *, bits: int = 20, exact_bits: int = 24) -> Combined:
        scales, ranges = [[s] for s in self.scales], [[r] for r in self.ranges]
        return integer_form(scales, ranges, self.steps, low=LOW, high=HIGH, bits=bits, exact_bits=exact_bits)


def f32(value: float) -> Fraction:
    return Fraction(float(np.float32(value)))


@st.composite
def cases(draw: st.DrawFn, terms: int, *, kinds: tuple[str, ...] = tuple(KINDS)) -> Case:
    sizes = [draw(st.floats(0.02, 1.0)) for _ in range(terms)]
    scales = [f32(s) for s in sizes]
    if draw(st.booleans()):  # a small ratio, exactly
        scales[-1] = scales[0] * draw(st.sampled_from(RATIOS))
    if draw(st.integers(0, 4)) == 0:  # of very different sizes
        scales[-1] *= draw(st.sampled_from([Fraction(0), Fraction(1, 1 << 149), f32(1e30), f32(1e-20)]))
    signs = [draw(st.sampled_from((-1, 1))) for _ in range(terms)]
    reach = 8 if terms == 2 else 3
    ranges = tuple(
        IntRange(low=-draw(st.integers(0, reach)), high=draw(st.integers(0, reach))) for _ in range(terms)
    )
    return Case(
        kind=draw(st.sampled_from(kinds)),
        scales=tuple(s * sign for s, sign in zip(scales, signs, strict=True)),
        ranges=ranges,
        scale=f32(draw(st.floats(0.05, 1.0))),
        mode=draw(st.sampled_from(MODES)),
    )


def codes(case: Case, found: Combined) -> list[tuple[int, int]]:
    """Of every tuple the code found and the exact one."""
    points = case.tuples()
    sums = np.array(points, np.int64) @ found.multipliers[:, 0]
    got = staircase_codes(found.staircase, np.zeros(len(points), np.int64), sums).tolist()
    return [(g, case.code(case.value(point))) for g, point in zip(got, points, strict=True)]


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_every_tuple_has_its_exact_code(data: st.DataObject) -> None:
    case = data.draw(cases(data.draw(st.sampled_from((1, 2, 2, 3)))))
    found = case.found()
    if not found.exact:  # of three terms of very different sizes the search may find none
        sizes = [abs(s) for s in case.scales if s]
        assert len(sizes) == 3
        assert max(sizes) > 1000 * min(sizes)
        return
    assert all(got == wanted for got, wanted in codes(case, found))
    assert found.staircase.proof is not None
    assert found.staircase.proof.examined == len(case.tuples())
    # What it stands for: v is close to unit * acc.
    widest = max(abs(case.value(point)) for point in case.tuples())
    if np.any(found.multipliers):
        error = max(
            abs(s - found.unit[0] * int(m)) * max(-r.low, r.high)
            for s, m, r in zip(case.scales, found.multipliers[:, 0], case.ranges, strict=True)
        )
        assert error <= widest


def runs(case: Case) -> list[list[tuple[int, ...]]]:
    """The tuples in the order of their values, cut where the code changes."""
    ordered = sorted(((case.value(point), point) for point in case.tuples()), key=lambda one: one[0])
    return [[p for _, p in run] for _, run in groupby(ordered, key=lambda one: case.code(one[0]))]


def orders(multipliers: tuple[int, ...], cut: list[list[tuple[int, ...]]]) -> bool:
    """Whether the multipliers order the tuples of all runs, each below the next."""
    ends = [
        (min(sums), max(sums))
        for sums in ([sum(m * a for m, a in zip(multipliers, p, strict=True)) for p in run] for run in cut)
    ]
    highest = [max(end[1] for end in ends[: i + 1]) for i in range(len(ends))]
    lowest = [min(end[0] for end in ends[i:]) for i in range(len(ends))]
    return all(highest[i] < lowest[i + 1] for i in range(len(ends) - 1))


def apart(case: Case) -> bool:
    """Both scales count, and their ratio is no small fraction, which is exact by construction."""
    a, b = (abs(s) for s in case.scales)
    wide = all(r.high > r.low for r in case.ranges)
    return wide and a != 0 and b != 0 and max((a / b).numerator, (a / b).denominator) > 8


@settings(max_examples=60, deadline=None)
@given(cases(2), st.integers(2, 4))
def test_of_two_terms_the_smallest_exact_multipliers_are_found(case: Case, bits: int) -> None:
    assume(apart(case))
    cut = runs(case)
    assume(len(cut) > 1)
    signs = [1 if s > 0 else -1 for s in case.scales]
    fine = [
        (a, b)
        for a, b in product(range(1, 1 << bits), range(1 << bits))
        if orders((signs[0] * a, signs[1] * b), cut)
    ]
    # The widest part comes first; its multiplier is at least 1.
    if case.ranges[1].high - case.ranges[1].low > case.ranges[0].high - case.ranges[0].low:
        fine = [
            (a, b)
            for a, b in product(range(1 << bits), range(1, 1 << bits))
            if orders((signs[0] * a, signs[1] * b), cut)
        ]
    found = case.found(bits=bits, exact_bits=1)
    assert found.exact == bool(fine)
    if fine:
        m = tuple(abs(int(x)) for x in found.multipliers[:, 0])
        assert m in fine
        assert m == (min(a for a, _ in fine), min(b for _, b in fine))


@settings(max_examples=80, deadline=None)
@given(cases(2), st.integers(1, 4))
def test_a_refusal_says_how_many_tuples_differ_and_by_how_much(case: Case, bits: int) -> None:
    assume(apart(case))
    found = case.found(bits=bits, exact_bits=1)
    assume(found.misses is not None)
    assert found.misses is not None
    differences = [abs(got - wanted) for got, wanted in codes(case, found)]
    assert found.misses.reachable == len(differences)
    assert found.misses.bits == bits
    assert found.misses.channels == (0,)
    assert np.abs(found.multipliers).max() < 1 << bits
    if case.kind in ("relu", "leaky", "softsign"):
        assert found.misses.differing == sum(d > 0 for d in differences)
        assert found.misses.codes == max(differences)
    else:  # a tuple on the wrong side of a border may still have a code that it should
        assert found.misses.differing >= sum(d > 0 for d in differences)
        assert found.misses.codes >= max(differences)


@settings(max_examples=40, deadline=None)
@given(cases(3, kinds=("relu", "leaky")), st.integers(2, 3))
def test_of_three_terms_an_exact_form_is_one(case: Case, bits: int) -> None:
    found = case.found(bits=bits, exact_bits=1)
    differing = sum(got != wanted for got, wanted in codes(case, found))
    assert found.exact == (differing == 0) or found.misses is not None
    if found.exact:
        assert differing == 0


@settings(max_examples=200, deadline=None)
@given(st.fractions(-1, 9, max_denominator=60), st.fractions(0, 9, max_denominator=60) | st.none())
def test_the_simplest_fraction_between_two_is_simplest(low: Fraction, high: Fraction | None) -> None:
    assume(high is None or (low < high and high > 0))
    found = simplest_between(low, high)
    assert low < found
    assert high is None or found < high
    for q in range(1, found.denominator + 1):
        for p in range(found.numerator + 1):
            if (p, q) != (found.numerator, found.denominator):
                inside = low < Fraction(p, q) and (high is None or Fraction(p, q) < high)
                assert not inside or Fraction(p, q) == found


def test_too_many_combinations_are_refused_with_their_number() -> None:
    scales = [[Fraction(1)], [f32(0.7310585)], [f32(0.2689414)]]
    ranges = [[IntRange(low=0, high=1 << 13)], [IntRange(low=0, high=3000)], [IntRange(low=0, high=3000)]]
    steps = Case(kind="relu", scales=(), ranges=(), scale=Fraction(64), mode="even").steps
    with pytest.raises(NoStaircase, match=r"their values have 9,006,001 combinations, too many to prove"):
        integer_form(scales, ranges, steps, low=LOW, high=HIGH, exact_bits=1)


def test_a_constant_sum_is_exact_whatever_its_scales() -> None:
    case = Case(
        kind="relu",
        scales=(Fraction(-1), Fraction(-1, 16), -f32(1e30)),
        ranges=(IntRange(low=0, high=1),) * 3,
        scale=Fraction(1),
        mode="even",
    )
    found = case.found()
    assert found.exact
    assert not np.any(found.multipliers)
    assert {got for got, _ in codes(case, found)} == {0}
