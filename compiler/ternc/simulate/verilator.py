"""The fast simulator: Verilator and the C++ driver ``sim/verilator_main.cpp``, built once per RTL text."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal

import numpy as np
from numpy.typing import NDArray

from ternc.errors import BuildError, ToolError
from ternc.resources import folder
from ternc.simulate import tools
from ternc.simulate.model import (
    Beats,
    Dut,
    MonitorPort,
    Progress,
    Simulation,
    Trace,
    Window,
    check_beats,
    nothing,
)

_VERILATE_FULL = (
    *("-O3", "--x-assign", "fast", "--x-initial", "unique", "--noassert", "--no-timing", "--threads", "1"),
    *("--output-split", "5000", "--output-split-cfuncs", "500", "--prefix", "Vtop", "-Wno-fatal"),
)
_VERILATE = (*_VERILATE_FULL, "+define+TERNC_FAST_SIM")
_VERILATE_TRACED = (
    *(*_VERILATE_FULL, "+define+SYNTHESIS", "--no-trace-top", "--no-trace-params", "--trace-max-width", "0"),
    *("--trace-max-array", "1"),  # words of memories are no nets
)
_CXXFLAGS = "-march=native -DVL_USER_STOP -DVL_USER_FINISH -DVL_USER_FATAL"
_MAKE = ("OPT_FAST=-O2", "OPT_SLOW=-O0", "OPT_GLOBAL=-O1")
_MAKE_QUICK = ("OPT_FAST=-O0", "OPT_SLOW=-O0", "OPT_GLOBAL=-O1", "SLOW=", "DRIVER=")
"""One compiler process for everything that is the design's: reading the headers is half of its time."""
_PART_BYTES = 250_000
"""C++ text that is worth a compiler process of its own."""
_RUNTIME = "verilated*.o"


