"""C simulation: the HLS form of a build, compiled by a plain C++ compiler and run on frames of stream beats."""

from __future__ import annotations

import importlib.util
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ternc.dialects import Dialect
from ternc.errors import BuildError, ToolError
from ternc.simulate import tools
from ternc.simulate.model import Beats, Dut, SimulationError, check_beats

Types: TypeAlias = Literal["exact", "fast"]

_STANDARD: dict[Dialect, str] = {"vitis": "c++14", "catapult": "c++14", "sycl": "c++17"}
"""The oldest C++ that the wrapper's tool compiles by default."""
_HEADERS: dict[Dialect, str] = {
    "vitis": "templates/vivado/ap_types",
    "catapult": "templates/catapult/ac_types/include",
    "sycl": "templates/catapult/ac_types/include",
}
"""Where below hls4ml the integer types of each dialect lie (Apache-2.0 as their own headers say)."""
_WARNINGS = ("-Wall", "-Wextra", "-Wconversion")
_FOREIGN = ("-Wno-unknown-warning-option", "-Wno-uninitialized", "-Wno-maybe-uninitialized")
"""ap_int's default constructor reads what it has not set, and g++ says so where it is inlined into our text."""
_PATIENCE_SECONDS = 600


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """What to compile.

    Attributes:
        dialect: Whose wrapper.
        types: ``exact``: that tool's integers, as it synthesises them; ``fast``: plain ones, and the fast dot products.
        monitor: Whether every vector that an engine finishes can be recorded.
    """

    dialect: Dialect
    types: Types = "exact"
    monitor: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A compiled simulation.

    Attributes:
        seconds: Of processor time that compiling took; 0 where it was in the cache.
    """

    path: Path
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Run:
    """What came of a run.

    Attributes:
        beats: Of each output port, uint8 ``[frames, beats, bytes]``.
        vectors: Of each engine what it finished, int64 ``[vectors, cols]``; none without the monitor.
        seconds: Of processor time that the frames took.
    """

    beats: tuple[Beats, ...]
    vectors: tuple[NDArray[np.int64], ...]
    seconds: float


def headers(dialect: Dialect) -> Path:
    """The folder with the dialect's integer types, in the installed hls4ml.

    Raises:
        ToolError: hls4ml is not installed, or does not have them.
    """
    spec = importlib.util.find_spec("hls4ml")
    for root in spec.submodule_search_locations or () if spec else ():
        folder = Path(root) / _HEADERS[dialect]
        if folder.is_dir():
            return folder
    raise ToolError(
        f"the integer types of the {dialect} form were not found: hls4ml, whose package has them, is not installed",
        help="pip install 'ternc[hls]'",
    )


def command(hls: Path, form: Form) -> list[str]:
    """The compiler and its options, without the output file.

    Raises:
        BuildError: The build has no such form.
        ToolError: No compiler, or no headers.
    """
    if not (hls / form.dialect / "top.cpp").is_file():
        raise BuildError(
            f"{hls / form.dialect}: the build has no HLS form of this name",
            help=f"compile the model with --hls {form.dialect}, or without --hls for all of them",
        )
    include = [hls / name for name in (form.dialect, "core", "design", "csim", f"csim/{form.dialect}")]
    found = [*tools.compiler()[0].split(), f"-std={_STANDARD[form.dialect]}", *_WARNINGS]
    found += [option for path in include for option in ("-I", str(path))]
    if form.types == "fast":
        found += ["-O3", "-march=native", "-DTERNC_FAST_SIM"]
    else:
        found += ["-O1", *_FOREIGN]
    if form.types == "exact" or form.dialect == "catapult":  # whose channels come with its types
        found += ["-isystem", str(headers(form.dialect))]
    if form.monitor:
        found.append("-DTERNC_MONITOR")
    return [*found, str(hls / form.dialect / "top.cpp"), str(hls / "csim" / "testbench.cpp")]


def build(hls: Path, form: Form, extra: Sequence[str] = ()) -> Program:
    """The simulation of a build's ``hls/``, from the cache if the same text was compiled before.

    Args:
        hls: The build's folder.
        form: What to compile.
        extra: Options for the compiler besides.

    Raises:
        BuildError: The build has no such form.
        ToolError: A tool or header is missing, or the compiler refuses the text.
    """
    hls = hls.resolve()
    options = [*command(hls, form), *extra]
    sources = sorted(path for path in hls.rglob("*") if path.suffix in {".h", ".hpp", ".cpp"})
    texts = [f"{path.relative_to(hls).as_posix()}\n{path.read_text()}" for path in sources]
    named = [option.removeprefix(str(hls)) for option in options]
    seconds = 0.0

    def make(scratch: Path) -> None:
        nonlocal seconds
        before = tools.children_seconds()
        tools.call(
            "the C++ compiler refused the HLS form",
            [*options, "-o", str(scratch / "csim")],
            cwd=hls,
            environment={},
        )
        seconds = tools.children_seconds() - before

    folder = tools.cached("hls", [*texts, *named, tools.compiler()[1], tools.processor()], make)
    return Program(path=folder / "csim", seconds=seconds)


def run(dut: Dut, program: Program, beats: Sequence[Beats], *, monitor: bool = False) -> Run:
    """Run frames.

    Args:
        dut: The design.
        program: Its simulation; with the monitor compiled in if ``monitor``.
        beats: Of each input port, uint8 ``[frames, beats, bytes]``.
        monitor: Record what the engines finish.
    Raises:
        DataError: Beats that do not fit the ports.
        SimulationError: The simulation stopped early.
    """
    check_beats(dut, beats)
    with tempfile.TemporaryDirectory(prefix="ternc-") as name:
        scratch = Path(name)
        arguments = [str(program.path), "--patience", str(_PATIENCE_SECONDS)]
        for number, data in enumerate(beats):
            np.save(scratch / f"input_{number}.npy", data)
            arguments += ["--input", str(scratch / f"input_{number}.npy")]
        for number in range(len(dut.outputs)):
            arguments += ["--output", str(scratch / f"output_{number}.npy")]
        if monitor:
            arguments += ["--monitor", str(scratch / "engine_")]
        done = subprocess.run(arguments, capture_output=True, text=True, errors="replace", check=False)
        if done.returncode != 0:
            raise SimulationError(f"C simulation stopped: {tools.first_line(done.stderr) or done.returncode}")
        return Run(
            beats=tuple(np.load(scratch / f"output_{number}.npy") for number in range(len(dut.outputs))),
            vectors=tuple(
                _read_vectors(scratch / f"engine_{number}.bin", one.cols)
                for number, one in enumerate(dut.monitors)
            )
            if monitor
            else (),
            seconds=float(done.stdout.split()[-1]),
        )


def _read_vectors(path: Path, cols: int) -> NDArray[np.int64]:
    """A monitor file."""
    if not path.exists():
        return np.zeros((0, cols), np.int64)
    data: NDArray[np.int64] = np.fromfile(path, np.int64)
    return data.reshape(-1, cols)
