"""The sequencer's and collector's ROMs: field order as in docs/program.md, 'Words', lowest bit first."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

import numpy as np

from ternc.numeric import address_bits
from ternc.schedule.design import Geometry, LineBuffer, Memory
from ternc.schedule.images import pack_rows, pack_word, table_image
from ternc.schedule.layout import Layout
from ternc.schedule.program import Pass, Program, RowProgram, Spot


def loop_widths(g: Geometry) -> list[int]:
    """Of the fields of a row word that the sequencer's walker needs: the lowest ones."""
    pass_bits = address_bits(g.depths.passes)
    return [pass_bits, pass_bits + 1, g.x_bits]


def issue_widths(g: Geometry) -> list[int]:
    """Of the fields of a row word that its issuer needs: those above, but for the highest."""
    inputs = len(g.buffers)
    place = [g.y_bits, g.wr_bits, g.wr_bits, 1, link_count(g)]
    return [*place, *[g.y_bits] * (2 * inputs), *[1] * inputs, 1]


def pass_widths(g: Geometry) -> list[int]:
    """Of the fields of a pass word."""
    d = g.depths
    fields = [
        address_bits(d.taps),
        g.count_bits,
        g.count_bits,
        address_bits(d.weights),
        address_bits(g.params),
    ]
    fields += [g.wr_bits, address_bits(d.xmap), g.tile_bits, g.step_bits, g.piece_bits]
    return [*fields, g.y_bits, g.y_bits, g.x_bits, g.x_bits, 1, 1]


def tap_widths(g: Geometry) -> list[int]:
    """Of the fields of a tap word."""
    where = [g.rd_bits, g.part_bits, address_bits(g.shape.rows)]
    return [*where, g.x_bits, g.x_bits, g.y_bits, address_bits(g.depths.terms), 1]


def term_widths(g: Geometry) -> list[int]:
    """Of the fields of a term word."""
    return [g.rd_bits, g.y_bits, g.y_bits, g.act_bits, source_bits(g)]


def xmap_widths(g: Geometry) -> list[int]:
    """Of the fields of an x-map word."""
    return [g.x_bits, *[g.wr_bits, address_bits(g.shape.rows), 1] * g.shape.drain]


def place_widths(buffer: LineBuffer, banks: int) -> list[int]:
    """Of the fields of a line buffer's place word: of each pixel of a bundle, with a bit where there are several."""
    place, pixels = [address_bits(buffer.pitch_words), address_bits(banks)], buffer.bundles.pixels
    return [*place, 1] * pixels if pixels > 1 else place


def info_bits(g: Geometry) -> int:
    """Of what the sequencer tells the collector about a pass."""
    fields = [2 * g.wr_bits, address_bits(g.depths.xmap), g.tile_bits, g.step_bits, g.piece_bits]
    return sum(fields) + link_count(g) + g.shape.rows + 3


def link_count(g: Geometry) -> int:
    """Links as the modules count them: at least one."""
    return max(1, len(g.links))


def source_bits(g: Geometry) -> int:
    """Of the number of a memory that is read: the feature memory or a line buffer."""
    return address_bits(len(g.buffers) + 1)


def program_images(
    program: Program, geometry: Geometry, tables: Sequence[Sequence[int]]
) -> tuple[Memory, ...]:
    """Rows, passes, taps, terms, x-map, and the code tables if there are any."""
    g = geometry
    found = [
        _rows(program, g),
        _image("passes", [_pass(one) for one in program.passes], pass_widths(g)),
        _taps(program, g),
        _image(
            "terms",
            [
                (t.pitch & ((1 << g.rd_bits) - 1), t.y_stride, t.height, t.pad, t.source)
                for t in program.terms
            ],
            term_widths(g),
        ),
        _image(
            "xmap",
            [_spot(one) for one in program.xmap],
            xmap_widths(g),
        ),
    ]
    if tables:
        found.append(table_image(tables, g.code_bits))
    return tuple(found)


def place_image(number: int, layout: Layout, buffer: LineBuffer) -> Memory:
    """The place ROM of line buffer ``number``: word n has offset and bank of each pixel of bundle n of a row."""
    bundles, rows = buffer.bundles, list[list[int]]()
    for n in range(bundles.count(buffer.width)):
        rows.append([])
        for x in bundles.columns(n):
            bank, offset = layout.place(x) if x < buffer.width else (0, 0)
            rows[-1] += [offset, bank, x < buffer.width] if bundles.pixels > 1 else [offset, bank]
    return _image(f"place_{number}", rows, place_widths(buffer, layout.banks))


def _image(name: str, rows: Sequence[Sequence[int]], widths: Sequence[int]) -> Memory:
    values = np.array(rows, dtype=np.int64)
    return Memory(name=name, width_bits=sum(widths), words=pack_rows(values, widths))


def _rows(program: Program, g: Geometry) -> Memory:
    widths = [*loop_widths(g), *issue_widths(g), 1]
    words = tuple(pack_word(zip(_row(row), widths, strict=True)) for row in program.rows)
    return Memory(name="rows", width_bits=sum(widths), words=words)


def _row(row: RowProgram) -> tuple[int, ...]:
    return (
        *(row.pass_start, row.pass_count, row.groups, row.row, row.write, row.plane),
        *(row.to_feature, row.links, *row.needs, *row.frees, *row.takes, row.flush, row.last),
    )


def _spot(spot: Spot) -> tuple[int, ...]:
    places = ((place.offset, place.bank, place.valid) for place in spot.places)
    return (spot.bundle, *chain.from_iterable(places))


def _pass(one: Pass) -> tuple[int, ...]:
    return (
        *(one.tap, one.tap_count, one.interval, one.weight, one.param),
        *(one.write, one.xmap, one.tile, one.step_row, one.piece),
        *(one.row_low, one.row_high, one.x_low, one.x_high, one.first_window, one.last_window),
    )


def _taps(program: Program, g: Geometry) -> Memory:
    taps = program.taps.copy()
    taps[:, 0] &= (1 << g.rd_bits) - 1
    widths = tap_widths(g)
    return Memory(name="taps", width_bits=sum(widths), words=pack_rows(taps, widths))
