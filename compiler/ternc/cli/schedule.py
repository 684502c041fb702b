"""``ternc schedule``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ternc.cli.arguments import anomaly_wish, common, schedule_options
from ternc.cli.terminal import Terminal
from ternc.report.table import Table

if TYPE_CHECKING:
    from ternc.network.layers import Measure


@click.command("schedule")
@click.argument("model", type=click.Path(path_type=Path))
@schedule_options
@click.option(
    "--explain", is_flag=True, help="Say why: what limits each engine, and what a better one needs."
)
@click.option(
    "--write-folding",
    type=click.Path(path_type=Path),
    metavar="FOLDING.json",
    help="Write the engines, of one layer each, as a file for --folding.",
)
@common
def schedule_command(
    terminal: Terminal,
    model: Path,
    anomaly: float | None,
    anomaly_measure: Measure | None,
    explain: bool,
    write_folding: Path | None,
    **options: Any,
) -> int:
    """Only say which arrays MODEL would get, how fast they are and what they take; no build is made."""
    from ternc import pipeline, report
    from ternc.report import explanation
    from ternc.schedule.folding import folding_text

    wish = anomaly_wish(anomaly, anomaly_measure)
    with terminal.progress("reading the model") as bars:
        draft, found = pipeline.plan(model, pipeline.CompileOptions(anomaly=wish, **options), bars)
    document, shown = report.to_dict(found), list[Table | str](report.to_table(found))
    if explain:
        why = pipeline.explained(draft, pipeline.CompileOptions(anomaly=wish, **options))
        document["explanation"] = explanation.to_dict(why)
        shown += explanation.to_lines(why)
    if write_folding is not None:
        text = folding_text((engine.layers, engine.array) for engine in found.engines)
        write_folding.write_text(text, encoding="utf-8")
        shown.append(f"\nwritten: {write_folding}")
    terminal.result(document, shown)
    return 0
