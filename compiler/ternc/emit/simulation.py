"""The build's own regression, ``sim/``: vectors and cocotb tests that need nothing of ternc."""

from __future__ import annotations

import io
import json
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from ternc.emit.env import render
from ternc.errors import InternalError
from ternc.resources import folder
from ternc.schedule.design import Design, StreamPort

_COPIED = ("axi_stream.py", "run.py", "scoreboard.py", "test_network.py")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Vectors:
    """Frames to send and what must come back.

    Attributes:
        input, output: Stream beats of the same frames, uint8 ``[frames, beats, bytes]``; at least one frame.
    """

    input: NDArray[np.uint8]
    output: NDArray[np.uint8]


@dataclass(frozen=True, slots=True, kw_only=True)
class _View:
    top: str
    frames: int
    input_beats: int
    input_bytes: int
    output_beats: int
    output_bytes: int
    latency_cycles: int
    cycles_per_frame: int


def emit(design: Design, vectors: Vectors) -> dict[str, bytes]:
    """The files of a build's ``sim/``, by path below it; the same bytes for the same arguments.

    Raises:
        InternalError: The vectors do not fit the design's ports.
    """
    _check("input", design.input_port, vectors.input)
    _check("output", design.output_port, vectors.output)
    if len(vectors.input) != len(vectors.output) or len(vectors.input) == 0:
        raise InternalError("emit", f"{len(vectors.input)} input and {len(vectors.output)} output frames")
    view = _View(
        top=design.name,
        frames=len(vectors.input),
        input_beats=design.input_port.beats_per_frame,
        input_bytes=design.input_port.data_bytes,
        output_beats=design.output_port.beats_per_frame,
        output_bytes=design.output_port.data_bytes,
        latency_cycles=design.latency_cycles,
        cycles_per_frame=design.cycles_per_frame,
    )
    kit = folder("sim") / "kit"
    return {
        **{name: (kit / name).read_bytes() for name in _COPIED},
        "Makefile": render("sim/Makefile.j2", view),
        "README.md": render("sim/README.md.j2", view),
        "design.json": _design_json(design),
        "expected_output.npy": _npy(vectors.output),
        "input.npy": _npy(vectors.input),
    }


def _check(name: str, port: StreamPort, beats: NDArray[np.uint8]) -> None:
    wanted = (port.beats_per_frame, port.data_bytes)
    if beats.dtype != np.uint8 or beats.ndim != 3 or beats.shape[1:] != wanted:
        raise InternalError(
            "emit", f"{name} beats are {beats.dtype} {list(beats.shape)}, the port has {wanted}"
        )


def _design_json(design: Design) -> bytes:
    document = {
        "top": design.name,
        "input_port": asdict(design.input_port),
        "output_port": asdict(design.output_port),
        "cycles_per_frame": design.cycles_per_frame,
        "latency_cycles": design.latency_cycles,
    }
    return (json.dumps(document, indent=2) + "\n").encode()


def _npy(array: NDArray[np.uint8]) -> bytes:
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, np.ascontiguousarray(array), version=(1, 0), allow_pickle=False)
    return buffer.getvalue()
