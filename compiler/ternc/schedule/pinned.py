"""Engines that the user names: a TOML file with the layers and the array of each."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ternc.errors import DataError, ScheduleError
from ternc.network.layers import Network
from ternc.schedule.design import ArrayShape


@dataclass(frozen=True, slots=True, kw_only=True)
class PinnedEngine:
    """One engine.

    Attributes:
        layers: How many of the layers that are left it runs, or their names.
        array: Its shape.
    """

    layers: int | tuple[str, ...]
    array: ArrayShape


def parse_shape(text: str) -> ArrayShape | None:
    """``ROWSxCOLSxLANES[/DRAIN][p]``, or None.

    Each is at least 1, and DRAIN (1 if it is not named) a power of two that divides ROWS. With ``p`` weights are
    packed.
    """
    found = re.fullmatch(r"(\d+)[xX](\d+)[xX](\d+)(?:/(\d+))?(p?)", text, re.ASCII)
    if found is None:
        return None
    rows, cols, lanes, drain = (int(side or 1) for side in found.groups()[:4])
    if min(rows, cols, lanes, drain) < 1 or rows % drain or drain.bit_count() > 1:
        return None
    return ArrayShape(rows=rows, cols=cols, lanes=lanes, drain=drain, packed=bool(found[5]))


def read_engines(path: Path) -> tuple[PinnedEngine, ...]:
    """Engines in the order of the file's ``[[engine]]`` tables.

    Raises:
        DataError: The file cannot be read or is not of that form.
    """
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: must be a TOML file of engines, but cannot be read ({error})") from error
    tables = document.get("engine")
    if not isinstance(tables, list) or not tables or set(document) != {"engine"}:
        raise DataError(
            f"{path}: must hold [[engine]] tables and nothing else",
            help='write one for each engine: [[engine]], then layers = 2 and array = "4x16x8"',
        )
    return tuple(_engine(path, number, table) for number, table in enumerate(tables))


def _engine(path: Path, number: int, table: dict[str, Any]) -> PinnedEngine:
    layers, array = table.get("layers"), table.get("array")
    shape = parse_shape(array) if isinstance(array, str) else None
    if shape is None or set(table) != {"layers", "array"}:
        raise DataError(
            f'{path}: engine {number} must have layers and array = "ROWSxCOLSxLANES[/DRAIN][p]", '
            f"the drain a power of two that divides the rows, but has {table}"
        )
    if isinstance(layers, list) and layers and all(isinstance(name, str) for name in layers):
        return PinnedEngine(layers=tuple(layers), array=shape)
    if isinstance(layers, int) and not isinstance(layers, bool) and layers > 0:
        return PinnedEngine(layers=layers, array=shape)
    raise DataError(f"{path}: layers of engine {number} must be a number or names, but are {layers!r}")


def resolve(engines: Sequence[PinnedEngine], network: Network) -> tuple[tuple[int, ArrayShape], ...]:
    """(layers, array) of each engine of a network.

    Raises:
        ScheduleError: The engines do not run all layers in their order.
    """
    names = [layer.name for layer in network.layers]
    found, first = [], 0
    for number, engine in enumerate(engines):
        count = engine.layers if isinstance(engine.layers, int) else len(engine.layers)
        there = tuple(names[first : first + count])
        if len(there) < count or (not isinstance(engine.layers, int) and there != engine.layers):
            wanted = engine.layers if isinstance(engine.layers, int) else _listed(engine.layers)
            raise ScheduleError(
                f"engine {number} must run {_listed(there) or 'no more layers'}, but is to run {wanted}",
                help=f"the layers are, in order: {_listed(names)}",
            )
        found.append((count, engine.array))
        first += count
    if first < len(names):
        raise ScheduleError(
            f"the engines run {first} of {len(names)} layers; nothing runs {_listed(names[first:])}",
            help="name an engine for every layer",
        )
    return tuple(found)


def _listed(names: Sequence[str]) -> str:
    return ", ".join(f"'{name}'" for name in names)
