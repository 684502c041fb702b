"""Random programs for ternc_sequencer: the words of its ROMs and what each pass of a row has to do."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rtl_play import log2, pack
from rtl_steps import word

ROW_DEPTH, PASS_DEPTH, TAP_DEPTH = 11, 8, 13
RD_BITS, WR_BITS, ACT_BITS, PARAM_BITS, WEIGHT_BITS, XMAP_BITS = 7, 6, 3, 3, 5, 6
PART_BITS, TILE_BITS, STEP_BITS, PIECE_BITS = 2, 3, 2, 2
LONGEST = 15
"""The longest interval of a pass."""
ROWS, GROUPS = 6, 3
"""The most output rows and groups of pixels of a layer."""
SHORT_PASSES = 5
"""At the beginning: as short as a drain, one after another."""


def address_bits(depth: int) -> int:
    """Width of an address, as the modules derive it."""
    return max(1, log2(depth))


@dataclass(frozen=True)
class Shape:
    """What the programs of one test share: rows of the array, links, terms, rows of each line buffer."""

    rows: int
    links: int
    terms: int
    capacities: tuple[int, ...]

    @property
    def inputs(self) -> int:
        """Line buffers."""
        return len(self.capacities)


@dataclass(frozen=True)
class Term:
    pitch: int
    y_stride: int
    height: int
    pad: int
    source: int


@dataclass(frozen=True)
class Tap:
    offset: int
    part: int
    rot: int
    q: int
    limit: int
    dy: int
    term: int
    shift: int


@dataclass(frozen=True)
class Pass:
    tap: int
    tap_count: int
    interval: int
    weight: int
    param: int
    write: int
    xmap: int
    tile: int
    step_row: int
    piece: int
    row_low: int
    row_high: int
    x_low: int
    x_high: int
    first_window: int
    last_window: int


@dataclass(frozen=True)
class Row:
    """A row step of a layer; ``needs`` and ``frees`` have a number for each line buffer."""

    pass_start: int
    pass_count: int
    groups: int
    row: int
    write: int
    plane: int
    to_feature: int
    links: int
    needs: tuple[int, ...]
    frees: tuple[int, ...]
    takes: int
    flush: int
    last: int


@dataclass(frozen=True)
class Turn:
    """A pass at one group of pixels of a row."""

    step: Pass
    group: int


@dataclass(frozen=True)
class Program:
    """A program. Row steps after the last one are there, but never run."""

    shape: Shape
    rows: tuple[Row, ...]
    passes: tuple[Pass, ...]
    taps: tuple[Tap, ...]
    terms: tuple[Term, ...]

    def turns(self, row: Row) -> Iterator[Turn]:
        """The row's passes in order."""
        for group in range(row.groups):
            for step in self.passes[row.pass_start : row.pass_start + row.pass_count]:
                yield Turn(step, group)

    def furthest(self) -> int:
        """The largest number that a map's x can be compared with."""
        groups = max(row.groups for row in self.rows)
        return max(groups * self.shape.rows, *(max(abs(tap.q), tap.limit) for tap in self.taps))

    def tallest(self) -> int:
        """The same for y, and the end of a line buffer that is not yet wrapped."""
        y = max(row.row for row in self.rows) * max(term.y_stride for term in self.terms)
        height = max(term.height for term in self.terms)
        reach = max(height, y + max(abs(tap.dy) for tap in self.taps))
        return reach + max(self.shape.capacities)


def random_program(seed: int, shape: Shape) -> Program:
    """Rows that share passes, passes that share taps, taps that share terms."""
    draw = random.Random(seed)
    terms = tuple(random_term(draw, shape) for _ in range(shape.terms))
    taps = tuple(
        Tap(
            offset=draw.getrandbits(RD_BITS),
            part=draw.getrandbits(PART_BITS),
            rot=draw.randrange(shape.rows),
            q=draw.randint(-4, 6),
            limit=draw.randint(1, 3 * shape.rows),
            dy=draw.randint(-3, 3),
            term=draw.randrange(shape.terms),
            shift=draw.getrandbits(1),
        )
        for _ in range(TAP_DEPTH)
    )
    passes = tuple(random_pass(draw, shape, n) for n in range(PASS_DEPTH))
    return Program(shape, random_rows(draw, shape), passes, taps, terms)


def random_term(draw: random.Random, shape: Shape) -> Term:
    """A map in the feature memory, or in a line buffer: all of it, or, where the buffer's rows are a power of two, more."""
    source = draw.randint(0, shape.inputs)
    height = draw.randint(1, 9)
    if source:
        capacity = shape.capacities[source - 1]
        height = height if capacity & (capacity - 1) == 0 else draw.randint(max(1, capacity - 2), capacity)
    return Term(
        pitch=draw.getrandbits(RD_BITS),
        y_stride=draw.randint(0, 3),
        height=height,
        pad=draw.getrandbits(ACT_BITS),
        source=source,
    )


