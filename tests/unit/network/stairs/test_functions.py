"""Each activation function against mpmath: the exact form, the float form with its error, and where it turns."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import mpmath
import numpy as np
import pytest
from mpmath import mp
from numpy.typing import NDArray

import mathematics
from activation_cases import CASES, CONSTANTS, padded
from ternc.network.stairs.enclosure import SINGLE_ERROR, enclose
from ternc.network.stairs.functions import FUNCTIONS, refusal, shape
from ternc.network.stairs.reals import FIRST_BITS, Real, erf
from ternc.network.steps import Function


def arguments(kind: str, constants: tuple[float, ...]) -> NDArray[np.float64]:
    """Numbers of all sizes, places where something changes, and the float64 beside them."""
    rng = np.random.default_rng(len(kind))
    sizes = 2.0 ** np.arange(-40, 7, 6)
    wild = np.concatenate([rng.normal(0, 3, 12), rng.uniform(-40, 40, 8), rng.uniform(-1, 1, 4)])
    single = wild.astype(np.float32).astype(np.float64)
    places = [0.0, 1.0, -1.0, 3.0, -3.0, 0.5, -0.5, *constants, *(-c for c in constants)]
    for turn in shape(kind, *padded(constants)).turns:
        places += [float(turn.low), float(turn.high)]
    near = [np.nextafter(p, side) for p in places if p for side in (-np.inf, np.inf)]
    found = np.concatenate([sizes, -sizes, wild, single, places, near])
    return np.unique(found[np.abs(found) < 80])


def test_every_function_has_a_formula_here() -> None:
    assert set(mathematics.FORMULAS) == set(FUNCTIONS)
    assert {kind for kind, entry in FUNCTIONS.items() if entry.constants} == set(CONSTANTS)
    for kind, given in CONSTANTS.items():
        assert {len(one) for one in given} == {len(FUNCTIONS[kind].constants)}


@pytest.mark.parametrize(("kind", "constants"), CASES)
def test_exact_form_encloses_the_value_closely(kind: str, constants: tuple[float, ...]) -> None:
    a, b, c = (Fraction(v) for v in padded(constants))
    with mpmath.workdps(mathematics.DIGITS):
        for x in arguments(kind, constants).tolist():
            found = FUNCTIONS[kind].real(Real.of(Fraction(x)), a, b, c, FIRST_BITS)
            wanted = mathematics.value(kind, x, *constants)
            slack = max(1, abs(x), abs(wanted)) * mp.mpf(10) ** -50
            assert (
                mathematics.number(found.low) - slack <= wanted <= mathematics.number(found.high) + slack
            ), x
            assert mathematics.number(found.high - found.low) <= slack, x


@pytest.mark.parametrize(("kind", "constants"), CASES)
def test_exact_form_of_an_interval_encloses_what_lies_inside(kind: str, constants: tuple[float, ...]) -> None:
    """Between turns the values at both ends enclose all others; the exact form takes an interval for a point."""
    a, b, c = (Fraction(v) for v in padded(constants))
    width = Fraction(1, 1 << 150)
    for x in (-2.75, -0.3, 0.3, 2.75):
        ends = Fraction(x) - width, Fraction(x) + width
        found = FUNCTIONS[kind].real(Real(*ends), a, b, c, FIRST_BITS)
        with mpmath.workdps(mathematics.DIGITS):
            for inside in (*ends, Fraction(x)):
                wanted = mathematics.value(kind, inside, *constants)
                slack = mp.mpf(10) ** -75
                assert (
                    mathematics.number(found.low) - slack <= wanted <= mathematics.number(found.high) + slack
                )


@pytest.mark.parametrize(("kind", "constants"), CASES)
def test_float_form_is_within_its_stated_error(kind: str, constants: tuple[float, ...]) -> None:
    entry = FUNCTIONS[kind]
    x = arguments(kind, constants)
    a, b, c = (np.array([v]) for v in padded(constants))
    y = np.asarray(entry.floats(x, a, b, c), np.float64)
    error = np.broadcast_to(entry.error(x, y, a, b, c), x.shape)
    exactly = 0
    with mpmath.workdps(mathematics.DIGITS):
        for at, found, bound in zip(x.tolist(), y.tolist(), error.tolist(), strict=True):
            wanted = mathematics.value(kind, at, *constants)
            if bound == 0:
                exactly += 1
                slack = abs(wanted) * mp.mpf(10) ** -80
                assert abs(mathematics.number(found) - wanted) <= slack, f"not exact at {at!r}"
            else:
                assert abs(mathematics.number(found) - wanted) <= bound, f"at {at!r}"
                # Not so wide that a proof would fail for no reason.
                assert bound <= 2.0**-35 * max(abs(found), abs(at), *map(abs, padded(constants)), 1e-3)
    assert exactly > 0 or kind in ("sigmoid", "softplus", "exp", "shrink", "hard_sigmoid")


@pytest.mark.parametrize(("kind", "constants"), CASES)
def test_float32_is_within_a_few_units_of_the_size_on_its_way(
    kind: str, constants: tuple[float, ...]
) -> None:
    entry = FUNCTIONS[kind]
    x = np.unique(arguments(kind, constants).astype(np.float32))
    a, b, c = (np.array([v], np.float32) for v in padded(constants))
    with np.errstate(all="ignore"):
        y = np.asarray(entry.floats(x, a, b, c), np.float32).astype(np.float64)
    wide = x.astype(np.float64)
    size = np.broadcast_to(entry.size(wide, y, a, b, c), x.shape)
    for at, found, reach in zip(wide.tolist(), y.tolist(), size.tolist(), strict=True):
        wanted = float(mathematics.value(kind, at, *constants))
        assert abs(found - wanted) <= 2 * SINGLE_ERROR * reach + 2.0**-120, f"at {at!r}"


@pytest.mark.parametrize(("kind", "constants"), CASES)
def test_runs_and_turns_are_those_of_the_function(kind: str, constants: tuple[float, ...]) -> None:
    found = shape(kind, *padded(constants))
    assert len(found.runs) == len(found.turns) + 1
    cuts = [Fraction(-60), *(end for turn in found.turns for end in (turn.low, turn.high)), Fraction(60)]
    stretches = list(zip(cuts[::2], cuts[1::2], strict=True))
    with mpmath.workdps(mathematics.DIGITS):
        for direction, (low, high) in zip(found.runs, stretches, strict=True):
            assert low < high
            # Evenly, closer and closer to both ends, and where formulas change; a jump belongs to the turn.
            shares = [Fraction(i, 60) for i in range(1, 60)]
            shares += [Fraction(1, 1 << i) for i in range(7, 80, 6)]
            shares += [1 - s for s in shares]
            special = [Fraction(x) for x in arguments(kind, constants).tolist() if low < x < high]
            places = sorted({*(low + (high - low) * s for s in shares), *special})
            values = [mathematics.value(kind, place, *constants, digits=100) for place in places]
            noise = mp.mpf(10) ** -75
            for left, right in pairwise(values):
                change = right - left
                assert abs(change) <= noise if direction == 0 else change * direction >= -noise
            assert direction == 0 or (values[-1] - values[0]) * direction > 0
        for turn in found.turns:
            assert turn.low <= turn.high
            assert turn.high - turn.low <= Fraction(1, 1 << 90)
            beside = Fraction(1, 1 << 200)
            for place in (turn.low - beside, turn.low, turn.high, turn.high + beside):
                reached = mathematics.value(kind, place, *constants, digits=100)
                assert mathematics.number(turn.least) - mp.mpf(10) ** -28 <= reached
                assert reached <= mathematics.number(turn.most) + mp.mpf(10) ** -28
            size = max(Fraction(1), abs(turn.low))
            assert turn.most - turn.least <= size / (1 << 90) or turn.low == turn.high


@pytest.mark.parametrize(("kind", "constants"), CASES)
def test_an_enclosure_around_a_turn_holds_the_value_there(kind: str, constants: tuple[float, ...]) -> None:
    alpha, beta, gamma = (np.array([v]) for v in padded(constants))
    step = Function(kind=kind, alpha=alpha, beta=beta, gamma=gamma)
    for turn in shape(kind, *padded(constants)).turns:
        centre = float(turn.low) + 0.0625
        low, high = enclose((step,), np.array([[centre]]), radius=np.array([[0.25]]))
        for x in (turn.low, Fraction(centre - 0.25), Fraction(centre + 0.25)):
            wanted = float(mathematics.value(kind, x, *constants, digits=60))
            assert low[0, 0] <= wanted <= high[0, 0]


@pytest.mark.parametrize(
    ("kind", "constants", "sentence"),
    [
        ("celu", (0.0, 0.0, 0.0), "its alpha must not be 0, but is"),
        ("cubic", (-1.0, 0.0, 0.0), "its alpha must not be below 0, but is -1"),
        ("erf_gate", (1.0, 0.0, 0.0), "its beta must not be 0, but is"),
        ("tanh_gate", (1.0, -0.5, 0.0), "its beta must not be below 0, but is -0.5"),
        ("ramp_gate", (1.0, 0.0, -1.0), "its gamma must not be below 0, but is -1"),
        ("elu", (-1.0, 0.0, 0.0), ""),
    ],
)
def test_constants_that_are_refused(kind: str, constants: tuple[float, ...], sentence: str) -> None:
    a, b, c = (np.array([value]) for value in constants)
    if kind == "celu":
        a = np.array([1.0, *a])  # one channel of two
    assert refusal(Function(kind=kind, alpha=a, beta=b, gamma=c)) == sentence


@pytest.mark.parametrize("x", [14, 20, 27])
def test_an_error_function_far_out_is_told_from_one_with_few_bits(x: int) -> None:
    """Else tens of thousands of bits are needed to see that a GELU of -200 is below 0."""
    found = Real.of(1) + erf(Real.of(-x), FIRST_BITS)
    with mp.workprec(400):
        assert mathematics.number(found.low) <= mp.erfc(x) <= mathematics.number(found.high)
    assert 0 < found.low < found.high < Fraction(1, 1 << FIRST_BITS)
