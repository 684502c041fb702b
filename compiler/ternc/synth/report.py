"""What a synthesis found: resources taken and the clock that the routed design reaches."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any

from ternc.report.table import Table, columns, count, percent


@dataclass(frozen=True, slots=True, kw_only=True)
class Used:
    """One kind of resource, as the tool counts it."""

    name: str
    used: int
    available: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SynthesisReport:
    """Outcome of a synthesis.

    Attributes:
        tools: What ran, with versions where they say one.
        part: The device.
        seed: Of the placement.
        board: What it runs on; None for the core alone.
        clock_mhz: What the build plans with, or the board's clock.
        fmax_mhz: What the routed design reaches, by the tool's timing model.
        untimed: Resources in use whose delays that model does not have.
        resources: What it takes.
        bitstream: Its file, by path below the build.
        frames: How many ran through the synthesised netlist, all equal to the golden model; 0 if none were asked for.
    """

    tools: tuple[str, ...]
    part: str
    seed: int
    clock_mhz: float
    fmax_mhz: float
    resources: tuple[Used, ...]
    bitstream: str
    frames: int
    board: str | None = None
    untimed: tuple[str, ...] = ()

    @property
    def reached(self) -> bool:
        """The routed design is at least as fast as planned."""
        return self.fmax_mhz >= self.clock_mhz

    def to_dict(self) -> dict[str, Any]:
        """As plain data."""
        return asdict(self)

    def to_json(self) -> str:
        """The document ``report/synthesis.json``."""
        return json.dumps(self.to_dict(), indent=2, sort_keys=True) + "\n"

    def to_table(self) -> Table:
        """The same for a person."""
        rows = tuple(
            (one.name, count(one.used), count(one.available), percent(one.used / one.available))
            for one in self.resources
        )
        clock = (
            f"it runs at {self.clock_mhz:g} MHz"
            if self.board
            else f"the build plans with {self.clock_mhz:g} MHz"
        )
        notes = [
            f"routed: {self.fmax_mhz:.1f} MHz; {clock}",
            f"bitstream: {self.bitstream}",
        ]
        if self.untimed:
            notes.insert(
                1,
                f"not in that clock: paths behind {', '.join(self.untimed)}, of which the router has no delays",
            )
        if self.frames:
            notes.append(
                f"{count(self.frames)} frames through the synthesised netlist: equal to the golden model"
            )
        return Table(
            title=f"Synthesis for {self.part}" + (f" on the board {self.board}" if self.board else ""),
            columns=columns("resource", ">used", ">available", ">share"),
            rows=rows,
            notes=tuple(notes),
        )
