"""``ternc schedule``: the report of the build that would be made, and nothing written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from ternc import cli
from zoo import MODELS

MODEL = MODELS / "mnist_cnn_a4" / "mnist_cnn_a4.qonnx.onnx"


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli.main, list(arguments), prog_name="ternc")


def document(*arguments: str) -> Any:
    """What is printed with --json."""
    result = run("schedule", str(MODEL), "--json", *arguments)
    assert result.exit_code == 0, result.output
    return json.loads(result.output)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_schedule_is_the_report_of_the_build(here: Path) -> None:
    engines = here / "ENGINES.toml"
    engines.write_text(
        '[[engine]]\nlayers = 1\narray = "4x8x1"\n[[engine]]\nlayers = 3\narray = "2x8x8"\n'
        '[[engine]]\nlayers = 1\narray = "1x10x8"\n'
    )
    found = document("--array", str(engines))
    assert list(here.iterdir()) == [engines], "something was written"
    assert [engine["array"] for engine in found["engines"]] == [
        {"rows": 4, "cols": 8, "lanes": 1, "drain": 1, "packed": False},
        {"rows": 2, "cols": 8, "lanes": 8, "drain": 1, "packed": False},
        {"rows": 1, "cols": 10, "lanes": 8, "drain": 1, "packed": False},
    ]
    assert run(str(MODEL), "--array", str(engines), "-o", "out", "-q").exit_code == 0
    assert json.loads((here / "out" / "report" / "performance.json").read_text()) == found


def test_lanes_cap_the_arrays(here: Path) -> None:
    found = document("--lanes", "500")
    arrays = [engine["array"] for engine in found["engines"]]
    assert 250 <= sum(one["rows"] * one["cols"] * one["lanes"] for one in arrays) <= 500
    assert not list(here.iterdir())


def test_the_table_names_every_engine(here: Path) -> None:
    result = run("schedule", str(MODEL), "--array", "4x8x8")
    assert result.exit_code == 0
    assert "4x8x8" in result.output
    assert not list(here.iterdir())


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("x = 1", "must hold [[engine]] tables and nothing else"),
        (
            '[[engine]]\nlayers = 1\narray = "1x1"',
            'engine 0 must have layers and array = "ROWSxCOLSxLANES[/DRAIN][p]"',
        ),
        ('[[engine]]\nlayers = 1\narray = "1x1x1"', "the engines run 1 of 5 layers; nothing runs "),
        ('[[engine]]\nlayers = 9\narray = "1x1x1"', "engine 0 must run "),
    ],
)
def test_a_bad_file_of_engines_is_refused_in_a_sentence(here: Path, text: str, sentence: str) -> None:
    (here / "ENGINES.toml").write_text(text)
    result = run("schedule", str(MODEL), "--array", "ENGINES.toml", "--json")
    assert result.exit_code == 1
    assert sentence in json.loads(result.output)["error"]


def test_a_file_of_engines_that_is_not_there_is_refused(here: Path) -> None:
    result = run("schedule", str(MODEL), "--array", "ENGINES.toml")
    assert result.exit_code in (1, 2)
    assert "ENGINES.toml" in result.output


def test_a_schedule_is_explained_and_its_folding_written_and_read(tmp_path: Path) -> None:
    first, second = tmp_path / "first.json", tmp_path / "second.json"
    first.write_text(json.dumps({"Defaults": {"PE": 2, "SIMD": 3}}))
    made = run("schedule", str(MODEL), "--folding", str(first), "--write-folding", str(second), "--json")
    assert made.exit_code == 0, made.stderr
    found = json.loads(made.stdout)
    assert "explanation" not in found
    assert found["array"] == [{"rows": 1, "cols": 2, "lanes": 3, "drain": 1, "packed": False}] * len(
        found["layers"]
    )
    names = [layer["name"] for layer in found["layers"]]
    assert json.loads(second.read_text()) == {"Defaults": {}} | {name: {"PE": 2, "SIMD": 3} for name in names}
    again = run("schedule", str(MODEL), "--folding", str(second), "--explain", "--json")
    why = json.loads(again.stdout)
    assert len(why.pop("explanation")["engines"]) == len(names)
    assert why == found
    both = run("schedule", str(MODEL), "--folding", str(second), "--array", "1x1x1")
    assert both.exit_code == 1
    assert "an array and a folding cannot both say which engines to build" in both.stderr


def test_a_schedule_keeps_a_latency() -> None:
    made = run("schedule", str(MODEL), "--target", "ecp5-85k", "--latency-us", "20", "--json")
    assert made.exit_code == 0, made.stderr
    found = json.loads(made.stdout)
    assert found["latency_cycles"] <= 20 * found["clock_mhz"]
