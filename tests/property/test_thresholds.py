"""Thresholds equal the exact chain on every accumulator value, and enclosures contain it."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import acc_ranges, chains

from ternc.network.stairs.enclosure import enclose
from ternc.network.stairs.exact import exact
from ternc.network.stairs.thresholds import derive, direction, image


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_derive_equals_exact_chain_on_every_accumulator(data: st.DataObject) -> None:
    channels = data.draw(st.integers(1, 3))
    steps, low, high = data.draw(chains(channels))
    acc = data.draw(acc_ranges(channels))
    found = derive(steps, acc, low=low, high=high)
    thresholds = found.staircase.thresholds
    assert thresholds.shape == (channels, high - low)
    assert thresholds.dtype == np.int64
    for c in range(channels):
        sign = -1 if found.falling[c] else 1
        ends = sorted((sign * acc[c].low, sign * acc[c].high))
        codes = []
        for a in range(ends[0], ends[1] + 1):
            code = low + int(np.sum(a >= thresholds[c]))
            codes.append(code)
            assert code == exact(steps, c, sign * a), (c, a)
        assert np.all(np.diff(thresholds[c]) >= 0)
        assert np.all((thresholds[c] >= ends[0]) & (thresholds[c] <= ends[1] + 1))
        if len(set(codes)) == 1:
            assert not found.falling[c]
        else:
            assert direction(steps, channels)[c] == sign


@settings(max_examples=200, deadline=None)
@given(st.data(), st.booleans())
def test_enclosure_contains_exact_value(data: st.DataObject, as_single: bool) -> None:
    channels = data.draw(st.integers(1, 3))
    steps, _, _ = data.draw(chains(channels))
    steps = steps[: data.draw(st.integers(0, len(steps)))]
    acc = np.array(data.draw(st.lists(st.integers(-(2**20), 2**20), min_size=channels, max_size=channels)))
    low, high = enclose(steps, acc[:, None], as_single=as_single)
    for c in range(channels):
        value = exact(steps, c, int(acc[c]))
        assert not np.isfinite(low[c, 0]) or Fraction(float(low[c, 0])) <= value
        assert not np.isfinite(high[c, 0]) or value <= Fraction(float(high[c, 0]))


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_image_bounds_and_integrality_hold_everywhere(data: st.DataObject) -> None:
    channels = data.draw(st.integers(1, 2))
    steps, _, _ = data.draw(chains(channels))
    steps = steps[: data.draw(st.integers(0, len(steps)))]
    acc = data.draw(acc_ranges(channels))
    found = image(steps, acc)
    for c in range(channels):
        values = [exact(steps, c, a) for a in range(acc[c].low, acc[c].high + 1)]
        assert (found.low[c], found.high[c]) == (min(values), max(values))
        assert not found.integral or all(v.denominator == 1 for v in values)
