"""``ternc activity``."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ternc.cli.arguments import common
from ternc.cli.terminal import Terminal
from ternc.report.table import Table, columns, count

if TYPE_CHECKING:
    from ternc.activity.rows import Activity


@click.command("activity")
@click.argument("build", type=click.Path(path_type=Path))
@click.option(
    "--input",
    "input_path",
    type=click.Path(path_type=Path),
    metavar="X.npy",
    help="Run these ONNX inputs; several by name in a .npz file.  [default: random ones]",
)
@click.option(
    "--frames",
    type=click.IntRange(min=1),
    metavar="N",
    help="How many frames to run.  [default: all of --input, else 16]",
)
@click.option(
    "--vcd", is_flag=True, help="Write every change as well: report/activity.vcd, which can be large."
)
@common
def activity_command(
    terminal: Terminal, build: Path, input_path: Path | None, frames: int | None, vcd: bool
) -> int:
    """Measure how often BUILD's nets toggle, for a vendor's power analysis.

    Runs the RTL as it is synthesised on frames back to back and writes report/activity.saif and report/activity.csv
    (in the terms of Intel's Early Power Estimator).
    """
    from ternc.activity.record import ActivityOptions
    from ternc.activity.record import activity as run

    options = ActivityOptions(frames=frames, input=input_path, vcd=vcd)
    with terminal.progress("building the simulator") as bars:
        found = run(build, options, partial(bars, "simulating"))
    written = f"written: {', '.join(str(build / name) for name in found.files)}"
    terminal.result(found.to_json(), [*_tables(found), written])
    return 0


def _tables(found: Activity) -> list[Table]:
    """Logic, memories and streams; the notes are below the last one."""
    title = f"Toggle rates of {count(found.frames)} frames in {count(found.cycles)} cycles, {found.clock_mhz:g} MHz"
    rows = tuple(
        (
            _number(row.engine),
            row.module,
            count(row.instances),
            count(row.registers),
            _percent(row.register_toggle),
            count(row.nets),
            _percent(row.net_toggle),
            _percent(row.toggle),
        )
        for row in (*found.logic, found.whole)
    )
    headings = columns(
        ">engine", "module", ">instances", ">FFs", ">FF toggle", ">nets", ">net toggle", ">toggle"
    )
    memories = tuple(
        (
            _number(row.engine),
            row.module,
            row.kind,
            count(row.instances),
            count(row.read_bits),
            _percent(row.write),
            _percent(row.toggle),
        )
        for row in found.memories
    )
    streams = tuple(
        (row.stream, row.direction, count(row.bits), _percent(row.toggle), _percent(row.valid))
        for row in found.streams
    )
    return [
        Table(title=title, columns=headings, rows=rows),
        Table(
            title="Memories",
            columns=columns(">engine", "memory", "type", ">instances", ">read bits", ">write", ">toggle"),
            rows=memories,
        ),
        Table(
            title="Streams",
            columns=columns("stream", "", ">bits", ">toggle", ">valid"),
            rows=streams,
            notes=found.notes(),
        ),
    ]


def _number(engine: int | None) -> str:
    return "" if engine is None else str(engine)


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f} %"