TraceFormat = Literal["saif", "vcd"]
"""What a recording of all nets is written as; Verilator builds a program for one of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """A wish for a file with what every net of the synthesised form does, from reset to the last beat out.

    Attributes:
        path: The file, written anew.
        format: What it is.
        period_ps: The clock's period in it, at least 2 picoseconds.
    """

    path: Path
    format: TraceFormat
    period_ps: int


def build(dut: Dut, *, monitor: bool = False, trace: TraceFormat | None = None) -> Path:
    """The simulator program of a design, from the cache if its RTL text was built before.

    Memory images are read when the program runs (from ``mem/`` below its working directory), so they are
    no part of it.

    Args:
        dut: The design.
        monitor: Compile the top module's monitor ports in.
        trace: Instead of the form that simulates fast, the one that is synthesised, which can record its nets.
    Raises:
        ToolError: A tool is missing, or the RTL is refused.
        BuildError: The build directory has no RTL.
    """
    driver = folder("sim") / "verilator_main.cpp"
    form = _VERILATE if trace is None else (*_VERILATE_TRACED, f"--trace-{trace}")
    flags, cxxflags = [*form, "--top-module", dut.top], _CXXFLAGS
    if monitor:
        flags.append("+define+TERNC_MONITOR")
        cxxflags += " -DTERNC_MONITOR"
    included = driver.parent / "npy.h"
    return _program(dut, [*flags, "-CFLAGS", cxxflags], [driver], ports_header(dut), included.read_text())


def build_device(dut: Dut) -> Path:
    """The simulated board of a build, from the cache if its RTL text was built before; images as for `build`.

    Args:
        dut: The build's design; ``control/`` and ``driver/`` stand beside its ``rtl/``.
    Raises:
        ToolError: A tool is missing, or the RTL is refused.
        BuildError: The build has no RTL or no driver.
    """
    top, simulation = f"{dut.top}_control", dut.rtl.parent / "driver" / "simulation"
    control, ports = dut.rtl.parent / "control" / f"{top}.sv", simulation / "ports.h"
    for path in (control, ports):
        if not path.is_file():
            raise BuildError(f"{path}: must be there for a simulated board", help="compile the model again")
    flags = [*_VERILATE, "--top-module", top, "-CFLAGS", _CXXFLAGS]
    return _program(dut, flags, [control, simulation / "device.cpp"], ports.read_text())


def _program(dut: Dut, flags: list[str], sources: Sequence[Path], ports: str, included: str = "") -> Path:
    """The program of a design's RTL and of ``sources``, the last of which is the driver.

    The driver includes ``ports`` as ``ports.h``, and what else it includes is ``included``.
    """
    environment = [tools.verilator().version, *tools.compiler(), tools.processor()]
    texts = [path.read_text() for path in (*sources, folder("sim") / "verilator.mk")]
    options = _MAKE_QUICK if dut.quick else _MAKE
    key = [tools.rtl_text(dut.rtl), ports, included, *texts, *flags, *options, *environment]
    library = [*environment, *(flag for flag in flags if flag.startswith("--trace-"))]
    driver = sources[-1].resolve()

    def make(scratch: Path) -> None:
        work = scratch / "work"
        _verilate(dut, flags, sources, work)
        (work / "ports.h").write_text(ports)
        _borrow_runtime(work, library)
        _compile(work, options, [_whole(work, driver)] if dut.quick else _join(work, os.cpu_count() or 1))
        (work / "Vtop_parts").rename(scratch / "Vtop")
        _lend_runtime(work, library)
        shutil.rmtree(work)

    return tools.cached("verilator", key, make) / "Vtop"


def ports_header(dut: Dut) -> str:
    """``ports.h`` for the driver: of each stream the part that its signals' names share in C++, and its name.

    Then the numbers of the engines, whose monitor ports have them in their names.
    """
    lines = ["#pragma once"]
    for macro, ports in (("TERNC_INPUTS", dut.inputs), ("TERNC_OUTPUTS", dut.outputs)):
        calls = " ".join(f'port({_cpp_prefix(port.name)}, "{port.name}")' for port in ports)
        lines.append(f"#define {macro}(port) {calls}")
    engines = " ".join(f"port({number})" for number in range(len(dut.monitors)))
    lines.append(f"#define TERNC_ENGINES(port) {engines}")
    return "\n".join(lines) + "\n"


def _cpp_prefix(name: str) -> str:
    """What stands in front of ``tdata``; Verilator writes two underscores in a row as one and a number."""
    return f"{name}_".replace("__", "___05F")


def run(
    dut: Dut,
    beats: Sequence[Beats],
    *,
    stalls: int | None = None,
    windows: Sequence[Window] = (),
    progress: Progress | None = None,
    recording: Recording | None = None,
) -> Simulation:
    """`Simulator` at native speed; see there. With ``windows`` the monitor form of the design is built.

    With a ``recording`` the synthesised form is built; it writes that file.
    """
    if check_beats(dut, beats) == 0:
        return nothing(dut)
    program = build(dut, monitor=bool(windows), trace=recording.format if recording else None)
    with tempfile.TemporaryDirectory(prefix="ternc-") as scratch_name:
        scratch = Path(scratch_name)
        command = [str(program), "--result", str(scratch / "result.json")]
        for number, data in enumerate(beats):
            np.save(scratch / f"input_{number}.npy", data)
            command += ["--input", str(scratch / f"input_{number}.npy")]
        for number, port in enumerate(dut.outputs):
            size = f"{port.beats_per_frame},{port.data_bytes}"
            command += ["--output", f"{size},{scratch / f'output_{number}.npy'}"]
        command += ["--watchdog", str(dut.watchdog_cycles)]
        if stalls is not None:
            command += ["--stalls", str(stalls % 2**63), "--stretch", str(dut.stretch_cycles)]
        for number, window in enumerate(windows):
            place = f"{window.engine},{window.first},{window.count}"
            command += ["--monitor", f"{place},{_trace_file(scratch, number)}"]
        if recording is not None:
            command += ["--trace", f"{recording.period_ps},{recording.path.resolve()}"]
        printed = _execute(command, dut.rtl, progress)
        return _collect(dut, scratch, windows, printed)


def _trace_file(scratch: Path, number: int) -> Path:
    return scratch / f"trace_{number}.bin"


def _verilate(dut: Dut, flags: list[str], sources: Sequence[Path], work: Path) -> None:
    """RTL to C++ in ``work``."""
    tool = tools.verilator()
    command = [tool.command, "--cc", "--exe", *flags, "--Mdir", str(work)]
    tools.call(
        "Verilator refused the RTL",
        [*command, "-F", str((dut.rtl / "files.f").resolve()), *(str(path.resolve()) for path in sources)],
        cwd=dut.rtl,
        environment=tool.environment,
    )


def _compile(work: Path, options: Sequence[str], parts: list[str]) -> None:
    """C++ to the program ``work/Vtop_parts``."""
    jobs = os.cpu_count() or 1
    command = ["make", f"-j{jobs}", "-f", str(folder("sim") / "verilator.mk"), f"CXX={tools.compiler()[0]}"]
    environment = {**tools.verilator().environment, "MAKEFLAGS": ""}
    tools.call(
        "the C++ compiler refused Verilator's output",
        [*command, *options, f"PARTS={' '.join(parts)}", "simulator"],
        cwd=work,
        environment=environment,
    )


def _whole(work: Path, driver: Path) -> str:
    """Write ``whole.cpp``, which includes Verilator's files and the driver; its name without the suffix."""
    files = [*(path.name for path in sorted(work.glob("Vtop*.cpp"))), str(driver)]
    (work / "whole.cpp").write_text("".join(f'#include "{name}"\n' for name in files))
    return "whole"


