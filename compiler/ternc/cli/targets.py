"""``ternc targets``."""

from __future__ import annotations

from dataclasses import asdict

import click

from ternc import target
from ternc.cli.arguments import common
from ternc.cli.terminal import Terminal
from ternc.report.devices import device_table


@click.command("targets")
@common
def targets_command(terminal: Terminal) -> int:
    """List the devices that --target takes, with their resources."""
    devices = [target.load(name) for name in target.names()]
    terminal.result({"targets": [asdict(device) for device in devices]}, [device_table(devices)])
    return 0
