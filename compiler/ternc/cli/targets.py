"""``ternc targets``."""

from __future__ import annotations

from dataclasses import asdict

import click

from ternc import target
from ternc.cli.arguments import common
from ternc.cli.terminal import Terminal
from ternc.report.devices import board_table, device_table


@click.command("targets")
@common
def targets_command(terminal: Terminal) -> int:
    """List the devices and boards that --target takes, with their resources."""
    devices = [target.load(name) for name in target.names()]
    document = {
        "targets": [asdict(device) for device in devices],
        "boards": [asdict(board) for board in target.boards()],
    }
    terminal.result(document, [device_table(devices), board_table(target.boards())])
    return 0
