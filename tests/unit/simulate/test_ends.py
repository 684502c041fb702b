"""A network's ONNX values by name: all inputs to codes, all that leaves to outputs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from networks import assemble

from ternc.errors import DataError
from ternc.network.golden import predict
from ternc.network.layers import Anomaly, IntRange, Linear, Network, Tensor, Term
from ternc.simulate.ends import decode, encode

TENSOR = Tensor(name="in", channels=1, height=1, width=2, range=IntRange(low=-128, high=127))


def two_ended() -> Network:
    """A difference of two inputs, judged, and the second input's double."""
    inputs = (TENSOR, replace(TENSOR, name="other"))
    one = Term(source="in", weights=np.ones((1, 1, 1, 1), np.int32))
    minus = Term(source="other", weights=np.full((1, 1, 1, 1), -1, np.int32))
    twice = replace(minus, weights=np.full((1, 1, 1, 1), 2, np.int32))
    layers = (
        Linear(name="difference", kind="sub", terms=(one, minus), target="errors"),
        Linear(name="double", kind="mul", terms=(twice,), target="twice"),
    )
    judge = Anomaly(
        tensor="errors",
        factor=np.ones(1, np.int64),
        offset=np.zeros(1, np.int64),
        measure="squares",
        unit=0.25,
        error=0.0,
        limit=4,
    )
    return assemble(inputs, layers, anomaly=judge)


def test_all_ends_travel_by_name() -> None:
    network = two_ended()
    x0 = np.array([1, 2, 3, 4], np.float32).reshape(2, 1, 1, 2)
    x1 = np.array([0, 0, 3, 2], np.float32).reshape(2, 1, 1, 2)
    codes = encode(network, {"x1": x1, "x0": x0})
    assert [array.ravel().tolist() for array in codes] == [[1, 2, 3, 4], [0, 0, 3, 2]]
    found = decode(network, predict(network, codes))
    assert list(found) == ["y", "anomaly_score", "anomaly"]
    assert found["y"].tolist() == [[[[0.0, 0.0]]], [[[6.0, 4.0]]]]
    assert found["anomaly_score"].tolist() == [1.25, 1.0]
    assert found["anomaly_score"].dtype == np.float64
    assert found["anomaly"].tolist() == [True, False]
    assert found["anomaly"].dtype == np.bool_


FRAME = np.zeros((1, 1, 1, 2), np.float32)


@pytest.mark.parametrize(
    ("inputs", "sentence"),
    [
        (
            {"x0": FRAME},
            "the arrays must be those of the inputs 'x0', 'x1', but there is no array for 'x1'",
        ),
        (
            {"x0": FRAME, "x1": FRAME, "z": FRAME},
            "the arrays must be those of the inputs 'x0', 'x1', but 'z' is none of them",
        ),
        (
            {"x0": FRAME, "x1": np.repeat(FRAME, 3, axis=0)},
            "input 'x1': must have as many frames as 'x0', 1, but has 3",
        ),
    ],
)
def test_missing_unknown_and_uneven_inputs_are_refused(inputs: dict[str, Any], sentence: str) -> None:
    with pytest.raises(DataError) as error:
        encode(two_ended(), inputs)
    assert str(error.value) == sentence
