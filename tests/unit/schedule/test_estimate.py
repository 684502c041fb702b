"""Estimates are near the exact plans, so that what the search weighs is what it gets."""

from __future__ import annotations

import numpy as np
import pytest

from ternc import frontend, passes, target
from ternc.network.layers import Network
from ternc.schedule.costs import resources
from ternc.schedule.design import ArrayShape
from ternc.schedule.draft import draft
from ternc.schedule.estimate import RESOURCES, Estimates, sizes
from ternc.schedule.plan import StagePlanner
from ternc.schedule.ports import PORT_BITS, element_bits, input_elements, together
from ternc.schedule.search import built
from ternc.schedule.stage import Stage
from zoo import MODELS

DEVICE = target.load("arria10")


def network(name: str) -> Network:
    """Of a model in tests/models."""
    return passes.run(frontend.read(MODELS / name.split(".")[0] / f"{name}.onnx"))


@pytest.fixture(scope="module", params=["mnist_cnn_a4.qonnx", "TFC_2W2A", "ecg_ae_conv1d.qdq_folded"])
def estimates(request: pytest.FixtureRequest) -> Estimates:
    return Estimates(network(request.param), DEVICE)


def test_estimated_cycles_are_near_the_exact_ones(estimates: Estimates) -> None:
    """Of every run of up to three layers, on a sample of the shapes that the search looks at."""
    errors = list[float]()
    for first in range(len(estimates.layers)):
        for end in range(first + 1, min(first + 3, len(estimates.layers)) + 1):
            run = estimates.run(first, end)
            grid, cycles = run.grid, run.cycles
            planner = StagePlanner(Stage(network=estimates.network, first=first, end=end), {})
            for index in np.linspace(0, len(cycles) - 1, 12).astype(int).tolist():
                shape = grid.at(index)
                if too_wide(planner, shape.cols):
                    assert cycles[index] == np.inf
                    continue
                exact = max(sum(planner.layer_cycles(shape)), ends(planner, shape))
                errors.append(cycles[index] / exact - 1)
    assert np.abs(errors).max() <= 0.2
    assert np.abs(errors).mean() <= 0.05


def test_estimated_resources_are_near_the_counted_ones(estimates: Estimates) -> None:
    """Of every layer on an engine of its own, each on a sample of its shapes."""
    found, counted = [], []
    count = len(estimates.layers)
    for step in np.linspace(0.2, 0.9, 8).tolist():
        engines, amounts = [], np.zeros(len(RESOURCES))
        for first in range(count):
            run = estimates.run(first, first + 1)
            grid, cycles, own = run.grid, run.cycles, run.amounts
            usable = np.nonzero(np.isfinite(cycles))[0]
            index = int(usable[int(step * len(usable))])
            engines.append((1, grid.at(index)))
            amounts += own[index]
        exact = resources(draft(built(estimates.network, tuple(engines))), DEVICE)
        found.append(amounts[:2])
        counted.append((exact.logic, exact.registers))
    errors = np.array(found) / np.array(counted) - 1
    assert np.abs(errors).max() <= 0.2
    assert np.abs(errors).mean() <= 0.1


def too_wide(planner: StagePlanner, cols: int) -> bool:
    """Whether an output port would be wider than the search wants any."""
    leaving = [tensor for tensor in planner.stage.made if tensor.name in planner.stage.network.leaving]
    return cols > 1 and any(cols * element_bits(tensor) > PORT_BITS for tensor in leaving)


