"""The device table, for a person."""

from __future__ import annotations

from collections.abc import Sequence

from ternc.report.table import Table, columns, count
from ternc.target import Board, Device


def device_table(devices: Sequence[Device]) -> Table:
    """One row a device."""
    rows = tuple(
        (
            device.name,
            device.title,
            f"{count(device.logic.count)} {device.logic.unit}",
            count(device.registers.count),
            f"{count(device.block_ram.count)} {device.block_ram.name}",
            f"{count(device.dsp.count)} {device.dsp.name}",
            f"{device.clock.mhz:g}",
        )
        for device in devices
    )
    headings = columns("target", "device", ">logic", ">registers", ">block RAM", ">multipliers", ">MHz")
    notes = ("MHz: the clock assumed without --clock-mhz. Sources of all numbers: ternc targets --json.",)
    return Table(title="", columns=headings, rows=rows, notes=notes)


def board_table(boards: Sequence[Board]) -> Table:
    """One row a board."""
    rows = tuple(
        (board.name, board.title, board.device, board.part, f"{board.oscillator_mhz:g}") for board in boards
    )
    headings = columns("target", "board", "device", "part", ">oscillator MHz")
    return Table(title="", columns=headings, rows=rows)
