"""Each law of the verifier, broken once; the sentence names the place and the law."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from networks import assemble, networks

from ternc.errors import InternalError
from ternc.network.check import verify_network
from ternc.network.layers import IntRange, Linear, MultiplyShift, Network, Pool, Staircase, Tensor

TRITS = np.array([[[[1]], [[-1]]], [[[1]], [[1]]]], np.int8)


def network(*, raw: bool = False, argmax: bool = False) -> Network:
    """Two 1x1 convolutions on a 2 x 4 x 4 map of -1..3; the second optionally raw."""
    first = Tensor(name="in", channels=2, height=4, width=4, range=IntRange(low=-1, high=3))
    stairs = Staircase(
        thresholds=np.array([[0, 2, 4], [-2, 3, 7]], np.int64),
        low=0,
    )
    one = Linear(name="one", kind="conv", source="in", target="mid", trits=TRITS, activation=stairs)
    pool = Pool(kernel=(2, 2), stride=(2, 2), minimum=(False, True))
    two = Linear(
        name="two",
        kind="conv",
        source="mid",
        target="out",
        trits=TRITS,
        activation=None if raw else Staircase(thresholds=np.array([[-3, 4], [0, 7]], np.int64), low=-1),
        pool=pool,
    )
    return assemble(first, (one, two), argmax=argmax)


def with_layer(net: Network, index: int, **changes: Any) -> Network:
    layers = list(net.layers)
    layers[index] = replace(layers[index], **changes)
    return replace(net, layers=tuple(layers))


def with_tensor(net: Network, index: int, **changes: Any) -> Network:
    tensors = list(net.tensors)
    tensors[index] = replace(tensors[index], **changes)
    return replace(net, tensors=tuple(tensors))


def with_stairs(net: Network, **changes: Any) -> Network:
    stairs = net.layers[0].activation
    if stairs is None:
        raise ValueError("the first layer has an activation")
    return with_layer(net, 0, activation=replace(stairs, **changes))


def form(multiplier: list[int], addend: list[int], shift: int) -> MultiplyShift:
    return MultiplyShift(
        multiplier=np.array(multiplier, np.int64), addend=np.array(addend, np.int64), shift=shift
    )


BREAKS: list[tuple[str, Callable[[Network], Network], str]] = [
    ("name", lambda n: replace(n, name="2x"), "network '2x': its name must be an identifier"),
    ("no layer", lambda n: replace(n, layers=(), tensors=n.tensors[:1]), "it must have a layer"),
    (
        "tensor twice",
        lambda n: with_tensor(n, 1, name="in"),
        "network 'random': tensor names must be unique, but 'in' is not",
    ),
    (
        "layer twice",
        lambda n: with_layer(n, 1, name="one"),
        "network 'random': layer names must be unique, but 'one' is not",
    ),
    (
        "target",
        lambda n: with_layer(n, 1, target="else"),
        "tensors must be the input and then the layers' targets",
    ),
    (
        "order",
        lambda n: with_layer(n, 0, source="out"),
        "layer 'one': its source 'out' must be written before it is read",
    ),
    ("empty tensor", lambda n: with_tensor(n, 0, width=0), "tensor 'in': its shape must be at least 1"),
    (
        "range without 0",
        lambda n: with_tensor(n, 0, range=IntRange(low=1, high=3)),
        "tensor 'in': range 1..3 must contain 0",
    ),
    ("trit 2", lambda n: with_layer(n, 0, trits=TRITS * 2), "layer 'one': trits must be -1, 0 or +1"),
    (
        "trit dtype",
        lambda n: with_layer(n, 0, trits=TRITS.astype(np.int16)),
        "trits must be int8 [O, I, KH, KW]",
    ),
    ("groups", lambda n: with_layer(n, 0, groups=2), "2 groups of 2 inputs must be the source's 2 channels"),
    ("stride", lambda n: with_layer(n, 0, stride=(1, 0)), "layer 'one': stride (1, 0) must be at least 1"),
    ("dilation", lambda n: with_layer(n, 0, dilation=(0, 1)), "dilation (0, 1) must be at least 1"),
    ("upsample", lambda n: with_layer(n, 0, upsample=(0, 1)), "upsample (0, 1) must be at least 1"),
    ("padding", lambda n: with_layer(n, 0, padding=(0, -1, 0, 0)), "padding (0, -1, 0, 0) must be >= 0"),
    (
        "window",
        lambda n: with_layer(n, 0, trits=np.ones((2, 2, 5, 1), np.int8)),
        "layer 'one': its (5, 1) window must fit the map, but leaves (0, 4)",
    ),
    (
        "pool",
        lambda n: with_layer(n, 1, pool=Pool(kernel=(5, 1), stride=(1, 1), minimum=(False, False))),
        "layer 'two': its (5, 1) pool must fit the (4, 4) map",
    ),
    (
        "pool stride",
        lambda n: with_layer(n, 1, pool=Pool(kernel=(1, 1), stride=(0, 1), minimum=(False, False))),
        "pool kernel and stride must be at least 1",
    ),
    (
        "pool channels",
        lambda n: with_layer(n, 1, pool=Pool(kernel=(2, 2), stride=(2, 2), minimum=(False,))),
        "pool.minimum must have one entry a channel",
    ),
    (
        "shape",
        lambda n: with_tensor(n, 2, height=3),
        "layer 'two': its target must have shape (2, 2, 2), but has (2, 3, 2)",
    ),
    (
        "target range",
        lambda n: with_tensor(n, 1, range=IntRange(low=0, high=4)),
        "layer 'one': its target must have range 0..3, but has range 0..4",
    ),
    (
        "threshold shape",
        lambda n: with_stairs(n, thresholds=np.zeros((1, 3), np.int64)),
        "thresholds must be int64 [O, steps]",
    ),
    (
        "no step",
        lambda n: with_stairs(n, thresholds=np.zeros((2, 0), np.int64)),
        "its staircase must have a step",
    ),
    (
        "falling thresholds",
        lambda n: with_stairs(n, thresholds=np.array([[0, 2, 1], [0, 0, 0]])),
        "layer 'one': thresholds must not fall",
    ),
    (
        "above the range",
        lambda n: with_stairs(n, thresholds=np.array([[0, 2, 6], [0, 0, 0]])),
        "layer 'one': thresholds must be clipped to the accumulator's range",
    ),
    (
        "below the range",
        lambda n: with_stairs(n, thresholds=np.array([[-5, 2, 5], [0, 0, 0]])),
        "layer 'one': thresholds must be clipped to the accumulator's range",
    ),
    (
        "form late",
        lambda n: with_stairs(n, thresholds=np.array([[0, 2, 4], [0, 2, 4]]), form=form([2, 2], [4, 3], 2)),
        "layer 'one': its multiply-shift form must equal the thresholds, but not at channel 1, step 0",
    ),
    (
        "form early",
        lambda n: with_stairs(n, thresholds=np.array([[0, 2, 4], [0, 2, 4]]), form=form([2, 2], [4, 6], 2)),
        "layer 'one': its multiply-shift form must equal the thresholds, but not at channel 1, step 0",
    ),
    (
        "form falls",
        lambda n: with_stairs(n, form=form([-1, 0], [0, 0], 2)),
        "multipliers must not be negative",
    ),
    ("form shape", lambda n: with_stairs(n, form=form([1], [0, 0], 2)), "multiplier must be int64 [O]"),
    ("form shift", lambda n: with_stairs(n, form=form([1, 1], [0, 0], -1)), "shift -1 must be 0..62"),
    ("form size", lambda n: with_stairs(n, form=form([2**61, 1], [0, 0], 1)), "beyond 62 bits"),
    (
        "prologue gather",
        lambda n: replace(n, prologue=replace(n.prologue, gather=np.full(32, 32))),
        "input 'x': gather must index 32 values",
    ),
    (
        "prologue length",
        lambda n: replace(n, prologue=replace(n.prologue, gather=np.arange(31))),
        "input 'x': gather must be int64 [32]",
    ),
    (
        "output tensor",
        lambda n: replace(n, output=replace(n.output, tensor="mid")),
        "output 'y': it must be the last tensor 'out', not 'mid'",
    ),
    (
        "output scale",
        lambda n: replace(n, output=replace(n.output, scale=np.array([1.0, 0.0]))),
        "output 'y': scales must be positive",
    ),
    (
        "output offset",
        lambda n: replace(n, output=replace(n.output, offset=np.array([1.0, np.nan]))),
        "output 'y': offset must be finite",
    ),
    (
        "output shape",
        lambda n: replace(n, output=replace(n.output, scale=np.ones(3))),
        "output 'y': scale must be float64 [2]",
    ),
    (
        "output gather",
        lambda n: replace(n, output=replace(n.output, gather=np.arange(1, 9))),
        "output 'y': gather must index 8 values",
    ),
    (
        "keys without argmax",
        lambda n: replace(n, output=replace(n.output, keys=np.ones((2, 2), np.int64))),
        "output 'y': it must have keys exactly where it is an argmax",
    ),
]


@pytest.mark.parametrize(("change", "sentence"), [pytest.param(c, s, id=i) for i, c, s in BREAKS])
def test_a_broken_law_is_named(change: Callable[[Network], Network], sentence: str) -> None:
    verify_network(network())
    with pytest.raises(InternalError) as error:
        verify_network(change(network()))
    assert sentence in str(error.value)
    assert str(error.value).startswith("ternc has a bug in its network stage: ")


def test_a_right_form_is_accepted() -> None:
    verify_network(
        with_stairs(network(), thresholds=np.array([[0, 2, 4], [0, 2, 4]]), form=form([2, 2], [4, 4], 2))
    )


def test_a_raw_target_has_the_accumulators_range() -> None:
    raw = network(raw=True)
    verify_network(raw)
    assert raw.tensors[-1].range == IntRange(low=-3, high=6)
    with pytest.raises(InternalError, match=r"layer 'two': its target must have range -3\.\.6"):
        verify_network(with_tensor(raw, 2, range=IntRange(low=-3, high=7)))


KEYS = [
    ("ties", [[2, 2], [0, 2]], "keys must not tie"),
    (
        "a lower channel loses a tie of values",
        [[2, 2], [0, 1]],
        "keys must order the channels as their values do",
    ),
    ("another scale", [[4, 2], [1, 0]], "keys must order the channels as their values do"),
    ("negative", [[-2, -2], [1, 0]], "key multipliers must be positive"),
    ("shape", [[2], [1]], "keys must be int64 [2, 2]"),
    ("size", [[2**62, 2], [1, 0]], "beyond 62 bits"),
]


@pytest.mark.parametrize(("keys", "sentence"), [pytest.param(k, s, id=i) for i, k, s in KEYS])
@pytest.mark.parametrize("raw", [False, True])
def test_keys_that_order_channels_otherwise_are_named(
    keys: list[list[int]], sentence: str, raw: bool
) -> None:
    right = network(raw=raw, argmax=True)
    right = replace(right, output=replace(right.output, keys=np.array([[2, 2], [1, 0]])))
    verify_network(right)
    with pytest.raises(InternalError) as error:
        verify_network(replace(right, output=replace(right.output, keys=np.array(keys))))
    assert sentence in str(error.value)


def test_keys_are_compared_exactly_where_floats_cannot_tell() -> None:
    base = network(raw=True, argmax=True)
    third = float(np.float32(1 / 3))
    # channel 0: x * third; channel 1: x * third + 3 * third, so (0, x + 3) ties with (1, x) in exact arithmetic
    scale, offset = np.array([third, third]), np.array([0.0, 3 * third])
    good = np.array([[2, 2], [1, 6]])
    verify_network(replace(base, output=replace(base.output, scale=scale, offset=offset, keys=good)))
    nudged = np.array([0.0, np.nextafter(3 * third, 9)])
    with pytest.raises(InternalError, match="keys must order"):
        verify_network(replace(base, output=replace(base.output, scale=scale, offset=nudged, keys=good)))


@settings(max_examples=50, deadline=None)
@given(networks())
def test_random_networks_keep_every_law(made: Network) -> None:
    verify_network(made)
