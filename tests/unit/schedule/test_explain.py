"""Explanations: what sets the pace does, what is said to be short is, and other designs are what they are said to be."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ternc import frontend, passes, target
from ternc.network.layers import Network
from ternc.report.explanation import to_dict, to_lines
from ternc.schedule.choose import choose
from ternc.schedule.draft import draft
from ternc.schedule.explain import FASTER, explain
from ternc.schedule.pinned import PinnedEngine
from ternc.schedule.search import built
from ternc.schedule.wish import Wish
from zoo import MODELS, shape

DEVICE = target.load("ecp5-85k")
FASTEST = Wish(budget=0.7, clock_mhz=100.0)


@pytest.fixture(scope="module")
def network() -> Network:
    return passes.run(frontend.read(MODELS / "cifar_cnn_a4" / "cifar_cnn_a4.qonnx.onnx"))


def test_a_design_that_fills_the_device_names_what_a_faster_one_lacks(network: Network) -> None:
    made = choose(network, DEVICE, FASTEST)
    cycles = made.lines.timing.cycles_per_frame
    found = explain(made, DEVICE, FASTEST)
    assert found.pace == "engine 0"
    assert found.pace_cycles == cycles
    assert [one.share for one in found.scarce] == sorted((one.share for one in found.scarce), reverse=True)
    assert 0.9 < found.scarce[0].share <= 1
    faster = found.others[0]
    assert faster.cycles is not None
    assert faster.cycles <= FASTER * cycles
    assert faster.short[0].share > 1
    assert faster.short[0].unit in ("LUT4", "EBR", "registers")
    single = next(one for one in found.others if one.what == "one array for all layers")
    exact = built(network, ((len(network.layers), single.arrays[0]),))
    assert single.cycles == pytest.approx(exact.timing.cycles_per_frame, rel=0.1)
    assert exact.timing.cycles_per_frame > cycles


def test_an_engine_is_said_to_wait_for_what_it_waits_for(network: Network) -> None:
    count = len(network.layers)
    engines = (
        PinnedEngine(layers=1, array=shape("32x8x27")),  # 9 taps a pass, 32 sums to drain
        PinnedEngine(layers=count - 1, array=shape("2x8x8")),
    )
    wish = replace(FASTEST, array=engines, fit=False)
    found = explain(choose(network, DEVICE, wish), DEVICE, wish)
    first, second = found.engines
    assert (first.limit, second.limit) == ("drain", "multiply-accumulates")
    layer = network.layers[0]
    passes_run = 32 * (layer.channels // 8)
    assert first.drain_cycles == passes_run * (32 - 9)
    assert found.pace == "engine 1"


def test_where_no_array_is_faster_it_says_so() -> None:
    small = passes.run(frontend.read(MODELS / "ecg_ae_conv1d" / "ecg_ae_conv1d.qdq_folded.onnx"))
    made = choose(small, DEVICE, FASTEST)
    found = explain(made, DEVICE, FASTEST)
    assert found.others[0].cycles is None
    lines = to_lines(found)
    assert "5% fewer cycles a frame: there is none." in lines
    assert f"Why: {found.pace} sets the pace with 128 cycles a frame." in lines
    assert len(lines) == 3 + len(made.engines) + len(found.others)
    assert to_dict(found)["engines"][0]["limit"] == found.engines[0].limit


def test_a_design_by_hand_is_explained_without_a_limit(network: Network) -> None:
    wish = replace(FASTEST, array=shape("1x1x1"), fit=False)
    made = draft(built(network, ((len(network.layers), shape("1x1x1")),)))
    found = explain(made, DEVICE, wish)
    assert all(one.allowed is None for one in found.scarce)
    assert not any(line.startswith("Scarcest") for line in to_lines(found))
