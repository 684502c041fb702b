"""A build directory: whole or absent, the same bytes every time, and runnable on its own."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

import ternc
from ternc.errors import TerncError
from ternc.pipeline import Build
from zoo import MODELS, compiled


def contents(path: Path) -> dict[str, str]:
    return {
        p.relative_to(path).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest()
        for p in sorted(path.rglob("*"))
        if p.is_file()
    }


def test_two_builds_are_the_same_bytes(digits: Build, tmp_path: Path) -> None:
    again = compiled("digits_cnn.qonnx", tmp_path / "elsewhere" / "other", "2x4x8")
    assert contents(again.path) == contents(digits.path)


def test_manifest_has_the_hash_of_every_other_file(digits: Build) -> None:
    manifest = json.loads((digits.path / "manifest.json").read_text())
    files = contents(digits.path)
    del files["manifest.json"]
    assert manifest["files"] == files
    assert manifest["options"]["array"] == "2x4x8"


def test_a_build_replaces_an_older_build_of_ours(tmp_path: Path) -> None:
    out = tmp_path / "build"
    compiled("digits_cnn.qonnx", out, "2x4x8")
    (out / "left_over").write_text("old")
    compiled("digits_cnn.qonnx", out, "1x4x8")
    assert not (out / "left_over").exists()
    assert json.loads((out / "manifest.json").read_text())["options"]["array"] == "1x4x8"
    assert [path.name for path in tmp_path.iterdir()] == ["build"]


def test_a_directory_that_is_not_ours_is_not_touched(tmp_path: Path) -> None:
    out = tmp_path / "thesis"
    out.mkdir()
    (out / "chapter1.txt").write_text("precious")
    with pytest.raises(TerncError, match="exists and is not a build of ternc, so it is not touched"):
        compiled("digits_cnn.qonnx", out)
    assert contents(out).keys() == {"chapter1.txt"}


@pytest.mark.parametrize("model", ["qkeras_jettagging"])
def test_a_refusal_leaves_nothing_behind(model: str, tmp_path: Path) -> None:
    with pytest.raises(TerncError):
        compiled(model, tmp_path / "sub" / "build")
    assert list(tmp_path.iterdir()) == []


def test_a_design_that_fits_nowhere_is_refused_with_what_is_short(tmp_path: Path) -> None:
    with pytest.raises(
        TerncError,
        match=r"^target 'unit': .* would need an estimated .* more than the (0|200) that the budget allows of ",
    ):
        ternc.compile(
            MODELS / "cifar_cnn_a4" / "cifar_cnn_a4.qdq_int4.onnx",
            out=tmp_path / "build",
            target="unit",
            budget=0.01,
        )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("simulator", ["verilator", "icarus"])
def test_the_build_carries_its_own_regression(simulator: str, digits: Build, tmp_path: Path) -> None:
    if simulator == "icarus" and not _has("iverilog") and "CI" not in os.environ:
        pytest.skip("Icarus Verilog is not installed")
    build = Path(shutil.copytree(digits.path, tmp_path / "elsewhere"))
    environment = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "MAKEFLAGS", "MAKELEVEL")}
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
    run = subprocess.run(
        ["make", "-C", str(build / "sim"), f"SIM={simulator}"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout[-4000:] + run.stderr[-4000:]
    results = ElementTree.parse(build / "sim" / "results.xml").getroot()
    cases = list(results.iter("testcase"))
    assert len(cases) >= 5
    assert not [case for case in cases if case.find("failure") is not None]


def test_verify_runs_in_icarus_too(digits: Build) -> None:
    if not _has("iverilog") and "CI" not in os.environ:
        pytest.skip("Icarus Verilog is not installed")
    report = digits.verify(frames=7, simulator="icarus")
    assert report.ok, report.failures()
    assert report.cycles_per_frame.simulated == digits.design.cycles_per_frame
    assert report.latency_cycles.simulated == digits.design.latency_cycles


def _has(program: str) -> bool:
    return shutil.which(program) is not None
