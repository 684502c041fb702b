"""The synthesisable part of a build: generated top, module library, memory images, file list."""

from __future__ import annotations

from dataclasses import dataclass

from ternc.emit.env import comment, render
from ternc.numeric import address_bits, clog2, unsigned_bits
from ternc.resources import folder
from ternc.schedule.design import Design, Engine, Geometry, Memory, StreamPort
from ternc.schedule.timing import REQUANT_LATENCY, THRESHOLD_LATENCY
from ternc.version import __version__

ISSUE_TO_COLUMN = 7
"""Cycles from a tap's issue to column 0 (ternc_sequencer)."""


def emit(design: Design) -> dict[str, bytes]:
    """Files of ``rtl/`` by path below it."""
    (engine,) = design.engines
    library = sorted(path for path in (folder("hw") / "rtl").glob("*.sv"))
    files = {path.name: path.read_bytes() for path in library}
    files[f"{design.name}.sv"] = render("rtl/top.sv.j2", top_view(design, engine))
    files["files.f"] = "".join(
        f"{name}\n" for name in [path.name for path in library] + [f"{design.name}.sv"]
    ).encode()
    images = [
        *engine.programs,
        *engine.weights,
        *engine.requant,
        *(m for column in engine.thresholds for m in column),
    ]
    for memory in images:
        files[f"mem/{memory.name}.hex"] = hex_image(memory)
    return files


