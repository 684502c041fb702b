"""Trained autoencoders with an outlier detector: the chip's scores and flags are those of the ONNX model's outputs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import ternc
from ternc.frontend import AnomalyWish, execute, read
from ternc.network import golden
from ternc.simulate import ends
from zoo import MODELS, shape

CASES = [
    ("ecg_ae_dense.qdq_int4", "squares", "1x16x32"),
    ("ecg_ae_conv1d.qonnx", "absolute", "8x8x8"),
    ("mnist_ae_convt.qdq_folded", "squares", "7x16x16"),
]


def frames(model: str) -> NDArray[np.float32]:
    name = model.split(".")[0]
    with np.load(MODELS / name / f"{name}.ref.npz") as stored:
        code, scale = stored["x_code"].astype(np.float32), float(stored["x_scale"])
    return np.asarray(code / np.float32(255) if name.startswith("mnist") else code * np.float32(scale))


@pytest.mark.parametrize(("model", "measure", "array"), CASES)
def test_scores_and_flags_are_those_of_the_onnx_outputs(
    model: str, measure: Any, array: str, tmp_path: Path
) -> None:
    path, x = MODELS / model.split(".")[0] / f"{model}.onnx", frames(model)
    (y,) = execute(path, {read(path).inputs[0].name: x}).values()
    differences = (y.astype(np.float64) - x).reshape(len(x), -1)
    power = 2 if measure == "squares" else 1
    wanted = (np.abs(differences) ** power).sum(axis=1)
    ordered = np.sort(wanted)
    thresholds = [float(ordered[k : k + 2].mean()) for k in (6, 31, 56)]

    build = ternc.compile(
        path, out=tmp_path / "build", array=shape(array), anomaly=thresholds[1], anomaly_measure=measure
    )
    found = build.predict(x, engine="rtl")
    assert isinstance(found, dict)
    anomaly = build.network.anomaly
    assert anomaly is not None
    ours = next(iter(found.values())).reshape(len(x), -1)
    # Float32's, in the outputs.
    noise = (np.abs(ours - y.reshape(ours.shape)) ** power).sum(axis=1) ** (1 / power)
    root = wanted ** (1 / power)
    off = np.abs(found["anomaly_score"] ** (1 / power) - root)
    assert np.all(off <= anomaly.error + noise)
    assert anomaly.error <= 0.001 * thresholds[1] ** (1 / power)
    np.testing.assert_array_equal(found["anomaly"], wanted > thresholds[1])
    for threshold in (thresholds[0], thresholds[2]):
        other = read(path, anomaly=AnomalyWish(threshold=threshold, measure=measure))
        codes = ends.encode(other, {other.inputs[0].name: x})
        flags = ends.decode(other, golden.predict(other, codes))["anomaly"]
        np.testing.assert_array_equal(flags, wanted > threshold)
    report = build.verify(frames=24, stalls=3)
    assert report.ok, report.failures()
