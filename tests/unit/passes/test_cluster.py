"""Channels in an order in which weights of 0 share words, and nothing that leaves the chip changes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import Knobs, assemble, networks

from ternc import target
from ternc.network import golden
from ternc.network.analysis import accumulator_range
from ternc.network.check import verify_network as verify
from ternc.network.host import random_codes
from ternc.network.layers import IntRange, Linear, Network, Pool, Staircase, Tensor, Term
from ternc.passes import Cluster, run
from ternc.passes.cluster import blocks, used
from ternc.schedule.choose import choose
from ternc.schedule.design import ArrayShape
from ternc.schedule.wish import Wish


def same(network: Network, other: Network, seed: int) -> None:
    """Golden gives the same at every end."""
    codes = random_codes(network, 2, seed)
    before, after = golden.run(network, codes).leaving, golden.run(other, codes).leaving
    for one, two in zip(before, after, strict=True):
        np.testing.assert_array_equal(one, two)


@settings(max_examples=100, deadline=None)
@given(networks(Knobs(size=8)), st.integers(0, 2**16))
def test_what_leaves_the_chip_stays_the_same(network: Network, seed: int) -> None:
    clustered = Cluster(block=2, least_gain=0.0)(network)
    verify(clustered)
    same(network, clustered, seed)


def chain(widths: Sequence[int], groups: int, *, depthwise: bool = False) -> Network:
    """3x3 convolutions, of which all but the first have groups; the channels between them are shuffled."""
    rng = np.random.default_rng(len(widths) + groups)
    below = source = Tensor(name="x", channels=widths[0], height=6, width=6, range=IntRange(low=0, high=3))
    layers: list[Linear] = []
    old = np.arange(widths[0])
    for number, (inputs, outputs) in enumerate(pairwise(widths)):
        last = number == len(widths) - 2
        new = np.arange(outputs) if last else rng.permutation(outputs)
        weights = rng.choice(np.array([-1, 1], np.int32), (outputs, inputs, 3, 3))
        if number > 0:
            near = np.arange(outputs)[:, None] * groups // outputs == np.arange(inputs) * groups // inputs
            weights *= near[:, :, None, None]
        layers.append(conv(f"conv{number}", below, weights[new][:, old]))
        below = replace(source, name=layers[-1].target, channels=outputs, range=IntRange(low=0, high=2))
        old = new
        if depthwise and not last:
            each = rng.choice(np.array([-1, 1], np.int32), (outputs, 1, 3, 3))
            layers.append(conv(f"depth{number}", below, each, groups=outputs))
            below = replace(below, name=layers[-1].target)
    return assemble(source, layers)


def conv(name: str, source: Tensor, weights: np.ndarray, groups: int = 1) -> Linear:
    term = Term(
        source=source.name, weights=np.ascontiguousarray(weights), padding=(1, 1, 1, 1), groups=groups
    )
    layer = Linear(name=name, kind="conv", terms=(term,), target=f"{name}_out")
    reach = accumulator_range(layer, [source])
    steps = np.array([[(r.low + r.high) // 2 + k for k in (-1, 2)] for r in reach], np.int64)
    return replace(layer, activation=Staircase(thresholds=steps, low=0))


def words(network: Network) -> int:
    return sum(blocks(used(layer.terms[0]), 8) for layer in network.layers if layer.terms[0].groups == 1)


def test_shuffled_groups_are_found() -> None:
    network = chain((16, 64, 64, 64, 32), groups=4)
    clustered = Cluster()(network)
    verify(clustered)
    same(network, clustered, 1)
    first, groups = 2 * 8, (64 // 8) ** 2 // 4
    assert words(clustered) == first + 2 * groups + groups // 2 < words(network) / 2


def test_depthwise_layers_keep_to_the_order_around_them() -> None:
    network = chain((16, 64, 64, 32), groups=4, depthwise=True)
    clustered = Cluster()(network)
    verify(clustered)
    same(network, clustered, 2)
    assert words(clustered) < words(network) / 2


def test_a_pool_keeps_its_minima_to_their_channels() -> None:
    network = chain((16, 64, 64, 64, 32), groups=4)
    minima = tuple(np.random.default_rng(3).integers(0, 2, 64).astype(bool).tolist())
    pool = Pool(kernel=(2, 2), stride=(1, 1), minimum=minima, padding=(0, 0, 1, 1))
    layers = tuple(replace(layer, pool=pool) if layer.name == "conv1" else layer for layer in network.layers)
    network = replace(network, layers=layers)
    same(network, Cluster()(network), 4)


def test_both_sides_of_a_block_may_have_to_move() -> None:
    network = chain((16, 64, 128, 64, 8), groups=2)
    assert words(Cluster()(network)) < 0.6 * words(network)


def test_dense_weights_and_small_gains_change_nothing() -> None:
    dense = chain((16, 64, 64, 32), groups=1)
    assert Cluster()(dense) is dense
    groups = chain((16, 64, 64, 64, 32), groups=4)
    assert Cluster(least_gain=0.9)(groups) is groups


def test_the_schedule_takes_fewer_cycles() -> None:
    network = chain((8, 32, 32, 32, 8), groups=4)
    wish = Wish(fps=None, budget=1.0, clock_mhz=100.0, array=ArrayShape(rows=2, cols=8, lanes=8), fit=False)
    device = target.load("unit")
    before, after = (
        choose(one, device, wish).lines.timing.cycles_per_frame for one in (network, run(network))
    )
    assert after < 0.6 * before
