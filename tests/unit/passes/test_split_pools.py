"""Overlapping pools as layers of their own: every value that was there before is there unchanged."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import Knobs, assemble, networks

from ternc.network import golden
from ternc.network.analysis import accumulator_range
from ternc.network.check import verify_network as verify
from ternc.network.host import random_codes
from ternc.network.layers import IntRange, Linear, Network, Pool, Staircase, Tensor, Term
from ternc.passes import Realise, SplitPools


def same(network: Network, split: Network, seed: int) -> None:
    """Golden gives the same for every tensor of the first one."""
    codes = random_codes(network, 2, seed)
    before, after = golden.run(network, codes), golden.run(split, codes)
    for tensor in network.tensors:
        if any(layer.target == tensor.name for layer in network.layers):
            np.testing.assert_array_equal(after[tensor.name], before[tensor.name], err_msg=tensor.name)
    for one, other in zip(before.leaving, after.leaving, strict=True):
        np.testing.assert_array_equal(one, other)


@settings(max_examples=80, deadline=None)
@given(networks(Knobs(size=8)), st.integers(2, 40), st.integers(0, 2**16))
def test_every_tensor_keeps_its_values(network: Network, least: int, seed: int) -> None:
    split = SplitPools(least_fan_in=least)(network)
    verify(split)
    same(network, split, seed)
    left = [layer for layer in split.layers if SplitPools(least_fan_in=least).worthwhile(layer)]
    assert not left, "a second run finds nothing more to split"


def pooled(pool: Pool, *, minimum: bool = False, low: int = -1) -> Network:
    """One 3x3 convolution of four channels, 36 products a sum, and its pool."""
    rng = np.random.default_rng(3)
    source = Tensor(name="x", channels=4, height=9, width=8, range=IntRange(low=-3, high=3))
    term = Term(source="x", weights=rng.integers(-1, 2, (4, 4, 3, 3)).astype(np.int32), padding=(1, 1, 1, 1))
    layer = Linear(name="conv", kind="conv", terms=(term,), target="y")
    reach = accumulator_range(layer, [source])
    steps = np.array([[(3 * r.low + r.high) // 4, (r.low + 3 * r.high) // 4] for r in reach], np.int64)
    codes = Staircase(thresholds=steps, low=low)
    minima = (minimum, False, minimum, False)
    return assemble(source, [replace(layer, activation=codes, pool=replace(pool, minimum=minima))])


KEPT = (False,) * 4


@pytest.mark.parametrize("minimum", [False, True])
@pytest.mark.parametrize(
    "pool",
    [
        Pool(kernel=(3, 3), stride=(2, 2), minimum=KEPT),
        Pool(kernel=(3, 3), stride=(2, 2), minimum=KEPT, padding=(1, 1, 1, 1)),
        Pool(kernel=(2, 3), stride=(1, 2), minimum=KEPT, dilation=(2, 1)),
        Pool(kernel=(3, 2), stride=(1, 1), minimum=KEPT, padding=(2, 1, 0, 1), dilation=(1, 2)),
    ],
)
def test_padded_dilated_and_minimum_pools(pool: Pool, minimum: bool) -> None:
    network = pooled(pool, minimum=minimum)
    split = SplitPools()(network)
    verify(split)
    conv, copy = split.layers
    assert (conv.name, conv.pool, copy.name, copy.kind) == ("conv", None, "conv_pool", "pool")
    assert copy.pool == network.layers[0].pool
    assert (conv.target, copy.target) == ("y_unpooled", "y")
    same(network, split, 7)
    same(network, Realise()(split), 7)


@pytest.mark.parametrize("pool", [Pool(kernel=(2, 2), stride=(2, 2), minimum=KEPT), None])
def test_what_computes_every_sum_once_is_left_alone(pool: Pool | None) -> None:
    network = pooled(pool or Pool(kernel=(1, 1), stride=(1, 1), minimum=KEPT))
    assert SplitPools()(network).layers == network.layers


def test_a_sum_of_few_products_is_computed_again() -> None:
    network = pooled(Pool(kernel=(3, 3), stride=(2, 2), minimum=KEPT))
    assert len(SplitPools(least_fan_in=36)(network).layers) == 2
    assert len(SplitPools(least_fan_in=37)(network).layers) == 1


def test_names_that_are_taken_are_not_taken_twice() -> None:
    network = pooled(Pool(kernel=(3, 3), stride=(2, 2), minimum=KEPT))
    crowded = replace(
        network,
        tensors=tuple(replace(one, name="y_unpooled") if one.name == "x" else one for one in network.tensors),
        layers=tuple(
            replace(one, terms=tuple(replace(t, source="y_unpooled") for t in one.terms))
            for one in network.layers
        ),
        inputs=tuple(replace(one, tensor="y_unpooled") for one in network.inputs),
    )
    split = SplitPools()(crowded)
    verify(split)
    assert split.layers[0].target == "y_unpooled_"


def test_a_map_that_holds_nothing_but_0_is_split_as_well() -> None:
    pool = Pool(kernel=(3, 3), stride=(1, 1), minimum=KEPT)
    network = pooled(pool, low=0)
    (layer,) = network.layers
    reach = accumulator_range(layer, [network.tensor("x")])
    never = Staircase(thresholds=np.array([[r.high + 1] for r in reach]), low=0, table=np.zeros(2, np.int64))
    network = assemble(network.tensor("x"), [replace(layer, activation=never)])
    split = SplitPools()(network)
    assert len(split.layers) == 2
    verify(split)
    same(network, split, 1)
