"""Running a build on data: ONNX inputs to ONNX outputs."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ternc.network import golden, host
from ternc.simulate import verilator
from ternc.simulate.model import Progress
from ternc.simulate.opened import Opened, open_build
from ternc.simulate.streams import pack, unpack
from ternc.simulate.verify import run_parts


def predict(
    path: Path,
    x: NDArray[Any],
    engine: Literal["golden", "rtl"] = "golden",
    progress: Progress | None = None,
) -> NDArray[Any]:
    """The output that the ONNX model gives for ``x``, computed by the build.

    Args:
        path: Build directory.
        x: ONNX inputs ``[N, ...]``.
        engine: ``golden`` is the integer network in numpy, ``rtl`` the hardware in Verilator.
        progress: Told about frames simulated.
    Returns:
        ONNX outputs ``[N, ...]``.
    Raises:
        BuildError: Not a build directory.
        DataError: ``x`` is no input of this network.
        ToolError: Verilator is missing, or the hardware stopped.
    """
    build = open_build(path)
    network = build.network
    codes = host.encode(network.prologue, network.input, x)
    found = golden.predict(network, codes) if engine == "golden" else _simulate(build, codes, progress)
    return host.decode(network.output, network.tensor(network.output.tensor), found)


def _simulate(build: Opened, codes: NDArray[np.int64], progress: Progress | None) -> NDArray[np.int64]:
    """What the hardware gives: maps ``[N, C, H, W]``, or an argmax's indices ``[N, H, W]``."""
    beats = pack(build.dut.input_port, codes)
    verilator.build(build.dut)
    jobs = os.cpu_count() or 1
    parts = run_parts(verilator.run, build.dut, beats, stalls=None, jobs=jobs, progress=progress)
    maps = unpack(build.dut.output_port, np.concatenate([part.simulation.complete().beats for part in parts]))
    return maps[:, 0] if build.network.output.argmax else maps
