"""A Design: everything the hardware needs, no ONNX left. Emitters read it and decide nothing.

The memory images and their use are specified in docs/hardware.md and docs/program.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import gcd
from typing import TypeAlias


@dataclass(frozen=True, slots=True, kw_only=True)
class ArrayShape:
    """A systolic array: ``rows`` output pixels x ``cols`` output channels, ``lanes`` inputs summed per clock.

    Attributes:
        drain: Finished sums that leave each column per clock: a power of two that divides ``rows``.
        packed: Its weights are kept at 1.6 bits each, not at 2, and unpacked behind their memories
            (`ternc.schedule.images.packed_words`).
    """

    rows: int
    cols: int
    lanes: int
    drain: int = 1
    packed: bool = False

    @property
    def macs(self) -> int:
        """Ternary multiply-accumulates per clock cycle."""
        return self.rows * self.cols * self.lanes

    @property
    def drain_cycles(self) -> int:
        """Cycles in which the sums of a pass leave."""
        return self.rows // self.drain

    @property
    def weight_bits(self) -> int:
        """Of a column's weight word: two a lane, or packed: eight for each five lanes, 2, 4, 5 or 7 for the others."""
        return self.lanes // 5 * 8 + (0, 2, 4, 5, 7)[self.lanes % 5] if self.packed else 2 * self.lanes

    def __str__(self) -> str:
        drain = "" if self.drain == 1 else f"/{self.drain}"
        return f"{self.rows}x{self.cols}x{self.lanes}{drain}{'p' if self.packed else ''}"


CELLS = ("portable", "alm", "lut6", "ccu2c")
"""Forms of the array's cell, in the order of ternc_column's parameter Cell."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamPort:
    """An AXI4-Stream port: a frame is the map in raster order, channels last, TLAST on its last beat.

    A pixel takes ``ceil(channels / elements_per_beat)`` beats, or a beat holds ``pixels_per_beat`` neighbouring
    pixels of a row side by side, ``channels`` elements each. Element i of a beat is bits
    ``[i * element_bits +: element_bits]`` of TDATA, two's complement if ``signed``; what is left over is 0
    (ignored on an input).

    Attributes:
        name: Prefix of the port's signals: ``s_axis`` and ``m_axis`` where there is one of the kind, else
            ``s_axis_<value>`` and ``m_axis_<value>``; ``m_axis_anomaly`` for the anomaly's score and flag.
        value: The ONNX input, output or epilogue value that it carries; ``"anomaly"`` for the score.
        tensor: The Network's tensor.
        pixels_per_beat: Divides ``width``; where it is more than 1, ``elements_per_beat`` are those of all of them.
    """

    name: str
    value: str
    tensor: str
    channels: int
    height: int
    width: int
    elements_per_beat: int
    element_bits: int
    signed: bool
    pixels_per_beat: int = 1

    @property
    def elements_per_pixel(self) -> int:
        """Places for elements that a pixel takes in its beat, or in its beats."""
        if self.pixels_per_beat > 1:
            return self.channels
        return -(-self.channels // self.elements_per_beat) * self.elements_per_beat

    @property
    def beats_per_frame(self) -> int:
        """Beats that carry one frame."""
        return self.height * self.width * self.elements_per_pixel // self.elements_per_beat

    @property
    def data_bytes(self) -> int:
        """TDATA width in bytes."""
        return -(-self.elements_per_beat * self.element_bits // 8)

    @property
    def frame_bytes(self) -> int:
        """Bytes of all beats of one frame."""
        return self.beats_per_frame * self.data_bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class ToBuffer:
    """A link to line buffer ``buffer`` of engine ``engine``."""

    engine: int
    buffer: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ToOutput:
    """A link to output buffer ``output`` of the design."""

    output: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ToScore:
    """The link to the anomaly's accumulator."""


