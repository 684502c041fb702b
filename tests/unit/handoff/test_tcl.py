"""Tcl files run with recording stubs, by either of the two interpreters."""

from __future__ import annotations

import importlib
import os
import shutil
from pathlib import Path

import pytest

from ternc.errors import ToolError
from ternc.handoff.tcl import Call, TclError, run

SCRIPT = """
set here [file dirname [file normalize [info script]]]
foreach name {a b} { put_file $name [expr {1 + 1}] "tab\\tline\\n back\\\\slash {brace} \\$x" }
named::space [give 1 2]
file mkdir [file join $here made]
set channel [open [file join $here written] w]
puts $channel text
close $channel
put_file [file tail $here] [read [open other.txt]]
"""


@pytest.fixture(params=["tkinter", "tclsh"])
def interpreter(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both interpreters; without one of them its half is skipped on a laptop and fails in CI (tkinter is optional)."""
    if request.param == "tkinter":
        pytest.importorskip("tkinter")
        return
    if shutil.which("tclsh") is None and not os.environ.get("CI"):
        pytest.skip("tclsh is not installed")
    hide_tkinter(monkeypatch)


def hide_tkinter(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> None:
        raise ImportError(name)

    monkeypatch.setattr(importlib, "import_module", absent)


@pytest.fixture
def script(tmp_path: Path) -> Path:
    folder = tmp_path / "a [folder] $x"
    folder.mkdir()
    (folder / "other.txt").write_text("what is read")
    (folder / "script.tcl").write_text(SCRIPT)
    return folder / "script.tcl"


@pytest.mark.usefixtures("interpreter")
def test_calls_are_recorded_and_nothing_is_written(script: Path) -> None:
    calls = run(
        script, {"put_file": "{}", "named::space": "{}", "give": "[lindex $args 1]"}, then="put_file then"
    )
    text = "tab\tline\n back\\slash {brace} $x"
    assert calls == (
        Call(name="put_file", words=("a", "2", text)),
        Call(name="put_file", words=("b", "2", text)),
        Call(name="give", words=("1", "2")),
        Call(name="named::space", words=("2",)),
        Call(name="file mkdir", words=(str(script.parent / "made"),)),
        Call(name="open", words=(str(script.parent / "written"), "w")),
        Call(name="put_file", words=(script.parent.name, "what is read")),
        Call(name="put_file", words=("then",)),
    )
    assert sorted(path.name for path in script.parent.iterdir()) == ["other.txt", "script.tcl"]


@pytest.mark.usefixtures("interpreter")
def test_the_working_directory_is_left_alone(script: Path) -> None:
    before = Path.cwd()
    script.write_text("cd ..")
    run(script, {})
    assert Path.cwd() == before


@pytest.mark.usefixtures("interpreter")
def test_an_unknown_command_is_refused(script: Path) -> None:
    with pytest.raises(TclError, match='invalid command name "put_file"'):
        run(script, {})


@pytest.mark.usefixtures("interpreter")
def test_copying_what_is_not_there_is_refused(script: Path) -> None:
    script.write_text("file copy nowhere.txt here.txt")
    with pytest.raises(TclError, match=r"file copy: there is no nowhere\.txt"):
        run(script, {})


def test_without_any_tcl_the_way_out_is_said(script: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hide_tkinter(monkeypatch)
    monkeypatch.setenv("PATH", "")
    with pytest.raises(ToolError) as refusal:
        run(script, {})
    assert str(refusal.value) == (
        "no Tcl was found, neither Python's tkinter nor the program 'tclsh'\n"
        "  help: install it, for example: apt-get install tcl"
    )


def test_the_word_behind_an_option() -> None:
    call = Call(name="synth_design", words=("-top", "net", "-part", "xc7"))
    assert (call.option("-part"), call.option("-mode")) == ("xc7", "")
