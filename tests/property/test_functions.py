"""Staircases of whole activations: every code on small ranges, computed with mpmath or fractions alone."""

from __future__ import annotations

from fractions import Fraction

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mpmath import mp
from strategies import MODES

import mathematics
from ternc.network.layers import IntRange
from ternc.network.stairs.evaluate import RoundMode
from ternc.network.stairs.exact import NoStaircase, round_exact
from ternc.network.stairs.functions import FUNCTIONS, refusal
from ternc.network.stairs.prove import staircase_codes
from ternc.network.stairs.thresholds import derive
from ternc.network.steps import Add, Clamp, Divide, Function, Multiply, Round, Step

NICE = (-1.0, -0.5, 0.0, 0.1, 0.125, 0.5, 1.0, 1.5)
EDGE = mp.mpf(10) ** -380
"""Values that are no nearer to a border than this, relatively, are not on it."""


def f32(value: float) -> float:
    return float(np.float32(value))


@st.composite
def single(draw: st.DrawFn, low: float, high: float) -> float:
    """A float32 with few bits or with all of them."""
    value = draw(st.floats(low, high))
    return f32(round(value * 16) / 16 or high) if draw(st.booleans()) else f32(value or high)


@st.composite
def activations(draw: st.DrawFn, channels: int) -> tuple[str, list[tuple[float, ...]]]:
    """A function and its constants per channel."""
    kind = draw(st.sampled_from(sorted(FUNCTIONS)))
    count = len(FUNCTIONS[kind].constants)
    constant = st.one_of(st.sampled_from(NICE).map(f32), single(-2, 2))
    one = st.tuples(*[constant] * count).filter(
        lambda values: not refusal(step(kind, [values])) and (kind != "erf_gate" or abs(values[0]) > 0.05)
    )
    shared = draw(st.booleans())
    rows = [draw(one)] * channels if shared else draw(st.lists(one, min_size=channels, max_size=channels))
    return kind, rows


def step(kind: str, rows: list[tuple[float, ...]]) -> Function:
    columns = zip(*[(*row, 0.0, 0.0, 0.0)[:3] for row in rows], strict=True)
    alpha, beta, gamma = (np.array(column) for column in columns)
    return Function(kind=kind, alpha=alpha, beta=beta, gamma=gamma)


def code(kind: str, constants: tuple[float, ...], x: Fraction, scale: Fraction, mode: RoundMode) -> int:
    """``round(f(x) / scale)`` without any code of ternc but its rounding of fractions."""
    if kind in mathematics.RATIONAL:
        return int(round_exact(mathematics.fraction(kind, x, *constants) / scale, mode))
    with mpmath.workdps(mathematics.DIGITS):
        real = mathematics.value(kind, x, *constants) / mathematics.number(scale)
        nearest = mp.nint(2 * real) / 2  # all borders are multiples of a half
        if abs(real - nearest) > EDGE * abs(real):
            return int(round_exact(Fraction(int(mp.floor(real * 2)), 2) + Fraction(1, 4), mode))
        return int(round_exact(Fraction(int(2 * nearest), 2), mode))


@settings(max_examples=120, deadline=None)
@given(st.data())
def test_every_code_is_that_of_the_formula(data: st.DataObject) -> None:
    channels = data.draw(st.integers(1, 2))
    kind, rows = data.draw(activations(channels))
    factor, addend = data.draw(single(-0.5, 0.5)), data.draw(single(-3, 3))
    scale, mode = data.draw(single(0.05, 1.5)), data.draw(st.sampled_from(MODES))
    reach = IntRange(low=-data.draw(st.integers(0, 40)), high=data.draw(st.integers(0, 40)))
    steps: tuple[Step, ...] = (
        Multiply(factor=np.array([factor])),
        Add(addend=np.array([addend])),
        step(kind, rows),
        Divide(divisor=np.array([scale])),
        Round(mode=mode),
        Clamp(low=np.array([-12.0]), high=np.array([15.0])),
    )
    found = derive(steps, (reach,) * channels, low=-12, high=15)
    sums = np.arange(reach.low, reach.high + 1)
    for c, constants in enumerate(rows):
        signed = -sums if found.falling[c] else sums
        got = staircase_codes(found.staircase, np.full(len(sums), c), signed)
        exactly = [Fraction(factor) * int(a) + Fraction(addend) for a in sums]
        wanted = [min(max(code(kind, constants, x, Fraction(scale), mode), -12), 15) for x in exactly]
        assert got.tolist() == wanted


def test_a_table_that_would_be_too_long_is_refused() -> None:
    steps = (step("square", [()]), Round(mode="even"), Clamp(low=np.array([0.0]), high=np.array([255.0])))
    with pytest.raises(NoStaircase, match="takes more than 32 levels, all channels together"):
        derive(steps, (IntRange(low=-20, high=20),), low=0, high=255, levels=32)
    table = derive(steps, (IntRange(low=-20, high=20),), low=0, high=255, levels=33).staircase.table
    assert table is not None
    assert table.tolist() == [255, *(n * n for n in range(-15, 16)), 255]
