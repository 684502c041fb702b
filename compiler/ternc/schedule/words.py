"""The sequencer's and collector's ROMs: field order as in docs/program.md, 'Words', lowest bit first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ternc.numeric import address_bits
from ternc.schedule.design import Geometry, Memory
from ternc.schedule.images import pack_rows, table_image
from ternc.schedule.program import LayerProgram, Pass, Program, TermProgram


@dataclass(frozen=True, slots=True, kw_only=True)
class Depths:
    """Words of the program's ROMs and of a column's weights."""

    layers: int
    passes: int
    taps: int
    xmap: int
    weights: int

    @staticmethod
    def of(program: Program) -> Depths:
        """Those of a program."""
        return Depths(
            layers=len(program.layers),
            passes=len(program.passes),
            taps=len(program.taps),
            xmap=len(program.xmap),
            weights=len(program.weights),
        )


def layer_widths(g: Geometry, depths: Depths) -> list[int]:
    """Of the fields of a layer word."""
    pass_bits, inputs, outputs = address_bits(depths.passes), len(g.inputs), max(1, len(g.outputs))
    loops = [pass_bits, pass_bits + 1, g.x_bits, g.y_bits, g.wr_bits, g.wr_bits]
    return [*loops, address_bits(max(1, g.tables)), 1, outputs, 1, inputs, inputs, 1]


def pass_widths(g: Geometry, depths: Depths) -> list[int]:
    """Of the fields of a pass word."""
    places = [address_bits(n) for n in (depths.taps, depths.weights, g.params, depths.xmap, g.slices)]
    tap, weight, param, xmap, piece = places
    fields = [tap, g.count_bits, g.count_bits, weight, param, g.wr_bits, xmap, piece]
    return [*fields, g.y_bits, g.y_bits, g.x_bits, g.x_bits, 1, 1]


def tap_widths(g: Geometry) -> list[int]:
    """Of the fields of a tap word."""
    return [g.rd_bits, address_bits(g.shape.rows), g.x_bits, g.x_bits, g.y_bits, address_bits(g.terms), 1]


def term_widths(g: Geometry) -> list[int]:
    """Of the fields of a term word."""
    return [g.rd_bits, g.y_bits, g.y_bits, g.act_bits, address_bits(len(g.inputs) + 1)]


def xmap_widths(g: Geometry) -> list[int]:
    """Of the fields of an x-map word."""
    return [g.wr_bits, address_bits(g.shape.rows), 1]


def requant_bits(g: Geometry) -> int:
    """Of a requantiser's word."""
    return g.add_bits + g.mul_bits + g.code_bits + 3


def program_images(
    program: Program, geometry: Geometry, tables: Sequence[Sequence[int]]
) -> tuple[Memory, ...]:
    """Layers, passes, taps, terms, x-map, and the code tables if there are any."""
    g, depths = geometry, Depths.of(program)
    taps, widths = program.taps.copy(), tap_widths(g)
    taps[:, 0] &= (1 << g.rd_bits) - 1
    found = [
        _image("layers", [_layer(layer, g) for layer in program.layers], layer_widths(g, depths)),
        _image("passes", [_pass(one) for one in program.passes], pass_widths(g, depths)),
        Memory(name="taps", width_bits=sum(widths), words=pack_rows(taps, widths)),
        _image("terms", [_term(term, g) for term in program.terms], term_widths(g)),
        _image("xmap", [(place.offset, place.bank, place.valid) for place in program.xmap], xmap_widths(g)),
    ]
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
