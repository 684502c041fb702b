"""The search takes the smallest design that reaches a wish, and says what is short when none does."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest

from ternc import frontend, passes, target
from ternc.errors import ScheduleError
from ternc.network.layers import Network
from ternc.schedule.costs import resources, shortage
from ternc.schedule.draft import Draft, draft
from ternc.schedule.pinned import PinnedEngine
from ternc.schedule.search import Pinned, Search, Split, Wish, built, choose
from zoo import MODELS, shape

DEVICE = target.load("arria10")
FASTEST = Wish(fps=None, budget=0.7, clock_mhz=100.0)


@pytest.fixture(scope="module")
def network() -> Network:
    return passes.run(frontend.read(MODELS / "ecg_ae_conv1d" / "ecg_ae_conv1d.qdq_folded.onnx"))


@pytest.fixture(scope="module")
def fastest(network: Network) -> Draft:
    return choose(network, DEVICE, FASTEST)


def rate(made: Draft) -> float:
    """Frames a second at the clock of the tests."""
    return 100e6 / made.lines.timing.cycles_per_frame


def cost(made: Draft) -> float:
    """Shares of the device, added up."""
    need = resources(made, DEVICE)
    return (
        need.logic / DEVICE.logic.count
        + need.registers / DEVICE.registers.count
        + need.block_rams / DEVICE.block_ram.count
        + need.dsps / DEVICE.dsp.count
    )


def test_the_rate_of_the_fastest_design_can_be_asked_for() -> None:
    small = target.load("ecp5-85k")
    network = passes.run(frontend.read(MODELS / "TFC_2W2A" / "TFC_2W2A.onnx"))
    best = choose(network, small, FASTEST)
    again = choose(network, small, replace(FASTEST, fps=rate(best)))
    assert rate(again) >= rate(best)
    assert not shortage(resources(again, small), small, FASTEST.budget)


def test_the_fastest_design_is_faster_than_any_single_array(network: Network, fastest: Draft) -> None:
    assert len(fastest.engines) > 1
    assert not shortage(resources(fastest, DEVICE), DEVICE, 0.7)
    for text in ("1x8x8", "5x16x16", "9x16x16", "16x16x16", "32x16x16"):
        one = draft(built(network, ((len(network.layers), shape(text)),)))
        if not shortage(resources(one, DEVICE), DEVICE, 0.7):
            assert fastest.lines.timing.cycles_per_frame < one.lines.timing.cycles_per_frame


def test_asking_for_less_never_costs_more(network: Network, fastest: Draft) -> None:
    rates = [rate(fastest) / factor for factor in (1.3, 2, 3.7, 10, 50, 1000)]
    plans = [choose(network, DEVICE, replace(FASTEST, fps=wanted)) for wanted in rates]
    for wanted, plan in zip(rates, plans, strict=True):
        assert rate(plan) >= wanted * (1 - 1e-12)
    costs = [cost(plan) for plan in plans]
    assert costs == sorted(costs, reverse=True)


@pytest.mark.parametrize("budget", [0.02, 0.1, 0.3])
def test_a_smaller_budget_is_kept(network: Network, fastest: Draft, budget: float) -> None:
    made = choose(network, DEVICE, replace(FASTEST, budget=budget))
    need = resources(made, DEVICE)
    assert need.logic <= budget * DEVICE.logic.count
    assert not shortage(need, DEVICE, budget)
    assert made.lines.timing.cycles_per_frame >= fastest.lines.timing.cycles_per_frame


@pytest.mark.parametrize("lanes", [9, 64, 300, 1000])
def test_the_cap_on_lanes_is_kept_and_used(network: Network, lanes: int) -> None:
    lines = choose(network, DEVICE, replace(FASTEST, lanes=lanes)).lines
    taken = sum(one.macs for one in lines.shapes)
    assert taken <= lanes
    assert taken >= lanes / 2


def test_arrays_that_grow_behind_the_estimate_do_not_break_the_cap(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    refined, calls = Search.refined, list[int]()

    def grown(search: Search, split: Split) -> Pinned:
        calls.append(1)
        larger = [(n, replace(one, cols=one.cols + 1)) for n, one in refined(search, split)]
        return tuple(larger) if len(calls) == 1 else refined(search, split)

    monkeypatch.setattr(Search, "refined", grown)
    lines = choose(network, DEVICE, replace(FASTEST, lanes=300)).lines
    assert sum(one.macs for one in lines.shapes) <= 300
    assert len(calls) > 1


def test_a_split_by_estimates_is_as_cheap_as_any_other_cut(network: Network) -> None:
    """Against every cut, tried one by one."""
    search = Search(network, DEVICE, FASTEST)
    weights, count = np.array([1.0, 1.0, 3.0, 1.0, 1.0]), len(network.layers)
    for most in (200.0, 1000.0, 5000.0, 50_000.0):
        best = np.inf
        for size in range(count):
            for inner in itertools.combinations(range(1, count), size):
                marks = [0, *inner, count]
                total = 0.0
                for first, end in itertools.pairwise(marks):
                    front = search.front(first, end, weights)
                    n = front.best(most)
                    total += np.inf if n is None else float(front.cost[n])
                best = min(best, total)
        split = search.cheapest(most, weights)
        assert (split is None) == (best == np.inf)
        if split is not None:
            assert split.cost == pytest.approx(best)
            assert split.cycles <= most
            assert sum(layers for layers, _ in split.engines) == count
            assert split.shares @ weights == pytest.approx(split.cost)


def test_an_unreachable_rate_is_refused_with_the_best_one(network: Network, fastest: Draft) -> None:
    with pytest.raises(ScheduleError) as refusal:
        choose(network, DEVICE, replace(FASTEST, fps=1e9))
    arrays = ", ".join(map(str, fastest.lines.shapes))
    assert refusal.value.sentence == (
        f"target 'arria10': 1,000,000,000 frames/s are out of reach, the fastest design within the budget "
        f"makes {rate(fastest):,.0f} ({arrays})"
    )


def test_a_budget_for_nothing_is_refused_with_what_is_short(network: Network) -> None:
    with pytest.raises(ScheduleError, match=r"^target 'arria10': an array of 1x1x1 would need an estimated "):
        choose(network, DEVICE, replace(FASTEST, budget=0.0001))


def test_an_array_by_hand_is_taken_or_refused(network: Network) -> None:
    wish = replace(FASTEST, array=shape("3x5x7"))
    assert choose(network, DEVICE, wish).lines.shapes == (shape("3x5x7"),)
    with pytest.raises(
        ScheduleError, match=r"^target 'arria10': an array of 64x64x64 would need an estimated .* ALM,"
    ):
        choose(network, DEVICE, replace(FASTEST, array=shape("64x64x64")))


def test_engines_by_hand_are_taken_or_refused(network: Network) -> None:
    count = len(network.layers)
    two = (PinnedEngine(layers=1, array=shape("2x2x2")), PinnedEngine(layers=count - 1, array=shape("3x4x5")))
    lines = choose(network, DEVICE, replace(FASTEST, array=two)).lines
    assert [len(stage.layers) for stage in lines.stages] == [1, count - 1]
    assert lines.shapes == (shape("2x2x2"), shape("3x4x5"))
    large = (two[0], replace(two[1], array=shape("64x64x64")))
    with pytest.raises(
        ScheduleError, match=r"^target 'arria10': arrays of 2x2x2, 64x64x64 would need an estimated "
    ):
        choose(network, DEVICE, replace(FASTEST, array=large))


def test_arrays_by_hand_keep_the_cap_on_lanes_or_are_refused(network: Network) -> None:
    wish = replace(FASTEST, array=shape("3x5x7"), lanes=105)
    assert choose(network, DEVICE, wish).lines.shapes == (shape("3x5x7"),)
    with pytest.raises(ScheduleError) as refusal:
        choose(network, DEVICE, replace(wish, lanes=104))
    assert refusal.value.sentence == (
        "the arrays named have rows x cols x lanes = 105, which is more than the 104 of --lanes"
    )
