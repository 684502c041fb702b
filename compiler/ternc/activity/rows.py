"""Switching activity as data, JSON and a CSV in the terms of Intel's Early Power Estimator."""

from __future__ import annotations

import csv
import io
from dataclasses import asdict, dataclass
from typing import Any

_COLUMNS = (
    *(
        "Worksheet",
        "Engine",
        "Module",
        "Instances",
        "Clock Freq (MHz)",
        "Toggle %",
        "FF Toggle %",
        "Net Toggle %",
    ),
    *("#FFs", "#Nets", "#Half ALMs", "Type", "Read bits", "Enable %", "Write %", "Pins", "Valid %"),
)

DRAWN = "Inputs: the corners of their ranges, then random codes. Real data toggle differently: use --input."
MEASURED = (
    "Toggle %: clock cycles in which a bit changes, averaged over the bits, in a simulation of the RTL without gate "
    "delays: no glitches, and nets as the RTL names them, not as a tool maps them."
)
_ESTIMATED = (
    "#FFs and #Nets are bits that the RTL names and the figures average over. Estimates of the whole design"
)
_MEMORY = (
    "RAM: each memory reads in every cycle; Toggle % is that of its read register, not counted under Logic."
)
_PINS = "I/O: bits of tdata; they are pins only where the core alone is the FPGA's content."


