"""Progress bars: on a terminal only, one for each step."""

import io
import sys

import pytest

from ternc.cli.terminal import Detail, Terminal


class Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


def shown(monkeypatch: pytest.MonkeyPatch, stream: io.StringIO, detail: Detail, *steps: int) -> str:
    """What ``stream`` shows as standard error while a command works through ``steps`` of ten."""
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stderr", stream)
        patch.setenv("TERM", "xterm")
        with Terminal(as_json=False, detail=detail).progress("building") as bars:
            for done in steps:
                bars("simulating", done, 10)
    return stream.getvalue()


def test_a_terminal_shows_the_step_and_how_far_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    text = shown(monkeypatch, Screen(), Detail.NORMAL, 0, 10)
    assert "simulating" in text
    assert "100%" in text


def test_the_time_before_the_first_report_has_a_bar_too(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "building" in shown(monkeypatch, Screen(), Detail.NORMAL)


def test_quiet_shows_no_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    assert shown(monkeypatch, Screen(), Detail.QUIET, 0, 10) == ""


def test_a_pipe_sees_no_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    assert shown(monkeypatch, io.StringIO(), Detail.NORMAL, 0, 10) == ""
