"""The sequencer's and collector's ROMs: field order as in docs/program.md, 'Words', lowest bit first."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ternc.numeric import address_bits
from ternc.schedule.design import Geometry, Memory
from ternc.schedule.images import pack_rows, table_image
from ternc.schedule.program import LayerProgram, Pass, Program, TermProgram

Field = tuple[str, int]


def program_images(
    program: Program, geometry: Geometry, tables: Sequence[Sequence[int]]
) -> tuple[Memory, ...]:
    """Layers, passes, taps, terms, x-map, and the code tables if there are any."""
    g = geometry
    pass_bits, tap_bits = address_bits(len(program.passes)), address_bits(len(program.taps))
    slice_bits, bank_bits = address_bits(g.slices), address_bits(g.shape.rows)
    inputs, outputs = len(g.inputs), max(1, len(g.outputs))
    found = [
        _image(
            "layers",
            [_layer(layer, g) for layer in program.layers],
            [
                pass_bits,
                pass_bits + 1,
                g.x_bits,
                g.y_bits,
                g.wr_bits,
                g.wr_bits,
                address_bits(max(1, g.tables)),
                1,
                outputs,
                1,
                inputs,
                inputs,
                1,
            ],
        ),
        _image(
            "passes",
            [_pass(one) for one in program.passes],
            [
                tap_bits,
                g.count_bits,
                g.count_bits,
                address_bits(len(program.weights)),
                address_bits(g.params),
                g.wr_bits,
                address_bits(len(program.xmap)),
                slice_bits,
                g.y_bits,
                g.y_bits,
                g.x_bits,
                g.x_bits,
                1,
                1,
            ],
        ),
        _image(
            "terms",
            [_term(term, g) for term in program.terms],
            [g.rd_bits, g.y_bits, g.y_bits, g.act_bits, address_bits(inputs + 1)],
        ),
        _image(
            "xmap",
            [(place.offset, place.bank, place.valid) for place in program.xmap],
            [g.wr_bits, bank_bits, 1],
        ),
    ]
    taps = program.taps.copy()
    taps[:, 0] &= (1 << g.rd_bits) - 1
    widths = [g.rd_bits, bank_bits, g.x_bits, g.x_bits, g.y_bits, address_bits(g.terms), 1]
    found.insert(2, Memory(name="taps", width_bits=sum(widths), words=pack_rows(taps, widths)))
    if tables:
        found.append(table_image(tables, g.code_bits))
    return tuple(found)


def _image(name: str, rows: Sequence[Sequence[int]], widths: Sequence[int]) -> Memory:
    values = np.array(rows, dtype=np.int64)
    return Memory(name=name, width_bits=sum(widths), words=pack_rows(values, widths))


def _flags(flags: Sequence[bool]) -> int:
    """The first flag is bit 0."""
    return sum(flag << n for n, flag in enumerate(flags))


def _layer(layer: LayerProgram, g: Geometry) -> tuple[int, ...]:
    wrap = (1 << g.wr_bits) - 1
    return (
        layer.pass_start,
        layer.pass_count,
        layer.groups,
        layer.rows,
        layer.row_step & wrap,
        layer.plane & wrap,
        layer.table or 0,
        layer.table is not None,
        _flags(layer.to_output),
        layer.to_score,
        _flags(layer.wait_input),
        _flags(layer.release_input),
        layer.last_layer,
    )


def _pass(one: Pass) -> tuple[int, ...]:
    return (
        one.tap,
        one.tap_count,
        one.interval,
        one.weight,
        one.param,
        one.write,
        one.xmap,
        one.slice,
        one.row_low,
        one.row_high,
        one.x_low,
        one.x_high,
        one.first_window,
        one.last_window,
    )


def _term(term: TermProgram, g: Geometry) -> tuple[int, ...]:
    return (term.y_step & ((1 << g.rd_bits) - 1), term.y_stride, term.height, term.pad, term.source)
