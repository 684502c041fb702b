"""Random programs for ternc_sequencer: the words of its ROMs and what each pass of a layer has to do."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rtl_play import log2
from rtl_steps import word

LAYER_DEPTH, PASS_DEPTH, TAP_DEPTH = 3, 8, 13
TABLE_BITS = 2
RD_BITS, WR_BITS, ACT_BITS, SLICE_BITS, PARAM_BITS, WEIGHT_BITS, XMAP_BITS = 7, 6, 3, 2, 3, 5, 6
LONGEST = 15
"""The longest interval of a pass."""
ROWS, GROUPS = 4, 3
"""The most output rows and groups of pixels of a layer."""
SHORT_PASSES = 5
"""At the beginning: as short as a drain, one after another."""


def address_bits(depth: int) -> int:
    """Width of an address, as the modules derive it."""
    return max(1, log2(depth))


@dataclass(frozen=True)
class Shape:
    """What the programs of one test share: rows of the array, and how many of each there are."""

    rows: int
    inputs: int
    outputs: int
    terms: int


@dataclass(frozen=True)
class Term:
    y_step: int
    y_stride: int
    height: int
    pad: int
    source: int


@dataclass(frozen=True)
class Tap:
    offset: int
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
    slice: int
    row_low: int
    row_high: int
    x_low: int
    x_high: int
    first_window: int
    last_window: int


@dataclass(frozen=True)
class Layer:
    pass_start: int
    pass_count: int
    groups: int
    rows: int
    row_step: int
    plane: int
    table: int
    use_table: int
    to_output: int
    to_score: int
    wait_input: int
    release_input: int
    last_layer: int


@dataclass(frozen=True)
class Turn:
    """A pass at one place: which of the layer's rows and groups of pixels."""

    step: Pass
    row: int
    group: int


@dataclass(frozen=True)
class Program:
    """A program. Layers after the last one are there, but never run."""

    shape: Shape
    layers: tuple[Layer, ...]
    passes: tuple[Pass, ...]
    taps: tuple[Tap, ...]
    terms: tuple[Term, ...]

    def turns(self, layer: Layer) -> Iterator[Turn]:
        """The layer's passes in order."""
        for row in range(layer.rows):
            for group in range(layer.groups):
                for step in self.passes[layer.pass_start : layer.pass_start + layer.pass_count]:
                    yield Turn(step, row, group)

    def cycles(self, layer: Layer) -> int:
        """Of the layer's passes."""
        return sum(turn.step.interval for turn in self.turns(layer))

    def furthest(self) -> int:
        """The largest number that a map's x can be compared with."""
        groups = max(layer.groups for layer in self.layers)
        return max(groups * self.shape.rows, *(max(abs(tap.q), tap.limit) for tap in self.taps))

    def tallest(self) -> int:
        """The same for y."""
        y = max(layer.rows for layer in self.layers) * max(term.y_stride for term in self.terms)
        height = max(term.height for term in self.terms)
        return max(height, y + max(abs(tap.dy) for tap in self.taps))


