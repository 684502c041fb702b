"""The device table: whole, sourced, and refused in one sentence when asked for something else."""

import tomllib
from typing import Any

import pytest

from ternc import target
from ternc.errors import ScheduleError
from ternc.schedule.design import CELLS
from ternc.target.table import BOARDS, DEVICES


def test_known_devices_are_listed_in_order() -> None:
    assert target.names() == (
        "agilex7-i027",
        "arria10",
        "arria10-660",
        "artix7-100t",
        "cyclone5-a6",
        "ecp5-12k",
        "ecp5-25k",
        "ecp5-45k",
        "ecp5-85k",
        "gatemate-a1",
        "gw2a-18",
        "kria-k26",
        "max10-50",
        "stratix10-2800",
        "unit",
        "vu9p",
        "zu3eg",
        "zu7ev",
        "zynq-7020",
    )


@pytest.mark.parametrize("name", target.names())
def test_every_group_with_a_number_names_its_source(name: str) -> None:
    table = tomllib.loads((DEVICES / f"{name}.toml").read_text(encoding="utf-8"))
    assert unsourced(table) == []


def unsourced(table: Any, path: str = "") -> list[str]:
    """Paths of tables that hold a number of their own and no ``source`` sentence beside it."""
    if isinstance(table, list):
        return [found for number, row in enumerate(table) for found in unsourced(row, f"{path}[{number}]")]
    if not isinstance(table, dict):
        return []
    own = [value for value in table.values() if holds_number(value)]
    missing = bool(own) and len(str(table.get("source", "")).split()) < 3
    below = [found for key, value in table.items() for found in unsourced(value, f"{path}.{key}")]
    return [path] * missing + below


def holds_number(value: Any) -> bool:
    if isinstance(value, list):
        return any(map(holds_number, value))
    return isinstance(value, int | float)


def test_every_board_names_its_source_and_a_device_of_the_table() -> None:
    assert unsourced(tomllib.loads(BOARDS.read_text(encoding="utf-8"))) == []
    assert [board.name for board in target.boards()] == [
        "arria10-gx-kit",
        "arria10-soc-kit",
        "de10-lite",
        "de10-nano",
        "de5a-net",
        "gatemate-a1-evb",
        "pynq-z2",
        "tang-primer-20k",
        "ulx3s",
        "zcu104",
    ]
    assert {board.device for board in target.boards()} <= set(target.names())


def test_a_board_is_its_device_with_the_part_on_it() -> None:
    board, device = target.load("pynq-z2"), target.load("zynq-7020")
    assert (board.name, board.order.code, board.title) == ("pynq-z2", "xc7z020clg400-1", "TUL PYNQ-Z2")
    assert (board.logic, board.block_rams, board.dsp) == (device.logic, device.block_rams, device.dsp)


def test_a_number_without_a_source_is_found() -> None:
    assert unsourced({"logic": {"unit": "LUT", "count": 5}, "block_ram": [{"bits": 1, "source": ""}]}) == [
        ".logic",
        ".block_ram[0]",
    ]


@pytest.mark.parametrize("name", target.names())
def test_every_device_is_whole(name: str) -> None:
    device = target.load(name)
    assert device.name == name
    assert min(device.logic.count, device.registers.count, device.clock.mhz) > 0
    assert (device.dsp.count > 0) == (name != "gatemate-a1"), "GateMate multiplies in its logic"
    assert device.cell.form in CELLS
    for ram in device.block_rams:
        assert ram.count > 0
        assert list(ram.shapes) == sorted(ram.shapes), "widest first"
        assert max(depth * width for depth, width in ram.shapes) == ram.bits


def test_arria10_is_the_gx_1150() -> None:
    device = target.load("arria10")
    assert (device.logic.count, device.block_ram.count, device.dsp.count) == (427_200, 2_713, 1_518)


def test_unknown_device_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ScheduleError) as refusal:
        target.load("stratix")
    assert str(refusal.value) == (
        "target 'stratix': must be a known device, which are agilex7-i027, arria10, arria10-660, artix7-100t, cyclone5-a6, ecp5-12k, ecp5-25k, ecp5-45k, ecp5-85k, gatemate-a1, gw2a-18, kria-k26, max10-50, stratix10-2800, unit, vu9p, zu3eg, zu7ev, zynq-7020, or a board, which are arria10-gx-kit, arria10-soc-kit, de10-lite, de10-nano, de5a-net, gatemate-a1-evb, pynq-z2, tang-primer-20k, ulx3s, zcu104\n"
        "  help: see their resources with: ternc targets"
    )


@pytest.mark.parametrize(
    ("depth", "width", "blocks"),
    [(1, 1, 1), (512, 40, 1), (512, 41, 2), (513, 40, 2), (2048, 10, 1), (16384, 1, 1), (16385, 1, 2)],
)
def test_a_memory_takes_the_fewest_blocks_of_any_shape(depth: int, width: int, blocks: int) -> None:
    assert target.load("arria10").block_ram.blocks(depth_words=depth, width_bits=width) == blocks
