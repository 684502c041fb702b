"""What the commands say about the HLS form."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from ternc import cli, pipeline
from ternc.simulate import verify_hls as verifying
from ternc.simulate.layers import WrongValue
from ternc.simulate.verify_hls import HlsMismatch, HlsOptions, HlsReport

RIGHT = HlsReport(
    frames=1000,
    dialects={"vitis": 0, "sycl": 0},
    onnx=0,
    on_borders=0,
    first_on_border=None,
    first_mismatch=None,
    modified=(),
)
WRONG = WrongValue(frame=3, layer="conv1", channel=2, pixel=(4, 5), expected=7, got=None)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli.main, list(arguments), prog_name="ternc")


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Path, HlsOptions]]:
    """Stands where `verify_hls` is, and finds nothing wrong."""
    found: list[tuple[Path, HlsOptions]] = []

    def fake(path: Path, options: HlsOptions, progress: Any) -> HlsReport:
        found.append((path, options))
        return RIGHT

    monkeypatch.setattr(verifying, "verify_hls", fake)
    return found


def test_options_reach_the_library(asked: list[tuple[Path, HlsOptions]]) -> None:
    run("verify", "b", "--engine", "hls", "--frames", "9", "--input", "x.npy", "--hls", "sycl")
    assert asked == [(Path("b"), HlsOptions(frames=9, input=Path("x.npy"), dialects=("sycl",)))]


@pytest.mark.usefixtures("asked")
def test_agreement_names_the_wrappers() -> None:
    result = run("verify", "b", "--engine", "hls")
    sentence = "1,000 frames: golden = HLS C++ in every layer (vitis, sycl) = ONNX\n"
    assert (result.exit_code, result.output) == (0, sentence)
    assert json.loads(run("verify", "b", "--engine", "hls", "--json").stdout) == {
        "frames": 1000,
        "mismatches": {"onnx": 0, "vitis": 0, "sycl": 0},
        "first_mismatch": None,
        "on_borders": {"frames": 0, "first": None},
        "departures": [],
    }


def test_a_mismatch_is_one_sentence_and_exit_code_1(monkeypatch: pytest.MonkeyPatch) -> None:
    mismatch = HlsMismatch(dialect="vitis", port=None, value=WRONG)
    report = replace(RIGHT, dialects={"vitis": 1}, first_mismatch=mismatch)
    monkeypatch.setattr(verifying, "verify_hls", lambda *_: report)
    result = run("verify", "b", "--engine", "hls")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == (
        "error: HLS C++ (vitis) differs from the golden model first in frame 3 at layer 'conv1', channel 2, "
        "pixel [4, 5]: expected 7, nothing came\n"
    )
    document = json.loads(run("verify", "b", "--engine", "hls", "--json").stdout)
    assert document["first_mismatch"] == {
        "dialect": "vitis",
        "frame": 3,
        "layer": "conv1",
        "port": None,
        "channel": 2,
        "pixel": [4, 5],
        "expected": 7,
        "got": None,
    }


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["verify", "b", "--hls", "sycl"], "--hls needs --engine hls"),
        (
            ["verify", "b", "--engine", "hls", "--stalls", "1"],
            "--stalls excludes --engine hls: C simulation has no time",
        ),
        (
            ["verify", "b", "--engine", "hls", "--simulator", "icarus"],
            "--simulator excludes --engine hls: a C++ compiler runs it",
        ),
        (["net.onnx", "--emit", "rtl", "--hls", "sycl"], "--hls needs --emit hls"),
    ],
)
def test_what_does_not_go_together_is_a_usage_error(arguments: list[str], sentence: str) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert sentence in result.stderr


def test_forms_and_wrappers_reach_the_pipeline(monkeypatch: pytest.MonkeyPatch) -> None:
    found: list[pipeline.CompileOptions] = []

    def fake(model: Path, *, out: Path | None, options: pipeline.CompileOptions, progress: Any) -> None:
        found.append(options)
        raise SystemExit(0)

    monkeypatch.setattr(pipeline, "compile", fake)
    run("net.onnx", "--emit", "hls", "--hls", "vitis", "--hls", "sycl")
    (options,) = found
    assert (options.emit, options.hls) == (("hls",), ("vitis", "sycl"))
