"""Everything that a build hands to tools of a vendor, against its RTL."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ternc.errors import BuildError
from ternc.handoff import neutral, quartus, vivado
from ternc.handoff.build import Build, read
from ternc.handoff.tcl import TclError

_FOLDERS: dict[str, Callable[[Build], Iterator[str]]] = {"quartus": quartus.check, "vivado": vivado.check}
_VENDORS = {"Intel": "quartus", "AMD": "vivado"}


@dataclass(frozen=True, slots=True, kw_only=True)
class HandoffReport:
    """Outcome of a check.

    Attributes:
        files: What was checked, by path below the build.
        findings: One sentence for each thing that is wrong.
    """

    files: tuple[str, ...]
    findings: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """The document that ``ternc verify --handoff --json`` prints."""
        return {"files": list(self.files), "findings": list(self.findings)}


def check(path: Path) -> HandoffReport:
    """Run every Tcl file of a build, elaborate what it gives to its tool, and compare the two.

    Raises:
        BuildError: Not a whole build directory.
        ToolError: There is no Tcl, or no slang, on this machine.
    """
    build = read(path)
    folder = _VENDORS.get(build.vendor)
    checks = [neutral.check, *([_FOLDERS[folder]] if folder else [])]
    files = [build.path / f"{build.top}.core"]
    for name in ("control", "synth", "ecp5", *([folder] if folder else [])):
        files += sorted(file for file in (build.path / name).glob("*") if file.is_file())
    findings: list[str] = []
    for one in checks:
        try:
            findings += one(build)
        except TclError as error:
            findings.append(f"{one.__module__.rsplit('.', 1)[-1]}: Tcl refuses a file: {error}")
        except FileNotFoundError as error:
            raise BuildError(f"{error.filename}: must be there, but is not") from None
    return HandoffReport(
        files=tuple(str(file.relative_to(build.path)) for file in files), findings=tuple(findings)
    )
