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
    help="ECP5: also run N frames through the synthesised netlist; they must be the golden model's.",
)
@common
def synth_command(terminal: Terminal, build: Path, seed: int, frames: int) -> int:
    """Synthesise BUILD: ECP5 to a bitstream with open tools, other devices with the vendor's tool if it is on PATH."""
    from ternc.synth.run import synthesise

    with terminal.progress("synthesising") as bars:
        report = synthesise(build, seed=seed, frames=frames, step=lambda what: bars(what, 0, 1))
    terminal.result(report.to_dict(), [report.to_table()])
    return 0
