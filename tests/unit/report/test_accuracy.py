"""The float network beside the ternary one."""

from __future__ import annotations

import numpy as np
import pytest

from ternc.errors import DataError
from ternc.report.accuracy import compare, to_dict, to_table

X = {"x": np.zeros((4, 1, 2, 2), np.float32)}
SCORES = np.array([[3, 1, 2], [0, 5, 1], [1, 2, 9], [4, 0, 0]], np.float32)
OTHER = np.array([[3, 1, 2], [0, 5, 1], [9, 2, 1], [0, 4, 0]], np.float32)
LABELS = np.array([0, 1, 2, 1])


def test_accuracy_of_both_networks_and_where_they_agree() -> None:
    found = compare({"scores": SCORES}, {"scores": OTHER}, LABELS, X)
    assert found.classes is not None
    assert (found.classes.float_right, found.classes.ternary_right, found.classes.labels) == (3, 3, 4)
    assert (found.classes.float_accuracy, found.classes.ternary_accuracy, found.classes.agreement) == (
        0.75,
        0.75,
        0.5,
    )
    assert not found.far


def test_without_labels_the_relative_error_of_each_output() -> None:
    found = compare({"a": SCORES, "b": SCORES}, {"a": OTHER, "b": SCORES}, None, X)
    assert found.classes is None
    error = np.linalg.norm(OTHER - SCORES) / np.linalg.norm(SCORES)
    assert [d.relative_error for d in found.differences] == pytest.approx([error, 0.0])
    assert found.far


@pytest.mark.parametrize(
    "shape", [(4, 3, 1, 1), (4, 3)], ids=["scores as a map of one pixel", "scores as a vector"]
)
def test_scores_may_have_axes_of_one(shape: tuple[int, ...]) -> None:
    scores = SCORES.reshape(shape)
    found = compare({"s": scores}, {"s": scores}, LABELS, X)
    assert found.classes is not None
    assert found.classes.float_right == 3


@pytest.mark.parametrize("shape", [(4,), (4, 1)])
def test_class_numbers_of_an_argmax_in_the_graph(shape: tuple[int, ...]) -> None:
    real, ternary = (values.argmax(1).reshape(shape) for values in (SCORES, OTHER))
    found = compare({"class": real}, {"class": ternary}, LABELS, X)
    assert found.classes is not None
    assert (found.classes.float_right, found.classes.ternary_right) == (3, 3)


def test_labels_of_each_pixel() -> None:
    scores = np.random.default_rng(0).normal(size=(4, 3, 5, 5))
    labels = scores.argmax(1)
    labels[0, 0, 0] = (labels[0, 0, 0] + 1) % 3
    found = compare({"s": scores}, {"s": -scores}, labels, X)
    assert found.classes is not None
    assert (found.classes.labels, found.classes.float_right) == (100, 99)


def test_a_reconstruction_has_no_classes() -> None:
    y = np.random.default_rng(0).normal(size=(4, 3))
    found = compare({"y": y}, {"y": y}, LABELS, {"x": y})
    assert found.classes is None
    assert found.note == "the labels are not used: no output gives a class for each of them"


def test_the_first_output_that_fits_the_labels_is_compared() -> None:
    found = compare({"box": SCORES[:, :1], "s": SCORES}, {"box": OTHER[:, :1], "s": OTHER}, LABELS, X)
    assert found.classes is not None
    assert found.classes.output == "s"


def test_a_label_beyond_the_scores_is_refused() -> None:
    with pytest.raises(DataError, match="must be classes from 0 to 2 of output 's', but go up to 7"):
        compare({"s": SCORES}, {"s": OTHER}, np.array([0, 1, 2, 7]), X)


def test_the_table_and_its_advice() -> None:
    bad = np.roll(SCORES, 1, axis=1)
    found = compare({"s": SCORES}, {"s": bad}, LABELS, X)
    assert found.far
    text = to_table(found, "data.npz", "try this").to_text()
    assert "Ternarised: 4 frames of data.npz" in text
    assert ["accuracy", "75.00", "%", "25.00", "%"] in [line.split() for line in text.splitlines()]
    assert text.endswith("try this\n")
    assert (
        "try this"
        not in to_table(compare({"s": SCORES}, {"s": SCORES}, LABELS, X), "d", "try this").to_text()
    )
    assert to_dict(found)["classes"]["float_right"] == 3
