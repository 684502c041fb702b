"""Recoding: every word has the fewest planes, every weight its digits, and 8-bit layers few of them."""

from __future__ import annotations

from itertools import combinations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import assemble
from numpy.typing import NDArray

from machine import Machine
from ternc import passes, target
from ternc.errors import InternalError
from ternc.network import golden
from ternc.network.host import random_codes
from ternc.network.layers import IntRange, Linear, Network, Tensor, Term
from ternc.schedule.build import schedule
from ternc.schedule.design import ArrayShape, LayerSchedule
from ternc.schedule.digits import Recoder, magnitude, plane_list
from ternc.schedule.wish import Wish

words = st.integers(2, 8).flatmap(
    lambda bits: st.lists(st.integers(-(1 << (bits - 1)), (1 << (bits - 1)) - 1), min_size=1, max_size=6)
)


def planes_of(recoder: Recoder, word: NDArray[np.int32]) -> int:
    """Planes of one word of weights."""
    return int(recoder.choose(np.bitwise_or.reduce(recoder.marks(word), axis=0)))


def representable(planes: tuple[int, ...]) -> dict[int, int]:
    """Every integer that has digits on some planes, and the fewest non-zero ones."""
    found: dict[int, int] = {}
    for digits in product((-1, 0, 1), repeat=len(planes)):
        value = sum(d << s for d, s in zip(digits, planes, strict=True))
        found[value] = min(found.get(value, 99), sum(map(abs, digits)))
    return found


@settings(max_examples=60, deadline=None)
@given(words)
def test_a_word_has_the_fewest_planes_and_each_weight_the_fewest_digits_on_them(word: list[int]) -> None:
    weights = np.array(word, np.int32)
    recoder = Recoder(peak=magnitude(weights))
    planes = planes_of(recoder, weights)
    chosen = tuple(plane_list(planes))
    digits = recoder.digits(weights, planes)
    assert digits.shape == (len(chosen), len(word))
    np.testing.assert_array_equal(
        sum(d.astype(int) << s for d, s in zip(digits, chosen, strict=True)), weights
    )
    able = representable(chosen)
    assert [int(n) for n in (digits != 0).sum(axis=0)] == [able[w] for w in word]
    for fewer in combinations(range(9), max(len(chosen) - 1, 0)):
        assert not chosen or not set(word) <= set(representable(fewer)), f"planes {fewer} are enough"
    negative, count = recoder.sums(weights, np.full(weights.shape, planes))
    np.testing.assert_array_equal(count, (digits != 0).sum(axis=0))
    scales = np.array([1 << s for s in chosen])
    np.testing.assert_array_equal(negative, ((digits < 0).T * scales).sum(axis=1))


@pytest.mark.parametrize("planes", range(1, 64))
def test_digits_are_the_fewest_on_any_planes(planes: int) -> None:
    chosen = tuple(plane_list(planes))
    able = {value: fewest for value, fewest in representable(chosen).items() if abs(value) <= 32}
    weights = np.array(list(able), np.int32)
    digits = Recoder(peak=32).digits(weights, planes)
    np.testing.assert_array_equal(
        sum(d.astype(int) << s for d, s in zip(digits, chosen, strict=True)), weights
    )
    np.testing.assert_array_equal((digits != 0).sum(axis=0), list(able.values()))


@settings(deadline=None)
@given(st.lists(st.integers(-(2**31) + 1, 2**31 - 1), min_size=1, max_size=5), st.integers(0, 24))
def test_weights_of_any_width_have_digits(word: list[int], right: int) -> None:
    weights = np.array([w >> right for w in word], np.int32)
    recoder = Recoder(peak=magnitude(weights))
    planes = planes_of(recoder, weights)
    digits = recoder.digits(weights, planes)
    assert set(np.unique(digits)) <= {-1, 0, 1}
    found = sum(
        (d.astype(np.int64) << s for d, s in zip(digits, plane_list(planes), strict=True)), np.int64(0)
    )
    np.testing.assert_array_equal(found, weights)
    negative, count = recoder.sums(weights, np.full(weights.shape, planes))
    np.testing.assert_array_equal(count, (digits != 0).sum(axis=0))
    scales = np.array([1 << s for s in plane_list(planes)], np.int64)
    np.testing.assert_array_equal(negative, ((digits < 0).T * scales).sum(axis=1))


