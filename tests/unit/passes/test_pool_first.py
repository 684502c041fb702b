"""Sums of a window in front of weights that repeat over it: the same outputs, and only where it is such a layer."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from networks import assemble

from ternc import passes
from ternc.network.analysis import accumulator_range
from ternc.network.check import verify_network
from ternc.network.golden import predict
from ternc.network.host import random_codes
from ternc.network.layers import IntRange, Linear, Network, Staircase, Tensor, Term
from ternc.passes import PoolFirst

MAP = Tensor(name="in", channels=3, height=4, width=5, range=IntRange(low=-2, high=5))


def repeated(*kernel: int, outputs: int = 6) -> Any:
    once = np.random.default_rng(1).integers(-1, 2, (outputs, 3, 1, 1)).astype(np.int32)
    return np.ascontiguousarray(np.broadcast_to(once, (outputs, 3, *kernel)))


def network(*terms: Term, activation: Staircase | None = None) -> Network:
    return assemble(MAP, (Linear(name="head", kind="dense", terms=terms, target="y", activation=activation),))


CASES = {
    "whole map": (Term(source="in", weights=repeated(4, 5)),),
    "strided, dilated": (
        Term(source="in", weights=repeated(2, 3), stride=(1, 2), dilation=(2, 1), padding=(1, 0, 0, 2)),
    ),
    "beside another term": (
        Term(source="in", weights=repeated(4, 5)),
        Term(source="in", weights=repeated(1, 1), padding=(0, 0, -3, -4)),
    ),
    "twice": (Term(source="in", weights=repeated(4, 5)), Term(source="in", weights=2 * repeated(4, 5))),
}


@pytest.mark.parametrize("case", CASES)
def test_the_outputs_stay_the_same(case: str) -> None:
    before = network(*CASES[case])
    after = PoolFirst()(before)
    verify_network(after)
    often = sum(term.weights.shape[2:] != (1, 1) for term in CASES[case])
    assert len(after.layers) == 1 + often
    assert all(term.weights.shape[2:] == (1, 1) for term in after.layers[-1].terms)
    codes = random_codes(before, 50, 3)
    (old,), (new,) = predict(before, codes), predict(after, codes)
    np.testing.assert_array_equal(old, new)
    assert len(np.unique(old)) > 3


def test_an_activation_keeps_its_thresholds() -> None:
    term = Term(source="in", weights=repeated(4, 5))
    reach = accumulator_range(network(term).layers[0], (MAP,))
    steps = [np.clip([-40, 3, 55], r.low, r.high + 1) for r in reach]
    before = network(term, activation=Staircase(thresholds=np.array(steps), low=0))
    after = PoolFirst()(before)
    codes = random_codes(before, 50, 3)
    np.testing.assert_array_equal(predict(before, codes)[0], predict(after, codes)[0])
    realised = passes.run(after)
    assert realised.layers[0].activation is not None
    assert realised.layers[0].activation.form is not None


VARYING = repeated(4, 5).copy()
VARYING[0, 0, 0, 0] = 1 - VARYING[0, 0, 0, 0]
STAYS = {
    "no window": Term(source="in", weights=repeated(1, 1)),
    "weights that change": Term(source="in", weights=VARYING),
    "groups": Term(source="in", weights=np.ones((3, 1, 4, 5), np.int32), groups=3),
    "an enlarged source": Term(source="in", weights=repeated(4, 5), upsample=(2, 2)),
}


@pytest.mark.parametrize("case", STAYS)
def test_other_terms_stay(case: str) -> None:
    before = network(STAYS[case])
    (layer,) = PoolFirst()(before).layers
    assert layer.terms[0] is STAYS[case]
    assert PoolFirst()(before) is before
    assert len(passes.forms(before)) == 1


def test_sums_of_too_many_bits_stay() -> None:
    before = network(Term(source="in", weights=repeated(4, 5)))
    assert len(PoolFirst(sum_bits=8)(before).layers) == 2  # 0..7 twenty times: 140 steps
    assert len(PoolFirst(sum_bits=7)(before).layers) == 1
    assert [len(form.layers) for form in passes.forms(before)] == [1, 2]


def test_a_name_that_is_taken_is_not_used_again() -> None:
    terms = CASES["twice"]
    before = network(*terms)
    named = replace(before, layers=(replace(before.layers[0], name="in"),))
    names = [layer.name for layer in PoolFirst()(named).layers]
    assert len(set(names)) == 3
