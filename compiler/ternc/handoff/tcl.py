"""Runs the Tcl files of a build with commands that only record what they are called with.

A vendor's command that a file may use is a stub: it records its name and its arguments and returns what the file goes
on with. A command that is neither Tcl's own nor a stub is an error, as a misspelled one is in the vendor's tool. Files
that are read must exist; what would write, copy or delete a file is recorded and left undone.
"""

from __future__ import annotations

import importlib
import re
import shutil
import subprocess
from collections.abc import Mapping
from contextlib import chdir
from dataclasses import dataclass
from pathlib import Path

from ternc.errors import ToolError

_RECORDER = r"""
set ternc_record {}
proc ternc_stub {name result} {
    set body {
        global ternc_record
        lappend ternc_record [linsert $args 0 %NAME]
        return %RESULT
    }
    namespace eval ::[namespace qualifiers $name] {}
    proc $name args [string map [list %NAME [list $name] %RESULT $result] $body]
}
proc unknown {name args} { error "invalid command name \"$name\"" }
foreach ternc_name {cd close file open puts} { rename $ternc_name ternc_$ternc_name }
foreach ternc_name {close puts} { proc $ternc_name args {} }
proc cd {folder} { ternc_cd $folder }
proc open {name {mode r}} {
    global ternc_record
    if {$mode eq "r"} { return [ternc_open $name r] }
    lappend ternc_record [list open $name $mode]
    return {}
}
proc file {what args} {
    global ternc_record
    if {$what ni {copy delete mkdir}} { return [ternc_file $what {*}$args] }
    if {$what eq "copy" && ![ternc_file exists [lindex $args end-1]]} {
        error "file copy: there is no [lindex $args end-1]"
    }
    lappend ternc_record [linsert $args 0 "file $what"]
}
"""

_RESULT = r"""
set ternc_text {}
foreach ternc_call $ternc_record {
    foreach ternc_word $ternc_call {
        append ternc_text [string map {\\ \\\\ \n \\n \t \\t} $ternc_word] \t
    }
    append ternc_text \n
}
"""


class TclError(Exception):
    """A Tcl file does not run; ``str()`` is what Tcl says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A stub that was called: its name and its arguments."""

    name: str
    words: tuple[str, ...]

    def option(self, name: str) -> str:
        """The word behind ``name``, or nothing."""
        pairs = zip(self.words, self.words[1:], strict=False)
        return next((value for key, value in pairs if key == name), "")


def run(path: Path, stubs: Mapping[str, str], then: str = "") -> tuple[Call, ...]:
    """Run a Tcl file in its own folder; what it called, in order.

    Args:
        path: The file.
        stubs: Commands, and the Tcl word that each returns, for example ``"{}"`` or ``"$args"``.
        then: Tcl to run behind the file.
    Raises:
        ToolError: There is no Tcl on this machine.
        TclError: The file is refused.
    """
    folder = path.parent.resolve()
    lines = [
        _RECORDER,
        *(f"ternc_stub {_quoted(name)} {_quoted(result)}" for name, result in stubs.items()),
        f"source {_quoted(path.name)}",
        then,
        _RESULT,
    ]
    return tuple(_calls(_evaluate("\n".join(lines), folder)))


def _quoted(text: str) -> str:
    """Text as one word of Tcl."""
    return '"' + re.sub(r'([\\"$\[\]{}])', r"\\\1", text) + '"'


def _calls(text: str) -> list[Call]:
    found = []
    for line in text.splitlines():
        name, *words = (_unescaped(word) for word in line.split("\t")[:-1])
        found.append(Call(name=name, words=tuple(words)))
    return found


def _unescaped(word: str) -> str:
    return re.sub(r"\\(.)", lambda match: {"n": "\n", "t": "\t"}.get(match[1], match[1]), word)


def _evaluate(script: str, folder: Path) -> str:
    """``ternc_text`` behind the script: by the interpreter of the standard library, else by the program ``tclsh``."""
    try:
        tkinter = importlib.import_module("tkinter")
    except ImportError:
        return _by_program(script, folder)
    try:
        with chdir(folder):  # and back: the interpreter's `cd` is this process's
            return str(tkinter.Tcl().eval(f"{script}\nset ternc_text"))
    except tkinter.TclError as error:
        raise TclError(str(error)) from None


def _by_program(script: str, folder: Path) -> str:
    program = shutil.which("tclsh")
    if program is None:
        raise ToolError(
            "no Tcl was found, neither Python's tkinter nor the program 'tclsh'",
            help="install it, for example: apt-get install tcl",
        )
    done = subprocess.run(
        [program],
        cwd=folder,
        input=f"{script}\nternc_puts -nonewline $ternc_text\n",
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    if done.stderr:
        raise TclError(done.stderr.splitlines()[0])
    return done.stdout
