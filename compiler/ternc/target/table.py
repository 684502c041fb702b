"""Reads ``devices/*.toml`` and ``boards.toml``: a new device is a new file, a new board a few lines, nothing else."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from ternc.errors import ScheduleError
from ternc.target.device import BlockRam, Board, Cell, Clock, Device, Dsp, Logic, Order, Registers

DEVICES = Path(__file__).parent / "devices"
BOARDS = Path(__file__).parent / "boards.toml"


def names() -> tuple[str, ...]:
    """Names of all known devices, sorted."""
    return tuple(sorted(path.stem for path in DEVICES.glob("*.toml")))


@cache
def boards() -> tuple[Board, ...]:
    """All known boards, by name."""
    tables = tomllib.loads(BOARDS.read_text(encoding="utf-8"))
    return tuple(Board(name=name, **tables[name]) for name in sorted(tables))


@cache
def load(name: str) -> Device:
    """The device of that name, or the one on the board of that name.

    Raises:
        ScheduleError: There is none; the sentence lists those that there are.
    """
    for board in boards():
        if board.name == name:
            order = Order(code=board.part, source=board.source)
            return replace(load(board.device), name=name, title=board.title, order=order)
    known = names()
    if name not in known:
        raise ScheduleError(
            f"target '{name}': must be a known device, which are {', '.join(known)}, "
            f"or a board, which are {', '.join(board.name for board in boards())}",
            help="see their resources with: ternc targets",
        )
    return parse(name, tomllib.loads((DEVICES / f"{name}.toml").read_text(encoding="utf-8")))


def parse(name: str, table: dict[str, Any]) -> Device:
    """A device from its TOML table.

    Raises:
        TypeError, KeyError: The table misses a field or has one too many (a shipped table never does).
    """
    return Device(
        name=name,
        title=table["title"],
        vendor=table["vendor"],
        family=table["family"],
        order=Order(**table["order"]),
        logic=Logic(**table["logic"]),
        cell=Cell(**table["cell"]),
        registers=Registers(**table["registers"]),
        block_rams=tuple(_block_ram(row) for row in table["block_ram"]),
        dsp=_dsp(table["dsp"]),
        clock=Clock(**table["clock"]),
    )


def _block_ram(row: dict[str, Any]) -> BlockRam:
    shapes = tuple((int(depth), int(width)) for depth, width in row["shapes"])
    return BlockRam(**(row | {"shapes": shapes}))


def _dsp(row: dict[str, Any]) -> Dsp:
    first, second = row["operand_bits"]
    return Dsp(**(row | {"operand_bits": (int(first), int(second))}))
