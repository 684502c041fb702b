"""Small forms of published networks, with drains above 1 and several pixels a beat: RTL = golden = ONNX, cycle by cycle.

Their full size: ``make frames``.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import onnx
import pytest
from benchmarks import networks

import ternc
from ternc.pipeline import Build
from ternc.simulate.verify import VerifyOptions, verify
from zoo import pinned


def tiny_yolov2(folder: Path) -> Build:
    """Maps a quarter as wide, an eighth of the channels; four engines."""
    model = networks.tiny_yolov2(bits=4, zeros=0.5, seed=1, size=96, narrower=8)
    return built(folder, model, [(1, "16x2x3/4"), (1, "12x4x2/2"), (1, "8x8x4/1"), (7, "8x16x16/4")])


def vgg7(folder: Path) -> Build:
    """Maps half as wide, an eighth of the channels; three engines."""
    model = networks.vgg7((8, 8, 16, 16, 32, 32), 64, bits=4, zeros=0.5, seed=1, size=16)
    return built(folder, model, [(1, "16x8x3/2"), (1, "8x8x8"), (6, "4x16x8/2")])


def built(folder: Path, model: onnx.ModelProto, engines: list[tuple[int, str]]) -> Build:
    onnx.save(model, folder / "model.onnx")
    return ternc.compile(
        folder / "model.onnx", target="arria10", out=folder / "build", array=pinned(folder, engines)
    )


@pytest.fixture(scope="module")
def detector(tmp_path_factory: pytest.TempPathFactory) -> Build:
    """Not to be changed."""
    return tiny_yolov2(tmp_path_factory.mktemp("tiny_yolov2"))


@pytest.mark.parametrize("stalls", [None, 4])
def test_tiny_yolov2_takes_two_pixels_a_beat(detector: Build, stalls: int | None) -> None:
    assert detector.design.inputs[0].pixels_per_beat == 2
    report = detector.verify(frames=2, stalls=stalls)
    assert not report.failures()


def test_vgg7_is_right_to_the_cycle(tmp_path: Path) -> None:
    report = vgg7(tmp_path).verify(frames=2)
    assert not report.failures()


def test_a_wrong_place_of_a_bundles_pixel_is_found(detector: Build, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(detector.path, tmp_path / "build"))
    path = copy / "rtl" / "mem" / "e1_place_0.mem"
    first, *others = path.read_text().splitlines()
    path.write_text("\n".join([f"{int(first, 16) ^ 1:0{len(first)}x}", *others]) + "\n")
    report = verify(copy, VerifyOptions(frames=2))
    assert report.to_json()["first_mismatch"]["layer"] == detector.network.layers[1].name
