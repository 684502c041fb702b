"""Two Networks are the same, but for names and float32's rounding, or it is said what is not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from networks import assemble

from ternc.network.compare import differences, on_borders
from ternc.network.layers import IntRange, Linear, Network, Pool, Staircase, Tensor, Term

FIRST = Tensor(name="in", channels=2, height=4, width=4, range=IntRange(low=0, high=3))
BORDER = "channel 1, step 2: the border 5.0000001 lies within float32's rounding of 5"


def stairs(**changes: Any) -> Staircase:
    base = Staircase(thresholds=np.array([[1, 2, 3], [2, 4, 5]]), low=0, borders=())
    return replace(base, **changes)


def network(name: str = "a", **changes: Any) -> Network:
    weights = np.array([[[[1]], [[-1]]], [[[0]], [[1]]]], np.int32)
    one = Linear(
        name=f"{name}1", kind="conv", terms=(Term(source="in", weights=weights),), target=f"{name}x",
        activation=stairs(),
    )  # fmt: skip
    one = replace(one, **changes)
    two = Linear(
        name=f"{name}2", kind="dense", terms=(Term(source=f"{name}x", weights=weights),), target=f"{name}y"
    )
    return assemble(FIRST, (one, two))


def test_names_do_not_matter() -> None:
    assert differences(network("a"), network("b")) == ()


def test_a_threshold_on_a_border_may_move_by_one() -> None:
    moved = np.array([[1, 2, 3], [2, 4, 6]])
    there = network(activation=stairs(thresholds=moved, borders=(BORDER,)))
    assert differences(network(), there) == ()
    assert on_borders(network(), there) == 1
    assert on_borders(network(), network()) == 0
    for thresholds in (np.array([[1, 2, 3], [2, 4, 7]]), np.array([[1, 2, 4], [2, 4, 5]])):
        other = network(activation=stairs(thresholds=thresholds, borders=(BORDER,)))
        assert differences(network(), other) == ("layer 'a1': thresholds",)
    assert differences(network(), network(activation=stairs(thresholds=moved))) == ("layer 'a1': thresholds",)


POOL = Pool(kernel=(2, 2), stride=(2, 2), minimum=(False, False))
WEIGHTS = np.array([[[[1]], [[1]]], [[[0]], [[1]]]], np.int32)


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({"terms": (Term(source="in", weights=WEIGHTS),)}, "layer 'a1': weights of term 0"),
        (
            {"terms": (Term(source="in", weights=WEIGHTS), Term(source="in", weights=WEIGHTS))},
            "layer 'a1': terms",
        ),
        ({"kind": "dense"}, "layer 'a1': kind"),
        ({"pool": POOL}, "layer 'a1': pool"),
        ({"activation": None}, "layer 'a1': activation"),
        ({"activation": stairs(low=1)}, "layer 'a1': thresholds"),
        ({"activation": stairs(table=np.array([0, 2, 1, 3]))}, "layer 'a1': thresholds"),
    ],
)
def test_what_differs_in_a_layer_is_named(change: dict[str, Any], found: str) -> None:
    assert found in differences(network(), network(**change))


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (lambda n: replace(n, layers=n.layers[:1]), "1 layers on 1 inputs, not 2 on 1"),
        (lambda n: replace(n, inputs=(replace(n.inputs[0], scale=0.5),)), "input 'x'"),
        (
            lambda n: replace(n, outputs=(replace(n.outputs[0], offset=n.outputs[0].offset + 1),)),
            "output 'y'",
        ),
        (lambda n: replace(n, tensors=(replace(n.tensors[0], height=5), *n.tensors[1:])), "tensor 'in'"),
    ],
)
def test_what_differs_at_the_ends_is_named(change: Callable[[Network], Network], found: str) -> None:
    (said,) = differences(network(), change(network()))
    assert said.startswith(found.split("'")[0])
