"""Calibration data: which array is which, and what is wrong with it in one sentence."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ternc.errors import DataError
from ternc.frontend.graph import InputInfo
from ternc.ternarise.data import read_data

IMAGE = InputInfo(name="image", shape=(None, 1, 2, 2), dtype="float32")
OTHER = InputInfo(name="other", shape=(1, 3), dtype="float32")
FRAMES = np.arange(12, dtype=np.uint8).reshape(3, 1, 2, 2)


def saved(folder: Path, **arrays: Any) -> Path:
    path = folder / "data.npz"
    np.savez(path, **arrays)
    return path


@pytest.mark.parametrize("name", ["image", "x", "pictures"])
def test_the_inputs_array_has_its_name_or_x_or_is_the_only_one(name: str, tmp_path: Path) -> None:
    data = read_data(saved(tmp_path, **{name: FRAMES}, label=[1, 2, 0]), [IMAGE])
    np.testing.assert_array_equal(data.inputs["image"], FRAMES)
    assert data.inputs["image"].dtype == np.float32
    assert data.labels is not None
    assert data.labels.tolist() == [1, 2, 0]
    assert (data.frames, data.file) == (3, "data.npz")


def test_a_npy_file_is_the_only_input_without_labels(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", FRAMES)
    data = read_data(tmp_path / "x.npy", [IMAGE])
    assert (data.frames, data.labels) == (3, None)


@pytest.mark.parametrize("name", ["y", "label", "labels"])
@pytest.mark.parametrize(
    "labels", [np.array([1, 2, 0], np.uint8), np.array([[1], [2], [0]]), np.array([1.0, 2.0, 0.0])]
)
def test_labels_by_any_of_their_names(name: str, labels: np.ndarray, tmp_path: Path) -> None:
    data = read_data(saved(tmp_path, x=FRAMES, **{name: labels}), [IMAGE])
    assert data.labels is not None
    assert data.labels.tolist() == [1, 2, 0]
    assert data.labels.dtype == np.dtype(np.int64)


def test_an_input_that_is_called_y_is_no_label(tmp_path: Path) -> None:
    info = InputInfo(name="y", shape=(1, 3), dtype="float32")
    assert read_data(saved(tmp_path, y=np.zeros((2, 3))), [info]).labels is None


def test_several_inputs_by_name(tmp_path: Path) -> None:
    data = read_data(saved(tmp_path, image=FRAMES, other=np.ones((3, 3))), [IMAGE, OTHER])
    assert set(data.inputs) == {"image", "other"}


@pytest.mark.parametrize(
    ("arrays", "sentence"),
    [
        (
            {"a": FRAMES, "b": FRAMES},
            "must hold the frames of input 'image' as 'image' or 'x', but holds 'a', 'b'",
        ),
        ({"label": [0, 1, 2]}, "must hold the frames of input 'image' as 'image' or 'x', but holds 'label'"),
        (
            {"x": FRAMES[:, 0]},
            "array 'x': must have the shape [N, 1, 2, 2] of input 'image', but has [3, 2, 2]",
        ),
        ({"x": FRAMES[:0]}, "array 'x': must hold frames, but is empty"),
        (
            {"x": np.where(FRAMES == 5, np.nan, FRAMES)},
            "array 'x': must hold finite numbers, but value [1, 0, 0, 1] is nan",
        ),
        (
            {"x": np.full((1, 1, 2, 2), 1e300)},
            "array 'x': must hold float32 as input 'image' does, but value [0, 0, 0, 0] is 1e+300",
        ),
        ({"x": FRAMES, "y": [0, 1]}, "labels 'y': must be one for each of 3 frames, but their shape is [2]"),
        ({"x": FRAMES, "y": [0, -1, 2]}, "labels 'y': must be class numbers, integers from 0 up"),
        ({"x": FRAMES, "y": [0, 0.5, 2]}, "labels 'y': must be class numbers, integers from 0 up"),
        ({"x": FRAMES, "y": [0, np.nan, 2]}, "labels 'y': must be class numbers, integers from 0 up"),
    ],
)
def test_what_is_wrong_is_one_sentence(arrays: dict[str, Any], sentence: str, tmp_path: Path) -> None:
    path = saved(tmp_path, **arrays)
    with pytest.raises(DataError) as caught:
        read_data(path, [IMAGE])
    assert caught.value.sentence == f"{path}: {sentence}"


def test_inputs_of_different_lengths_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="as many frames as 'image', 3, but 'other' has 2"):
        read_data(saved(tmp_path, image=FRAMES, other=np.ones((2, 3))), [IMAGE, OTHER])


def test_an_integer_input_takes_only_what_its_type_holds(tmp_path: Path) -> None:
    info = InputInfo(name="x", shape=(None, 2), dtype="uint8")
    assert read_data(saved(tmp_path, x=np.array([[0.0, 255.0]])), [info]).inputs["x"].dtype == np.uint8
    for bad in (256, -1, 0.5):
        with pytest.raises(DataError, match="must hold uint8 as input 'x' does"):
            read_data(saved(tmp_path, x=np.array([[0, bad]])), [info])
