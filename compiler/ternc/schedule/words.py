"""The sequencer's and collector's ROMs: field order as in docs/program.md, 'Words', lowest bit first."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ternc.numeric import address_bits
from ternc.schedule.design import Geometry, Memory
from ternc.schedule.images import pack_rows, pack_word, table_image
from ternc.schedule.layout import Layout
from ternc.schedule.program import Pass, Program, RowProgram


def program_images(
    program: Program, geometry: Geometry, tables: Sequence[Sequence[int]]
) -> tuple[Memory, ...]:
    """Rows, passes, taps, terms, x-map, and the code tables if there are any."""
    g = geometry
    found = [
        _rows(program, g),
        _passes(program, g),
        _taps(program, g),
        _image(
            "terms",
            [(t.pitch, t.y_stride, t.height, t.pad, t.source) for t in program.terms],
            [g.rd_bits, g.y_bits, g.y_bits, g.act_bits, address_bits(len(g.buffers) + 1)],
        ),
        _image(
            "xmap",
            [(place.x, place.offset, place.bank, place.valid) for place in program.xmap],
            [g.x_bits, g.wr_bits, address_bits(g.shape.rows), 1],
        ),
    ]
    if tables:
        found.append(table_image(tables, g.code_bits))
    return tuple(found)


def place_image(number: int, layout: Layout, width: int, offset_bits: int) -> Memory:
    """The place ROM of line buffer ``number``: word x is the offset and the bank of pixel x in a row."""
    widths = [offset_bits, address_bits(layout.banks)]
    rows = [layout.place(x)[::-1] for x in range(width)]
    return _image(f"place_{number}", rows, widths)


def _image(name: str, rows: Sequence[Sequence[int]], widths: Sequence[int]) -> Memory:
    values = np.array(rows, dtype=np.int64)
    return Memory(name=name, width_bits=sum(widths), words=pack_rows(values, widths))


def _rows(program: Program, g: Geometry) -> Memory:
    pass_bits = address_bits(len(program.passes))
    widths = [
        *(pass_bits, pass_bits + 1, g.x_bits, g.y_bits, g.wr_bits, g.wr_bits, 1, max(1, len(g.links))),
        *[g.y_bits] * (2 * len(g.buffers)),
        *[1] * len(g.buffers),
        *(1, 1),
    ]
    words = tuple(pack_word(zip(_row(row), widths, strict=True)) for row in program.rows)
    return Memory(name="rows", width_bits=sum(widths), words=words)


def _row(row: RowProgram) -> tuple[int, ...]:
    return (
        *(row.pass_start, row.pass_count, row.groups, row.row, row.write, row.plane),
        *(row.to_feature, row.links, *row.needs, *row.frees, *row.takes, row.flush, row.last),
    )


def _passes(program: Program, g: Geometry) -> Memory:
    return _image(
        "passes",
        [_pass(one) for one in program.passes],
        [
            *(address_bits(len(program.taps)), g.count_bits, g.count_bits),
            *(address_bits(len(program.weights)), address_bits(g.params)),
            *(g.wr_bits, address_bits(len(program.xmap)), g.tile_bits, g.step_bits, g.piece_bits),
            *(g.y_bits, g.y_bits, g.x_bits, g.x_bits, 1, 1),
        ],
    )


def _pass(one: Pass) -> tuple[int, ...]:
    return (
        *(one.tap, one.tap_count, one.interval, one.weight, one.param),
        *(one.write, one.xmap, one.tile, one.step_row, one.piece),
        *(one.row_low, one.row_high, one.x_low, one.x_high, one.first_window, one.last_window),
    )


def _taps(program: Program, g: Geometry) -> Memory:
    taps = program.taps.copy()
    taps[:, 0] &= (1 << g.rd_bits) - 1
    widths = [
        *(g.rd_bits, g.part_bits, address_bits(g.shape.rows), g.x_bits, g.x_bits),
        *(g.y_bits, address_bits(g.terms), 1),
    ]
    return Memory(name="taps", width_bits=sum(widths), words=pack_rows(taps, widths))
