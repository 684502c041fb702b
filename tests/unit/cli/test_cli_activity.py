"""``ternc activity`` from the command line, on a library that does nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from ternc import cli
from ternc.activity import record as measuring
from ternc.activity.record import ActivityOptions
from ternc.activity.rows import Activity, LogicRow, MemoryRow, StreamRow

Asked = list[tuple[Path, ActivityOptions]]


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli.main, ["activity", *arguments])


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Asked:
    calls: Asked = []
    row = LogicRow(
        engine=1,
        module="ternc_rows",
        instances=2,
        registers=1_000,
        nets=0,
        register_toggle=12.5,
        net_toggle=None,
        toggle=12.5,
    )
    memory = MemoryRow(
        engine=1, module="u_rows", kind="RAM", instances=1, read_bits=4, write=50.0, toggle=2.0
    )
    stream = StreamRow(stream="s_axis", direction="in", bits=8, toggle=3.0, control_toggle=0.0, valid=99.0)

    def fake(path: Path, options: ActivityOptions, progress: object) -> Activity:
        calls.append((path, options))
        return Activity(
            cycles=2_000,
            logic=(row,),
            memories=(memory,),
            streams=(stream,),
            frames=16,
            clock_mhz=300.0,
            files=("report/activity.saif", "report/activity.csv"),
        )

    monkeypatch.setattr(measuring, "activity", fake)
    return calls


def test_options_reach_the_library(asked: Asked) -> None:
    run("b", "--input", "x.npy", "--frames", "3", "--vcd")
    run("b")
    assert asked == [
        (Path("b"), ActivityOptions(frames=3, input=Path("x.npy"), vcd=True)),
        (Path("b"), ActivityOptions()),
    ]


def test_tables(asked: Asked) -> None:
    result = run("b")
    assert result.exit_code == 0
    lines = result.output.splitlines()
    assert lines[0] == "Toggle rates of 16 frames in 2,000 cycles, 300 MHz"
    assert [line.split() for line in lines if "ternc_rows" in line or "whole" in line] == [
        ["1", "ternc_rows", "2", "1,000", "12.50", "%", "0", "-", "12.50", "%"],
        ["whole", "design", "1", "1,000", "12.50", "%", "0", "-", "12.50", "%"],
    ]
    assert [line.split() for line in lines if "u_rows" in line] == [
        ["1", "u_rows", "RAM", "1", "4", "50.00", "%", "2.00", "%"]
    ]
    assert ["s_axis", "in", "8", "3.00", "%", "99.00", "%"] in [line.split() for line in lines]
    assert lines[-1] == "written: b/report/activity.saif, b/report/activity.csv"
    assert "watt" not in result.output.lower()


def test_json(asked: Asked) -> None:
    document = json.loads(run("b", "--json").stdout)
    assert document.keys() == {
        *("frames", "inputs", "cycles", "clock_mhz", "whole_design", "logic", "memories", "streams"),
        *("resources", "files", "notes"),
    }
    assert (document["inputs"], document["logic"][0]["net_toggle"]) == ("given", None)
    assert len(asked) == 1
