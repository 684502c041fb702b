"""What the signals of the RTL are: registers, inputs, other names of nets, or nets of their own.

It reads the text of our own modules, which keep to the house's rules (named connections, inputs end in ``_i`` and
outputs in ``_o``, ``<=`` assigns registers alone). It is no parser of SystemVerilog.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterator
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path

from ternc.errors import BuildError

_DEFINED = frozenset({"SYNTHESIS"})
_COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/|\(\*.*?\*\)", re.DOTALL)
_MODULE = re.compile(r"\bmodule\s+(\w+)(.*?)\bendmodule\b", re.DOTALL)
_SELECT = r"(?:\[(?:[^\[\]]|\[[^\[\]]*\])*\])"
_INPUT = re.compile(rf"\binput\s+(?:logic\s+)?(?:signed\s+)?(?:{_SELECT}\s*)*(\w+)")
_ASSIGNED = re.compile(
    rf"(?:^|[;)]|\bbegin(?:\s*:\s*\w+)?|\belse)\s*(\{{[^{{}}]*\}}|[\w.]+)\s*{_SELECT}*\s*<=", re.MULTILINE
)
_ASSIGN = re.compile(rf"\bassign\s+(\w+)\s*{_SELECT}*\s*=([^;]*);")
_OUTPUT = re.compile(r"\.\w+_o\s*\(([^()]*)\)")
_NAME = re.compile(r"[A-Za-z_]\w*")
_PARAMETERS = re.compile(r"\s*#\s*(?=\()")
_INSTANCE = re.compile(r"\s*(\w+)\s*(?=\()")


class Role(Enum):
    """What a signal is within its module."""

    REGISTER = auto()
    NET = auto()
    INPUT = auto()
    ALIAS = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Module:
    """A module's signals and what it is made of.

    Attributes:
        registers, inputs: Names of those signals.
        aliases: Signals that are only another name: wired to an instance's output, to a constant or to another signal.
        children: Module of each instance by the instance's name.
    """

    registers: frozenset[str]
    inputs: frozenset[str]
    aliases: frozenset[str]
    children: dict[str, str]

    def role(self, signal: str) -> Role:
        """What a signal of the module is; what only keeps lint quiet (``unused``) is an alias."""
        if signal in self.registers:
            return Role.REGISTER
        if signal in self.inputs or signal.endswith("_i"):
            return Role.INPUT
        return Role.ALIAS if signal in self.aliases or signal.startswith("unused") else Role.NET


def read_modules(rtl: Path) -> dict[str, Module]:
    """The modules of a build's RTL by name, as synthesis sees them.

    Args:
        rtl: Directory with ``files.f``.
    Raises:
        BuildError: ``files.f`` or one of the files is missing.
    """
    try:
        names = (rtl / "files.f").read_text().split()
        texts = [_COMMENT.sub(" ", _selected((rtl / name).read_text())) for name in names]
    except OSError as error:
        raise BuildError(f"{error.filename}: must be there, but cannot be read") from error
    bodies = {found[1]: found[2] for text in texts for found in _MODULE.finditer(text)}
    return {name: _module(body, bodies.keys()) for name, body in bodies.items()}


def _selected(text: str) -> str:
    """The text without the branches of conditional compilation that synthesis does not take."""
    kept, taken = [], [True]
    for line in text.splitlines():
        words = line.split()
        match words[:1]:
            case ["`ifdef"]:
                taken.append(words[1] in _DEFINED)
            case ["`ifndef"]:
                taken.append(words[1] not in _DEFINED)
            case ["`else"]:
                taken[-1] = not taken[-1]
            case ["`endif"]:
                taken.pop()
            case _ if all(taken):
                kept.append(line)
    return "\n".join(kept)


def _module(body: str, known: Container[str]) -> Module:
    children, driven = {}, set()
    for module, instance, connections in _instances(body, known):
        children[instance] = module
        for output in _OUTPUT.findall(connections):
            driven |= set(_NAME.findall(re.sub(_SELECT, "", output)))
    registers = {
        name for target in _ASSIGNED.findall(body) for name in _NAME.findall(re.sub(_SELECT, "", target))
    }
    wired = {name for name, value in _ASSIGN.findall(body) if _is_wire(value)}
    return Module(
        registers=frozenset(registers),
        inputs=frozenset(_INPUT.findall(body)),
        aliases=frozenset(driven | wired),
        children=children,
    )


def _is_wire(value: str) -> bool:
    """Whether an assignment's right side has no logic: names, parts of them, constants, concatenations."""
    plain = re.sub(_SELECT, "", re.sub(_SELECT, "", value))
    return re.fullmatch(r"[\w.,\s'{}]*", plain) is not None


def _instances(body: str, known: Container[str]) -> Iterator[tuple[str, str, str]]:
    """Module, name and connections of each instance."""
    for found in _NAME.finditer(body):
        if found[0] not in known:
            continue
        rest = found.end()
        if parameters := _PARAMETERS.match(body, rest):
            rest = _closing(body, parameters.end())
        if instance := _INSTANCE.match(body, rest):
            end = _closing(body, instance.end())
            yield found[0], instance[1], body[instance.end() + 1 : end - 1]


def _closing(text: str, start: int) -> int:
    """Where the text goes on behind the bracket that opens at ``start``."""
    depth = 0
    for place in range(start, len(text)):
        depth += (text[place] == "(") - (text[place] == ")")
        if depth == 0:
            return place + 1
    return len(text)