@dataclass(frozen=True, slots=True, kw_only=True)
class LogicRow:
    """All instances of a module in one engine.

    Attributes:
        engine: Its number; None outside all engines.
        module, instances: Which RTL module, and how many of it.
        registers, nets: Bits averaged over: those assigned at the clock's edge, and those of logic in between.
        register_toggle, net_toggle, toggle: Changes a cycle of a bit in percent: of the first, the second, both; None
            without such bits.
    """

    engine: int | None
    module: str
    instances: int
    registers: int
    nets: int
    register_toggle: float | None
    net_toggle: float | None
    toggle: float


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryRow:
    """Memories with the same task in one engine.

    Attributes:
        engine: Its number; None outside all engines.
        module: The instances down to them.
        kind: ``RAM`` or ``ROM``.
        instances: How many.
        read_bits: Bits of all read ports together.
        write: Share of the cycles in which one is written, in percent.
        toggle: Changes a cycle of a bit of the read registers, in percent.
    """

    engine: int | None
    module: str
    kind: str
    instances: int
    read_bits: int
    write: float
    toggle: float


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamRow:
    """One stream of the core.

    Attributes:
        stream, direction: Its name; ``in`` or ``out``.
        bits: Width of tdata.
        toggle, control_toggle: Changes a cycle of a bit of tdata, and of valid, ready and last, in percent.
        valid: Share of the cycles in which valid is high, in percent.
    """

    stream: str
    direction: str
    bits: int
    toggle: float
    control_toggle: float
    valid: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """What the build's report estimates of one kind; ``basis`` says how."""

    unit: str
    used: int
    basis: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Activity:
    """Switching activity of a recorded run.

    Attributes:
        cycles: Clock cycles recorded, from reset to the last beat out.
        logic, memories, streams: The figures.
        frames: Frames that ran back to back.
        drawn: Whether they were drawn instead of given.
        clock_mhz: The build's clock.
        resources: Logic, registers, block RAMs and multipliers of the whole design, estimated.
        files: What was written, below the build directory.
        modified: Files of the build that are not what its manifest says.
    """

    cycles: int
    logic: tuple[LogicRow, ...]
    memories: tuple[MemoryRow, ...]
    streams: tuple[StreamRow, ...]
    frames: int = 0
    drawn: bool = False
    clock_mhz: float = 0.0
    resources: tuple[Resource, ...] = ()
    files: tuple[str, ...] = ()
    modified: tuple[str, ...] = ()

    @property
    def whole(self) -> LogicRow:
        """Registers and nets of all rows together."""
        registers = sum(row.registers for row in self.logic)
        nets = sum(row.nets for row in self.logic)
        on_registers = sum(row.registers * (row.register_toggle or 0.0) for row in self.logic)
        on_nets = sum(row.nets * (row.net_toggle or 0.0) for row in self.logic)
        return LogicRow(
            engine=None,
            module="whole design",
            instances=1,
            registers=registers,
            nets=nets,
            register_toggle=on_registers / registers if registers else None,
            net_toggle=on_nets / nets if nets else None,
            toggle=(on_registers + on_nets) / max(1, registers + nets),
        )

    def notes(self) -> tuple[str, ...]:
        """What a reader of the figures must know."""
        estimates = ", ".join(f"{found.used:,} {found.unit} ({found.basis})" for found in self.resources)
        found = [DRAWN] if self.drawn else []
        found += [MEASURED, _MEMORY, _PINS]
        if estimates:
            found.append(f"{_ESTIMATED}, from report/performance.json: {estimates}; no tool synthesised it.")
        if self.modified:
            found.append(
                f"{len(self.modified)} files were changed after the build, first {self.modified[0]}."
            )
        return tuple(found)

    def to_json(self) -> dict[str, Any]:
        """The document that ``ternc activity --json`` prints; percentages with four decimals."""
        rounded = {
            name: [_rounded(asdict(row)) for row in rows]
            for name, rows in (("logic", self.logic), ("memories", self.memories), ("streams", self.streams))
        }
        return {
            "frames": self.frames,
            "inputs": "drawn" if self.drawn else "given",
            "cycles": self.cycles,
            "clock_mhz": self.clock_mhz,
            "whole_design": _rounded(asdict(self.whole)),
            **rounded,
            "resources": [asdict(found) for found in self.resources],
            "files": list(self.files),
            "notes": list(self.notes()),
        }

    def to_csv(self) -> str:
        """Rows for the Logic, RAM and I/O worksheets, then the notes; lines end in a newline."""
        text = io.StringIO()
        table = csv.DictWriter(text, _COLUMNS, lineterminator="\n", restval="")
        table.writeheader()
        clock = {"Clock Freq (MHz)": f"{self.clock_mhz:g}"}
        alms = next((found.used for found in self.resources if found.unit == "ALM"), None)
        for row in (*self.logic, self.whole):
            table.writerow({"Worksheet": "Logic", **clock, **_logic_cells(row)})
        if alms is not None:
            table.writerow({"Worksheet": "Logic", "Module": "whole design, estimate", "#Half ALMs": 2 * alms})
        for memory in self.memories:
            table.writerow({"Worksheet": "RAM", **clock, **_memory_cells(memory)})
        for stream in self.streams:
            table.writerow({"Worksheet": "I/O", **clock, **_stream_cells(stream)})
        facts = f"{self.frames} frames back to back in {self.cycles} cycles after reset; outputs equal the network's."
        for note in (facts, *self.notes()):
            table.writerow({"Worksheet": "Note", "Module": note})
        return text.getvalue()


def _percent(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"


def _engine(number: int | None) -> str:
    return "" if number is None else str(number)


def _logic_cells(row: LogicRow) -> dict[str, object]:
    return {
        "Engine": _engine(row.engine),
        "Module": row.module,
        "Instances": row.instances,
        "Toggle %": _percent(row.toggle),
        "FF Toggle %": _percent(row.register_toggle),
        "Net Toggle %": _percent(row.net_toggle),
        "#FFs": row.registers,
        "#Nets": row.nets,
    }


def _memory_cells(row: MemoryRow) -> dict[str, object]:
    return {
        "Engine": _engine(row.engine),
        "Module": row.module,
        "Instances": row.instances,
        "Type": row.kind,
        "Read bits": row.read_bits,
        "Enable %": "100.0000",
        "Write %": _percent(row.write),
        "Toggle %": _percent(row.toggle),
    }


def _stream_cells(row: StreamRow) -> dict[str, object]:
    return {
        "Module": row.stream,
        "Type": row.direction,
        "Pins": row.bits,
        "Toggle %": _percent(row.toggle),
        "Valid %": _percent(row.valid),
    }


def _rounded(row: dict[str, Any]) -> dict[str, Any]:
    return {name: round(value, 4) if isinstance(value, float) else value for name, value in row.items()}
