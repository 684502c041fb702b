"""A second network on hardware that was made for a first one: the same RTL, another image, all exact."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import numpy_helper

from ternc.cli import main
from ternc.errors import BuildError, ScheduleError
from ternc.frontend import AnomalyWish
from ternc.pipeline import Build, CompileOptions, compile
from ternc.schedule.design import ArrayShape
from zoo import MODELS

FIRST = MODELS / "digits_cnn" / "digits_cnn.qonnx.onnx"
DETECTOR = MODELS / "ecg_ae_dense" / "ecg_ae_dense.qonnx.onnx"


def other(tmp_path: Path, model: Path, change: Callable[[NDArray[Any]], NDArray[Any]]) -> Path:
    """The model with other weights."""
    loaded = onnx.load(model)
    for tensor in loaded.graph.initializer:
        array = numpy_helper.to_array(tensor)
        if array.dtype.kind == "f" and array.ndim > 1:
            made = np.ascontiguousarray(change(array), array.dtype)
            tensor.CopyFrom(numpy_helper.from_array(made, tensor.name))
    path = tmp_path / "second.onnx"
    onnx.save(loaded, path)
    return path


def shuffled(seed: int) -> Callable[[NDArray[Any]], NDArray[Any]]:
    """Weights at other places, with other signs."""
    rng = np.random.default_rng(seed)
    return lambda array: (
        rng.permutation(array.ravel()).reshape(array.shape) * rng.choice([-1, 1], array.shape)
    )


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Build:
    """Three engines, found by the search."""
    options = CompileOptions(reloadable=True)
    return compile(FIRST, out=tmp_path_factory.mktemp("first") / "build", options=options)


def code(build: Build) -> dict[str, list[str]]:
    """Every module without what differs between networks: comments."""
    return {
        path.name: [line for line in path.read_text().splitlines() if not line.lstrip().startswith("//")]
        for path in sorted((build.path / "rtl").glob("*.sv"))
    }


def test_another_network_of_the_shape_has_the_same_hardware_and_is_exact(
    tmp_path: Path, first: Build
) -> None:
    model = other(tmp_path, FIRST, shuffled(1))
    second = compile(model, out=tmp_path / "build", options=CompileOptions(reload_of=first.path))
    assert code(second) == code(first)
    images = [build.image.read_bytes() for build in (first, second) if build.image]
    assert images[0][:24] == images[1][:24]
    assert images[0] != images[1]
    for build in (first, second):
        report = build.verify(frames=12)
        assert report.ok, str(report)


def test_the_densest_network_of_the_shape_fits(tmp_path: Path, first: Build) -> None:
    dense = other(tmp_path, FIRST, lambda array: np.where(array < 0, -1, 1) * np.abs(array).max())
    second = compile(dense, out=tmp_path / "build", options=CompileOptions(reload_of=first.path))
    assert second.design.cycles_per_frame >= first.design.cycles_per_frame
    report = second.verify(frames=4)
    assert report.ok, str(report)


def test_an_anomaly_brings_its_own_threshold(tmp_path: Path) -> None:
    array = ArrayShape(rows=1, cols=4, lanes=8)
    wishes = [AnomalyWish(threshold=threshold, measure="squares") for threshold in (10.0, 33.0)]
    options = CompileOptions(reloadable=True, array=array, anomaly=wishes[0])
    there = compile(DETECTOR, out=tmp_path / "first", options=options)
    model = other(tmp_path, DETECTOR, shuffled(2))
    options = CompileOptions(reload_of=there.path, anomaly=wishes[1])
    made = compile(model, out=tmp_path / "second", options=options)
    limits = [(build.path / "rtl/mem/score_limit.mem").read_text() for build in (there, made)]
    assert limits[0] != limits[1]
    report = made.verify(frames=8)
    assert report.ok, str(report)


def test_what_does_not_fit_is_refused_with_the_reason(tmp_path: Path, first: Build, digits: Build) -> None:
    with pytest.raises(ScheduleError, match=r"it has \d+ layers, not 3"):
        compile(DETECTOR, out=tmp_path / "a", options=CompileOptions(reload_of=first.path))
    with pytest.raises(ScheduleError, match="cannot be reloaded"):
        compile(FIRST, out=tmp_path / "b", options=CompileOptions(reload_of=digits.path))
    with pytest.raises(ScheduleError, match="cannot ask for other hardware"):
        compile(FIRST, out=tmp_path / "d", options=CompileOptions(reload_of=first.path, lanes=64))
    with pytest.raises(BuildError, match="cannot be read"):
        compile(FIRST, out=tmp_path / "c", options=CompileOptions(reload_of=tmp_path / "nothing"))
    assert not list(tmp_path.iterdir())


def test_hardware_of_another_version_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, first: Build
) -> None:
    monkeypatch.setattr("ternc.emit.rtl.structure", lambda _sources: 5)
    with pytest.raises(BuildError, match="makes other hardware"):
        compile(FIRST, out=tmp_path / "a", options=CompileOptions(reload_of=first.path))


def test_options_that_ask_for_other_hardware_are_usage_errors(
    first: Build, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["compile", str(FIRST), "--reload-of", str(first.path), "--fps", "5"])
    assert "so that --fps cannot be given" in capsys.readouterr().err
