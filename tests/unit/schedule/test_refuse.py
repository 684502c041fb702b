"""What cannot be had is refused with the resource that is short, what takes most of it, and what would do."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ternc import frontend, passes, target
from ternc.errors import ScheduleError
from ternc.network.layers import Network
from ternc.schedule.choose import choose
from ternc.schedule.costs import resources
from ternc.schedule.pinned import PinnedEngine
from ternc.schedule.refuse import shortfalls
from ternc.schedule.wish import Wish
from zoo import MODELS, shape

DEVICE = target.load("arria10")
SMALL = target.load("ecp5-25k")
FASTEST = Wish(budget=0.7, clock_mhz=100.0)


@pytest.fixture(scope="module")
def network() -> Network:
    return passes.run(frontend.read(MODELS / "ecg_ae_conv1d" / "ecg_ae_conv1d.qdq_folded.onnx"))


@pytest.fixture(scope="module")
def large() -> Network:
    return passes.run(frontend.read(MODELS / "cifar_cnn_a4" / "cifar_cnn_a4.qonnx.onnx"))


def refused(network: Network, wish: Wish, name: str = "arria10") -> ScheduleError:
    with pytest.raises(ScheduleError) as refusal:
        choose(network, target.load(name), wish)
    return refusal.value


def test_a_rate_that_no_array_has_is_refused_with_the_layer_that_takes_longest(network: Network) -> None:
    best = choose(network, DEVICE, FASTEST)
    found = refused(network, replace(FASTEST, fps=1e9))
    arrays = ", ".join(map(str, best.lines.shapes))
    start, end = found.sentence.split(" takes 128 cycles on the largest array that is looked at; ")
    assert start.startswith("target 'arria10': 1,000,000,000 frames/s are out of reach: layer 'node_")
    assert end == f"the fastest design within the budget makes 781,250 ({arrays})"
    assert found.help == "lower --fps to 781250.0"
    choose(network, DEVICE, replace(FASTEST, fps=781_250.0))


def test_a_rate_beyond_the_device_is_refused_with_what_it_would_need_and_where_it_is_met(
    large: Network,
) -> None:
    clock = target.load("ecp5-85k").clock.mhz
    wish = Wish(budget=0.7, clock_mhz=clock, fps=clock * 1e6 / 1100)
    found = refused(large, wish, "ecp5-85k")
    assert "frames/s are out of reach: they would need about " in found.sentence
    assert ", of which the budget allows " in found.sentence
    way = found.help.split("--target ")[1].split(",")[0]
    device = target.load(way)
    choose(large, device, replace(wish, clock_mhz=device.clock.mhz))
    rate = float(found.help.split("lower --fps to ")[1].split(",")[0])
    choose(large, target.load("ecp5-85k"), replace(wish, fps=rate))


def test_a_budget_for_nothing_is_refused_with_what_is_short_and_the_budget_that_would_do(
    network: Network,
) -> None:
    found = refused(network, replace(FASTEST, budget=0.0001))
    assert found.sentence.startswith("target 'arria10': the smallest design found, an array of ")
    assert " more than the 42 that the budget allows of 427,200, " in found.sentence
    assert " of them for engine 0 (layers 'node_Conv_114' to 'node_conv1d_5')" in found.sentence
    budget = float(found.help.split("raise --budget to ")[1].split(",")[0])
    choose(network, DEVICE, replace(FASTEST, budget=budget))


def test_a_network_too_large_for_a_device_is_refused_with_the_smallest_one_that_has_room(
    large: Network,
) -> None:
    found = refused(large, replace(FASTEST, budget=0.3), "ecp5-25k")
    assert " more than the " in found.sentence
    assert " of them for " in found.sentence
    names = found.help.split("--target ")[1].split(",")[0]
    choose(large, target.load(names), replace(FASTEST, budget=0.3))


def test_a_latency_out_of_reach_is_refused_with_the_lowest_one(network: Network) -> None:
    found = refused(network, replace(FASTEST, latency_us=1.0))
    assert found.sentence.startswith(
        "target 'arria10': a latency of 1.00 us is out of reach: the lowest one found "
    )
    lowest = float(found.help.split("raise --latency-us to ")[1].split(",")[0])
    made = choose(network, DEVICE, replace(FASTEST, latency_us=lowest))
    assert made.lines.timing.latency_cycles / 100 <= lowest


def test_an_array_by_hand_is_taken_or_refused(network: Network) -> None:
    wish = replace(FASTEST, array=shape("3x5x7"))
    assert choose(network, DEVICE, wish).lines.shapes == (shape("3x5x7"),)
    found = refused(network, replace(FASTEST, array=shape("64x64x64")))
    assert found.sentence.startswith("target 'arria10': an array of 64x64x64 would need an estimated ")
    assert " ALM, " in found.sentence
    assert " of them for engine 0 (layers 'node_Conv_114' to 'node_conv1d_5')" in found.sentence
    assert found.help.endswith("there is no device in the table on which they fit")


def test_an_array_too_large_for_a_device_is_refused_with_the_one_that_it_fits(network: Network) -> None:
    found = refused(network, replace(FASTEST, array=shape("16x16x16")), "ecp5-25k")
    name = found.help.split("--target ")[1].split(",")[0]
    made = choose(network, target.load(name), replace(FASTEST, array=shape("16x16x16")))
    assert not shortfalls(resources(made, target.load(name)), target.load(name), 1.0)
    assert shortfalls(resources(made, SMALL), SMALL, 1.0)


def test_an_array_whose_weights_fit_only_if_they_are_packed_is_refused_with_that_way_out() -> None:
    network = passes.run(frontend.read(MODELS / "TFC_2W2A" / "TFC_2W2A.onnx"))
    small = replace(DEVICE, block_rams=(replace(DEVICE.block_ram, count=6),))
    with pytest.raises(ScheduleError) as found:
        choose(network, small, replace(FASTEST, array=shape("1x5x25")))
    assert found.value.help.startswith("pack their weights (1x5x25p), name smaller arrays, ")
    assert choose(network, small, replace(FASTEST, array=shape("1x5x25p"))).lines.shapes == (
        shape("1x5x25p"),
    )


def test_arrays_by_hand_that_miss_the_rate_or_the_latency_are_refused(network: Network) -> None:
    wish = replace(FASTEST, array=shape("3x5x7"))
    timing = choose(network, DEVICE, wish).lines.timing
    rate, latency = wish.rate(timing.cycles_per_frame), wish.microseconds(timing.latency_cycles)
    choose(network, DEVICE, replace(wish, fps=rate, latency_us=latency))
    assert refused(network, replace(wish, fps=rate * 1.01)).sentence == (
        f"an array of 3x5x7 would make {rate:,.0f} frames/s, not the {rate * 1.01:,.0f} of --fps"
    )
    assert refused(network, replace(wish, latency_us=latency * 0.9)).sentence == (
        f"an array of 3x5x7 would have a latency of {latency:,.2f} us, not the {latency * 0.9:,.2f} of --latency-us"
    )


def test_engines_by_hand_are_taken_or_refused(network: Network) -> None:
    count = len(network.layers)
    two = (PinnedEngine(layers=1, array=shape("2x2x2")), PinnedEngine(layers=count - 1, array=shape("3x4x5")))
    lines = choose(network, DEVICE, replace(FASTEST, array=two)).lines
    assert [len(stage.layers) for stage in lines.stages] == [1, count - 1]
    assert lines.shapes == (shape("2x2x2"), shape("3x4x5"))
    large = (two[0], replace(two[1], array=shape("64x64x64")))
    found = refused(network, replace(FASTEST, array=large))
    assert found.sentence.startswith("target 'arria10': arrays of 2x2x2, 64x64x64 would need an estimated ")
    assert " of them for engine 1 (layers " in found.sentence


def test_arrays_by_hand_keep_the_cap_on_lanes_or_are_refused(network: Network) -> None:
    wish = replace(FASTEST, array=shape("3x5x7"), lanes=105)
    assert choose(network, DEVICE, wish).lines.shapes == (shape("3x5x7"),)
    assert refused(network, replace(wish, lanes=104)).sentence == (
        "the arrays named have rows x cols x lanes = 105, which is more than the 104 of --lanes"
    )
