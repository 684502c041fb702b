"""A network that was trained in float, made ternary, compiled and simulated."""

from __future__ import annotations

import hashlib
import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import ternc
from ternc.pipeline import Build
from unit.frontend.onnx_models import Graph
from zoo import MODELS, shape

DIGITS = MODELS / "digits8x8" / "digits8x8.npz"
HIDDEN = 48
RHO = 0.1


def trained(x: NDArray[np.float64], y: NDArray[Any]) -> list[NDArray[np.float64]]:
    """Weights and biases of a network of one hidden layer, by Adam on the cross entropy."""
    rng = np.random.default_rng(0)
    sizes = [x.shape[1], HIDDEN, 10]
    values = [
        array for a, b in pairwise(sizes) for array in (rng.normal(size=(a, b)) * np.sqrt(2 / a), np.zeros(b))
    ]
    first, second = ([np.zeros_like(v) for v in values] for _ in range(2))
    wanted = np.eye(10)[y]
    for step in range(1, 301):
        hidden = np.maximum(x @ values[0] + values[1], 0)
        scores = hidden @ values[2] + values[3]
        share = np.exp(scores - scores.max(axis=1, keepdims=True))
        off = (share / share.sum(axis=1, keepdims=True) - wanted) / len(x)
        back = (off @ values[2].T) * (hidden > 0)
        slopes = [x.T @ back, back.sum(axis=0), hidden.T @ off, off.sum(axis=0)]
        for value, slope, m, v in zip(values, slopes, first, second, strict=True):
            m += 0.1 * (slope - m)
            v += 0.001 * (slope**2 - v)
            value -= 0.01 * (m / (1 - 0.9**step)) / (np.sqrt(v / (1 - 0.999**step)) + 1e-8)
    return values


@pytest.fixture(scope="module")
def float_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    data = np.load(DIGITS)
    values = trained(data["x_train"].reshape(-1, 64) / 16, data["y_train"])
    g = Graph()
    a, b, c, d = (g.const(value.astype(np.float32)) for value in values)
    v = g.node("Gemm", g.node("Flatten", "x"), a, b, name="hidden")
    v = g.node("Gemm", g.node("Relu", v), c, d, name="scores")
    return g.save(tmp_path_factory.mktemp("float") / "digits.onnx", ["N", 8, 8], v)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    digits = np.load(DIGITS)
    path = tmp_path_factory.mktemp("data") / "digits.npz"
    np.savez(path, x=(digits["x_test"] / 16).astype(np.float32), label=digits["y_test"])
    return path


def accuracies(build: Build) -> tuple[float, float]:
    assert build.trial is not None
    classes = build.trial.comparison.classes
    assert classes is not None
    return classes.float_accuracy, classes.ternary_accuracy


@pytest.fixture(scope="module")
def build(float_model: Path, data: Path, tmp_path_factory: pytest.TempPathFactory) -> Build:
    return ternc.compile(
        float_model,
        out=tmp_path_factory.mktemp("build") / "build",
        ternarise=RHO,
        calibrate=data,
        correct=True,
        array=shape("1x4x8"),
    )


def test_a_float_network_stays_about_as_good(build: Build) -> None:
    real, ternary = accuracies(build)
    assert real > 0.95
    assert ternary > real - 0.05


def test_the_formula_alone_is_better_than_chance_and_worse_than_the_correction(
    build: Build, float_model: Path, data: Path, tmp_path: Path
) -> None:
    plain = ternc.compile(
        float_model, out=tmp_path / "plain", ternarise=RHO, calibrate=data, array=shape("1x4x8")
    )
    assert 0.6 < accuracies(plain)[1] <= accuracies(build)[1]


def test_the_accuracy_that_is_printed_is_that_of_the_build(build: Build, data: Path) -> None:
    digits = np.load(data)
    found = build.predict(digits["x"])
    assert isinstance(found, np.ndarray)
    assert accuracies(build)[1] == np.mean(found.argmax(axis=1) == digits["label"])


def test_the_hardware_computes_the_ternarised_model(build: Build) -> None:
    report = build.verify(frames=16)
    assert report.ok, report.failures()


def test_the_manifest_names_the_float_model_and_the_data(build: Build, float_model: Path, data: Path) -> None:
    asked = json.loads((build.path / "manifest.json").read_text())["options"]["ternarise"]
    assert asked == {
        "rules": {"default": RHO},
        "act_bits": 8,
        "correct": True,
        "model_sha256": hashlib.sha256(float_model.read_bytes()).hexdigest(),
        "calibrate": "digits.npz",
        "calibrate_sha256": hashlib.sha256(data.read_bytes()).hexdigest(),
    }


def test_the_stored_model_is_the_ternary_one_and_compiles_to_the_same_network(
    build: Build, tmp_path: Path
) -> None:
    again = ternc.compile(build.path / "model" / "model.onnx", out=tmp_path / "again", array=shape("1x4x8"))
    for one, other in zip(build.network.layers, again.network.layers, strict=True):
        assert all(np.array_equal(a.weights, b.weights) for a, b in zip(one.terms, other.terms, strict=True))
