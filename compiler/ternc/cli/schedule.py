"""``ternc schedule``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ternc.cli.arguments import anomaly_wish, common, schedule_options
from ternc.cli.terminal import Terminal

if TYPE_CHECKING:
    from ternc.network.layers import Measure


@click.command("schedule")
@click.argument("model", type=click.Path(path_type=Path))
@schedule_options
@common
def schedule_command(
    terminal: Terminal,
    model: Path,
    anomaly: float | None,
    anomaly_measure: Measure | None,
    **options: Any,
) -> int:
    """Only say which arrays MODEL would get, how fast they are and what they take; nothing is written."""
    from ternc import pipeline, report

    wish = anomaly_wish(anomaly, anomaly_measure)
    with terminal.progress("reading the model") as bars:
        found = pipeline.plan(model, pipeline.CompileOptions(anomaly=wish, **options), bars)
    terminal.result(report.to_dict(found), [*report.to_table(found)])
    return 0