Link: TypeAlias = ToBuffer | ToOutput | ToScore
"""Where a vector of finished values goes from its engine or input stream."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """A circular buffer of rows of one map (ternc_rows).

    Attributes:
        capacity: Rows that it holds.
        frame: Rows that a frame takes in it: the map's height, rounded up to whole steps.
        step: Rows that its writer claims and finishes together; divides the other two.
    """

    capacity: int
    frame: int
    step: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundles:
    """The pixels of a row whose vectors a link carries in one cycle: a *bundle*.

    Bundle ``k * phases + p`` has the columns ``(k * pixels + i) * phases + p``, i = 0 .. pixels - 1, as far as the map
    has them. With one pixel a bundle, its number is the column.

    Attributes:
        pixels: Of a bundle.
        phases: From a pixel of a bundle to the next: the output phases along x of the layer that makes them.
    """

    pixels: int = 1
    phases: int = 1

    def count(self, width: int) -> int:
        """Bundles of a row: those that have pixels, which are the first ones."""
        whole, rest = divmod(width, self.pixels * self.phases)
        return whole * self.phases + min(rest, self.phases)

    def columns(self, number: int) -> range:
        """Columns of a bundle; the map may have fewer."""
        k, phase = divmod(number, self.phases)
        first = k * self.pixels * self.phases + phase
        return range(first, first + self.pixels * self.phases, self.phases)


@dataclass(frozen=True, slots=True, kw_only=True)
class InputStream:
    """What turns an input port's beats into vectors for its readers (ternc_input).

    Attributes:
        lanes: Elements of a vector; bits: of an element and of a code; offset: added to an element to make a code.
        chunks: Beats of a pixel; pixels: pixels of a beat. One of the two is 1.
        links: The line buffers that it fills, at least one.
    """

    bits: int
    offset: int
    lanes: int
    width: int
    height: int
    chunks: int
    links: tuple[ToBuffer, ...]
    pixels: int = 1

    @property
    def bundles(self) -> int:
        """Bundles of a row."""
        return self.width // self.pixels


@dataclass(frozen=True, slots=True, kw_only=True)
class BankedMemory:
    """Banks of pixels, read side by side (ternc_feature_memory).

    Attributes:
        cols: Codes of a vector that is written; lanes: codes of a word; bits: of a code.
        depth_words: Wide words of a bank.
        pixels: Vectors that are written at once, each into another bank.
    """

    cols: int
    lanes: int
    bits: int
    depth_words: int
    pixels: int = 1

    @property
    def piece(self) -> int:
        """Codes that are always written together."""
        return gcd(self.cols, self.lanes)

    @property
    def parts(self) -> int:
        """Words of a wide word."""
        return -(-self.cols // self.lanes)

    @property
    def pieces(self) -> int:
        """RAMs of a bank."""
        return self.parts * self.lanes // self.piece


@dataclass(frozen=True, slots=True, kw_only=True)
class LineBuffer:
    """An engine's circular buffer of one map that comes over a link (ternc_line_buffer).

    Attributes:
        tensor: The Network's tensor.
        rows, memory: How many rows, and what they lie in.
        element_bits: Of an element of the link.
        width, tiles: Of the map: pixels of a row, vectors of a pixel.
        bundles: How its pixels come.
        stride: Storage stride along x.
        pitch_words, plane_words: From a row, and from a chunk group, to the next.
    """

    tensor: str
    rows: Rows
    memory: BankedMemory
    element_bits: int
    width: int
    tiles: int
    stride: int
    pitch_words: int
    plane_words: int
    bundles: Bundles = Bundles()


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputBuffer:
    """One output stream's circular buffer (ternc_output, ternc_argmax).

    Attributes:
        bits: Signed width of an element; offset: added to a code to make a stream element.
        cols, element_bits: Of a link's vector: its elements, and the width of one.
        bundles: How its pixels come.
        argmax: The stream carries the index of each pixel's largest channel.
    """

    rows: Rows
    bits: int
    offset: int
    cols: int
    element_bits: int
    channels: int
    width: int
    height: int
    argmax: bool
    bundles: Bundles = Bundles()

    @property
    def tiles(self) -> int:
        """Vectors, and beats, of a pixel."""
        return -(-self.channels // self.cols)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreUnit:
    """The anomaly's accumulator (ternc_score).

    Attributes:
        cols, element_bits: Of a link's vector.
        frame_vectors, frame_steps: Vectors, and claimed steps of rows, of a frame.
        value_bits: Signed width of a difference; score_bits: holds the largest score of a frame.
        limit: Largest score that is normal.
        squares: Sum of squares, else of absolute values.
    """

    cols: int
    element_bits: int
    frame_vectors: int
    frame_steps: int
    value_bits: int
    score_bits: int
    limit: int
    squares: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Depths:
    """Words of an engine's program ROMs, and of a column's weights."""

    rows: int
    passes: int
    taps: int
    terms: int
    xmap: int
    weights: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Geometry:
    """Every number that one engine's modules are instantiated with (docs/hardware.md).

    Attributes:
        act_bits: Codes in the array.
        features: What its layers hand to each other; None where no layer reads another of the same engine.
        buffers: What comes from outside.
        links: Where its vectors go; bit n of the program's link fields is link n.
        shift: Common right shift of the multiply form.
        code_bits: Codes behind the requantiser; value_bits: signed, codes and raw values.
        tables: Number of code tables (0: none); a table has ``2**code_bits`` entries.
        params: Words of a column's requantiser ROM.
        threshold_params: Of these the first use thresholds: a column's threshold ROM of level l has
            ``threshold_params << l`` words, and what it gives for other parameters is not used.
        digits: True where some tap doubles the accumulator first.
        rd_bits, part_bits, wr_bits, piece_bits, x_bits, y_bits, tile_bits, step_bits, count_bits: Fields of the
            program words, at least 1 each.
    """

    shape: ArrayShape
    act_bits: int
    acc_bits: int
    features: BankedMemory | None
    buffers: tuple[LineBuffer, ...]
    links: tuple[Link, ...]
    value_bits: int
    mul_bits: int
    add_bits: int
    shift: int
    code_bits: int
    threshold_levels: int
    tables: int
    params: int
    threshold_params: int
    depths: Depths
    digits: bool
    rd_bits: int
    part_bits: int
    wr_bits: int
    piece_bits: int
    x_bits: int
    y_bits: int
    tile_bits: int
    step_bits: int
    count_bits: int
    dot_latency: int
    requant_latency: int
    flush_cycles: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Memory:
    """A ROM image: ``words[i]`` is a Python integer of ``width_bits`` bits.

    Attributes:
        name: Of its file in ``rtl/mem/``, behind the engine's ``e<number>_``.
    """

    name: str
    width_bits: int
    words: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerSchedule:
    """What one layer costs, for reports and for naming a mismatch.

    Attributes:
        name, kind: As in the Network.
        macs: Multiply-accumulates of the layer as the ONNX graph states it (zeros included), per frame.
        density: Share of non-zero weights, 0 to 1.
        digits: Non-zero ternary digits per weight; the density where all weights are ternary.
        taps: Weight words, executed once at each output position of their phase (one digit plane of one word each).
        cycles: Cycles from this layer's first tap to the next layer's first tap.
        utilisation: macs / (cycles * array macs).
        weight_bits: Bits of weight memory its tap words occupy.
        activation_bits: Width of the codes it reads.
        accumulator_bits: Signed width that holds every reachable accumulator value.
        requantiser: ``"multiply"``, ``"thresholds"`` or ``"raw"``.
    """

    name: str
    kind: str
    macs: int
    density: float
    digits: float
    taps: int
    cycles: int
    utilisation: float
    weight_bits: int
    activation_bits: int
    accumulator_bits: int
    requantiser: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Engine:
    """One array with its memories, sequencer program and requantisers, ready to be emitted.

    Attributes:
        layers: Names of the layers that it runs, in order.
        programs: The sequencer's and collector's ROMs (rows, passes, taps, terms, xmap) and, where there are any,
            ``tables``.
        places: The place ROM of each line buffer: word x is the bank and the word offset of pixel x in a row.
        weights, requant: Per column.
        thresholds: Per column, per level; empty where the engine has none.
    """

    geometry: Geometry
    layers: tuple[str, ...]
    programs: tuple[Memory, ...]
    places: tuple[Memory, ...]
    weights: tuple[Memory, ...]
    requant: tuple[Memory, ...]
    thresholds: tuple[tuple[Memory, ...], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryUse:
    """One kind of memory.

    Attributes:
        copies: Instances of this shape, each with contents of its own.
        block_rams: Of all copies together, an estimate; 0 where it is built from logic.
    """

    name: str
    depth_words: int
    width_bits: int
    copies: int
    block_rams: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources:
    """What the design takes, by a model and counts (docs/hardware.md, 'Costs').

    Attributes:
        memories: Every memory of the design.
        logic: In the device's own unit (ALM, LUT).
        registers: Flip-flops.
        block_rams: In the device's own block.
        dsps: Multiplier blocks.
    """

    logic: int
    registers: int
    block_rams: int
    dsps: int
    memories: tuple[MemoryUse, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """The vectors of finished values that an engine writes in one cycle: their place in the Network.

    Attributes:
        layer: Name of the Linear.
        first_channel, channels: A vector holds channels ``first_channel .. first_channel + channels - 1``.
        y: Row of the layer's target tensor; may be its height (a spare row that nobody reads).
        columns: Of the bundle's pixels that the map has, one for each vector.
    """

    layer: str
    first_channel: int
    channels: int
    y: int
    columns: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Array:
    """One engine as a schedule sees it.

    Attributes:
        shape: Of its systolic array.
        layers: What it runs, in order.
        buffers: Its line buffers: the Network's tensor, and the rows.
    """

    shape: ArrayShape
    layers: tuple[LayerSchedule, ...]
    buffers: tuple[tuple[str, Rows], ...]

    @property
    def busy_cycles(self) -> int:
        """Cycles of a frame in which it runs its layers; otherwise it waits for rows or for room."""
        return sum(layer.cycles for layer in self.layers)


@dataclass(frozen=True, slots=True, kw_only=True)
class Chip:
    """The device as the vendor's tools spell it; ``part`` is an order code that they accept."""

    vendor: str
    family: str
    part: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Outline:
    """A finished schedule, without programs and memory images: ports, arrays, exact timing, estimated resources.

    Attributes:
        name: Top module; a valid identifier.
        device: Name in the device table; chip: what the vendor's tools call it.
        arrays: The engines, in the order of their layers.
        inputs, outputs: Ports, in the order of the Network's inputs and of its leaving tensors.
        cycles_per_frame: Steady state, no stalls: cycles between the last output beats of two frames.
        latency_cycles: One frame alone: from the cycle in which its first input beat is accepted to the one
            in which its last output beat is accepted, both included.
    """

    name: str
    device: str
    chip: Chip
    clock_mhz: float
    arrays: tuple[Array, ...]
    inputs: tuple[StreamPort, ...]
    outputs: tuple[StreamPort, ...]
    cycles_per_frame: int
    latency_cycles: int
    macs_per_frame: int
    resources: Resources


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Design(Outline):
    """Engines chained by links, with everything that the hardware needs.

    Attributes:
        cell: Form of the arrays' cells, one of `CELLS`.
        engines: One for each of the arrays.
        streams: What stands behind each input port.
        buffers: What stands in front of each output port, in the order of the Network's outputs.
        score: The anomaly's accumulator, in front of the last output port, or None.
        reloadable: Its memories are written through a stream too, so that it becomes another network of its shape
            (docs/hardware.md, 'Reload'). They may have fewer words than the geometry's depths.
    """

    cell: str
    engines: tuple[Engine, ...]
    streams: tuple[InputStream, ...]
    buffers: tuple[OutputBuffer, ...]
    score: ScoreUnit | None
    reloadable: bool = False
