"""A build directory, opened for running."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from ternc.errors import BuildError
from ternc.network import store as network_store
from ternc.network.layers import Network
from ternc.schedule import store as design_store
from ternc.schedule.store import StoredEngine
from ternc.schedule.timing import watchdog_cycles
from ternc.simulate.model import Dut, MonitorPort


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Opened:
    """What verification needs of a build.

    Attributes:
        path: The build directory.
        network: The integer network that it computes.
        dut: Its RTL.
        cycles_per_frame, latency_cycles: As predicted.
        engines: Its engines, which say in which order finished vectors are written.
    """

    path: Path
    network: Network
    dut: Dut
    cycles_per_frame: int
    latency_cycles: int
    engines: tuple[StoredEngine, ...]

    @property
    def model(self) -> Path:
        """The build's own copy of the ONNX model."""
        return self.path / "model" / "model.onnx"


def open_build(path: Path) -> Opened:
    """Read a build directory.

    Raises:
        BuildError: There is none, or it is not one of ours, or a part of it is missing.
    """
    if not path.is_dir():
        raise BuildError(f"{path}: no such build directory", help="compile the model first: ternc MODEL.onnx")
    if not (path / "manifest.json").is_file():
        raise BuildError(f"{path}: must be a build directory of ternc, but has no manifest.json")
    network = network_store.load(path / "model")
    design = design_store.load(path)
    dut = Dut(
        rtl=path / "rtl",
        top=design.name,
        inputs=design.inputs,
        outputs=design.outputs,
        monitors=tuple(
            MonitorPort(cols=engine.shape.cols, value_bits=engine.value_bits, vectors=engine.shape.drain)
            for engine in design.engines
        ),
        watchdog_cycles=watchdog_cycles(design.latency_cycles, design.cycles_per_frame),
        stretch_cycles=max(2 * design.cycles_per_frame, design.latency_cycles) + 64,
        reloadable=design.reloadable,
    )
    return Opened(
        path=path,
        network=network,
        dut=dut,
        cycles_per_frame=design.cycles_per_frame,
        latency_cycles=design.latency_cycles,
        engines=design.engines,
    )


def modified_files(path: Path) -> tuple[str, ...]:
    """Files of a build that are missing or are not what the manifest says, sorted.

    Raises:
        BuildError: The manifest cannot be read.
    """
    try:
        files = json.loads((path / "manifest.json").read_text())["files"]
        digests = {str(name): str(digest) for name, digest in files.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise BuildError(f"{path / 'manifest.json'}: must be the manifest of a ternc build") from error
    return tuple(name for name, digest in sorted(digests.items()) if _digest(path / name) != digest)


def _digest(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return ""
