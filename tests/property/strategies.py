"""Random chains of steps, layers and networks for the property tests."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from ternc.network.layers import IntRange
from ternc.network.stairs.evaluate import RoundMode
from ternc.network.steps import Add, Clamp, Divide, Multiply, Normalise, Round, Sign, Step

# Constants on which ties and cancellations are frequent, next to arbitrary float32 values.
TIDY = (-2.0, -1.0, -0.5, -0.25, 0.0, 0.125, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 0.1, 0.3, -0.7)


@st.composite
def constants(
    draw: st.DrawFn, channels: int, *, nonzero: bool = False, positive: bool = False
) -> NDArray[Any]:
    """float64 ``[1]`` or ``[channels]`` of float32 values."""
    size = draw(st.sampled_from((1, channels)))
    if draw(st.booleans()):  # float32 values with all their bits in use
        wild = np.random.default_rng(draw(st.integers(0, 2**32 - 1))).normal(0, 2, size)
        return np.abs(wild, where=np.full(size, positive), out=wild).astype(np.float32).astype(np.float64)
    tidy = st.sampled_from(TIDY)
    if nonzero or positive:
        tidy = tidy.filter(lambda v: v != 0)
    if positive:
        tidy = tidy.map(abs)
    return np.array(draw(st.lists(tidy, min_size=size, max_size=size)), np.float32).astype(np.float64)


@st.composite
def clamps(draw: st.DrawFn, channels: int) -> Clamp:
    """ReLU, HardTanh or any interval."""
    low = draw(st.sampled_from((-np.inf, 0.0, -1.0, -3.5, 0.5)))
    high = draw(st.sampled_from((np.inf, 1.0, 2.5, 6.0)))
    return Clamp(low=np.array([low]), high=np.array([high]))


@st.composite
def affine_step(draw: st.DrawFn, channels: int) -> Step:
    """Any step but a rounding."""
    kind = draw(st.sampled_from(("add", "multiply", "divide", "normalise", "clamp")))
    if kind == "add":
        return Add(addend=draw(constants(channels)))
    if kind == "multiply":
        return Multiply(factor=draw(constants(channels)))
    if kind == "divide":
        return Divide(divisor=draw(constants(channels, nonzero=True)))
    if kind == "clamp":
        return draw(clamps(channels))
    return Normalise(
        mean=draw(constants(channels)),
        variance=draw(constants(channels, positive=True)),
        epsilon=float(np.float32(draw(st.sampled_from((0.0, 1e-5, 0.25))))),
        gain=draw(constants(channels)),
        bias=draw(constants(channels)),
    )


@st.composite
def chains(draw: st.DrawFn, channels: int) -> tuple[tuple[Step, ...], int, int]:
    """A chain ending in integers, and their range."""
    steps: list[Step] = draw(st.lists(affine_step(channels), max_size=5))
    if draw(st.booleans()) and draw(st.booleans()):
        steps.append(Round(mode=draw(st.sampled_from(MODES))))
        steps.append(draw(affine_step(channels)))
    if draw(st.integers(0, 3)) == 0:
        steps.append(Sign(zero=draw(st.sampled_from((0, 1)))))
        return tuple(steps), -1, 1
    low = draw(st.sampled_from((-8, -2, -1, 0)))
    high = draw(st.sampled_from((1, 2, 3, 7)))
    ends = Clamp(low=np.array([float(low)]), high=np.array([float(high)]))
    rounding = Round(mode=draw(st.sampled_from(MODES)))
    steps += [ends, rounding] if draw(st.booleans()) else [rounding, ends]
    return tuple(steps), low, high


MODES: tuple[RoundMode, ...] = ("even", "floor", "ceil", "toward_zero", "half_up", "half_down")


@st.composite
def acc_ranges(draw: st.DrawFn, channels: int) -> tuple[IntRange, ...]:
    """A range around zero per channel."""
    return tuple(
        IntRange(low=-draw(st.integers(0, 25)), high=draw(st.integers(0, 25))) for _ in range(channels)
    )
