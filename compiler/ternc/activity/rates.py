"""From the nets of a SAIF file to toggle rates by engine and module."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from ternc.activity.roles import Module, Role
from ternc.activity.rows import Activity, LogicRow, MemoryRow, StreamRow
from ternc.activity.saif import Net, Saif
from ternc.errors import ToolError

_MEMORIES = ("ternc_ram", "ternc_rom")
_ENGINE = re.compile(r"u_engine_(\d+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """Which module a scope belongs to; generate blocks are no instances.

    Attributes:
        module: Its name.
        path: The instances down to it, without the top module; ``block[3].instance`` where it is in a block.
    """

    module: str
    path: tuple[str, ...]

    @property
    def engine(self) -> int | None:
        found = _ENGINE.fullmatch(self.path[0]) if self.path else None
        return int(found[1]) if found else None


@dataclass(slots=True)
class _Sum:
    """What belongs into one row.

    Attributes:
        paths: Its instances.
        bits, changes: Of its signals by their role.
        read_bits, read_changes: Of a memory's read registers.
        writing: Time for which memories are written, added up.
    """

    paths: set[tuple[str, ...]] = field(default_factory=set)
    bits: dict[Role, int] = field(default_factory=lambda: dict.fromkeys(Role, 0))
    changes: dict[Role, int] = field(default_factory=lambda: dict.fromkeys(Role, 0))
    read_bits: int = 0
    read_changes: int = 0
    writing: int = 0


def rates(
    recorded: Saif, modules: Mapping[str, Module], top: str, streams: Sequence[tuple[str, str]], period: int
) -> Activity:
    """How often registers, nets, memories and streams change.

    Args:
        recorded: The nets; what is not below ``top`` is left out.
        modules: What the RTL's modules consist of.
        top: The top module, also the name of its instance.
        streams: Name and direction (``in``, ``out``) of each stream.
        period: The clock's period in the unit of ``recorded``.
    Returns:
        Rows by engine and module, without clock rate, resources and files.
    Raises:
        ToolError: The file is of another design, or shorter than one period.
    """
    cycles = recorded.duration // period
    if cycles < 1:
        raise ToolError(
            f"a recording must be of at least one cycle ({period}), but is of {recorded.duration}"
        )
    places = _Places(modules, top)
    logic: dict[tuple[int, str], _Sum] = defaultdict(_Sum)
    memories: dict[tuple[int, str, str], _Sum] = defaultdict(_Sum)
    ports: dict[str, list[Net]] = defaultdict(list)
    for net in recorded.nets:
        place = places.of(net.scope)
        if place is None:
            continue
        if not place.path:
            ports[net.name].append(net)
        engine = -1 if place.engine is None else place.engine
        if place.module in _MEMORIES:
            _add_memory(memories[engine, _shared_name(place.path), place.module], place, net)
        else:
            _add(logic[engine, place.module], place, net, modules[place.module].role(net.name))
    if not ports:
        raise ToolError(f"a recording must be of the module '{top}', but has no such instance")
    return Activity(
        cycles=cycles,
        logic=tuple(
            _logic_row(engine, module, found, cycles)
            for (engine, module), found in sorted(logic.items())
            if found.bits[Role.REGISTER] + found.bits[Role.NET]
        ),
        memories=tuple(
            _memory_row(key, found, cycles, recorded.duration) for key, found in sorted(memories.items())
        ),
        streams=tuple(
            _stream_row(name, direction, ports, cycles, recorded.duration) for name, direction in streams
        ),
    )


class _Places:
    """Finds the module around a scope."""

    def __init__(self, modules: Mapping[str, Module], top: str) -> None:
        self._modules, self._top = modules, top
        self._known: dict[tuple[str, ...], _Place | None] = {}

    def of(self, scope: tuple[str, ...]) -> _Place | None:
        """The module around a scope; None outside the top module."""
        if scope not in self._known:
            self._known[scope] = self._find(scope)
        return self._known[scope]

    def _find(self, scope: tuple[str, ...]) -> _Place | None:
        if scope[:1] != (self._top,) or self._top not in self._modules:
            return None
        module, blocks = self._top, ""
        path: list[str] = []
        for name in scope[1:]:
            child = self._modules[module].children.get(name)
            if child is None:
                blocks += f"{name}."
            else:
                path.append(blocks + name)
                module, blocks = child, ""
        return _Place(module=module, path=tuple(path))


def _add(found: _Sum, place: _Place, net: Net, role: Role) -> None:
    found.paths.add(place.path)
    found.bits[role] += 1
    found.changes[role] += net.changes


def _add_memory(found: _Sum, place: _Place, net: Net) -> None:
    found.paths.add(place.path)
    if net.name == "read_q":
        found.read_bits += 1
        found.read_changes += net.changes
    elif net.name == "wr_en_i":
        found.writing += net.high


def _shared_name(path: tuple[str, ...]) -> str:
    """Name of all memories of a kind: the instances below the engine without their numbers."""
    inside = path[1:] if _ENGINE.fullmatch(path[0]) else path
    return "/".join(re.sub(r"^.*\.|(_\d+)+$", "", name) for name in inside)


def percent(changes: int, bits: int, cycles: int) -> float | None:
    """Changes of a bit in 100 cycles on average; None without bits."""
    return 100 * changes / (bits * cycles) if bits else None


def _logic_row(engine: int, module: str, found: _Sum, cycles: int) -> LogicRow:
    registers, nets = found.bits[Role.REGISTER], found.bits[Role.NET]
    both = found.changes[Role.REGISTER] + found.changes[Role.NET]
    return LogicRow(
        engine=None if engine < 0 else engine,
        module=module,
        instances=len(found.paths),
        registers=registers,
        nets=nets,
        register_toggle=percent(found.changes[Role.REGISTER], registers, cycles),
        net_toggle=percent(found.changes[Role.NET], nets, cycles),
        toggle=percent(both, registers + nets, cycles) or 0.0,
    )


def _memory_row(key: tuple[int, str, str], found: _Sum, cycles: int, duration: int) -> MemoryRow:
    engine, name, module = key
    count = len(found.paths)
    return MemoryRow(
        engine=None if engine < 0 else engine,
        module=name,
        kind="RAM" if module == "ternc_ram" else "ROM",
        instances=count,
        read_bits=found.read_bits,
        write=100 * found.writing / (duration * count),
        toggle=percent(found.read_changes, found.read_bits, cycles) or 0.0,
    )


def _stream_row(
    name: str, direction: str, ports: Mapping[str, Iterable[Net]], cycles: int, duration: int
) -> StreamRow:
    nets = {part: list(ports.get(f"{name}_{part}", ())) for part in ("tdata", "tvalid", "tready", "tlast")}
    data, control = nets["tdata"], [*nets["tvalid"], *nets["tready"], *nets["tlast"]]
    return StreamRow(
        stream=name,
        direction=direction,
        bits=len(data),
        toggle=percent(sum(net.changes for net in data), len(data), cycles) or 0.0,
        control_toggle=percent(sum(net.changes for net in control), len(control), cycles) or 0.0,
        valid=100 * sum(net.high for net in nets["tvalid"]) / duration,
    )
