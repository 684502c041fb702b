"""Every value in the generated top module (module parameters: docs/hardware.md)."""

from __future__ import annotations

from dataclasses import dataclass

from ternc.emit.env import comment, packed_range
from ternc.numeric import address_bits, clog2, unsigned_bits
from ternc.schedule.design import Design, Engine, Geometry, InputBuffer, OutputBuffer, ScoreUnit, StreamPort
from ternc.schedule.instances import code_delay, extra_delay, info_log2, output_address_bits, start_delay
from ternc.version import __version__


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelView:
    """One threshold level of a column: its ROM, and the names of the wires it reads.

    Attributes:
        addr_bits: Of the level's address, of which the ROM needs the low ``rom_bits``: a parameter beyond the
            ROM's needs no threshold, whatever it reads.
    """

    index: int
    depth: int
    addr_bits: int
    rom_bits: int
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
class InputView:
    """One input stream with its memory.

    Attributes:
        port: Prefix of its signals.
        base_at, word_at: Lowest bit of its half's first word among all inputs', of its words among all sources'.
    """

    index: int
    port: str
    data_bits: int
    lanes: int
    bits: int
    offset: int
    width: int
    height: int
    chunks: int
    stride: int
    phase_words: int
    plane_words: int
    depth: int
    addr_bits: int
    word_bits: int
    base_at: int
    word_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputView:
    """One output memory with its stream.

    Attributes:
        port: Prefix of its signals.
        base_at: Lowest bit of its half's first word among all outputs'.
        send_bits: Of an element behind the memory; the port's, but for an argmax the key's.
    """

    index: int
    port: str
    data_bits: int
    channels: int
    pixels: int
    bits: int
    offset: int
    depth: int
    addr_bits: int
    base_at: int
    send_bits: int
    send_vector_bits: int
    argmax: bool
    index_bits: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreView:
    """The score with its stream; ``limit`` is a SystemVerilog literal."""

    port: str
    data_bits: int
    diff_bits: int
    squares: int
    score_bits: int
    elem_bits: int
    limit: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TopView:
    """The whole module.

    Attributes:
        notes: One line about each port; ports: the output streams' prefixes and widths.
        output_count: Of the output fields in the program, at least 1.
    """

    title: str
    version: str
    notes: tuple[str, ...]
    top: str
    inputs: tuple[InputView, ...]
    outputs: tuple[OutputView, ...]
    score: ScoreView | None
    ports: tuple[OutputView | ScoreView, ...]
    columns: tuple[ColumnView, ...]
    input_count: int
    output_count: int
    source_count: int
    rows: int
    cols: int
    lanes: int
    act_bits: int
    acc_bits: int
    drain_period: int
    digits: int
    slices: int
    slice_lanes: int
    slice_bits: int
    bank_bits: int
    feature_bits: int
    feature_depth: int
    feature_addr_bits: int
    feature_word_bits: int
    output_addr_bits: int
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
    term_depth: int
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
    tables: int
    table_bits: int
    threshold_levels: int
    threshold_param_bits: int
    threshold_bits: int
    code_delay: int
    aligned_bits: int
    weight_bits: int
    act_vector_bits: int
    sources_bits: int
    source_bits: int
    input_bases_bits: int
    output_bases_bits: int
    value_vector_bits: int
    send_count_bits: int


