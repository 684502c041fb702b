"""Phases and storage strides: writers and readers agree, also where layers pull in unlike directions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import assemble, networks

from machine import Machine
from ternc import passes, target
from ternc.network import golden
from ternc.network.analysis import accumulator_range, conv_size
from ternc.network.host import random_codes
from ternc.network.layers import Anomaly, IntRange, Linear, Network, Pool, Staircase, Tensor, Term
from ternc.schedule.axes import Axis, Walks
from ternc.schedule.axes import walks as stage_walks
from ternc.schedule.build import schedule
from ternc.schedule.design import ArrayShape
from ternc.schedule.stage import cut
from ternc.schedule.wish import Wish


def one(size: int, **fields: int) -> Axis:
    """An axis of one window unless said otherwise."""
    plain = {"sums": size, "phases": 1, "windows": 1, "pool_stride": 1, "pool_dilation": 1, "pool_before": 0}
    return Axis(size=size, **(plain | fields))


def layer(name: str, *terms: Term, sources: dict[str, Tensor], pool: Pool | None = None) -> Linear:
    """A layer of binary activations; its target joins ``sources``."""
    made = Linear(name=name, kind="conv", terms=terms, target=f"{name}_out", pool=pool)
    reach = accumulator_range(made, [sources[term.source] for term in terms])
    height, width = conv_size(terms[0], sources[terms[0].source])
    sources[made.target] = Tensor(
        name=made.target, channels=made.channels, height=height, width=width, range=IntRange(low=0, high=1)
    )
    steps = Staircase(thresholds=np.array([[(r.low + r.high) // 2] for r in reach], np.int64), low=0)
    return Linear(name=name, kind="conv", terms=terms, target=made.target, activation=steps, pool=pool)


def conv(source: str, stride: int, width: int, crop: int = 0) -> Term:
    """A 1 x ``width`` kernel of two channels each way."""
    rng = np.random.default_rng(width + stride)
    weights = rng.integers(-1, 2, (2, 2, 1, width)).astype(np.int32)
    return Term(source=source, weights=weights, stride=(1, stride), padding=(0, 0, 0, -crop))


def network(width: int, *made: Linear) -> Network:
    """Around one input ``x`` of two channels."""
    source = Tensor(name="x", channels=2, height=2, width=width, range=IntRange(low=-1, high=1))
    return assemble(source, made)


def start(width: int) -> dict[str, Tensor]:
    """The input alone."""
    return {"x": Tensor(name="x", channels=2, height=2, width=width, range=IntRange(low=-1, high=1))}


def walks(model: Network) -> Walks:
    """Of all layers in one stage."""
    (whole,) = cut(model, [len(model.layers)])
    return stage_walks(whole)


def phases(found: Walks) -> list[int]:
    """Of each layer along x."""
    return [walk.horizontal.phases for walk in found.layers]


def computes(model: Network) -> None:
    """The images on an array of three rows give the golden result."""
    wish = Wish(fps=None, budget=1.0, clock_mhz=100.0, array=ArrayShape(rows=3, cols=2, lanes=2))
    machine = Machine(schedule(passes.run(model), target.load("arria10"), wish))
    codes = random_codes(model, 1, 3)
    found = machine.run([frame[0] for frame in codes])
    for value, expected in zip(found, golden.predict(model, codes), strict=True):
        np.testing.assert_array_equal(value, expected[0])


def test_readers_at_two_strides_share_their_least_common_multiple() -> None:
    tensors = start(24)
    model = network(
        24,
        layer("a", conv("x", 2, 2), sources=tensors),
        layer("b", conv("x", 3, 2), sources=tensors),
    )
    found = walks(model)
    assert found.strides["x"] == 6
    assert phases(found) == [3, 2]
    computes(model)


def test_a_stride_travels_through_layers_of_several_terms() -> None:
    tensors = start(24)
    a = layer("a", conv("x", 1, 1), sources=tensors)
    b = layer("b", conv("x", 1, 1), sources=tensors)
    both = layer("both", conv("a_out", 1, 1), conv("b_out", 1, 1), sources=tensors)
    model = network(24, a, b, both, layer("last", conv("b_out", 2, 1), sources=tensors))
    found = walks(model)
    assert found.strides == {"x": 1, "a_out": 2, "b_out": 2, "both_out": 1, "last_out": 1}
    assert phases(found) == [1, 1, 2, 1]
    computes(model)


def test_a_layer_that_reads_a_map_at_two_strides_takes_one_pixel_at_a_time() -> None:
    tensors = start(16)
    odd = layer("odd", conv("x", 2, 2), conv("x", 1, 1, crop=8), sources=tensors)
    model = network(16, layer("even", conv("x", 2, 2), sources=tensors), odd)
    found = walks(model)
    assert found.strides["x"] == 2
    assert phases(found) == [1, 8]
    computes(model)


def test_readers_in_different_stages_need_not_agree() -> None:
    tensors = start(16)
    even = layer("even", conv("x", 2, 2), sources=tensors)
    model = network(16, even, layer("odd", conv("x", 1, 2), sources=tensors))
    assert walks(model).strides["x"] == 2
    apart = [stage_walks(stage) for stage in cut(model, [1, 1])]
    assert [found.strides["x"] for found in apart] == [2, 1]
    assert [phases(found) for found in apart] == [[1], [1]]


def test_layers_that_pull_two_maps_apart_end_with_one_of_them_a_pixel_at_a_time() -> None:
    tensors = start(16)
    a = layer("a", conv("x", 1, 1), sources=tensors)
    left = layer("left", conv("x", 1, 1, crop=8), conv("a_out", 2, 1), sources=tensors)
    right = layer("right", conv("x", 2, 1), conv("a_out", 1, 1, crop=8), sources=tensors)
    model = network(16, a, left, right)
    found = walks(model)
    assert sorted(phases(found)[1:]) == [1, 8]
    assert sorted([found.strides["x"], found.strides["a_out"]]) == [1, 2]
    computes(model)


def test_windows_over_the_edge_are_taken_where_they_meet_the_map() -> None:
    # a pool of 3 with stride 2 and padding 1 over 7 positions: outputs 0..3 begin at -1, 1, 3, 5
    axis = one(4, sums=7, windows=3, pool_stride=2, pool_before=1)
    assert [axis.taken(0, window) for window in range(3)] == [(1, 4), (0, 4), (0, 3)]
    halves = one(4, sums=7, windows=3, pool_stride=2, pool_before=1, phases=2)
    assert [halves.taken(phase, 0) for phase in (0, 1)] == [(1, 2), (0, 2)]
    assert [halves.taken(phase, 2) for phase in (0, 1)] == [(0, 2), (0, 1)]


@settings(max_examples=150, deadline=None)
@given(networks())
def test_every_read_lies_where_the_definition_says(model: Network) -> None:
    found = walks(model)
    for made, walk in zip(model.layers, found.layers, strict=True):
        assert walk.horizontal.phases <= walk.horizontal.size
        for axis, n in ((walk.vertical, 0), (walk.horizontal, 1)):
            for term, reaches in zip(made.terms, walk.terms, strict=True):
                reach = reaches[n]
                for out in range(axis.size):
                    j, phase = divmod(out, axis.phases)
                    for window in range(axis.windows):
                        position = out * axis.pool_stride + window * axis.pool_dilation - axis.pool_before
                        low, high = axis.taken(phase, window)
                        assert (low <= j < high) == (0 <= position < axis.sums)
                        for k in range(reach.kernel):
                            at = position * term.stride[n] + k * term.dilation[n] - term.padding[n]
                            delta = reach.delta(axis, phase, window, k)
                            if term.fill == "zeros" and at % term.upsample[n]:
                                assert delta is None
                            else:
                                assert delta is not None
                                assert delta + j * reach.step(axis) == at // term.upsample[n]
                if n == 1 and axis.steps > 1:
                    assert reach.step(axis) == found.strides[term.source]
    if model.anomaly:
        last = next(
            w for m, w in zip(model.layers, found.layers, strict=True) if m.target == model.anomaly.tensor
        )
        assert last.vertical.steps * last.vertical.phases == last.vertical.size


@settings(deadline=None)
@given(st.integers(1, 20), st.integers(1, 5))
def test_the_last_steps_of_a_phase_may_lie_outside(size: int, count: int) -> None:
    axis = one(size, phases=min(count, size))
    assert axis.steps * axis.phases >= size > (axis.steps - 1) * axis.phases


@pytest.mark.parametrize("height", [1, 2, 3, 5, 7, 9, 12])
def test_a_score_counts_no_row_that_does_not_exist(height: int) -> None:
    source = Tensor(name="x", channels=1, height=12, width=3, range=IntRange(low=0, high=3))
    term = Term(
        source="x", weights=np.ones((1, 1, 1, 1), np.int32), upsample=(2, 1), padding=(0, 0, height - 24, 0)
    )
    made = Linear(name="difference", kind="add", terms=(term,), target="sums")
    judge = Anomaly(
        tensor="sums",
        factor=np.array([1]),
        offset=np.array([5]),
        measure="squares",
        unit=1.0,
        error=0.0,
        limit=10,
    )
    model = assemble(source, [made], anomaly=judge)
    (walk,) = walks(model).layers
    assert walk.vertical.steps * walk.vertical.phases == height
    computes(model)


def test_a_padded_pool_takes_no_pixel_outside_the_map() -> None:
    """Sums are below 0 where all pixels of the map are high: the border's padding would win the maximum."""
    source = Tensor(name="x", channels=1, height=4, width=5, range=IntRange(low=0, high=63))
    term = Term(source="x", weights=np.full((1, 1, 1, 1), -1, np.int32))
    pool = Pool(kernel=(3, 3), stride=(2, 2), padding=(1, 1, 1, 1), minimum=(False,))
    stairs = Staircase(thresholds=np.array([[-2, -1, 0]]), low=0)
    made = Linear(name="conv", kind="conv", terms=(term,), target="y", activation=stairs, pool=pool)
    computes(assemble(source, [made]))


def test_differences_are_scored_with_their_factors() -> None:
    source = Tensor(name="x", channels=2, height=2, width=3, range=IntRange(low=-2, high=3))
    term = Term(source="x", weights=np.eye(2, dtype=np.int32).reshape(2, 2, 1, 1))
    made = Linear(name="difference", kind="add", terms=(term,), target="sums")
    judge = Anomaly(
        tensor="sums",
        factor=np.array([3, 5]),
        offset=np.array([5, -1]),
        measure="absolute",
        unit=1.0,
        error=0.0,
        limit=60,
    )
    computes(assemble(source, [made], anomaly=judge))