@pytest.mark.parametrize(
    ("word", "planes"),
    [
        ((0,), 0b0),
        ((1, -1, 0), 0b1),
        ((4, 0, -4), 0b100),
        ((7,), 0b1001),
        ((7, 5), 0b111),
        ((3, 5), 0b101),
        ((3, -5, 6), 0b111),
        ((96,), 0b1100000),
        ((1000,), 0b10000101000),
        ((1000, 488), 0b11000101000),
        ((896, 768, 512), 0b1110000000),
    ],
)
def test_planes_of_words_by_hand(word: tuple[int, ...], planes: int) -> None:
    weights = np.array(word, np.int32)
    assert bin(planes_of(Recoder(peak=magnitude(weights)), weights)) == bin(planes)


def test_a_weight_off_the_planes_of_its_word_is_a_bug() -> None:
    with pytest.raises(InternalError, match="a weight has no digits on the planes of its word"):
        Recoder(peak=7).digits(np.array([5], np.int32), 0b11)
    with pytest.raises(InternalError, match="a weight has no digits on the planes of its word"):
        Recoder(peak=5000).digits(np.array([5], np.int32), 0b11)


def first_layer(weights: NDArray[np.int32]) -> Network:
    """A 3x3 convolution over an RGB picture whose sums leave."""
    source = Tensor(name="in", channels=3, height=6, width=7, range=IntRange(low=0, high=255))
    term = Term(source="in", weights=weights, padding=(1, 1, 1, 1))
    return assemble(source, [Linear(name="conv1", kind="conv", terms=(term,), target="sums")])


def eight_bits(kind: str, rng: np.random.Generator) -> NDArray[np.int32]:
    """Weights ``[32, 3, 3, 3]`` that fill -128..127."""
    if kind == "uniform":
        return rng.integers(-128, 128, (32, 3, 3, 3)).astype(np.int32)
    real = rng.normal(size=(32, 3, 3, 3))
    peak = np.abs(real).max(axis=(1, 2, 3), keepdims=True)  # a scale for each channel
    return np.asarray(np.clip(np.rint(real / peak * 128), -128, 127), np.int32)


@pytest.mark.parametrize("kind", ["uniform", "gaussian"])
@pytest.mark.parametrize("shape", [(1, 4, 3), (2, 16, 3), (7, 32, 8)])
def test_an_8_bit_first_layer_takes_few_digits_and_equals_the_integer_convolution(
    kind: str, shape: tuple[int, int, int]
) -> None:
    rng = np.random.default_rng(sum(shape))
    network = passes.run(first_layer(eight_bits(kind, rng)))
    array = ArrayShape(rows=shape[0], cols=shape[1], lanes=shape[2])
    design = schedule(
        network, target.load("arria10"), Wish(fps=None, budget=1.0, clock_mhz=100.0, array=array)
    )
    (layer,) = design.arrays[0].layers
    assert layer.digits <= 4.5
    assert layer.digits <= 3.3  # what planes shared by a word leave of the optimum, 2.8
    assert taps_per_word(layer, array) <= 8
    codes = random_codes(network, 1, 1)
    (found,) = Machine(design).run([frame[0] for frame in codes])
    np.testing.assert_array_equal(found, golden.predict(network, codes)[0][0])


def taps_per_word(layer: LayerSchedule, array: ArrayShape) -> float:
    """Digit planes that an average word of the 32 x 3 x 3 x 3 weights takes."""
    return layer.taps / (9 * -(-32 // array.cols) * -(-3 // array.lanes))
