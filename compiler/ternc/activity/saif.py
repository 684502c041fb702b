"""Reading Verilator's SAIF files: how long each net was high and how often it changed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ternc.errors import ToolError

_NET = re.compile(
    r"\((?P<name>[^\s\\]+)(?P<bit>\\\[\d+\\\])?"
    r" \(T0 \d+\) \(T1 (?P<high>\d+)\) \(TZ \d+\) \(TX \d+\) \(TB \d+\) \(TC (?P<changes>\d+)\)\)"
)
_INSTANCE = re.compile(r"\(INSTANCE (\S+)")
_DURATION = re.compile(r"\(DURATION (\d+)\)")
_ONE_LINE = ("(SAIFVERSION", "(DIRECTION", "(PROGRAM_NAME", "(DIVIDER", "(TIMESCALE", "//")


@dataclass(frozen=True, slots=True, kw_only=True)
class Net:
    """One bit of a signal.

    Attributes:
        scope: Names of the instances and generate blocks around it, from the top module on.
        name: The signal's, without the number of the bit.
        high: Time for which it was 1, in the file's unit.
        changes: How often it changed. Verilator counts a net that starts at 1 as changed once.
    """

    scope: tuple[str, ...]
    name: str
    high: int
    changes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Saif:
    """A file.

    Attributes:
        duration: Time recorded, in the file's unit.
        nets: Every bit of every signal. A net has as many entries as it has names.
    """

    duration: int
    nets: tuple[Net, ...]


def read(path: Path) -> Saif:
    """The nets of a file that Verilator wrote.

    Raises:
        ToolError: It is not one of those, or was cut short.
    """
    duration: list[int] = []
    with path.open() as file:
        nets = tuple(_nets(path, file, duration))
    if not duration or duration[0] < 1:
        raise ToolError(f"{path}: must say how long was recorded, but has no DURATION above 0")
    return Saif(duration=duration[0], nets=nets)


def _nets(path: Path, lines: Iterator[str], duration: list[int]) -> Iterator[Net]:
    """The nets, line by line; the file's duration is appended to ``duration``."""
    opened: list[str] = []  # names of instances, and other kinds of brackets as they stand
    scope: tuple[str, ...] = ()
    for number, line in enumerate(lines, 1):
        text = line.strip()
        if net := _NET.fullmatch(text):
            high, changes = int(net["high"]), int(net["changes"])
            yield Net(scope=scope, name=net["name"], high=high, changes=changes)
            continue
        if instance := _INSTANCE.fullmatch(text):
            opened.append(instance[1])
        elif text in {"(NET", "(SAIFILE"}:
            opened.append(text)
        elif text == ")" and opened:
            opened.pop()
        elif found := _DURATION.fullmatch(text):
            duration.append(int(found[1]))
        elif text and not text.startswith(_ONE_LINE):
            raise ToolError(
                f"{path}, line {number}: must be SAIF as Verilator writes it, but is {text[:60]!r}"
            )
        scope = tuple(name for name in opened if not name.startswith("("))
    if opened:
        raise ToolError(f"{path}: must be whole, but ends inside {opened[-1].lstrip('(')}")
