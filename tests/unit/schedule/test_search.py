"""The search takes the smallest design that reaches a wish, and says what is short when none does."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ternc import frontend, passes, target
from ternc.errors import ScheduleError
from ternc.schedule.costs import least_resources, logic_units, resources, shortage
from ternc.schedule.draft import draft
from ternc.schedule.instances import array_registers
from ternc.schedule.plan import Planner
from ternc.schedule.search import Wish, candidates, choose, ranked
from zoo import MODELS, shape

DEVICE = target.load("arria10")
FASTEST = Wish(fps=None, budget=0.7, clock_mhz=100.0, array=None)


@pytest.fixture(scope="module")
def planner() -> Planner:
    model = MODELS / "ecg_ae_conv1d" / "ecg_ae_conv1d.qdq_folded.onnx"
    return Planner(passes.run(frontend.read(model)))


def test_asking_for_less_never_costs_more(planner: Planner) -> None:
    best = choose(planner, DEVICE, FASTEST).plan.timing.cycles_per_frame
    rates = [100e6 / best / factor for factor in (1, 1.3, 2, 3.7, 10, 50, 1000)]
    plans = [choose(planner, DEVICE, replace(FASTEST, fps=rate)).plan for rate in rates]
    for rate, plan in zip(rates, plans, strict=True):
        assert 100e6 / plan.timing.cycles_per_frame >= rate * (1 - 1e-12)
    logic = [logic_units(plan.shape, planner.numbers, DEVICE) for plan in plans]
    assert logic == sorted(logic, reverse=True)


def test_the_fastest_design_is_at_least_as_fast_as_every_candidate_that_fits(planner: Planner) -> None:
    best = choose(planner, DEVICE, FASTEST).plan
    for candidate in candidates(planner)[::17]:
        plan = planner.plan(candidate)
        if not shortage(resources(draft(planner, plan), planner.numbers, DEVICE), DEVICE, 0.7):
            assert best.timing.cycles_per_frame <= plan.timing.cycles_per_frame


def test_a_smaller_budget_is_kept(planner: Planner) -> None:
    need = resources(choose(planner, DEVICE, replace(FASTEST, budget=0.01)), planner.numbers, DEVICE)
    assert need.logic <= 0.01 * DEVICE.logic.count
    assert not shortage(need, DEVICE, 0.01)


def test_an_unreachable_rate_is_refused_with_the_best_one(planner: Planner) -> None:
    best = choose(planner, DEVICE, FASTEST).plan
    reached = 100e6 / best.timing.cycles_per_frame
    with pytest.raises(ScheduleError) as refusal:
        choose(planner, DEVICE, replace(FASTEST, fps=1e9))
    assert refusal.value.sentence == (
        f"target 'arria10': 1,000,000,000 frames/s are out of reach, the fastest design within the budget "
        f"makes {reached:,.0f} ({best.shape})"
    )


def test_an_array_by_hand_is_taken_or_refused(planner: Planner) -> None:
    wish = replace(FASTEST, array=shape("3x5x7"))
    assert choose(planner, DEVICE, wish).plan.shape == shape("3x5x7")
    with pytest.raises(
        ScheduleError, match=r"^target 'arria10': an array of 64x64x64 needs an estimated .* ALM,"
    ):
        choose(planner, DEVICE, replace(FASTEST, array=shape("64x64x64")))


def test_every_candidate_is_a_whole_shape(planner: Planner) -> None:
    found = candidates(planner)
    assert len(found) == len(set(found)) > 20


def test_the_least_resources_are_never_more_than_the_resources(planner: Planner) -> None:
    for candidate in candidates(planner)[::40]:
        plan = planner.plan(candidate)
        least, need = (
            least_resources(planner, plan, DEVICE),
            resources(draft(planner, plan), planner.numbers, DEVICE),
        )
        assert least.logic <= need.logic
        assert least.registers <= need.registers
        assert least.block_rams <= need.block_rams


def test_the_least_interval_is_never_more_than_the_interval(planner: Planner) -> None:
    for candidate in candidates(planner)[::7]:
        assert planner.least_interval(candidate) <= planner.interval(candidate)


@pytest.mark.parametrize("fps", [None, 2000.0])
def test_shapes_come_in_the_order_of_what_they_were_counted_to_take(
    planner: Planner, fps: float | None
) -> None:
    shapes = candidates(planner)
    most = 100e6 / fps if fps else None
    entries = [(planner.interval(one), logic_units(one, planner.numbers, DEVICE), one) for one in shapes]
    fitting = [entry for entry in entries if entry[1] <= 0.7 * DEVICE.logic.count]
    fitting = [
        entry
        for entry in fitting
        if array_registers(entry[2], planner.numbers.act_bits) <= 0.7 * DEVICE.registers.count
    ]
    if most is None:
        fitting.sort(key=lambda entry: (entry[0], entry[1], str(entry[2])))
    else:
        fitting = [entry for entry in fitting if entry[0] <= most]
        fitting.sort(key=lambda entry: (entry[1], entry[0], str(entry[2])))
    assert list(ranked(planner, shapes, DEVICE, 0.7, most, None)) == [shape for _, _, shape in fitting]
    assert len(fitting) > 20
