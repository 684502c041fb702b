"""Pixels that leave an array together: which they are, and that memories can take them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from networks import assemble

from ternc.errors import ScheduleError
from ternc.network.layers import Anomaly, IntRange, Linear, Network, Staircase, Tensor, Term
from ternc.schedule.bundles import bundle_skew, lowered
from ternc.schedule.design import ArrayShape, Bundles
from ternc.schedule.draft import Draft, draft
from ternc.schedule.search import built
from zoo import shape


@given(st.sampled_from((1, 2, 4, 8)), st.integers(1, 4), st.integers(1, 40))
def test_every_column_is_in_one_bundle(pixels: int, phases: int, width: int) -> None:
    bundles = Bundles(pixels=pixels, phases=phases)
    count = bundles.count(width)
    found = [x for n in range(count) for x in bundles.columns(n) if x < width]
    assert sorted(found) == list(range(width))
    assert all(bundles.columns(n)[0] < width for n in range(count))
    assert bundles.columns(count)[0] >= width


@given(
    st.sampled_from((1, 2, 4, 8)), st.integers(1, 3), st.integers(1, 30), st.integers(1, 9), st.integers(1, 4)
)
def test_a_skew_keeps_the_pixels_of_a_bundle_apart(
    pixels: int, phases: int, width: int, banks: int, stride: int
) -> None:
    bundles = Bundles(pixels=pixels, phases=phases)

    def apart(skew: int) -> bool:
        together = [
            [(x // stride + x % stride * skew) % banks for x in bundles.columns(n) if x < width]
            for n in range(bundles.count(width))
        ]
        return all(len(set(one)) == len(one) for one in together)

    skew = bundle_skew(width, bundles, banks=banks, stride=stride)
    good = [one for one in range(banks) if apart(one)] if pixels <= banks else []
    assert skew == (good[0] if good else None)


def chain(*, judged: bool = False) -> Network:
    """Two 1x1 convolutions of maps 16 wide; the sums of the second may be judged."""
    codes = Staircase(thresholds=np.array([[1]] * 2), low=0)
    x = Tensor(name="x", channels=2, height=6, width=16, range=IntRange(low=0, high=3))
    term = Term(source="x", weights=np.ones((2, 2, 1, 1), np.int32))
    first = Linear(name="first", kind="conv", terms=(term,), target="middle", activation=codes)
    again = Term(source="middle", weights=np.ones((2, 2, 1, 1), np.int32))
    second = Linear(name="second", kind="conv", terms=(again,), target="y")
    if not judged:
        return assemble(x, [first, second])
    ones = np.ones(2, np.int64)
    judge = Anomaly(tensor="y", factor=ones, offset=0 * ones, measure="squares", unit=1.0, error=0.0, limit=9)
    return assemble(x, [first, second], anomaly=judge)


def made(network: Network, *arrays: str) -> Draft:
    """A layer on each."""
    return draft(built(network, tuple((1, shape(one)) for one in arrays)))


def test_an_input_brings_as_many_pixels_a_beat_as_hold_up_nobody() -> None:
    def pixels(*arrays: str) -> int:
        found = made(chain(), *arrays)
        assert found.streams[0].pixels == found.lines.sources["x"].bundles.pixels
        return found.streams[0].pixels

    # 6 rows of 16 pixels; the arrays take so many cycles for a row
    assert pixels("16x2x2", "16x2x2") == 1  # 16, and nothing is drained together
    assert pixels("16x2x2/4", "16x2x2/4") == 4  # 4
    assert pixels("16x2x2/4", "16x2x2/2") == 2  # 8: two pixels a beat are enough
    assert pixels("16x2x2/4", "16x2x2") == 1
    assert pixels("16x2x2/16", "16x2x2/16") == 8  # rows start 3 cycles apart at least


def test_a_reader_without_as_many_banks_is_refused_and_lowers_a_drain_that_is_chosen() -> None:
    network, arrays = chain(), ("8x2x2/4", "2x2x2")
    with pytest.raises(ScheduleError) as error:
        made(network, *arrays)
    assert str(error.value) == (
        "tensor 'middle': 4 of its pixels are made per clock, which must lie in different ones of the 2 banks (rows of "
        "the array) that its reader has, but cannot\n"
        "  help: lower the drain of the array that makes it, or give the array that reads it more rows"
    )
    lines = built(network, tuple((1, shape(one)) for one in arrays))
    walks = [planner.walks for planner in lines.planners]
    assert lowered(lines.stages, walks, lines.shapes) == (shape("8x2x2/2"), shape("2x2x2"))
    assert lowered(lines.stages, walks, (shape("8x2x2/8"), shape("8x2x2/8"))) == (shape("8x2x2/8"),) * 2


def test_the_maker_of_a_score_drains_one_pixel() -> None:
    network = chain(judged=True)
    assert made(network, "8x2x2/4", "4x2x2").score
    with pytest.raises(ScheduleError) as error:
        made(network, "8x2x2/4", "4x2x2/2")
    assert str(error.value) == (
        "the array 4x2x2/2 drains 2 sums per clock, but the anomaly's score takes one pixel\n"
        "  help: name it without '/2'"
    )
    lines = built(network, ((1, ArrayShape(rows=4, cols=1, lanes=1)), (1, shape("4x2x2/2"))))
    walks = [planner.walks for planner in lines.planners]
    assert lowered(lines.stages, walks, lines.shapes)[1] == shape("4x2x2")
