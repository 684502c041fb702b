"""Channels that nobody needs are left out, and nothing that leaves the chip changes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import Knobs, assemble, networks

from ternc.network import golden
from ternc.network.analysis import accumulator_range
from ternc.network.check import verify_network as verify
from ternc.network.host import random_codes
from ternc.network.layers import IntRange, Linear, Network, Staircase, Tensor, Term
from ternc.passes import Prune
from ternc.passes.prune import needed


def same(network: Network, pruned: Network, seed: int) -> None:
    """Golden gives the same at every end."""
    codes = random_codes(network, 2, seed)
    before, after = golden.run(network, codes).leaving, golden.run(pruned, codes).leaving
    for one, other in zip(before, after, strict=True):
        np.testing.assert_array_equal(one, other)


def thinned(network: Network, share: float, seed: int) -> Network:
    """The network with the weights of some output and of some input channels 0, and some activations' codes too."""
    rng = np.random.default_rng(seed)

    def thin(layer: Linear) -> Linear:
        dead = rng.random(layer.channels) < share
        terms = []
        for term in layer.terms:
            weights = term.weights.copy()
            weights[:, rng.random(weights.shape[1]) < share] = 0
            weights[dead] = 0
            terms.append(replace(term, weights=weights))
        return replace(layer, terms=tuple(terms))

    thin_layers = replace(network, layers=tuple(thin(layer) for layer in network.layers))
    tensors = {tensor.name: tensor for tensor in network.tensors}

    def clip(layer: Linear) -> Linear:
        if layer.activation is None:
            return layer
        reach = accumulator_range(layer, [tensors[term.source] for term in layer.terms])
        low, high = (
            np.array(ends)[:, None] for ends in ([r.low for r in reach], [r.high + 1 for r in reach])
        )
        return replace(
            layer,
            activation=replace(layer.activation, thresholds=np.clip(layer.activation.thresholds, low, high)),
        )

    return replace(thin_layers, layers=tuple(clip(layer) for layer in thin_layers.layers))


@settings(max_examples=150, deadline=None)
@given(networks(Knobs(size=8)), st.sampled_from([0.2, 0.5, 0.8]), st.integers(0, 2**16))
def test_what_leaves_the_chip_stays_the_same(network: Network, share: float, seed: int) -> None:
    network = thinned(network, share, seed)
    verify(network)
    pruned = Prune()(network)
    verify(pruned)
    same(network, pruned, seed)
    assert all(mask.all() for mask in needed(pruned).values()), "a second run finds nothing more"


CHANNELS = 6


def chain(dead: dict[int, int], unread: set[int], groups: int = 1) -> Network:
    """Three layers of six channels; in the middle one ``dead`` channels have that constant code."""
    rng = np.random.default_rng(5)
    source = Tensor(name="x", channels=CHANNELS, height=5, width=4, range=IntRange(low=0, high=3))
    layers, below = [], source
    for name, grouped in (("a", 1), ("b", groups), ("c", 1)):
        weights = rng.choice(np.array([-1, 1], np.int32), (CHANNELS, CHANNELS // grouped, 3, 3))
        if name == "c":
            weights[:, sorted(unread)] = 0
        term = Term(source=below.name, weights=weights, padding=(1, 1, 1, 1), groups=grouped)
        layer = Linear(name=name, kind="conv", terms=(term,), target=f"{name}_out")
        reach = accumulator_range(layer, [below])
        steps = np.array([[(r.low + r.high) // 2 + k for k in (-1, 2)] for r in reach], np.int64)
        if name == "b":
            for channel, code in dead.items():
                steps[channel] = [reach[channel].low] * code + [reach[channel].high + 1] * (2 - code)
        layers.append(replace(layer, activation=Staircase(thresholds=steps, low=0)))
        below = replace(source, name=layer.target, range=IntRange(low=0, high=2))
    return assemble(source, layers)


def widths(network: Network) -> list[int]:
    return [tensor.channels for tensor in network.tensors]


def test_channels_that_are_always_zero_and_channels_that_nobody_reads_go() -> None:
    network = chain({1: 0, 4: 0}, {2})
    pruned = Prune()(network)
    verify(pruned)
    assert widths(pruned) == [6, 6, 3, 6]
    np.testing.assert_array_equal(
        pruned.layers[2].terms[0].weights, network.layers[2].terms[0].weights[:, [0, 3, 5]]
    )
    same(network, pruned, 3)


def test_a_constant_other_than_zero_stays_because_padding_is_zero() -> None:
    assert widths(Prune()(chain({1: 2}, set()))) == [6, 6, 6, 6]


def test_what_feeds_only_left_out_channels_goes_too() -> None:
    network = chain({}, {0, 1, 2}, groups=2)
    pruned = Prune()(network)
    assert widths(pruned) == [6, 3, 3, 6]
    assert pruned.layers[1].terms[0].groups == 1
    same(network, pruned, 4)


def test_a_group_stays_whole_while_one_of_its_channels_is_needed() -> None:
    assert widths(Prune()(chain({}, {0, 1}, groups=2))) == [6, 6, 6, 6]


def test_a_map_keeps_a_channel_even_if_nobody_reads_it() -> None:
    network = chain({}, set(range(CHANNELS)))
    pruned = Prune()(network)
    verify(pruned)
    assert widths(pruned) == [6, 6, 1, 6], "its one channel reads what it did"
    same(network, pruned, 6)


def test_borders_keep_to_their_channels() -> None:
    network = chain({0: 0, 2: 0}, set())
    lines = (
        "channel 2, step 0: border 4.9 at accumulator 5",
        "channel 3, step 1: border 6.9 at accumulator 7",
    )
    middle = network.layers[1]
    assert middle.activation is not None
    marked = replace(middle, activation=replace(middle.activation, borders=lines))
    network = replace(network, layers=(network.layers[0], marked, network.layers[2]))
    found = Prune()(network).layers[1].activation
    assert found is not None
    assert found.borders == ("channel 1, step 1: border 6.9 at accumulator 7",)
