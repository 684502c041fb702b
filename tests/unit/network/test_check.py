"""Each law of the verifier, broken once; the sentence names the place and the law."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from networks import assemble, networks, output_of, prologue_of, tensors_of

from ternc.errors import InternalError
from ternc.network.check import verify_network
from ternc.network.layers import (
    Anomaly,
    IntRange,
    Linear,
    MultiplyShift,
    Network,
    Pool,
    Staircase,
    Tensor,
    Term,
)
from ternc.network.steps import Add

WEIGHTS = np.array([[[[1]], [[-1]]], [[[1]], [[1]]]], np.int32)
FIRST = Tensor(name="in", channels=2, height=4, width=4, range=IntRange(low=-1, high=3))


def network(*, raw: bool = False, argmax: bool = False) -> Network:
    """Two 1x1 convolutions on a 2 x 4 x 4 map of -1..3; the second has a pool and is optionally raw."""
    stairs = Staircase(thresholds=np.array([[0, 2, 4], [-2, 3, 7]], np.int64), low=0)
    one = Linear(
        name="one", kind="conv", terms=(Term(source="in", weights=WEIGHTS),), target="mid", activation=stairs
    )
    two = Linear(
        name="two",
        kind="conv",
        terms=(Term(source="mid", weights=WEIGHTS),),
        target="out",
        activation=None if raw else Staircase(thresholds=np.array([[-3, 4], [0, 7]], np.int64), low=-1),
        pool=Pool(kernel=(2, 2), stride=(2, 2), minimum=(False, True)),
    )
    return assemble(FIRST, (one, two), argmax=argmax)


def two_ended() -> Network:
    """Two inputs, a difference that is judged, and an output next to it."""
    inputs = (FIRST, replace(FIRST, name="other", height=2, width=2))
    difference = Linear(
        name="difference",
        kind="sub",
        terms=(
            Term(source="in", weights=WEIGHTS),
            Term(source="other", weights=-WEIGHTS, upsample=(2, 2)),
        ),
        target="errors",
    )
    copy = Linear(name="copy", kind="conv", terms=(Term(source="in", weights=WEIGHTS),), target="seen")
    judge = Anomaly(
        tensor="errors",
        factor=np.array([1, 2]),
        offset=np.array([0, -3]),
        measure="squares",
        unit=0.5,
        error=0.0,
        limit=100,
    )
    return assemble(inputs, (difference, copy), anomaly=judge)


def with_layer(net: Network, index: int, **changes: Any) -> Network:
    layers = list(net.layers)
    layers[index] = replace(layers[index], **changes)
    return replace(net, layers=tuple(layers))


def with_term(net: Network, index: int, which: int = 0, **changes: Any) -> Network:
    terms = list(net.layers[index].terms)
    terms[which] = replace(terms[which], **changes)
    return with_layer(net, index, terms=tuple(terms))


def with_tensor(net: Network, index: int, **changes: Any) -> Network:
    tensors = list(net.tensors)
    tensors[index] = replace(tensors[index], **changes)
    return replace(net, tensors=tuple(tensors))


def with_stairs(net: Network, **changes: Any) -> Network:
    stairs = net.layers[0].activation
    assert stairs is not None
    return with_layer(net, 0, activation=replace(stairs, **changes))


def with_pool(net: Network, **changes: Any) -> Network:
    pool = net.layers[1].pool
    assert pool is not None
    return with_layer(net, 1, pool=replace(pool, **changes))


def with_input(net: Network, **changes: Any) -> Network:
    return replace(net, inputs=(replace(net.inputs[0], **changes), *net.inputs[1:]))


def with_output(net: Network, **changes: Any) -> Network:
    return replace(net, outputs=(replace(net.outputs[0], **changes), *net.outputs[1:]))


def with_anomaly(net: Network, **changes: Any) -> Network:
    assert net.anomaly is not None
    return replace(net, anomaly=replace(net.anomaly, **changes))


def form(multiplier: list[int], addend: list[int], shift: int) -> MultiplyShift:
    return MultiplyShift(
        multiplier=np.array(multiplier, np.int64), addend=np.array(addend, np.int64), shift=shift
    )


def table(*codes: int) -> Any:
    return np.array(codes, np.int64)


BREAKS: list[tuple[str, Callable[[Network], Network], str]] = [
    ("name", lambda n: replace(n, name="2x"), "network '2x': its name must be an identifier"),
    ("no layer", lambda n: replace(n, layers=(), tensors=n.tensors[:1]), "it must have a layer"),
    ("no input", lambda n: replace(n, inputs=()), "network 'random': it must have an input"),
    ("no output", lambda n: replace(n, outputs=()), "network 'random': it must have an output or an anomaly"),
    ("epilogue", lambda n: replace(n, epilogue=None), "its epilogue must be bytes"),  # type: ignore[arg-type]
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
        "input twice",
        lambda n: replace(n, inputs=n.inputs * 2),
        "network 'random': input names must be unique, but 'x' is not",
    ),
    (
        "output twice",
        lambda n: replace(n, outputs=n.outputs * 2),
        "network 'random': output names must be unique, but 'y' is not",
    ),
    (
        "target",
        lambda n: with_layer(n, 1, target="else"),
        "tensors must be its 1 inputs and then the layers' targets",
    ),
    ("no term", lambda n: with_layer(n, 0, terms=()), "layer 'one': it must have a term"),
    (
        "order",
        lambda n: with_term(n, 0, source="out"),
        "layer 'one': its source 'out' must be written before it is read",
    ),
    (
        "unread",
        lambda n: with_term(n, 1, source="in"),
        "tensor 'mid': it must be read or leave",
    ),
    (
        "raw inside",
        lambda n: with_layer(n, 0, activation=None),
        "layer 'one': raw sums must leave, but 'mid' stays",
    ),
    ("empty tensor", lambda n: with_tensor(n, 0, width=0), "tensor 'in': its shape must be at least 1"),
    (
        "range without 0",
        lambda n: with_tensor(n, 0, range=IntRange(low=1, high=3)),
        "tensor 'in': range 1..3 must contain 0",
    ),
    (
        "range beyond float64",
        lambda n: with_tensor(n, 0, range=IntRange(low=0, high=2**53)),
        "tensor 'in': range 0..9007199254740992 must be exact in float64",
    ),
    (
        "sums beyond float64",
        lambda n: with_tensor(n, 0, range=IntRange(low=0, high=2**53 - 1)),
        "layer 'one': its sums, range -9007199254740991..18014398509481982, must be exact in float64",
    ),
    (
        "weight dtype",
        lambda n: with_term(n, 0, weights=WEIGHTS.astype(np.int8)),
        "layer 'one', source 'in': weights must be int32 [O, I, KH, KW]",
    ),
    (
        "weight rank",
        lambda n: with_term(n, 0, weights=WEIGHTS[..., 0]),
        "weights must be int32 [O, I, KH, KW]",
    ),
    ("no weights", lambda n: with_term(n, 0, weights=WEIGHTS[:0]), "weights must be int32 [O, I, KH, KW]"),
    ("groups", lambda n: with_term(n, 0, groups=2), "2 groups of 2 inputs must be the source's 2 channels"),
    (
        "groups of outputs",
        lambda n: with_term(n, 0, groups=2, weights=np.ones((3, 1, 1, 1), np.int32)),
        "and divide the 3 outputs",
    ),
    ("stride", lambda n: with_term(n, 0, stride=(1, 0)), "source 'in': stride (1, 0) must be at least 1"),
    ("dilation", lambda n: with_term(n, 0, dilation=(0, 1)), "dilation (0, 1) must be at least 1"),
    ("upsample", lambda n: with_term(n, 0, upsample=(0, 1)), "upsample (0, 1) must be at least 1"),
    ("fill", lambda n: with_term(n, 0, fill="ones"), "fill 'ones' must be copies or zeros"),
    (
        "window",
        lambda n: with_term(n, 0, weights=np.ones((2, 2, 5, 1), np.int32)),
        "layer 'one', source 'in': its (5, 1) window must fit the map, but leaves (0, 4)",
    ),
    (
        "crop",
        lambda n: with_term(n, 0, padding=(-2, 0, -2, 0)),
        "layer 'one', source 'in': its (1, 1) window must fit the map, but leaves (0, 4)",
    ),
    (
        "terms' channels",
        lambda n: with_layer(n, 1, terms=(*n.layers[1].terms, Term(source="in", weights=WEIGHTS[:1]))),
        "layer 'two': its terms must have one shape, but 'mid' gives (2, 4, 4) and 'in' (1, 4, 4)",
    ),
    (
        "terms' sizes",
        lambda n: with_layer(
            n, 1, terms=(*n.layers[1].terms, Term(source="in", weights=WEIGHTS, stride=(1, 2)))
        ),
        "layer 'two': its terms must have one shape, but 'mid' gives (2, 4, 4) and 'in' (2, 4, 2)",
    ),
    ("pool", lambda n: with_pool(n, kernel=(5, 1)), "layer 'two': its (5, 1) pool must fit the (4, 4) map"),
    (
        "pool dilation fits",
        lambda n: with_pool(n, kernel=(3, 1), dilation=(2, 1)),
        "layer 'two': its (3, 1) pool must fit the (4, 4) map",
    ),
    (
        "pool stride",
        lambda n: with_pool(n, stride=(0, 1)),
        "pool kernel, stride and dilation must be at least 1",
    ),
    (
        "pool dilation",
        lambda n: with_pool(n, dilation=(1, 0)),
        "pool kernel, stride and dilation must be at least 1",
    ),
    (
        "pool padding",
        lambda n: with_pool(n, padding=(0, 0, -1, 0)),
        "layer 'two': pool padding (0, 0, -1, 0) must not be negative",
    ),
    (
        "pool above the map",
        lambda n: with_pool(n, padding=(2, 0, 0, 0)),
        "layer 'two': each pool window must hold a pixel of the map, but not row 0",
    ),
    (
        "pool right of the map",
        lambda n: with_pool(n, padding=(0, 0, 0, 3)),
        "layer 'two': each pool window must hold a pixel of the map, but not column 2",
    ),
    ("pool channels", lambda n: with_pool(n, minimum=(False,)), "pool.minimum must have one entry a channel"),
    (
        "shape",
        lambda n: with_tensor(n, 2, height=3),
        "layer 'two': its target must have shape (2, 2, 2), but has (2, 3, 2)",
    ),
    (
        "target range",
        lambda n: with_tensor(n, 1, range=IntRange(low=0, high=2)),
        "layer 'one': its target's range 0..2 must contain range 0..3",
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
        "table length",
        lambda n: with_stairs(n, table=table(0, 1, 2)),
        "layer 'one': its table must be int64 [4]",
    ),
    (
        "table dtype",
        lambda n: with_stairs(n, table=table(0, 1, 2, 3).astype(np.int32)),
        "layer 'one': its table must be int64 [4]",
    ),
    (
        "table low",
        lambda n: with_stairs(n, table=table(2, 1, 2, 3)),
        "layer 'one': low must be the table's lowest code 1, but is 0",
    ),
    (
        "table range",
        lambda n: with_stairs(n, table=table(2, 0, 4, 3)),
        "layer 'one': its target's range 0..3 must contain range 0..4",
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
        "input tensor",
        lambda n: with_input(n, tensor="mid"),
        "input 'x': it must fill the tensor at its place, 'in', not 'mid'",
    ),
    (
        "input dtype",
        lambda n: with_input(n, dtype="float"),
        "input 'x': 'float' must be the name of a number type",
    ),
    (
        "input type",
        lambda n: with_input(n, dtype="what"),
        "input 'x': 'what' must be the name of a number type",
    ),
    (
        "input gather",
        lambda n: with_input(n, gather=np.full(32, 32)),
        "input 'x': gather must index 32 values",
    ),
    ("input length", lambda n: with_input(n, gather=np.arange(31)), "input 'x': gather must be int64 [32]"),
    (
        "input scale",
        lambda n: with_input(n, scale=0.0),
        "input 'x': its grid must be finite and not 0, but is 0.0 * x + 0.0",
    ),
    ("input offset", lambda n: with_input(n, offset=np.inf), "input 'x': its grid must be finite"),
    (
        "input step",
        lambda n: with_input(n, steps=(Add(addend=np.zeros(3)),)),
        "input 'x': addend of Add must be float64 [1] or [2]",
    ),
    (
        "output of an input",
        lambda n: with_output(n, tensor="in"),
        "output 'y': a layer must write its tensor 'in'",
    ),
    (
        "output that is read",
        lambda n: with_output(n, tensor="mid"),
        "output 'y': no layer must read its tensor 'mid'",
    ),
    (
        "output shared",
        lambda n: replace(n, outputs=(n.outputs[0], replace(n.outputs[0], name="z"))),
        "output 'z': its tensor 'out' must not leave twice",
    ),
    (
        "output scale",
        lambda n: with_output(n, scale=np.array([1.0, 0.0])),
        "output 'y': scales must be positive",
    ),
    (
        "output offset",
        lambda n: with_output(n, offset=np.array([1.0, np.nan])),
        "output 'y': offset must be finite",
    ),
    ("output shape", lambda n: with_output(n, scale=np.ones(3)), "output 'y': scale must be float64 [2]"),
    (
        "output dtype",
        lambda n: with_output(n, dtype="str"),
        "output 'y': 'str' must be the name of a number type",
    ),
    (
        "output gather",
        lambda n: with_output(n, gather=np.arange(1, 9)),
        "output 'y': gather must index 8 values",
    ),
    ("output reduce", lambda n: with_output(n, reduce="max"), "it must be an argmax or none, not 'max'"),
    (
        "keys without argmax",
        lambda n: with_output(n, keys=np.ones((2, 2), np.int64)),
        "output 'y': it must have keys exactly where it is an argmax",
    ),
    (
        "argmax without keys",
        lambda n: with_output(n, reduce="argmax", gather=np.arange(4), shape=(4,)),
        "output 'y': it must have keys exactly where it is an argmax",
    ),
]

TWO_ENDED: list[tuple[str, Callable[[Network], Network], str]] = [
    (
        "inputs' order",
        lambda n: replace(n, inputs=n.inputs[::-1]),
        "input 'x1': it must fill the tensor at its place, 'in', not 'other'",
    ),
    (
        "unread input",
        lambda n: replace(
            n,
            inputs=(*n.inputs, prologue_of(replace(FIRST, name="third"), "x2")),
            tensors=(*n.tensors[:2], replace(FIRST, name="third"), *n.tensors[2:]),
        ),
        "tensor 'third': it must be read or leave",
    ),
    (
        "anomaly of an output",
        lambda n: with_anomaly(n, tensor="seen"),
        "anomaly: its tensor 'seen' must not leave twice",
    ),
    (
        "anomaly of nothing",
        lambda n: with_anomaly(n, tensor="what"),
        "anomaly: a layer must write its tensor 'what'",
    ),
    (
        "anomaly of codes",
        lambda n: with_tensor(
            with_layer(n, 0, activation=Staircase(thresholds=np.zeros((2, 1), np.int64), low=0)),
            2,
            range=IntRange(low=0, high=1),
        ),
        "anomaly: its tensor 'errors' must be raw sums",
    ),
    (
        "measure",
        lambda n: with_anomaly(n, measure="cubes"),
        "anomaly: 'cubes' must be one of ('squares', 'absolute')",
    ),
    ("unit", lambda n: with_anomaly(n, unit=0.0), "anomaly: its unit must be positive"),
    ("limit", lambda n: with_anomaly(n, limit=-1), "anomaly: limit -1 must be 0 to 2^62 - 1"),
    (
        "score",
        lambda n: with_anomaly(n, factor=np.array([2**31, 1])),
        "anomaly: its score may reach ",
    ),
    (
        "score with offset",
        lambda n: with_anomaly(n, offset=np.array([2**31, 0])),
        "anomaly: its score may reach 7378697",
    ),
    (
        "offset",
        lambda n: with_anomaly(n, offset=np.zeros(1, np.int64)),
        "anomaly: offset must be int64 [2]",
    ),
    (
        "factor",
        lambda n: with_anomaly(n, factor=np.zeros(1, np.int64)),
        "anomaly: factor must be int64 [2]",
    ),
    (
        "negative factor",
        lambda n: with_anomaly(n, factor=np.array([1, -1])),
        "anomaly: factors must be at least 0",
    ),
    (
        "error",
        lambda n: with_anomaly(n, error=-0.1),
        "anomaly: its error must be at least 0, not -0.1",
    ),
    (
        "name",
        lambda n: with_output(n, name="anomaly_score"),
        "anomaly: no output must be called 'anomaly_score' next to it",
    ),
]


def broken(net: Network, change: Callable[[Network], Network], sentence: str) -> None:
    verify_network(net)
    with pytest.raises(InternalError) as error:
        verify_network(change(net))
    assert sentence in str(error.value)
    assert str(error.value).startswith("ternc has a bug in its network stage: ")


@pytest.mark.parametrize(("change", "sentence"), [pytest.param(c, s, id=i) for i, c, s in BREAKS])
def test_a_broken_law_is_named(change: Callable[[Network], Network], sentence: str) -> None:
    broken(network(), change, sentence)


@pytest.mark.parametrize(("change", "sentence"), [pytest.param(c, s, id=i) for i, c, s in TWO_ENDED])
def test_a_broken_law_of_several_ends_is_named(change: Callable[[Network], Network], sentence: str) -> None:
    broken(two_ended(), change, sentence)


def test_a_right_form_is_accepted() -> None:
    verify_network(
        with_stairs(network(), thresholds=np.array([[0, 2, 4], [0, 2, 4]]), form=form([2, 2], [4, 4], 2))
    )


def test_a_table_is_accepted_with_a_form_of_its_levels() -> None:
    stairs = {"thresholds": np.array([[0, 2, 4], [0, 2, 4]]), "form": form([2, 2], [4, 4], 2)}
    verify_network(with_stairs(network(), table=table(1, 0, 0, 3), **stairs))


def test_a_raw_target_holds_its_sums() -> None:
    raw = network(raw=True)
    verify_network(raw)
    assert raw.tensors[-1].range == IntRange(low=-3, high=6)
    verify_network(with_tensor(raw, 2, range=IntRange(low=-4, high=7)))
    with pytest.raises(InternalError, match=r"layer 'two': its target's range -2\.\.6 must contain"):
        verify_network(with_tensor(raw, 2, range=IntRange(low=-2, high=6)))


def test_small_number_types_are_known() -> None:
    verify_network(with_output(network(), dtype="uint4"))


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
    right = with_output(network(raw=raw, argmax=True), keys=np.array([[2, 2], [1, 0]]))
    broken(right, lambda net: with_output(net, keys=np.array(keys)), sentence)


def test_keys_are_compared_exactly_where_floats_cannot_tell() -> None:
    base = network(raw=True, argmax=True)
    third = float(np.float32(1 / 3))
    # channel 0: x * third; channel 1: x * third + 3 * third, so (0, x + 3) ties with (1, x) in exact arithmetic
    scale, offset = np.array([third, third]), np.array([0.0, 3 * third])
    good = np.array([[2, 2], [1, 6]])
    verify_network(with_output(base, scale=scale, offset=offset, keys=good))
    nudged = np.array([0.0, np.nextafter(3 * third, 9)])
    with pytest.raises(InternalError, match="keys must order"):
        verify_network(with_output(base, scale=scale, offset=nudged, keys=good))


def test_each_output_has_its_own_channels() -> None:
    """The second output's laws are those of its own tensor, not of the network's last."""
    net = network()
    wide = Linear(
        name="wide",
        kind="conv",
        terms=(Term(source="mid", weights=np.ones((3, 2, 1, 1), np.int32)),),
        target="wide",
    )
    layers = (*net.layers, wide)
    tensors = tensors_of(net.input_tensors, layers)
    both = replace(
        net, layers=layers, tensors=tensors, outputs=(*net.outputs, output_of(tensors[-1], "z", argmax=True))
    )
    verify_network(both)
    with pytest.raises(InternalError, match=r"output 'z': scale must be float64 \[3\]"):
        verify_network(replace(both, outputs=(both.outputs[0], replace(both.outputs[1], scale=np.ones(2)))))


@settings(max_examples=100, deadline=None)
@given(networks())
def test_random_networks_keep_every_law(made: Network) -> None:
    verify_network(made)
