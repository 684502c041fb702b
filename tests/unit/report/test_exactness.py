"""The exactness report: what it says of right, loose, unproved and raw layers."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from ternc import passes
from ternc.errors import InternalError
from ternc.frontend import read
from ternc.network.layers import Anomaly, MultiplyShift, Network, Staircase
from ternc.report import exactness
from ternc.report.exactness import Exactness
from unit.frontend.onnx_models import Graph
from zoo import MODELS

DIGITS = MODELS / "digits_cnn" / "digits_cnn.qonnx.onnx"


@pytest.fixture(scope="module")
def network() -> Network:
    return passes.run(read(DIGITS))


def with_first(network: Network, **changes: Any) -> Network:
    """The network with its first activation changed."""
    first = network.layers[0]
    assert first.activation is not None
    changed = replace(first, activation=replace(first.activation, **changes))
    return replace(network, layers=(changed, *network.layers[1:]))


def staircase(network: Network) -> Staircase:
    assert network.layers[0].activation is not None
    return network.layers[0].activation


def test_a_proved_network_is_exact(network: Network) -> None:
    found = exactness.exactness(network)
    assert found.exact
    assert [(a.exact, a.sums, a.proof) for a in found.activations] == [
        (True, 10718, "every"),
        (True, 1054, "every"),
    ]
    assert [(o.of, o.deviation) for o in found.outputs] == [("sums", 0.0)]
    assert exactness.to_sentence(found) == "exact: 2 of 2 activations, proved for all 11,772 sums in reach"
    assert json.loads(exactness.to_json(found)) == json.loads(json.dumps(exactness.to_dict(found)))


def test_a_staircase_without_a_proof_is_not_exact(network: Network) -> None:
    found = exactness.exactness(with_first(network, proof=None))
    name = network.layers[0].name
    assert (found.exact, found.activations[0].exact, found.activations[0].proof) == (False, False, "none")
    assert exactness.to_sentence(found) == f"exact: 1 of 2 activations; nothing is proved of '{name}'"


def test_codes_that_may_differ_are_counted(network: Network) -> None:
    proof = staircase(network).proof
    assert proof is not None
    found = exactness.exactness(with_first(network, proof=replace(proof, unsettled=1234, codes=2)))
    name = network.layers[0].name
    assert not found.exact
    assert exactness.to_sentence(found) == (
        f"exact: 1 of 2 activations; '{name}' may differ by 2 at 1,234 of 10,718 sums"
    )
    assert f"\n{name}" in exactness.to_text(found)
    assert "  differs  " in exactness.to_text(found)


def test_a_multiplier_that_is_not_the_thresholds_stops_the_build(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = passes.Realise.find
    formed = [i for i, x in enumerate(network.layers) if x.activation is not None and x.activation.form]
    assert formed

    def broken(self: passes.Realise, *given: Any) -> MultiplyShift | None:
        form = right(self, *given)
        return None if form is None else replace(form, multiplier=form.multiplier + 1)

    monkeypatch.setattr(passes.Realise, "find", broken)
    with pytest.raises(InternalError, match="its multiply-shift form must equal the thresholds, but not at"):
        passes.run(read(DIGITS))


def test_borders_are_listed_nearest_first(network: Network) -> None:
    lines = (
        "channel 3, step 1: border 6.25 at accumulator 6",
        "channel 0, step 2: border -5.0001 at accumulator -5",
    )
    found = exactness.exactness(with_first(network, borders=lines))
    row = found.activations[0]
    assert found.exact
    assert row.borders == 2
    assert [(b.channel, b.step, b.accumulator, b.border) for b in row.nearest] == [
        (0, 2, -5, "-5.0001"),
        (3, 1, 6, "6.25"),
    ]
    assert [round(b.distance, 9) for b in row.nearest] == [0.0001, 0.25]
    text = exactness.to_text(found)
    assert "Borders within float32's rounding" in text
    assert "The 2 nearest of 2:" in text
    many = tuple(f"channel 0, step {k}: border {k}.5 at accumulator {k}" for k in range(100))
    row = exactness.exactness(with_first(network, borders=many)).activations[0]
    assert (row.borders, len(row.nearest)) == (100, exactness.NEAREST)


def test_an_anomaly_is_as_exact_as_its_scales(network: Network) -> None:
    def report(error: float) -> Exactness:
        none = np.zeros(1, np.int64)
        anomaly = Anomaly(
            tensor="", factor=none, offset=none, measure="squares", unit=1.0, error=error, limit=1
        )
        return exactness.exactness(replace(network, anomaly=anomaly), host=("Softmax",))

    assert report(0.0).exact
    assert not report(0.004).exact
    assert exactness.to_sentence(report(0.004)).endswith(
        "; the anomaly's root of the score may be off by 0.004"
    )
    assert "the host computes in float32: Softmax." in exactness.to_text(report(0.0))


def convolution(tmp_path: Path, weights: NDArray[np.float32], *, quantised: bool) -> Path:
    """``Quant(x, 1/16) -> Conv`` of float weights, with a 4-bit quantiser behind it or not."""
    graph = Graph()
    x = graph.quant("x", 0.0625, 8)
    y = graph.node("Conv", x, graph.const(weights), kernel_shape=[1, 1])
    if quantised:
        y = graph.quant(graph.node("Relu", y), 0.25, 4, signed=0)
        y = graph.node("Conv", y, graph.const(np.ones((1, 2, 1, 1), np.float32)), kernel_shape=[1, 1])
    return graph.save(tmp_path / "model.onnx", (1, 4, 3, 3), y)


WEIGHTS = np.array([[0.5, -0.5, 0.0, 0.5], [0.25, 0.25, -0.25, 0.0]], np.float32).reshape(2, 4, 1, 1)


def test_weights_beside_their_multiples_are_counted(tmp_path: Path) -> None:
    report = exactness.exactness(read(convolution(tmp_path, WEIGHTS, quantised=True)))
    assert report.exact
    beside = WEIGHTS.copy()
    beside[0, 3] *= np.float32(1 + 5e-7)  # sums of channel 0 are then known to 128 * 5e-7
    report = exactness.exactness(read(convolution(tmp_path, beside, quantised=True)))
    row = report.activations[0]
    # Channel 0 has round(sum / 8) from 0 to 15, with ties at the sums 4, 12, .. 116.
    assert (row.exact, row.differing, row.codes) == (False, 15, 1)


def test_a_raw_output_of_such_weights_says_how_far_it_may_be(tmp_path: Path) -> None:
    (output,) = exactness.exactness(read(convolution(tmp_path, WEIGHTS, quantised=False))).outputs
    assert output.deviation == 0
    beside = WEIGHTS.copy()
    beside[1, 0] *= np.float32(1 - 6e-7)
    report = exactness.exactness(read(convolution(tmp_path, beside, quantised=False)))
    (output,) = report.outputs
    off = float(np.float32(0.25)) - float(beside[1, 0, 0, 0])
    assert output.deviation == pytest.approx(off * 128 / 16, rel=1e-6)
    assert not report.exact
    assert exactness.to_sentence(report).startswith("exact: it has no activations; output ")


def clipped(tmp_path: Path, high: float) -> Path:
    """``Quant(x, 6/255) -> Clip(0, high) -> Conv(1) -> Quant`` with a tie at every odd sum."""
    graph = Graph()
    scale = float(np.float32(6 / 255))
    y = graph.quant("x", scale, 8, signed=0)
    y = graph.node("Clip", y, graph.const(np.float32(0)), graph.const(np.float32(high)))
    y = graph.node("Conv", y, graph.const(np.ones((1, 1, 1, 1), np.float32)), kernel_shape=[1, 1])
    y = graph.quant(y, 2 * scale, 7, signed=0)
    return graph.save(tmp_path / "model.onnx", (1, 1, 3, 3), y)


def test_a_bound_beside_the_grid_is_counted(tmp_path: Path) -> None:
    on_the_grid = 128 * float(np.float32(6 / 255))  # a float32 too
    assert exactness.exactness(read(clipped(tmp_path, on_the_grid))).exact
    report = exactness.exactness(read(clipped(tmp_path, 6.0)))  # 255 steps are 6.0000001
    row = report.activations[-1]
    assert (row.exact, row.codes) == (False, 1)
    assert row.differing >= 1