def top_view(design: Design, engine: Engine) -> TopView:
    """The view of a design with one engine."""
    g = engine.geometry
    depth = {memory.name: len(memory.words) for memory in engine.programs}
    param_bits, xmap_bits = address_bits(g.params), address_bits(depth["xmap"])
    slice_bits = address_bits(g.slices)
    weight_depth = len(engine.weights[0].words)
    vector = g.shape.rows * g.shape.lanes * g.act_bits
    output_addr_bits = output_address_bits(g)
    output_count = max(1, len(g.outputs))
    inputs = tuple(
        _input(n, port, buffer, g)
        for n, (port, buffer) in enumerate(zip(design.inputs, g.inputs, strict=True))
    )
    outputs = tuple(
        _output(n, port, buffer, g.shape.cols, output_addr_bits)
        for n, (port, buffer) in enumerate(zip(design.outputs, g.outputs, strict=False))
    )
    score = _score(design.outputs[-1], g.score) if g.score else None
    return TopView(
        title=comment(f"{design.name}: a ternary network on an array of {g.shape} (rows x cols x lanes)"),
        version=__version__,
        notes=tuple(comment(_note(port)) for port in (*design.inputs, *design.outputs)),
        top=design.name,
        inputs=inputs,
        outputs=outputs,
        score=score,
        ports=(*outputs, score) if score else outputs,
        columns=tuple(_column(c, g) for c in range(g.shape.cols)),
        input_count=len(inputs),
        output_count=output_count,
        source_count=len(inputs) + 1,
        rows=g.shape.rows,
        cols=g.shape.cols,
        lanes=g.shape.lanes,
        act_bits=g.act_bits,
        acc_bits=g.acc_bits,
        drain_period=g.drain_period,
        digits=int(g.digits),
        slices=g.slices,
        slice_lanes=g.slice_lanes,
        slice_bits=slice_bits,
        bank_bits=address_bits(g.shape.rows),
        feature_bits=g.feature_bits,
        feature_depth=g.feature_words,
        feature_addr_bits=address_bits(g.feature_words),
        feature_word_bits=g.slices * g.slice_lanes * g.feature_bits,
        output_addr_bits=output_addr_bits,
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
        term_depth=depth["terms"],
        params=g.params,
        flush_cycles=g.flush_cycles,
        info_bits=g.wr_bits + xmap_bits + slice_bits + 2 + g.shape.rows,
        info_log2=info_log2(g),
        start_delay=start_delay(g),
        mul_bits=g.mul_bits,
        add_bits=g.add_bits,
        shift=g.shift,
        code_bits=g.code_bits,
        value_bits=g.value_bits,
        requant_bits=g.add_bits + g.mul_bits + g.code_bits + 3,
        extra_delay=extra_delay(g),
        tables=g.tables,
        table_bits=address_bits(max(1, g.tables)),
        threshold_levels=g.threshold_levels,
        threshold_param_bits=address_bits(max(1, g.threshold_params)),
        threshold_bits=g.acc_bits + 1,
        code_delay=code_delay(g),
        aligned_bits=g.value_bits + 1,
        weight_bits=2 * g.shape.lanes,
        act_vector_bits=vector,
        sources_bits=(len(inputs) + 1) * vector,
        source_bits=address_bits(len(inputs) + 1),
        input_bases_bits=len(inputs) * g.rd_bits,
        output_bases_bits=output_count * output_addr_bits,
        value_vector_bits=g.shape.cols * g.value_bits,
        send_count_bits=clog2(g.shape.cols + 1),
    )


def _input(index: int, port: StreamPort, buffer: InputBuffer, g: Geometry) -> InputView:
    return InputView(
        index=index,
        port=port.name,
        data_bits=8 * port.data_bytes,
        lanes=buffer.lanes,
        bits=buffer.bits,
        offset=buffer.offset,
        width=buffer.width,
        height=buffer.height,
        chunks=buffer.chunks,
        stride=buffer.stride,
        phase_words=buffer.phase_words,
        plane_words=buffer.plane_words,
        depth=2 * buffer.half_words,
        addr_bits=address_bits(2 * buffer.half_words),
        word_bits=buffer.lanes * buffer.bits,
        base_at=index * g.rd_bits,
        word_at=(index + 1) * g.shape.rows * g.shape.lanes * g.act_bits,
    )


def _output(index: int, port: StreamPort, buffer: OutputBuffer, cols: int, addr_bits: int) -> OutputView:
    send_bits = buffer.bits if buffer.argmax else port.element_bits
    return OutputView(
        index=index,
        port=port.name,
        data_bits=8 * port.data_bytes,
        channels=buffer.channels,
        pixels=buffer.pixels,
        bits=buffer.bits,
        offset=buffer.offset,
        depth=2 * buffer.half_words,
        addr_bits=address_bits(2 * buffer.half_words),
        base_at=index * addr_bits,
        send_bits=send_bits,
        send_vector_bits=cols * send_bits,
        argmax=buffer.argmax,
        index_bits=unsigned_bits(buffer.channels - 1),
    )


def _score(port: StreamPort, unit: ScoreUnit) -> ScoreView:
    limit = max(-1, min(unit.limit, (1 << unit.score_bits) - 1))
    return ScoreView(
        port=port.name,
        data_bits=8 * port.data_bytes,
        diff_bits=unit.value_bits,
        squares=int(unit.squares),
        score_bits=unit.score_bits,
        elem_bits=port.element_bits,
        limit=f"{'-' if limit < 0 else ''}{unit.score_bits + 1}'sd{abs(limit)}",
    )


def _column(c: int, g: Geometry) -> ColumnView:
    levels, params = g.threshold_levels, address_bits(max(1, g.threshold_params))
    views = []
    for level in range(levels):
        before = f"_{c}_{level - 1}"
        views.append(
            LevelView(
                index=level,
                depth=g.threshold_params << level,
                addr_bits=params + level,
                rom_bits=address_bits(g.threshold_params << level),
                sum=f"level_sum{before}" if level else f"sum_{c}",
                param=f"level_param{before}" if level else f"sum_param_{c}{packed_range(params)}",
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
        f"{port.name} ({port.value}): {port.height} x {port.width} pixels in raster order, {port.channels} channels "
        f"each, {port.elements_per_beat} elements of {port.element_bits} bits ({sign}) a beat"
    )
