"""Real trained models: golden = RTL = ONNX, and the cycles are those predicted, on arrays of every sort."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ternc.report import performance, to_dict
from zoo import MODELS, compiled

ZOO = {
    "TFC_2W2A": ("1x5x13", "2x8x16", "1x16x8", "3x7x11"),
    "KERAS_3layer_ternary_small": ("1x3x5", "1x8x8", "2x16x4", "1x5x32"),
    "digits_cnn.qonnx": ("3x5x7", "1x1x4", "4x16x8", "2x10x3"),
    "digits_brevitas.qcdq_legacy": ("3x5x7", "1x4x12", "4x12x4", "5x3x16"),
    "digits_brevitas_mlp.qonnx_ext": ("1x3x5", "1x16x16", "2x7x8", "1x48x16"),
    "ecg_ae_dense.float_dynbatch": ("1x5x7", "1x16x32p", "2x32x8", "1x8x24"),
    "ecg_ae_conv1d.qdq_folded": ("3x5x7", "8x8x8", "5x16x4", "7x2x3"),
    "mnist_cnn_a4.qdq_int2": ("3x5x7", "7x16x16", "4x32x8", "5x6x24"),
    "cifar_cnn_a4.qdq_int4": ("3x10x7", "8x16x16", "5x24x12", "4x12x24"),
    "kws_resnet.qonnx": ("3x5x7", "8x24x24"),
    "mnist_ae_convt.qdq_folded": ("3x5x7", "7x16x16"),
    "yolo_tiny.float_s2d": ("3x10x7", "8x32x32"),
}
"""Each model in one of its dialects (all dialects give one Network: unit tests) on several arrays, one of which
divides nothing evenly."""


@pytest.mark.parametrize("model", ZOO)
def test_design_agrees_on_256_frames_with_and_without_stalls(model: str, tmp_path: Path) -> None:
    build = compiled(model, tmp_path / "build", ZOO[model][1])
    for stalls in (None, 7):
        report = build.verify(frames=256, stalls=stalls)
        assert report.ok, report.failures()
        assert (report.frames, report.onnx, report.rtl) == (256, 0, 0)
    assert report.cycles_per_frame.simulated == build.design.cycles_per_frame
    assert report.latency_cycles.simulated == build.design.latency_cycles


@pytest.mark.parametrize(
    ("model", "array"), [(m, a) for m, arrays in ZOO.items() for a in (arrays[0], *arrays[2:])]
)
def test_cycles_are_those_predicted_on_any_array(model: str, array: str, tmp_path: Path) -> None:
    build = compiled(model, tmp_path / "build", array)
    report = build.verify(frames=16)
    assert report.ok, report.failures()
    assert report.cycles_per_frame.simulated == report.cycles_per_frame.predicted
    assert report.latency_cycles.simulated == report.latency_cycles.predicted


@pytest.mark.parametrize("model", ZOO)
def test_predict_reproduces_the_stored_reference_outputs(model: str, tmp_path: Path) -> None:
    build = compiled(model, tmp_path / "build", ZOO[model][1])
    folder = MODELS / model.split(".")[0]
    reference = np.load(next(folder.glob("*.ref.npz")))
    x = (reference["x_code"] * reference["x_scale"]).astype(np.float32)
    for engine in ("golden", "rtl"):
        y = build.predict(x[:8] if engine == "rtl" else x, engine=engine)
        assert isinstance(y, np.ndarray)
        wanted = reference["y"][: len(y)]
        np.testing.assert_allclose(y, wanted, rtol=1e-4, atol=1e-4 * float(np.abs(wanted).max()))


def test_a_chosen_design_fits_the_device_and_its_numbers_agree(tmp_path: Path) -> None:
    build = compiled("digits_cnn.qonnx", tmp_path / "build", target="ecp5-85k")
    document = to_dict(performance(build.design, build.network))
    assert document["cycles_per_frame"] == build.design.cycles_per_frame
    assert document["frames_per_second"] == pytest.approx(
        document["clock_mhz"] * 1e6 / document["cycles_per_frame"]
    )
    lanes = sum(array["rows"] * array["cols"] * array["lanes"] for array in document["array"])
    ideal = document["macs_per_frame"] / lanes
    assert document["utilisation"] == pytest.approx(ideal / document["cycles_per_frame"], abs=1e-5)
    assert sum(layer["macs"] for layer in document["layers"]) == document["macs_per_frame"]
