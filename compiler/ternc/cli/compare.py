"""``ternc compare``."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ternc.cli.arguments import common, input_quant_option
from ternc.cli.terminal import Terminal
from ternc.report.table import Table, columns, count

if TYPE_CHECKING:
    from ternc.frontend.input_quant import InputQuant
    from ternc.plugins.compare import Comparison


@click.command("compare")
@click.argument("model", type=click.Path(path_type=Path))
@click.option(
    "--with", type=click.Choice(["hls4ml"]), default="hls4ml", show_default=True, expose_value=False
)
@click.option("--backend", default="Vitis", show_default=True, help="Of hls4ml.")
@click.option("--frames", type=click.IntRange(min=1), default=1000, show_default=True, metavar="N")
@input_quant_option
@common
def compare_command(
    terminal: Terminal, model: Path, backend: str, frames: int, input_quant: InputQuant | None
) -> int:
    """Put MODEL through another tool too: does it convert, are the outputs right, how fast is its C simulation."""
    from ternc import pipeline
    from ternc.plugins.compare import compare

    options = pipeline.CompileOptions(input_quant=input_quant)
    with terminal.progress("compiling both ways"):
        found = compare(model, backend=backend, frames=frames, options=options)
    terminal.result(asdict(found), [_table(found)])
    return 0


def _table(found: Comparison) -> Table:
    rows: list[tuple[Any, ...]] = []
    notes = [f"{found.frames} frames. Compiling and frames a second: processor time of the C simulation."]
    for side in found.sides:
        if side.problem:
            rows.append((side.tool, "no", "", "", "", "", ""))
            notes.append(f"{side.tool} {side.problem}")
        else:
            rows.append(
                (
                    side.tool,
                    f"{count(side.equal)} of {count(found.frames)}",
                    count(side.same_largest),
                    f"{side.largest:.3g}",
                    f"{side.compile_seconds:.1f} s",
                    count(round(side.frames_per_second)),
                    count(side.source_bytes),
                )
            )
    headings = columns(
        "tool",
        ">outputs equal",
        ">same largest",
        ">largest difference",
        ">compiling",
        ">frames/s",
        ">bytes of text",
    )
    return Table(title=f"{found.model} through both", columns=headings, rows=tuple(rows), notes=tuple(notes))
