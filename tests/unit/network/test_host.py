"""What the host refuses, sentence by sentence."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from networks import output_of

from activation_cases import CASES, padded
from ternc.errors import DataError, InternalError
from ternc.network.host import decode_output, encode_input, real_input
from ternc.network.layers import IntRange, Output, Prologue, Tensor
from ternc.network.steps import Clamp, Divide, Function, Multiply, Round, Thresholds

TENSOR = Tensor(name="in", channels=1, height=1, width=2, range=IntRange(low=-128, high=127))
DECLARED = Prologue(
    name="x",
    tensor="in",
    shape=(1, 2),
    dtype="float32",
    steps=(
        Divide(divisor=np.array([0.0625])),
        Round(mode="even"),
        Clamp(low=np.array([-128.0]), high=np.array([127.0])),
    ),
    gather=np.array([0, 1]),
    scale=0.0625,
    offset=0.0,
    declared=True,
)
QUANTISED = replace(DECLARED, declared=False)


@pytest.mark.parametrize(
    ("x", "sentence"),
    [
        (np.zeros((3, 2), np.float32), "input 'x': must have shape [N, 1, 2], but has [3, 2]"),
        (np.zeros((3, 2, 1), np.float32), "input 'x': must have shape [N, 1, 2], but has [3, 2, 1]"),
        (np.zeros((1, 1, 2), np.complex64), "input 'x': must be float32, but is complex64"),
        (
            np.array([[[0.0, np.nan]]], np.float32),
            "input 'x': must hold finite numbers, but value [0, 0, 1] is nan",
        ),
        (
            np.array([[[np.inf, 0]]], np.float32),
            "input 'x': must hold finite numbers, but value [0, 0, 0] is inf",
        ),
        (
            np.full((1, 1, 2), 0.1),
            (
                "input 'x': must be float32, but is float64 with values that float32 cannot hold\n"
                "  help: convert it with .astype('float32')"
            ),
        ),
        (np.full((1, 1, 2), 0.25 + 0.01, np.float32), "input 'x': must be multiples of 0.0625, but holds"),
        (np.full((1, 1, 2), 8.0, np.float32), "input 'x': must lie in -8..7.9375, but holds 8.0"),
        (np.full((1, 1, 2), -9.0, np.float32), "input 'x': must lie in -8..7.9375, but holds -9.0"),
    ],
)
def test_a_wrong_input_is_refused(x: np.ndarray[Any, Any], sentence: str) -> None:
    with pytest.raises(DataError) as error:
        encode_input(DECLARED, TENSOR, x)
    assert str(error.value).startswith(sentence)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.float16, np.int32, np.uint8, np.bool_])
def test_an_input_that_converts_exactly_is_taken(dtype: type[Any]) -> None:
    x = np.array([[[0, 1]]]).astype(dtype)
    assert encode_input(DECLARED, TENSOR, x).tolist() == [[[[0, 16]]]]


def test_a_quantised_input_rounds_and_saturates() -> None:
    x = np.array([[[0.26, 900.0]], [[-900.0, 0.03125 * 3]]], np.float32)
    assert encode_input(QUANTISED, TENSOR, x).tolist() == [[[[4, 127]]], [[[-128, 2]]]]


def test_no_frames_are_no_frames() -> None:
    assert encode_input(DECLARED, TENSOR, np.zeros((0, 1, 2), np.float32)).shape == (0, 1, 1, 2)
    assert decode_output(output_of(TENSOR, "y"), TENSOR, np.zeros((0, 1, 1, 2), np.int64)).shape == (
        0,
        1,
        1,
        2,
    )


def test_a_code_outside_the_range_is_a_bug() -> None:
    unclamped = replace(QUANTISED, steps=QUANTISED.steps[:2])
    with pytest.raises(
        InternalError, match=r"input 'x' must become integers in -128\.\.127, but gives 0\.0 to 160"
    ):
        encode_input(unclamped, TENSOR, np.array([[[0, 10]]], np.float32))


def test_a_code_that_is_no_integer_is_a_bug() -> None:
    unrounded = replace(QUANTISED, steps=QUANTISED.steps[:1])
    with pytest.raises(InternalError, match="must become integers"):
        encode_input(unrounded, TENSOR, np.array([[[0, 0.1]]], np.float32))


@pytest.mark.filterwarnings("ignore:invalid value")
def test_steps_that_cannot_be_inverted_are_a_bug() -> None:
    lossy = replace(QUANTISED, steps=(Multiply(factor=np.array([0.0])), *QUANTISED.steps))
    with pytest.raises(InternalError, match="ternc has a bug in its prologue stage"):
        real_input(lossy, TENSOR, np.ones((1, 1, 1, 2), np.int64))
    coarse = replace(QUANTISED, steps=(*QUANTISED.steps, Clamp(low=np.array([0.0]), high=np.array([np.inf]))))
    with pytest.raises(InternalError, match="code -1 of channel 0, row 0, column 1 comes back as 0"):
        real_input(coarse, TENSOR, np.array([0, -1]).reshape(1, 1, 1, 2))


def test_of_an_input_through_two_quantisers_codes_that_it_cannot_have_become_others() -> None:
    """Halves, then hundredths: only every fiftieth code is that of an input."""
    twice = replace(
        QUANTISED,
        steps=(
            *(Divide(divisor=np.array([0.5])), Round(mode="even"), Multiply(factor=np.array([0.5]))),
            *(Divide(divisor=np.array([0.01])), Round(mode="even")),
            Clamp(low=np.array([-128.0]), high=np.array([127.0])),
        ),
    )
    x = real_input(twice, TENSOR, np.array([90, -120]).reshape(1, 1, 1, 2))
    assert encode_input(twice, TENSOR, x).ravel().tolist() == [100, -100]


def test_declared_grid_of_255ths_takes_float32_division() -> None:
    scale = float(np.float32(1 / 255))
    tensor = Tensor(name="in", channels=1, height=1, width=256, range=IntRange(low=0, high=255))
    prologue = replace(
        DECLARED,
        shape=(256,),
        steps=(Divide(divisor=np.array([scale])), *DECLARED.steps[1:2]),
        gather=np.arange(256),
        scale=scale,
    )
    x = (np.arange(256) / 255).astype(np.float32)[None]
    assert encode_input(prologue, tensor, x).ravel().tolist() == list(range(256))


def test_decode_refuses_another_shape() -> None:
    output = Output(
        name="y",
        shape=(2,),
        dtype="float32",
        tensor="in",
        scale=np.ones(1),
        offset=np.zeros(1),
        gather=np.array([1, 0]),
    )
    assert decode_output(output, TENSOR, np.array([3, 4]).reshape(1, 1, 1, 2)).tolist() == [[4.0, 3.0]]
    with pytest.raises(DataError) as error:
        decode_output(output, TENSOR, np.zeros((1, 2)))
    assert str(error.value) == "output 'y': codes must have shape [N, 1, 1, 2], but have [1, 2]"


@pytest.mark.parametrize(("kind", "constants"), CASES)
def test_an_input_behind_an_activation_function_is_found(kind: str, constants: tuple[float, ...]) -> None:
    alpha, beta, gamma = (np.array([value]) for value in padded(constants))
    curved = replace(
        QUANTISED,
        shape=(1, 512),
        gather=np.arange(512),
        steps=(Function(kind=kind, alpha=alpha, beta=beta, gamma=gamma), *QUANTISED.steps),
    )
    tensor = replace(TENSOR, width=512)
    x = np.random.default_rng(5).normal(0, 4, (3, 1, 512)).astype(np.float32)
    codes = encode_input(curved, tensor, x)
    np.testing.assert_array_equal(encode_input(curved, tensor, real_input(curved, tensor, codes)), codes)


def test_a_code_that_an_activation_function_never_gives_becomes_the_nearest() -> None:
    """Channel 0 stops at -0.5 and channel 1 at -2: codes -8 and -32."""
    stopped = replace(
        QUANTISED,
        shape=(2, 3),
        gather=np.arange(6),
        steps=(Function(kind="elu", alpha=np.array([0.5, 2.0])), *QUANTISED.steps),
    )
    tensor = replace(TENSOR, channels=2, width=3)
    codes = np.array([[-20, -5, 127], [-40, -20, 0]]).reshape(1, 2, 1, 3)
    back = encode_input(stopped, tensor, real_input(stopped, tensor, codes))
    assert back.tolist() == [[[[-8, -5, 127]], [[-32, -20, 0]]]]


def test_small_integer_types_are_taken_and_made() -> None:
    """ONNX's 4-bit types are numpy types of their own kind."""
    tensor = replace(TENSOR, range=IntRange(low=-8, high=7))
    four = replace(DECLARED, dtype="int4", steps=(), scale=1.0)
    codes = np.array([[[[-8, 7]]]])
    made = real_input(four, tensor, codes)
    assert made.dtype.name == "int4"
    assert encode_input(four, tensor, made).tolist() == codes.tolist()
    assert encode_input(four, tensor, made.astype(np.int8)).tolist() == codes.tolist()
    with pytest.raises(
        DataError, match="input 'x': must be int4, but is int8 with values that int4 cannot hold"
    ):
        encode_input(four, tensor, np.array([[[0, 8]]], np.int8))
    output = replace(output_of(tensor, "y"), dtype="int4", scale=np.full(1, 0.5), offset=np.full(1, 0.4))
    found = decode_output(output, tensor, np.array([[[[7, -6]]]]))
    assert found.dtype.name == "int4"
    assert found.astype(int).ravel().tolist() == [4, -3]


def test_a_clip_that_leaves_0_out_gives_codes_near_by() -> None:
    clip = Clamp(low=np.array([1.0]), high=np.array([14.0]))
    above = replace(QUANTISED, steps=(*QUANTISED.steps, clip))
    real = real_input(above, TENSOR, np.zeros((1, 1, 1, 2), np.int64))
    assert (encode_input(above, TENSOR, real) == 1).all()


def test_of_equal_thresholds_the_codes_between_become_others() -> None:
    thresholds = Thresholds(values=np.array([[0.0, 0.0, 1.0 - 2.0**-30, 1.0]]))
    prologue = replace(QUANTISED, steps=(thresholds,), scale=1.0)
    tensor = replace(TENSOR, range=IntRange(low=0, high=4))
    codes = np.array([[0, 1], [2, 3], [4, 4]], np.int64).reshape(3, 1, 1, 2)
    back = encode_input(prologue, tensor, real_input(prologue, tensor, codes))
    np.testing.assert_array_equal(back.ravel(), [0, 2, 2, 4, 4, 4])
