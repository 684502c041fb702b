"""The search takes the smallest design that reaches a wish, and says what is short when none does."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest

from ternc import frontend, passes, target
from ternc.network.layers import Network
from ternc.schedule.choose import choose
from ternc.schedule.costs import resources, worth_packing
from ternc.schedule.draft import Draft, draft
from ternc.schedule.lines import Lines
from ternc.schedule.refuse import shortfalls
from ternc.schedule.search import Search, Split, built
from ternc.schedule.wish import Wish
from ternc.target.device import Device
from zoo import MODELS, shape

DEVICE = target.load("arria10")
FASTEST = Wish(fps=None, budget=0.7, clock_mhz=100.0)


@pytest.fixture(scope="module")
def network() -> Network:
    return passes.run(frontend.read(MODELS / "ecg_ae_conv1d" / "ecg_ae_conv1d.qdq_folded.onnx"))


@pytest.fixture(scope="module")
def fastest(network: Network) -> Draft:
    return choose(network, DEVICE, FASTEST)


@pytest.fixture(scope="module")
def tfc() -> Network:
    return passes.run(frontend.read(MODELS / "TFC_2W2A" / "TFC_2W2A.onnx"))


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


def test_the_rate_of_the_fastest_design_can_be_asked_for(tfc: Network) -> None:
    small = target.load("ecp5-85k")
    best = choose(tfc, small, FASTEST)
    again = choose(tfc, small, replace(FASTEST, fps=rate(best)))
    assert rate(again) >= rate(best)
    assert not shortfalls(resources(again, small), small, FASTEST.budget)


def device_with(logic: int, block_rams: int) -> Device:
    """The device, but smaller."""
    return replace(
        DEVICE,
        logic=replace(DEVICE.logic, count=logic),
        block_rams=(replace(DEVICE.block_ram, count=block_rams),),
    )


@pytest.mark.parametrize("block_rams", [6, 7, 8, 10, 12, 16, 20])
def test_weights_are_packed_where_memory_is_short_and_something_is_found_up_to_the_last_block(
    tfc: Network, block_rams: int
) -> None:
    small, wish = device_with(6000, block_rams), replace(FASTEST, budget=1.0)
    made = choose(tfc, small, wish)
    assert not shortfalls(resources(made, small), small, 1.0)
    packed = {shape.packed for shape in made.lines.shapes}
    if block_rams == 6:  # plain weights alone take 6
        assert True in packed
    assert made.lines.timing.cycles_per_frame < 600
    slower = choose(tfc, small, replace(wish, fps=rate(made) / 2))
    assert rate(slower) >= rate(made) / 2


def test_weights_are_plain_where_memory_is_no_limit(tfc: Network) -> None:
    assert not any(shape.packed for shape in choose(tfc, DEVICE, FASTEST).lines.shapes)


def test_packing_is_worth_its_logic_where_it_spares_blocks() -> None:
    array = shape("8x16x32")
    assert worth_packing(array, 2048, DEVICE)  # 7 blocks a column, 6 packed
    assert not worth_packing(array, 512, DEVICE)  # 2 and 2
    assert not worth_packing(shape("8x16x1"), 1 << 16, DEVICE)
    assert not worth_packing(array, 2048, device_with(logic=10_000, block_rams=2713))


def test_the_fastest_design_is_faster_than_any_single_array(network: Network, fastest: Draft) -> None:
    assert len(fastest.engines) > 1
    assert not shortfalls(resources(fastest, DEVICE), DEVICE, 0.7)
    for text in ("1x8x8", "5x16x16", "9x16x16", "16x16x16", "32x16x16"):
        one = draft(built(network, ((len(network.layers), shape(text)),)))
        if not shortfalls(resources(one, DEVICE), DEVICE, 0.7):
            assert fastest.lines.timing.cycles_per_frame < one.lines.timing.cycles_per_frame


def test_asking_for_less_never_costs_more(network: Network, fastest: Draft) -> None:
    rates = [rate(fastest) / factor for factor in (1, 1.01, 1.1, 1.3, 1.35, 2, 3.7, 10, 11, 12, 50, 1000)]
    plans = [choose(network, DEVICE, replace(FASTEST, fps=wanted)) for wanted in rates]
    for wanted, plan in zip(rates, plans, strict=True):
        assert rate(plan) >= wanted * (1 - 1e-12)
    costs = [cost(plan) for plan in plans]
    assert costs == sorted(costs, reverse=True)


def test_a_longer_latency_never_costs_more(network: Network, fastest: Draft) -> None:
    base = fastest.lines.timing.latency_cycles / 100
    latencies = [base * factor for factor in (0.72, 0.8, 1, 1.1, 1.5, 3, 10, 100)]
    plans = [choose(network, DEVICE, replace(FASTEST, latency_us=most)) for most in latencies]
    for most, plan in zip(latencies, plans, strict=True):
        assert plan.lines.timing.latency_cycles <= most * 100
    costs = [cost(plan) for plan in plans]
    assert costs == sorted(costs, reverse=True)
    assert costs[latencies.index(base)] < cost(fastest)  # a latency as short does not take a design as fast


def test_a_rate_and_a_latency_can_be_asked_for_together(network: Network, fastest: Draft) -> None:
    most = fastest.lines.timing.latency_cycles / 100 * 0.8
    wish = replace(FASTEST, fps=rate(fastest) / 3, latency_us=most)
    both = choose(network, DEVICE, wish)
    assert rate(both) >= rate(fastest) / 3
    assert both.lines.timing.latency_cycles <= most * 100
    for one in (replace(wish, fps=None), replace(wish, latency_us=None)):
        assert cost(choose(network, DEVICE, one)) <= cost(both)


@pytest.mark.parametrize("budget", [0.02, 0.1, 0.3])
def test_a_smaller_budget_is_kept(network: Network, fastest: Draft, budget: float) -> None:
    made = choose(network, DEVICE, replace(FASTEST, budget=budget))
    need = resources(made, DEVICE)
    assert need.logic <= budget * DEVICE.logic.count
    assert not shortfalls(need, DEVICE, budget)
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
    lines, calls = Search.lines, list[int]()

    def grown(search: Search, split: Split) -> Lines:
        calls.append(1)
        larger = tuple((n, replace(one, cols=one.cols + 1)) for n, one in split.engines)
        return lines(search, split) if len(calls) > 4 else built(search.network, larger)

    monkeypatch.setattr(Search, "lines", grown)
    made = choose(network, DEVICE, replace(FASTEST, lanes=300))
    assert sum(one.macs for one in made.lines.shapes) <= 300
    assert len(calls) > 4


@pytest.mark.parametrize("model", ["ecg_ae_conv1d.qdq_folded", "mnist_cnn_a4.qonnx"])
def test_more_lanes_are_never_slower(model: str) -> None:
    """Nor are fewer so slow that those before would do: sparse words make small arrays better than their share."""
    network = passes.run(frontend.read(MODELS / model.split(".")[0] / f"{model}.onnx"))
    found = list[int]()
    for lanes in (1, 2, 3, 5, 7, 16, 33, 64, 100, 250, 1000, 4096):
        lines = choose(network, DEVICE, replace(FASTEST, lanes=lanes, fit=False)).lines
        assert sum(one.macs for one in lines.shapes) <= lanes
        found.append(lines.timing.cycles_per_frame)
    assert found == sorted(found, reverse=True)
    assert found[1] <= 0.55 * found[0]
    assert found[4] <= 0.2 * found[0]


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
                    total += front.best(most)[1]
                best = min(best, total)
        split = search.cheapest(most, weights)
        assert (split is None) == (best == np.inf)
        if split is not None:
            assert split.cost == pytest.approx(best)
            assert split.cycles <= most
            assert sum(layers for layers, _ in split.engines) == count
            assert split.shares @ weights == pytest.approx(split.cost)
