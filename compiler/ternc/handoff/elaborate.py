"""What a module of a build is, as slang elaborates it from the files that a tool would be given."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

from ternc.errors import ToolError

_OPTIONS = ("-DSYNTHESIS", "-Wport-width-trunc", "-Wport-width-expand")

Direction: TypeAlias = Literal["in", "out"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Port:
    """A port of a module; ``attributes`` are those in front of it, as text."""

    direction: Direction
    bits: int
    attributes: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Module:
    """An elaborated module.

    Attributes:
        ports: By name, in their order.
        said: What slang warns of or refuses, one line each, with file and line.
    """

    name: str
    ports: Mapping[str, Port]
    said: tuple[str, ...]


def elaborate(top: str, files: Sequence[Path]) -> Module:
    """The module ``top`` of these files, with ``SYNTHESIS`` defined; files that do not exist are said.

    Raises:
        ToolError: slang is not installed.
    """
    try:
        slang: Any = importlib.import_module("pyslang")
    except ImportError:
        raise ToolError("slang was not found", help="pip install 'ternc[handoff]'") from None
    missing = tuple(f"there is no file {path}" for path in files if not path.is_file())
    driver = slang.driver.Driver()
    driver.addStandardArgs()
    words = ["slang", "--top", top, *_OPTIONS, *(f'"{path}"' for path in files if path.is_file())]
    if not (
        driver.parseCommandLine(" ".join(words), slang.driver.CommandLineOptions())
        and driver.processOptions()
        and driver.parseAllSources()
    ):
        return Module(name=top, ports={}, said=(*missing, "slang cannot read the files"))
    compilation = driver.createCompilation()
    said = tuple(_said(slang, driver, compilation))
    instances = [one for one in compilation.getRoot().topInstances if one.name == top]
    ports = {port.name: _port(compilation, port) for one in instances for port in one.body.portList}
    return Module(name=top, ports=ports, said=missing + said)


def _said(slang: Any, driver: Any, compilation: Any) -> list[str]:
    """Errors and warnings, each behind its place in a file without folder."""
    client = slang.TextDiagnosticClient()
    client.showColors(False)
    driver.diagEngine.addClient(client)
    for diagnostic in compilation.getAllDiagnostics():
        driver.diagEngine.issue(diagnostic)
    lines = client.getString().splitlines()
    found = [line for line in lines if ": warning:" in line or ": error:" in line]
    return [line.strip().split("/", line.split(": ", 1)[0].count("/"))[-1] for line in found]


def _port(compilation: Any, port: Any) -> Port:
    return Port(
        direction="in" if str(port.direction).endswith(".In") else "out",
        bits=port.type.bitWidth,
        attributes={one.name: _text(one.value.value) for one in compilation.getAttributes(port)},
    )


def _text(value: Any) -> str:
    """A Verilog string: eight bits a character."""
    number = int(value)
    return number.to_bytes(-(-number.bit_length() // 8), "big").decode(errors="replace")
