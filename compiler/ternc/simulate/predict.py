"""Running a build on data: ONNX inputs to ONNX outputs."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ternc.network import golden
from ternc.simulate import verilator
from ternc.simulate.ends import Codes, Values, decode, encode, from_ports, named_inputs, names
from ternc.simulate.model import Progress
from ternc.simulate.opened import Opened, open_build
from ternc.simulate.streams import pack_all, unpack
from ternc.simulate.verify import run_parts


def predict(
    path: Path,
    x: NDArray[Any] | Mapping[str, NDArray[Any]],
    engine: Literal["golden", "rtl"] = "golden",
    progress: Progress | None = None,
) -> Values:
    """The outputs that the ONNX model gives for ``x``, computed by the build.

    Args:
        path: Build directory.
        x: ONNX inputs ``[N, ...]`` by name, or the array of the only one.
        engine: ``golden`` is the integer network in numpy, ``rtl`` the hardware in Verilator.
        progress: Told about frames simulated.
    Returns:
        ONNX outputs ``[N, ...]`` by name; of a build with an outlier detector also ``anomaly_score`` (float64
        ``[N]``) and ``anomaly`` (bool ``[N]``).
    Raises:
        BuildError: Not a build directory.
        DataError: ``x`` is no input of this network.
        ToolError: Verilator is missing, the hardware stopped, or the host's part of the model cannot be run.
    """
    build = open_build(path)
    codes = encode(build.network, named_inputs(build.network, x))
    if engine == "golden":
        return decode(build.network, golden.predict(build.network, codes))
    return decode(build.network, _simulate(build, codes, progress))


def outputs(path: Path) -> tuple[str, ...]:
    """The names of what `predict` returns.

    Raises:
        BuildError: Not a build directory.
    """
    return names(open_build(path).network)


def _simulate(build: Opened, codes: Sequence[Codes], progress: Progress | None) -> tuple[Codes, ...]:
    """What the hardware gives, as `golden.predict` returns it."""
    beats = pack_all(build.dut.inputs, codes)
    verilator.build(build.dut)
    jobs = os.cpu_count() or 1
    parts = run_parts(verilator.run, build.dut, beats, stalls=None, jobs=jobs, progress=progress)
    runs = [part.simulation.complete() for part in parts]
    maps = [
        unpack(port, np.concatenate([run.beats[k] for run in runs]))
        for k, port in enumerate(build.dut.outputs)
    ]
    return from_ports(build.network, maps)
