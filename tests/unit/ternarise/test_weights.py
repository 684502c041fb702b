"""Weights by a rule: the formula of --ternarise, its scale, integers, output channels."""

from __future__ import annotations

import numpy as np
import pytest

from ternc.frontend.values import Node
from ternc.ternarise.rules import Integers, Trits
from ternc.ternarise.weights import channels, coded

RNG = np.random.default_rng(3)


def node(op: str, **attributes: object) -> Node:
    return Node(name="n", op=op, domain="", inputs=("x", "w"), outputs=("y",), attributes=attributes)


@pytest.mark.parametrize("rho", [0.0, 0.05, 0.3, 0.7])
def test_a_weight_is_kept_where_it_is_above_rho_times_the_largest_of_the_layer(rho: float) -> None:
    w = RNG.normal(size=(5, 3, 3, 3)).astype(np.float32)
    found = coded(w, channels(node("Conv"), w.shape), Trits(rho))
    largest = float(np.abs(w).max())
    expected = np.where(np.abs(w.astype(float)) > rho * largest, np.sign(w), 0)
    np.testing.assert_array_equal(found.codes, expected)


def test_a_weight_exactly_at_the_threshold_becomes_zero() -> None:
    w = np.array([[1.0, 0.5, -0.5, 0.75]], np.float32)
    assert coded(w, channels(node("Conv"), w.shape), Trits(0.5)).codes.tolist() == [[1, 0, 0, 1]]


def test_the_scale_of_a_channel_minimises_the_squared_error_of_its_weights() -> None:
    w = RNG.normal(size=(4, 6)).astype(np.float32)
    found = coded(w, channels(node("Gemm", transB=1), w.shape), Trits(0.2))
    for row, code, scale in zip(w.astype(float), found.codes, found.scale, strict=True):
        kept = np.abs(row[code != 0])
        assert scale == np.float32(kept.mean())
        assert float(scale) == pytest.approx(float(code @ row) / float(code @ code), rel=1e-6)


def test_a_channel_without_weights_above_the_threshold_is_zero_with_scale_one() -> None:
    w = np.array([[10.0, -8.0], [0.1, 0.2]], np.float32)
    found = coded(w, channels(node("Conv"), w.shape), Trits(0.5))
    assert found.codes.tolist() == [[1, -1], [0, 0]]
    assert found.scale.tolist() == [9.0, 1.0]


@pytest.mark.parametrize(
    ("layer", "shape", "axis"),
    [
        (node("Conv"), (4, 2, 3, 3), 0),
        (node("ConvTranspose"), (4, 2, 3, 3), 1),
        (node("Gemm"), (5, 3), 1),
        (node("Gemm", transB=1), (5, 3), 0),
        (node("MatMul"), (5, 3), 1),
        (node("MatMul"), (1, 5, 3), 2),
    ],
)
def test_output_channels_lie_along_the_axis_that_the_operator_has_them_on(
    layer: Node, shape: tuple[int, ...], axis: int
) -> None:
    found = channels(layer, shape)
    assert found.shape == shape
    assert np.moveaxis(found, axis, 0).reshape(shape[axis], -1).tolist() == [
        [channel] * (found.size // shape[axis]) for channel in range(shape[axis])
    ]


def test_output_channels_of_a_grouped_transposed_convolution_count_through_the_groups() -> None:
    found = channels(node("ConvTranspose", group=2), (4, 3, 1, 1))[:, :, 0, 0]
    assert found.tolist() == [[0, 1, 2], [0, 1, 2], [3, 4, 5], [3, 4, 5]]


def test_a_matrix_of_one_column_is_one_channel() -> None:
    assert channels(node("MatMul"), (5,)).tolist() == [0] * 5


@pytest.mark.parametrize("bits", [2, 3, 4, 8])
def test_integers_are_symmetric_and_no_worse_than_the_largest_weights_own_scale(bits: int) -> None:
    w = RNG.normal(size=(4, 50)).astype(np.float32)
    top = 2 ** (bits - 1) - 1
    found = coded(w, channels(node("Conv"), w.shape), Integers(bits))
    assert np.abs(found.codes).max() <= top
    plain = np.abs(w).max(axis=1, keepdims=True) / top
    error = ((found.reals() - w) ** 2).sum(axis=1)
    assert np.all(error <= ((np.rint(w / plain) * plain - w) ** 2).sum(axis=1) * 1.0001)
    assert np.all(error <= {2: 30.0, 3: 8.0, 4: 2.0, 8: 0.01}[bits])


def test_a_channel_of_zeros_stays_zero_with_integers() -> None:
    found = coded(np.zeros((2, 3), np.float32), channels(node("Conv"), (2, 3)), Integers(8))
    assert not found.codes.any()
    assert np.all(found.scale > 0)
