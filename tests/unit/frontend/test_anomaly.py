"""``--anomaly``: the layer of differences, its proved error, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ternc.errors import ModelError
from ternc.frontend import AnomalyWish, execute, read
from ternc.network import golden
from ternc.network.check import verify_network
from ternc.simulate import ends
from unit.frontend.onnx_models import Graph


def autoencoder(
    folder: Path, *, bias: float = 0.0, scale: float = 0.25, rename: str = "", last: Any = None
) -> Path:
    """Three inputs of 4 bits at 0.25, reconstructed by a dense layer and a bias; ``last`` is its weights' scale."""
    graph = Graph(3)
    v = graph.quant("x", 0.25, 4)
    v = graph.quant(graph.node("Gemm", v, graph.const(graph.trits(5, 3)), transB=1), 0.5, 4)
    weights = graph.const(graph.trits(3, 5, scale=scale if last is None else last))
    v = graph.node("Gemm", v, weights, graph.const(np.full(3, bias, np.float32)), transB=1)
    if rename:
        v = graph.node("Identity", v)
        graph.nodes[-1].output[0] = v = rename
    return graph.save(folder / "ae.onnx", [1, 3], v)


def errors(model: Path, x: np.ndarray) -> np.ndarray:
    (y,) = execute(model, {"x": x}).values()
    return np.asarray(y.astype(np.float64) - x)


@pytest.mark.parametrize("bias", [0.0, 0.3, -1.7])
@pytest.mark.parametrize("scale", [0.5, 0.3, 0.0123])
@pytest.mark.parametrize("measure", ["squares", "absolute"])
def test_a_score_is_as_exact_as_it_says(measure: Any, scale: float, bias: float, tmp_path: Path) -> None:
    model = autoencoder(tmp_path, bias=bias, scale=scale)
    network = read(model, anomaly=AnomalyWish(threshold=2.1, measure=measure))
    verify_network(network)
    assert network.anomaly is not None
    x = (np.random.default_rng(0).integers(-8, 8, (200, 3)) * 0.25).astype(np.float32)
    found = ends.decode(network, golden.predict(network, ends.encode(network, {"x": x})))
    real = errors(model, x)
    if measure == "squares":
        wanted, got = np.sqrt((real**2).sum(axis=1)), np.sqrt(found["anomaly_score"])
    else:
        wanted, got = np.abs(real).sum(axis=1), found["anomaly_score"]
    stated = network.anomaly.error
    assert np.abs(got - wanted).max() <= stated + 1e-5
    assert stated <= 0.001 * 2.1
    assert (stated == 0) == (scale == 0.5 and bias == 0)
    threshold = 2.1 ** (0.5 if measure == "squares" else 1)
    sure = np.abs(wanted - threshold) > stated + 1e-5
    np.testing.assert_array_equal(found["anomaly"][sure], (wanted > threshold)[sure])
    assert sure.sum() > 190


def test_channels_of_different_scales_meet_in_one_unit(tmp_path: Path) -> None:
    scales = np.array([0.5, 0.3, 0.0123])[:, None]
    network = read(autoencoder(tmp_path, bias=0.1, last=scales), anomaly=AnomalyWish(threshold=2.0))
    assert network.anomaly is not None
    assert len(set(network.anomaly.factor.tolist())) > 1
    assert 0 < network.anomaly.error <= 0.001


def test_a_threshold_that_is_too_low_for_the_scales_is_refused_with_the_lowest_one(tmp_path: Path) -> None:
    model = autoencoder(tmp_path, bias=0.1, last=np.array([0.5, 0.3, 0.0123])[:, None])
    with pytest.raises(ModelError) as error:
        read(model, anomaly=AnomalyWish(threshold=0.0))
    assert str(error.value).startswith(
        "ae.onnx: --anomaly 0 needs a score that is right to 0.1% there, but the scales of output and input have such "
        "an integer form of 12 bits only for thresholds of "
    )
    assert error.value.help == "raise the threshold, or quantise the output with the input's scale"
    least = float(error.value.sentence.split()[-3])
    assert 0 < least < 0.1
    read(model, anomaly=AnomalyWish(threshold=1.01 * least))
    with pytest.raises(ModelError):
        read(model, anomaly=AnomalyWish(threshold=0.9 * least))


def test_an_exact_score_has_any_threshold(tmp_path: Path) -> None:
    network = read(autoencoder(tmp_path, scale=0.5), anomaly=AnomalyWish(threshold=0.0))
    assert network.anomaly is not None
    assert (network.anomaly.error, network.anomaly.limit) == (0.0, 0)


@pytest.mark.parametrize("name", ["anomaly", "anomaly_score"])
def test_an_output_with_a_name_of_the_detectors_is_refused(name: str, tmp_path: Path) -> None:
    model = autoencoder(tmp_path, rename=name)
    read(model)
    with pytest.raises(ModelError) as error:
        read(model, anomaly=AnomalyWish(threshold=2.0))
    assert str(error.value) == (
        "ae.onnx: --anomaly adds the outputs 'anomaly_score' and 'anomaly', but the network's own output is called "
        f"'{name}' already\n  help: rename the output"
    )