def _join(work: Path, jobs: int) -> list[str]:
    """Write ``slow.cpp`` and up to ``jobs`` parts of about equal size, which include Verilator's files."""
    files = sorted(work.glob("Vtop*.cpp"), key=lambda path: (-path.stat().st_size, path.name))
    slow = [path for path in files if path.stem.endswith(("__Slow", "__Syms"))]
    fast = [path for path in files if path not in slow]
    total = sum(path.stat().st_size for path in fast)
    count = max(1, min(jobs, total // _PART_BYTES))
    parts: list[list[Path]] = [[] for _ in range(count)]
    sizes = [0] * count
    for path in fast:
        smallest = sizes.index(min(sizes))
        parts[smallest].append(path)
        sizes[smallest] += path.stat().st_size
    named = {f"part_{number}": part for number, part in enumerate(parts)}
    for name, part in {**named, "slow": slow}.items():
        (work / f"{name}.cpp").write_text("".join(f'#include "{path.name}"\n' for path in sorted(part)))
    return list(named)


def _runtime_key(environment: list[str]) -> list[str]:
    return ["runtime", _CXXFLAGS, *_MAKE, *environment]


def _borrow_runtime(work: Path, environment: list[str]) -> None:
    """Verilator's own library is the same for every design: copy its objects if they are in the cache."""
    stored = tools.peek("verilator-runtime", _runtime_key(environment))
    if stored is not None:
        for path in stored.glob(_RUNTIME):
            shutil.copyfile(path, work / path.name)  # newer than its sources, so make leaves it alone


def _lend_runtime(work: Path, environment: list[str]) -> None:
    """Keep the library's objects for the next design."""

    def make(scratch: Path) -> None:
        for path in work.glob(_RUNTIME):
            shutil.copyfile(path, scratch / path.name)

    tools.cached("verilator-runtime", _runtime_key(environment), make)


def _execute(command: list[str], cwd: Path, progress: Progress | None) -> str:
    """Run the simulator program; what it printed. Exit code 1 (stopped early) is not an error here."""
    with subprocess.Popen(
        command, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="replace"
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        printed: list[str] = []
        reader = threading.Thread(target=_drain, args=(process.stdout, printed), daemon=True)
        reader.start()
        errors = []
        for line in process.stderr:
            words = line.split()
            if words[:1] == ["progress"]:
                if progress is not None:
                    done, total = words[1].split("/")
                    progress(int(done), int(total))
            else:
                errors.append(line.strip())
        reader.join()
    if process.returncode not in (0, 1):
        reason = " ".join(errors) or tools.first_line("\n".join(reversed(printed)))
        raise ToolError(f"the simulator program failed (exit code {process.returncode}): {reason}")
    return "\n".join(printed[-20:])


def _drain(stream: IO[str], lines: list[str]) -> None:
    for line in stream:
        lines.append(line.rstrip())
        del lines[:-100]


def _collect(dut: Dut, scratch: Path, windows: Sequence[Window], printed: str) -> Simulation:
    """The result files as a `Simulation`."""
    result = json.loads((scratch / "result.json").read_text())
    stopped = result["stopped"]
    if stopped and printed.strip():
        stopped += f"; the RTL says: {printed.strip().splitlines()[0]}"
    return Simulation(
        beats=tuple(np.load(scratch / f"output_{number}.npy") for number in range(len(dut.outputs))),
        first_in=tuple(np.array(cycles, np.int64) for cycles in result["first_in"]),
        last_out=tuple(np.array(cycles, np.int64) for cycles in result["last_out"]),
        cycles=result["cycles"],
        stopped=stopped,
        traces=tuple(
            _read_trace(dut.monitors[window.engine], _trace_file(scratch, number))
            for number, window in enumerate(windows)
        ),
    )


def _read_trace(monitor: MonitorPort, path: Path) -> Trace:
    """A monitor file: a value's size, then (cycle, value) records."""
    data: NDArray[np.uint8] = np.fromfile(path, np.uint8) if path.exists() else np.zeros(8, np.uint8)
    size = int(data[:8].view(np.uint64)[0])
    records = data[8:]
    records = records[: len(records) // (8 + size) * (8 + size)].reshape(-1, 8 + size)
    cycles = np.ascontiguousarray(records[:, :8]).view(np.int64)[:, 0]
    return Trace(cycles=cycles, values=monitor.values(records[:, 8:]))
