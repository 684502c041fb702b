"""Random programs for ternc_sequencer: the words of its ROMs and what each pass of a layer has to do."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rtl_play import log2
from rtl_steps import word

LAYER_DEPTH, PASS_DEPTH, TAP_DEPTH = 3, 8, 13
RD_BITS, WR_BITS, ACT_BITS, SLICE_BITS, PARAM_BITS, WEIGHT_BITS, XMAP_BITS = 7, 6, 3, 2, 3, 5, 6
LONGEST = 15
"""The longest interval of a pass."""
SHORT_PASSES = 5
"""At the beginning: as short as a drain, one after another."""


def address_bits(depth: int) -> int:
    """Width of an address, as the modules derive it."""
    return max(1, log2(depth))


@dataclass(frozen=True)
class Tap:
    offset: int
    rot: int
    q: int
    limit: int
    dy: int


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
    first_window: int
    last_window: int


@dataclass(frozen=True)
class Layer:
    pass_start: int
    pass_count: int
    groups: int
    rows: int
    y_step: int
    y_stride: int
    row_step: int
    plane: int
    height: int
    pad: int
    from_input: int
    to_output: int
    wait_input: int
    release_input: int
    wait_output: int
    finish_output: int
    last_layer: int


@dataclass(frozen=True)
class Turn:
    """A pass at one place: which of the layer's rows and groups of pixels."""

    step: Pass
    row: int
    group: int


@dataclass(frozen=True)
class Program:
    """A program for an array of ``array_rows`` rows. Layers after the last one are there, but never run."""

    array_rows: int
    layers: tuple[Layer, ...]
    passes: tuple[Pass, ...]
    taps: tuple[Tap, ...]

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
        return max(groups * self.array_rows, *(max(abs(tap.q), tap.limit) for tap in self.taps))

    def tallest(self) -> int:
        """The same for y."""
        y = max(layer.rows * layer.y_stride for layer in self.layers)
        height = max(layer.height for layer in self.layers)
        return max(height, y + max(abs(tap.dy) for tap in self.taps))


def random_program(seed: int, array_rows: int) -> Program:
    """Layers that share passes, passes that share taps."""
    draw = random.Random(seed)
    taps = tuple(
        Tap(
            offset=draw.getrandbits(RD_BITS),
            rot=draw.randrange(array_rows),
            q=draw.randint(-4, 6),
            limit=draw.randint(1, 3 * array_rows),
            dy=draw.randint(-3, 3),
        )
        for _ in range(TAP_DEPTH)
    )
    passes = []
    for n in range(PASS_DEPTH):
        start = draw.randrange(TAP_DEPTH)
        count, interval = draw.choice((1, draw.randint(1, TAP_DEPTH - start))), draw.randint(1, LONGEST)
        if n < SHORT_PASSES:
            count, interval = draw.randint(1, min(array_rows, TAP_DEPTH - start)), 1
        passes.append(
            Pass(
                tap=start,
                tap_count=count,
                interval=max(array_rows, count, interval),
                weight=draw.getrandbits(WEIGHT_BITS),
                param=draw.getrandbits(PARAM_BITS),
                write=draw.getrandbits(WR_BITS),
                xmap=draw.getrandbits(XMAP_BITS),
                slice=draw.getrandbits(SLICE_BITS),
                first_window=draw.getrandbits(1),
                last_window=n % 2,
            )
        )
    return Program(array_rows, random_layers(draw), tuple(passes), taps)


def random_layers(draw: random.Random) -> tuple[Layer, ...]:
    """The first layer waits for a frame; the rest is free."""
    used = draw.randint(1, LAYER_DEPTH)
    layers = []
    for n in range(LAYER_DEPTH):
        start = draw.choice((0, draw.randrange(PASS_DEPTH)))
        count = draw.choice((1, PASS_DEPTH - start, draw.randint(1, PASS_DEPTH - start)))
        layers.append(
            Layer(
                pass_start=start,
                pass_count=count,
                groups=draw.randint(1, 3),
                rows=draw.randint(1, 4),
                y_step=draw.getrandbits(RD_BITS),
                y_stride=draw.randint(1, 2),
                row_step=draw.getrandbits(WR_BITS),
                plane=draw.getrandbits(WR_BITS),
                height=draw.randint(1, 7),
                pad=draw.getrandbits(ACT_BITS),
                from_input=draw.getrandbits(1),
                to_output=draw.getrandbits(1),
                wait_input=int(n == 0) | draw.getrandbits(1),
                release_input=draw.getrandbits(1),
                wait_output=draw.getrandbits(1),
                finish_output=draw.getrandbits(1),
                last_layer=int(n == used - 1),
            )
        )
    return tuple(layers)


def parameters(programs: Sequence[Program], flush_cycles: int) -> dict[str, int]:
    """Of a sequencer that can run each of the programs."""
    return {
        "Rows": programs[0].array_rows,
        "ActBits": ACT_BITS,
        "RdBits": RD_BITS,
        "WrBits": WR_BITS,
        "XBits": 2 + max(program.furthest() for program in programs).bit_length(),
        "YBits": 2 + max(program.tallest() for program in programs).bit_length(),
        "RotBits": address_bits(programs[0].array_rows),
        "SliceBits": SLICE_BITS,
        "ParamBits": PARAM_BITS,
        "WeightAddrBits": WEIGHT_BITS,
        "CountBits": LONGEST.bit_length(),
        "XmapBits": XMAP_BITS,
        "LayerDepth": LAYER_DEPTH,
        "PassDepth": PASS_DEPTH,
        "TapDepth": TAP_DEPTH,
        "InputHalfWords": 37,
        "FlushCycles": flush_cycles,
    }


def hex_files(program: Program, p: dict[str, int]) -> dict[str, str]:
    """The contents of the ROMs; fields from the lowest bit up, as in docs/program.md."""
    pass_bits, tap_bits = address_bits(PASS_DEPTH), address_bits(TAP_DEPTH)
    rd, wr, x, y, count = (p[name] for name in ("RdBits", "WrBits", "XBits", "YBits", "CountBits"))
    layer_widths = [pass_bits, pass_bits + 1, x, y, rd, y, wr, wr, y, p["ActBits"], 1, 1, 1, 1, 1, 1, 1]
    pass_widths = [tap_bits, count, count, p["WeightAddrBits"], p["ParamBits"], wr, p["XmapBits"]]
    tap_widths = [rd, p["RotBits"], x, x, y]
    return {
        "layers.hex": image([tuple(vars(layer).values()) for layer in program.layers], layer_widths),
        "passes.hex": image(
            [tuple(vars(step).values()) for step in program.passes], [*pass_widths, p["SliceBits"], 1, 1]
        ),
        "taps.hex": image([tuple(vars(tap).values()) for tap in program.taps], tap_widths),
    }


def image(rows: Sequence[tuple[int, ...]], widths: Sequence[int]) -> str:
    """One word a line."""
    return "".join(f"{word(tuple(zip(row, widths, strict=True))):x}\n" for row in rows)
