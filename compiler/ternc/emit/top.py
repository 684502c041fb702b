"""Every value in the generated top module (module parameters: docs/hardware.md)."""

from __future__ import annotations

from dataclasses import dataclass

from ternc.emit.env import comment
from ternc.emit.links import Bus, Buses, Keeper
from ternc.emit.roms import Roms, RomView
from ternc.numeric import clog2, unsigned_bits
from ternc.schedule.design import (
    Design,
    Engine,
    InputStream,
    OutputBuffer,
    ScoreUnit,
    StreamPort,
    ToBuffer,
    ToOutput,
    ToScore,
)
from ternc.schedule.loading import LIMIT, score_limit
from ternc.version import __version__


@dataclass(frozen=True, slots=True, kw_only=True)
class InputView:
    """One input stream.

    Attributes:
        port: Prefix of its signals; stream_bits: of its TDATA.
        elements: Of a beat.
    """

    bus: Bus
    port: str
    stream_bits: int
    elements: int
    bits: int
    offset: int
    bundles: int
    chunks: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineView:
    """One engine; ``buffers`` are the ends of the links that lead to its line buffers."""

    index: int
    module: str
    bus: Bus
    buffers: tuple[Keeper, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputView:
    """One output buffer with its stream.

    Attributes:
        port: Prefix of its signals; stream_bits: of its TDATA.
        pixels_at_once, phases: Of the link's bundles.
        send_bits: Of an element behind the buffer; the port's, but for an argmax the key's.
    """

    index: int
    keeper: Keeper
    port: str
    stream_bits: int
    cols: int
    channels: int
    width: int
    height: int
    pixels: int
    step_rows: int
    capacity: int
    frame_rows: int
    element_bits: int
    bits: int
    offset: int
    pixels_at_once: int
    phases: int
    send_bits: int
    send_vector_bits: int
    count_bits: int
    argmax: bool
    index_bits: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreView:
    """The score with its stream.

    Attributes:
        limit: A SystemVerilog expression; limit_rom: the memory with it, of a reloadable design.
    """

    keeper: Keeper
    port: str
    stream_bits: int
    cols: int
    element_bits: int
    diff_bits: int
    squares: int
    score_bits: int
    send_bits: int
    limit_bits: int
    limit: str
    limit_rom: RomView | None
    frame_vectors: int
    frame_steps: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TopView:
    """The whole module.

    Attributes:
        notes: One line about each port and each engine; ports: the output streams' prefixes and widths.
        reloadable: With a stream for images, and a load bus of ``load_bits``, ``load_width`` of which are data.
        reset: The wire that resets everything but the loader.
        structure: What an image must say about the hardware, as 32 hexadecimal digits.
    """

    title: str
    version: str
    notes: tuple[str, ...]
    top: str
    buses: tuple[Bus, ...]
    inputs: tuple[InputView, ...]
    engines: tuple[EngineView, ...]
    outputs: tuple[OutputView, ...]
    score: ScoreView | None
    ports: tuple[OutputView | ScoreView, ...]
    reloadable: bool
    reset: str
    load_width: int
    load_bits: int
    structure: str


def module_name(design: Design, number: int) -> str:
    """The module of an engine."""
    return f"{design.name}_engine{number}"


def top_view(design: Design, wires: Buses, roms: Roms, structure: int) -> TopView:
    """The view of a design; ``structure`` names its hardware."""
    outputs = tuple(
        _output(n, port, buffer, wires.keepers[ToOutput(output=n)])
        for n, (port, buffer) in enumerate(zip(design.outputs, design.buffers, strict=False))
    )
    score = (
        _score(design.outputs[-1], design.score, wires.keepers[ToScore()], roms)
        if design.score is not None
        else None
    )
    notes = [_port_note(port) for port in (*design.inputs, *design.outputs)]
    notes += [_engine_note(n, engine) for n, engine in enumerate(design.engines)]
    return TopView(
        title=comment(f"{design.name}: a ternary network"),
        version=__version__,
        notes=tuple(map(comment, notes)),
        top=design.name,
        buses=(*wires.inputs, *wires.engines),
        inputs=tuple(
            _input(port, stream, bus)
            for port, stream, bus in zip(design.inputs, design.streams, wires.inputs, strict=True)
        ),
        engines=tuple(_engine(design, n, wires) for n in range(len(design.engines))),
        outputs=outputs,
        score=score,
        ports=(*outputs, score) if score else outputs,
        reloadable=design.reloadable,
        reset="rst_n" if design.reloadable else "rst_ni",
        load_width=roms.load_width,
        load_bits=roms.load_bits,
        structure=f"{structure:032x}",
    )


def _input(port: StreamPort, stream: InputStream, bus: Bus) -> InputView:
    return InputView(
        bus=bus,
        port=port.name,
        stream_bits=8 * port.data_bytes,
        elements=stream.pixels * stream.lanes,
        bits=stream.bits,
        offset=stream.offset,
        bundles=stream.bundles,
        chunks=stream.chunks,
    )


def _engine(design: Design, number: int, wires: Buses) -> EngineView:
    count = len(design.engines[number].geometry.buffers)
    return EngineView(
        index=number,
        module=module_name(design, number),
        bus=wires.engines[number],
        buffers=tuple(wires.keepers[ToBuffer(engine=number, buffer=n)] for n in range(count)),
    )


def _output(index: int, port: StreamPort, buffer: OutputBuffer, keeper: Keeper) -> OutputView:
    send_bits = buffer.bits if buffer.argmax else port.element_bits
    return OutputView(
        index=index,
        keeper=keeper,
        port=port.name,
        stream_bits=8 * port.data_bytes,
        cols=buffer.cols,
        channels=buffer.channels,
        width=buffer.width,
        height=buffer.height,
        pixels=buffer.width * buffer.height,
        step_rows=buffer.rows.step,
        capacity=buffer.rows.capacity,
        frame_rows=buffer.rows.frame,
        element_bits=buffer.element_bits,
        bits=buffer.bits,
        offset=buffer.offset,
        pixels_at_once=buffer.bundles.pixels,
        phases=buffer.bundles.phases,
        send_bits=send_bits,
        send_vector_bits=buffer.cols * send_bits,
        count_bits=clog2(buffer.cols + 1),
        argmax=buffer.argmax,
        index_bits=unsigned_bits(buffer.channels - 1),
    )


def _score(port: StreamPort, unit: ScoreUnit, keeper: Keeper, roms: Roms) -> ScoreView:
    limit = score_limit(unit)
    return ScoreView(
        keeper=keeper,
        port=port.name,
        stream_bits=8 * port.data_bytes,
        cols=unit.cols,
        element_bits=unit.element_bits,
        diff_bits=unit.value_bits,
        squares=int(unit.squares),
        score_bits=unit.score_bits,
        send_bits=port.element_bits,
        limit_bits=unit.score_bits + 1,
        limit_rom=roms.views.get(LIMIT),
        limit="limit"
        if LIMIT in roms.views
        else f"{'-' if limit < 0 else ''}{unit.score_bits + 1}'sd{abs(limit)}",
        frame_vectors=unit.frame_vectors,
        frame_steps=unit.frame_steps,
    )


def _port_note(port: StreamPort) -> str:
    sign = "signed" if port.signed else "unsigned"
    several = f"{port.pixels_per_beat} pixels, " if port.pixels_per_beat > 1 else ""
    return (
        f"{port.name} ({port.value}): {port.height} x {port.width} pixels in raster order, {port.channels} channels "
        f"each, {several}{port.elements_per_beat} elements of {port.element_bits} bits ({sign}) a beat"
    )


def _engine_note(number: int, engine: Engine) -> str:
    layers = ", ".join(engine.layers)
    return f"engine {number}: an array of {engine.geometry.shape} (rows x cols x lanes) for {layers}"