def random_pass(draw: random.Random, shape: Shape, number: int) -> Pass:
    """Some taps; a window element that exists everywhere, somewhere, or nowhere."""
    start = draw.randrange(TAP_DEPTH)
    count, interval = draw.choice((1, draw.randint(1, TAP_DEPTH - start))), draw.randint(1, LONGEST)
    if number < SHORT_PASSES:
        count, interval = draw.randint(1, min(shape.rows, TAP_DEPTH - start)), 1
    end = GROUPS * shape.rows
    return Pass(
        tap=start,
        tap_count=count,
        interval=max(shape.rows, count, interval),
        weight=draw.getrandbits(WEIGHT_BITS),
        param=draw.getrandbits(PARAM_BITS),
        write=draw.getrandbits(WR_BITS),
        xmap=draw.getrandbits(XMAP_BITS),
        tile=draw.getrandbits(TILE_BITS),
        step_row=draw.getrandbits(STEP_BITS),
        piece=draw.getrandbits(PIECE_BITS),
        row_low=draw.choice((0, draw.randint(0, ROWS))),
        row_high=draw.choice((ROWS, draw.randint(0, ROWS))),
        x_low=draw.choice((0, draw.randint(0, end))),
        x_high=draw.choice((end, draw.randint(0, end))),
        first_window=draw.getrandbits(1),
        last_window=number % 2,
    )


def random_rows(draw: random.Random, shape: Shape) -> tuple[Row, ...]:
    """The first row needs a row of the first input; the rest is free. Many are as short as they can be."""
    used = draw.randint(ROW_DEPTH // 2, ROW_DEPTH)
    rows = []
    for n in range(ROW_DEPTH):
        start = draw.choice((0, draw.randrange(PASS_DEPTH)))
        count = draw.choice((1, PASS_DEPTH - start, draw.randint(1, PASS_DEPTH - start)))
        needs = [draw.choice((0, draw.randint(1, ROWS))) for _ in range(shape.inputs)]
        needs[0] = max(needs[0], int(n == 0))
        rows.append(
            Row(
                pass_start=start,
                pass_count=count,
                groups=draw.choice((1, draw.randint(1, GROUPS))),
                row=draw.randrange(ROWS),
                write=draw.getrandbits(WR_BITS),
                plane=draw.getrandbits(WR_BITS),
                to_feature=draw.getrandbits(1),
                links=draw.choice((0, draw.getrandbits(shape.links), (1 << shape.links) - 1)),
                needs=tuple(needs),
                frees=tuple(draw.choice((0, draw.randint(1, ROWS))) for _ in range(shape.inputs)),
                takes=draw.getrandbits(shape.inputs),
                flush=int(draw.random() < 0.25),
                last=int(n == used - 1),
            )
        )
    return tuple(rows)


def parameters(programs: Sequence[Program], flush_cycles: int) -> dict[str, int]:
    """Of a sequencer that can run each of the programs."""
    shape = programs[0].shape
    y_bits = 2 + max(program.tallest() for program in programs).bit_length()
    return {
        "Rows": shape.rows,
        "Inputs": shape.inputs,
        "Links": shape.links,
        "ActBits": ACT_BITS,
        "RdBits": RD_BITS,
        "WrBits": WR_BITS,
        "XBits": 2 + max(program.furthest() for program in programs).bit_length(),
        "YBits": y_bits,
        "RotBits": address_bits(shape.rows),
        "PartBits": PART_BITS,
        "TileBits": TILE_BITS,
        "StepBits": STEP_BITS,
        "PieceBits": PIECE_BITS,
        "ParamBits": PARAM_BITS,
        "WeightAddrBits": WEIGHT_BITS,
        "CountBits": LONGEST.bit_length(),
        "XmapBits": XMAP_BITS,
        "RowDepth": ROW_DEPTH,
        "PassDepth": PASS_DEPTH,
        "TapDepth": TAP_DEPTH,
        "TermDepth": shape.terms,
        "FlushCycles": flush_cycles,
        "Capacities": pack(shape.capacities, y_bits),
    }


def hex_files(program: Program, p: dict[str, int]) -> dict[str, str]:
    """The contents of the ROMs; fields from the lowest bit up, as in docs/program.md."""
    pass_bits, tap_bits = address_bits(PASS_DEPTH), address_bits(TAP_DEPTH)
    rd, wr, x, y, count = (p[name] for name in ("RdBits", "WrBits", "XBits", "YBits", "CountBits"))
    inputs = p["Inputs"]
    row_widths = [pass_bits, pass_bits + 1, x, y, wr, wr, 1, p["Links"], *[y] * (2 * inputs), inputs, 1, 1]
    pass_widths = [tap_bits, count, count, p["WeightAddrBits"], p["ParamBits"], wr, p["XmapBits"]]
    place_widths = [p["TileBits"], p["StepBits"], p["PieceBits"]]
    tap_widths = [rd, p["PartBits"], p["RotBits"], x, x, y, address_bits(p["TermDepth"]), 1]
    term_widths = [rd, y, y, p["ActBits"], address_bits(inputs + 1)]
    return {
        "rows.hex": image([row_fields(row) for row in program.rows], row_widths),
        "passes.hex": image(
            [tuple(vars(step).values()) for step in program.passes],
            [*pass_widths, *place_widths, y, y, x, x, 1, 1],
        ),
        "taps.hex": image([tuple(vars(tap).values()) for tap in program.taps], tap_widths),
        "terms.hex": image([tuple(vars(term).values()) for term in program.terms], term_widths),
    }


def row_fields(row: Row) -> tuple[int, ...]:
    """A row word's fields, those of the line buffers one by one."""
    before = (
        row.pass_start,
        row.pass_count,
        row.groups,
        row.row,
        row.write,
        row.plane,
        row.to_feature,
        row.links,
    )
    return (*before, *row.needs, *row.frees, row.takes, row.flush, row.last)


def image(rows: Sequence[tuple[int, ...]], widths: Sequence[int]) -> str:
    """One word a line."""
    return "".join(f"{word(tuple(zip(row, widths, strict=True))):x}\n" for row in rows)
