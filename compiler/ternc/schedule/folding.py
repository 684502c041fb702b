"""FINN's folding configuration: an engine for each layer, with ``PE`` columns, ``SIMD`` lanes and ``MMV`` rows.

``DRAIN`` and ``PACKED``, which FINN does not have, are those of the array.

    {"Defaults": {}, "conv1": {"PE": 8, "SIMD": 3}, "fc1": {"PE": 4, "SIMD": 16, "MMV": 1}}

What a layer does not say is that of ``"Defaults"``, else 1. Defaults are numbers or, as in FINN, ``[number, ["all"]]``.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ternc.errors import DataError, ScheduleError
from ternc.network.layers import Network
from ternc.schedule.design import ArrayShape
from ternc.schedule.pinned import PinnedEngine

_SIDES = {"PE": "cols", "SIMD": "lanes", "MMV": "rows", "DRAIN": "drain"}
_USUAL = ("PE", "SIMD")
"""Written whatever they are, the others where they are more than 1."""
_PACKED = "PACKED"
_DEFAULTS = "Defaults"


@dataclass(frozen=True, slots=True, kw_only=True)
class Folding:
    """What a file says.

    Attributes:
        default: Of the layers that are not named.
        layers: By name.
    """

    default: ArrayShape
    layers: Mapping[str, ArrayShape]

    def engines(self, network: Network) -> tuple[PinnedEngine, ...]:
        """One for each layer of a network.

        Raises:
            ScheduleError: It names a layer that the network does not have.
        """
        names = [layer.name for layer in network.layers]
        unknown = next((name for name in self.layers if name not in names), None)
        if unknown is not None:
            raise ScheduleError(
                f"the folding names a layer '{unknown}', which the network does not have",
                help=f"its layers are: {', '.join(names)}",
            )
        return tuple(PinnedEngine(layers=1, array=self.layers.get(name, self.default)) for name in names)


def read_folding(path: Path) -> Folding:
    """The folding of a JSON file.

    Raises:
        DataError: The file cannot be read or is not of that form.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: must be a JSON file of foldings, but cannot be read ({error})") from error
    if not isinstance(document, dict):
        raise DataError(
            f"{path}: must hold a JSON object by layer, but holds {type(document).__name__}",
            help='write {"Defaults": {}, "LAYER": {"PE": 8, "SIMD": 3}}',
        )
    one = ArrayShape(rows=1, cols=1, lanes=1)
    default = _shape(path, _DEFAULTS, document.get(_DEFAULTS, {}), one)
    named = {name: entry for name, entry in document.items() if name != _DEFAULTS}
    return Folding(
        default=default,
        layers={name: _shape(path, name, entry, default) for name, entry in named.items()},
    )


def _shape(path: Path, name: str, entry: Any, default: ArrayShape) -> ArrayShape:
    """The array of one entry."""
    if not isinstance(entry, dict):
        raise DataError(f"{path}: '{name}' must be an object with PE and SIMD, but is {entry!r}")
    sides, packed = {side: getattr(default, side) for side in _SIDES.values()}, default.packed
    for key, value in entry.items():
        number = value
        if name == _DEFAULTS and isinstance(value, list) and len(value) == 2 and value[1] == ["all"]:
            number = value[0]
        if key == _PACKED and isinstance(number, bool):
            packed = number
            continue
        if key not in _SIDES:
            raise DataError(
                f"{path}: '{name}' has {key}, but only {', '.join(_SIDES)} and {_PACKED} (true or false) "
                "can be taken over",
                help="leave it out: memories and buffers are ternc's own",
            )
        if not isinstance(number, int) or isinstance(number, bool) or number < 1:
            raise DataError(f"{path}: {key} of '{name}' must be a number of at least 1, but is {value!r}")
        sides[_SIDES[key]] = number
    rows, drain = sides["rows"], sides["drain"]
    if rows % drain or drain.bit_count() > 1:
        raise DataError(
            f"{path}: DRAIN of '{name}' must be a power of two that divides MMV = {rows}, but is {drain}"
        )
    return ArrayShape(**sides, packed=packed)


def folding_text(engines: Iterable[tuple[tuple[str, ...], ArrayShape]]) -> str:
    """The JSON text for engines of one layer each; ``MMV`` and ``DRAIN`` of 1 and ``PACKED`` of false are left out.

    Raises:
        ScheduleError: An engine runs several layers.
    """
    document: dict[str, dict[str, int | bool]] = {_DEFAULTS: {}}
    for number, (layers, shape) in enumerate(engines):
        if len(layers) > 1:
            raise ScheduleError(
                f"engine {number} runs {len(layers)} layers, '{layers[0]}' to '{layers[-1]}', "
                "but a folding has an engine for each layer",
                help="name engines that share layers with --array ENGINES.toml",
            )
        document[layers[0]] = {
            key: getattr(shape, side)
            for key, side in _SIDES.items()
            if key in _USUAL or getattr(shape, side) > 1
        }
        if shape.packed:
            document[layers[0]][_PACKED] = True
    return json.dumps(document, indent=2) + "\n"