def hex_image(memory: Memory) -> bytes:
    """The text that $readmemh reads: one word a line."""
    digits = -(-memory.width_bits // 4)
    return "".join(f"{word:0{digits}x}\n" for word in memory.words).encode()


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelView:
    """One threshold level of a column: its ROM, and the names of the wires it reads."""

    index: int
    depth: int
    addr_bits: int
    sum: str
    param: str
    code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnView:
    """One column.

    Attributes:
        align: Delay that lines its value up with the last column's.
        value_at: Lowest bit of its value in the aligned vector.
        code: The wire with the finished threshold code; last_level: index of the level that drives it.
    """

    index: int
    next: int
    align: int
    value_at: int
    last_level: int
    levels: tuple[LevelView, ...]
    code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TopView:
    """Every value in the generated top module (module parameters: docs/hardware.md)."""

    title: str
    version: str
    input_note: str
    output_note: str
    top: str
    s_bits: int
    m_bits: int
    rows: int
    cols: int
    lanes: int
    act_bits: int
    acc_bits: int
    drain_period: int
    slices: int
    slice_lanes: int
    slice_bits: int
    bank_bits: int
    input_lanes: int
    input_bits: int
    input_offset: int
    input_width: int
    input_height: int
    input_chunks: int
    input_stride: int
    input_phase_words: int
    input_plane_words: int
    input_half_words: int
    input_depth: int
    input_addr_bits: int
    input_word_bits: int
    feature_bits: int
    feature_depth: int
    feature_addr_bits: int
    rd_bits: int
    wr_bits: int
    x_bits: int
    y_bits: int
    count_bits: int
    param_bits: int
    weight_addr_bits: int
    weight_depth: int
    xmap_bits: int
    xmap_depth: int
    layer_depth: int
    pass_depth: int
    tap_depth: int
    params: int
    flush_cycles: int
    info_bits: int
    info_log2: int
    start_delay: int
    mul_bits: int
    add_bits: int
    shift: int
    code_bits: int
    value_bits: int
    requant_bits: int
    extra_delay: int
    threshold_levels: int
    code_delay: int
    out_bits: int
    output_half_words: int
    output_depth: int
    output_addr_bits: int
    output_offset: int
    channels: int
    pixels: int
    send_bits: int
    send_count_bits: int
    argmax: bool
    index_bits: int
    columns: tuple[ColumnView, ...]
    weight_bits: int
    act_vector_bits: int
    input_vector_bits: int
    feature_vector_bits: int
    feature_word_bits: int
    threshold_bits: int
    aligned_bits: int
    value_vector_bits: int
    output_word_bits: int
    send_vector_bits: int


def top_view(design: Design, engine: Engine) -> TopView:
    """The view of a design with one engine."""
    g = engine.geometry
    depth = {memory.name: len(memory.words) for memory in engine.programs}
    param_bits, xmap_bits = address_bits(g.params), address_bits(depth["xmap"])
    slice_bits = address_bits(g.slices)
    weight_depth = len(engine.weights[0].words)
    source, target = design.input_port, design.output_port
    start_delay = g.shape.cols - 1 + g.dot_latency + g.requant_latency
    extra = g.requant_latency - REQUANT_LATENCY
    vector = g.shape.rows * g.shape.lanes
    send_bits = g.out_bits if g.argmax else target.element_bits
    return TopView(
        title=comment(f"{design.name}: a ternary network on an array of {g.shape} (rows x cols x lanes)"),
        version=__version__,
        input_note=_note(source),
        output_note=_note(target),
        top=design.name,
        s_bits=8 * source.data_bytes,
        m_bits=8 * target.data_bytes,
        rows=g.shape.rows,
        cols=g.shape.cols,
        lanes=g.shape.lanes,
        act_bits=g.act_bits,
        acc_bits=g.acc_bits,
        drain_period=g.drain_period,
        slices=g.slices,
        slice_lanes=g.slice_lanes,
        slice_bits=slice_bits,
        bank_bits=address_bits(g.shape.rows),
        input_lanes=g.input_lanes,
        input_bits=g.input_bits,
        input_offset=g.input_offset,
        input_width=source.width,
        input_height=source.height,
        input_chunks=g.input_chunks,
        input_stride=g.input_stride,
        input_phase_words=g.input_phase_words,
        input_plane_words=g.input_plane_words,
        input_half_words=g.input_half_words,
        input_depth=2 * g.input_half_words,
        input_addr_bits=address_bits(2 * g.input_half_words),
        input_word_bits=g.input_lanes * g.input_bits,
        feature_bits=g.feature_bits,
        feature_depth=g.feature_words,
        feature_addr_bits=address_bits(g.feature_words),
        rd_bits=g.rd_bits,
        wr_bits=g.wr_bits,
        x_bits=g.x_bits,
        y_bits=g.y_bits,
        count_bits=g.count_bits,
        param_bits=param_bits,
        weight_addr_bits=address_bits(weight_depth),
        weight_depth=weight_depth,
        xmap_bits=xmap_bits,
        xmap_depth=depth["xmap"],
        layer_depth=depth["layers"],
        pass_depth=depth["passes"],
        tap_depth=depth["taps"],
        params=g.params,
        flush_cycles=g.flush_cycles,
        info_bits=g.wr_bits + xmap_bits + slice_bits + 2,
        info_log2=clog2((ISSUE_TO_COLUMN + start_delay) // (g.shape.rows * g.drain_period) + 3),
        start_delay=start_delay,
        mul_bits=g.mul_bits,
        add_bits=g.add_bits,
        shift=g.shift,
        code_bits=g.code_bits,
        value_bits=g.value_bits,
        requant_bits=g.add_bits + g.mul_bits + g.code_bits + 3,
        extra_delay=extra,
        threshold_levels=g.threshold_levels,
        code_delay=REQUANT_LATENCY - 1 + extra - THRESHOLD_LATENCY * g.threshold_levels,
        out_bits=g.out_bits,
        output_half_words=g.output_half_words,
        output_depth=2 * g.output_half_words,
        output_addr_bits=address_bits(2 * g.output_half_words),
        output_offset=g.output_offset,
        channels=g.output_channels,
        pixels=target.height * target.width,
        send_bits=send_bits,
        send_count_bits=clog2(g.shape.cols + 1),
        argmax=g.argmax,
        index_bits=unsigned_bits(g.output_channels - 1),
        columns=tuple(_column(c, g) for c in range(g.shape.cols)),
        weight_bits=2 * g.shape.lanes,
        act_vector_bits=vector * g.act_bits,
        input_vector_bits=vector * g.input_bits,
        feature_vector_bits=vector * g.feature_bits,
        feature_word_bits=g.slices * g.slice_lanes * g.feature_bits,
        threshold_bits=g.acc_bits + 1,
        aligned_bits=g.value_bits + 1,
        value_vector_bits=g.shape.cols * g.value_bits,
        output_word_bits=g.shape.cols * g.out_bits,
        send_vector_bits=g.shape.cols * send_bits,
    )


def _column(c: int, g: Geometry) -> ColumnView:
    levels, params = g.threshold_levels, address_bits(g.params)
    views = []
    for level in range(levels):
        before = f"_{c}_{level - 1}"
        views.append(
            LevelView(
                index=level,
                depth=g.params << level,
                addr_bits=params + level,
                sum=f"level_sum{before}" if level else f"sum_{c}",
                param=f"level_param{before}" if level else f"sum_param_{c}",
                code=f"level_code{before}" if level else f"{levels}'d0",
            )
        )
    code = f"level_code_{c}_{levels - 1}"
    return ColumnView(
        index=c,
        next=c + 1,
        align=g.shape.cols - 1 - c,
        value_at=c * g.value_bits,
        last_level=levels - 1,
        levels=tuple(views),
        code=code if g.code_bits == levels else f"{g.code_bits}'({code})",
    )


def _note(port: StreamPort) -> str:
    sign = "signed" if port.signed else "unsigned"
    return (
        f"{port.height} x {port.width} pixels in raster order, {port.channels} channels each, "
        f"{port.elements_per_beat} elements of {port.element_bits} bits ({sign}) a beat"
    )
