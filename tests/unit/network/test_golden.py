"""What golden execution refuses, the widest arithmetic, and the ways to sum that small networks rarely take."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from meaning import term_meaning
from networks import assemble

from ternc.errors import DataError, InternalError
from ternc.network import golden, sums
from ternc.network.golden import predict, run
from ternc.network.layers import Anomaly, IntRange, Linear, Measure, Network, Staircase, Tensor, Term

FIRST = Tensor(name="in", channels=2, height=1, width=3, range=IntRange(low=0, high=3))
LAYER = Linear(
    name="only",
    kind="dense",
    terms=(Term(source="in", weights=np.ones((2, 2, 1, 3), np.int32)),),
    target="out",
)


def layer_of(*terms: Term, activation: Staircase | None = None) -> Linear:
    return Linear(name="only", kind="dense", terms=terms, target="out", activation=activation)


@pytest.mark.parametrize("execute", [run, predict])
@pytest.mark.parametrize(
    ("codes", "sentence"),
    [
        (
            [np.zeros((1, 2, 3), int)],
            "tensor 'in': codes must have shape [N, 2, 1, 3], but have [1, 2, 3]",
        ),
        ([np.zeros((1, 2, 1, 3))], "tensor 'in': codes must be integers, but are float64"),
        ([np.full((1, 2, 1, 3), 4)], "tensor 'in': codes must lie in 0..3, but reach from 4 to 4"),
        ([np.full((1, 2, 1, 3), -1)], "tensor 'in': codes must lie in 0..3, but reach from -1 to -1"),
        ([], "network 'random': codes must be one array for each of its 1 inputs, but are 0"),
    ],
)
def test_wrong_codes_are_refused(execute: Any, codes: list[np.ndarray], sentence: str) -> None:
    with pytest.raises(DataError) as error:
        execute(assemble(FIRST, (LAYER,)), codes)
    assert str(error.value) == sentence


def test_inputs_must_have_as_many_frames() -> None:
    second = replace(FIRST, name="other")
    layer = layer_of(*LAYER.terms, replace(LAYER.terms[0], source="other"))
    network = assemble((FIRST, second), (layer,))
    with pytest.raises(DataError) as error:
        predict(network, (np.zeros((2, 2, 1, 3), int), np.zeros((1, 2, 1, 3), int)))
    assert (
        str(error.value) == "tensor 'other': codes must have as many frames as those of 'in', 2, but have 1"
    )


@pytest.mark.parametrize("bits", [23, 24, 25, 30, 49])
def test_accumulators_beyond_float32_stay_exact(bits: int) -> None:
    high = 2**bits - 1
    first = Tensor(name="in", channels=3, height=1, width=1, range=IntRange(low=-1, high=high))
    weights = np.array([[1, 1, 1], [1, 1, 0], [1, -1, 1]], np.int32).reshape(3, 3, 1, 1)
    network = assemble(first, (layer_of(Term(source="in", weights=weights)),))
    codes = np.array([[high, high, high], [high, -1, 1]]).reshape(2, 3, 1, 1)
    (found,) = predict(network, (codes,))
    assert found.reshape(2, 3).tolist() == [[3 * high, 2 * high, high], [high, high - 1, high + 2]]


def test_wide_weights_stay_exact() -> None:
    first = Tensor(name="in", channels=2, height=1, width=1, range=IntRange(low=-128, high=255))
    weights = np.array([[2**31 - 1, -(2**31)], [65793, 1]], np.int32).reshape(2, 2, 1, 1)
    network = assemble(first, (layer_of(Term(source="in", weights=weights)),))
    (found,) = predict(network, (np.array([255, -127]).reshape(1, 2, 1, 1),))
    assert found.ravel().tolist() == [255 * (2**31 - 1) + 127 * 2**31, 255 * 65793 - 127]


def test_a_table_of_large_codes_stays_exact() -> None:
    codes = np.array([2**24 + 1, 0, 2**30 + 1], np.int64)
    stairs = Staircase(thresholds=np.array([[1, 2]] * 2, np.int64), low=0, table=codes)
    network = assemble(FIRST, (layer_of(*LAYER.terms, activation=stairs),))
    frames = np.zeros((3, 2, 1, 3), int)
    frames[1, 0, 0, 0], frames[2, 0, 0] = 1, 3
    (found,) = predict(network, (frames,))
    assert found[:, 0].ravel().tolist() == codes.tolist()


@pytest.mark.parametrize("table", [None, np.arange(16, dtype=np.int64)[::-1] * 3 - 4])
def test_a_long_staircase_is_searched_exactly(table: np.ndarray | None) -> None:
    high = 2**26
    first = Tensor(name="in", channels=1, height=1, width=1, range=IntRange(low=0, high=high))
    thresholds = np.arange(1, 16, dtype=np.int64)[None, :] * (high // 16) + 1
    stairs = Staircase(thresholds=thresholds, low=-4, table=table)
    one = Term(source="in", weights=np.ones((1, 1, 1, 1), np.int32))
    codes = (thresholds[0] - np.arange(15) % 2).reshape(-1, 1, 1, 1)
    (found,) = predict(assemble(first, (layer_of(one, activation=stairs),)), (codes,))
    levels = [k + 1 - k % 2 for k in range(15)]
    expected = [level - 4 for level in levels] if table is None else [41 - 3 * level for level in levels]
    assert found.ravel().tolist() == expected


def test_sums_beyond_float64_are_a_bug() -> None:
    first = Tensor(name="in", channels=2, height=1, width=3, range=IntRange(low=0, high=2**52))
    with pytest.raises(
        InternalError, match="layer 'only' accumulates 27021597764222976, beyond exact float64"
    ):
        predict(assemble(first, (LAYER,)), (np.zeros((1, 2, 1, 3), int),))


def judged(measure: Measure, limit: int) -> Network:
    anomaly = Anomaly(
        tensor="out",
        factor=np.array([1, 3]),
        offset=np.array([0, -20]),
        measure=measure,
        unit=1.0,
        error=0.0,
        limit=limit,
    )
    return assemble(FIRST, (LAYER,), anomaly=anomaly)


@pytest.mark.parametrize(("measure", "score"), [("squares", 9 + 11 * 11), ("absolute", 3 + 11)])
def test_a_score_above_the_limit_is_flagged(measure: Measure, score: int) -> None:
    codes = np.zeros((1, 2, 1, 3), int)
    codes[0, 1, 0, 1] = 3
    for limit, flag in ((score, 0), (score - 1, 1)):
        (found,) = predict(judged(measure, limit), (codes,))
        assert found.tolist() == [[score, flag]]


def test_leaving_tensors_come_in_their_order() -> None:
    layers = [replace(LAYER, name=name, target=name) for name in ("a", "b")]
    layers[1] = replace(
        layers[1], terms=(Term(source="in", weights=np.eye(2, dtype=np.int32)[..., None, None]),)
    )
    network = assemble(FIRST, layers, argmax=False)
    codes = np.arange(6).reshape(1, 2, 1, 3) % 4
    swapped = replace(network, outputs=network.outputs[::-1])
    first, second = predict(network, (codes,))
    assert [first.shape, second.shape] == [(1, 2, 1, 1), (1, 2, 1, 3)]
    np.testing.assert_array_equal(predict(swapped, (codes,))[0], second)
    np.testing.assert_array_equal(run(swapped, (codes,)).leaving[1], first)


SHAPES = [
    ("sparse", 1, (50, 8, 3, 3)),
    ("selection of a map", 1, (40, 8, 6, 7)),
    ("grouped", 2, (6, 4, 3, 2)),
    ("depthwise", 8, (8, 1, 3, 3)),
    ("depthwise, twice", 8, (16, 1, 2, 3)),
    ("depthwise, whole map", 8, (8, 1, 6, 7)),
    ("depthwise, large", 4, (4, 2, 1, 1)),
]


@pytest.mark.parametrize(("groups", "shape"), [pytest.param(g, s, id=i) for i, g, s in SHAPES])
@pytest.mark.parametrize("shifted", [4, 64])
@pytest.mark.parametrize("gather", [0, 40])
def test_every_way_to_sum_gives_the_same(
    groups: int, shape: tuple[int, int, int, int], shifted: int, gather: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sums, "SHIFTED_TAPS", shifted)
    monkeypatch.setattr(sums, "GATHER_FACTOR", gather)
    rng = np.random.default_rng(1)
    weights = (rng.integers(-5, 6, shape) * (rng.random(shape) < 0.05)).astype(np.int32)
    term = Term(source="in", weights=weights, groups=groups, padding=(1, 0, 2, -1), stride=(1, 1))
    if shape[2] > 3:
        term = replace(term, padding=(0, 0, 0, 0))
    source = Tensor(name="in", channels=8, height=6, width=7, range=IntRange(low=-8, high=7))
    codes = rng.integers(-8, 8, (3, 8, 6, 7))
    (found,) = predict(assemble(source, (layer_of(term),)), (codes,))
    np.testing.assert_array_equal(found, [term_meaning(term, frame) for frame in codes])


def test_maps_are_forgotten_after_their_last_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    """A chain of layers never holds more than a layer's source and target."""
    held: list[set[str]] = []
    execute = golden._Layer.run

    def watched(self: Any, maps: dict[str, Any]) -> Any:
        held.append(set(maps))
        return execute(self, maps)

    monkeypatch.setattr(golden._Layer, "run", watched)
    one = Term(source="in", weights=np.ones((2, 2, 1, 1), np.int32))
    stairs = Staircase(thresholds=np.zeros((2, 1), np.int64), low=0)
    layers = [
        Linear(name="a", kind="conv", terms=(one,), target="a", activation=stairs),
        Linear(name="b", kind="conv", terms=(replace(one, source="a"),), target="b", activation=stairs),
        Linear(name="c", kind="add", terms=(replace(one, source="a"), replace(one, source="b")), target="c"),
    ]
    predict(assemble(FIRST, layers), (np.zeros((1, 2, 1, 3), int),))
    assert held == [{"in"}, {"a"}, {"a", "b"}]