def ends(planner: StagePlanner, shape: ArrayShape) -> int:
    """Beats of a frame at the network's ends; an input's have as many pixels as they may."""
    network, stage = planner.stage.network, planner.stage
    inputs, leaving = {tensor.name for tensor in network.input_tensors}, set(network.leaving)
    found = []
    for t in stage.inputs:
        if t.name in inputs:
            pixels = max(n for n in (1, 2, 4, 8) if n == 1 or (n <= shape.drain and together(t, n)))
            found.append(t.height * t.width * -(-t.channels // input_elements(t)) // pixels)
    found += [t.height * t.width * -(-t.channels // shape.cols) for t in stage.made if t.name in leaving]
    return max(found, default=1)


def test_a_front_has_no_shape_that_another_beats(estimates: Estimates) -> None:
    weights, limits = np.array([1.0, 0.5, 2.0, 1.0, 1.0]), np.array([1e5, 3e5, 500.0, 200.0, 4096.0])
    for first in range(len(estimates.layers)):
        run = estimates.run(first, len(estimates.layers))
        grid, cycles, amounts = run.grid, run.cycles, run.amounts
        front = estimates.front(first, len(estimates.layers), weights / limits)
        cost = amounts / limits @ weights
        assert (np.diff(front.cycles) > 0).all()
        assert (np.diff(front.cost) < 0).all()
        for most in (front.cycles[0] - 1, *front.cycles, front.cycles[-1] * 2):
            (best, price), within = front.best(float(most)), cycles <= most
            assert (price == np.inf) == (not within.any())
            if price < np.inf:
                assert price == front.cost[best]
                assert front.cost[best] == pytest.approx(cost[within].min(), rel=1e-12)
                assert front.cost[best] == pytest.approx(cost[front.index[best]], rel=1e-12)
                assert cycles[front.index[best]] == front.cycles[best] <= most
        assert grid.shape == (len(grid.rows), len(grid.cols), len(grid.lanes))


def test_a_front_up_to_some_cycles_is_the_first_part_of_the_whole(estimates: Estimates) -> None:
    prices = 1 / np.array([1e5, 3e5, 500.0, 200.0, np.inf])
    whole = estimates.front(0, 1, prices)
    for most in (whole.cycles[0] - 1, *whole.cycles[:: max(1, len(whole.cycles) // 5)]):
        part = estimates.front(0, 1, prices, most)
        count = int((whole.cycles <= most).sum())
        np.testing.assert_array_equal(part.index, whole.index[:count])
        np.testing.assert_array_equal(part.cost, whole.cost[:count])
        assert part.best(most) == whole.best(most)


def test_what_has_no_limit_costs_nothing_and_is_not_counted(estimates: Estimates) -> None:
    limits = np.array([np.inf, np.inf, np.inf, np.inf, 512.0])
    run = estimates.run(0, 1)
    np.testing.assert_array_equal(run.cost(np.arange(len(run.cycles)), 1 / limits), run.lanes * (1 / 512.0))
    np.testing.assert_array_equal(run.shares(limits), run.lanes / 512.0)
    np.testing.assert_array_equal(run.taken(3, limits), [0, 0, 0, 0, run.lanes[3]])
    np.testing.assert_array_equal(run.lanes, run.amounts[:, -1])


def test_estimates_on_another_device_have_the_same_cycles_and_its_own_amounts(estimates: Estimates) -> None:
    device = target.load("zynq-7020")
    moved, alone = estimates.on(device).run(0, 1), Estimates(estimates.network, device).run(0, 1)
    np.testing.assert_array_equal(moved.cycles, estimates.run(0, 1).cycles)
    np.testing.assert_array_equal(moved.amounts, alone.amounts)
    assert (moved.amounts[:, 0] != estimates.run(0, 1).amounts[:, 0]).any()


def test_sizes_are_parts_of_a_dimension() -> None:
    assert sizes({12}, 64).tolist() == [1, 2, 3, 4, 6, 12]
    assert sizes({10}, 64).tolist() == [1, 2, 3, 4, 5, 10]
    assert sizes({12, 7}, 6).tolist() == [1, 2, 3, 4, 6]
    # above two multiples only whole ones, so that vectors fit the words
    assert sizes({96, 30}, 64, 8).tolist() == [
        1,
        2,
        3,
        4,
        5,
        6,
        7,
        8,
        9,
        10,
        11,
        12,
        14,
        15,
        16,
        24,
        30,
        32,
        48,
    ]
