"""The same network through ternc and through hls4ml, side by side: what ``ternc compare`` shows."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ternc import frontend, pipeline
from ternc.errors import ToolError
from ternc.simulate import hls
from ternc.simulate.ends import decode, from_ports
from ternc.simulate.frames import chosen
from ternc.simulate.hls import Form
from ternc.simulate.opened import open_build
from ternc.simulate.streams import pack_all, unpack

PRECISION = "fixed<16,6>"
"""hls4ml's default type, for values for which it infers none."""
_CLOSE = 1e-4
"""Of the largest output: a frame whose outputs differ by no more is equal to the model's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One of the two.

    Attributes:
        tool: Which, with its version.
        problem: Why it gives no numbers; empty if it does.
        equal: Frames whose outputs are those of the ONNX model, as far as float32 can tell.
        same_largest: Frames whose largest output is the same one.
        largest: Difference found.
        compile_seconds: Processor time to compile the C simulation.
        frames_per_second: Of the C simulation, a second of processor time.
        source_bytes: Of the generated text, without the library that is the same for all designs.
    """

    tool: str
    problem: str = ""
    equal: int = 0
    same_largest: int = 0
    largest: float = 0.0
    compile_seconds: float = 0.0
    frames_per_second: float = 0.0
    source_bytes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Both, on so many frames."""

    model: str
    frames: int
    sides: tuple[Side, ...]


def compare(model: Path, *, backend: str, frames: int, options: pipeline.CompileOptions) -> Comparison:
    """Compile a model both ways and run the C simulations on the same inputs.

    Args:
        model: The ONNX file, with one input and one output.
        backend: Of hls4ml: Vitis, Quartus, Catapult ...
        frames: How many to run.
        options: Of ternc's side.
    Raises:
        TerncError: ternc refuses the model, or hls4ml is not installed.
    """
    if importlib.util.find_spec("hls4ml") is None:
        raise ToolError("hls4ml is not installed", help="pip install 'ternc[hls]' qonnx")
    with tempfile.TemporaryDirectory(prefix="ternc-") as scratch:
        out = Path(scratch) / "build"
        pipeline.compile(model, out=out, options=replace(options, emit=("hls",), hls=("vitis",)))
        build = open_build(out)
        drawn = chosen(build.network, frames, 0)
        expected = next(iter(frontend.execute(build.model, drawn.inputs).values())).reshape(frames, -1)
        program = hls.build(out / "hls", Form(dialect="vitis", types="fast"))
        run = hls.run(build.dut, program, pack_all(build.dut.inputs, drawn.codes))
        ports = zip(build.dut.outputs, run.beats, strict=True)
        maps = [unpack(port, beats) for port, beats in ports]
        got = next(iter(decode(build.network, from_ports(build.network, maps)).values()))
        design = [path for path in (out / "hls" / "design").rglob("*") if path.is_file()]
        ours = _judged(
            Side(
                tool="ternc",
                compile_seconds=program.seconds,
                frames_per_second=frames / max(run.seconds, 1e-6),
                source_bytes=sum(path.stat().st_size for path in design),
            ),
            got.reshape(frames, -1),
            expected,
        )
        inputs = next(iter(drawn.inputs.values()))
        theirs = _hls4ml(build.model, backend, inputs, expected, Path(scratch))
    return Comparison(model=model.name, frames=frames, sides=(ours, theirs))


def _judged(side: Side, got: NDArray[Any], expected: NDArray[Any]) -> Side:
    """The side with its outputs compared."""
    if got.shape != expected.shape:
        return replace(
            side, problem=f"its outputs have the shape {list(got.shape)}, not {list(expected.shape)}"
        )
    difference = np.abs(got.astype(np.float64) - expected).max(axis=1)
    near = difference <= _CLOSE * max(1e-30, float(np.abs(expected).max()))
    same = got.argmax(axis=1) == expected.argmax(axis=1)
    return replace(side, equal=int(near.sum()), same_largest=int(same.sum()), largest=float(difference.max()))


def _hls4ml(model: Path, backend: str, inputs: NDArray[Any], expected: NDArray[Any], scratch: Path) -> Side:
    """hls4ml's side, from a process of its own."""
    np.save(scratch / "x.npy", inputs)
    request = {
        "model": str(model),
        "backend": backend,
        "precision": PRECISION,
        "inputs": str(scratch / "x.npy"),
        "folder": str(scratch),
    }
    (scratch / "request.json").write_text(json.dumps(request))
    command = [sys.executable, "-m", "ternc.plugins.hls4ml_run", str(scratch / "request.json")]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    side = Side(tool=f"hls4ml ({backend})")
    if not (scratch / "answer.json").is_file():
        lines = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        return replace(side, problem=f"it stopped: {lines[-1]}")
    answer = json.loads((scratch / "answer.json").read_text())
    side = replace(side, tool=f"hls4ml {answer.get('version', '')} ({backend})")
    if "error" in answer:
        return replace(side, problem=answer["error"])
    side = replace(
        side,
        compile_seconds=answer["compile_seconds"],
        frames_per_second=len(inputs) / max(answer["run_seconds"], 1e-6),
        source_bytes=answer["source_bytes"],
    )
    return _judged(side, np.load(scratch / "y.npy"), expected)
