"""``ternc synth``."""

from __future__ import annotations

from pathlib import Path

import click

from ternc.cli.arguments import common
from ternc.cli.terminal import Terminal


@click.command("synth")
@click.argument("build", type=click.Path(path_type=Path))
@click.option(
    "--seed", type=click.IntRange(min=1), default=1, show_default=True, help="Of nextpnr's placement."
)
@click.option(
    "--frames",
    type=click.IntRange(min=0),
    default=0,
    metavar="N",
    help="With open tools: also run N frames through the synthesised netlist; they must be the golden model's.",
)
@click.option(
    "--board",
    type=click.Choice(["ulx3s"]),
    help="ECP5: a bitstream for this board that tests the design on it and says over its UART whether it is right.",
)
@common
def synth_command(terminal: Terminal, build: Path, seed: int, frames: int, board: str | None) -> int:
    """Synthesise BUILD: ECP5, GW2A, GateMate to a bitstream with open tools, others with their vendor's tool."""
    from ternc.synth.run import synthesise

    with terminal.progress("synthesising") as bars:
        report = synthesise(build, seed=seed, frames=frames, step=lambda what: bars(what, 0, 1), board=board)
    terminal.result(report.to_dict(), [report.to_table()])
    return 0
