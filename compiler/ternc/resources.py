"""The folders that ship beside the code: templates, RTL and the simulation kit."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from ternc.errors import InternalError

_PACKAGE = Path(__file__).parent


def folder(name: Literal["templates", "hw", "sim"]) -> Path:
    """The folder of that name: at the top of a checkout, or below ``ternc/_data`` once installed.

    Raises:
        InternalError: The package was installed without it.
    """
    for candidate in (_PACKAGE / "_data" / name, _PACKAGE.parents[1] / name):
        if candidate.is_dir():
            return candidate
    raise InternalError("packaging", f"the folder '{name}' was not installed with the package")
