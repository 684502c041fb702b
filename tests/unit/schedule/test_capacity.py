"""Circular buffers are as large as the pace needs: never so small that a part waits for ever."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from cuts import cuts, lines
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import Knobs, assemble, networks

from ternc import frontend, passes
from ternc.network.layers import IntRange, Linear, Network, Staircase, Tensor, Term
from ternc.schedule.capacity import allowed, with_capacities
from ternc.schedule.cycles import Pipeline, frame_cycles
from ternc.schedule.design import ToBuffer
from ternc.schedule.lines import Lines
from ternc.schedule.pinned import PinnedEngine
from ternc.schedule.timing import TIMED_FRAMES
from zoo import MODELS, shape


@pytest.mark.parametrize(
    ("rows", "frame", "step", "wanted"),
    [
        (3, 28, 1, 4),  # below a frame: a power of two, so that addresses wrap by themselves
        (4, 28, 1, 4),
        (17, 28, 1, 28),  # 32 would be more than a frame
        (29, 28, 1, 29),  # a frame and more: one subtraction wraps
        (3, 28, 2, 4),
        (1, 27, 3, 27),  # no power of two is a multiple of the step
        (28, 27, 3, 30),
    ],
)
def test_capacities_that_the_hardware_can_wrap(rows: int, frame: int, step: int, wanted: int) -> None:
    assert allowed(rows, frame, step) == wanted


def test_an_output_wraps_at_any_number_of_steps() -> None:
    assert [allowed(rows, 28, 2, any_number=True) for rows in (1, 2, 3, 29)] == [2, 2, 4, 30]


@settings(max_examples=60, deadline=None)
@given(networks(Knobs(layers=5)), st.data())
def test_no_pipeline_hangs_and_every_capacity_can_be_built(network: Network, data: st.DataObject) -> None:
    found = lines(network, data.draw(cuts(network)))
    pipeline = found.pipeline
    assert not frame_cycles(pipeline, 3).stuck
    for keeper, rows in zip(found.keepers, pipeline.keepers, strict=True):
        assert rows.capacity % rows.step == 0
        assert rows.frame % rows.step == 0
        power = rows.capacity & (rows.capacity - 1) == 0
        assert not isinstance(keeper, ToBuffer) or power or rows.capacity >= rows.frame


@pytest.mark.parametrize("cut", [(), (2,), (1, 2), (1, 1, 1)])
def test_buffers_let_the_slowest_part_set_the_pace_and_none_is_larger_than_that_takes(
    cut: tuple[int, ...],
) -> None:
    network = passes.run(frontend.read(MODELS / "mnist_cnn_a4" / "mnist_cnn_a4.qonnx.onnx"))
    shapes = [shape(text) for text in ("4x8x1", "7x8x16", "2x16x8", "1x10x8")]
    counts = [*cut, len(network.layers) - sum(cut)]
    engines = tuple(PinnedEngine(layers=n, array=one) for n, one in zip(counts, shapes, strict=False))
    found = lines(network, engines)
    pipeline = found.pipeline
    assert found.timing.cycles_per_frame == pipeline.least_interval
    best = frame_cycles(pipeline, TIMED_FRAMES)
    for n, tried in smaller(found):
        worse = frame_cycles(tried, TIMED_FRAMES)
        late = worse.stuck or worse.interval > best.interval or worse.ends[0] > best.ends[0]
        assert late, f"buffer {n} needs fewer rows than {pipeline.keepers[n].capacity}"


def smaller(found: Lines) -> list[tuple[int, Pipeline]]:
    """The pipeline with each circular buffer at the next smaller capacity, where there is one that holds its rows."""
    tried = []
    for n, (keeper, rows) in enumerate(zip(found.keepers, found.pipeline.keepers, strict=True)):
        any_number = not isinstance(keeper, ToBuffer)
        sizes = [
            size
            for size in range(rows.step, rows.capacity)
            if allowed(size, rows.frame, rows.step, any_number=any_number) == size
        ]
        if sizes and not (found.pipeline.score and n == found.pipeline.score.keeper):
            capacities = [one.capacity for one in found.pipeline.keepers]
            capacities[n] = max(sizes)
            tried.append((n, with_capacities(found.pipeline, capacities)))
    return tried


def residual(height: int = 12) -> Network:
    """x -> a -> b -> c (3x3 each), and last(c, a): a's rows wait until two convolutions have seen more of them."""
    rng = np.random.default_rng(1)

    def conv(name: str, *sources: str) -> Linear:
        terms = tuple(
            Term(
                source=source,
                weights=rng.integers(-1, 2, (2, 2, 3, 3)).astype(np.int32),
                padding=(1, 1, 1, 1),
            )
            for source in sources
        )
        codes = Staircase(thresholds=np.array([[0], [0]], np.int64), low=0)
        return Linear(name=name, kind="conv", terms=terms, target=f"{name}_out", activation=codes)

    source = Tensor(name="x", channels=2, height=height, width=5, range=IntRange(low=-1, high=1))
    made = [conv("a", "x"), conv("b", "a_out"), conv("c", "b_out"), conv("last", "c_out", "a_out")]
    return assemble(source, made)


def test_the_buffer_beside_a_residual_branch_holds_the_branchs_delay() -> None:
    engines = tuple(PinnedEngine(layers=1, array=shape("5x2x2")) for _ in range(4))
    found = lines(residual(), engines)
    assert found.timing.cycles_per_frame == found.pipeline.least_interval
    assert [tensor.name for tensor in found.stages[3].inputs] == ["a_out", "c_out"]
    beside = found.buffer_rows(3, "a_out")
    # c's first row has seen four rows of a; the last engine itself needs two of c, so a fifth
    assert beside.capacity >= 5
    number = found.keepers.index(ToBuffer(engine=3, buffer=0))
    held = {}
    for rows in range(1, beside.capacity + 1):
        keepers = list(found.pipeline.keepers)
        keepers[number] = replace(keepers[number], capacity=rows)
        held[rows] = frame_cycles(replace(found.pipeline, keepers=tuple(keepers)), 3).stuck
    assert [rows for rows, stuck in held.items() if stuck] == [1, 2, 3, 4]
    assert number in held[4], "the buffer that is too small is the one that is named"
