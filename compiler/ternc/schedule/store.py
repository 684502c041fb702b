"""The part of a Design that running a build needs, as ``design.json`` in the build directory."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from ternc.errors import BuildError
from ternc.schedule.design import ArrayShape, Design, Engine, StreamPort

FILE = "design.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredEngine:
    """What says in which order an engine finishes which vectors.

    Attributes:
        shape: Its array.
        value_bits: Signed width of a finished value.
        layers: Names of its layers, in the order in which they run.
    """

    shape: ArrayShape
    value_bits: int
    layers: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredDesign:
    """What a simulation, and another network on the same hardware, need to know of a design."""

    name: str
    inputs: tuple[StreamPort, ...]
    outputs: tuple[StreamPort, ...]
    cycles_per_frame: int
    latency_cycles: int
    engines: tuple[StoredEngine, ...]
    device: str = ""
    clock_mhz: float = 0.0
    reloadable: bool = False


def save(design: Design) -> bytes:
    """The contents of ``design.json``."""
    document = {
        "name": design.name,
        "device": design.device,
        "chip": asdict(design.chip),
        "clock_mhz": design.clock_mhz,
        "engines": [asdict(stored(engine)) for engine in design.engines],
        "inputs": [asdict(port) for port in design.inputs],
        "outputs": [asdict(port) for port in design.outputs],
        "cycles_per_frame": design.cycles_per_frame,
        "latency_cycles": design.latency_cycles,
        "reloadable": design.reloadable,
    }
    return (json.dumps(document, indent=2, sort_keys=True) + "\n").encode()


def stored(engine: Engine) -> StoredEngine:
    """The part of an engine that is stored."""
    return StoredEngine(
        shape=engine.geometry.shape,
        value_bits=engine.geometry.value_bits,
        layers=engine.layers,
    )


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
            device=document["device"],
            clock_mhz=document["clock_mhz"],
            reloadable=document["reloadable"],
            engines=tuple(
                StoredEngine(
                    shape=ArrayShape(**engine["shape"]),
                    value_bits=engine["value_bits"],
                    layers=tuple(engine["layers"]),
                )
                for engine in document["engines"]
            ),
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BuildError(
            f"{path}: must be the design description that ternc wrote, but it cannot be read"
        ) from error
    return stored