def random_program(seed: int, shape: Shape) -> Program:
    """Layers that share passes, passes that share taps, taps that share terms."""
    draw = random.Random(seed)
    terms = tuple(
        Term(
            y_step=draw.getrandbits(RD_BITS),
            y_stride=draw.randint(0, 3),
            height=draw.randint(1, 7),
            pad=draw.getrandbits(ACT_BITS),
            source=draw.randint(0, shape.inputs),
        )
        for _ in range(shape.terms)
    )
    taps = tuple(
        Tap(
            offset=draw.getrandbits(RD_BITS),
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
    return Program(shape, random_layers(draw, shape), passes, taps, terms)


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
        slice=draw.getrandbits(SLICE_BITS),
        row_low=draw.choice((0, draw.randint(0, ROWS))),
        row_high=draw.choice((ROWS, draw.randint(0, ROWS))),
        x_low=draw.choice((0, draw.randint(0, end))),
        x_high=draw.choice((end, draw.randint(0, end))),
        first_window=draw.getrandbits(1),
        last_window=number % 2,
    )


def random_layers(draw: random.Random, shape: Shape) -> tuple[Layer, ...]:
    """The first layer waits for a frame; the rest is free. A layer writes one output at most."""
    used = draw.randint(1, LAYER_DEPTH)
    layers = []
    for n in range(LAYER_DEPTH):
        start = draw.choice((0, draw.randrange(PASS_DEPTH)))
        count = draw.choice((1, PASS_DEPTH - start, draw.randint(1, PASS_DEPTH - start)))
        layers.append(
            Layer(
                pass_start=start,
                pass_count=count,
                groups=draw.randint(1, GROUPS),
                rows=draw.randint(1, ROWS),
                row_step=draw.getrandbits(WR_BITS),
                plane=draw.getrandbits(WR_BITS),
                table=draw.getrandbits(TABLE_BITS),
                use_table=draw.getrandbits(1),
                to_output=draw.choice((0, 1 << draw.randrange(shape.outputs), (1 << shape.outputs) - 1)),
                to_score=draw.getrandbits(1),
                wait_input=int(n == 0) | draw.getrandbits(shape.inputs),
                release_input=draw.getrandbits(shape.inputs),
                last_layer=int(n == used - 1),
            )
        )
    return tuple(layers)


def parameters(programs: Sequence[Program], flush_cycles: int) -> dict[str, int]:
    """Of a sequencer that can run each of the programs."""
    shape = programs[0].shape
    return {
        "Rows": shape.rows,
        "Inputs": shape.inputs,
        "Outputs": shape.outputs,
        "ActBits": ACT_BITS,
        "RdBits": RD_BITS,
        "WrBits": WR_BITS,
        "XBits": 2 + max(program.furthest() for program in programs).bit_length(),
        "YBits": 2 + max(program.tallest() for program in programs).bit_length(),
        "RotBits": address_bits(shape.rows),
        "SliceBits": SLICE_BITS,
        "ParamBits": PARAM_BITS,
        "WeightAddrBits": WEIGHT_BITS,
        "CountBits": LONGEST.bit_length(),
        "XmapBits": XMAP_BITS,
        "TableBits": TABLE_BITS,
        "LayerDepth": LAYER_DEPTH,
        "PassDepth": PASS_DEPTH,
        "TapDepth": TAP_DEPTH,
        "TermDepth": shape.terms,
        "FlushCycles": flush_cycles,
    }


def hex_files(program: Program, p: dict[str, int]) -> dict[str, str]:
    """The contents of the ROMs; fields from the lowest bit up, as in docs/program.md."""
    pass_bits, tap_bits = address_bits(PASS_DEPTH), address_bits(TAP_DEPTH)
    rd, wr, x, y, count = (p[name] for name in ("RdBits", "WrBits", "XBits", "YBits", "CountBits"))
    inputs, outputs = p["Inputs"], p["Outputs"]
    layer_widths = [pass_bits, pass_bits + 1, x, y, wr, wr, p["TableBits"], 1, outputs, 1, inputs, inputs, 1]
    pass_widths = [tap_bits, count, count, p["WeightAddrBits"], p["ParamBits"], wr, p["XmapBits"]]
    tap_widths = [rd, p["RotBits"], x, x, y, address_bits(p["TermDepth"]), 1]
    term_widths = [rd, y, y, p["ActBits"], address_bits(inputs + 1)]
    return {
        "layers.hex": image([tuple(vars(layer).values()) for layer in program.layers], layer_widths),
        "passes.hex": image(
            [tuple(vars(step).values()) for step in program.passes],
            [*pass_widths, p["SliceBits"], y, y, x, x, 1, 1],
        ),
        "taps.hex": image([tuple(vars(tap).values()) for tap in program.taps], tap_widths),
        "terms.hex": image([tuple(vars(term).values()) for term in program.terms], term_widths),
    }


def image(rows: Sequence[tuple[int, ...]], widths: Sequence[int]) -> str:
    """One word a line."""
    return "".join(f"{word(tuple(zip(row, widths, strict=True))):x}\n" for row in rows)
