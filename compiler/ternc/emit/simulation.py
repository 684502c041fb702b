"""The build's own regression, ``sim/``: vectors and cocotb tests that need nothing of ternc."""

from __future__ import annotations

import io
import json
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from ternc.emit.env import comment, render
from ternc.errors import InternalError
from ternc.resources import folder
from ternc.schedule.design import Design, StreamPort
from ternc.schedule.timing import TIMED_FRAMES

_COPIED = ("axi_stream.py", "run.py", "scoreboard.py", "test_network.py")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Vectors:
    """Frames to send and what must come back: of each port the stream beats of the same frames, at least one.

    Attributes:
        inputs, outputs: uint8 ``[frames, beats, bytes]``, in the order of the design's ports.
    """

    inputs: tuple[NDArray[np.uint8], ...]
    outputs: tuple[NDArray[np.uint8], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _PortView:
    name: str
    value: str
    beats: int
    bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _View:
    top: str
    frames: int
    inputs: tuple[_PortView, ...]
    outputs: tuple[_PortView, ...]
    latency_cycles: int
    cycles_per_frame: int


def emit(design: Design, vectors: Vectors) -> dict[str, bytes]:
    """The files of a build's ``sim/``, by path below it; the same bytes for the same arguments.

    Raises:
        InternalError: The vectors do not fit the design's ports.
    """
    ports = (*design.inputs, *design.outputs)
    beats = (*vectors.inputs, *vectors.outputs)
    if len(vectors.inputs) != len(design.inputs) or len(vectors.outputs) != len(design.outputs):
        raise InternalError("emit", f"vectors for {len(beats)} ports, the design has {len(ports)}")
    for port, data in zip(ports, beats, strict=True):
        _check(port, data, len(beats[0]))
    view = _View(
        top=design.name,
        frames=len(beats[0]),
        inputs=tuple(_port(port) for port in design.inputs),
        outputs=tuple(_port(port) for port in design.outputs),
        latency_cycles=design.latency_cycles,
        cycles_per_frame=design.cycles_per_frame,
    )
    kit = folder("sim") / "kit"
    return {
        **{name: (kit / name).read_bytes() for name in _COPIED},
        "Makefile": render("sim/Makefile.j2", view),
        "README.md": render("sim/README.md.j2", view),
        "design.json": _design_json(design),
        **{f"vectors/{port.name}.npy": _npy(data) for port, data in zip(ports, beats, strict=True)},
    }


def _port(port: StreamPort) -> _PortView:
    return _PortView(
        name=port.name, value=comment(port.value), beats=port.beats_per_frame, bytes=port.data_bytes
    )


def _check(port: StreamPort, beats: NDArray[np.uint8], frames: int) -> None:
    wanted = (frames, port.beats_per_frame, port.data_bytes)
    if beats.dtype != np.uint8 or beats.shape != wanted or frames == 0:
        raise InternalError(
            "emit",
            f"beats of port '{port.name}' are {beats.dtype} {list(beats.shape)}, not uint8 {list(wanted)}",
        )


def _design_json(design: Design) -> bytes:
    document = {
        "top": design.name,
        "inputs": [asdict(port) for port in design.inputs],
        "outputs": [asdict(port) for port in design.outputs],
        "timed_frames": TIMED_FRAMES,
        "cycles_per_frame": design.cycles_per_frame,
        "latency_cycles": design.latency_cycles,
    }
    return (json.dumps(document, indent=2) + "\n").encode()


def _npy(array: NDArray[np.uint8]) -> bytes:
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, np.ascontiguousarray(array), version=(1, 0), allow_pickle=False)
    return buffer.getvalue()
