"""Multiply-shift forms equal their staircases, and exist exactly where brute force finds one."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import networks, staircase
from strategies import acc_ranges

from ternc.network.check import verify_network
from ternc.network.layers import IntRange, MultiplyShift, Network, Staircase
from ternc.network.store import equal
from ternc.passes import Realise, run


def agrees(form: MultiplyShift, stairs: Staircase, acc: tuple[IntRange, ...]) -> bool:
    """Brute force over every reachable accumulator."""
    steps = stairs.thresholds.shape[1]
    for c, r in enumerate(acc):
        for a in range(r.low, r.high + 1):
            code = (a * int(form.multiplier[c]) + int(form.addend[c])) >> form.shift
            if min(max(code, 0), steps) != int(np.sum(a >= stairs.thresholds[c])):
                return False
    return True


def exists(stairs: Staircase, acc: tuple[IntRange, ...], shift: int, top: int) -> bool:
    """Whether every channel has a multiplier up to ``top``, by trying each with every addend."""
    steps = stairs.thresholds.shape[1]
    for c, r in enumerate(acc):
        a = np.arange(r.low, r.high + 1)
        wanted = (a[:, None] >= stairs.thresholds[c]).sum(axis=1)
        reach = (steps + 1 << shift) + top * max(-r.low, r.high)
        addends = np.arange(-reach, reach + 1)
        if not any(
            np.any(np.all(np.clip((a[:, None] * m + addends) >> shift, 0, steps) == wanted[:, None], axis=0))
            for m in range(top + 1)
        ):
            return False
    return True


@settings(max_examples=120, deadline=None)
@given(st.data(), st.integers(1, 15), st.integers(0, 2**32 - 1), st.booleans())
def test_form_equals_thresholds_on_every_accumulator(
    data: st.DataObject, steps: int, seed: int, regular: bool
) -> None:
    acc = data.draw(acc_ranges(data.draw(st.integers(1, 4))))
    rng = np.random.default_rng(seed)
    stairs = staircase(rng, acc, 0, steps)
    if regular:  # nearly equal distances: these have a form
        rows = []
        for r in acc:
            exact = rng.uniform(r.low, r.high) + rng.uniform(0.2, 9) * np.arange(steps)
            rows.append(np.clip(np.ceil(exact), r.low, r.high + 1))
        stairs = Staircase(thresholds=np.array(rows, np.int64), low=0)
    form = Realise().find(stairs, acc)
    if regular:
        assert form is not None
    if form is not None:
        assert agrees(form, stairs, acc)
        assert np.all((form.multiplier >= 0) & (form.multiplier < 2**17))


@settings(max_examples=60, deadline=None)
@given(st.data(), st.integers(1, 4), st.integers(0, 2**32 - 1))
def test_form_is_found_with_the_smallest_shift_that_exists(
    data: st.DataObject, steps: int, seed: int
) -> None:
    acc = tuple(
        IntRange(low=-data.draw(st.integers(0, 6)), high=data.draw(st.integers(0, 6)))
        for _ in range(data.draw(st.integers(1, 2)))
    )
    stairs = staircase(np.random.default_rng(seed), acc, 0, steps)
    found = Realise(multiplier_bits=4, max_shift=3).find(stairs, acc)
    smallest = next((shift for shift in range(4) if exists(stairs, acc, shift, 15)), None)
    assert (found.shift if found is not None else None) == smallest


@settings(max_examples=50, deadline=None)
@given(networks())
def test_realise_changes_forms_only_and_keeps_every_law(network: Network) -> None:
    after = run(network, (Realise(),))
    verify_network(after)
    for old, new in zip(network.layers, after.layers, strict=True):
        assert old.terms is new.terms
        assert (old.activation is None) == (new.activation is None)
        if old.activation is not None and new.activation is not None:
            assert np.array_equal(old.activation.thresholds, new.activation.thresholds)
    assert equal(network.tensors, after.tensors)
