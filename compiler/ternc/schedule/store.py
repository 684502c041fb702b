"""The part of a Design that running a build needs, as ``design.json`` in the build directory."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from ternc.errors import BuildError
from ternc.schedule.design import ArrayShape, Design, StreamPort

FILE = "design.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredDesign:
    """What a simulation needs to know of a design."""

    name: str
    inputs: tuple[StreamPort, ...]
    outputs: tuple[StreamPort, ...]
    cycles_per_frame: int
    latency_cycles: int
    array: ArrayShape
    value_bits: int


def save(design: Design) -> bytes:
    """The contents of ``design.json``."""
    (engine,) = design.engines
    document = {
        "name": design.name,
        "device": design.device,
        "clock_mhz": design.clock_mhz,
        "array": asdict(engine.geometry.shape),
        "inputs": [asdict(port) for port in design.inputs],
        "outputs": [asdict(port) for port in design.outputs],
        "cycles_per_frame": design.cycles_per_frame,
        "latency_cycles": design.latency_cycles,
        "value_bits": engine.geometry.value_bits,
    }
    return (json.dumps(document, indent=2, sort_keys=True) + "\n").encode()


def load(build: Path) -> StoredDesign:
    """Reads ``design.json`` back.

    Raises:
        BuildError: The file is missing or damaged.
    """
    path = build / FILE
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        stored = StoredDesign(
            name=document["name"],
            inputs=tuple(StreamPort(**port) for port in document["inputs"]),
            outputs=tuple(StreamPort(**port) for port in document["outputs"]),
            cycles_per_frame=document["cycles_per_frame"],
            latency_cycles=document["latency_cycles"],
            array=ArrayShape(**document["array"]),
            value_bits=document["value_bits"],
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BuildError(
            f"{path}: must be the design description that ternc wrote, but it cannot be read"
        ) from error
    return stored
