"""--ternarise on the command line: options, refusals, what is printed."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from ternc import cli
from unit.frontend.onnx_models import Graph


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli.main, list(arguments), prog_name="ternc")


@pytest.fixture
def model(tmp_path: Path) -> str:
    g = Graph(1)
    v = g.node(
        "Relu", g.node("Gemm", "x", g.const(g.rng.normal(size=(8, 12)).astype(np.float32)), name="one")
    )
    v = g.node("Gemm", v, g.const(g.rng.normal(size=(12, 3)).astype(np.float32)), name="two")
    return str(g.save(tmp_path / "net.onnx", ["N", 8], v))


@pytest.fixture
def data(tmp_path: Path) -> str:
    rng = np.random.default_rng(2)
    x = rng.uniform(0, 1, (70, 8)).astype(np.float32)
    np.savez(tmp_path / "data.npz", x=x, label=rng.integers(0, 3, 70))
    return str(tmp_path / "data.npz")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (
            ["--ternarise", "0.3"],
            "--ternarise needs --calibrate DATA.npz, data to choose the activations' scales on",
        ),
        (["--calibrate", "data.npz"], "--calibrate needs --ternarise"),
        (["--act-bits", "4"], "--act-bits needs --ternarise"),
        (["--correct"], "--correct needs --ternarise"),
        (
            ["--ternarise", "1", "--calibrate", "data.npz"],
            "--ternarise: RHO must be a number from 0 to below 1, but is 1.0",
        ),
    ],
)
def test_wrong_usage_is_one_sentence(arguments: list[str], sentence: str, model: str) -> None:
    result = run(model, *arguments)
    assert result.exit_code == 2
    assert result.stderr.startswith(f"error: {sentence}\n")
    assert result.stdout == ""


def test_accuracy_is_printed_beside_the_float_models(model: str, data: str, tmp_path: Path) -> None:
    result = run(
        model, "--ternarise", "0.2", "--calibrate", data, "--target", "unit", "-o", str(tmp_path / "b")
    )
    assert result.exit_code == 0, result.output
    assert "Ternarised: 70 frames of data.npz" in result.stdout
    assert "accuracy" in result.stdout
    assert "Weights made ternary" not in result.stdout


def test_verbose_shows_layers_and_quantisers(model: str, data: str, tmp_path: Path) -> None:
    result = run(
        "-v", model, "--ternarise", "0.2", "--calibrate", data, "--target", "unit", "-o", str(tmp_path / "b")
    )
    assert "Weights made ternary" in result.stdout
    assert "Quantisers" in result.stdout


def test_json_and_manifest_say_what_was_done(model: str, data: str, tmp_path: Path) -> None:
    rules = tmp_path / "rules.toml"
    rules.write_text('default = 0.2\nlast = "int8"\n')
    result = run(
        *["--json", model, "--ternarise", str(rules), "--calibrate", data, "--act-bits", "4", "--correct"],
        *["--target", "unit", "-o", str(tmp_path / "b")],
    )
    document = json.loads(result.stdout)["ternarise"]
    assert document["frames"] == 70
    assert {row["node"]: row["rule"] for row in document["layers"]} == {"one": "0.2", "two": "int8"}
    assert [(row["low"], row["high"]) for row in document["quantisers"]] == [(0, 255), (0, 15)]
    assert 0 <= document["classes"]["ternary_accuracy"] <= 1
    assert json.loads((tmp_path / "b" / "report" / "ternarise.json").read_text()) == document
    asked = json.loads((tmp_path / "b" / "manifest.json").read_text())["options"]["ternarise"]
    assert asked["rules"] == {"default": 0.2, "last": "int8"}
    assert (asked["act_bits"], asked["correct"], asked["calibrate"]) == (4, True, "data.npz")
    assert len(asked["model_sha256"]) == len(asked["calibrate_sha256"]) == 64
    assert str(tmp_path) not in (tmp_path / "b" / "manifest.json").read_text()


def test_an_unknown_layer_is_refused_with_the_list(model: str, data: str, tmp_path: Path) -> None:
    rules = tmp_path / "rules.toml"
    rules.write_text("default = 0.2\n[layers]\nthree = 0.1\n")
    result = run(model, "--ternarise", str(rules), "--calibrate", data)
    assert result.exit_code == 1
    assert result.stderr == (
        "error: rules.toml: net.onnx has no layer 'three'\n  help: the layers are 'one', 'two'\n"
    )
