"""A Design: everything the hardware needs, no ONNX left. Emitters read it and decide nothing.

The memory images and their use are specified in docs/hardware.md and docs/program.md.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ArrayShape:
    """A systolic array: ``rows`` output pixels x ``cols`` output channels, ``lanes`` inputs summed per clock."""

    rows: int
    cols: int
    lanes: int

    @property
    def macs(self) -> int:
        """Ternary multiply-accumulates per clock cycle."""
        return self.rows * self.cols * self.lanes

    def __str__(self) -> str:
        return f"{self.rows}x{self.cols}x{self.lanes}"


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamPort:
    """An AXI4-Stream port: a frame is the map in raster order, channels last, TLAST on its last beat.

    A pixel takes ``ceil(channels / elements_per_beat)`` beats; element i of a beat is bits
    ``[i * element_bits +: element_bits]`` of TDATA, two's complement if ``signed``; what is left over is 0
    (ignored on an input).

    Attributes:
        name: Prefix of the port's signals: ``s_axis`` and ``m_axis`` where there is one of the kind, else
            ``s_axis_<value>`` and ``m_axis_<value>``; ``m_axis_anomaly`` for the anomaly's score and flag.
        value: The ONNX input, output or epilogue value that it carries; ``"anomaly"`` for the score.
        tensor: The Network's tensor.
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

    @property
    def beats_per_pixel(self) -> int:
        """Beats that carry one pixel."""
        return -(-self.channels // self.elements_per_beat)

    @property
    def beats_per_frame(self) -> int:
        """Beats that carry one frame."""
        return self.height * self.width * self.beats_per_pixel

    @property
    def data_bytes(self) -> int:
        """TDATA width in bytes."""
        return -(-self.elements_per_beat * self.element_bits // 8)


@dataclass(frozen=True, slots=True, kw_only=True)
class InputBuffer:
    """One input stream's double-buffered memory (ternc_input, ternc_feature_memory).

    Attributes:
        bits: Of a code; offset: added to a stream element to make a code; lanes: codes of a word.
        stride, phase_words, plane_words, chunks: Its layout (docs/program.md).
        half_words: Half of the double buffer.
    """

    bits: int
    offset: int
    lanes: int
    width: int
    height: int
    stride: int
    phase_words: int
    plane_words: int
    chunks: int
    half_words: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputBuffer:
    """One output stream's double-buffered memory (ternc_output, ternc_argmax).

    Attributes:
        bits: Signed width of an element; offset: added to a code to make a stream element.
        half_words: Half of the double buffer.
        argmax: The stream carries the index of each pixel's largest channel.
    """

    bits: int
    offset: int
    channels: int
    pixels: int
    half_words: int
    argmax: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreUnit:
    """The anomaly's accumulator (ternc_score).

    Attributes:
        value_bits: Signed width of a difference; score_bits: holds the largest score of a frame.
        limit: Largest score that is normal.
        squares: Sum of squares, else of absolute values.
    """

    value_bits: int
    score_bits: int
    limit: int
    squares: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Geometry:
    """Every number that one engine's modules are instantiated with (docs/hardware.md).

    Attributes:
        act_bits, feature_bits: Codes in the array, in the feature memory.
        slices, slice_lanes: How a tile's vector fills a feature word.
        feature_words: The whole feature memory.
        inputs, outputs, score: The engine's ends.
        shift: Common right shift of the multiply form.
        code_bits: Codes behind the requantiser; value_bits: signed, codes and raw values.
        tables: Number of code tables (0: none); a table has ``2**code_bits`` entries.
        params: Words of a column's requantiser ROM.
        threshold_params: Of these the first use thresholds: a column's threshold ROM of level l has
            ``threshold_params << l`` words, and what it gives for other parameters is not used.
        terms: Words of the term ROM.
        digits: True where some tap doubles the accumulator first.
        rd_bits, wr_bits, x_bits, y_bits, count_bits: Fields of the program words.
    """

    shape: ArrayShape
    act_bits: int
    acc_bits: int
    drain_period: int
    slices: int
    slice_lanes: int
    inputs: tuple[InputBuffer, ...]
    outputs: tuple[OutputBuffer, ...]
    score: ScoreUnit | None
    feature_bits: int
    feature_words: int
    value_bits: int
    mul_bits: int
    add_bits: int
    shift: int
    code_bits: int
    threshold_levels: int
    tables: int
    params: int
    threshold_params: int
    terms: int
    digits: bool
    rd_bits: int
    wr_bits: int
    x_bits: int
    y_bits: int
    count_bits: int
    dot_latency: int
    requant_latency: int
    flush_cycles: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Memory:
    """A ROM image: ``words[i]`` is a Python integer of ``width_bits`` bits.

    Attributes:
        name: File stem below ``rtl/mem/``.
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
    """One array with its memories, sequencer program and requantisers.

    Attributes:
        programs: The sequencer's ROMs (layers, passes, taps, terms, xmap) and, where there are any, ``tables``.
        weights, requant: Per column.
        thresholds: Per column, per level; empty where the engine has none.
    """

    geometry: Geometry
    layers: tuple[LayerSchedule, ...]
    programs: tuple[Memory, ...]
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
    """First estimates of what the design takes (source: docs/hardware.md, 'Costs').

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
    """One vector of finished values that an engine writes: its place in the Network.

    Attributes:
        layer: Name of the Linear.
        first_channel, channels: The vector holds channels ``first_channel .. first_channel + channels - 1``.
        y, x: Pixel of the layer's target tensor; y may be its height (a spare row that nobody reads).
    """

    layer: str
    first_channel: int
    channels: int
    y: int
    x: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Design:
    """Engines chained by streams (one in this version), their ports and exact timing.

    Attributes:
        name: Top module; a valid identifier.
        device: Name in the device table.
        inputs, outputs: Ports, in the order of the Network's inputs and of its leaving tensors.
        cycles_per_frame: Steady state, no stalls: cycles between the last output beats of two frames.
        latency_cycles: One frame alone: from the cycle in which its first input beat is accepted to the one
            in which its last output beat is accepted, both included.
    """

    name: str
    device: str
    clock_mhz: float
    engines: tuple[Engine, ...]
    inputs: tuple[StreamPort, ...]
    outputs: tuple[StreamPort, ...]
    cycles_per_frame: int
    latency_cycles: int
    macs_per_frame: int
    resources: Resources
