"""The host's arithmetic: inputs made from codes come back as those codes."""

from __future__ import annotations

from typing import Literal

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import assemble, networks

from ternc.network.golden import predict
from ternc.network.host import decode_output, encode_input, random_codes, real_input
from ternc.network.layers import IntRange, Linear, Network, Output, Prologue, Tensor, Term
from ternc.network.steps import Add, Clamp, Divide, Multiply, Normalise, Round, Step
from ternc.simulate import ends

SCALES = (0.0625, 1.0, 1 / 255, 0.1, 0.0173)
Mode = Literal["even", "floor", "ceil", "toward_zero", "half_up", "half_down"]


def prologue_of(
    tensor: Tensor, steps: tuple[Step, ...], scale: float, *, declared: bool, seed: int = 0
) -> Prologue:
    """An ONNX input ``[H, W, C]``, so that the gather is a true permutation."""
    shape = (tensor.height, tensor.width, tensor.channels)
    gather = np.arange(int(np.prod(shape))).reshape(shape).transpose(2, 0, 1).ravel()
    return Prologue(
        name="x",
        tensor=tensor.name,
        shape=shape,
        dtype="float32",
        steps=steps,
        gather=np.ascontiguousarray(gather),
        scale=scale,
        offset=0.0,
        declared=declared,
    )


def codes_of(tensor: Tensor, frames: int, seed: int) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    """Uniformly random integers of a tensor, ``[frames, C, H, W]``."""
    shape = (frames, tensor.channels, tensor.height, tensor.width)
    return np.random.default_rng(seed).integers(tensor.range.low, tensor.range.high + 1, shape)


def one(value: float) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    return np.array([np.float32(value)], np.float64)


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from([(-128, 127), (0, 255), (-1, 1), (0, 3)]),
    st.sampled_from(SCALES),
    st.sampled_from(["even", "floor", "ceil", "toward_zero", "half_up", "half_down"]),
    st.booleans(),
    st.booleans(),
    st.integers(0, 2**32 - 1),
)
def test_real_input_survives_the_round_trip(
    ends: tuple[int, int], scale: float, mode: Mode, declared: bool, normalised: bool, seed: int
) -> None:
    tensor = Tensor(name="in", channels=3, height=2, width=4, range=IntRange(low=ends[0], high=ends[1]))
    clip = Clamp(low=one(ends[0]), high=one(ends[1]))
    rng = np.random.default_rng(seed)
    steps: tuple[Step, ...] = (Divide(divisor=one(scale)), Round(mode=mode), clip)
    if declared:
        steps = (Divide(divisor=one(scale)), Round(mode="even"), clip)
    elif normalised:
        per_channel = rng.uniform(0.5, 2, (4, 3)).astype(np.float32).astype(np.float64)
        steps = (
            Add(addend=-per_channel[0]),
            Multiply(factor=-per_channel[1]),
            Normalise(
                mean=per_channel[2],
                variance=per_channel[3],
                epsilon=1e-5,
                gain=per_channel[0],
                bias=per_channel[1],
            ),
            *steps,
        )
    prologue = prologue_of(tensor, steps, float(np.float32(scale)), declared=declared)
    codes = codes_of(tensor, 4, seed)
    x = real_input(prologue, tensor, codes)
    assert x.shape == (4, 2, 4, 3)
    assert x.dtype == np.float32
    found = encode_input(prologue, tensor, x)
    assert found.dtype == np.int64
    np.testing.assert_array_equal(found, codes)


@given(st.integers(0, 2**32 - 1), st.booleans())
def test_decode_scales_each_channel_and_reorders(seed: int, argmax: bool) -> None:
    tensor = Tensor(name="out", channels=3, height=2, width=2, range=IntRange(low=-50, high=50))
    rng = np.random.default_rng(seed)
    scale, offset = rng.uniform(0.1, 2, 3), rng.uniform(-1, 1, 3)
    gather = rng.permutation(4 if argmax else 12).astype(np.int64)
    output = Output(
        name="y",
        shape=(4,) if argmax else (12,),
        dtype="int64" if argmax else "float32",
        tensor="out",
        scale=scale,
        offset=offset,
        gather=gather,
        reduce="argmax" if argmax else None,
        keys=np.ones((2, 3), np.int64) if argmax else None,
    )
    if argmax:
        indices = rng.integers(0, 3, (2, 2, 2))
        np.testing.assert_array_equal(
            decode_output(output, tensor, indices), indices.reshape(2, 4)[:, gather]
        )
        return
    codes = codes_of(tensor, 2, seed)
    found = decode_output(output, tensor, codes)
    for n in range(2):
        for i in range(12):
            c, y, x = np.unravel_index(gather[i], (3, 2, 2))
            assert found[n, i] == np.float32(scale[c] * codes[n, c, y, x] + offset[c])


def test_random_codes_reach_both_ends_and_repeat() -> None:
    tensor = Tensor(name="in", channels=4, height=8, width=8, range=IntRange(low=-1, high=1))
    other = Tensor(name="other", channels=1, height=8, width=8, range=IntRange(low=0, high=3))
    terms = tuple(
        Term(source=t.name, weights=np.ones((1, t.channels, 1, 1), np.int32)) for t in (tensor, other)
    )
    network = assemble((tensor, other), (Linear(name="sum", kind="add", terms=terms, target="out"),))
    codes = random_codes(network, 3, 7)
    assert [array.shape for array in codes] == [(3, 4, 8, 8), (3, 1, 8, 8)]
    assert [set(array.ravel().tolist()) for array in codes] == [{-1, 0, 1}, {0, 1, 2, 3}]
    for first, again, another in zip(
        codes, random_codes(network, 3, 7), random_codes(network, 3, 8), strict=True
    ):
        np.testing.assert_array_equal(first, again)
        assert not np.array_equal(first, another)


@settings(max_examples=60, deadline=None)
@given(networks(), st.integers(0, 2**16))
def test_codes_survive_the_way_through_the_inputs(network: Network, seed: int) -> None:
    codes = random_codes(network, 2, seed)
    pairs = zip(network.inputs, network.input_tensors, codes, strict=True)
    inputs = {prologue.name: real_input(prologue, tensor, array) for prologue, tensor, array in pairs}
    for found, expected in zip(ends.encode(network, inputs), codes, strict=True):
        np.testing.assert_array_equal(found, expected)


@settings(max_examples=60, deadline=None)
@given(networks(), st.integers(0, 2**16))
def test_all_outputs_are_decoded(network: Network, seed: int) -> None:
    leaving = predict(network, random_codes(network, 2, seed))
    found = ends.decode(network, leaving)
    names = [output.name for output in network.outputs]
    assert list(found) == names + (["anomaly_score", "anomaly"] if network.anomaly else [])
    for output, codes in zip(network.outputs, leaving, strict=False):
        np.testing.assert_array_equal(
            found[output.name], decode_output(output, network.tensor(output.tensor), codes)
        )
        assert found[output.name].shape == (2, *output.shape)
