"""Random cuts of a network into stages, with an array for each, and what ternc makes of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from hypothesis import assume
from hypothesis import strategies as st

from ternc import target
from ternc.errors import ScheduleError
from ternc.network.layers import Network
from ternc.schedule.build import schedule
from ternc.schedule.design import ArrayShape, Design
from ternc.schedule.lines import Lines
from ternc.schedule.pinned import PinnedEngine, resolve
from ternc.schedule.search import built
from ternc.schedule.wish import Wish

shapes = st.builds(ArrayShape, rows=st.integers(1, 6), cols=st.integers(1, 9), lanes=st.integers(1, 9))


@st.composite
def drained(draw: st.DrawFn) -> ArrayShape:
    """Small arrays, half of them with more than one sum drained per clock, half with packed weights."""
    drain = draw(st.sampled_from((1, 1, 2, 4)))
    return ArrayShape(
        rows=drain * draw(st.integers(1, 6 // drain + 1 if drain > 1 else 6)),
        cols=draw(st.integers(1, 9)),
        lanes=draw(st.integers(1, 9)),
        drain=drain,
        packed=draw(st.booleans()),
    )


Cut = tuple[PinnedEngine, ...]


@st.composite
def cuts(draw: st.DrawFn, network: Network) -> Cut:
    """Any number of engines, each with a shape of its own, or one for all layers."""
    engines, left, whole = [], len(network.layers), draw(st.integers(0, 3)) == 3
    while left:
        count = left if whole else draw(st.integers(1, left))
        engines.append(PinnedEngine(layers=count, array=draw(drained())))
        left -= count
    return tuple(engines)


@contextmanager
def supported() -> Iterator[None]:
    """Networks that are refused with good reason do not count."""
    try:
        yield
    except ScheduleError as error:
        for reason in (
            "ArgMax over quantised values",
            "which must lie in different",
            "the anomaly's score takes",
        ):
            assume(reason not in str(error))
        raise


def lines(network: Network, cut: Cut) -> Lines:
    """The plan, without programs and memory images."""
    with supported():
        return built(network, resolve(cut, network))


def designed(network: Network, cut: Cut) -> Design:
    """The whole design."""
    wish = Wish(fps=None, budget=1.0, clock_mhz=100.0, array=cut)
    with supported():
        return schedule(network, target.load("arria10"), wish)
