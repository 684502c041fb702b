"""Which form a layer's staircase takes, and what the forms cost in one engine."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from networks import assemble
from numpy.typing import NDArray

from machine import Machine
from ternc import passes, target
from ternc.network import golden
from ternc.network.analysis import accumulator_range
from ternc.network.host import random_codes
from ternc.network.layers import IntRange, Linear, Network, Staircase, Tensor, Term
from ternc.schedule.build import schedule
from ternc.schedule.design import ArrayShape, Design
from ternc.schedule.requant import code_tables, layer_table
from ternc.schedule.wish import Wish

SHAPE = ArrayShape(rows=2, cols=3, lanes=4)


def designed(network: Network) -> Design:
    """On the test's array."""
    return schedule(network, target.load("arria10"), Wish(fps=None, budget=1.0, clock_mhz=100.0, array=SHAPE))


def even(reach: IntRange, steps: int) -> list[int]:
    """Thresholds that a multiplication finds."""
    return [reach.low + 1 + (reach.high - reach.low) * k // (steps + 1) for k in range(steps)]


def uneven(reach: IntRange, steps: int) -> list[int]:
    """Thresholds that no multiplication finds: close together, then far apart."""
    return [reach.low + 1 + (reach.high - reach.low) * k * k // (steps + 1) ** 2 for k in range(steps)]


def chain(kinds: str, *, steps: int = 255, low: int = 0) -> Network:
    """One 1x1 layer of 7 channels for each letter: (m)ultiply, (l)ong staircase without that form, (r)aw."""
    rng = np.random.default_rng(len(kinds))
    source = Tensor(name="in", channels=7, height=2, width=3, range=IntRange(low=-128, high=127))
    tensors, layers = [source], []
    for n, kind in enumerate(kinds):
        weights = rng.integers(-1, 2, (7, 7, 1, 1)).astype(np.int32)
        weights[:, :3] = 1  # sums of some span
        layer = Linear(
            name=f"{kind}{n}",
            kind="conv",
            terms=(Term(source=tensors[-1].name, weights=weights),),
            target=f"t{n}",
        )
        ranges = accumulator_range(layer, [tensors[-1]])
        if kind != "r":
            rows = [(even if kind == "m" else uneven)(reach, steps) for reach in ranges]
            layer = replace(layer, activation=Staircase(thresholds=np.array(rows, np.int64), low=low))
        layers.append(layer)
        reach = IntRange(low=min(low, 0), high=max(low + steps, 0))
        tensors.append(Tensor(name=f"t{n}", channels=7, height=2, width=3, range=reach))
    return passes.run(assemble(source, layers))


def computes(network: Network) -> Design:
    """The design, whose images give the golden result."""
    design = designed(network)
    codes = random_codes(network, 1, 5)
    found = Machine(design).run([frame[0] for frame in codes])
    for value, expected in zip(found, golden.predict(network, codes), strict=True):
        np.testing.assert_array_equal(value, expected[0])
    return design


def test_one_long_staircase_without_a_multiplication_among_others_that_have_one() -> None:
    design = computes(chain("mlmr"))
    geometry = design.engines[0].geometry
    assert [layer.requantiser for layer in design.arrays[0].layers] == [
        "multiply",
        "thresholds",
        "multiply",
        "raw",
    ]
    assert geometry.threshold_levels == 8
    assert (geometry.params, geometry.threshold_params) == (12, 3)  # three tiles a layer
    for column in design.engines[0].thresholds:
        assert [len(memory.words) for memory in column] == [3 << level for level in range(8)]


def test_long_staircases_that_multiply_need_no_threshold_memory() -> None:
    geometry = computes(chain("mmr")).engines[0].geometry
    assert (geometry.threshold_levels, geometry.threshold_params) == (0, 0)


def test_short_staircases_need_no_multiplier() -> None:
    design = computes(chain("mmr", steps=3))
    assert [layer.requantiser for layer in design.arrays[0].layers] == ["thresholds", "thresholds", "raw"]
    assert design.engines[0].geometry.mul_bits <= 2
    assert design.resources.dsps == 2, "the sequencer's"


def test_a_staircase_that_starts_above_zero_takes_a_table() -> None:
    network = chain("mr", steps=5, low=2)
    assert layer_table(network, network.layers[0]) == (2, 3, 4, 5, 6, 7)
    assert code_tables(network, network.layers) == ((2, 3, 4, 5, 6, 7),)
    assert computes(network).engines[0].geometry.tables == 1


def test_a_staircase_that_starts_at_its_range_takes_none() -> None:
    network = chain("mr", steps=5, low=-2)
    assert code_tables(network, network.layers) == ()


def test_layers_with_the_same_table_share_it() -> None:
    def with_table(network: Network, *tables: NDArray[np.int64]) -> Network:
        layers = list(network.layers)
        for n, table in enumerate(tables):
            activation = layers[n].activation
            assert activation is not None
            layers[n] = replace(layers[n], activation=replace(activation, table=table, low=int(table.min())))
        return replace(network, layers=tuple(layers))

    table = np.array([0, 2, 1, 5, 4, 3])
    network = with_table(chain("mmlr", steps=5), table, table[::-1].copy(), table)
    assert code_tables(network, network.layers) == ((0, 2, 1, 5, 4, 3), (3, 4, 5, 1, 2, 0))
    design = computes(network)
    (memory,) = [memory for memory in design.engines[0].programs if memory.name == "tables"]
    assert len(memory.words) == 2 << design.engines[0].geometry.code_bits
