"""A build directory, as the checks see it: what it says of itself in ``design.json``."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ternc.errors import BuildError
from ternc.schedule import store


@dataclass(frozen=True, slots=True, kw_only=True)
class Build:
    """A build directory.

    Attributes:
        path: Absolute.
        top: Its top module.
        vendor, family, part: Of its device.
        sources: Its RTL, in compile order.
    """

    path: Path
    top: str
    vendor: str
    family: str
    part: str
    clock_mhz: float
    sources: tuple[Path, ...]


def read(path: Path) -> Build:
    """The build at ``path``.

    Raises:
        BuildError: It is none, or one of an older ternc.
    """
    found = store.load(path)
    try:
        document = json.loads((path / store.FILE).read_text(encoding="utf-8"))
        chip, clock_mhz = document["chip"], float(document["clock_mhz"])
        names = (path / "rtl" / "files.f").read_text().split()
        return Build(
            path=path.resolve(),
            top=found.name,
            vendor=chip["vendor"],
            family=chip["family"],
            part=chip["part"],
            clock_mhz=clock_mhz,
            sources=tuple(path.resolve() / "rtl" / name for name in names),
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BuildError(
            f"{path}: must be a whole build directory, but its device or its RTL cannot be read",
            help="compile the model again",
        ) from error


def images_of(source: Path) -> Iterator[Path]:
    """The memory images that a source names, relative ones from its own folder."""
    for name in re.findall(r'"([^"\n]*\.mem)"', source.read_text()):
        yield source.parent / name
